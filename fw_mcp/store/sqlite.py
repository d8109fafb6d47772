"""One SQLite file: its tables, and transactions one at a time off the event loop."""

import json
import os
import secrets
import sqlite3
import weakref
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

import anyio
import anyio.to_thread

from fw_mcp.errors import Reason, StoreError

# "fwmc": what tells a store from another program's SQLite file.
_APPLICATION_ID = 0x66776D63
_VERSION = 2

_PLANS = """
CREATE TABLE plans (
    plan_id TEXT PRIMARY KEY, tool TEXT NOT NULL, caller TEXT NOT NULL,
    arguments_digest TEXT NOT NULL, targets_digest TEXT NOT NULL, weight INTEGER NOT NULL,
    question TEXT NOT NULL, created_at REAL NOT NULL, expires_at REAL NOT NULL,
    approved_at REAL, ended_at REAL, ended_as TEXT
);
CREATE INDEX plans_ended ON plans (ended_as, ended_at);
"""
_CHANGES = """
CREATE TABLE changes (
    change_id TEXT PRIMARY KEY, tool TEXT NOT NULL, caller TEXT NOT NULL, account TEXT NOT NULL,
    arguments TEXT NOT NULL, arguments_digest TEXT NOT NULL,
    plan_id TEXT, accepted TEXT, undoes TEXT, seen TEXT NOT NULL,
    owner TEXT NOT NULL, begun_at REAL NOT NULL, ended_at REAL, result TEXT
);
CREATE INDEX changes_alike ON changes (arguments_digest, begun_at);
CREATE INDEX changes_newest ON changes (begun_at);
CREATE INDEX changes_whole ON changes (begun_at)
    WHERE arguments != '{}' OR result IS NOT NULL OR seen != '{}';
CREATE INDEX changes_undoing ON changes (undoes) WHERE undoes IS NOT NULL;
CREATE TABLE journal (
    entry_id INTEGER PRIMARY KEY AUTOINCREMENT,
    change_id TEXT NOT NULL REFERENCES changes (change_id) ON DELETE CASCADE,
    kind TEXT NOT NULL, begun_at REAL NOT NULL, intent TEXT NOT NULL, former TEXT NOT NULL,
    finished_at REAL, outcome TEXT, unknown INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX journal_change ON journal (change_id);
CREATE INDEX journal_since ON journal (coalesce(finished_at, begun_at));
CREATE INDEX journal_unfinished ON journal (entry_id) WHERE finished_at IS NULL;
CREATE INDEX journal_unknown ON journal (entry_id) WHERE unknown > 0;
"""
_FACTS = "CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);"
_LEASES = """
CREATE TABLE leases (name TEXT PRIMARY KEY, owner TEXT NOT NULL, taken_at REAL NOT NULL);
"""

_JOURNAL_1 = [
    "entry_id",
    "tool",
    "caller",
    "plan_id",
    "begun_at",
    "intent",
    "former",
    "finished_at",
    "outcome",
]
_KIND_OF = MappingProxyType(
    {
        "add_images": "add_images",
        "update_image_metadata": "update_images",
        "delete_images": "delete_images",
        "set_selection": "update_file_selection",
    }
)


class UnusableFileError(sqlite3.DatabaseError):
    """The file is no store that this version can use."""


def check_usable(connection: sqlite3.Connection) -> None:
    """Leave a file alone that is no store of ours.

    Raises:
        UnusableFileError: the file is another program's, or a newer version's.
    """
    version = _version(connection)
    marked = connection.execute("PRAGMA application_id").fetchone()[0] == _APPLICATION_ID
    if marked and version > _VERSION:
        raise UnusableFileError(f"a newer fw-mcp wrote it: schema {version}")
    empty = connection.execute("SELECT 1 FROM sqlite_master").fetchone() is None
    # The first version left no mark: its tables tell.
    first = [row[1] for row in connection.execute("PRAGMA table_info(journal)")] == _JOURNAL_1
    ours = {0: empty, 1: first, _VERSION: marked}
    if not ours.get(version, False):
        raise UnusableFileError("it is another program's database")


def prepare(connection: sqlite3.Connection) -> None:
    """Make the tables, or bring those of an older version up to date; inside a transaction."""
    version = _version(connection)
    if version == _VERSION:
        return
    _UPGRADES[version](connection)
    connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {_VERSION}")


def _create(connection: sqlite3.Connection) -> None:
    _run(connection, _FACTS + _PLANS + _CHANGES + _LEASES)


def _from_1(connection: sqlite3.Connection) -> None:
    """Version 1 had one entry a chunk and no record of the call: each becomes a change."""
    rows = connection.execute("SELECT * FROM journal ORDER BY entry_id").fetchall()
    _run(connection, "DROP TABLE journal;" + _CHANGES + _LEASES)
    for row in rows:
        connection.execute(
            "INSERT INTO changes (change_id, tool, caller, account, arguments, arguments_digest,"
            " plan_id, seen, owner, begun_at, ended_at)"
            " VALUES (?, ?, ?, '', '{}', '', ?, '{}', '', ?, ?)",
            (
                _change_id(row["entry_id"]),
                row["tool"],
                row["caller"],
                row["plan_id"],
                row["begun_at"],
                row["finished_at"],
            ),
        )
        connection.execute(
            "INSERT INTO journal VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                row["entry_id"],
                _change_id(row["entry_id"]),
                _KIND_OF[row["tool"]],
                row["begun_at"],
                _numbered(row["intent"]),
                row["former"],
                row["finished_at"],
                row["outcome"] and _numbered(row["outcome"]),
                sum(one["outcome"] == "unknown" for one in json.loads(row["outcome"] or "[]")),
            ),
        )


_UPGRADES: Mapping[int, Callable[[sqlite3.Connection], None]] = MappingProxyType(
    {0: _create, 1: _from_1}
)


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _change_id(entry_id: int) -> str:
    return f"{entry_id:016x}"


def _numbered(records: str) -> str:
    """The records with the place of each, by which an entry's parts find each other."""
    return json.dumps([{"item": item, **one} for item, one in enumerate(json.loads(records))])


def _run(connection: sqlite3.Connection, statements: str) -> None:
    # executescript would end the transaction.
    for statement in statements.split(";"):
        connection.execute(statement)


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


async def session_id(database: Database) -> str:
    """The FinerWorks session id of this store: 32 hex digits, made once and kept.

    A lost one makes the account's temporary images unreachable.
    """
    return await database.run(_session_id)


def _session_id(connection: sqlite3.Connection) -> str:
    connection.execute(
        "INSERT OR IGNORE INTO facts VALUES ('session_id', ?)", (secrets.token_hex(16),)
    )
    row = connection.execute("SELECT value FROM facts WHERE name = 'session_id'").fetchone()
    return str(row["value"])
