"""A process whose disk is full for a while: prints what became of each of four writes."""

import resource
import signal
import sqlite3
import sys
from pathlib import Path

import anyio

from fw_mcp.errors import StoreError
from fw_mcp.store.sqlite import Database

_ROOM = 300_000
_MUCH = "x" * 200_000


async def kept(database: Database, name: str) -> str:
    """Whether a fact found its room."""

    def work(connection: sqlite3.Connection) -> None:
        row = (name, _MUCH)
        connection.execute("INSERT INTO facts (account, name, value) VALUES ('', ?, ?)", row)

    try:
        await database.run(work)
    except StoreError as fault:
        return fault.reason
    return "kept"


async def main(store: Path) -> None:
    """Write, fill the disk, write, make room, and write."""
    database = Database(store)
    print(await kept(database, "before"))  # noqa: T201
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (_ROOM, hard))
    print(await kept(database, "full"))  # noqa: T201
    print(await kept(database, "still full"))  # noqa: T201
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    print(await kept(database, "after"))  # noqa: T201
    database.close()


if __name__ == "__main__":
    # A file that may grow no more is then an error, as on a full disk, and not the end.
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    anyio.run(main, Path(sys.argv[1]))
