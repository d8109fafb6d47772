"""What one call at a time may be at, whichever process it runs in."""

import hashlib
import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar

import anyio
import anyio.to_thread

from fw_mcp.errors import GuardError, Reason, StoreError
from fw_mcp.store.connection import Connection

if TYPE_CHECKING:
    from filelock import FileLock

T = TypeVar("T")

# Whoever only asks whether a name is taken has it for less than a millisecond.
_PATIENCE_S = 0.05
_LOOK_EVERY_S = 0.005


class Fence:
    """The right to write under names that somebody has taken.

    Attributes:
        held: False once the block that took them ended.
    """

    def __init__(self) -> None:
        self.held = True

    def check(self, _: Connection) -> None:
        """See that the names are still taken, inside the transaction that writes under them.

        Raises:
            GuardError: they are not: nothing may be sent.
        """
        if not self.held:
            raise still_running()

    @property
    def is_sure(self) -> bool:
        """Whether nobody can have taken the names meanwhile."""
        return self.held


class _Hold(Protocol):
    """One name, to be taken by one thread at a time."""

    def take(self) -> bool:
        """Take it; False when somebody has it for longer than it takes to ask."""

    def give_back(self) -> None:
        """Let the next one have it, if it was taken."""

    def is_taken(self) -> bool:
        """Whether somebody has it."""


class Locks:
    """The names that calls on one store take, each for one account.

    The operating system frees a name when its process ends, however that ends.

    Args:
        store: the store's file; None where it is in memory, and no other process shares it.
    """

    def __init__(self, store: Path | None) -> None:
        self._store = store
        self._taken: set[str] = set()
        self._turn = anyio.CapacityLimiter(1)

    @asynccontextmanager
    async def exclusive(self, account: str, *names: str) -> AsyncIterator[Fence]:
        """While it lasts, nobody else is at any of these names; all are taken, or none.

        Args:
            account: a digest that names the account; the names of others are others.
            names: what the calls of the account take.

        Raises:
            GuardError: somebody is, in this process or another.
            StoreError: the folder of the locks cannot be written.
        """
        fence = Fence()
        # Two calls that want the same names want them in the same order: one gets them.
        holds = [self._hold(f"{account}\0{name}") for name in sorted(set(names))]
        try:
            if not await self._apart(lambda: all(hold.take() for hold in holds)):
                raise still_running()
            yield fence
        finally:
            fence.held = False
            with anyio.CancelScope(shield=True):
                await self._apart(lambda: _give_back(holds))

    async def is_taken(self, account: str, name: str) -> bool:
        """Whether somebody, in this process or another, is at it right now.

        Raises:
            StoreError: the folder of the locks cannot be read or written.
        """
        return await self._apart(self._hold(f"{account}\0{name}").is_taken)

    def _hold(self, name: str) -> _Hold:
        if self._store is None:
            return _HoldInMemory(self._taken, name)
        return _HoldOfFile(self._store, name)

    async def _apart(self, work: Callable[[], T]) -> T:
        """Off the event loop; not abandoned when cancelled, so that what was taken is known."""
        try:
            return await anyio.to_thread.run_sync(work, limiter=self._turn)
        except OSError as fault:
            raise self._unavailable(fault) from fault

    def _unavailable(self, fault: OSError) -> StoreError:
        return StoreError(
            f"The locks beside the store {self._store} cannot be used ({type(fault).__name__}).",
            state="Nothing was sent; reading images still works.",
            next_step="Make the store's folder writable, or name another with --store FILE; "
            "fw-mcp doctor checks it.",
            reason=Reason.STORE_UNAVAILABLE,
        )


class _HoldInMemory:
    """A name among those that this process has taken."""

    def __init__(self, taken: set[str], name: str) -> None:
        self._all = taken
        self._name = name
        self._mine = False

    def take(self) -> bool:
        if self.is_taken():
            return False
        self._all.add(self._name)
        self._mine = True
        return True

    def give_back(self) -> None:
        if self._mine:
            self._all.discard(self._name)
            self._mine = False

    def is_taken(self) -> bool:
        return self._name in self._all


class _HoldOfFile:
    """A name as a file, locked by the operating system, in a folder beside the store."""

    def __init__(self, store: Path, name: str) -> None:
        self._store = store
        self._digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:32]
        self._lock: FileLock | None = None

    def take(self, patience_s: float = _PATIENCE_S) -> bool:
        # A server that only lists its tools does not wait for it.
        from filelock import FileLock, Timeout  # noqa: PLC0415

        file = self._file()
        for folder in (file.parent.parent, file.parent):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Without the kernel's locks, files and process ids would tell, and tell wrong.
        lock = FileLock(file, mode=0o600, thread_local=False, fallback_to_soft=False)
        try:
            lock.acquire(timeout=patience_s, poll_interval=_LOOK_EVERY_S)
        except Timeout:
            return False
        self._lock = lock
        return True

    def give_back(self) -> None:
        if self._lock is None:
            return
        # Removed while it is still locked: whoever opened it before and locks it after sees that
        # it has no name left, and makes a new one (filelock looks). Windows removes no open file;
        # there, filelock does after the lock is gone. After a kill it stays, for the next one.
        if os.name == "posix":
            with suppress(OSError):
                Path(self._lock.lock_file).unlink()
        self._lock.release()
        self._lock = None

    def is_taken(self) -> bool:
        if not self._file().exists():
            return False
        try:
            return not self.take(patience_s=0.0)
        finally:
            self.give_back()

    def _file(self) -> Path:
        # A store under two names is one store.
        store = self._store.resolve()
        return store.with_name(f"{store.name}.locks") / f"{self._digest}.lock"


def _give_back(holds: Sequence[_Hold]) -> None:
    for hold in holds:
        hold.give_back()


def still_running() -> GuardError:
    """What is told to whoever wants a name that somebody has."""
    return GuardError(
        "Another call is working on the same change.",
        state="This call sent nothing; its result is not known yet.",
        next_step="Call again in a minute: it then returns the result or continues.",
        reason=Reason.STILL_RUNNING,
    )
