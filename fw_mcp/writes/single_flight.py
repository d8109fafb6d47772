"""The same call, sent while it runs, is made once."""

from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager
from typing import Generic, TypeVar

import anyio

T = TypeVar("T")


class Flight(Generic[T]):
    """One call under way.

    Attributes:
        over: set once it ended, however it did.
        result: what it came to; None while it has not, or where it raised or was cancelled.
    """

    def __init__(self) -> None:
        self.over = anyio.Event()
        self.result: T | None = None


class SingleFlight(Generic[T]):
    """The calls under way here: the same call, sent meanwhile, shares the end of the first."""

    def __init__(self) -> None:
        self._calls: dict[Hashable, Flight[T]] = {}

    @asynccontextmanager
    async def turn(self, key: Hashable) -> AsyncIterator[Flight[T]]:
        """A turn to make a call; while the same is under way, first wait for that.

        Args:
            key: the same for the same call.

        Yields:
            The call: with a result, if it is that of another one. When that raised or was
            cancelled there is nothing to share, and the call is to be made here.
        """
        while (other := self._calls.get(key)) is not None:
            await other.over.wait()
            if other.result is not None:
                yield other
                return
        mine = self._calls[key] = Flight[T]()
        try:
            yield mine
        finally:
            del self._calls[key]
            mine.over.set()
