"""What the journal does not know the end of is settled by reading; nothing is written."""

from collections.abc import Sequence
from typing import Any

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
from fw_mcp.store.history import Entry
from fw_mcp.store.journal import Change, Record
from fw_mcp.writes.add import baseline
from fw_mcp.writes.job import Ends, Items
from fw_mcp.writes.outcomes import Outcome
from fw_mcp.writes.reconcile import ends_of, reconcile, settled_items
from tests.library.jobs import to_add
from tests.recorder import Sent
from tests.studio import Studio
from tests.truth import holdings, unsold

pytestmark = pytest.mark.anyio

CHANGE = Change("c1", "a tool", "stdio:tests", "{}", "digest")
KEY = "11111111-2222-4333-8444-555555555555"


async def cut_off(
    studio: Studio,
    kind: str,
    intent: Sequence[Record],
    former: Sequence[Record] = (),
    change: Change = CHANGE,
) -> Entry:
    """An entry whose outcome was never recorded."""
    entry_id = await studio.journal.begin(change, kind, intent, former)
    return await entry_of(studio, entry_id)


async def entry_of(studio: Studio, entry_id: int) -> Entry:
    """The entry as it stands."""
    entry = await studio.changes.history.entry(entry_id)
    assert entry is not None
    return entry


async def settled(studio: Studio, entry: Entry) -> Ends:
    """What came of the entry: read without writing, and recorded as it is given."""
    sent = len(studio.wire.writes)
    ended = await reconcile(studio.account, studio.changes.history, entry)
    assert len(studio.wire.writes) == sent
    recorded = ends_of(await entry_of(studio, entry.entry_id))
    assert {item: (end.guid, end.outcome, end.detail) for item, end in recorded.items()} == {
        item: (end.guid, end.outcome, end.detail) for item, end in ended.items()
    }
    return ended


def told(ended: Ends) -> list[tuple[Outcome, str]]:
    """How each item ended and why, in order."""
    return [(ended[item].outcome, ended[item].detail) for item in sorted(ended)]


def former_of(images: Sequence[ImageDetails]) -> list[Record]:
    """The records of before, as an entry keeps them."""
    return [image.model_dump(mode="json", exclude_none=True) for image in images]


LATER = "Settled later, by reading the service."


async def updating(studio: Studio, images: Sequence[ImageDetails]) -> Entry:
    """New titles that were about to be sent."""
    intent = [
        {"item": item, "guid": one.guid, "title": "New", "description": one.description or ""}
        for item, one in enumerate(images)
    ]
    return await cut_off(studio, "update_images", intent, former_of(images))


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
    entry = await updating(studio, images)
    await retitle(studio, done, "New")
    await retitle(studio, other, "Somebody else's")
    await delete(studio, gone)
    ended = await settled(studio, entry)
    assert told(ended) == [
        (Outcome.UPDATED, LATER),
        (Outcome.FAILED, "It still has the text from before: it was not updated."),
        (
            Outcome.FAILED,
            "It has other text now: ours was not stored, or somebody changed it since.",
        ),
        (Outcome.NOT_FOUND, "The image went away meanwhile."),
    ]
    assert ended[0].before == done
    assert ended[1].after == kept
    assert await studio.journal.unsettled() == []


async def deleting(studio: Studio, images: Sequence[ImageDetails]) -> Entry:
    """Images that were about to be deleted."""
    intent = [
        {"item": item, "guid": one.guid, "library": "inventory"} for item, one in enumerate(images)
    ]
    return await cut_off(studio, "delete_images", intent, former_of(images))


async def test_each_image_of_a_deletion_is_told_as_it_stands(studio: Studio) -> None:
    """Gone, or still there."""
    gone, stays = images = await unsold(studio, 2)
    entry = await deleting(studio, images)
    await delete(studio, gone)
    ended = await settled(studio, entry)
    assert told(ended) == [
        (Outcome.DELETED, LATER),
        (Outcome.FAILED, "FinerWorks still lists it: it was not deleted."),
    ]
    assert (ended[0].before, ended[1].after) == (gone, stays)


