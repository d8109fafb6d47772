import pytest
from hypothesis import given
from hypothesis import strategies as st

from fw_mcp.api import failures
from fw_mcp.api.failures import LIST_IMAGES
from fw_mcp.api.pacing import pause_after
from fw_mcp.errors import ApiError

LOST = failures.connection_lost(LIST_IMAGES)


@pytest.mark.parametrize(
    ("number", "shortest", "longest"), [(1, 0.5, 1.0), (2, 1.0, 2.0), (4, 4.0, 8.0), (9, 4.0, 8.0)]
)
def test_a_pause_is_half_fixed_and_half_random(
    number: int, shortest: float, longest: float
) -> None:
    """Equal jitter, from 0.5 to at most 8 seconds, doubling."""
    assert pause_after(LOST, number, lambda low, _: low) == shortest
    assert pause_after(LOST, number, lambda _, high: high) == longest


@given(st.integers(1, 60))
def test_every_pause_lies_between_half_a_second_and_eight(number: int) -> None:
    """With the real random numbers too."""
    actual = pause_after(LOST, number)

    assert actual is not None
    assert 0.5 <= actual <= 8.0


@pytest.mark.parametrize(
    ("asked_s", "pause_s"),
    [(None, 0.5), (0.0, 0.5), (0.2, 0.5), (7.0, 7.0), (30.0, 30.0), (31.0, None)],
)
def test_a_retry_after_is_honoured_up_to_thirty_seconds(
    asked_s: float | None, pause_s: float | None
) -> None:
    """Never sooner than asked; when asked for longer, the failure is told instead."""
    error = failures.rate_limited(LIST_IMAGES, 429, asked_s)

    assert pause_after(error, 1, lambda low, _: low) == pause_s


@pytest.mark.parametrize(
    "error",
    [
        failures.keys_refused(LIST_IMAGES, 400),
        failures.status_outside_2xx(LIST_IMAGES, 404, "it said no more", None),
        failures.rejected(LIST_IMAGES, "it said no more", None),
        failures.paused(LIST_IMAGES, 31.0),
        failures.circuit_open(LIST_IMAGES, 30.0),
        ValueError("not the service's"),
    ],
)
def test_what_will_not_pass_is_not_tried_again(error: Exception) -> None:
    """The answer would be the same."""
    assert pause_after(error, 1) is None


@pytest.mark.parametrize(
    "error",
    [
        failures.never_sent(LIST_IMAGES),
        failures.timed_out(LIST_IMAGES),
        failures.unreadable(LIST_IMAGES, "is empty"),
        *(
            failures.status_outside_2xx(LIST_IMAGES, code, "it said no more", None)
            for code in (408, 500, 502, 503, 504)
        ),
    ],
)
def test_what_may_pass_is_tried_again(error: ApiError) -> None:
    """Broken connections, time-outs, unreadable bodies and the passing statuses."""
    assert pause_after(error, 1, lambda low, _: low) == 0.5
