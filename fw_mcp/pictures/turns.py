"""Turns at what one process has little of, shared by all accounts that it serves."""

from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

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
        if self._free:
            self._free -= 1
        else:
            await self._called(account)
        try:
            yield
        finally:
            self._pass_on()

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
        for account in list(self._waiting):
            # An account that still waits goes to the end of the line.
            calls = self._waiting.pop(account)
            if calls:
                calls.popleft().set()
                self._waiting[account] = calls
                return
        self._free += 1
