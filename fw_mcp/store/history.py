"""The journal, read: what a call did, what was done lately, and what has been taken back."""

import json
from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields
from functools import partial
from typing import Any

from fw_mcp.store.connection import Connection, Row
from fw_mcp.store.database import Store
from fw_mcp.store.journal import OPEN, Change, Item, json_of

UNFINISHED = "unfinished"
# A change may hold megabytes.
_READ_AT_ONCE = 10
# Nobody else's write may wait long: a change that goes takes up to 500 items along.
_FORGOTTEN_AT_ONCE = 10
_SLIMMED_AT_ONCE = 100

_CHANGE = ", ".join(field.name for field in fields(Change))
_ITEM = ", ".join(field.name for field in fields(Item))
_JSON = ("guid", "detail", "sent", "before", "after", "told")
_SUMMARY = "change_id, tool, caller, client, plan_id, accepted, undoes, begun_at"

_BY_ID = f"SELECT {_CHANGE} FROM changes WHERE account = ? AND change_id = ?"  # noqa: S608  ours
_ALIKE = f"""
SELECT {_CHANGE} FROM changes
WHERE account = ? AND arguments_digest = ? AND tool = ? AND caller = ? AND worked_at >= ?
ORDER BY place DESC LIMIT 1
"""  # noqa: S608  ours
_UNDOING = f"""
SELECT {_CHANGE} FROM changes WHERE account = ? AND undoes = ? ORDER BY place
"""  # noqa: S608  ours
_NEXT = f"""
SELECT place, {_CHANGE} FROM changes WHERE account = ? AND place > ? ORDER BY place LIMIT ?
"""  # noqa: S608  ours
_ITEMS = f"""
SELECT {_ITEM} FROM items WHERE account = ? AND change_id = ? ORDER BY item
"""  # noqa: S608  ours
_NAMED_SINCE = """
SELECT change_id, item, guid FROM items
WHERE account = :account AND coalesce(finished_at, begun_at) >= :moment
    AND kind <> '' AND guid IS NOT NULL
UNION
SELECT change_id, item, guid FROM items
WHERE account = :account AND place > :place AND kind <> '' AND guid IS NOT NULL
"""
# Of a bare column, SQLite would look for the greatest in the account's whole journal.
_LAST_PLACE = """
SELECT max(CASE WHEN kind <> '' THEN place ELSE 0 END) FROM items
WHERE account = ? AND change_id = ?
"""
_FIRST_PLACE = "SELECT place FROM changes WHERE account = ? AND change_id = ?"
_LAST_OF = """
SELECT sent, after FROM items
WHERE account = ? AND kind = ? AND guid = ? AND outcome = ? ORDER BY place DESC LIMIT 1
"""
_OPEN_OF = f"""
SELECT {_ITEM} FROM items WHERE account = :account AND kind = :kind AND {OPEN}
    AND change_id IN (
        SELECT change_id FROM changes WHERE account = :account AND caller = :caller
    )
"""  # noqa: S608  ours
_COUNT = "SELECT count(*) FROM changes WHERE account = ?"
_SHOWS = """
SELECT place FROM items
WHERE account = ? AND kind = ? AND (outcome IN ({marks}) OR detail LIKE ?)
ORDER BY place DESC LIMIT 1
"""
_PAGE = f"""
SELECT {_SUMMARY} FROM changes WHERE account = ? ORDER BY place DESC LIMIT ? OFFSET ?
"""  # noqa: S608  ours
_NAMING = "SELECT change_id FROM items WHERE account = :account AND guid = :guid AND kind <> ''"
# An image that was registered again has another guid than the one that was deleted.
_ABOUT = f"(change_id IN ({_NAMING}) OR undoes IN ({_NAMING}))"
_COUNT_ABOUT = f"""
SELECT count(*) FROM changes WHERE account = :account AND {_ABOUT}
"""  # noqa: S608  ours
_PAGE_ABOUT = f"""
SELECT {_SUMMARY} FROM changes WHERE account = :account AND {_ABOUT}
ORDER BY place DESC LIMIT :limit OFFSET :skipped
"""  # noqa: S608  ours
_FIRST_ITEMS = f"""
SELECT {_ITEM} FROM items WHERE account = ? AND change_id = ? AND kind <> ''
ORDER BY CASE WHEN guid = ? THEN 0 ELSE 1 END, item LIMIT ?
"""  # noqa: S608  ours
_KEPT_SINCE = "SELECT begun_at FROM changes WHERE account = ? ORDER BY place LIMIT 1"
_ONE = f"SELECT {_SUMMARY} FROM changes WHERE account = ? AND change_id = ?"  # noqa: S608  ours
_OUTCOMES = """
SELECT change_id, outcome, count(*) FROM items
WHERE account = ? AND kind <> '' AND change_id IN ({marks})
GROUP BY change_id, outcome ORDER BY min(item)
"""
_UNDONE_BY = """
SELECT undoes, change_id FROM changes WHERE account = ? AND undoes IN ({marks}) ORDER BY place
"""
_SETTLED = f"""
NOT EXISTS (
    SELECT items.item FROM items
    WHERE items.account = old.account AND items.change_id = old.change_id AND {OPEN}
)
"""  # noqa: S608  ours
_FORGET = f"""
DELETE FROM changes WHERE account = :account AND change_id IN (
    SELECT old.change_id FROM changes AS old
    WHERE old.account = :account AND old.worked_at < :before AND {_SETTLED}
    ORDER BY old.worked_at LIMIT :at_once
)
"""  # noqa: S608  ours
_SLIM = f"""
UPDATE changes SET arguments = '{{}}', seen = '{{}}'
WHERE account = :account AND change_id IN (
    SELECT old.change_id FROM changes AS old
    WHERE old.account = :account AND (old.arguments <> '{{}}' OR old.seen <> '{{}}')
    AND old.worked_at < :before AND {_SETTLED}
    ORDER BY old.worked_at LIMIT :at_once
)
"""  # noqa: S608  ours