async def selecting(studio: Studio, guids: Sequence[str]) -> Entry:
    """A selection that was about to be stored."""
    intent = [{"item": 0, "guid": KEY, "guids": list(guids)}]
    former = [{"guid": KEY, "guids": []}]
    return await cut_off(studio, "update_file_selection", intent, former)


@pytest.mark.parametrize(
    ("stored", "outcome", "detail"),
    [
        ((1, 0), Outcome.UPDATED, LATER),
        ((), Outcome.FAILED, "The selection holds other images."),
        ((0,), Outcome.FAILED, "The selection holds other images."),
        ((0, 1, 2), Outcome.FAILED, "The selection holds other images."),
    ],
)
async def test_a_selection_is_told_as_it_stands(
    studio: Studio, stored: Sequence[int], outcome: Outcome, detail: str
) -> None:
    """With what it holds, in whatever order."""
    guids = [image.guid for image in await unsold(studio, 3)]
    entry = await selecting(studio, guids[:2])
    held = [guids[number] for number in stored]
    if held:
        await studio.api.update_file_selection(UpdateFileSelectionRequest(guids=held, guid=KEY))
    ended = await settled(studio, entry)
    assert told(ended) == [(outcome, detail)]
    assert ended[0].stored == tuple(held)


async def adding(studio: Studio, images: Items[ImageToAdd], *, kept_baseline: bool = True) -> Entry:
    """Images that were about to be registered."""
    before = await baseline(studio.account, "inventory", studio.clock())
    intent = [
        {"item": item, **image.model_dump(mode="json"), "library": "inventory"}
        for item, image in images.items()
    ]
    former: list[Any] = [before.record()] if kept_baseline else []
    return await cut_off(studio, "add_images", intent, former)


async def register(studio: Studio, images: Sequence[ImageToAdd]) -> list[str]:
    """Register images, not through this server."""
    request = AddImagesRequest(images=images, library=studio.api.library("inventory"))
    return [image.guid for image in (await studio.api.add_images(request)).images]


NOT_ADDED = "FinerWorks does not list it: it was not added, or is gone since."


@pytest.mark.parametrize("kept_baseline", [True, False])
@pytest.mark.parametrize("stored", [(), (0, 1, 2), (1,)])
async def test_each_image_of_an_add_is_told_as_it_is_listed(
    studio: Studio, stored: Sequence[int], kept_baseline: bool
) -> None:
    """What appeared is adopted; an entry of the first version kept nothing to compare with."""
    images = to_add(3)
    entry = await adding(studio, images, kept_baseline=kept_baseline)
    guids = await register(studio, [images[item] for item in stored]) if stored else []
    ended = await settled(studio, entry)
    assert told(ended) == [
        (Outcome.ADOPTED, LATER) if item in stored else (Outcome.FAILED, NOT_ADDED)
        for item in images
    ]
    assert [ended[item].guid for item in stored] == guids


async def test_an_image_that_is_not_listed_is_waited_for(studio: Studio) -> None:
    """Seven and a half seconds in growing waits: the service may list it late."""
    images = to_add(2)
    entry = await adding(studio, images)
    began, looks = studio.clock(), 0

    async def register_late(sent: Sent) -> None:
        nonlocal looks
        looks += sent.endpoint == "list_images"
        if looks == 5:
            looks += 1
            await register(studio, [images[1]])

    studio.wire.on_the_way = register_late
    ended = await settled(studio, entry)
    assert told(ended) == [(Outcome.FAILED, NOT_ADDED), (Outcome.ADOPTED, LATER)]
    assert studio.clock() - began == 7.5


@pytest.mark.parametrize(("later_s", "waited_s", "looks"), [(119, 7.5, 5), (120, 0, 1)])
async def test_what_was_sent_long_ago_is_looked_for_once(
    studio: Studio, later_s: float, waited_s: float, looks: int
) -> None:
    """After two minutes it has shown, if it ever does."""
    entry = await adding(studio, to_add(1))
    studio.clock.forward(later_s)
    studio.wire.sent.clear()
    began = studio.clock()
    assert told(await settled(studio, entry)) == [(Outcome.FAILED, NOT_ADDED)]
    assert (studio.clock() - began, len(studio.wire.sent)) == (waited_s, looks)


