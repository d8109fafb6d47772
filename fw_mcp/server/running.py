"""Calls under way: the same call, sent again meanwhile, shares the end of the first."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, cast

import anyio

R = TypeVar("R")


class _UnderWay:
    def __init__(self) -> None:
        self.over = anyio.Event()
        self.result: Any = None


class Running:
    """The writing calls of this process that have not answered yet."""

    def __init__(self) -> None:
        self._calls: dict[str, _UnderWay] = {}

    async def once(self, key: str, work: Callable[[], Awaitable[R]]) -> tuple[R, bool]:
        """Do `work`, unless the same is under way: then wait for it.

        Args:
            key: the same for the same call.
            work: gives the call's result.

        Returns:
            The result, and whether it is that of another call. When that other call raised or was
            cancelled there is nothing to share, and the work is done here.
        """
        while (other := self._calls.get(key)) is not None:
            await other.over.wait()
            if other.result is not None:
                return cast("R", other.result), True
        mine = self._calls[key] = _UnderWay()
        try:
            mine.result = await work()
        finally:
            del self._calls[key]
            mine.over.set()
        return mine.result, False
