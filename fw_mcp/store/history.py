"""The journal, read: what a call did, what was done lately, and what has been taken back."""

import json
import sqlite3
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import partial
from typing import Any

from fw_mcp.store.journal import Change
from fw_mcp.store.sqlite import Database

_ENTRY = "entry_id, change_id, kind, begun_at, finished_at, intent, former, outcome"
UNFINISHED = "unfinished"
# A change may hold megabytes.
_READ_AT_ONCE = 10
# Nobody else's write may wait long.
_LET_GO_AT_ONCE = 100

_SUMMARY = "change_id, tool, caller, plan_id, accepted, undoes, begun_at"
# An item that a later run of the call wrote again counts as that run ended it.
_OUTCOMES = f"""
WITH told (change_id, entry_id, item, outcome) AS (
    SELECT change_id, entry_id, json_extract(value, '$.item'), '{UNFINISHED}'
    FROM journal, json_each(intent)
    WHERE finished_at IS NULL AND change_id IN (SELECT value FROM json_each(?))
    UNION ALL
    SELECT change_id, entry_id, json_extract(value, '$.item'), json_extract(value, '$.outcome')
    FROM journal, json_each(outcome)
    WHERE change_id IN (SELECT value FROM json_each(?))
)
SELECT change_id, outcome, count(*) FROM (
    SELECT change_id, item, outcome, max(entry_id) FROM told GROUP BY change_id, item
) GROUP BY change_id, outcome ORDER BY min(item)
"""  # noqa: S608  ours
_UNDOING = """
SELECT undoes, change_id FROM changes WHERE undoes IN (SELECT value FROM json_each(?))
ORDER BY begun_at, rowid
"""
_WHOLE = "SELECT rowid, * FROM changes WHERE rowid > ? ORDER BY rowid LIMIT ?"
# When a change was last worked on.
_LATEST = """
max(begun_at, coalesce(ended_at, 0), (
    SELECT coalesce(max(begun_at), 0) FROM journal WHERE journal.change_id = changes.change_id
))
"""
_SETTLED = """
NOT EXISTS (
    SELECT 1 FROM journal WHERE journal.change_id = changes.change_id
    AND (finished_at IS NULL OR unknown > 0)
)
"""
_FORGET = f"""
DELETE FROM changes WHERE change_id IN (
    SELECT change_id FROM changes WHERE begun_at < ? AND coalesce(ended_at, begun_at) < ?
    AND {_SETTLED} LIMIT ?
)
"""  # noqa: S608  ours
_SLIM = f"""
UPDATE changes SET arguments = '{{}}', result = NULL, seen = '{{}}' WHERE change_id IN (
    SELECT change_id FROM changes
    WHERE (arguments != '{{}}' OR result IS NOT NULL OR seen != '{{}}') AND begun_at < ?
    AND {_LATEST} < ? AND {_SETTLED} LIMIT ?
)
"""  # noqa: S608  ours


@dataclass(frozen=True, slots=True)
class Entry:
    """One journalled write.

    Attributes:
        kind: the endpoint that was called.
        begun_at, finished_at: seconds since the epoch; None while the outcome is not recorded.
        intent: what was to be sent, one record an item.
        former: what stood there before.
        outcome: what was read back, one record an item.
    """

    entry_id: int
    change_id: str
    kind: str
    begun_at: float
    finished_at: float | None
    intent: Sequence[dict[str, Any]]
    former: Sequence[dict[str, Any]]
    outcome: Sequence[dict[str, Any]]

    @property
    def unsettled(self) -> bool:
        """Whether it is not known what came of it."""
        return self.finished_at is None or any(one["outcome"] == "unknown" for one in self.outcome)


@dataclass(frozen=True, slots=True)
class Summary:
    """A change as a list of changes tells it.

    Attributes:
        plan_id: the accepted plan; None when nothing was asked.
        accepted: how the plan was accepted.
        undoes: the change that this one takes back.
        begun_at: seconds since the epoch.
        outcomes: outcome → how many items ended so; `unfinished` for those without one.
        undone_by: the changes that took it back, oldest first.
    """

    change_id: str
    tool: str
    caller: str
    plan_id: str | None
    accepted: str | None
    undoes: str | None
    begun_at: float
    outcomes: Mapping[str, int]
    undone_by: tuple[str, ...]

    @property
    def finished(self) -> bool:
        """Whether each of its writes has an outcome on record."""
        return UNFINISHED not in self.outcomes


