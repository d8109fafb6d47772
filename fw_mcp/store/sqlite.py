"""One SQLite file: its tables, and transactions one at a time off the event loop."""

import json
import logging
import os
import secrets
import sqlite3
import stat
import threading
import weakref
from collections.abc import Callable, Iterable
from contextlib import AbstractAsyncContextManager, closing, suppress
from pathlib import Path
from typing import TypeVar

import anyio
import anyio.to_thread

from fw_mcp.errors import Reason, StoreError
from fw_mcp.store.accounts import KeyPair, account_of, gather, keep
from fw_mcp.store.locks import Fence, Locks
from fw_mcp.store.upgrade import put_aside, take_over
from fw_mcp.telemetry import count, lasting

_log = logging.getLogger(__name__)

_OTHERS = 0o077
# "fwmc": what tells a store from another program's SQLite file.
_APPLICATION_ID = 0x66776D63
_VERSION = 5
# What they lack is made; all else they have as it is now.
_WITHOUT_UPLOADS = 3
_WITHOUT_CLIENTS = 4

IN_THIS_PROCESS = "process-"
"""How an account's name begins whose library is in this process, and ends with it."""

# Each table is asked for one account at a time. Texts of other people are JSON, so that no
# character is refused; SQL never looks into one. What is long comes last: SQLite reads up to it.
_TABLES = """
CREATE TABLE facts (
    account TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (account, name)
);
CREATE TABLE plans (
    account TEXT NOT NULL, plan_id TEXT NOT NULL, tool TEXT NOT NULL, caller TEXT NOT NULL,
    arguments_digest TEXT NOT NULL, targets_digest TEXT NOT NULL, weight INTEGER NOT NULL,
    question TEXT NOT NULL, created_at DOUBLE PRECISION NOT NULL,
    expires_at DOUBLE PRECISION NOT NULL, approved_at DOUBLE PRECISION,
    ended_at DOUBLE PRECISION, ended_as TEXT,
    PRIMARY KEY (account, plan_id)
);
CREATE INDEX plans_ended ON plans (account, ended_as, ended_at);
CREATE INDEX plans_expired ON plans (account, expires_at);
CREATE TABLE changes (
    account TEXT NOT NULL, change_id TEXT NOT NULL, place BIGINT NOT NULL, tool TEXT NOT NULL,
    caller TEXT NOT NULL, arguments_digest TEXT NOT NULL, plan_id TEXT, accepted TEXT, undoes TEXT,
    begun_at DOUBLE PRECISION NOT NULL, ended_at DOUBLE PRECISION,
    worked_at DOUBLE PRECISION NOT NULL,
    baseline TEXT, seen TEXT NOT NULL, arguments TEXT NOT NULL, client TEXT,
    PRIMARY KEY (account, change_id)
);
CREATE INDEX changes_newest ON changes (account, place);
CREATE INDEX changes_alike ON changes (account, arguments_digest, worked_at);
CREATE INDEX changes_undoing ON changes (account, undoes, place) WHERE undoes IS NOT NULL;
CREATE INDEX changes_oldest ON changes (account, worked_at);
CREATE INDEX changes_whole ON changes (account, worked_at)
    WHERE arguments <> '{}' OR seen <> '{}';
CREATE TABLE items (
    account TEXT NOT NULL, change_id TEXT NOT NULL, item INTEGER NOT NULL, kind TEXT NOT NULL,
    outcome TEXT, doubled INTEGER NOT NULL, place BIGINT NOT NULL,
    begun_at DOUBLE PRECISION NOT NULL, finished_at DOUBLE PRECISION,
    guid TEXT, detail TEXT NOT NULL, sent TEXT, before TEXT, after TEXT, told TEXT,
    PRIMARY KEY (account, change_id, item),
    FOREIGN KEY (account, change_id) REFERENCES changes (account, change_id) ON DELETE CASCADE
);
CREATE INDEX items_newest ON items (account, place);
CREATE INDEX items_since ON items (account, (coalesce(finished_at, begun_at)));
CREATE INDEX items_open ON items (account, change_id)
    WHERE kind <> '' AND (outcome IS NULL OR outcome = 'unknown');
"""
_UPLOADS = """
CREATE TABLE uploads (
    account TEXT NOT NULL, place TEXT NOT NULL, path TEXT NOT NULL, master TEXT NOT NULL,
    file_name TEXT NOT NULL, size BIGINT NOT NULL, mtime_ns BIGINT NOT NULL,
    pix_w INTEGER NOT NULL, pix_h INTEGER NOT NULL, mime_type TEXT NOT NULL,
    preview TEXT NOT NULL, preview_size BIGINT NOT NULL,
    thumbnail TEXT NOT NULL, thumbnail_size BIGINT NOT NULL,
    sent BIGINT NOT NULL, change_id TEXT NOT NULL, guids TEXT NOT NULL,
    begun_at DOUBLE PRECISION NOT NULL, uploaded_at DOUBLE PRECISION,
    verified_at DOUBLE PRECISION, removed_at DOUBLE PRECISION,
    PRIMARY KEY (account, place, path, master)
);
CREATE INDEX uploads_begun ON uploads (account, begun_at);
CREATE INDEX uploads_content ON uploads (account, place, master);
"""

