"""The tables of the store: an older file is brought up to date, another's is left as it is."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from fw_mcp.errors import Reason, StoreError
from fw_mcp.store.history import History
from fw_mcp.store.journal import Change, Journal, Unsettled
from fw_mcp.store.plans import PlanStore
from fw_mcp.store.sqlite import Database, session_id
from tests.studio import Clock

pytestmark = pytest.mark.anyio

# As version 1 made it.
VERSION_1 = """
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE plans (
    plan_id TEXT PRIMARY KEY, tool TEXT NOT NULL, caller TEXT NOT NULL,
    arguments_digest TEXT NOT NULL, targets_digest TEXT NOT NULL, weight INTEGER NOT NULL,
    question TEXT NOT NULL, created_at REAL NOT NULL, expires_at REAL NOT NULL,
    approved_at REAL, ended_at REAL, ended_as TEXT
);
CREATE INDEX plans_ended ON plans (ended_as, ended_at);
CREATE TABLE journal (
    entry_id INTEGER PRIMARY KEY AUTOINCREMENT, tool TEXT NOT NULL, caller TEXT NOT NULL,
    plan_id TEXT, begun_at REAL NOT NULL, intent TEXT NOT NULL, former TEXT NOT NULL,
    finished_at REAL, outcome TEXT
);
CREATE INDEX journal_unfinished ON journal (entry_id) WHERE finished_at IS NULL;
INSERT INTO facts VALUES ('session_id', '0123456789abcdef0123456789abcdef');
PRAGMA user_version = 1;
"""
NOON = 1_800_000_000.0
OLD_PLAN = """
INSERT INTO plans VALUES (
    'abcd', 'delete_images', 'stdio:host', 'a', 't', 1, 'Delete?', 1800000000, 1800000600,
    NULL, NULL, NULL
);
"""
ENTRY = "INSERT INTO journal VALUES (?, ?, 'stdio:host', ?, ?, ?, ?, ?, ?)"


def old_entry(
    entry_id: int,
    tool: str,
    outcome: str | None,
    intent: list[dict[str, Any]] | None = None,
) -> tuple[object, ...]:
    """An entry of version 1 about one image, unfinished without an outcome."""
    read_back = json.dumps([{"guid": "1f", "outcome": outcome, "detail": ""}]) if outcome else None
    return (
        entry_id,
        tool,
        "abcd" if tool == "delete_images" else None,
        NOON + entry_id,
        json.dumps(intent or [{"guid": "1f"}]),
        json.dumps([{"guid": "1f", "title": "Fog"}]),
        NOON + entry_id + 1 if outcome else None,
        read_back,
    )


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Name a store."""
    return tmp_path / "store.sqlite3"


def made(file: Path, script: str, *entries: tuple[object, ...]) -> Path:
    """A file with these tables."""
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript(script)
        for entry in entries:
            connection.execute(ENTRY, entry)
        connection.commit()
    return file


def content(file: Path) -> bytes:
    """Every byte of a file."""
    return file.read_bytes()


def shape(connection: sqlite3.Connection) -> dict[str, list[str]]:
    """Every table's columns, and every index."""
    names = connection.execute("SELECT name FROM sqlite_schema WHERE name NOT LIKE 'sqlite%'")
    return {
        name: [row["name"] for row in connection.execute(f"PRAGMA table_info({name})")]
        for name in sorted(row["name"] for row in names.fetchall())
    }


def marks(connection: sqlite3.Connection) -> tuple[int, int]:
    """The version, and whose file it is."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    return version, application


async def test_an_upgraded_file_has_the_tables_of_a_new_one(file: Path) -> None:
    """And says whose it is."""
    upgraded, new = Database(made(file, VERSION_1)), Database(None)
    assert await upgraded.run(shape) == await new.run(shape)
    assert await upgraded.run(marks) == await new.run(marks) == (2, 0x66776D63)
    upgraded.close()


async def test_what_an_older_version_kept_is_kept(file: Path) -> None:
    """The session id makes the account's temporary images reachable; plans can be answered."""
    database = Database(made(file, VERSION_1 + OLD_PLAN))
    assert await session_id(database) == "0123456789abcdef0123456789abcdef"
    (kept,) = await PlanStore(database).pending(NOON)
    assert (kept.plan_id, kept.question) == ("abcd", "Delete?")
    database.close()


async def test_each_entry_of_an_older_version_becomes_a_change(file: Path) -> None:
    """With its caller, its plan, its times, and the records of before."""
    database = Database(
        made(
            file,
            VERSION_1,
            old_entry(1, "delete_images", "deleted"),
            old_entry(2, "update_image_metadata", "updated"),
        )
    )
    history = History(database)
    summaries, count = await history.page(1, 25)
    assert (count, [one.tool for one in summaries]) == (
        2,
        ["update_image_metadata", "delete_images"],
    )
    deletion = summaries[1]
    assert (deletion.caller, deletion.plan_id, deletion.begun_at, deletion.outcomes) == (
        "stdio:host",
        "abcd",
        NOON + 1,
        {"deleted": 1},
    )
    (entry,) = await history.entries(deletion.change_id)
    assert (entry.entry_id, entry.kind, entry.finished_at) == (1, "delete_images", NOON + 2)
    assert entry.intent == [{"item": 0, "guid": "1f"}]
    assert entry.former == [{"guid": "1f", "title": "Fog"}]
    assert entry.outcome == [{"item": 0, "guid": "1f", "outcome": "deleted", "detail": ""}]
    database.close()


