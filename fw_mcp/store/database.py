"""One SQLite file, opened at first use, worked on one transaction at a time off the event loop."""

import os
import sqlite3
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import anyio
import anyio.to_thread

from fw_mcp.errors import Reason, StoreError
from fw_mcp.store.schema import UnusableFileError, check_usable, prepare

T = TypeVar("T")


class Database:
    """A SQLite database that several processes may share.

    Args:
        path: the file, made with its folder when missing; None keeps everything in memory.
        busy_timeout_s: how long a transaction waits for another process, in seconds.
    """

    def __init__(self, path: Path | None, *, busy_timeout_s: float = 5.0) -> None:
        self.path = path
        self._busy_timeout_s = busy_timeout_s
        self._connection: sqlite3.Connection | None = None
        self._turn = anyio.CapacityLimiter(1)

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run `work` inside one immediate transaction, on a worker thread.

        Args:
            work: gets the connection; what it raises rolls the transaction back.

        Returns:
            What `work` returned, after the commit reached the disk.

        Raises:
            StoreError: the file cannot be opened, read or written.
        """
        # Not abandoned when cancelled: a transaction that runs is one whose end is known.
        return await anyio.to_thread.run_sync(self._transact, work, limiter=self._turn)

    def close(self) -> None:
        """Close the file; a later `run` opens it again."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _transact(self, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            connection = self._open()
            connection.execute("BEGIN IMMEDIATE")
            try:
                result = work(connection)
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
        except (sqlite3.Error, OSError) as fault:
            raise self._unavailable(fault) from fault
        return result

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = self._connect()
        return self._connection

    def _connect(self) -> sqlite3.Connection:
        if self.path is not None:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            # It holds titles, products and former records: nobody else's business.
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
        connection = sqlite3.connect(
            self.path or ":memory:",
            timeout=self._busy_timeout_s,
            isolation_level=None,
            check_same_thread=False,
        )
        connection.row_factory = sqlite3.Row
        try:
            self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        # Whoever forgets to close the database must not leak its file.
        weakref.finalize(self, connection.close)
        return connection

    @staticmethod
    def _prepare(connection: sqlite3.Connection) -> None:
        check_usable(connection)
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("BEGIN IMMEDIATE")
        prepare(connection)
        connection.execute("COMMIT")

    def _unavailable(self, fault: Exception) -> StoreError:
        kind = str(fault) if isinstance(fault, UnusableFileError) else type(fault).__name__
        return StoreError(
            f"The store {self.path or 'in memory'} cannot be used ({kind}).",
            state="Nothing was sent; reading images still works.",
            next_step="Make the file and its folder writable, or name another with --store FILE; "
            "fw-mcp doctor checks it.",
            reason=Reason.STORE_UNAVAILABLE,
        )