# It came to a table that was there, and so stands after what is long.
_CLIENTS = "ALTER TABLE changes ADD COLUMN client TEXT"

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
    if marked and version > _VERSION:
        raise UnusableFileError(f"written by a newer fw-mcp: schema {version}")
    # The first version left no mark: its tables tell.
    columns = tuple(row[1] for row in connection.execute("PRAGMA table_info(journal)"))
    if version == 1 and columns == _JOURNAL_1:
        raise UnusableFileError(
            "written by the first fw-mcp: schema 1, which is no longer read",
            "Move the file away to start a new one, or name another with --store FILE; ",
        )
    empty = connection.execute("SELECT name FROM sqlite_master").fetchone() is None
    known = {2, _WITHOUT_UPLOADS, _WITHOUT_CLIENTS, _VERSION}
    if not (empty if version == 0 else marked and version in known):
        raise UnusableFileError("it is another program's database")


def prepare(connection: sqlite3.Connection, account: str) -> None:
    """Make the tables, or bring those of an older version up to date; inside a transaction.

    Args:
        connection: to a file that is usable.
        account: whose what the older version kept for no account in particular is from now on.
    """
    version = _version(connection)
    if version == _VERSION:
        return
    if version in {_WITHOUT_UPLOADS, _WITHOUT_CLIENTS}:
        connection.execute(_CLIENTS)
    else:
        if version:
            put_aside(connection)
        _run(connection, _TABLES)
        if version:
            _take_over(connection, account)
    if version != _WITHOUT_CLIENTS:
        _run(connection, _UPLOADS)
    connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {_VERSION}")


def _take_over(connection: sqlite3.Connection, account: str) -> None:
    try:
        take_over(connection, account)
    except (AttributeError, LookupError, TypeError, ValueError) as odd:
        raise UnusableFileError("what an older fw-mcp stored there cannot be read") from odd


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _run(connection: sqlite3.Connection, statements: str) -> None:
    # executescript would end the transaction.
    for statement in statements.split(";"):
        connection.execute(statement)


_LAST_AT = (
    "SELECT max(worked_at) FROM changes WHERE account = ?",
    "SELECT max(created_at) FROM plans WHERE account = ?",
)


def accounts_in(path: Path) -> list[str]:
    """The digests of the accounts that a store knows; none where it cannot be read."""
    if not os.path.isfile(path):  # noqa: PTH113  Path.is_file raises where it may not look
        return []
    with (
        suppress(sqlite3.Error),
        closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection,
    ):
        return accounts_known(connection)
    return []


def accounts_known(connection: sqlite3.Connection) -> list[str]:
    """The digests of the accounts that have changes or plans in a store; the last at work last."""
    found: dict[str, float] = {}
    for table in ("changes", "plans"):
        statement = f"SELECT DISTINCT account FROM {table} WHERE account <> ''"  # noqa: S608  ours
        # What an older version kept of plans names no account.
        with suppress(sqlite3.Error):
            for (account,) in connection.execute(statement).fetchall():
                found[account] = _last_at(connection, account)
    return sorted(found, key=lambda account: (found[account], account))


_LEAVE = (
    "DELETE FROM facts WHERE account = ?",
    "DELETE FROM plans WHERE account = ?",
    "DELETE FROM changes WHERE account = ?",
    "DELETE FROM uploads WHERE account = ?",
)


def _last_at(connection: sqlite3.Connection, account: str) -> float:
    last = 0.0
    for statement in _LAST_AT:
        with suppress(sqlite3.Error):
            last = max(last, connection.execute(statement, (account,)).fetchone()[0] or 0.0)
    return last


T = TypeVar("T")


