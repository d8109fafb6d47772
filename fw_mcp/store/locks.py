"""What only one process may be at, and which process that is."""

import os
import secrets
import sqlite3
from collections.abc import Callable, Sequence

from fw_mcp.store.sqlite import Database


def this_process() -> str:
    """A name for this process: its id, and a word that no other process of that id has."""
    return f"{os.getpid()}-{secrets.token_hex(4)}"


def may_be_running(owner: str) -> bool:
    """Whether the process of that name may still be there; True when it cannot be told."""
    pid = owner.partition("-")[0]
    if os.name != "posix":
        # There the signal 0 would end the process instead of asking for it.
        return True
    if not pid.isdecimal():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


# No call lasts longer: whoever was silent for so long is not at it any more.
SILENT_S = 90.0


class Leases:
    """Names that processes on one store take, one at a time.

    Args:
        database: where they are kept.
        now: seconds since the epoch.
        owner: the name of this process.
    """

    def __init__(self, database: Database, now: Callable[[], float], owner: str) -> None:
        self._database = database
        self._now = now
        self._owner = owner

    async def take(self, names: Sequence[str]) -> bool:
        """Take all of the names; False, and none is taken, when another process has one."""

        def work(connection: sqlite3.Connection) -> bool:
            if any(self._is_held(connection, name) for name in names):
                return False
            connection.executemany(
                "INSERT OR REPLACE INTO leases VALUES (?, ?, ?)",
                [(name, self._owner, self._now()) for name in names],
            )
            return True

        return await self._database.run(work)

    async def give_back(self, names: Sequence[str]) -> None:
        """Let the next one have them."""

        def work(connection: sqlite3.Connection) -> None:
            connection.executemany(
                "DELETE FROM leases WHERE name = ? AND owner = ?",
                [(name, self._owner) for name in names],
            )

        await self._database.run(work)

    def _is_held(self, connection: sqlite3.Connection, name: str) -> bool:
        row = connection.execute("SELECT * FROM leases WHERE name = ?", (name,)).fetchone()
        if row is None or row["owner"] == self._owner:
            return False
        silent_s = self._now() - row["taken_at"]
        return silent_s < SILENT_S and may_be_running(row["owner"])
