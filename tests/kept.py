"""Changes as other processes left them in a store, and the parts of a command that reads them."""

import json
import sqlite3
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import anyio

from fw_mcp.api.models import ImageDetails
from fw_mcp.assembly import Assembly
from fw_mcp.config import load_settings
from fw_mcp.store.journal import Change, Journal, Record
from fw_mcp.store.locks import this_process
from fw_mcp.store.sqlite import Database
from tests.studio import Clock, Studio, make_studio

GONE = ""
"""The owner of what a process wrote that is not there any more."""


@dataclass
class Kept:
    """A store in a file, and the sandbox that its writes went to."""

    path: Path
    studio: Studio

    def write(self, *written: "Write") -> None:
        """Record these changes, oldest first."""
        anyio.run(self._write, written)

    def fill(self, numbers: Iterable[int]) -> None:
        """As many changes of one image each, a second apart, that ended well."""
        self.write()
        at = 1_800_000_000.0
        connection = sqlite3.connect(self.path)
        with connection:
            for number in numbers:
                change_id, item = f"{number:016x}", {"item": 0, "guid": f"{number}"}
                when = at + number
                connection.execute(
                    "INSERT INTO changes (change_id, tool, caller, account, arguments,"
                    " arguments_digest, seen, owner, begun_at, ended_at)"
                    " VALUES (?, 'delete_images', 'stdio:tests', '', '{}', '', '{}', '', ?, ?)",
                    (change_id, when, when),
                )
                connection.execute(
                    "INSERT INTO journal VALUES (NULL, ?, 'delete_images', ?, ?, '[]', ?, ?, 0)",
                    (
                        change_id,
                        when,
                        json.dumps([item]),
                        when,
                        json.dumps([{**item, "outcome": "deleted", "detail": ""}]),
                    ),
                )
        connection.close()

    def edit(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Look into the file, or break it."""
        connection = sqlite3.connect(self.path)
        with connection:
            rows = connection.execute(statement, values).fetchall()
        connection.close()
        return rows

    def assembly(self, later_s: float = 3600, **settings: object) -> Assembly:
        """The parts of a command that is given so much later, by another process."""
        other = make_studio(store=self.path, app=self.studio.app, faults=self.studio.faults)
        other.clock.forward(later_s)
        self.studio.wire = other.wire
        return Assembly(
            settings=load_settings({"sandbox": ":memory:", "store": self.path, **settings}),
            database=other.database,
            plans=other.plans,
            journal=other.journal,
            guard=other.guard,
            account=other.account,
            changes=other.changes,
            viewer=other.parts.viewer,
            inspector=other.parts.inspector,
            likenesses=other.parts.likenesses,
            fetcher=None,
            note="",
        )

    def ask(self, read: Callable[[Studio], Awaitable[Any]]) -> Any:  # noqa: ANN401  what it gives
        """What `read` reads of the sandbox."""
        return anyio.run(read, self.studio)

    async def _write(self, written: "Iterable[Write]") -> None:
        database = Database(self.path)
        await database.run(lambda _: None)
        for write in written:
            clock = Clock(write.begun_at)
            journal = Journal(database, clock, write.owner, account=write.account)
            clock.seconds = write.begun_at
            entry_id = await journal.begin(write.change, write.kind, write.intent, write.former)
            if write.outcome is not None:
                await journal.finish(entry_id, write.outcome)
            if write.ended:
                await journal.end(write.change.change_id, "{}")
        database.close()


@dataclass(frozen=True)
class Write:
    """One journalled write; without an outcome it was cut off."""

    change: Change
    kind: str
    intent: Sequence[Record]
    former: Sequence[Record] = ()
    outcome: Sequence[Record] | None = None
    begun_at: float = 1_800_000_000.0
    owner: str = GONE
    account: str = ""
    ended: bool = False

    def by_this_process(self) -> "Write":
        """The same, by a process that still runs."""
        return replace(self, owner=this_process())


def change(number: int, tool: str = "delete_images", **facts: Any) -> Change:  # noqa: ANN401
    """A change with an id of that number."""
    return Change(f"{number:016x}", tool, facts.pop("caller", "stdio:tests"), "{}", "", **facts)


def ended(item: int, guid: str | None, outcome: str, detail: str = "", **more: object) -> Record:
    """The record of how an item ended."""
    return {"item": item, "guid": guid, "outcome": outcome, "detail": detail, **more}


def deletion(number: int, *images: ImageDetails, **more: Any) -> Write:  # noqa: ANN401
    """A deletion of these images that was cut off."""
    return Write(
        change(number),
        "delete_images",
        [
            {"item": item, "guid": one.guid, "library": "inventory"}
            for item, one in enumerate(images)
        ],
        [one.model_dump(mode="json", exclude_none=True) for one in images],
        **more,
    )
