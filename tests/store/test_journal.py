"""The journal: intent and former records before a write, the outcome after it."""

import json
import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fw_mcp.errors import GuardError, StoreError
from fw_mcp.store.journal import Change, Journal, Record, Step, Unsettled
from fw_mcp.store.locks import this_process
from fw_mcp.store.sqlite import Database
from tests.store.planned import planned
from tests.studio import Clock

pytestmark = pytest.mark.anyio

INTENT: list[Record] = [
    {"item": 0, "guid": "1f", "title": "Sun"},
    {"item": 1, "guid": "2e", "title": "Rain"},
]
FORMER: list[Record] = [{"guid": "1f", "title": "Fog"}, {"guid": "2e", "title": None}]
OUTCOME: list[Record] = [
    {"item": 0, "guid": "1f", "outcome": "updated", "detail": "", "after": None},
    {"item": 1, "guid": "2e", "outcome": "failed", "detail": "", "after": None},
]
CHANGE = Change("c1", "update_image_metadata", "stdio:host", "{}", "d", "0123456789abcdef", "plan")


async def rows(database: Database, table: str) -> list[dict[str, Any]]:
    """Every row of a table, oldest first."""

    def work(connection: sqlite3.Connection) -> list[dict[str, Any]]:
        query = {"journal": "SELECT * FROM journal", "changes": "SELECT * FROM changes"}[table]
        return [dict(row) for row in connection.execute(f"{query} ORDER BY rowid")]

    return await database.run(work)


async def test_an_entry_holds_who_what_and_what_stood_there(tmp_path: Path) -> None:
    """It is on the disk before anything is sent; it is what undo reads."""
    clock, database = Clock(), Database(tmp_path / "store.sqlite3")
    journal = Journal(database, clock, "71-abcd", account="digest of it")
    entry_id = await journal.begin(CHANGE, "update_images", INTENT, FORMER)
    other = Database(tmp_path / "store.sqlite3")
    (entry,) = await rows(other, "journal")
    assert entry == {
        "entry_id": entry_id,
        "change_id": "c1",
        "kind": "update_images",
        "begun_at": clock(),
        "intent": json.dumps(INTENT, separators=(",", ":")),
        "former": json.dumps(FORMER, separators=(",", ":")),
        "finished_at": None,
        "outcome": None,
        "unknown": 0,
    }
    assert await rows(other, "changes") == [
        {
            "change_id": "c1",
            "tool": "update_image_metadata",
            "caller": "stdio:host",
            "account": "digest of it",
            "arguments": "{}",
            "arguments_digest": "d",
            "plan_id": "0123456789abcdef",
            "accepted": "plan",
            "undoes": None,
            "seen": "{}",
            "owner": "71-abcd",
            "begun_at": clock(),
            "ended_at": None,
            "result": None,
        }
    ]
    database.close()
    other.close()


async def test_a_finished_entry_holds_what_was_read_back() -> None:
    """And when."""
    clock, database = Clock(), Database(None)
    journal = Journal(database, clock)
    entry_id = await journal.begin(CHANGE, "update_images", INTENT, FORMER)
    clock.forward(2)
    await journal.finish(entry_id, OUTCOME)
    (entry,) = await rows(database, "journal")
    assert json.loads(entry["outcome"]) == OUTCOME
    assert (entry["finished_at"], entry["unknown"]) == (entry["begun_at"] + 2, 0)


async def test_the_entries_of_one_call_belong_to_one_change() -> None:
    """The change is recorded with its first entry, and keeps when it began."""
    clock, database = Clock(), Database(None)
    journal = Journal(database, clock)
    await journal.begin(CHANGE, "update_images", INTENT[:1], FORMER[:1])
    began = clock()
    clock.forward(3)
    await journal.begin(CHANGE, "update_images", INTENT[1:], FORMER[1:])
    (change,) = await rows(database, "changes")
    assert change["begun_at"] == began
    entries = await rows(database, "journal")
    assert [(one["change_id"], one["begun_at"]) for one in entries] == [
        ("c1", began),
        ("c1", began + 3),
    ]


async def test_a_change_that_is_gone_on_with_is_open_again_and_the_new_process_s() -> None:
    """Its result of before is no longer what came of it."""
    clock, database = Clock(), Database(None)
    first, second = Journal(database, clock, "1-a"), Journal(database, clock, "2-b")
    await first.begin(CHANGE, "update_images", INTENT, FORMER)
    assert await first.end("c1", '{"status":"incomplete"}')
    clock.forward(60)
    await second.begin(CHANGE, "update_images", INTENT, FORMER)
    (change,) = await rows(database, "changes")
    assert (change["owner"], change["ended_at"], change["result"]) == ("2-b", None, None)
    assert change["begun_at"] == clock() - 60


async def test_a_call_ends_with_what_it_answered() -> None:
    """And when."""
    clock, database = Clock(), Database(None)
    journal = Journal(database, clock)
    await journal.begin(CHANGE, "update_images", INTENT, FORMER)
    clock.forward(5)
    assert await journal.end("c1", '{"status":"completed"}') is True
    (change,) = await rows(database, "changes")
    assert change["ended_at"] == change["begun_at"] + 5
    assert change["result"] == '{"status":"completed"}'