@pytest.mark.parametrize(
    ("tool", "kind"),
    [
        ("add_images", "add_images"),
        ("update_image_metadata", "update_images"),
        ("delete_images", "delete_images"),
        ("set_selection", "update_file_selection"),
    ],
)
async def test_an_unfinished_entry_of_an_older_version_is_still_found(
    file: Path, tool: str, kind: str
) -> None:
    """It can be settled, and no process may be at it."""
    two = [{"guid": "1f"}, {"guid": "2e"}]
    database = Database(made(file, VERSION_1, old_entry(7, tool, None, two)))
    (found,) = await Journal(database, Clock()).unsettled()
    assert found == Unsettled(7, f"{7:016x}", tool, "", "", NOON + 7, False, 2)
    (entry,) = await History(database).entries(found.change_id)
    assert (entry.kind, entry.finished_at, entry.outcome) == (kind, None, [])
    assert [one["item"] for one in entry.intent] == [0, 1]
    database.close()


async def test_an_unknown_outcome_of_an_older_version_is_still_found(file: Path) -> None:
    """It is not known whether the image is there."""
    entry = old_entry(3, "add_images", "unknown")
    database = Database(made(file, VERSION_1, entry))
    found = [(one.entry_id, one.finished) for one in await Journal(database, Clock()).unsettled()]
    database.close()
    assert found == [(3, True)]


async def test_new_entries_of_an_upgraded_file_get_new_ids(file: Path) -> None:
    """An id names one write for good."""
    database = Database(made(file, VERSION_1, old_entry(7, "delete_images", "deleted")))
    change = Change("c1", "delete_images", "stdio:host", "{}", "d")
    intent = [{"item": 0, "guid": "1f"}]
    assert await Journal(database, Clock()).begin(change, "delete_images", intent, []) == 8
    database.close()


async def test_a_file_is_upgraded_once(file: Path) -> None:
    """Opened again it is what it was."""
    made(file, VERSION_1, old_entry(1, "delete_images", "deleted"))
    for _ in range(2):
        database = Database(file)
        assert (await History(database).page(1, 25))[1] == 1
        database.close()


async def test_an_upgrade_that_fails_leaves_the_older_file_as_it_was(file: Path) -> None:
    """A tool that nobody knows: the next version may know it."""
    made(file, VERSION_1, old_entry(1, "delete_images", None), old_entry(2, "brew_coffee", None))
    with pytest.raises((StoreError, KeyError)):
        await Database(file).run(marks)
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (1,)
        assert connection.execute("SELECT count(*) FROM journal").fetchone() == (2,)


DIARY = "CREATE TABLE journal (diary TEXT); INSERT INTO journal VALUES ('Dear me');"
FOREIGN = {
    "without a version": DIARY,
    "with the version of an older store": f"{DIARY} PRAGMA user_version = 1;",
    "with the version of a store": f"{DIARY} PRAGMA user_version = 2;",
    "another program's by its mark": f"{DIARY} PRAGMA application_id = 7; PRAGMA user_version = 2;",
    "with a version of its own": f"{DIARY} PRAGMA user_version = -1;",
}


@pytest.mark.parametrize("script", FOREIGN.values(), ids=FOREIGN)
async def test_a_file_of_another_program_is_refused_and_left_as_it_is(
    file: Path, script: str
) -> None:
    """To the byte: not even the way it is written is changed."""
    made(file, script)
    before = content(file)
    with pytest.raises(StoreError) as refused:
        await Database(file).run(marks)
    assert content(file) == before
    assert refused.value.what == (
        f"The store {file} cannot be used (it is another program's database)."
    )
    assert refused.value.reason is Reason.STORE_UNAVAILABLE


@pytest.mark.parametrize("version", [3, 99])
async def test_a_file_of_a_newer_version_is_refused_and_left_as_it_is(
    file: Path, version: int
) -> None:
    """It may keep what this one does not understand; the version is named."""
    made(file, f"{DIARY} PRAGMA application_id = {0x66776D63}; PRAGMA user_version = {version};")
    before = content(file)
    with pytest.raises(StoreError) as refused:
        await Database(file).run(marks)
    assert content(file) == before
    assert str(refused.value) == (
        f"The store {file} cannot be used (a newer fw-mcp wrote it: schema {version}). Nothing was "
        "sent; reading images still works. Make the file and its folder writable, or name another "
        "with --store FILE; fw-mcp doctor checks it. (reason: store_unavailable)"
    )


async def test_an_empty_file_becomes_a_store(file: Path) -> None:
    """There is nothing in it to be lost."""
    database = Database(made(file, ""))
    assert content(file) == b""
    assert await database.run(marks) == (2, 0x66776D63)
    database.close()
