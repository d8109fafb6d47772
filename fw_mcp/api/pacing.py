"""When the next request of an account may leave, and when a failed read is tried again.

Knows no HTTP library.
"""

import logging
import math
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Self, TypeVar

import anyio

from fw_mcp.api import failures
from fw_mcp.api.failures import Endpoint
from fw_mcp.errors import ApiError, Reason, ShapeError, StatusError, TransportError
from fw_mcp.telemetry import count

_TOO_MANY_REQUESTS = 429
_FIRST_PAUSE_S = 1.0
_DOUBLINGS = 4
_LONGEST_WAIT_S = 30.0
# A service that asks for days would otherwise stop the account until the server starts anew.
_LONGEST_PAUSE_S = 3600.0
# A write that leaves with less than this before its deadline would likely end as unknown.
_SPARE_S = 5.0
_LOSSES_IN_A_ROW = 5
_OPEN_S = 30.0

_log = logging.getLogger("fw_mcp.api")


class Traffic:
    """The pause and the circuit of one account in one process.

    Args:
        clock: seconds that only grow.
        sleep: waits so many of those seconds.

    Attributes:
        troubled: whether a call must ask `admitted` before it leaves.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
    ) -> None:
        self.troubled = False
        self._clock = clock
        self._sleep = sleep
        self._refusals = 0
        self._paused_until = 0.0
        self._losses = 0
        self._open_until = 0.0
        self._probing = False

    async def admitted(self, endpoint: Endpoint) -> bool:
        """Wait until a request may leave.

        Args:
            endpoint: that is about to be called.

        Returns:
            Whether this request decides for the others, who are refused until `probed` is called.

        Raises:
            TransportError: it must not leave, or the wait would be too long; nothing was sent.
        """
        latest = self._clock() + _LONGEST_WAIT_S
        while True:
            self._refuse_while_open(endpoint)
            now = self._clock()
            pause_s = self._paused_until - now
            if pause_s <= 0:
                break
            spare_s = _SPARE_S if endpoint.writes else 0.0
            # What is to be destroyed must be looked at again after a wait, which is not done here.
            if endpoint.destroys or pause_s > latest - now or pause_s + spare_s > time_left_s():
                raise failures.paused(endpoint, pause_s)
            await self._sleep(pause_s)
        self._probing = self._is_tripped()
        return self._probing

    def probed(self) -> None:
        """The request that decides for the others is over, whether or not it was answered."""
        self._probing = False

    def answered(self, status_code: int, retry_after_s: float | None) -> None:
        """Take note of an answer: the service was reached.

        Args:
            status_code: of HTTP.
            retry_after_s: seconds the service asked to wait, if it did.
        """
        if status_code == _TOO_MANY_REQUESTS:
            self._pause(retry_after_s)
        elif not self.troubled:
            return
        elif 200 <= status_code < 300 and self._clock() >= self._paused_until:  # noqa: PLR2004  HTTP's own
            self._refusals = 0
            self.troubled = False
        self._losses = 0

    def lost(self) -> None:
        """Take note of a request that got no answer."""
        self.troubled = True
        self._losses += 1
        now = self._clock()
        # Requests that left before it opened do not keep it open.
        if self._is_tripped() and now >= self._open_until:
            self._open_until = now + _OPEN_S
            _log.warning("no response %d times in a row: nothing is sent for 30 s", self._losses)
            count("fw_mcp.upstream.circuit.open")

    def _pause(self, asked_s: float | None) -> None:
        now = self._clock()
        # Requests that left before the pause began are refused for the same reason, not again.
        if now >= self._paused_until:
            self._refusals += 1
        self.troubled = True
        pause_s = min(self._step_s() if asked_s is None else asked_s, _LONGEST_PAUSE_S)
        before = max(self._paused_until, now)
        self._paused_until = max(before, now + pause_s)
        count("fw_mcp.upstream.paused_s", self._paused_until - before)
        _log.info("FinerWorks rate-limited the account: nothing is sent for %.0f s", pause_s)

    def _step_s(self) -> float:
        return _FIRST_PAUSE_S * 2.0 ** min(self._refusals - 1, _DOUBLINGS)

    def _refuse_while_open(self, endpoint: Endpoint) -> None:
        if not self._is_tripped():
            return
        left_s = self._open_until - self._clock()
        if left_s > 0 or self._probing:
            raise failures.circuit_open(endpoint, left_s)

    def _is_tripped(self) -> bool:
        return self._losses >= _LOSSES_IN_A_ROW


def time_left_s() -> float:
    """Seconds until the deadline around the call that asks; infinite when there is none."""
    return anyio.current_effective_deadline() - anyio.current_time()


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often something is tried, and how long is waited in between.

    Attributes:
        pauses_s: seconds before the second attempt, the third, and so on to the last.
        jitter: the part of each pause that is left to chance, 0 to 1, so that those who failed
            together do not come again together.
        longest_retry_after_s: seconds; where the service asks for more, the failure is told.
    """

    pauses_s: tuple[float, ...]
    jitter: float = 0.0
    longest_retry_after_s: float = math.inf

    @classmethod
    def doubling(
        cls,
        attempts: int,
        *,
        first_s: float,
        longest_s: float,
        jitter: float = 0.0,
        longest_retry_after_s: float = math.inf,
    ) -> Self:
        """Pauses from `first_s` seconds on, each twice the one before, up to `longest_s`."""
        pauses_s = tuple(min(longest_s, first_s * 2**step) for step in range(attempts - 1))
        return cls(pauses_s, jitter, longest_retry_after_s)

    @property
    def attempts(self) -> int:
        """How often something is tried at the most."""
        return 1 + len(self.pauses_s)

    def pause_after(
        self, number: int, asked_s: float, chance: Callable[[], float] = random.random
    ) -> float | None:
        """How long to wait before the next attempt.

        Args:
            number: of the attempt that failed, from 1.
            asked_s: seconds the service asked for; 0 when it asked for none.
            chance: a number from 0 to 1.

        Returns:
            seconds, never fewer than asked for; None when there is no next attempt.
        """
        if number >= self.attempts or asked_s > self.longest_retry_after_s:
            return None
        pause_s = self.pauses_s[number - 1]
        return max(pause_s * (1 - self.jitter * chance()), asked_s)


