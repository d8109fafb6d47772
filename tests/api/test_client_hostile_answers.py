from collections.abc import Iterable
from itertools import cycle
from typing import Any, NamedTuple

import anyio
import httpx
import pytest

from fw_mcp.api.client import FinerWorksClient
from fw_mcp.api.connection import Timeouts
from fw_mcp.api.models import AddImagesRequest, AddImagesResponse
from fw_mcp.errors import ApiError, Reason, RejectedError, ShapeError, StatusError, TransportError
from fw_mcp.sandbox.faults.plan import Fault, FaultKind, Faults
from tests.api import calls
from tests.api.hostile import IN_PROCESS, OVER_HTTP, Way, calling, over_bare
from tests.api.stand_in import EMPTY_PAGE, Call, Service, client_of
from tests.support.products import exhaustive

pytestmark = pytest.mark.anyio


class End(NamedTuple):
    """How a call ends that a fault spoils."""

    error: type[ApiError]
    reason: Reason
    refused: bool = False


LOST = End(TransportError, Reason.UNREACHABLE)
LATE = End(TransportError, Reason.TIMED_OUT)
FAILED = End(StatusError, Reason.UPSTREAM_ERROR)
UNREADABLE = End(ShapeError, Reason.UNREADABLE_ANSWER)
ENDS: dict[FaultKind, End | None] = {
    FaultKind.RATE_LIMITED: End(StatusError, Reason.RATE_LIMITED, refused=True),
    FaultKind.SERVER_ERROR: FAILED,
    FaultKind.BAD_GATEWAY: FAILED,
    FaultKind.HTML: UNREADABLE,
    FaultKind.REJECTED: End(RejectedError, Reason.REJECTED),
    FaultKind.DROPPED: LOST,
    FaultKind.SILENT: LATE,
    FaultKind.HEADER_FLOOD: LOST,
    FaultKind.CONTINUE_FLOOD: LATE,
    FaultKind.SLOW: None,
    FaultKind.DRIP: None,
    FaultKind.TRUNCATED: UNREADABLE,
    FaultKind.LENGTH_TOO_LONG: LOST,
    FaultKind.LENGTH_TOO_SHORT: UNREADABLE,
    FaultKind.WRONG_TYPES: UNREADABLE,
    FaultKind.HUGE_BODY: UNREADABLE,
    FaultKind.GZIP_BOMB: UNREADABLE,
    FaultKind.BYTE_ORDER_MARK: None,
    FaultKind.NOT_A_NUMBER: UNREADABLE,
    FaultKind.HUGE_INTEGERS: UNREADABLE,
    FaultKind.LONE_SURROGATES: None,
    FaultKind.REORDERED: None,
    FaultKind.PARTIAL: None,
    FaultKind.ALTERED_NAMES: None,
    FaultKind.LISTED_LATE: None,
    FaultKind.SOMEBODY_ADDS: None,
    FaultKind.SOMEBODY_DELETES: None,
}
"""What a client makes of each kind; None for the right answer."""
INSTEAD = set(list(FaultKind)[: list(FaultKind).index(FaultKind.SLOW)])
TAKES_TIME_OVER_HTTP = {FaultKind.SILENT, FaultKind.CONTINUE_FLOOD}
CELLS = [
    (way, kind)
    for way in (*IN_PROCESS, *OVER_HTTP)
    for kind in FaultKind
    if way in IN_PROCESS or kind not in TAKES_TIME_OVER_HTTP
]
WRITE_CELLS = [(way, kind, True) for way, kind in CELLS] + [
    (way, kind, False) for way, kind in CELLS if kind in INSTEAD
]


def sampled(cells: Iterable[tuple[Any, ...]]) -> list[Any]:
    """Of which each kind comes in process and by one of the ways over HTTP in `make test`."""
    by_http = dict(zip(FaultKind, cycle(OVER_HTTP), strict=False))
    return [
        pytest.param(*cell, marks=() if cell[0] in {*IN_PROCESS, by_http[cell[1]]} else exhaustive)
        for cell in cells
    ]


async def add(client: FinerWorksClient, number: int = 1) -> AddImagesResponse:
    """Add images to the inventory."""
    request = AddImagesRequest(images=[calls.IMAGE] * number, library=client.library("inventory"))
    return await client.add_images(request)


async def end_of(call: Call, client: FinerWorksClient) -> tuple[End, bool] | None:
    """How the call ends, and whether its request may have arrived; None for an answer."""
    try:
        await call(client)
    except ApiError as error:
        return End(type(error), error.reason, error.refused), error.sent
    return None


def test_every_kind_of_fault_has_its_end() -> None:
    """A new kind is not forgotten here."""
    assert set(ENDS) == set(FaultKind)