class Database:
    """A SQLite database that several processes, and several accounts, may share.

    Args:
        path: the file, made with its folder when missing; None keeps everything in memory.
        account: a digest that names the account that is worked on, or the keys that tell.
        busy_timeout_s: how long a transaction waits for another process, in seconds.

    Attributes:
        account: its name; of keys, to be asked for inside a transaction while it is not known.
        known: whether it is the account's own name, and not one that stands in for it.
    """

    def __init__(
        self, path: Path | None, *, account: str | KeyPair = "", busy_timeout_s: float = 5.0
    ) -> None:
        self.path = path
        self._pair = account if isinstance(account, KeyPair) else None
        self.account = account.digest if isinstance(account, KeyPair) else account
        self.known = self._pair is None
        self._is_own = True
        self._files: tuple[_Identity, ...] = ()
        self._locks = Locks(path)
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
        with lasting("fw_mcp.store.duration", kind=_kind(work)):
            # Not abandoned when cancelled: a transaction that runs is one whose end is known.
            return await anyio.to_thread.run_sync(self._transact, work, limiter=self._turn)

    async def learn(self, account: str) -> None:
        """Keep which account the keys are for; what stands under them is that account's.

        Args:
            account: a digest; one that another process learned before stays.

        Raises:
            StoreError: it cannot be kept.
        """
        pair = self._pair
        if pair is None:
            return
        await self.run(lambda connection: keep(connection, pair, account))
        await self.is_known()

    async def is_known(self) -> bool:
        """Whether the account is known by now, here or in another process on this store.

        Raises:
            StoreError: it cannot be told.
        """
        if not self.known:
            await self.run(lambda _: None)
        return self.known

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

    def mean(self, account: str) -> None:
        """Ask for another account from now on, which another process works on."""
        self._pair, self.account, self.known, self._is_own = None, account, True, False

    async def aclose(self) -> None:
        """Close the file; what was kept for a library in this process goes with that.

        Raises:
            StoreError: that could not be deleted.
        """
        try:
            gone = self._is_own and self.account.startswith(IN_THIS_PROCESS)
            if gone and self._connection is not None and self.path is not None:
                await self.run(self._leave)
        finally:
            self.close()

    def _leave(self, connection: sqlite3.Connection) -> None:
        for statement in _LEAVE:
            connection.execute(statement, (self.account,))

    def close(self) -> None:
        """Close the file; a later `run` opens it again."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _transact(self, work: Callable[[sqlite3.Connection], T]) -> T:
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

    def _is_on_record(self, connection: sqlite3.Connection) -> bool:
        """Look up the account of the keys; so each statement has the name that holds right now."""
        if self._pair is None:
            return True
        account = account_of(connection, self._pair)
        self.account = account or self._pair.digest
        gather(connection, self._pair, self.account)
        return account is not None

    def _open(self) -> sqlite3.Connection:
        if self._connection is not None and self.path is not None:
            self._look_at_file(self._connection, self.path)
        if self._connection is None:
            self._connection = self._connect()
        return self._connection

    def _look_at_file(self, connection: sqlite3.Connection, path: Path) -> None:
        """Let go of a file that has lost its name: what is written there, nobody ever reads."""
        if _identity(path) == self._files[0]:
            return
        _log.warning("The store %s was removed or replaced; what is there now is used.", path)
        connection.close()
        self._connection = None
        # A log that belongs to the lost file would be taken for a part of the one that is there.
        _remove(zip(_beside(path), self._files[1:], strict=True))

    def _connect(self) -> sqlite3.Connection:
        opened = None
        if self.path is not None:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            opened = _made(self.path)
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
        if self.path is not None:
            self._files = (opened, *map(_identity, _beside(self.path)))
        # Whoever forgets to close the database must not leak its file.
        weakref.finalize(self, connection.close)
        return connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        check_usable(connection)
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
            f"Cannot use the store {self.path or 'in memory'} ({kind}).",
            state="Nothing was sent; reading images still works.",
            next_step=f"{next_step}fw-mcp doctor checks it.",
            reason=Reason.STORE_UNAVAILABLE,
        )


def _kind(work: Callable[[sqlite3.Connection], object]) -> str:
    """What a transaction is for: the function that has it run."""
    return str(getattr(work, "func", work).__qualname__).partition(".<locals>")[0]


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


_KEEP_ID = """
INSERT INTO facts (account, name, value) VALUES (
    :account, 'session_id',
    coalesce((SELECT value FROM facts WHERE account = '' AND name = 'session_id'), :made)
) ON CONFLICT (account, name) DO NOTHING
"""
_KEPT_ID = "SELECT value FROM facts WHERE account = ? AND name = 'session_id'"


async def session_id(database: Database) -> str:
    """The FinerWorks session id of the account in this store: 32 hex digits, made once and kept.

    A lost one makes the account's temporary images unreachable: where a store of schema 2 had one
    for all its accounts, each of them keeps that.
    """

    def work(connection: sqlite3.Connection) -> str:
        made = {"account": database.account, "made": secrets.token_hex(16)}
        connection.execute(_KEEP_ID, made)
        return str(connection.execute(_KEPT_ID, (database.account,)).fetchone()["value"])

    return await database.run(work)