async def test_a_call_that_sent_nothing_leaves_no_trace() -> None:
    """What it answered is not kept either."""
    database = Database(None)
    assert await Journal(database, Clock()).end("c1", "{}") is False
    assert await rows(database, "changes") == []


async def test_unsettled_entries_are_found_oldest_first(tmp_path: Path) -> None:
    """By the next process too: without an outcome, or with one that is not known."""
    clock, database = Clock(), Database(tmp_path / "store.sqlite3")
    journal = Journal(database, clock, "71-abcd", account="mine")
    change = replace(CHANGE, change_id="c2", tool="delete_images")
    lost = [{**OUTCOME[0], "outcome": "unknown"}, OUTCOME[1]]
    first = await journal.begin(change, "delete_images", INTENT, FORMER)
    done = await journal.begin(CHANGE, "update_images", INTENT, FORMER)
    unknown = await journal.begin(CHANGE, "update_images", INTENT, FORMER)
    last = await journal.begin(CHANGE, "update_images", INTENT[:1], FORMER[:1])
    await journal.finish(done, OUTCOME)
    await journal.finish(unknown, lost)
    database.close()
    again = Database(tmp_path / "store.sqlite3")
    assert await Journal(again, clock).unsettled() == [
        Unsettled(first, "c2", "delete_images", "71-abcd", "mine", clock(), False, 2),
        Unsettled(unknown, "c1", "update_image_metadata", "71-abcd", "mine", clock(), True, 1),
        Unsettled(last, "c1", "update_image_metadata", "71-abcd", "mine", clock(), False, 1),
    ]
    await Journal(again, clock).finish(unknown, OUTCOME)
    assert [one.entry_id for one in await Journal(again, clock).unsettled()] == [first, last]
    again.close()


async def test_looking_for_unsettled_entries_reads_no_settled_one() -> None:
    """However long the journal is: nothing but the two short indexes is gone through."""
    database = Database(None)
    plan = await planned(database, Journal(database, Clock()).unsettled)
    # Whether an index covers a query depends on the SQLite.
    steps = [step.replace(" COVERING", "") for step in plan]
    assert {step for step in steps if step.startswith("SCAN")} == {
        "SCAN journal USING INDEX journal_unfinished",
        "SCAN journal USING INDEX journal_unknown",
    }
    assert "SEARCH journal USING INTEGER PRIMARY KEY (rowid=?)" in steps


@pytest.mark.parametrize(
    ("account", "ours", "another"),
    [("mine", "mine", False), ("theirs", "mine", True), ("", "mine", False), ("theirs", "", True)],
)
def test_a_write_on_another_account_is_told(account: str, ours: str, another: bool) -> None:
    """The first version did not record the account: what is not known counts as one's own."""
    entry = Unsettled(1, "c1", "delete_images", "", account, 0.0, False, 1)
    assert entry.of_another(ours) is another


async def test_two_processes_at_the_same_call_on_two_accounts_are_not_in_each_others_way() -> None:
    """On one account, the second must not do it again."""
    clock, database = Clock(), Database(None)
    running = this_process()
    await Journal(database, clock, running, account="one").begin(CHANGE, "update_images", [], [])
    change = replace(CHANGE, change_id="c2")
    other = Journal(database, clock, "another process", account="two")
    await other.begin(change, "update_images", [], [])
    change = replace(CHANGE, change_id="c3")
    with pytest.raises(GuardError):
        await Journal(database, clock, "a third", account="one").begin(
            change, "update_images", [], []
        )


async def test_each_step_of_a_write_is_told_when_it_is_reached() -> None:
    """The intent is on the disk before it is told; a journal that nobody watches is silent."""
    database = Database(None)
    seen: list[Step] = []
    journal = Journal(database, Clock(), reached=seen.append)
    entry_id = await journal.begin(CHANGE, "update_images", INTENT, FORMER)
    await journal.finish(entry_id, OUTCOME)
    await journal.end("c1", "{}")
    assert seen == [
        Step.BEFORE_INTENT,
        Step.INTENT_RECORDED,
        Step.OUTCOME_RECORDED,
        Step.RESULT_RECORDED,
    ]


async def test_entry_ids_are_never_used_again() -> None:
    """Each names one write for good."""
    journal = Journal(Database(None), Clock())
    ids = [await journal.begin(CHANGE, "add_images", INTENT, []) for _ in range(3)]
    assert ids == sorted(set(ids))


async def test_any_text_of_the_service_can_be_kept() -> None:
    """Half an emoji, control characters, any script."""
    database = Database(None)
    odd: list[Record] = [{"item": 0, "title": "\ud83d \0 \n 霧"}]
    await Journal(database, Clock()).begin(CHANGE, "update_images", odd, odd)
    (entry,) = await rows(database, "journal")
    assert json.loads(entry["former"]) == odd


async def test_what_cannot_be_recorded_raises_before_anything_is_sent(tmp_path: Path) -> None:
    """The caller must not send."""
    seen: list[Step] = []
    journal = Journal(Database(tmp_path), Clock(), reached=seen.append)
    with pytest.raises(StoreError, match="Nothing was sent"):
        await journal.begin(CHANGE, "update_images", INTENT, FORMER)
    with pytest.raises(StoreError):
        await journal.unsettled()
    assert seen == [Step.BEFORE_INTENT]
