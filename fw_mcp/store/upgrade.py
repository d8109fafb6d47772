"""What schema 2 kept, brought into the tables of later ones; all of it in one transaction.

Schema 2 had one journal entry a request, with what was to be sent, what stood there and what was
read back as arrays, and did not tell accounts apart but in `changes`.
"""

import json
import sqlite3
from collections.abc import Iterator, Mapping
from typing import Any

_ADD = "add_images"

_KEPT_BEFORE = ("facts", "plans", "changes")
_INDEXES = "SELECT name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
_FACTS = "INSERT INTO facts (account, name, value) SELECT '', name, value FROM facts_2"
_PLANS = """
INSERT INTO plans (
    account, plan_id, tool, caller, arguments_digest, targets_digest, weight, question,
    created_at, expires_at, approved_at, ended_at, ended_as
) SELECT :account, plan_id, tool, caller, arguments_digest, targets_digest, weight, question,
    created_at, expires_at, approved_at, ended_at, ended_as
FROM plans_2
"""
_CHANGES = """
INSERT INTO changes (
    account, change_id, place, tool, caller, arguments_digest, plan_id, accepted, undoes,
    begun_at, ended_at, worked_at, baseline, seen, arguments
) SELECT CASE WHEN account = '' THEN :account ELSE account END,
    change_id, 0, tool, caller, arguments_digest, plan_id, accepted, undoes,
    begun_at, ended_at, coalesce(ended_at, begun_at), NULL, seen, arguments
FROM changes_2
"""
_ENTRIES = """
SELECT journal.change_id, journal.kind, journal.begun_at, journal.finished_at,
    journal.intent, journal.former, journal.outcome,
    CASE WHEN changes_2.account = '' THEN :account ELSE changes_2.account END AS account
FROM journal JOIN changes_2 ON changes_2.change_id = journal.change_id
ORDER BY journal.entry_id
"""
_FIRST = """
UPDATE changes SET place = :place, baseline = :baseline
WHERE account = :account AND change_id = :change_id AND place = 0
"""
_WORKED = """
UPDATE changes SET worked_at = :begun_at
WHERE account = :account AND change_id = :change_id AND worked_at < :begun_at
"""
_ITEM = """
INSERT INTO items (
    account, change_id, item, kind, outcome, doubled, place, begun_at, finished_at,
    guid, detail, sent, before, after
) VALUES (
    :account, :change_id, :item, :kind, :outcome, :doubled, :place, :begun_at, :finished_at,
    :guid, :detail, :sent, :before, :after
) ON CONFLICT (account, change_id, item) DO UPDATE SET
    kind = excluded.kind, outcome = excluded.outcome, doubled = excluded.doubled,
    place = excluded.place, begun_at = excluded.begun_at, finished_at = excluded.finished_at,
    guid = excluded.guid, detail = excluded.detail, sent = excluded.sent,
    before = excluded.before, after = excluded.after
"""


def put_aside(connection: sqlite3.Connection) -> None:
    """Give the names of the new tables and indexes free."""
    for (index,) in connection.execute(_INDEXES).fetchall():
        connection.execute(f"DROP INDEX {index}")
    for table in _KEPT_BEFORE:
        connection.execute(f"ALTER TABLE {table} RENAME TO {table}_2")


def take_over(connection: sqlite3.Connection, account: str) -> None:
    """Fill the new tables from the old ones, and let those go.

    Args:
        connection: inside a transaction, with the new tables empty.
        account: whose plans are, and changes that name no account. The facts of the store are
            nobody's, so that each account that used them still finds them.
    """
    whose = {"account": account}
    for statement in (_FACTS, _PLANS, _CHANGES):
        connection.execute(statement, whose)
    place = 1
    for entry in connection.execute(_ENTRIES, whose):
        rows = [{**row, "place": number} for number, row in enumerate(_rows(entry), place)]
        change = {"account": entry["account"], "change_id": entry["change_id"]}
        first = {"place": place, "baseline": _baseline(entry)}
        connection.execute(_FIRST, {**change, **first})
        connection.execute(_WORKED, {**change, "begun_at": entry["begun_at"]})
        connection.executemany(_ITEM, rows)
        place += max(len(rows), 1)
    for table in ("journal", "leases", *(f"{kept}_2" for kept in _KEPT_BEFORE)):
        connection.execute(f"DROP TABLE {table}")


def _baseline(entry: sqlite3.Row) -> str | None:
    """What the library held when an add began; an entry of schema 1 did not tell."""
    former = json.loads(entry["former"])
    told = entry["kind"] == _ADD and former and "newest_id" in former[0]
    return _json(former[0]) if told else None


def _rows(entry: sqlite3.Row) -> Iterator[dict[str, Any]]:
    """A row an item of an entry."""
    sent = {one["item"]: one for one in json.loads(entry["intent"])}
    ended = {one["item"]: one for one in json.loads(entry["outcome"] or "[]")}
    before = _before(entry["kind"], json.loads(entry["former"]))
    for item in sorted(sent.keys() | ended.keys()):
        end = ended.get(item, {})
        asked = sent.get(item, {})
        guid = end.get("guid") or asked.get("guid")
        yield {
            "account": entry["account"],
            "change_id": entry["change_id"],
            "item": item,
            "kind": entry["kind"],
            "outcome": end.get("outcome"),
            "doubled": int(bool(end.get("doubled"))),
            "begun_at": entry["begun_at"],
            "finished_at": entry["finished_at"] if end else None,
            "guid": _json(guid),
            "detail": json.dumps(end.get("detail") or ""),
            "sent": _json({name: value for name, value in asked.items() if name != "item"} or None),
            "before": _json(before.get(asked.get("guid") or guid)),
            "after": _json(_after(guid, end)),
        }


def _before(kind: str, former: list[dict[str, Any]]) -> Mapping[str | None, dict[str, Any]]:
    """The record that stood there, by guid; of an add, none did."""
    return {} if kind == _ADD else {one.get("guid"): one for one in former}


def _after(guid: str | None, end: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """What was read back: a record, or what a selection then held."""
    if end.get("stored") is not None:
        return {"guid": guid, "guids": end["stored"]}
    return end.get("after")


def _json(value: object) -> str | None:
    return None if value is None else json.dumps(value, separators=(",", ":"))
