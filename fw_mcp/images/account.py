"""The way to one account's library: the client, and how much goes at a time."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

import anyio

from fw_mcp.api.models import CHUNK_LIMIT
from fw_mcp.errors import Reason, TransportError

if TYPE_CHECKING:
    # The client brings the HTTP library, which a server that only lists its tools never needs.
    from fw_mcp.api.client import FinerWorksClient

T = TypeVar("T")

_READS_AT_ONCE = 4


class Progress(Protocol):
    """Told after each chunk how many of how many items are settled."""

    async def __call__(
        self, progress: float, total: float | None = None, message: str | None = None
    ) -> None:
        """Tell it."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How long a call may take, in seconds.

    Attributes:
        start_chunks_s: no further chunk is started after this long.
        total_s: reading is given up after this long; most hosts give up on a call at 60.
    """

    start_chunks_s: float = 25.0
    total_s: float = 45.0


class Account:
    """One account's image library.

    Args:
        connect: gives the client; called once, at the first use, so that a server without keys
            starts and says what is missing when it is asked for something.
        pace: how long a call may take.
        clock: seconds, monotonic.
        sleep: waits so many seconds.
        chunk: images a request; no maximum is documented for most endpoints.
    """

    def __init__(
        self,
        connect: Callable[[], Awaitable["FinerWorksClient"]],
        *,
        pace: Pace | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
        chunk: int = CHUNK_LIMIT,
    ) -> None:
        self.pace = pace or Pace()
        self.clock = clock
        self.sleep = sleep
        self.chunk = chunk
        self._connect = connect
        self._client: FinerWorksClient | None = None
        self._connecting = anyio.Lock()
        self._reads = anyio.Semaphore(_READS_AT_ONCE, fast_acquire=True)
        self._writes = anyio.Lock(fast_acquire=True)

    async def client(self) -> "FinerWorksClient":
        """The client, connected at the first use.

        Raises:
            ConfigError: the keys are missing or a setting is unsafe.
        """
        if self._client is not None:
            return self._client
        async with self._connecting:
            if self._client is None:
                self._client = await self._connect()
            return self._client

    async def aclose(self) -> None:
        """Let go of the connections."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    @asynccontextmanager
    async def reading(self) -> AsyncIterator["FinerWorksClient"]:
        """A turn to read: at most four at a time."""
        client = await self.client()
        await self._read_turn()
        try:
            yield client
        finally:
            self._reads.release()

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[bool]:
        """The turn to write: one at a time; once begun it is finished though the caller left.

        Yields whether it had to wait: what was read before may then be what another write changed.
        """
        waited = self._writes.locked()
        async with self._writes:
            with anyio.CancelScope(shield=True):
                yield waited

    async def _read_turn(self) -> None:
        """Take a turn to read; a free one costs no deadline."""
        try:
            self._reads.acquire_nowait()
        except anyio.WouldBlock:
            await self.in_time(self._reads.acquire(), self.clock())

    async def in_time(self, read: Coroutine[object, object, T], started: float) -> T:
        """Await a read of a call that began at `started`, giving up when the call's time is over.

        Raises:
            TransportError: the time is over.
        """
        left = self.time_left_s(started)
        if left > 0:
            with anyio.move_on_after(left):
                return await read
        read.close()
        raise TransportError(
            f"The call ran out of time after {self.pace.total_s:g} s.",
            state="This step only read; nothing was changed.",
            next_step="Call again with fewer images.",
            reason=Reason.TIMED_OUT,
            sent=True,
        )

    def time_left_s(self, started: float) -> float:
        """Seconds until a call that began at `started` must be over."""
        return self.pace.total_s - (self.clock() - started)


def chunked(items: Sequence[T], size: int) -> list[Sequence[T]]:
    """`items` in slices of at most `size`."""
    return [items[start : start + size] for start in range(0, len(items), size)]
