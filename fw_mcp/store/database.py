"""What survives a call, by account: transactions one at a time, and names that one call takes.

Which database it is kept in, a file of this machine or one that replicas share, is nobody's
business but that of whoever opens it.
"""

import secrets
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, Self, TypeVar

import anyio
import anyio.to_thread

from fw_mcp.store.accounts import KeyPair, account_of, gather, keep
from fw_mcp.store.connection import Connection
from fw_mcp.store.locks import Fence
from fw_mcp.telemetry import lasting

IN_THIS_PROCESS = "process-"
"""How an account's name begins whose library is in this process, and ends with it."""

T = TypeVar("T")

_LEAVE = (
    "DELETE FROM facts WHERE account = ?",
    "DELETE FROM plans WHERE account = ?",
    "DELETE FROM changes WHERE account = ?",
    "DELETE FROM uploads WHERE account = ?",
)


class Store(ABC):
    """A database that several processes, and several accounts, may share.

    Args:
        account: a digest that names the account that is worked on, or the keys that tell.

    Attributes:
        account: its name; of keys, to be asked for inside a transaction while it is not known.
        known: whether it is the account's own name, and not one that stands in for it.
        path: the file; None where it is in none.
        shared: whether other processes may be on it.
        name: what it is called to a person; never a secret.
    """

    path: Path | None = None
    shared = True
    name = ""

    def __init__(self, account: str | KeyPair) -> None:
        self._pair = account if isinstance(account, KeyPair) else None
        self.account = account.digest if isinstance(account, KeyPair) else account
        self.known = self._pair is None
        self._is_own = True
        self._turn = anyio.CapacityLimiter(1)

    @abstractmethod
    async def run(self, work: Callable[[Connection], T]) -> T:
        """Run `work` inside one transaction, on a worker thread; of one account, one at a time.

        Args:
            work: gets the connection; what it raises rolls the transaction back. It may be run
                again where it is not known whether the transaction was: whatever it writes must be
                known again by a key that was made before.

        Returns:
            What `work` returned, after the commit reached the disk.

        Raises:
            StoreError: the store cannot be opened, read or written.
        """

    async def _on_a_thread(self, work: Callable[[Any], T]) -> T:
        with lasting("fw_mcp.store.duration", kind=_kind(work)):
            # Not abandoned when cancelled: a transaction that runs is one whose end is known.
            return await anyio.to_thread.run_sync(self._transact, work, limiter=self._turn)

    @abstractmethod
    def _transact(self, work: Callable[[Any], T]) -> T:
        """Do the whole of `run`."""

    @abstractmethod
    def exclusive(self, *names: str) -> AbstractAsyncContextManager[Fence]:
        """While it lasts, nobody else of the account is at any of these names; all or none.

        Raises:
            GuardError: somebody is, in this process or another.
            StoreError: it cannot be told.
        """

    @abstractmethod
    async def is_taken(self, name: str) -> bool:
        """Whether somebody, in this process or another, is at it right now.

        Raises:
            StoreError: it cannot be told.
        """

    @abstractmethod
    def of(self, account: str | KeyPair) -> Self:
        """The same store, for another account."""

    @abstractmethod
    def accounts(self) -> list[str]:
        """The accounts that the store knows, the last at work last; none where it cannot tell."""

    @abstractmethod
    def now(self) -> float:
        """Seconds since the epoch, the same for every process on this store."""

    @abstractmethod
    def close(self) -> None:
        """Let go of what is open; a later `run` opens it again."""

    @property
    @abstractmethod
    def is_open(self) -> bool:
        """Whether `close` would let go of something."""

    async def aclose(self) -> None:
        """Let go of what is open; what was kept for a library in this process goes with that.

        Raises:
            StoreError: that could not be deleted.
        """
        try:
            gone = self._is_own and self.account.startswith(IN_THIS_PROCESS)
            if gone and self.is_open and self.shared:
                await self.run(self._leave)
        finally:
            self.close()

    def _leave(self, connection: Connection) -> None:
        for statement in _LEAVE:
            connection.execute(statement, (self.account,))

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

    def mean(self, account: str) -> None:
        """Ask for another account from now on, which another process works on."""
        self._pair, self.account, self.known, self._is_own = None, account, True, False

    def _is_on_record(self, connection: Connection) -> bool:
        """Look up the account of the keys; so each statement has the name that holds right now."""
        if self._pair is None:
            return True
        account = account_of(connection, self._pair)
        self.account = account or self._pair.digest
        connection.take_turn(self.account)
        gather(connection, self._pair, self.account)
        return account is not None


def _kind(work: Callable[[Any], object]) -> str:
    """What a transaction is for: the function that has it run."""
    return str(getattr(work, "func", work).__qualname__).partition(".<locals>")[0]


_LAST_AT = (
    "SELECT max(worked_at) FROM changes WHERE account = ?",
    "SELECT max(created_at) FROM plans WHERE account = ?",
)


def accounts_known(connection: Connection) -> list[str]:
    """The digests of the accounts that have changes or plans in a store; the last at work last."""
    every = [account for account in connection.every_account() if account]
    connection.show(*every)
    found = {}
    for account in every:
        last = [connection.execute(one, (account,)).fetchone()[0] for one in _LAST_AT]
        if any(at is not None for at in last):
            found[account] = max(at or 0.0 for at in last)
    return sorted(found, key=lambda account: (found[account], account))


_KEEP_ID = """
INSERT INTO facts (account, name, value) VALUES (
    :account, 'session_id',
    coalesce((SELECT value FROM facts WHERE account = '' AND name = 'session_id'), :made)
) ON CONFLICT (account, name) DO NOTHING
"""
_KEPT_ID = "SELECT value FROM facts WHERE account = ? AND name = 'session_id'"


async def session_id(database: Store) -> str:
    """The FinerWorks session id of the account in this store: 32 hex digits, made once and kept.

    A lost one makes the account's temporary images unreachable: where a store of schema 2 had one
    for all its accounts, each of them keeps that.
    """

    def work(connection: Connection) -> str:
        connection.show("")
        made = {"account": database.account, "made": secrets.token_hex(16)}
        connection.execute(_KEEP_ID, made)
        return str(connection.execute(_KEPT_ID, (database.account,)).fetchone()["value"])

    return await database.run(work)
