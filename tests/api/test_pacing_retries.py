import logging

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fw_mcp.api import failures
from fw_mcp.api.failures import LIST_IMAGES
from fw_mcp.api.pacing import READS, RetryPolicy, may_pass, repeated
from fw_mcp.errors import ApiError

LOST = failures.connection_lost(LIST_IMAGES)
LONGER = RetryPolicy.doubling(10, first_s=1.0, longest_s=8.0, jitter=0.5)


class Failing:
    """Fails in turn with each of `failures`, then gives the number of the attempt."""

    def __init__(self, *failures: ApiError) -> None:
        """Nothing was tried yet, nobody waited."""
        self.failures = list(failures)
        self.pauses_s: list[float] = []

    async def __call__(self, number: int) -> int:
        """One attempt."""
        await anyio.lowlevel.checkpoint()
        if self.failures:
            raise self.failures.pop(0)
        return number

    async def sleep(self, seconds: float) -> None:
        """Note the pause, and let it pass at once."""
        self.pauses_s.append(seconds)


def limited(asked_s: float | None) -> ApiError:
    """HTTP 429, which may ask for a pause."""
    return failures.rate_limited(LIST_IMAGES, 429, asked_s)


def test_a_read_is_tried_three_times_with_pauses_that_double() -> None:
    """The whole policy, as the client holds it."""
    assert RetryPolicy((1.0, 2.0), jitter=0.5, longest_retry_after_s=30.0) == READS
    assert READS.attempts == 3


@pytest.mark.parametrize(
    ("number", "shortest", "longest"), [(1, 0.5, 1.0), (2, 1.0, 2.0), (4, 4.0, 8.0), (9, 4.0, 8.0)]
)
def test_a_pause_is_half_fixed_and_half_random(
    number: int, shortest: float, longest: float
) -> None:
    """Equal jitter, from 0.5 to at most 8 seconds, doubling."""
    assert LONGER.pause_after(number, 0.0, lambda: 1.0) == shortest
    assert LONGER.pause_after(number, 0.0, lambda: 0.0) == longest


@given(st.integers(1, 9))
def test_every_pause_lies_between_half_a_second_and_eight(number: int) -> None:
    """With the real random numbers too."""
    actual = LONGER.pause_after(number, 0.0)

    assert actual is not None
    assert 0.5 <= actual <= 8.0


def test_pauses_may_be_named_one_by_one_and_then_are_exact() -> None:
    """A policy without jitter leaves nothing to chance, and one attempt more than it has pauses."""
    policy = RetryPolicy((1.0, 4.0))

    assert policy.attempts == 3
    assert [policy.pause_after(number, 0.0) for number in (1, 2, 3)] == [1.0, 4.0, None]
    assert policy.pause_after(1, 3_600.0) == 3_600.0


@pytest.mark.parametrize(
    ("asked_s", "pause_s"),
    [(0.0, 0.5), (0.2, 0.5), (7.0, 7.0), (30.0, 30.0), (31.0, None)],
)
def test_a_retry_after_is_honoured_up_to_thirty_seconds(
    asked_s: float, pause_s: float | None
) -> None:
    """Never sooner than asked; when asked for longer, the failure is told instead."""
    assert READS.pause_after(1, asked_s, lambda: 1.0) == pause_s


@pytest.mark.parametrize(
    "error",
    [
        failures.keys_refused(LIST_IMAGES, 400),
        failures.status_outside_2xx(LIST_IMAGES, 404, "no details given", None),
        failures.rejected(LIST_IMAGES, "no details given", None),
        failures.paused(LIST_IMAGES, 31.0),
        failures.circuit_open(LIST_IMAGES, 30.0),
    ],
)
def test_what_will_not_pass_is_not_tried_again(error: ApiError) -> None:
    """The answer would be the same."""
    assert not may_pass(error)


@pytest.mark.parametrize(
    "error",
    [
        failures.never_sent(LIST_IMAGES),
        failures.timed_out(LIST_IMAGES),
        failures.unreadable(LIST_IMAGES, "is empty"),
        *(
            failures.status_outside_2xx(LIST_IMAGES, code, "no details given", None)
            for code in (408, 429, 500, 502, 503, 504)
        ),
    ],
)
def test_what_may_pass_is_tried_again(error: ApiError) -> None:
    """Broken connections, time-outs, unreadable bodies and the passing statuses."""
    assert may_pass(error)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("failure", "told"),
    [
        (failures.never_sent(LIST_IMAGES), "no connection, waiting 0.5 s"),
        (LOST, "a lost connection, waiting 0.5 s"),
        (failures.timed_out(LIST_IMAGES), "no answer in time, waiting 0.5 s"),
        (failures.unreadable(LIST_IMAGES, "is empty"), "an unreadable answer, waiting 0.5 s"),
        (
            failures.status_outside_2xx(LIST_IMAGES, 503, "no details given", 1.24),
            "HTTP 503, waiting 1.2 s",
        ),
    ],
)
async def test_another_attempt_is_one_line_that_says_why(
    failure: ApiError, told: str, caplog: pytest.LogCaptureFixture
) -> None:
    """In words, with the number of the attempt and the pause before it."""
    caplog.set_level(logging.INFO, "fw_mcp.api")
    service = Failing(failure)
    await repeated(service, READS, named="list_images", sleep=service.sleep, chance=lambda: 1.0)
    (line,) = [record.getMessage() for record in caplog.records if record.name == "fw_mcp.api"]
    assert line == f"list_images: attempt 2 of 3 after {told}"


@pytest.mark.anyio
async def test_the_first_success_ends_it() -> None:
    """Each attempt knows its number, and each pause is the one of its failure."""
    service = Failing(LOST, limited(7.0))

    actual = await repeated(service, READS, sleep=service.sleep, chance=lambda: 1.0)

    assert (actual, service.pauses_s) == (3, [0.5, 7.0])


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("before", "last", "pauses_s"),
    [
        ([], failures.keys_refused(LIST_IMAGES, 401), []),
        ([], limited(31.0), []),
        ([LOST], failures.rejected(LIST_IMAGES, "no details given", None), [0.5]),
        ([LOST, limited(None)], failures.timed_out(LIST_IMAGES), [0.5, 1.0]),
    ],
)
async def test_the_last_failure_is_told_as_it_is(
    before: list[ApiError], last: ApiError, pauses_s: list[float]
) -> None:
    """Useless to repeat, too long to wait for, or one too many; no earlier failure hangs on it."""
    service = Failing(*before, last, LOST)

    with pytest.raises(ApiError) as caught:
        await repeated(service, READS, sleep=service.sleep, chance=lambda: 1.0)

    assert (caught.value, caught.value.__context__) == (last, None)
    assert (service.failures, service.pauses_s) == ([LOST], pauses_s)


@pytest.mark.anyio
@pytest.mark.parametrize(("left_s", "pauses_s"), [(0.5, []), (0.6, [0.5])])
async def test_a_pause_that_would_outlast_the_time_left_is_not_begun(
    left_s: float, pauses_s: list[float]
) -> None:
    """The failure is worth more than the time."""
    service = Failing(LOST, LOST, LOST)

    with pytest.raises(ApiError):
        await repeated(
            service, READS, left_s=lambda: left_s, sleep=service.sleep, chance=lambda: 1.0
        )

    assert service.pauses_s == pauses_s


@pytest.mark.anyio
async def test_the_caller_may_say_itself_what_passes() -> None:
    """What a write may repeat is not what a read may."""
    service = Failing(LOST)

    with pytest.raises(ApiError):
        await repeated(service, READS, passes=lambda _: False, sleep=service.sleep)

    assert service.pauses_s == []
