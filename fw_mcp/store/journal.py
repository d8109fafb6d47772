"""What was about to be written, what stood there before, and what came of it."""

import json
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fw_mcp.store.database import Database

Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Author:
    """Who writes, and on which accepted plan."""

    caller: str
    plan_id: str | None = None


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A write whose outcome was never recorded: the process ended in between."""

    entry_id: int
    tool: str
    begun_at: float
    items: int


class Journal:
    """Intent and former records before a write is sent, its outcome after.

    Args:
        database: where it is kept.
        now: seconds since the epoch.
    """

    def __init__(self, database: Database, now: Callable[[], float]) -> None:
        self._database = database
        self._now = now

    async def begin(
        self, tool: str, author: Author, intent: Sequence[Record], former: Sequence[Record]
    ) -> int:
        """Record what is about to be sent; on return it is on the disk.

        Args:
            tool: the tool that writes.
            author: who writes.
            intent: one record an item, as it will be sent.
            former: the full records that stand there now.

        Returns:
            The entry's id, for `finish`.

        Raises:
            StoreError: it could not be recorded, so nothing may be sent.
        """
        row = (tool, author.caller, author.plan_id, self._now(), _json(intent), _json(former))

        def work(connection: sqlite3.Connection) -> int:
            cursor = connection.execute(
                "INSERT INTO journal (tool, caller, plan_id, begun_at, intent, former)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                row,
            )
            return int(cursor.lastrowid or 0)

        return await self._database.run(work)

    async def finish(self, entry_id: int, outcome: Sequence[Record]) -> None:
        """Record what was read back."""
        row = (self._now(), _json(outcome), entry_id)
        await self._database.run(
            lambda connection: connection.execute(
                "UPDATE journal SET finished_at = ?, outcome = ? WHERE entry_id = ?", row
            )
        )

    async def unfinished(self) -> list[Unfinished]:
        """The entries without an outcome, oldest first."""

        def work(connection: sqlite3.Connection) -> list[Unfinished]:
            rows = connection.execute(
                "SELECT entry_id, tool, begun_at, json_array_length(intent) FROM journal"
                " WHERE finished_at IS NULL ORDER BY entry_id"
            )
            return [Unfinished(*row) for row in rows]

        return await self._database.run(work)


def _json(records: Sequence[Record]) -> str:
    return json.dumps(list(records), separators=(",", ":"), default=str)
