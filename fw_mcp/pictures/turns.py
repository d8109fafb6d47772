"""Turns at what one process has little of, shared by all accounts that it serves."""

from collections import deque
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
    """

    def __init__(self, most: int) -> None:
        self._free = most
        self._waiting: dict[str, deque[anyio.Event]] = {}

    @asynccontextmanager
    async def taken(self, account: str = "") -> AsyncIterator[None]:
        """A turn, waited for behind the others of the account, and behind one of each other."""
        # Whoever was cancelled gets none, a free one included.
        await anyio.lowlevel.checkpoint()
        if self._free > 0:
            self._free -= 1
        else:
            await self._called(account)
        try:
            yield
        finally:
            self._pass_on()

    @contextmanager
    def lent(self) -> Iterator[None]:
        """Others have the turn for a while; it is taken back at once, if need be as one more."""
        self._pass_on()
        try:
            yield
        finally:
            self._free -= 1

    async def _called(self, account: str) -> None:
        call = anyio.Event()
        self._waiting.setdefault(account, deque()).append(call)
        try:
            await call.wait()
        except anyio.get_cancelled_exc_class():
            if call.is_set():
                self._pass_on()
            else:
                self._waiting[account].remove(call)
            raise

    def _pass_on(self) -> None:
        self._free += 1
        for account in list(self._waiting) if self._free > 0 else ():
            # An account that still waits goes to the end of the line.
            calls = self._waiting.pop(account)
            if calls:
                calls.popleft().set()
                self._free -= 1
                self._waiting[account] = calls
                return
