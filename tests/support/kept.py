"""Changes as other processes left them in a store, and the parts of a command that reads them."""

import sqlite3
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio

from fw_mcp.api.models import ImageDetails
from fw_mcp.assembly import Assembly
from fw_mcp.config import load_settings
from fw_mcp.pictures.fetch.fetcher import Fetcher
from fw_mcp.store.journal import Change, End, Intent, Journal
from fw_mcp.store.locks import Fence
from fw_mcp.store.sqlite import Database
from tests.support.studio import Clock, Studio, make_studio, sandbox_account


@dataclass
class Kept:
    """A store in a file, and the sandbox that its writes went to."""

    path: Path
    studio: Studio

    @property
    def sandbox(self) -> Path:
        """Where a command that is given this store keeps its sandbox; its account has its name."""
        return self.path.with_name("studio")

    @property
    def account(self) -> str:
        """Whose changes these are, unless a write says otherwise."""
        return sandbox_account(self.sandbox)

    @property
    def options(self) -> list[str]:
        """Of a command on this store, in a process of its own."""
        return ["--sandbox-file", str(self.sandbox), "--store", str(self.path)]

    def write(self, *written: "Write") -> None:
        """Record these changes, oldest first."""
        anyio.run(self._write, written)

    def fill(self, numbers: Iterable[int]) -> None:
        """As many changes of one image each, a second apart, that ended well."""
        self.write(*(_filled(number) for number in numbers))

    def at(self, write: "Write") -> AbstractAsyncContextManager[Fence]:
        """While it lasts, another process is at that change."""
        database = Database(self.path, account=self.account)
        return database.exclusive(f"change:{write.change.change_id}")

    def edit(self, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Look into the file, or break it."""
        connection = sqlite3.connect(self.path)
        with connection:
            rows = connection.execute(statement, values).fetchall()
        connection.close()
        return rows

    def assembly(self, later_s: float = 3600, **settings: object) -> Assembly:
        """The parts of a command that is given so much later, by another process."""
        other = make_studio(
            store=self.path,
            kept_for=self.account,
            app=self.studio.app,
            faults=self.studio.faults,
        )
        other.clock.forward(later_s)
        self.studio.wire = other.wire
        return Assembly(
            settings=load_settings({"sandbox": str(self.sandbox), "store": self.path, **settings}),
            database=other.database,
            plans=other.plans,
            parts=other.parts,
            uploads=other.uploads,
            fetcher=Fetcher(is_on=False),
        )

    def ask(self, read: Callable[[Studio], Awaitable[Any]]) -> Any:  # noqa: ANN401  what it gives
        """What `read` reads of the sandbox."""
        return anyio.run(read, self.studio)

    async def _write(self, written: "Iterable[Write]") -> None:
        for write in written:
            database = Database(self.path, account=write.account or self.account)
            clock = Clock(write.begun_at)
            journal = Journal(database, clock)
            await journal.begin(write.change, write.kind, dict(enumerate(write.intents)), Fence())
            if write.ends is not None:
                await journal.finish(write.change.change_id, dict(enumerate(write.ends)))
            if write.ended:
                await journal.end(write.change.change_id, {})
            database.close()


@dataclass(frozen=True)
class Write:
    """One journalled write; without ends it was cut off."""

    change: Change
    kind: str
    intents: Sequence[Intent]
    ends: Sequence[End] | None = None
    begun_at: float = 1_800_000_000.0
    account: str = ""
    ended: bool = False


def change(number: int, tool: str = "delete_images", **facts: Any) -> Change:  # noqa: ANN401
    """A change with an id of that number."""
    return Change(f"{number:016x}", tool, facts.pop("caller", "stdio:tests"), "{}", "", **facts)


def deletion(number: int, *images: ImageDetails, **more: Any) -> Write:  # noqa: ANN401
    """A deletion of these images that was cut off."""
    return Write(
        change(number),
        "delete_images",
        [
            Intent(
                one.guid,
                {"guid": one.guid, "library": "inventory"},
                one.model_dump(mode="json", exclude_none=True),
            )
            for one in images
        ],
        **more,
    )


def _filled(number: int) -> Write:
    return Write(
        change(number),
        "delete_images",
        [Intent(f"{number}", {"guid": f"{number}"})],
        [End(f"{number}", "deleted")],
        begun_at=1_800_000_000.0 + number,
        ended=True,
    )
