"""A store in PostgreSQL, which any number of replicas share.

Each transaction begins with a lock of its account, so that what was written for one process at a
time stays right, and sees the rows of its account alone. psycopg is an extra: this module is
imported only where the store is one of these.
"""

import json
import logging
import re
import secrets
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, suppress
from functools import cache, partial
from typing import Any, Self, TypeVar

import anyio
import anyio.to_thread
import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg_pool import ConnectionPool

from fw_mcp.errors import Reason, StoreError
from fw_mcp.store.accounts import KeyPair
from fw_mcp.store.connection import Connection, Values
from fw_mcp.store.database import Store, accounts_known
from fw_mcp.store.heard import Heard
from fw_mcp.store.locks import Fence, still_running
from fw_mcp.store.migrations import VERSION, Raw, UnusableDatabaseError, migrate, version_of
from fw_mcp.store.names import FenceOfRows, is_held, say_again
from fw_mcp.store.texts import as_given, as_kept
from fw_mcp.telemetry import count
from fw_mcp.text import quoted

_log = logging.getLogger(__name__)

T = TypeVar("T")

# A database that is gone is known to be: what waits for its answer waits for no more than this.
_PATIENCE = {
    "application_name": "fw-mcp",
    "client_encoding": "UTF8",
    "connect_timeout": "5",
    "keepalives_idle": "5",
    "keepalives_interval": "2",
    "keepalives_count": "3",
    "tcp_user_timeout": "10000",
}
_AT_ONCE = 8
_PAUSES_S = (0.0, 0.05, 0.1, 0.2, 0.5, 1.0)

# Of no account, nobody's turn is waited for.
_BEGIN = """
SELECT set_config('fw.accounts', (%s::text[])::text, true), set_config('fw.every', '', true),
    set_config('lock_timeout', %s, true),
    set_config('idle_in_transaction_session_timeout', %s, true),
    set_config('synchronous_commit', CASE current_setting('synchronous_commit')
        WHEN 'off' THEN 'on' ELSE current_setting('synchronous_commit') END, true),
    pg_advisory_xact_lock(hashtextextended(%s, 0)),
    extract(epoch FROM clock_timestamp())::float8
"""
_SHOW = "SELECT set_config('fw.accounts', (%s::text[])::text, true)"
_TURN = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))"
_EVERY = "SELECT set_config('fw.every', %s, true)"
# From one account to the next: whose rows they are stands first in the index.
_ACCOUNTS = """
WITH RECURSIVE known AS (
    (SELECT min(account) AS account FROM {table})
    UNION ALL
    SELECT (SELECT min(account) FROM {table} WHERE account > known.account)
    FROM known WHERE known.account IS NOT NULL
) SELECT account FROM known WHERE account IS NOT NULL
"""
_MAY_SEE_ALL = "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user"

_MARKED = re.compile(r"'[^']*'|\?|(?<!:):([a-z_]+)|%")
_NO_ROLE = "Name a role without SUPERUSER and BYPASSRLS; "
_CHECK = "Check the database and its address in --store (FW_MCP_STORE); "
_WHY = {
    "25006": "it is read-only",
    "28000": "it refuses the role",
    "28P01": "it refuses the password",
    "3D000": "there is no such database",
    "3F000": "there is no such schema",
    "42501": "the role lacks a privilege",
    "53100": "its disk is full",
    "55P03": "another process is using the account",
}
# It is going down, coming up, was in the way of another, or was silent for too long.
_PASSING = {"57P01", "57P02", "57P03", "40001", "40P01", "25P03"}
_OF_CONNECTIONS = "08"


class PostgresConnection:
    """A connection inside a transaction of some accounts."""

    def __init__(self, raw: Raw, accounts: Sequence[str]) -> None:
        self._raw = raw
        self._accounts = list(accounts)

    def execute(self, statement: str, values: Values = (), /) -> "_Cursor":
        """Run a statement with `?` or `:name` where values go."""
        cursor = self._raw.cursor(row_factory=_rows)
        return _Cursor(cursor.execute(_marked(statement), _kept(values)))

    def executemany(self, statement: str, rows: Iterable[Values], /) -> "_Cursor":
        """Run it once for each row of values."""
        cursor = self._raw.cursor(row_factory=_rows)
        cursor.executemany(_marked(statement), map(_kept, rows))
        return _Cursor(cursor)

    def every_account(self, tables: Iterable[str] = ("changes", "plans")) -> list[str]:
        """The accounts that were ever worked on in this store."""
        found: set[str] = set()
        self._raw.execute(_EVERY, ("yes",))
        for table in tables:
            found.update(one for (one,) in self.execute(_ACCOUNTS.format(table=table)).fetchall())
        self._raw.execute(_EVERY, ("",))
        return sorted(found)

    def show(self, *accounts: str) -> None:
        """Let the statements of this transaction see what these accounts have, too."""
        new = [one for one in accounts if one not in self._accounts]
        if new:
            self._accounts += new
            self._raw.execute(_SHOW, (list(map(as_kept, self._accounts)),))

    def take_turn(self, account: str) -> None:
        """Work on that account, too; nobody else does until the transaction ends."""
        self._raw.execute(_TURN, (as_kept(account),))
        self.show(account)


