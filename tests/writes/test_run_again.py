"""The same call again: given its ends from the journal, or gone on with."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from fw_mcp.api.models import AddImagesRequest, ImageDetails
from fw_mcp.guard.guard import Limits
from fw_mcp.images.account import Pace
from fw_mcp.sandbox.faults.plan import Fault, FaultKind
from fw_mcp.sandbox.seed import INVENTORY_PER_SERIES
from fw_mcp.writes.addition import addition
from fw_mcp.writes.delete import deletion, deletion_again
from fw_mcp.writes.operation import MADE_BEFORE, REPLAYED, Done, Operation, Written
from fw_mcp.writes.outcomes import CHANGED, NO_LONGER, Ended, Outcome
from fw_mcp.writes.run import RESUMED, Writes
from fw_mcp.writes.update import NewText, update, update_again
from tests.support.recorder import Sent
from tests.support.studio import Studio, make_studio
from tests.support.truth import holdings, sold, unsold
from tests.writes.calls import (
    CALLER,
    Made,
    Person,
    a_deletion,
    a_selection,
    an_addition,
    an_update,
    meant,
    ran,
    retitle,
)
from tests.writes.runs import ended_as, items, to_add

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("made", [a_deletion, an_update, an_addition, a_selection])
async def test_the_same_call_is_given_the_same_ends_from_the_journal(
    tmp_path: Path, made: Made
) -> None:
    """Also by another process: each end in full, those included that nothing was sent for."""
    store = tmp_path / "store.sqlite3"
    studio = make_studio(store=store)
    other = make_studio(store=store, app=studio.app)
    operation, twin = await made(studio), await made(other)
    done = await ran(studio, operation)
    person = Person()
    # An add looks whether its images are still listed.
    words = MADE_BEFORE if operation.resumes else REPLAYED
    assert await ran(other, twin, person) == replace(done, replayed=words)
    assert (other.wire.writes, person.asked) == ([], [])


async def test_an_add_goes_on_with_what_is_missing(studio: Studio) -> None:
    """Under the same change: what was registered stays as it is on record."""
    operation = await an_addition(studio)
    studio.faults.add(Fault(FaultKind.REJECTED, endpoint="add_images", after=1))
    first = await ran(studio, operation)
    assert ended_as(first.ends) == [Outcome.CREATED] * 5 + [Outcome.FAILED]
    again = await ran(studio, operation)
    sixth = again.ends[5]
    assert again == Done({**first.ends, 5: sixth}, True, first.change_id, RESUMED)
    assert sixth.outcome is Outcome.CREATED
    assert [len(body["images"]) for body in studio.wire.to("add_images")] == [5, 1, 1]
    assert [(one.guid, one.outcome) for one in await items(studio)] == [
        (again.ends[item].guid, "created") for item in range(6)
    ]


async def test_what_is_listed_too_often_is_told_so_again(studio: Studio) -> None:
    """All images are registered, and the call is not complete, however often it is made."""
    lost: list[AddImagesRequest] = []

    async def store_twice(sent: Sent) -> None:
        if sent.endpoint == "add_images":
            lost.append(AddImagesRequest.model_validate(sent.body))
            await studio.api.add_images(lost[0])
            await studio.api.add_images(lost[0])
            raise httpx.ReadTimeout("no answer")

    studio.wire.on_the_way = store_twice
    images = list(to_add(2).values())
    operation = addition(studio.account, images, "inventory", allow_duplicate=False)
    first = await ran(studio, operation)
    assert [(end.outcome, end.doubled) for end in first.ends.values()] == [
        (Outcome.ADOPTED, True)
    ] * 2
    assert not first.complete
    assert await ran(studio, operation) == first.replay(MADE_BEFORE)
    assert len(lost) == 1


async def test_going_on_keeps_to_what_was_accepted() -> None:
    """Promise: it asks nobody, and leaves alone what is not as it was agreed to."""
    studio = make_studio(
        pace=Pace(start_chunks_s=1),
        limits=Limits(items_per_call=60),
        per_series=INVENTORY_PER_SERIES,
    )

    async def slow(sent: Sent) -> None:
        studio.clock.forward(2 if sent.endpoint == "delete_images" else 0)

    studio.wire.on_the_way = slow
    images = await unsold(studio, 53)
    operation = deletion(studio.account, [image.guid for image in images], "inventory")
    first = await ran(studio, operation)
    assert ended_as(first.ends) == [Outcome.DELETED] * 50 + [Outcome.NOT_ATTEMPTED] * 3
    assert first.change_id is not None
    await retitle(studio, images[51], "Meanwhile")
    now = (await holdings(studio))[images[51].guid]
    last = await studio.writes.go_on(
        CALLER,
        first.change_id,
        "delete_images",
        lambda kept: deletion_again(studio.account, kept),
    )
    ends = {n: Ended(one.guid, Outcome.DELETED, before=one) for n, one in enumerate(images)}
    ends[51] = Ended(now.guid, Outcome.NOT_ATTEMPTED, CHANGED, before=now, after=now)
    earlier = frozenset(range(50))
    asked = "a test: delete 53 images, 0 products; answered yes"
    assert last == Done(ends, False, first.change_id, asked=asked, earlier=earlier)
    assert [len(body["guids"]) for body in studio.wire.to("delete_images")] == [50, 2]
    assert await studio.plans.spent(studio.clock()) == 53


async def test_the_same_call_is_given_what_going_on_with_it_told_last() -> None:
    """What somebody changed since is not claimed again, and nothing is left to do."""
    studio = make_studio(pace=Pace(start_chunks_s=1), per_series=INVENTORY_PER_SERIES)

    async def slow(sent: Sent) -> None:
        studio.clock.forward(2 if sent.endpoint == "update_images" else 0)

    studio.wire.on_the_way = slow
    images = await unsold(studio, 52)
    texts = [NewText(image.guid, "New") for image in images]
    operation = update(studio.account, texts, meant)
    first = await ran(studio, operation)
    assert first.change_id is not None
    await retitle(studio, images[3], "Meanwhile")
    last = await studio.writes.go_on(
        CALLER,
        first.change_id,
        "update_image_metadata",
        lambda kept: update_again(studio.account, kept, meant),
    )
    assert isinstance(last, Done)
    assert (last.ends[3].detail, last.complete) == (NO_LONGER, True)
    again = await ran(studio, operation)
    assert (again.ends[3].detail, again.complete) == (NO_LONGER, True)


async def undone(writes: Writes, change_id: str | None) -> Written:
    """What came of undoing a change."""
    return await writes.run(CALLER, await writes.undoing(change_id or ""), Person())


async def rewriting(studio: Studio, image: ImageDetails) -> Operation:
    """A new title for an image."""
    return update(studio.account, [NewText(image.guid, "New")], meant)


async def removing(studio: Studio, image: ImageDetails) -> Operation:
    """The deletion of an image."""
    return deletion(studio.account, [image.guid], "inventory")


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (rewriting, "{lost} cannot be restored."),
        (removing, "Registered again under a new guid; it was {guid}. {lost} cannot be restored."),
    ],
)
async def test_what_an_undo_says_of_lost_products_is_on_record(
    studio: Studio,
    made: Callable[[Studio, ImageDetails], Awaitable[Operation]],
    words: str,
) -> None:
    """The same words in the result, in the journal, and when the call is made again."""
    (image,) = await sold(studio, 1)
    count = len(image.hung)
    lost = "1 product" if count == 1 else f"{count} products"
    change_id = (await ran(studio, await made(studio, image))).change_id
    studio.clock.forward(1)
    result = await undone(studio.writes, change_id)
    assert isinstance(result, Done)
    said = words.format(lost=lost, guid=image.guid)
    assert result.ends[0].detail == said
    (item,) = await studio.writes.history.items(result.change_id or "")
    assert (item.outcome, item.detail) == (result.ends[0].outcome, said)
    assert await undone(studio.writes, change_id) == result.replay()
    assert len(studio.wire.writes) == 2