READS = RetryPolicy.doubling(3, first_s=1.0, longest_s=8.0, jitter=0.5, longest_retry_after_s=30.0)
"""Of what may be asked again without harm."""

_PASSING_STATUS_CODES = frozenset({408, 429, 500, 502, 503, 504})
_HELD_BACK = frozenset({Reason.RATE_LIMITED, Reason.CIRCUIT_OPEN})

T = TypeVar("T")


def may_pass(error: ApiError) -> bool:
    """Whether a read that failed so may succeed when it is tried again."""
    if isinstance(error, StatusError):
        return error.status_code in _PASSING_STATUS_CODES
    if isinstance(error, TransportError):
        return error.reason not in _HELD_BACK
    return isinstance(error, ShapeError)


async def repeated(
    attempt: Callable[[int], Awaitable[T]],
    policy: RetryPolicy,
    *,
    named: str = "a request",
    passes: Callable[[ApiError], bool] = may_pass,
    left_s: Callable[[], float] = time_left_s,
    sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
    chance: Callable[[], float] = random.random,
) -> T:
    """The first result of `attempt`, which is called with 1, 2 and so on.

    A pause that would outlast the time that is left is not begun: the failure is told instead.

    Args:
        attempt: raises when it fails.
        policy: how often and when.
        named: what is tried, for the log.
        passes: whether a failure is worth another attempt.
        left_s: seconds that are left.
        sleep: waits so many seconds.
        chance: a number from 0 to 1.

    Raises:
        ApiError: the last failure.
    """
    number = 1
    while True:
        try:
            return await attempt(number)
        except ApiError as error:
            asked_s = error.retry_after_s or 0.0
            pause_s = policy.pause_after(number, asked_s, chance) if passes(error) else None
            if pause_s is None or pause_s >= left_s():
                raise
            failure = _in_short(error)
        number += 1
        _log.info(
            "%s: attempt %d of %d after %s, waiting %.1f s",
            named,
            number,
            policy.attempts,
            failure,
            pause_s,
        )
        await sleep(pause_s)


def _in_short(failure: ApiError) -> str:
    match failure:
        case StatusError():
            return f"HTTP {failure.status_code}"
        case ShapeError():
            return "an unreadable answer"
        case TransportError(reason=Reason.TIMED_OUT):
            return "no answer in time"
        case _:
            return "a lost connection" if failure.sent else "no connection"
