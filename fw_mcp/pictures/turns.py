"""Turns at what one process has little of, shared by all accounts that it serves."""

from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager

import anyio
import anyio.lowlevel

Turn = Callable[[], AbstractAsyncContextManager[None]]
"""Gives a turn, held while its context lasts."""


class Turns:
    """At most so many at a time; of those who wait, the accounts are let in one after the other.

    Args:
        most: how many at a time.
        most_each: how many of them an account can have; None for all. Those of nobody in
            particular, "", can be all.
    """

    def __init__(self, most: int, most_each: int | None = None) -> None:
        self._free = most
        self._most_each = most if most_each is None else most_each
        self._held: Counter[str] = Counter()
        self._waiting: dict[str, deque[anyio.Event]] = {}

    @asynccontextmanager
    async def taken(self, account: str = "") -> AsyncIterator[None]:
        """A turn, waited for behind the others of the account, and behind one of each other."""
        # Whoever was cancelled gets none, a free one included.
        await anyio.lowlevel.checkpoint()
        if self._free > 0 and self._may_take(account):
            self._take(account)
        else:
            await self._called(account)
        try:
            yield
        finally:
            self._pass_on(account)

    @contextmanager
    def lent(self, account: str = "") -> Iterator[None]:
        """Others have the turn for a while; it is taken back at once, if need be as one more."""
        self._pass_on(account)
        try:
            yield
        finally:
            self._take(account)

    def _may_take(self, account: str) -> bool:
        return not account or self._held[account] < self._most_each

    def _take(self, account: str) -> None:
        self._free -= 1
        self._held[account] += 1

    async def _called(self, account: str) -> None:
        call = anyio.Event()
        self._waiting.setdefault(account, deque()).append(call)
        try:
            await call.wait()
        except anyio.get_cancelled_exc_class():
            if call.is_set():
                self._pass_on(account)
            else:
                self._waiting[account].remove(call)
            raise

    def _pass_on(self, giver: str) -> None:
        self._free += 1
        self._held[giver] -= 1
        if not self._held[giver]:
            del self._held[giver]
        for account in list(self._waiting) if self._free > 0 else ():
            if not self._may_take(account):
                continue
            # An account that still waits goes to the end of the line.
            calls = self._waiting.pop(account)
            if calls:
                calls.popleft().set()
                self._take(account)
                self._waiting[account] = calls
                return
