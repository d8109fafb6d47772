"""When the next request of an account may leave, and when a failed read is tried again.

Knows no HTTP library.
"""

import itertools
import logging
import random
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio

from fw_mcp.api import failures
from fw_mcp.api.failures import Endpoint
from fw_mcp.errors import ApiError, Reason, ShapeError, StatusError, TransportError

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
            if endpoint.destroys or pause_s > latest - now or pause_s + spare_s > _time_left_s():
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
            _log.warning("no answer %d times in a row: nothing is sent for 30 s", self._losses)

    def _pause(self, asked_s: float | None) -> None:
        now = self._clock()
        # Requests that left before the pause began are refused for the same reason, not again.
        if now >= self._paused_until:
            self._refusals += 1
        self.troubled = True
        pause_s = min(self._step_s() if asked_s is None else asked_s, _LONGEST_PAUSE_S)
        self._paused_until = max(self._paused_until, now + pause_s)
        _log.info("the service asked for fewer calls: nothing is sent for %.0f s", pause_s)

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


def _time_left_s() -> float:
    return anyio.current_effective_deadline() - anyio.current_time()


ATTEMPTS = 3
LONGEST_RETRY_AFTER_S = 30.0

_FIRST_RETRY_S = 1.0
_LONGEST_RETRY_S = 8.0
_PASSING_STATUS_CODES = frozenset({408, 429, 500, 502, 503, 504})
_HELD_BACK = frozenset({Reason.RATE_LIMITED, Reason.CIRCUIT_OPEN})

T = TypeVar("T")


async def repeated(attempt: Callable[[int], Awaitable[T]]) -> T:
    """The first result of `attempt`, which is called up to three times with 1, 2, 3.

    A pause that would outlast the enclosing deadline is not begun: the failure is told instead.

    Raises:
        ApiError: the last failure.
    """
    try:
        return await attempt(1)
    except ApiError as error:
        failure = error
    # Entered at the first failure only, since the machinery costs more than parsing a page; and
    # outside the handler, since an error raised again inside its own handling chains to itself.
    return await _again(attempt, failure)


async def _again(attempt: Callable[[int], Awaitable[T]], first: ApiError) -> T:
    numbers = itertools.count(1)

    def pause(error: Exception) -> float | bool:
        remaining_s = anyio.current_effective_deadline() - anyio.current_time()
        pause_s = pause_after(error, next(numbers))
        return pause_s if pause_s is not None and pause_s < remaining_s else False

    import stamina  # noqa: PLC0415  only after a failure

    async for this in stamina.retry_context(on=pause, attempts=ATTEMPTS, timeout=None):
        with this:
            if this.num == 1:
                raise first
            return await attempt(this.num)
    raise AssertionError("stamina ends with a result or an error")  # pragma: no cover


def pause_after(
    error: Exception, number: int, jitter: Callable[[float, float], float] = random.uniform
) -> float | None:
    """How long to wait before a read is tried again.

    Args:
        error: what ended the attempt.
        number: of the attempt that failed, from 1.
        jitter: a number between its two arguments.

    Returns:
        seconds: half the step plus a random part of its other half, steps doubling from 1 to 8,
        and at least what the service asked for; None when trying again is useless or the service
        asked for more than 30 s.
    """
    if not _may_pass(error):
        return None
    half = min(_LONGEST_RETRY_S, _FIRST_RETRY_S * 2 ** (number - 1)) / 2
    asked = (error.retry_after_s or 0.0) if isinstance(error, StatusError) else 0.0
    return max(half + jitter(0, half), asked) if asked <= LONGEST_RETRY_AFTER_S else None


def _may_pass(error: Exception) -> bool:
    if isinstance(error, StatusError):
        return error.status_code in _PASSING_STATUS_CODES
    if isinstance(error, TransportError):
        return error.reason not in _HELD_BACK
    return isinstance(error, ShapeError)
