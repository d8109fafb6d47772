from typing import Any

import anyio
import httpx
import pytest

from fw_mcp.api.connection import Timeouts
from fw_mcp.errors import Reason, StatusError, TransportError
from tests.api import calls
from tests.api.stand_in import (
    BAD_KEYS,
    EMPTY_PAGE,
    REJECTION,
    SUCCESS,
    Call,
    Service,
    client_of,
    failure_of,
)

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    "fault",
    [
        httpx.ConnectError("canary-url"),
        httpx.ConnectTimeout("canary-url"),
        httpx.PoolTimeout("canary-url"),
        httpx.LocalProtocolError("canary-url"),
        httpx.UnsupportedProtocol("canary-url"),
    ],
)
@pytest.mark.parametrize("call", [*calls.READS, *calls.WRITES])
async def test_a_request_that_never_left_is_told_as_not_sent(
    call: Call, fault: httpx.TransportError
) -> None:
    """A write can then be tried again without looking first."""
    actual = await failure_of(call, Service(fault))

    assert isinstance(actual, TransportError)
    assert (actual.sent, actual.reason) == (False, Reason.UNREACHABLE)
    assert actual.state == "Nothing was changed."
    assert actual.__cause__ is fault
    assert "canary" not in str(actual)


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        (httpx.ReadTimeout("x"), Reason.TIMED_OUT),
        (httpx.WriteTimeout("x"), Reason.TIMED_OUT),
        (httpx.ReadError("x"), Reason.UNREACHABLE),
        (httpx.WriteError("x"), Reason.UNREACHABLE),
        (httpx.CloseError("x"), Reason.UNREACHABLE),
        (httpx.ProxyError("x"), Reason.UNREACHABLE),
        (httpx.RemoteProtocolError("x"), Reason.UNREACHABLE),
        (httpx.DecodingError("x"), Reason.UNREACHABLE),
    ],
)
@pytest.mark.parametrize("call", calls.WRITES)
async def test_any_other_lost_answer_of_a_write_is_unknown(
    call: Call, fault: httpx.RequestError, reason: Reason
) -> None:
    """The service may have done the work; the message says so and where to look."""
    service = Service(fault)

    actual = await failure_of(call, service)

    assert isinstance(actual, TransportError)
    assert (actual.sent, actual.refused, actual.reason) == (True, False, reason)
    assert actual.state == f"It is unknown whether {call.__name__} took effect."
    assert "search_images" in actual.next_step
    assert len(service.requests) == 1


@pytest.mark.parametrize(
    "passing",
    [
        httpx.ConnectError("x"),
        httpx.RemoteProtocolError("x"),
        httpx.ReadTimeout("x"),
        *(httpx.Response(code) for code in (408, 429, 500, 502, 503, 504)),
        httpx.Response(200, content=b'{"status": {"success": tr'),
        httpx.Response(200, json={"status": SUCCESS, "images": 5}),
    ],
    ids=str,
)
async def test_a_read_is_tried_up_to_three_times(passing: httpx.Response | Exception) -> None:
    """Broken connections, passing statuses and unreadable bodies."""
    service = Service(passing, passing, httpx.Response(200, json=EMPTY_PAGE))

    async with client_of(service) as client:
        await calls.list_images(client)

    assert len(service.requests) == 3


@pytest.mark.parametrize("call", calls.READS)
async def test_a_read_fails_with_its_third_failure(call: Call) -> None:
    """Every read, and not a fourth time."""
    service = Service(httpx.Response(500), httpx.Response(500), httpx.Response(503))

    actual = await failure_of(call, service)

    assert isinstance(actual, StatusError)
    assert (actual.status_code, len(service.requests)) == (503, 3)
    assert actual.state == "Nothing was changed."


@pytest.mark.parametrize(
    "final",
    [httpx.Response(400, json=BAD_KEYS), httpx.Response(404), httpx.Response(200, json=REJECTION)],
    ids=str,
)
async def test_a_read_that_would_fail_again_is_not_repeated(final: httpx.Response) -> None:
    """Refused keys above all: repeating them may lock an account."""
    service = Service(final)

    await failure_of(calls.list_images, service)

    assert len(service.requests) == 1


@pytest.mark.parametrize("call", calls.WRITES)
@pytest.mark.parametrize("status_code", [408, 429, 500, 503])
async def test_a_write_is_sent_once(call: Call, status_code: int) -> None:
    """Whatever the answer; settling it is the library's work."""
    service = Service(httpx.Response(status_code))

    await failure_of(call, service)

    assert len(service.requests) == 1


async def test_a_pause_longer_than_thirty_seconds_is_left_to_the_caller() -> None:
    """The failure says how long to wait."""
    service = Service(httpx.Response(429, headers={"Retry-After": "31"}))

    actual = await failure_of(calls.list_images, service)

    assert len(service.requests) == 1
    assert actual.next_step == "Wait 31 s, then try again."


async def test_a_pause_that_would_outlast_the_deadline_is_not_begun() -> None:
    """The reason is then what the service said, not that time ran out."""
    service = Service(httpx.Response(503, headers={"Retry-After": "20"}))

    actual = await failure_of(calls.list_images, service, timeouts=Timeouts(total_s=10))

    assert isinstance(actual, StatusError)
    assert len(service.requests) == 1


@pytest.mark.parametrize("call", [calls.list_images, calls.add_images])
async def test_a_call_ends_at_its_total_deadline(call: Call) -> None:
    """An answer that trickles byte by byte would outlive every other time-out."""

    class Silent(httpx.AsyncByteStream):
        async def __aiter__(self) -> Any:  # noqa: ANN401  an async generator
            yield b"{"
            await anyio.sleep_forever()

    def silent(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, stream=Silent())

    async with client_of(silent, timeouts=Timeouts(total_s=0.05, write_s=0.05)) as client:
        with pytest.raises(TransportError) as caught:
            await call(client)
    assert (caught.value.reason, caught.value.sent) == (Reason.TIMED_OUT, True)


@pytest.mark.parametrize("call", [calls.list_images, calls.add_images])
async def test_cancellation_passes_through(call: Call) -> None:
    """It is neither an error of ours nor tried again."""
    requests = 0

    async def hang(_: httpx.Request) -> httpx.Response:
        nonlocal requests
        requests += 1
        scope.cancel()
        await anyio.sleep_forever()
        raise AssertionError

    with anyio.CancelScope() as scope:
        async with client_of(hang) as client:
            await call(client)

    assert scope.cancelled_caught
    assert requests == 1