async def test_an_image_whose_guid_was_answered_is_on_its_way(studio: Studio) -> None:
    """The service took it: that it is not listed does not say that it was not added."""
    entry = await adding(studio, to_add(1))
    guid = "3f2b8c1e-0d4a-4e5f-8a6b-7c9d0e1f2a3b"
    unlisted = {"item": 0, "guid": guid, "outcome": "unknown", "detail": "Not listed."}
    await studio.journal.finish(entry.entry_id, [unlisted])
    ended = await settled(studio, await entry_of(studio, entry.entry_id))
    on_its_way = (
        "FinerWorks gave it this guid and does not list it yet; search_images shows it later."
    )
    assert told(ended) == [(Outcome.UNKNOWN, on_its_way)]
    assert ended[0].guid == guid
    assert [one.entry_id for one in await studio.journal.unsettled()] == [entry.entry_id]


async def test_what_was_there_before_is_not_adopted(studio: Studio) -> None:
    """The same file of last week is another image."""
    images = to_add(1)
    await register(studio, [images[0]])
    entry = await adding(studio, images)
    assert told(await settled(studio, entry)) == [(Outcome.FAILED, NOT_ADDED)]


async def test_what_another_entry_accounts_for_is_not_adopted(studio: Studio) -> None:
    """Another call registered it meanwhile."""
    images = to_add(1)
    entry = await adding(studio, images)
    (guid,) = await register(studio, [images[0]])
    created = {"item": 0, "guid": guid, "outcome": "created", "detail": ""}
    other = Change("c2", "add_images", "stdio:tests", "{}", "digest")
    entry_id = await studio.journal.begin(other, "add_images", entry.intent, entry.former)
    await studio.journal.finish(entry_id, [created])
    assert told(await settled(studio, entry)) == [(Outcome.FAILED, NOT_ADDED)]


async def test_only_what_is_unknown_is_read(studio: Studio) -> None:
    """What was read back once stays as it was told."""
    first, second = images = await unsold(studio, 2)
    entry = await deleting(studio, images)
    await delete(studio, first)
    outcome: list[Record] = [
        {"item": 0, "guid": first.guid, "outcome": "unknown", "detail": "The answer was lost."},
        {"item": 1, "guid": second.guid, "outcome": "failed", "detail": "Refused."},
    ]
    await studio.journal.finish(entry.entry_id, outcome)
    ended = await settled(studio, await entry_of(studio, entry.entry_id))
    assert told(ended) == [(Outcome.DELETED, LATER), (Outcome.FAILED, "Refused.")]
    (asked,) = studio.wire.to("list_images")
    assert asked["guid_filter"] == [first.guid]


async def test_an_entry_that_is_settled_is_not_read_again(studio: Studio) -> None:
    """Nothing is sent at all."""
    entry = await deleting(studio, await unsold(studio, 2))
    first = await settled(studio, entry)
    studio.wire.sent.clear()
    again = await settled(studio, await entry_of(studio, entry.entry_id))
    assert told(again) == told(first)
    assert studio.wire.sent == []


@pytest.mark.parametrize("kind", ["add_images", "update_images", "delete_images", "selection"])
async def test_an_entry_that_cannot_be_read_stays_as_it_is(studio: Studio, kind: str) -> None:
    """What is not known is not guessed."""
    images = await unsold(studio, 2)
    entry = {
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
        await reconcile(studio.account, studio.changes.history, entry)
    assert await studio.journal.unsettled() == open_before


async def test_of_a_change_only_what_is_done_counts_as_settled(studio: Studio) -> None:
    """What failed may be done by a further run; each item counts as its last run ended it."""
    gone, stays = images = await unsold(studio, 2)
    before = await holdings(studio)
    first = await deleting(studio, images)
    await delete(studio, gone)
    entries = await studio.changes.history.entries("c1")
    done = await settled_items(studio.account, studio.changes.history, entries, studio.clock())
    assert {item: end.outcome for item, end in done.items()} == {0: Outcome.DELETED}
    assert await studio.journal.unsettled() == []
    assert first.unsettled
    assert set(before) - set(await holdings(studio)) == {gone.guid}
    assert stays.guid in before
