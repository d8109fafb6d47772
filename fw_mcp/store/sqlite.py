"""A store in one SQLite file, and transactions one at a time off the event loop."""

import json
import logging
import os
import sqlite3
import stat
import threading
import time
import weakref
from collections.abc import Callable, Iterable
from contextlib import AbstractAsyncContextManager, closing, suppress
from pathlib import Path
from typing import Self, TypeVar

from fw_mcp.errors import Reason, StoreError
from fw_mcp.store.accounts import KeyPair
from fw_mcp.store.database import Store, accounts_known
from fw_mcp.store.locks import Fence, Locks
from fw_mcp.store.schema import CLIENTS, KEYS, TABLES, UPLOADS, VERSION, each
from fw_mcp.store.upgrade import put_aside, take_over
from fw_mcp.telemetry import count

_log = logging.getLogger(__name__)

_OTHERS = 0o077
# "fwmc": what tells a store from another program's SQLite file.
_APPLICATION_ID = 0x66776D63
# What they lack is made; all else they have as it is now.
_WITHOUT_UPLOADS = 3
_WITHOUT_CLIENTS = 4
_WITHOUT_KEYS = 5
_LATER = (_WITHOUT_UPLOADS, _WITHOUT_CLIENTS, _WITHOUT_KEYS)

_JOURNAL_1 = (
    "entry_id",
    "tool",
    "caller",
    "plan_id",
    "begun_at",
    "intent",
    "former",
    "finished_at",
    "outcome",
)
_USABLE = "Make the file and its folder writable, or name another with --store FILE; "


class UnusableFileError(sqlite3.DatabaseError):
    """The file is no store that this version can use.

    Attributes:
        next_step: what to do about it.
    """

    def __init__(self, why: str, next_step: str = _USABLE) -> None:
        super().__init__(why)
        self.next_step = next_step


def check_usable(connection: sqlite3.Connection) -> None:
    """Leave a file alone that is no store of ours, or not one of now.

    Raises:
        UnusableFileError: the file is another program's, a newer version's or the first one's.
    """
    version = _version(connection)
    marked = connection.execute("PRAGMA application_id").fetchone()[0] == _APPLICATION_ID
    if marked and version > VERSION:
        raise UnusableFileError(
            f"written by a newer fw-mcp: schema {version}",
            "Start that version, or name another file with --store FILE; ",
        )
    # The first version left no mark: its tables tell.
    columns = tuple(row[1] for row in connection.execute("PRAGMA table_info(journal)"))
    if version == 1 and columns == _JOURNAL_1:
        raise UnusableFileError(
            "written by the first fw-mcp: schema 1, which is no longer read",
            "Move the file away to start a new one, or name another with --store FILE; ",
        )
    empty = connection.execute("SELECT name FROM sqlite_master").fetchone() is None
    known = {2, *_LATER, VERSION}
    if not (empty if version == 0 else marked and version in known):
        raise UnusableFileError("it is another program's database")


def prepare(connection: sqlite3.Connection, account: str) -> None:
    """Make the tables, or bring those of an older version up to date; inside a transaction.

    Args:
        connection: to a file that is usable.
        account: whose what the older version kept for no account in particular is from now on.
    """
    version = _version(connection)
    if version == VERSION:
        return
    if version not in _LATER:
        if version:
            put_aside(connection)
        _run(connection, TABLES)
        if version:
            _take_over(connection, account)
    elif version < _WITHOUT_KEYS:
        _run(connection, CLIENTS)
    if version < _WITHOUT_CLIENTS:
        _run(connection, UPLOADS)
    _run(connection, KEYS)
    connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {VERSION}")


def _take_over(connection: sqlite3.Connection, account: str) -> None:
    try:
        take_over(connection, account)
    except (AttributeError, LookupError, TypeError, ValueError) as odd:
        raise UnusableFileError("what an older fw-mcp stored there cannot be read") from odd


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _run(connection: sqlite3.Connection, statements: str) -> None:
    # executescript would end the transaction.
    for statement in each(statements):
        connection.execute(statement)