class _Cursor:
    """What came of a statement."""

    def __init__(self, cursor: "psycopg.Cursor[_Row]") -> None:
        self._cursor = cursor

    @property
    def rowcount(self) -> int:
        return self._cursor.rowcount

    def fetchone(self) -> Any:  # noqa: ANN401  as SQLite's
        return self._cursor.fetchone()

    def fetchall(self) -> list[Any]:
        return [*self._cursor.fetchall()]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._cursor)


class _Row(tuple[Any, ...]):
    """A row that goes by places and by names, as SQLite's does."""

    __slots__ = ()
    names: tuple[str, ...] = ()

    def keys(self) -> tuple[str, ...]:
        return self.names

    def __getitem__(self, key: Any) -> Any:  # noqa: ANN401  a place, a slice or a name
        return super().__getitem__(self.names.index(key) if isinstance(key, str) else key)


@cache
def _row_of(names: tuple[str, ...]) -> type[_Row]:
    return type("_Row", (_Row,), {"__slots__": (), "names": names})


def _rows(cursor: "psycopg.Cursor[Any]") -> Callable[[Sequence[Any]], _Row]:
    row = _row_of(tuple(column.name for column in cursor.description or ()))
    return lambda values: row(map(as_given, values))


@cache
def _marked(statement: str) -> str:
    """The statement with psycopg's marks."""

    def mark(found: re.Match[str]) -> str:
        if found[0] == "?":
            return "%s"
        return f"%({found[1]})s" if found[1] else found[0].replace("%", "%%")

    return _MARKED.sub(mark, statement)


def _kept(values: Values) -> Values:
    if isinstance(values, Mapping):
        return {name: as_kept(one) for name, one in values.items()}
    return [as_kept(one) for one in values]


