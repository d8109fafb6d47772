from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import anyio
import httpx
import pytest

from fw_mcp.api.client import FinerWorksClient
from fw_mcp.api.connection import Timeouts
from fw_mcp.api.failures import ADD_IMAGES, DELETE_IMAGES, LIST_IMAGES, UPDATE_IMAGES, Endpoint
from fw_mcp.api.pacing import Traffic
from fw_mcp.errors import ApiError, Reason, TransportError
from tests.api import calls
from tests.api.stand_in import EMPTY_PAGE, KEYS, SESSION_ID, Call, Handler, Pauses

pytestmark = pytest.mark.anyio


ANSWER = EMPTY_PAGE | {"guids": []}
"""A success, whatever was called."""


class Clock:
    """Seconds moved by hand; who sleeps wakes when they are moved far enough."""

    def __init__(self) -> None:
        """Start at an odd moment, as a monotonic clock does."""
        self.seconds = 1_000.0
        self.asleep: list[tuple[float, anyio.Event]] = []

    def __call__(self) -> float:
        """The time it is."""
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        """Wait until the clock has moved so far."""
        sleeper = (self.seconds + seconds, anyio.Event())
        self.asleep.append(sleeper)
        await sleeper[1].wait()

    async def forward(self, seconds: float) -> None:
        """Let time pass, wake who is due, and let them do all that they can."""
        self.seconds += seconds
        for due, event in self.asleep:
            if due <= self.seconds:
                event.set()
        self.asleep = [sleeper for sleeper in self.asleep if sleeper[0] > self.seconds]
        await anyio.wait_all_tasks_blocked()


class Ends:
    """How calls that run beside the test end."""

    def __init__(self) -> None:
        """None has ended yet."""
        self.values: list[object] = []
        self.errors: list[ApiError] = []

    async def keep(self, call: Callable[[], Awaitable[object]]) -> None:
        """Await a call and keep its end."""
        try:
            self.values.append(await call())
        except ApiError as error:
            self.errors.append(error)

    @property
    def reasons(self) -> list[Reason]:
        """Why those ended that did not end well."""
        return [error.reason for error in self.errors]


class Holding:
    """Answers with `answers` in turn, then with a success; each waits while `gate` is shut."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        """Keep the answers in order, with the gate open."""
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []
        self.gate = anyio.Event()
        self.gate.set()

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer one request, or break the connection."""
        self.requests.append(request)
        answer = self.answers.pop(0) if self.answers else httpx.Response(200, json=ANSWER)
        await self.gate.wait()
        if isinstance(answer, Exception):
            raise answer
        return answer


def client_in(
    traffic: Traffic, service: Handler, timeouts: Timeouts | None = None
) -> FinerWorksClient:
    """The real client over `service`, in that traffic, whose pauses are the only ones."""
    return FinerWorksClient(
        base_url="https://api.finerworks.com",
        keys=KEYS,
        session_id=SESSION_ID,
        transport=httpx.MockTransport(service),
        timeouts=timeouts,
        traffic=traffic,
        sleep=Pauses().sleep,
    )


@asynccontextmanager
async def beside(number: int, call: Callable[[], Awaitable[object]]) -> AsyncIterator[Ends]:
    """So many calls at once, as far as they can get; they must have ended when the block ends."""
    ends = Ends()
    async with anyio.create_task_group() as group:
        for _ in range(number):
            group.start_soon(ends.keep, call)
        await anyio.wait_all_tasks_blocked()
        yield ends
        await anyio.wait_all_tasks_blocked()
        assert len(ends.values) + len(ends.errors) == number
        group.cancel_scope.cancel()


async def refusal(traffic: Traffic, endpoint: Endpoint = LIST_IMAGES) -> TransportError:
    """The error that a call is refused with, at once."""
    async with beside(1, lambda: traffic.admitted(endpoint)) as ends:
        pass
    (error,) = ends.errors
    assert isinstance(error, TransportError)
    assert not error.sent
    return error


def limited(retry_after: int | None = None) -> httpx.Response:
    """HTTP 429, which may ask for a pause."""
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return httpx.Response(429, headers=headers)