class SqliteConnection(sqlite3.Connection):
    """As a transaction of any store has it; SQLite hides no account from another."""

    def every_account(self) -> list[str]:
        """The accounts that were ever worked on in this store."""
        found: set[str] = set()
        for table in ("changes", "plans"):
            statement = f"SELECT DISTINCT account FROM {table}"  # noqa: S608  ours
            # What an older version kept of plans names no account.
            with suppress(sqlite3.Error):
                found.update(account for (account,) in self.execute(statement).fetchall())
        return sorted(found)

    def show(self, *accounts: str) -> None:
        """Nothing is hidden: each statement says whose rows it means."""

    def take_turn(self, account: str) -> None:
        """One transaction at a time is at the file."""


def accounts_in(path: Path) -> list[str]:
    """The digests of the accounts that a store knows; none where it cannot be read."""
    if not os.path.isfile(path):  # noqa: PTH113  Path.is_file raises where it may not look
        return []
    uri = f"{path.absolute().as_uri()}?mode=ro"
    with (
        suppress(sqlite3.Error),
        closing(sqlite3.connect(uri, uri=True, factory=SqliteConnection)) as connection,
    ):
        with suppress(sqlite3.Error):
            return accounts_known(connection)
        return [account for account in connection.every_account() if account]
    return []


T = TypeVar("T")


class Database(Store):
    """A store in a SQLite file.

    Args:
        path: the file, made with its folder when missing; None keeps everything in memory.
        account: a digest that names the account that is worked on, or the keys that tell.
        busy_timeout_s: how long a transaction waits for another process, in seconds.
    """

    def __init__(
        self, path: Path | None, *, account: str | KeyPair = "", busy_timeout_s: float = 5.0
    ) -> None:
        super().__init__(account)
        self.path = path
        self.shared = path is not None
        self.name = str(path or "in memory")
        self._files: tuple[_Identity, ...] = ()
        self._locks = Locks(path)
        self._busy_timeout_s = busy_timeout_s
        self._connection: SqliteConnection | None = None

    async def run(self, work: Callable[[SqliteConnection], T]) -> T:
        """Run `work` inside one immediate transaction, on a worker thread.

        Args:
            work: gets the connection; what it raises rolls the transaction back.

        Raises:
            StoreError: the file cannot be opened, read or written.
        """
        return await self._on_a_thread(work)

    def exclusive(self, *names: str) -> AbstractAsyncContextManager[Fence]:
        """While it lasts, nobody else of the account is at any of these names; all or none.

        Raises:
            GuardError: somebody is, in this process or another.
            StoreError: it cannot be told.
        """
        return self._locks.exclusive(self.account, *names)

    async def is_taken(self, name: str) -> bool:
        """Whether somebody, in this process or another, is at it right now.

        Raises:
            StoreError: it cannot be told.
        """
        return await self._locks.is_taken(self.account, name)

    def of(self, account: str | KeyPair) -> Self:
        """The same store, for another account."""
        return type(self)(self.path, account=account, busy_timeout_s=self._busy_timeout_s)

    def accounts(self) -> list[str]:
        """The accounts that the store knows, the last at work last; it is not made for that."""
        return [] if self.path is None else accounts_in(self.path)

    def now(self) -> float:
        """Seconds since the epoch, by this machine's clock."""
        return time.time()

    @property
    def is_open(self) -> bool:
        """Whether `close` would let go of something."""
        return self._connection is not None

    def close(self) -> None:
        """Close the file; a later `run` opens it again."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _transact(self, work: Callable[[SqliteConnection], T]) -> T:
        try:
            connection = self._open()
            self._begin(connection)
            try:
                known = self.known or self._is_on_record(connection)
                result = work(connection)
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
        except (sqlite3.Error, OSError, json.JSONDecodeError) as fault:
            raise self._unavailable(fault) from fault
        self.known = known
        return result

    def _begin(self, connection: sqlite3.Connection) -> None:
        """Begin a transaction, and count it where another process makes it wait."""
        connection.execute("PRAGMA busy_timeout = 0")
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as fault:
            # What an extended code adds is in its higher bytes.
            if fault.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                raise
            count("fw_mcp.store.repeats")
        connection.execute(f"PRAGMA busy_timeout = {round(self._busy_timeout_s * 1000)}")
        if not connection.in_transaction:
            connection.execute("BEGIN IMMEDIATE")

    def _open(self) -> SqliteConnection:
        if self._connection is not None and self.path is not None:
            self._look_at_file(self._connection, self.path)
        if self._connection is None:
            self._connection = self._connect()
        return self._connection

    def _look_at_file(self, connection: SqliteConnection, path: Path) -> None:
        """Let go of a file that has lost its name: what is written there, nobody ever reads."""
        if _identity(path) == self._files[0]:
            return
        _log.warning("The store %s was removed or replaced; what is there now is used.", path)
        connection.close()
        self._connection = None
        # A log that belongs to the lost file would be taken for a part of the one that is there.
        _remove(zip(_beside(path), self._files[1:], strict=True))

    def _connect(self) -> SqliteConnection:
        opened = None
        if self.path is not None:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            opened = _made(self.path)
        connection = sqlite3.connect(
            self.path or ":memory:",
            timeout=self._busy_timeout_s,
            isolation_level=None,
            check_same_thread=False,
            factory=SqliteConnection,
        )
        connection.row_factory = sqlite3.Row
        try:
            self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        if self.path is not None:
            self._files = (opened, *map(_identity, _beside(self.path)))
        # Whoever forgets to close the database must not leak its file.
        weakref.finalize(self, connection.close)
        return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        # All of it at one moment: another account, or another process, may be making the tables.
        connection.execute("BEGIN")
        check_usable(connection)
        connection.execute("COMMIT")
        if self.path is not None:
            _keep_private(self.path)
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("BEGIN IMMEDIATE")
        prepare(connection, self.account)
        connection.execute("COMMIT")

    def _unavailable(self, fault: Exception) -> StoreError:
        kind, next_step = type(fault).__name__, _USABLE
        if isinstance(fault, UnusableFileError):
            kind, next_step = str(fault), fault.next_step
        return StoreError(
            f"Cannot use the store {self.name} ({kind}).",
            state="Nothing was sent; reading images still works.",
            next_step=f"{next_step}fw-mcp doctor checks it.",
            reason=Reason.STORE_UNAVAILABLE,
        )


_Identity = tuple[int, int] | None

_making = threading.Lock()


def _identity(path: Path) -> _Identity:
    """Which file has that name; None where none has."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def _beside(path: Path) -> tuple[Path, Path]:
    """What SQLite keeps beside its file: what is not in it yet, and an index of that."""
    return path.with_name(f"{path.name}-wal"), path.with_name(f"{path.name}-shm")