@pytest.mark.parametrize(("way", "kind"), sampled(CELLS))
async def test_a_read_ends_in_a_typed_error_or_the_right_answer(way: Way, kind: FaultKind) -> None:
    """In process and over HTTP alike, and the next read works."""
    async with calling(way) as service:
        await add(service.client)
        service.faults.add(Fault(kind, "list_images", times=3, size=2_000_000))

        actual = await end_of(calls.list_images, service.client)

        expected = ENDS[kind]
        assert actual == (expected and (expected, True))
        service.faults.clear()
        shift = {FaultKind.SOMEBODY_ADDS: 1, FaultKind.SOMEBODY_DELETES: -1}.get(kind, 0)
        assert await service.count() == 1 + shift


@pytest.mark.parametrize(("way", "kind", "committed"), sampled(WRITE_CELLS))
async def test_a_write_is_sent_once_and_told_as_it_ended(
    way: Way, kind: FaultKind, committed: bool
) -> None:
    """An error says that the request was sent; `refused` only when the service said so."""
    async with calling(way) as service:
        service.faults.add(Fault(kind, "add_images", committed=committed, size=2_000_000))

        actual = await end_of(add, service.client)

        # An odd number hides neither the image nor its guid.
        expected = None if kind is FaultKind.HUGE_INTEGERS else ENDS[kind]
        assert actual == (expected and (expected, True))
        assert [endpoint for endpoint, _ in service.faults.taken] == ["add_images"]
        stored = {FaultKind.SOMEBODY_ADDS: 2, FaultKind.SOMEBODY_DELETES: 0}.get(kind, 1)
        assert await service.count() == (stored if committed else 0)


@pytest.mark.parametrize("way", OVER_HTTP)
async def test_a_silent_service_is_left_after_the_time_for_a_write(way: Way) -> None:
    """The work may have been done meanwhile."""
    faults = Faults(sleep=forever)
    async with calling(way, faults=faults, timeouts=Timeouts(write_s=0.1)) as service:
        faults.add(Fault(FaultKind.SILENT, "add_images", committed=True))

        assert await end_of(add, service.client) == (LATE, True)
        await service.comes_to(1)


@pytest.mark.parametrize("call", [calls.list_images, add])
@pytest.mark.parametrize("way", [*IN_PROCESS, *OVER_HTTP])
async def test_a_drip_ends_with_the_call_s_own_deadline(way: Way, call: Call) -> None:
    """Each piece would start the read time-out anew."""
    faults = Faults(sleep=forever)
    timeouts = Timeouts(total_s=0.2, write_s=0.2)
    async with calling(way, faults=faults, timeouts=timeouts) as service:
        faults.add(Fault(FaultKind.DRIP))

        assert await end_of(call, service.client) == (LATE, True)
        await service.comes_to(call is add)


@pytest.mark.parametrize("call", [calls.list_images, add])
async def test_a_flood_of_100_continue_ends_with_the_call_s_own_deadline(call: Call) -> None:
    """It is never an answer, and never silence."""
    timeouts = Timeouts(total_s=0.2, write_s=0.2)
    async with calling(over_bare, timeouts=timeouts) as service:
        service.faults.add(Fault(FaultKind.CONTINUE_FLOOD, size=2**30))

        assert await end_of(call, service.client) == (LATE, True)
        assert await service.count() == 0


@pytest.mark.parametrize("way", OVER_HTTP)
async def test_a_huge_body_is_read_no_further_than_the_cap(way: Way) -> None:
    """The rest is left on the wire."""
    async with calling(way) as service:
        service.faults.add(Fault(FaultKind.HUGE_BODY, size=20_000_000))

        assert await end_of(add, service.client) == (UNREADABLE, True)
        assert service.meter.taken < 1_200_000


@pytest.mark.parametrize("way", [*IN_PROCESS, *OVER_HTTP])
async def test_a_compressed_body_is_not_read_at_all(way: Way) -> None:
    """So that it cannot be inflated."""
    async with calling(way) as service:
        service.faults.add(Fault(FaultKind.GZIP_BOMB))

        assert await end_of(add, service.client) == (UNREADABLE, True)
        assert service.meter.taken == 0


async def test_what_follows_a_body_is_not_the_next_answer() -> None:
    """A write after a body with too short a length is answered by its own answer."""
    async with calling(over_bare) as service:
        service.faults.add(Fault(FaultKind.LENGTH_TOO_SHORT, "add_images"))

        assert await end_of(add, service.client) == (UNREADABLE, True)
        assert await end_of(add, service.client) is None
        assert await service.count() == 2


async def test_a_cookie_is_not_kept() -> None:
    """One that is too long would make the service refuse every later request."""
    cookie = {"Set-Cookie": "spoiler=" + "x" * 4000}
    service = Service(httpx.Response(200, json=EMPTY_PAGE, headers=cookie))
    async with client_of(service) as client:
        await calls.list_images(client)
        await calls.list_images(client)

    assert ["cookie" in request.headers for request in service.requests] == [False, False]


async def forever(_seconds: float) -> None:
    """A sleep that only the end of its task ends."""
    await anyio.sleep_forever()