@dataclass(frozen=True, slots=True)
class Item:
    """One item of a change: what became of it, `unfinished` without an outcome."""

    guid: str | None
    file_name: str | None
    outcome: str
    detail: str


class History:
    """What the journal of `database` tells."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def change(self, change_id: str) -> Change | None:
        """The change of that id."""
        found = await self._changes("WHERE change_id = ?", change_id)
        return found[0] if found else None

    async def entries(self, change_id: str) -> list[Entry]:
        """The writes of a change, oldest first."""
        return await self._entries("WHERE change_id = ? ORDER BY entry_id", change_id)

    async def entry(self, entry_id: int) -> Entry | None:
        """The entry of that id."""
        found = await self._entries("WHERE entry_id = ?", entry_id)
        return found[0] if found else None

    async def alike(
        self, tool: str, caller: str, arguments_digest: str, since: float, *, account: str
    ) -> Change | None:
        """The newest change that the same call of the same caller worked on since then.

        Args:
            tool: the tool's name.
            caller: who calls.
            arguments_digest: of what the call asks for.
            since: seconds since the epoch.
            account: the account that the call is made on.
        """
        found = await self._changes(
            "WHERE arguments_digest = ? AND tool = ? AND caller = ? AND account = ?"
            f" AND {_LATEST} >= ? ORDER BY begun_at DESC, rowid DESC LIMIT 1",
            arguments_digest,
            tool,
            caller,
            account,
            since,
        )
        return found[0] if found else None

    async def undoing(self, change_id: str) -> list[Change]:
        """The changes that took this one back, oldest first."""
        return await self._changes("WHERE undoes = ? ORDER BY begun_at, rowid", change_id)

    async def guids_named_since(
        self, moment: float, *, besides_entry: int = 0, besides_change: str = ""
    ) -> set[str]:
        """The guids that entries begun or finished since then name.

        Args:
            moment: seconds since the epoch.
            besides_entry: an entry that does not count.
            besides_change: a change whose entries do not count.
        """

        def work(connection: sqlite3.Connection) -> set[str]:
            rows = connection.execute(
                "SELECT intent, outcome FROM journal WHERE coalesce(finished_at, begun_at) >= ?"
                " AND entry_id != ? AND change_id != ?",
                (moment, besides_entry, besides_change),
            )
            named = [one for intent, outcome in rows for one in _read(intent) + _read(outcome)]
            return {one["guid"] for one in named if one.get("guid")}

        return await self._database.run(work)

    async def page(self, page_number: int, per_page: int) -> tuple[list[Summary], int]:
        """Changes, newest first, and how many there are in all.

        Args:
            page_number: from 1.
            per_page: how many on a page.
        """

        def work(connection: sqlite3.Connection) -> tuple[list[Summary], int]:
            count = int(connection.execute("SELECT count(*) FROM changes").fetchone()[0])
            newest = "ORDER BY begun_at DESC, rowid DESC LIMIT ? OFFSET ?"
            skipped = (page_number - 1) * per_page
            return _summaries(connection, newest, per_page, skipped), count

        return await self._database.run(work)

    async def summary(self, change_id: str) -> Summary | None:
        """The change of that id, as a list of changes tells it."""

        def work(connection: sqlite3.Connection) -> list[Summary]:
            return _summaries(connection, "WHERE change_id = ?", change_id)

        found = await self._database.run(work)
        return found[0] if found else None

    async def everything(self) -> AsyncGenerator[tuple[Change, list[Entry]]]:
        """Every change with its entries, oldest first, a few of them in memory at a time."""
        last = 0
        while page := await self._database.run(partial(_whole, last)):
            for rowid, change, entries in page:
                yield change, list(map(_entry, entries))
                last = rowid

    async def forget(self, before: float) -> int:
        """Let go of changes that ended before then, unless an outcome of theirs is not known.

        Other work on the store gets its turn in between.

        Returns:
            How many went.
        """
        return await self._by_and_by(_FORGET, before)

    async def slim(self, before: float) -> int:
        """Empty what only a call that goes on reads, of changes last worked on before then.

        That is what was asked, how the images stood, and what was answered; what each write did
        stays. A change with an outcome that is not known stays whole. Other work on the store gets
        its turn in between.

        Returns:
            How many were emptied.
        """
        return await self._by_and_by(_SLIM, before)

    async def _by_and_by(self, statement: str, before: float) -> int:
        def work(connection: sqlite3.Connection) -> int:
            return connection.execute(statement, (before, before, _LET_GO_AT_ONCE)).rowcount

        gone = 0
        while went := await self._database.run(work):
            gone += went
        return gone

    async def _changes(self, where: str, *values: object) -> list[Change]:
        def work(connection: sqlite3.Connection) -> list[Change]:
            rows = connection.execute(f"SELECT * FROM changes {where}", values)  # noqa: S608  ours
            return list(map(_change, rows))

        return await self._database.run(work)

    async def _entries(self, where: str, *values: object) -> list[Entry]:
        def work(connection: sqlite3.Connection) -> list[Entry]:
            rows = connection.execute(
                f"SELECT {_ENTRY} FROM journal {where}",  # noqa: S608  ours
                values,
            )
            return list(map(_entry, rows))

        return await self._database.run(work)


def items_of(entries: Sequence[Entry]) -> list[Item]:
    """Each item of a change as its latest write ended, in the order of the call."""
    items: dict[int, Item] = {}
    for entry in entries:
        names = {one["guid"]: one.get("file_name") for one in entry.former if one.get("guid")}
        sent = {one["item"]: one for one in entry.intent}
        ended = {one["item"]: one for one in entry.outcome}
        for item in sent | ended:
            one = {"outcome": UNFINISHED, **sent.get(item, {}), **ended.get(item, {})}
            items[item] = _item(one, names)
    return [items[item] for item in sorted(items)]


def _item(one: Mapping[str, Any], names: Mapping[str, str | None]) -> Item:
    guid = one.get("guid")
    stored = one.get("after") or {}
    file_name = stored.get("file_name") or one.get("file_name") or names.get(guid or "")
    return Item(guid, file_name, one["outcome"], one.get("detail") or "")


def _summaries(connection: sqlite3.Connection, where: str, *values: object) -> list[Summary]:
    rows = connection.execute(f"SELECT {_SUMMARY} FROM changes {where}", values).fetchall()  # noqa: S608  ours
    ids = json.dumps([row["change_id"] for row in rows])
    outcomes: dict[str, dict[str, int]] = {}
    for change_id, outcome, count in connection.execute(_OUTCOMES, (ids, ids)):
        outcomes.setdefault(change_id, {})[outcome] = count
    undone_by: dict[str, list[str]] = {}
    for undone, change_id in connection.execute(_UNDOING, (ids,)):
        undone_by.setdefault(undone, []).append(change_id)
    rest: list[tuple[Any, ...]] = [
        (outcomes.get(row["change_id"], {}), tuple(undone_by.get(row["change_id"], ())))
        for row in rows
    ]
    return [Summary(*row, *told) for row, told in zip(rows, rest, strict=True)]


def _whole(
    after: int, connection: sqlite3.Connection
) -> list[tuple[int, Change, list[sqlite3.Row]]]:
    changes = connection.execute(_WHOLE, (after, _READ_AT_ONCE)).fetchall()
    entries = f"SELECT {_ENTRY} FROM journal WHERE change_id = ? ORDER BY entry_id"  # noqa: S608  ours
    return [
        (row["rowid"], _change(row), connection.execute(entries, (row["change_id"],)).fetchall())
        for row in changes
    ]


def _change(row: sqlite3.Row) -> Change:
    return Change(**{one.name: row[one.name] for one in fields(Change)})


def _entry(row: sqlite3.Row) -> Entry:
    return Entry(*row[:5], *map(_read, row[5:]))


def _read(records: str | None) -> list[dict[str, Any]]:
    return json.loads(records) if records else []