@pytest.fixture
def clock() -> Clock:
    """Moved by hand."""
    return Clock()


@pytest.fixture
def traffic(clock: Clock) -> Traffic:
    """Nothing happened yet."""
    return Traffic(clock, clock.sleep)


@pytest.fixture
def tripped(traffic: Traffic) -> Traffic:
    """Five requests in a row got no answer."""
    for _ in range(5):
        traffic.lost()
    return traffic


async def paused_s(clock: Clock, traffic: Traffic) -> float:
    """How long the next call waits; it is let through."""
    began = clock()
    async with beside(1, lambda: traffic.admitted(LIST_IMAGES)) as ends:
        while not ends.values:
            await clock.forward(min(due for due, _ in clock.asleep) - clock())
    return clock() - began


@pytest.mark.parametrize("status_code", [200, 201, 302, 400, 404, 500, 503])
def test_an_answer_troubles_no_other_call(traffic: Traffic, status_code: int) -> None:
    """A call asks nothing and waits for nothing while all is well."""
    traffic.answered(status_code, 20.0)

    assert not traffic.troubled


@pytest.mark.parametrize("endpoint", [LIST_IMAGES, ADD_IMAGES])
async def test_a_429_pauses_every_endpoint_for_as_long_as_asked(
    clock: Clock, traffic: Traffic, endpoint: Endpoint
) -> None:
    """Neither a moment less nor more."""
    traffic.answered(429, 7.0)

    assert traffic.troubled
    async with beside(3, lambda: traffic.admitted(endpoint)) as ends:
        await clock.forward(6.9)
        assert ends.values == []
        await clock.forward(0.1)
        assert ends.values == [False] * 3


@pytest.mark.parametrize("endpoint", [DELETE_IMAGES, UPDATE_IMAGES])
async def test_what_destroys_is_refused_during_a_pause_and_told_how_long_it_is(
    clock: Clock, traffic: Traffic, endpoint: Endpoint
) -> None:
    """Whoever sends it looks again after the wait: a product may have been hung meanwhile."""
    traffic.answered(429, 7.0)

    with pytest.raises(TransportError) as refused:
        await traffic.admitted(endpoint)
    assert (refused.value.sent, refused.value.retry_after_s) == (False, 7.0)
    await clock.forward(7.0)
    assert await traffic.admitted(endpoint) is False


async def test_429s_in_a_row_double_the_pause_up_to_sixteen_seconds(
    clock: Clock, traffic: Traffic
) -> None:
    """When the service does not say for how long."""
    actual = []
    for _ in range(6):
        traffic.answered(429, None)
        actual.append(await paused_s(clock, traffic))

    assert actual == [1.0, 2.0, 4.0, 8.0, 16.0, 16.0]


async def test_a_service_may_refuse_for_days(clock: Clock, traffic: Traffic) -> None:
    """The pauses stay as long as they are."""
    for _ in range(2_000):
        traffic.answered(429, 0.0)
    traffic.answered(429, None)

    assert await paused_s(clock, traffic) == 16.0


async def test_a_success_makes_the_next_pause_short_again(clock: Clock, traffic: Traffic) -> None:
    """And after it a call waits for nothing; an error of another kind changes neither."""
    for status_code in (429, 500, 429):
        traffic.answered(status_code, None)
        await clock.forward(1.0)
    assert await paused_s(clock, traffic) == 1.0
    traffic.answered(201, None)
    assert not traffic.troubled

    traffic.answered(429, None)

    assert await paused_s(clock, traffic) == 1.0


async def test_calls_that_left_before_the_pause_count_as_one(
    clock: Clock, traffic: Traffic
) -> None:
    """They were refused for what they were, not for going on regardless."""
    for _ in range(4):
        traffic.answered(429, None)

    assert await paused_s(clock, traffic) == 1.0


