"""Without a store that can be written, reading goes on and every write refuses."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from mcp.types import CallToolResult

from fw_mcp.guard.guard import Limits
from fw_mcp.sandbox.seed import INVENTORY_PER_SERIES
from tests.server.destruction import (
    DELETION,
    REWRITING,
    Destruction,
    Lane,
    assert_nothing_happened,
    both_tools,
    live_lanes,
    one_sold,
)
from tests.support.recorder import Sent
from tests.support.studio import Studio, make_studio, said, text_of
from tests.support.truth import new_image, sold, unsold

pytestmark = pytest.mark.anyio


def a_folder(path: Path) -> None:
    """The store's name is taken by a folder."""
    path.mkdir()


def inside_a_file(path: Path) -> None:
    """What should be its folder is a file."""
    path.parent.rmdir()
    path.parent.write_text("a file")


def no_database(path: Path) -> None:
    """Something else is in the file."""
    path.write_text("This was never a store. " * 100)


def torn(path: Path) -> None:
    """The file begins like a database and goes on like none."""
    path.write_bytes(b"SQLite format 3\0" + b"\xff" * 4000)


def of_a_later_version(path: Path) -> None:
    """A newer fw-mcp made it."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 2")


SPOILED = [a_folder, inside_a_file, no_database, torn, of_a_later_version]


def unusable(studio: Studio, result: CallToolResult) -> bool:
    """Whether a call was refused for its store, saying that nothing was sent, which is true."""
    text = text_of(result)
    return (
        bool(result.is_error)
        and "Nothing was sent; reading images still works." in text
        and text.endswith("(reason: store_unavailable)")
        and studio.wire.writes == []
    )


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Name the store in a folder of its own."""
    (tmp_path / "state").mkdir()
    return tmp_path / "state" / "store.sqlite3"


@pytest.mark.parametrize("spoil", SPOILED)
async def test_reading_goes_on_and_no_write_is_sent(
    file: Path, spoil: Callable[[Path], None]
) -> None:
    """Promise: a store that cannot be written refuses writes and says why."""
    spoil(file)
    studio = make_studio(store=file)
    image, (plain,) = await one_sold(studio), await unsold(studio, 1)
    writes = {
        "add_images": {"images": [new_image(1)]},
        "update_image_metadata": REWRITING.arguments([plain]),
        "delete_images": DELETION.arguments([image]),
        "set_selection": {"guids": [plain.guid]},
    }
    async with studio.client(person=studio.person()) as client:
        assert said(await client.call_tool("search_images", {"per_page": 1}))["count"] > 0
        refused = [await client.call_tool(tool, given) for tool, given in writes.items()]
    assert [unusable(studio, result) for result in refused] == [True] * 4
    await assert_nothing_happened(studio, [image])


@both_tools
@pytest.mark.parametrize("spoil", SPOILED)
async def test_nobody_is_asked_a_question_that_cannot_be_kept(
    file: Path, job: Destruction, spoil: Callable[[Path], None]
) -> None:
    """Its yes could not be held to a single use."""
    spoil(file)
    studio = make_studio(store=file)
    person, image = studio.person(), await one_sold(studio)
    async with studio.client(person=person) as client:
        result = await client.call_tool(job.tool, job.arguments([image]))
    assert (unusable(studio, result), person.asked) == (True, [])


@contextmanager
def held_by_another(file: Path) -> Iterator[None]:
    """Another process writes, for longer than anybody waits."""
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield


@both_tools
async def test_a_yes_whose_single_use_cannot_be_won_sends_nothing(
    file: Path, job: Destruction
) -> None:
    """And counts later, when the store is free again: nothing used it up."""
    studio = make_studio(store=file, busy_timeout_s=0.05)
    image = await one_sold(studio)
    async with studio.client() as client:
        plan_id = said(await client.call_tool(job.tool, job.arguments([image])))["plan_id"]
        arguments = job.arguments([image], plan_id=plan_id)
        with held_by_another(file):
            assert unusable(studio, await client.call_tool(job.tool, arguments))
        assert said(await client.call_tool(job.tool, arguments))["status"] == "completed"


async def lose(studio: Studio, table: str) -> None:
    """The store loses a table while the server runs."""
    await studio.database.run(lambda connection: connection.execute(f"DROP TABLE {table}"))


@both_tools
@live_lanes
@pytest.mark.parametrize("table", ["plans", "items"])
async def test_a_store_that_breaks_during_the_question_sends_nothing(
    studio: Studio, job: Destruction, lane: Lane, table: str
) -> None:
    """Without the plan the yes cannot be won; without the journal the write cannot be recorded."""
    person, image = studio.person(), await one_sold(studio)
    person.meanwhile = lambda: lose(studio, table)
    async with lane.client(studio, person) as client:
        result = await client.call_tool(job.tool, job.arguments([image]))
    assert (len(person.asked), unusable(studio, result)) == (1, True)
    await assert_nothing_happened(studio, [image])


@both_tools
async def test_a_journal_that_breaks_between_chunks_does_not_hide_what_was_done(
    job: Destruction,
) -> None:
    """Fifty went before it broke: the result names them, and says that the rest was not sent."""
    studio = make_studio(per_series=INVENTORY_PER_SERIES, limits=Limits(items_per_call=500))
    images = await sold(studio, 60)

    async def break_with_the_first_write(sent: Sent) -> None:
        if not sent.endpoint.startswith("list_"):
            studio.wire.on_the_way = None
            await lose(studio, "items")

    studio.wire.on_the_way = break_with_the_first_write
    async with studio.client(person=studio.person()) as client:
        result = await client.call_tool(job.tool, job.arguments(images))
    done = "deleted" if job is DELETION else "updated"
    assert len(studio.wire.writes) == 1
    assert said(result)["outcomes"] == {done: 50, "not_attempted": 10}
