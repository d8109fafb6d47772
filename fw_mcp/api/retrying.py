"""When a failed read is tried again, and after how long a pause; knows no HTTP library."""

import itertools
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio
import stamina

from fw_mcp.errors import ApiError, Reason, ShapeError, StatusError, TransportError

ATTEMPTS = 3
LONGEST_RETRY_AFTER_S = 30.0

_FIRST_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 8.0
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
    half = min(_LONGEST_PAUSE_S, _FIRST_PAUSE_S * 2 ** (number - 1)) / 2
    asked = (error.retry_after_s or 0.0) if isinstance(error, StatusError) else 0.0
    return max(half + jitter(0, half), asked) if asked <= LONGEST_RETRY_AFTER_S else None


def _may_pass(error: Exception) -> bool:
    if isinstance(error, StatusError):
        return error.status_code in _PASSING_STATUS_CODES
    if isinstance(error, TransportError):
        return error.reason not in _HELD_BACK
    return isinstance(error, ShapeError)
