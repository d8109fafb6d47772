"""What is looked after beside the serving: the journal, at its start and once a day."""

import subprocess
from dataclasses import replace

import anyio
import pytest

from fw_mcp.cli.serve import (
    look_after_journal,
    look_after_journal_daily,
    settle_what_is_open,
)
from fw_mcp.store.journal import End, Intent
from tests.cli.journalled import BEGUN, small, three
from tests.cli.serving import LIST_TOOLS
from tests.support.kept import Kept, Write, change, deletion
from tests.support.process import fw_mcp, started
from tests.support.studio import Clock

DAY_S = 86_400


def test_serving_warns_of_what_is_left_open(kept: Kept, caplog: pytest.LogCaptureFixture) -> None:
    """How many, which tools, and what to do; a write under way elsewhere is none."""
    one, two, three_ = kept.ask(three)
    under_way = deletion(3, three_)
    select = Write(change(4, "set_selection"), "update_file_selection", [Intent("s", {})])
    kept.write(deletion(1, one), deletion(2, two), under_way, select)

    async def look() -> None:
        async with kept.at(under_way):
            await look_after_journal(kept.assembly())

    anyio.run(look)
    assert [record.getMessage() for record in caplog.records if record.levelname == "WARNING"] == [
        "writes with unknown outcome: 3 (delete_images, set_selection); run fw-mcp reconcile"
    ]


def test_a_served_process_says_it_on_stderr(kept: Kept) -> None:
    """And serves all the same."""
    kept.write(deletion(1, kept.ask(three)[0]))
    env = {"FW_MCP_LOG_LEVEL": "warning"}
    with started(kept.options, env=env, stdin=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stderr is not None
        process.stdin.write(LIST_TOOLS)
        process.stdin.flush()
        said = process.stderr.readline()
        out, rest = process.communicate(timeout=60)
    assert "writes with unknown outcome: 1 (delete_images); run fw-mcp reconcile" in said
    assert (process.returncode, len(out.splitlines()), rest) == (0, 2, "")


def test_what_is_left_open_is_settled_when_serving_starts(kept: Kept) -> None:
    """By reading alone; what another process is at is left to it."""
    one, two, _ = kept.ask(three)
    under_way = deletion(2, two)
    kept.write(deletion(1, one), under_way)

    async def settle() -> None:
        async with kept.at(under_way):
            await settle_what_is_open(kept.assembly(), _instead)

    anyio.run(settle)
    assert kept.edit("SELECT outcome FROM items ORDER BY change_id") == [("failed",), (None,)]
    assert kept.studio.wire.writes == []


def test_what_may_still_be_carried_out_is_settled_when_that_is_over(kept: Kept) -> None:
    """A server that was killed and starts again at once reads twice, and serves meanwhile."""
    one, two, _ = kept.ask(three)
    unknown = deletion(2, two, ends=[End(two.guid, "unknown")], ended=True)
    kept.write(deletion(1, one), unknown)
    assembly = kept.assembly(5)
    waits: list[tuple[float, list[tuple[str | None]]]] = []

    async def sleep(seconds: float) -> None:
        waits.append((seconds, kept.edit("SELECT outcome FROM items ORDER BY change_id")))
        clock = assembly.parts.writes.journal.now
        assert isinstance(clock, Clock)
        clock.forward(seconds)

    anyio.run(settle_what_is_open, assembly, sleep)
    assert waits == [(85.0, [(None,), ("unknown",)])]
    assert kept.edit("SELECT outcome FROM items") == [("failed",), ("failed",)]


def test_nothing_is_asked_where_nothing_is_open(kept: Kept) -> None:
    """A server that starts need not reach the service."""
    kept.write(small(0))
    anyio.run(settle_what_is_open, kept.assembly(), _instead)
    assert kept.studio.wire.sent == []


async def _instead(_: float) -> None:
    """Nobody waits."""


def test_what_is_older_than_the_journal_is_kept_goes_when_serving_starts(kept: Kept) -> None:
    """But nothing of which it is not known how it ended."""
    one, two, _ = kept.ask(three)
    unknown = deletion(1001, two, ends=[End(two.guid, "unknown")], ended=True)
    kept.fill(range(250))
    kept.write(deletion(1000, one), unknown)
    new = small(1002)
    kept.write(Write(new.change, new.kind, new.intents, new.ends, begun_at=BEGUN + DAY_S))
    anyio.run(look_after_journal, kept.assembly(8.5 * DAY_S, journal_days=8))
    assert kept.edit("SELECT change_id FROM changes ORDER BY change_id") == [
        (f"{number:016x}",) for number in (1000, 1001, 1002)
    ]
    assert kept.edit("SELECT count(*) FROM items") == [(3,)]


def test_the_journal_is_kept_for_a_year_unless_told_otherwise(kept: Kept) -> None:
    """To the day."""
    kept.write(small(0))
    for days, left in ((364.9, 1), (365.1, 0)):
        anyio.run(look_after_journal, kept.assembly(days * DAY_S))
        assert kept.edit("SELECT count(*) FROM changes") == [(left,)]


def test_of_what_is_over_an_hour_old_only_what_was_done_is_kept(kept: Kept) -> None:
    """Nobody reads the rest any more: a call can be gone on with for an hour."""
    done = small(1)
    long = replace(done.change, arguments='{"guids": ["a"]}', seen='{"a": "state"}')
    kept.write(replace(done, change=long, ended=True))
    query = "SELECT arguments, seen FROM changes"
    for later_s, left in (
        (3600, [('{"guids": ["a"]}', '{"a": "state"}')]),
        (3600 + 602, [("{}", "{}")]),
    ):
        anyio.run(look_after_journal, kept.assembly(later_s))
        assert kept.edit(query) == left
    assert kept.edit("SELECT count(*) FROM items") == [(1,)]


class _SeenEnoughError(Exception):
    """The test has seen enough."""


def test_a_server_that_runs_for_months_looks_after_its_journal_daily(kept: Kept) -> None:
    """A day's wait lies between."""
    waits: list[float] = []
    kept.fill(range(4))
    assembly = kept.assembly(0, journal_days=1)
    left: list[int] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        left.append(kept.edit("SELECT count(*) FROM changes")[0][0])
        if len(waits) == 3:
            raise _SeenEnoughError
        clock = assembly.parts.writes.journal.now
        assert isinstance(clock, Clock)
        clock.forward(seconds + 1)

    with pytest.raises(_SeenEnoughError):
        anyio.run(look_after_journal_daily, assembly, sleep)
    assert (waits, left) == ([DAY_S] * 3, [4, 3, 0])


def test_no_store_is_made_only_to_look_into_it(kept: Kept) -> None:
    """A server that was only asked for its tools leaves nothing behind."""
    anyio.run(look_after_journal, kept.assembly())
    assert not kept.path.exists()


def test_a_store_that_cannot_be_used_does_not_keep_a_server_from_serving(
    kept: Kept, caplog: pytest.LogCaptureFixture
) -> None:
    """It is said, and reading shows more."""
    kept.path.write_text("This is no database." * 100)
    anyio.run(look_after_journal, kept.assembly())
    assert "The journal could not be checked: Cannot use the store " in caplog.text


def test_an_address_that_cannot_be_listened_on_is_told_as_ever(kept: Kept) -> None:
    """What looks after the journal beside the serving does not hide why it ended."""
    done = fw_mcp(["--sandbox", "--http", "0.0.0.0:0", "--store", str(kept.path)])
    assert done.returncode == 6
    assert done.stderr.splitlines()[-1].startswith("fw-mcp: ")
    assert "Traceback" not in done.stderr