def _made(path: Path) -> _Identity:
    """The file, made where there is none; it holds titles, products and former records.

    One that is there is not opened: to close it again would free what SQLite has locked of it for
    another account of this process.
    """
    left = [(beside, _identity(beside)) for beside in _beside(path)]
    with _making:
        try:
            _make(path, os.O_EXCL)
        except FileExistsError:
            left.clear()
            if not path.is_file():
                # A link to a file that is yet to be made; or else it says what it is.
                _make(path)
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):
        # A device or a pipe: others use it, and it would become this user's alone.
        raise UnusableFileError("it is not a regular file")
    # Of a file that was removed while it was open; whoever opened the new one made others.
    _remove(left)
    return found.st_dev, found.st_ino


def _make(path: Path, only: int = 0) -> None:
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | only, 0o600))


def _remove(files: Iterable[tuple[Path, _Identity]]) -> None:
    """Remove the files that still are the ones that they were."""
    for path, identity in files:
        if identity is not None and _identity(path) == identity:
            path.unlink(missing_ok=True)


def _keep_private(path: Path) -> None:
    """Nobody but the owner may read it, however it came there."""
    if os.name != "posix":
        return
    for one in (path, *_beside(path)):
        try:
            if one.stat().st_mode & _OTHERS:
                one.chmod(0o600)
        except FileNotFoundError:
            continue
        except OSError as fault:
            _log.warning(
                "Others may read %s, and that could not be changed (%s).", one, type(fault).__name__
            )