async def test_neither_a_shorter_pause_nor_a_success_ends_a_longer_one(
    clock: Clock, traffic: Traffic
) -> None:
    """Both left before it began."""
    traffic.answered(429, 20.0)
    traffic.answered(429, 2.0)
    traffic.answered(200, None)

    assert traffic.troubled
    assert await paused_s(clock, traffic) == 20.0
    traffic.answered(429, None)
    assert await paused_s(clock, traffic) == 2.0


async def test_a_pause_that_is_over_costs_nothing(clock: Clock, traffic: Traffic) -> None:
    """A read that waited as long before it is tried again does not wait twice."""
    traffic.answered(429, 7.0)
    await clock.forward(7.0)

    assert await paused_s(clock, traffic) == 0.0


async def test_a_call_does_not_wait_longer_than_thirty_seconds(
    clock: Clock, traffic: Traffic
) -> None:
    """It is refused at once and told how long the pause still is."""
    traffic.answered(429, 120.0)
    await clock.forward(50.5)

    actual = await refusal(traffic, DELETE_IMAGES)

    assert str(actual) == (
        "FinerWorks rate-limited the account, so calls pause for 70 s and delete_images "
        "was not sent. Nothing was sent. Wait 70 s, then try again. (reason: rate_limited)"
    )
    await clock.forward(39.5)
    assert await paused_s(clock, traffic) == 30.0


async def test_a_pause_made_longer_counts_against_the_same_thirty_seconds(
    clock: Clock, traffic: Traffic
) -> None:
    """All that a call waits is counted."""
    traffic.answered(429, 20.0)
    async with beside(1, lambda: traffic.admitted(LIST_IMAGES)) as ends:
        traffic.answered(429, 31.0)
        await clock.forward(20.0)

        assert ends.reasons == [Reason.RATE_LIMITED]


async def test_no_pause_is_longer_than_an_hour(clock: Clock, traffic: Traffic) -> None:
    """One odd header does not stop the account until the server starts anew."""
    traffic.answered(429, 999_999_999.0)

    assert "pause for 3600 s" in (await refusal(traffic)).what
    await clock.forward(3600)
    assert await paused_s(clock, traffic) == 0.0


@pytest.mark.parametrize("endpoint", [LIST_IMAGES, ADD_IMAGES])
async def test_a_pause_that_outlasts_the_deadline_is_not_waited_for(
    traffic: Traffic, endpoint: Endpoint
) -> None:
    """The caller is told now, with the reason, not later and without."""
    traffic.answered(429, 20.0)

    with anyio.fail_after(10):
        assert (await refusal(traffic, endpoint)).reason is Reason.RATE_LIMITED


async def test_a_write_needs_time_after_the_pause_too(clock: Clock, traffic: Traffic) -> None:
    """One that leaves just before its deadline would end as unknown; a read has nothing to lose."""
    traffic.answered(429, 6.0)

    with anyio.fail_after(10):
        assert (await refusal(traffic, ADD_IMAGES)).reason is Reason.RATE_LIMITED
        assert await paused_s(clock, traffic) == 6.0


async def test_the_circuit_opens_at_the_fifth_loss_in_a_row(clock: Clock, traffic: Traffic) -> None:
    """And says so, with how long it stays open."""
    for _ in range(4):
        traffic.lost()
    assert await traffic.admitted(LIST_IMAGES) is False

    traffic.lost()
    await clock.forward(9.5)

    actual = await refusal(traffic)
    assert str(actual) == (
        "FinerWorks did not respond five times in a row, so list_images was not sent. "
        "Nothing was sent. Try again in 21 s; fw-mcp doctor checks the connection to FinerWorks. "
        "(reason: circuit_open)"
    )
    assert actual.retry_after_s == 20.5


@pytest.mark.parametrize("status_code", [200, 400, 429, 500, 503])
async def test_any_answer_starts_the_count_of_losses_again(
    clock: Clock, traffic: Traffic, status_code: int
) -> None:
    """Whatever it says, the service was reached."""
    for _ in range(4):
        traffic.lost()
    traffic.answered(status_code, 0.0)
    for _ in range(4):
        traffic.lost()

    assert await paused_s(clock, traffic) == 0.0