@dataclass(frozen=True, slots=True)
class Summary:
    """A change as a list of changes tells it.

    Attributes:
        client: what the host called itself; None where the caller's name says it.
        plan_id: the accepted plan; None when nothing was asked.
        accepted: how the plan was accepted.
        undoes: the change that this one takes back.
        begun_at: seconds since the epoch.
        outcomes: outcome → how many items that were sent ended so; `unfinished` for those without.
        undone_by: the changes that took it back, oldest first.
    """

    change_id: str
    tool: str
    caller: str
    client: str | None
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


class History:
    """What the journal of `database` tells of its account.

    Each method raises `StoreError` where the journal cannot be read.
    """

    def __init__(self, database: Store) -> None:
        self._database = database

    @property
    def _account(self) -> str:
        # Inside a transaction, where it is looked up while it is not known.
        return self._database.account

    async def change(self, change_id: str) -> Change | None:
        """The change of that id."""
        found = await self._changes(_BY_ID, change_id)
        return found[0] if found else None

    async def items(self, change_id: str) -> list[Item]:
        """The items of a change in the order of the call, also those that nothing was sent for."""

        def work(connection: Connection) -> list[Item]:
            return list(map(_item, connection.execute(_ITEMS, (self._account, change_id))))

        return await self._database.run(work)

    async def alike(
        self, tool: str, caller: str, arguments_digest: str, since: float
    ) -> Change | None:
        """The newest change that the same call of the same caller worked on since then.

        Args:
            tool: the tool's name.
            caller: who calls.
            arguments_digest: of what the call asks for.
            since: seconds since the epoch.
        """
        found = await self._changes(_ALIKE, arguments_digest, tool, caller, since)
        return found[0] if found else None

    async def undoing(self, change_id: str) -> list[Change]:
        """The changes that took this one back, oldest first."""
        return await self._changes(_UNDOING, change_id)

    async def guids_named_since(
        self,
        moment: float,
        *,
        after_place: int | None = None,
        besides_change: str = "",
        besides_items: Collection[int] = (),
    ) -> set[str]:
        """The guids of what was sent, by items begun or finished since then.

        Args:
            moment: seconds since the epoch.
            after_place: where given, items begun later in the journal count too: a clock may be
                set back.
            besides_change: a change whose items do not count.
            besides_items: where given, just these items of it do not count, and its others do.
        """

        def counts(change_id: str, item: int) -> bool:
            return change_id != besides_change or bool(besides_items and item not in besides_items)

        def work(connection: Connection) -> set[str]:
            row = {"account": self._account, "moment": moment, "place": after_place}
            rows = connection.execute(_NAMED_SINCE, row)
            return {guid for change_id, item, guid in rows if counts(change_id, item)}

        return {json.loads(guid) for guid in await self._database.run(work)}

    async def open_of(self, kind: str, caller: str) -> list[Item]:
        """What a caller sent, or may have sent, of which it is not known what came.

        Args:
            kind: the endpoint that was called.
            caller: who called.
        """

        def work(connection: Connection) -> list[Item]:
            row = {"account": self._account, "kind": kind, "caller": caller}
            return list(map(_item, connection.execute(_OPEN_OF, row)))

        return await self._database.run(work)

    async def last_of(
        self, kind: str, guid: str, outcome: str
    ) -> tuple[Mapping[str, Any], Mapping[str, Any]] | None:
        """What was sent last for an image, and what was read back; None when nothing was.

        Args:
            kind: the endpoint that was called.
            guid: the image.
            outcome: how it ended.
        """

        def work(connection: Connection) -> Row | None:
            asked = (self._account, kind, json_of(guid), outcome)
            found: Row | None = connection.execute(_LAST_OF, asked).fetchone()
            return found

        row = await self._database.run(work)
        return (_read(row["sent"]) or {}, _read(row["after"]) or {}) if row else None

    async def first_place(self, change_id: str) -> int:
        """The place of the first write of a change, also where a later run wrote it again.

        Returns:
            0 when there is no such change.
        """
        return await self._number(_FIRST_PLACE, change_id)

    async def last_place(self, change_id: str) -> int:
        """The place of the last write of a change; greater than the first of one begun before.

        Returns:
            0 when it wrote nothing.
        """
        return await self._number(_LAST_PLACE, change_id)

    async def shows(self, kind: str, outcomes: Sequence[str], words: str) -> bool:
        """Whether any item of a kind ended in one of these ways, or says these words.

        Args:
            kind: the endpoint that was called.
            outcomes: as items end.
            words: of ours, in a detail.
        """

        def work(connection: Connection) -> bool:
            marked = _SHOWS.format(marks=", ".join("?" * len(outcomes)))
            values = (self._account, kind, *outcomes, f"%{words}%")
            return connection.execute(marked, values).fetchone() is not None

        return await self._database.run(work)

    async def page(self, page_number: int, per_page: int) -> tuple[list[Summary], int]:
        """Changes, newest first, and how many there are in all.

        Args:
            page_number: from 1.
            per_page: how many on a page.
        """

        def work(connection: Connection) -> tuple[list[Summary], int]:
            count = int(connection.execute(_COUNT, (self._account,)).fetchone()[0])
            skipped = (page_number - 1) * per_page
            return self._summaries(connection, _PAGE, per_page, skipped), count

        return await self._database.run(work)

    async def page_about(
        self, guid: str, page_number: int, per_page: int
    ) -> tuple[list[Summary], int]:
        """Changes that wrote to an image or a selection, and undos of them, newest first.

        Args:
            guid: of the image or the selection.
            page_number: from 1.
            per_page: how many on a page.

        Returns:
            Those of the page, and how many there are in all.
        """

        def work(connection: Connection) -> tuple[list[Summary], int]:
            about: dict[str, object] = {"account": self._account, "guid": json_of(guid)}
            count = int(connection.execute(_COUNT_ABOUT, about).fetchone()[0])
            about |= {"limit": per_page, "skipped": (page_number - 1) * per_page}
            rows = connection.execute(_PAGE_ABOUT, about).fetchall()
            return self._summed_up(connection, rows), count

        return await self._database.run(work)

    async def first_items(self, change_id: str, limit: int, guid: str | None = None) -> list[Item]:
        """The first items of a change that were sent; none where one of them cannot be read.

        Args:
            change_id: of the change.
            limit: how many at most.
            guid: items of that image or selection come first.
        """

        def work(connection: Connection) -> list[Item]:
            named = (self._account, change_id, json_of(guid), limit)
            rows = connection.execute(_FIRST_ITEMS, named).fetchall()
            with suppress(ValueError):
                return list(map(_item, rows))
            return []

        return await self._database.run(work)

    async def kept_since(self) -> float | None:
        """When the oldest change on record began, in seconds since the epoch; None without any."""

        def work(connection: Connection) -> float | None:
            row = connection.execute(_KEPT_SINCE, (self._account,)).fetchone()
            return float(row[0]) if row else None

        return await self._database.run(work)

    async def summary(self, change_id: str) -> Summary | None:
        """The change of that id, as a list of changes tells it."""
        found = await self._database.run(
            lambda connection: self._summaries(connection, _ONE, change_id)
        )
        return found[0] if found else None

    async def everything(self) -> AsyncGenerator[tuple[Change, list[Item]]]:
        """Every change with its items, oldest first, a few of them in memory at a time."""
        last = 0
        while page := await self._database.run(partial(self._after, last)):
            for place, change, items in page:
                yield change, items
                last = place

    async def forget(self, before: float) -> int:
        """Let go of changes last worked on before then, unless an outcome of theirs is not known.

        Other work on the store gets its turn in between.

        Args:
            before: seconds since the epoch.

        Returns:
            How many went.
        """
        return await self._by_and_by(_FORGET, before, _FORGOTTEN_AT_ONCE)

    async def slim(self, before: float) -> int:
        """Empty what only a call that goes on reads, of changes last worked on before then.

        That is what was asked, and how the images stood; what each write did stays. A change with
        an outcome that is not known stays whole. Other work on the store gets its turn in between.

        Args:
            before: seconds since the epoch.

        Returns:
            How many were emptied.
        """
        return await self._by_and_by(_SLIM, before, _SLIMMED_AT_ONCE)

    async def _by_and_by(self, statement: str, before: float, at_once: int) -> int:
        def work(connection: Connection) -> int:
            row = {"account": self._account, "before": before, "at_once": at_once}
            return connection.execute(statement, row).rowcount

        gone = 0
        while went := await self._database.run(work):
            gone += went
        return gone

    async def _changes(self, statement: str, *values: object) -> list[Change]:
        def work(connection: Connection) -> list[Change]:
            return [Change(*row) for row in connection.execute(statement, (self._account, *values))]

        return await self._database.run(work)

    async def _number(self, statement: str, change_id: str) -> int:
        def work(connection: Connection) -> int:
            row = connection.execute(statement, (self._account, change_id)).fetchone()
            return int(row[0] or 0) if row else 0

        return await self._database.run(work)

    def _summaries(self, connection: Connection, statement: str, *values: object) -> list[Summary]:
        rows = connection.execute(statement, (self._account, *values)).fetchall()
        return self._summed_up(connection, rows)

    def _summed_up(self, connection: Connection, rows: Sequence[Row]) -> list[Summary]:
        ids = [row["change_id"] for row in rows]
        outcomes: dict[str, dict[str, int]] = {}
        for change_id, outcome, count in self._of(connection, _OUTCOMES, ids):
            outcomes.setdefault(change_id, {})[outcome or UNFINISHED] = count
        undone_by: dict[str, list[str]] = {}
        for undone, change_id in self._of(connection, _UNDONE_BY, ids):
            undone_by.setdefault(undone, []).append(change_id)
        return [
            Summary(
                **dict(row),
                outcomes=outcomes.get(row["change_id"], {}),
                undone_by=tuple(undone_by.get(row["change_id"], ())),
            )
            for row in rows
        ]

    def _of(self, connection: Connection, statement: str, ids: Sequence[str]) -> list[Row]:
        if not ids:
            return []
        marked = statement.format(marks=", ".join("?" * len(ids)))
        return connection.execute(marked, (self._account, *ids)).fetchall()

    def _after(self, place: int, connection: Connection) -> list[tuple[int, Change, list[Item]]]:
        changes = connection.execute(_NEXT, (self._account, place, _READ_AT_ONCE)).fetchall()
        return [
            (
                row["place"],
                Change(*row[1:]),
                list(map(_item, connection.execute(_ITEMS, (self._account, row["change_id"])))),
            )
            for row in changes
        ]


def _item(row: Row) -> Item:
    read = {name: _read(row[name]) for name in _JSON}
    told = read["told"] and tuple(read["told"])
    return Item(**{**dict(row), **read, "doubled": bool(row["doubled"]), "told": told})


def _read(value: str | None) -> Any:  # noqa: ANN401  JSON of any shape
    return None if value is None else json.loads(value)
