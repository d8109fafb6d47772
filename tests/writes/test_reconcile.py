"""What the journal does not know the end of is settled by reading; nothing is written."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

import httpx
import pytest

from fw_mcp.api.models import (
    AddImagesRequest,
    DeleteImagesRequest,
    ImageDetails,
    ImageToAdd,
    ImageToUpdate,
    UpdateFileSelectionRequest,
    UpdateImagesRequest,
)
from fw_mcp.errors import ApiError
from fw_mcp.store.journal import Change, End, Intent, Record
from fw_mcp.store.locks import Fence
from fw_mcp.writes.add_matching import baseline
from fw_mcp.writes.outcomes import Ends, Items, Outcome, ends_of
from tests.support.recorder import Sent
from tests.support.studio import Studio
from tests.support.truth import holdings, unsold
from tests.writes.runs import to_add

pytestmark = pytest.mark.anyio

OVER_S = 86
"""Seconds after which nothing that was about to be sent may still be carried out."""
KEY = "11111111-2222-4333-8444-555555555555"


async def cut_off(
    studio: Studio, kind: str, intents: Mapping[int, Intent], kept: Record | None = None
) -> Change:
    """A change whose items never got an outcome on record; `kept` is its baseline."""
    baseline = None if kept is None else json.dumps(kept)
    change = Change(f"of {kind}", "a tool", "stdio:tests", "{}", "digest", baseline=baseline)
    await studio.journal.begin(change, kind, intents, Fence())
    studio.clock.forward(OVER_S)
    recorded = await studio.writes.history.change(change.change_id)
    assert recorded is not None
    return recorded


async def settled(studio: Studio, change: Change) -> Ends:
    """What came of the change: read without writing, and recorded as it is given."""
    sent = len(studio.wire.writes)
    ended = await studio.writes.reconciler.ends(change)
    assert len(studio.wire.writes) == sent
    assert ends_of(await studio.writes.history.items(change.change_id)) == ended
    return ended


def told(ended: Ends) -> list[tuple[Outcome, str]]:
    """How each item ended and why, in order."""
    return [(ended[item].outcome, ended[item].detail) for item in sorted(ended)]


def former_of(image: ImageDetails) -> Record:
    """The record of before, as the journal keeps it."""
    return image.model_dump(mode="json", exclude_none=True)


LATER = "Resolved later by reading FinerWorks."


async def updating(studio: Studio, images: Sequence[ImageDetails]) -> Change:
    """New titles that were about to be sent."""
    intents = {
        item: Intent(
            one.guid,
            {"guid": one.guid, "title": "New", "description": one.description or ""},
            former_of(one),
        )
        for item, one in enumerate(images)
    }
    return await cut_off(studio, "update_images", intents)


async def retitle(studio: Studio, image: ImageDetails, title: str) -> None:
    """A new title, not of this server."""
    text = ImageToUpdate(guid=image.guid, title=title, description=image.description or "")
    await studio.api.update_images(UpdateImagesRequest(images=(text,)))


async def delete(studio: Studio, image: ImageDetails) -> None:
    """A deletion, not of this server."""
    library = studio.api.library("inventory")
    await studio.api.delete_images(DeleteImagesRequest(guids=(image.guid,), library=library))


async def test_each_image_of_an_update_is_told_as_it_stands(studio: Studio) -> None:
    """Done, not done, overtaken, gone: each by itself."""
    done, kept, other, gone = images = await unsold(studio, 4)
    change = await updating(studio, images)
    await retitle(studio, done, "New")
    await retitle(studio, other, "Someone else's")
    await delete(studio, gone)
    ended = await settled(studio, change)
    assert told(ended) == [
        (Outcome.UPDATED, LATER),
        (Outcome.FAILED, "It still has the text from before: it was not updated."),
        (
            Outcome.FAILED,
            "Its text differs: ours was not stored, or someone has changed it since.",
        ),
        (Outcome.NOT_FOUND, "The image was removed in the meantime."),
    ]
    assert ended[0].before == done
    assert ended[1].after == kept
    assert await studio.journal.unsettled() == []


async def deleting(studio: Studio, images: Sequence[ImageDetails]) -> Change:
    """Images that were about to be deleted."""
    intents = {
        item: Intent(one.guid, {"guid": one.guid, "library": "inventory"}, former_of(one))
        for item, one in enumerate(images)
    }
    return await cut_off(studio, "delete_images", intents)


async def test_each_image_of_a_deletion_is_told_as_it_stands(studio: Studio) -> None:
    """Gone, or still there."""
    gone, stays = images = await unsold(studio, 2)
    change = await deleting(studio, images)
    await delete(studio, gone)
    ended = await settled(studio, change)
    assert told(ended) == [
        (Outcome.DELETED, LATER),
        (Outcome.FAILED, "FinerWorks still lists it: it was not deleted."),
    ]
    assert (ended[0].before, ended[1].after) == (gone, stays)


async def selecting(studio: Studio, guids: Sequence[str]) -> Change:
    """A selection that was about to be stored."""
    sent = {"guid": KEY, "guids": list(guids), "missing": []}
    return await cut_off(studio, "update_file_selection", {0: Intent(KEY, sent, {"guids": []})})


@pytest.mark.parametrize(
    ("stored", "outcome", "detail"),
    [
        ((1, 0), Outcome.CREATED, LATER),
        ((), Outcome.FAILED, "The selection holds different images."),
        ((0,), Outcome.FAILED, "The selection holds different images."),
        ((0, 1, 2), Outcome.FAILED, "The selection holds different images."),
    ],
)
async def test_a_selection_is_told_as_it_stands(
    studio: Studio, stored: Sequence[int], outcome: Outcome, detail: str
) -> None:
    """With what it holds, in whatever order."""
    guids = [image.guid for image in await unsold(studio, 3)]
    change = await selecting(studio, guids[:2])
    held = [guids[number] for number in stored]
    if held:
        await studio.api.update_file_selection(UpdateFileSelectionRequest(guids=held, guid=KEY))
    ended = await settled(studio, change)
    assert told(ended) == [(outcome, detail)]
    assert ended[0].stored == tuple(held)


def intents_of(images: Items[ImageToAdd]) -> dict[int, Intent]:
    """What is about to be sent for images of the inventory."""
    return {
        item: Intent(None, {**image.model_dump(mode="json"), "library": "inventory"})
        for item, image in images.items()
    }


async def adding(
    studio: Studio, images: Items[ImageToAdd], *, kept_baseline: bool = True
) -> Change:
    """Images that were about to be registered."""
    before = await baseline(studio.account, "inventory", studio.clock())
    kept = before.record() if kept_baseline else None
    return await cut_off(studio, "add_images", intents_of(images), kept)


async def register(studio: Studio, images: Sequence[ImageToAdd]) -> list[str]:
    """Register images, not through this server."""
    request = AddImagesRequest(images=images, library=studio.api.library("inventory"))
    return [image.guid for image in (await studio.api.add_images(request)).images]


NOT_ADDED = "FinerWorks does not list it: it was not added, or has been removed since."


@pytest.mark.parametrize("kept_baseline", [True, False])
@pytest.mark.parametrize("stored", [(), (0, 1, 2), (1,)])
async def test_each_image_of_an_add_is_told_as_it_is_listed(
    studio: Studio, stored: Sequence[int], kept_baseline: bool
) -> None:
    """What appeared is adopted; a change of the first version kept nothing to compare with."""
    images = to_add(3)
    change = await adding(studio, images, kept_baseline=kept_baseline)
    guids = await register(studio, [images[item] for item in stored]) if stored else []
    ended = await settled(studio, change)
    assert told(ended) == [
        (Outcome.ADOPTED, LATER) if item in stored else (Outcome.FAILED, NOT_ADDED)
        for item in images
    ]
    assert [ended[item].guid for item in stored] == guids


async def test_an_image_that_is_not_listed_is_waited_for(studio: Studio) -> None:
    """Seven and a half seconds in growing waits: the service may list it late."""
    images = to_add(2)
    change = await adding(studio, images)
    began, looks = studio.clock(), 0

    async def register_late(sent: Sent) -> None:
        nonlocal looks
        looks += sent.endpoint == "list_images"
        if looks == 5:
            looks += 1
            await register(studio, [images[1]])

    studio.wire.on_the_way = register_late
    ended = await settled(studio, change)
    assert told(ended) == [(Outcome.FAILED, NOT_ADDED), (Outcome.ADOPTED, LATER)]
    assert studio.clock() - began == 7.5


@pytest.mark.parametrize(("later_s", "waited_s", "looks"), [(33, 7.5, 5), (34, 0, 1)])
async def test_what_was_sent_long_ago_is_looked_for_once(
    studio: Studio, later_s: float, waited_s: float, looks: int
) -> None:
    """After two minutes it has shown, if it ever does."""
    change = await adding(studio, to_add(1))
    studio.clock.forward(later_s)
    studio.wire.sent.clear()
    began = studio.clock()
    assert told(await settled(studio, change)) == [(Outcome.FAILED, NOT_ADDED)]
    assert (studio.clock() - began, len(studio.wire.sent)) == (waited_s, looks)


async def test_an_image_whose_guid_was_answered_is_on_its_way(studio: Studio) -> None:
    """The service took it: that it is not listed does not say that it was not added."""
    change = await adding(studio, to_add(1))
    guid = "3f2b8c1e-0d4a-4e5f-8a6b-7c9d0e1f2a3b"
    await studio.journal.finish(change.change_id, {0: End(guid, "unknown", "Not listed.")})
    ended = await settled(studio, change)
    on_its_way = (
        "FinerWorks gave it this guid and does not list it yet; search_images shows it later."
    )
    assert told(ended) == [(Outcome.UNKNOWN, on_its_way)]
    assert ended[0].guid == guid
    assert [one.change_id for one in await studio.journal.unsettled()] == [change.change_id]


async def test_what_was_there_before_is_not_adopted(studio: Studio) -> None:
    """The same file of last week is another image."""
    images = to_add(1)
    await register(studio, [images[0]])
    change = await adding(studio, images)
    assert told(await settled(studio, change)) == [(Outcome.FAILED, NOT_ADDED)]


async def test_what_another_change_accounts_for_is_not_adopted(studio: Studio) -> None:
    """Another call registered it meanwhile."""
    images = to_add(1)
    change = await adding(studio, images)
    (guid,) = await register(studio, [images[0]])
    other = replace(change, change_id="another")
    await studio.journal.begin(other, "add_images", intents_of(images), Fence())
    await studio.journal.finish(other.change_id, {0: End(guid, "created")})
    assert told(await settled(studio, change)) == [(Outcome.FAILED, NOT_ADDED)]


async def test_what_another_item_of_the_change_is_is_not_adopted(studio: Studio) -> None:
    """The same file asked for twice is two images, of which one was registered."""
    images = dict.fromkeys(range(2), to_add(1)[0])
    change = await adding(studio, images)
    (guid,) = await register(studio, [images[0]])
    await studio.journal.finish(change.change_id, {0: End(guid, "created")})
    assert told(await settled(studio, change)) == [
        (Outcome.CREATED, ""),
        (Outcome.FAILED, NOT_ADDED),
    ]


async def test_only_what_is_unknown_is_read(studio: Studio) -> None:
    """What was read back once stays as it was told."""
    first, second = images = await unsold(studio, 2)
    change = await deleting(studio, images)
    await delete(studio, first)
    known = {
        0: End(first.guid, "unknown", "The answer was lost."),
        1: End(second.guid, "failed", "Refused."),
    }
    await studio.journal.finish(change.change_id, known)
    ended = await settled(studio, change)
    assert told(ended) == [(Outcome.DELETED, LATER), (Outcome.FAILED, "Refused.")]
    (asked,) = studio.wire.to("list_images")
    assert asked["guid_filter"] == [first.guid]


async def test_a_change_that_is_settled_is_not_read_again(studio: Studio) -> None:
    """Nothing is sent at all."""
    change = await deleting(studio, await unsold(studio, 2))
    first = await settled(studio, change)
    studio.wire.sent.clear()
    assert await settled(studio, change) == first
    assert studio.wire.sent == []


@pytest.mark.parametrize("kind", ["add_images", "update_images", "delete_images", "selection"])
async def test_a_change_that_cannot_be_read_stays_as_it_is(studio: Studio, kind: str) -> None:
    """What is not known is not guessed."""
    images = await unsold(studio, 2)
    change = {
        "add_images": await adding(studio, to_add(2)),
        "update_images": await updating(studio, images),
        "delete_images": await deleting(studio, images),
        "selection": await selecting(studio, [images[0].guid]),
    }[kind]
    open_before = await studio.journal.unsettled()

    async def refuse(_: Sent) -> httpx.Response:
        return httpx.Response(400, json={"Message": "No."})

    studio.wire.on_the_way = refuse
    with pytest.raises(ApiError):
        await studio.writes.reconciler.ends(change)
    assert await studio.journal.unsettled() == open_before


async def test_of_a_change_only_what_is_done_counts_as_settled(studio: Studio) -> None:
    """What failed may be done by a further run; each item counts as its last run ended it."""
    gone, stays = images = await unsold(studio, 2)
    before = await holdings(studio)
    change = await deleting(studio, images)
    open_before = await studio.writes.history.items(change.change_id)
    await delete(studio, gone)
    done = await studio.writes.reconciler.settled(change, studio.clock())
    assert {item: end.outcome for item, end in done.items()} == {0: Outcome.DELETED}
    assert await studio.journal.unsettled() == []
    assert [one.unsettled for one in open_before] == [True, True]
    assert set(before) - set(await holdings(studio)) == {gone.guid}
    assert stays.guid in before