class Server:
    """The database, as this process has it: connections, its clock, and the names held here.

    Args:
        url: as libpq takes it.
        clock: this machine's, in seconds since the epoch.
        busy_timeout_s: how long a transaction waits for its turn.
        repeat_s: for how long a transaction is repeated after its connection was lost.
        beat_every_s: how often a name that is held is said to be.
        dead_after_s: after how long without that it is anybody's.
        silent_s: how long the answer to a statement is waited for.
    """

    def __init__(
        self,
        url: str,
        *,
        clock: Callable[[], float] = time.time,
        busy_timeout_s: float = 5.0,
        repeat_s: float = 20.0,
        beat_every_s: float = 5.0,
        dead_after_s: float = 20.0,
        silent_s: float = 30.0,
    ) -> None:
        self.name = _name(url)
        self.dead_after_s = dead_after_s
        self._url = url
        self._clock = clock
        self._ahead_s = 0.0
        self._busy_timeout_s = busy_timeout_s
        self._repeat_s = repeat_s
        self._beat_every_s = beat_every_s
        self._silent_s = silent_s
        self._turn = threading.Lock()
        self._pool: ConnectionPool[Heard] | None = None
        self._users: set[int] = set()
        # Not the other one, which is kept while the database is connected to.
        self._counting = threading.Lock()
        self._fences: dict[str, FenceOfRows] = {}
        self._none_held = threading.Event()

    def now(self) -> float:
        """Seconds since the epoch by the database's clock, as last heard of."""
        return self._clock() + self._ahead_s

    def transact(
        self,
        accounts: Sequence[str],
        work: Callable[[PostgresConnection], T],
        *,
        turn: str | None,
        silent_s: float | None = None,
    ) -> T:
        """Run `work` in one transaction, and again where the connection was lost in it.

        Args:
            accounts: what it may see.
            work: what it raises rolls the transaction back.
            turn: the account that one transaction at a time is at; None where any may be.
            silent_s: how long each answer is waited for; None for as long as usual.

        Raises:
            StoreError: the database cannot be reached, read or written.
        """
        # One that nobody has heard of yet may be none.
        until = time.monotonic() + (self._repeat_s if self._pool else 0.0)
        pauses = iter(_PAUSES_S)
        while True:
            try:
                return self._once(accounts, work, turn, silent_s or self._silent_s)
            except json.JSONDecodeError as fault:
                raise self._unavailable(fault) from fault
            except (psycopg.Error, OSError) as fault:
                if not _is_passing(fault) or time.monotonic() >= until:
                    raise self._unavailable(fault) from fault
                count("fw_mcp.store.repeats")
                _log.info("The store %s: %s; once more.", self.name, _why(fault))
            time.sleep(next(pauses, _PAUSES_S[-1]))

    def _once(
        self,
        accounts: Sequence[str],
        work: Callable[[PostgresConnection], T],
        turn: str | None,
        silent_s: float,
    ) -> T:
        # Whoever falls silent in the middle keeps the others waiting for no longer than a name.
        waits = [f"{s * 1000:.0f}ms" for s in (self._busy_timeout_s, self.dead_after_s)]
        with self._opened().connection() as raw:
            raw.silent_s = silent_s
            with raw.transaction():
                begun = raw.execute(_BEGIN, (list(map(as_kept, accounts)), *waits, as_kept(turn)))
                ((*_, now),) = begun.fetchall()
                self._ahead_s = now - self._clock()
                return work(PostgresConnection(raw, accounts))

    def migrate(self) -> int:
        """Bring the tables up to date; how many steps it took.

        Raises:
            StoreError: it cannot.
        """
        try:
            with self._connected() as raw:
                return migrate(raw)
        except (psycopg.Error, OSError) as fault:
            raise self._unavailable(fault) from fault

    def is_up_to_date(self) -> bool:
        """Whether the tables are those of this version; they are not made for that.

        Raises:
            StoreError: it cannot be told.
        """
        try:
            with self._connected() as raw:
                return version_of(raw) == VERSION
        except (psycopg.Error, OSError) as fault:
            raise self._unavailable(fault) from fault

    def use(self, user: object) -> None:
        """Keep what is open for this one, too."""
        self._users.add(id(user))

    def leave(self, user: object) -> None:
        """Close what is open when nobody uses it any more; a later transaction opens it again."""
        self._users.discard(id(user))
        with self._turn:
            if not self._users and self._pool is not None:
                self._pool.close()
                self._pool = None

    @contextmanager
    def holding(self, fence: FenceOfRows) -> Iterator[None]:
        """While it lasts, say again and again that the names are held."""
        with self._counting:
            self._fences[fence.hold] = fence
            if len(self._fences) == 1:
                self._none_held = threading.Event()
                beat = partial(self._beat, self._none_held)
                threading.Thread(target=beat, name="fw-mcp names", daemon=True).start()
        try:
            yield
        finally:
            with self._counting:
                del self._fences[fence.hold]
                if not self._fences:
                    self._none_held.set()

    def _beat(self, none_held: threading.Event) -> None:
        while not none_held.wait(self._beat_every_s):
            with self._counting:
                fences = list(self._fences.values())
            try:
                self.transact(
                    list({fence.account for fence in fences}),
                    partial(say_again, fences),
                    turn=None,
                    silent_s=self._beat_every_s,
                )
            except StoreError as fault:
                _log.warning("%s The names held here may go to another process.", fault.what)

    def _opened(self) -> "ConnectionPool[Heard]":
        with self._turn:
            if self._pool is None:
                with self._connected() as raw:
                    migrate(raw)
                    _see_that_accounts_are_apart(raw)
                self._pool = ConnectionPool(
                    self._address(),
                    connection_class=Heard,
                    min_size=1,
                    max_size=_AT_ONCE,
                    kwargs={"prepare_threshold": None},
                    configure=self._configure,
                    open=True,
                    timeout=5.0,
                    name="fw-mcp",
                )
            return self._pool

    def _connected(self) -> Heard:
        """A connection beside the pool, which does not tell why nobody answers."""
        try:
            raw = Heard.connect(self._address(), prepare_threshold=None)
        except psycopg.OperationalError as fault:
            # A password that is refused has no code of its own, and is for the operator alone.
            _log.warning("The store %s does not answer: %s", self.name, quoted(str(fault), 300))
            raise
        self._configure(raw)
        return raw

    def _configure(self, raw: Heard) -> None:
        # Whatever the database's default is: after the lock, a statement sees what was committed.
        raw.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
        raw.silent_s = self._silent_s

    def _address(self) -> str:
        given = conninfo_to_dict(self._url)
        return make_conninfo(self._url, **{k: v for k, v in _PATIENCE.items() if k not in given})

    def _unavailable(self, fault: Exception) -> StoreError:
        next_step = fault.next_step if isinstance(fault, UnusableDatabaseError) else _CHECK
        return StoreError(
            f"Cannot use the store {self.name} ({_why(fault)}).",
            state="Nothing was sent; reading images still works.",
            next_step=f"{next_step}fw-mcp doctor checks it.",
            reason=Reason.STORE_UNAVAILABLE,
        )