async def test_after_thirty_seconds_one_call_goes_ahead(clock: Clock, tripped: Traffic) -> None:
    """The others are still refused."""
    await clock.forward(29.9)
    assert (await refusal(tripped)).reason is Reason.CIRCUIT_OPEN
    await clock.forward(0.1)

    assert await tripped.admitted(LIST_IMAGES) is True

    actual = await refusal(tripped)
    assert actual.next_step.startswith("Try again in a minute;")
    await clock.forward(60)
    assert (await refusal(tripped)).reason is Reason.CIRCUIT_OPEN


@pytest.mark.parametrize("status_code", [200, 404, 500])
async def test_an_answer_to_it_closes_the_circuit(
    clock: Clock, tripped: Traffic, status_code: int
) -> None:
    """For everybody, and all five losses are forgotten."""
    await clock.forward(30)
    assert await tripped.admitted(LIST_IMAGES) is True
    tripped.answered(status_code, None)
    tripped.probed()
    tripped.lost()

    assert [await tripped.admitted(LIST_IMAGES) for _ in range(3)] == [False] * 3


async def test_another_loss_opens_the_circuit_again(clock: Clock, tripped: Traffic) -> None:
    """For as long as before."""
    await clock.forward(30)
    for _ in range(3):
        assert await tripped.admitted(LIST_IMAGES) is True
        tripped.lost()
        tripped.probed()

        await clock.forward(29.9)
        assert "in 1 s" in (await refusal(tripped)).next_step
        await clock.forward(0.2)


async def test_a_call_that_ends_without_either_leaves_its_place_to_the_next(
    clock: Clock, tripped: Traffic
) -> None:
    """A cancelled one, say."""
    await clock.forward(30)
    assert await tripped.admitted(LIST_IMAGES) is True
    tripped.probed()

    assert await tripped.admitted(LIST_IMAGES) is True


async def test_losses_of_calls_that_left_before_do_not_keep_it_open(
    clock: Clock, tripped: Traffic
) -> None:
    """Their time-outs come in while nothing is sent."""
    await clock.forward(15)
    tripped.lost()
    await clock.forward(15)

    assert await tripped.admitted(LIST_IMAGES) is True


async def test_a_call_that_waits_out_a_pause_meets_the_circuit_after_it(
    clock: Clock, traffic: Traffic
) -> None:
    """It opened meanwhile."""
    traffic.answered(429, 7.0)
    async with beside(2, lambda: traffic.admitted(LIST_IMAGES)) as ends:
        for _ in range(5):
            traffic.lost()
        await clock.forward(7.0)

        assert ends.reasons == [Reason.CIRCUIT_OPEN] * 2


async def test_twenty_calls_at_once_wait_when_one_is_told_to(
    clock: Clock, traffic: Traffic
) -> None:
    """Those that have not left wait, those on the way arrive, and all end well."""
    service = Holding(limited(7))
    async with client_in(traffic, service) as client:
        service.gate = anyio.Event()
        async with beside(3, lambda: calls.list_images(client)) as first:
            service.gate.set()
            await anyio.wait_all_tasks_blocked()
            assert (len(first.values), len(service.requests)) == (2, 3)

            async with beside(17, lambda: calls.list_file_selection(client)) as others:
                await clock.forward(6.9)
                assert (others.values, len(service.requests)) == ([], 3)
                await clock.forward(0.1)
                assert len(service.requests) == 21

    assert first.errors + others.errors == []


async def test_a_write_that_is_told_to_wait_holds_back_reads(
    clock: Clock, traffic: Traffic
) -> None:
    """The write itself is not repeated here."""
    service = Holding(limited(7))
    async with client_in(traffic, service) as client:
        async with beside(1, lambda: calls.delete_images(client)) as write:
            assert write.reasons == [Reason.RATE_LIMITED]
        async with beside(1, lambda: calls.check_credentials(client)) as read:
            assert len(service.requests) == 1
            await clock.forward(7)
            assert len(read.values) == 1


