"""The journal: intent and former records before a write, the outcome after it."""

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from fw_mcp.errors import StoreError
from fw_mcp.store.database import Database
from fw_mcp.store.journal import Author, Journal, Record, Unfinished
from tests.studio import Clock

pytestmark = pytest.mark.anyio

INTENT: list[Record] = [{"guid": "1f", "title": "Sun"}, {"guid": "2e", "title": "Rain"}]
FORMER: list[Record] = [{"guid": "1f", "title": "Fog"}, {"guid": "2e", "title": None}]
OUTCOME: list[Record] = [{"guid": "1f", "outcome": "updated"}, {"guid": "2e", "outcome": "failed"}]
AUTHOR = Author("stdio:host", "0123456789abcdef")


async def entries(database: Database) -> list[dict[str, Any]]:
    """Every entry, oldest first."""

    def work(connection: sqlite3.Connection) -> list[dict[str, Any]]:
        return [dict(row) for row in connection.execute("SELECT * FROM journal ORDER BY entry_id")]

    return await database.run(work)


async def test_an_entry_holds_who_what_and_what_stood_there(tmp_path: Path) -> None:
    """It is on the disk before anything is sent; it is what undo reads."""
    clock, database = Clock(), Database(tmp_path / "store.sqlite3")
    entry_id = await Journal(database, clock).begin("update", AUTHOR, INTENT, FORMER)
    other = Database(tmp_path / "store.sqlite3")
    (entry,) = await entries(other)
    assert entry == {
        "entry_id": entry_id,
        "tool": "update",
        "caller": "stdio:host",
        "plan_id": "0123456789abcdef",
        "begun_at": clock(),
        "intent": json.dumps(INTENT, separators=(",", ":")),
        "former": json.dumps(FORMER, separators=(",", ":")),
        "finished_at": None,
        "outcome": None,
    }
    database.close()
    other.close()


async def test_a_finished_entry_holds_what_was_read_back() -> None:
    """And when."""
    clock, database = Clock(), Database(None)
    journal = Journal(database, clock)
    entry_id = await journal.begin("update", AUTHOR, INTENT, FORMER)
    clock.forward(2)
    await journal.finish(entry_id, OUTCOME)
    (entry,) = await entries(database)
    assert json.loads(entry["outcome"]) == OUTCOME
    assert entry["finished_at"] == entry["begun_at"] + 2


async def test_unfinished_entries_are_found_oldest_first(tmp_path: Path) -> None:
    """By the next process too: the one that wrote them ended in between."""
    clock, database = Clock(), Database(tmp_path / "store.sqlite3")
    journal = Journal(database, clock)
    first = await journal.begin("delete", Author("stdio:host"), INTENT, FORMER)
    done = await journal.begin("update", AUTHOR, INTENT, FORMER)
    last = await journal.begin("add", AUTHOR, INTENT[:1], [])
    await journal.finish(done, OUTCOME)
    database.close()
    again = Database(tmp_path / "store.sqlite3")
    assert await Journal(again, clock).unfinished() == [
        Unfinished(first, "delete", clock(), 2),
        Unfinished(last, "add", clock(), 1),
    ]
    again.close()


async def test_entry_ids_are_never_used_again() -> None:
    """Each names one write for good."""
    journal = Journal(Database(None), Clock())
    ids = [await journal.begin("add", AUTHOR, INTENT, []) for _ in range(3)]
    assert ids == sorted(set(ids))


async def test_any_text_of_the_service_can_be_kept() -> None:
    """Half an emoji, control characters, any script."""
    database = Database(None)
    odd: list[Record] = [{"title": "\ud83d \0 \n 霧"}]
    await Journal(database, Clock()).begin("update", AUTHOR, odd, odd)
    (entry,) = await entries(database)
    assert json.loads(entry["former"]) == odd


async def test_what_cannot_be_recorded_raises_before_anything_is_sent(tmp_path: Path) -> None:
    """The caller must not send."""
    journal = Journal(Database(tmp_path), Clock())
    with pytest.raises(StoreError, match="Nothing was sent"):
        await journal.begin("update", AUTHOR, INTENT, FORMER)
    with pytest.raises(StoreError):
        await journal.unfinished()