class PostgresStore(Store):
    """A store in PostgreSQL.

    Args:
        server: where it is.
        account: a digest that names the account that is worked on, or the keys that tell.
    """

    def __init__(self, server: Server, *, account: str | KeyPair = "") -> None:
        super().__init__(account)
        self.name = server.name
        self._server = server
        self._is_open = False

    async def run(self, work: Callable[[Connection], T]) -> T:
        """Run `work` inside one transaction of the account, on a worker thread.

        Raises:
            StoreError: the database cannot be reached, read or written.
        """
        return await self._on_a_thread(work)

    def exclusive(self, *names: str) -> AbstractAsyncContextManager[Fence]:
        """While it lasts, nobody else of the account is at any of these names; all or none.

        Raises:
            GuardError: somebody is, in this process or another.
            StoreError: it cannot be told.
        """
        return self._exclusive(sorted(set(names)))

    async def is_taken(self, name: str) -> bool:
        """Whether somebody, in this process or another, is at it right now.

        Raises:
            StoreError: it cannot be told.
        """

        def work(connection: Connection) -> bool:
            return is_held(connection, self.account, name, self._server.dead_after_s)

        return await self.run(work)

    def of(self, account: str | KeyPair) -> Self:
        """The same store, for another account."""
        return type(self)(self._server, account=account)

    def accounts(self) -> list[str]:
        """The accounts that the store knows, the last at work last; none where it cannot tell."""
        with suppress(StoreError):
            if self._server.is_up_to_date():
                return self._transact(accounts_known)
        return []

    def now(self) -> float:
        """Seconds since the epoch, by the database's clock."""
        return self._server.now()

    @property
    def is_open(self) -> bool:
        """Whether `close` would let go of something."""
        return self._is_open

    def close(self) -> None:
        """Let go of the connections, when this is the last store of the process that has them."""
        self._server.leave(self)
        self._is_open = False

    def _transact(self, work: Callable[[Connection], T]) -> T:
        def known(connection: PostgresConnection) -> tuple[bool, T]:
            return self.known or self._is_on_record(connection), work(connection)

        self._server.use(self)
        self._is_open = True
        pair = self._pair
        own = [self.account, *((pair.digest, *pair.former) if pair else ())]
        self.known, result = self._server.transact(own, known, turn=self.account)
        return result

    @asynccontextmanager
    async def _exclusive(self, names: Sequence[str]) -> AsyncIterator[Fence]:
        fence = FenceOfRows(secrets.token_hex(8), names, self._server.dead_after_s)
        try:
            if not await self.run(partial(fence.take, self)):
                raise still_running()
            with self._server.holding(fence):
                yield fence
        finally:
            fence.held = False
            with anyio.CancelScope(shield=True):
                try:
                    await self.run(fence.give_back)
                except StoreError as fault:
                    # It is anybody's before long.
                    _log.warning("%s The names of a call were not given back.", fault.what)


def _see_that_accounts_are_apart(raw: Raw) -> None:
    ((sees_all,),) = raw.execute(_MAY_SEE_ALL).fetchall()
    if sees_all:
        raise UnusableDatabaseError("its role may see the rows of every account", _NO_ROLE)


def _is_passing(fault: Exception) -> bool:
    """Whether the same may work in a moment."""
    state = fault.sqlstate if isinstance(fault, psycopg.Error) else None
    if state is None:
        return isinstance(fault, psycopg.OperationalError | psycopg.InterfaceError)
    return state in _PASSING or state.startswith(_OF_CONNECTIONS)


def _why(fault: Exception) -> str:
    """In words of ours: those of the database may hold anything."""
    if isinstance(fault, UnusableDatabaseError):
        return str(fault)
    state = fault.sqlstate if isinstance(fault, psycopg.Error) else None
    if state is None and isinstance(fault, psycopg.OperationalError):
        return "it cannot be reached"
    return _WHY.get(state or "", type(fault).__name__)


def _name(url: str) -> str:
    """The address without what may be a secret."""
    place, _, rest = url.partition("://")[2].partition("/")
    user, at, host = place.rpartition("@")
    return f"postgresql://{user.partition(':')[0]}{at}{host}/{rest.partition('?')[0]}"