async def test_a_read_is_repeated_after_the_pause_alone(clock: Clock, traffic: Traffic) -> None:
    """Its three attempts are parted by what the service asked for, then by a second and two."""
    service = Holding(limited(7), limited())
    async with (
        client_in(traffic, service) as client,
        beside(1, lambda: calls.list_images(client)) as ends,
    ):
        await clock.forward(7)
        assert len(service.requests) == 2
        await clock.forward(2)
        assert len(service.requests) == 3

    assert len(ends.values) == 1


@pytest.mark.parametrize("call", [calls.list_images, calls.add_images])
async def test_a_pause_too_long_to_wait_for_ends_a_call_before_it_leaves(
    clock: Clock, traffic: Traffic, call: Call
) -> None:
    """It is told once, not tried again."""
    service = Holding(limited(31))
    async with client_in(traffic, service) as client:
        async with beside(1, lambda: calls.list_images(client)) as first:
            pass
        async with beside(2, lambda: call(client)) as later:
            pass

    assert first.reasons + later.reasons == [Reason.RATE_LIMITED] * 3
    assert [error.sent for error in first.errors + later.errors] == [True, False, False]
    assert (len(service.requests), clock.asleep) == (1, [])


@pytest.mark.parametrize(
    "fault", [httpx.ConnectError("x"), httpx.ReadTimeout("x"), httpx.RemoteProtocolError("x")]
)
async def test_five_requests_without_an_answer_stop_all_calls(
    traffic: Traffic, fault: Exception
) -> None:
    """Over reads and writes; what is refused is neither sent nor tried again."""
    service = Holding(*[fault] * 5)
    async with client_in(traffic, service) as client:
        async with beside(1, lambda: calls.list_images(client)) as reads:
            pass
        async with beside(2, lambda: calls.add_images(client)) as writes:
            pass
        async with beside(3, lambda: calls.list_images(client)) as refused:
            pass

    assert len(reads.errors) == 1
    assert len(writes.errors) == 2
    assert refused.reasons == [Reason.CIRCUIT_OPEN] * 3
    assert [error.sent for error in refused.errors] == [False] * 3
    assert len(service.requests) == 5


@pytest.mark.parametrize("call", [calls.list_images, calls.add_images])
async def test_of_many_calls_exactly_one_tries_whether_the_service_is_back(
    clock: Clock, tripped: Traffic, call: Call
) -> None:
    """When it is, calls go on as ever."""
    service = Holding()
    service.gate = anyio.Event()
    await clock.forward(30)
    async with client_in(tripped, service) as client:
        async with beside(20, lambda: call(client)) as ends:
            assert len(service.requests) == 1
            assert ends.reasons == [Reason.CIRCUIT_OPEN] * 19
            service.gate.set()
        async with beside(5, lambda: call(client)) as after:
            pass

    assert (len(ends.values), len(after.values), tripped.troubled) == (1, 5, False)


async def test_a_cancelled_try_lets_the_next_call_try(clock: Clock, tripped: Traffic) -> None:
    """The circuit does not stay open for a caller that left."""
    service = Holding()
    service.gate = anyio.Event()
    await clock.forward(30)
    async with client_in(tripped, service) as client:
        async with anyio.create_task_group() as group:
            group.start_soon(Ends().keep, lambda: calls.list_images(client))
            await anyio.wait_all_tasks_blocked()
            group.cancel_scope.cancel()
        service.gate.set()
        await calls.list_images(client)

    assert (len(service.requests), tripped.troubled) == (2, False)


@pytest.mark.parametrize("call", [calls.list_images, calls.add_images])
async def test_a_call_that_its_own_deadline_ends_got_no_answer(
    clock: Clock, traffic: Traffic, call: Call
) -> None:
    """An answer that never ends is none, also to the call that tries."""
    service = Holding()
    service.gate = anyio.Event()
    async with client_in(traffic, service, Timeouts(total_s=0, write_s=0)) as client:
        reasons = []
        for _ in range(7):
            async with beside(1, lambda: call(client)) as ends:
                pass
            reasons += ends.reasons
            await clock.forward(30 if len(reasons) == 5 else 0)

    assert reasons == [Reason.TIMED_OUT] * 6 + [Reason.CIRCUIT_OPEN]
