"""What every write shares: on record before it is sent, one at a time, while there is time."""

from dataclasses import replace
from pathlib import Path

import anyio
import pytest

from fw_mcp.api.models import ImageDetails
from fw_mcp.errors import StoreError
from fw_mcp.store.journal import Item
from fw_mcp.writes.add import add_in_batches
from fw_mcp.writes.delete import delete_in_chunks
from fw_mcp.writes.outcomes import Outcome
from fw_mcp.writes.select import Wish, store_selection
from fw_mcp.writes.update import Rewrite, update_in_chunks
from tests.images.progress import Progress
from tests.support.recorder import Sent
from tests.support.studio import Studio, make_studio
from tests.support.truth import holdings, sold, unsold
from tests.writes.runs import (
    changes,
    ended_as,
    items,
    left_waiting,
    numbered,
    on_record,
    run_of,
    to_add,
)

pytestmark = pytest.mark.anyio

KEY = "11111111-2222-4333-8444-555555555555"


@pytest.mark.large_library
async def test_what_is_about_to_be_written_is_on_record_before_it_is_sent(
    studio: Studio,
) -> None:
    """Promise: the journal holds the intent and the full former record; it is what undo reads."""
    (image,) = await sold(studio, 1)
    before: list[Item] = []

    async def look(sent: Sent) -> None:
        if sent.endpoint == "update_images":
            before.extend(await items(studio))

    studio.wire.on_the_way = look
    rewrite = Rewrite(image, "New title", image.description or "")
    call = run_of(studio, "update_image_metadata")
    await update_in_chunks(call, {4: rewrite})
    text = {"guid": image.guid, "title": "New title", "description": image.description}
    begun = Item(
        change_id=call.change.change_id,
        item=4,
        kind="update_images",
        guid=image.guid,
        sent=text,
        before=image.model_dump(mode="json", exclude_none=True),
        after=None,
        outcome=None,
        detail="",
        doubled=False,
        place=1,
        begun_at=studio.clock(),
        finished_at=None,
    )
    after = (await holdings(studio))[image.guid].model_dump(mode="json", exclude_none=True)
    updated = replace(begun, after=after, outcome="updated", finished_at=studio.clock())
    assert before == [begun]
    assert await items(studio) == [updated]
    assert await changes(studio) == [replace(call.change, begun_at=studio.clock())]
    assert (call.change.tool, call.change.caller) == ("update_image_metadata", "stdio:tests")


@pytest.mark.large_library
async def test_each_chunk_of_a_write_goes_on_record_by_itself(studio: Studio) -> None:
    """An interrupted job is known to the chunk; an item keeps its place in the call."""
    images = numbered(await unsold(studio, 60))
    progress = Progress()
    seen = on_record(studio, "delete_images")
    call = run_of(studio, "delete_images", progress)
    await delete_in_chunks(call, images, "inventory")
    assert seen == [[None] * 50, ["deleted"] * 50 + [None] * 10]
    recorded = [(one.item, one.guid, one.outcome) for one in await items(studio)]
    assert recorded == [(item, one.guid, "deleted") for item, one in images.items()]
    assert progress.told == [50, 60]


async def test_nothing_is_sent_when_the_journal_cannot_be_written(tmp_path: Path) -> None:
    """Reads go on; a write refuses and says why."""
    studio = make_studio(store=tmp_path)
    (image,) = await unsold(studio, 1)
    rewrite = Rewrite(image, "New title", "")
    for write in (
        add_in_batches(run_of(studio), to_add(1), "inventory"),
        update_in_chunks(run_of(studio), {0: rewrite}),
        delete_in_chunks(run_of(studio), {0: image}, "inventory"),
        store_selection(run_of(studio), KEY, Wish([image.guid])),
    ):
        with pytest.raises(StoreError, match=r"Nothing was sent; reading images still works\."):
            await write
    assert studio.wire.writes == []


async def test_a_truth_that_cannot_be_recorded_is_told_all_the_same(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What was read back stays true; the log says which change stays open."""
    store = tmp_path / "store.sqlite3"
    studio = make_studio(store=store)

    async def lose_the_store(sent: Sent) -> None:
        if sent.endpoint == "add_images":
            studio.database.close()
            store.unlink()
            store.mkdir()

    studio.wire.on_the_way = lose_the_store
    call = run_of(studio)
    end = (await add_in_batches(call, to_add(1), "inventory"))[0]
    assert (end.outcome, end.guid in await holdings(studio)) == (Outcome.CREATED, True)
    told = f"what came of change {call.change.change_id} could not be recorded"
    assert told in caplog.text


async def test_one_write_is_under_way_at_a_time(studio: Studio) -> None:
    """The second waits before it is even begun, so that the journal tells what was sent."""
    arrived, go_on = anyio.Event(), anyio.Event()
    images = await unsold(studio, 2)

    async def wait(sent: Sent) -> None:
        if sent.endpoint == "delete_images":
            arrived.set()
            await go_on.wait()

    async def delete(image: ImageDetails) -> None:
        call = run_of(studio, "delete_images")
        ended = await delete_in_chunks(call, {0: image}, "inventory")
        assert ended_as(ended) == [Outcome.DELETED]

    studio.wire.on_the_way = wait
    async with anyio.create_task_group() as group:
        for image in images:
            group.start_soon(delete, image)
        await arrived.wait()
        await anyio.wait_all_tasks_blocked()
        unsettled = len(await studio.journal.unsettled())
        go_on.set()
    assert unsettled == 1
    assert len(studio.wire.to("delete_images")) == 2
    assert studio.wire.most_at_once["delete_images"] == 1


async def test_a_call_that_is_left_while_it_waits_for_its_turn_sends_nothing(
    studio: Studio,
) -> None:
    """Not begun is not done."""
    images = numbered(await unsold(studio, 1))
    call = delete_in_chunks(run_of(studio, "delete_images"), images, "inventory")
    await left_waiting(studio, call)
    assert (studio.wire.writes, await items(studio)) == ([], [])
