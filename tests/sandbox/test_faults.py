import json
from typing import Any

import httpx
import pytest
import uvicorn
from starlette.types import Message

from fw_mcp.sandbox.app import create_app
from fw_mcp.sandbox.faults.plan import ConnectionDropped, Fault, FaultKind, Faults
from tests.sandbox.wire import INVENTORY, KEYS, calling, listed, new_image

pytestmark = pytest.mark.anyio

ADD = {"images": [new_image()], "library": INVENTORY}


def failing(**fault: Any) -> Faults:  # noqa: ANN401  the members of a fault, each with its type
    """A plan of one fault of ``add_images``."""
    faults = Faults()
    faults.add(Fault(**{"endpoint": "add_images"} | fault))
    return faults


async def add_and_count(faults: Faults) -> tuple[httpx.Response, int]:
    """The answer to one spoiled add, and how many images there are afterwards."""
    async with calling(create_app(seed=False, faults=faults)) as caller:
        answer = await caller.post("/v3/add_images", json=ADD)
        return answer, (await listed(caller))["count"]


async def test_429_with_retry_after() -> None:
    """The pause is in the header, in seconds, and nothing was done."""
    answer, count = await add_and_count(failing(kind=FaultKind.RATE_LIMITED, retry_after=7))
    assert (answer.status_code, answer.headers["retry-after"], count) == (429, "7", 0)
    assert answer.json() == {"Message": "Too many requests."}


async def test_429_without_retry_after() -> None:
    """No header."""
    answer, count = await add_and_count(failing(kind=FaultKind.RATE_LIMITED))
    assert (answer.status_code, "retry-after" in answer.headers, count) == (429, False, 0)


async def test_500_with_json() -> None:
    """The Web API's own sentence."""
    answer, count = await add_and_count(failing(kind=FaultKind.SERVER_ERROR))
    assert (answer.status_code, count) == (500, 0)
    assert answer.json() == {"Message": "An error has occurred."}


async def test_502_with_a_page_of_html() -> None:
    """Something in front of the service failed."""
    answer, count = await add_and_count(failing(kind=FaultKind.BAD_GATEWAY))
    assert (answer.status_code, count) == (502, 0)
    assert answer.headers["content-type"].startswith("text/html")


async def test_200_with_success_false() -> None:
    """An envelope that says no."""
    answer, count = await add_and_count(failing(kind=FaultKind.REJECTED))
    assert (answer.status_code, answer.json()["status"]["success"], count) == (200, False, 0)


@pytest.mark.parametrize(
    "kind", [FaultKind.SERVER_ERROR, FaultKind.BAD_GATEWAY, FaultKind.REJECTED]
)
async def test_a_failure_may_come_after_the_work_was_done(kind: FaultKind) -> None:
    """``committed`` makes the answer a lie, as a proxy's time-out is."""
    _, count = await add_and_count(failing(kind=kind, committed=True))
    assert count == 1


@pytest.mark.parametrize(("committed", "count"), [(True, 1), (False, 0)])
async def test_a_connection_dropped_in_process_is_an_exception(committed: bool, count: int) -> None:
    """After the commit or before it; the caller cannot tell which."""
    faults = failing(kind=FaultKind.DROPPED, committed=committed)
    async with calling(create_app(seed=False, faults=faults)) as caller:
        with pytest.raises(ConnectionDropped):
            await caller.post("/v3/add_images", json=ADD)
        assert (await listed(caller))["count"] == count


async def test_a_dropped_answer_has_a_head_and_no_body() -> None:
    """The application promises a body and breaks off, so that a server closes the socket."""
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    faults = Faults()
    faults.add(Fault(kind=FaultKind.DROPPED))
    scope = {"type": "http", "method": "GET", "path": "/v3/test_my_credentials", "headers": []}
    with pytest.raises(ConnectionDropped):
        await create_app(faults=faults)(scope | {"query_string": b""}, receive, send)
    assert [message["type"] for message in sent] == ["http.response.start"]


async def test_over_http_a_dropped_connection_is_closed() -> None:
    """An HTTP client sees the peer go away, and the next connection works."""
    faults = failing(kind=FaultKind.DROPPED, committed=True)
    app = create_app(seed=False, faults=faults)
    config = uvicorn.Config(app, port=0, lifespan="off", log_level=60)
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    port = server.servers[0].sockets[0].getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    async with httpx.AsyncClient(base_url=url, headers=KEYS, trust_env=False) as caller:
        with pytest.raises(httpx.RemoteProtocolError):
            await caller.post("/v3/add_images", json=ADD)
        assert (await listed(caller))["count"] == 1
    await server.shutdown()


async def test_a_slow_answer_is_the_real_one_after_a_pause() -> None:
    """The work is done first; the waiting is the caller's to provide."""
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    faults = Faults(sleep=sleep)
    faults.add(Fault(kind=FaultKind.SLOW, seconds=20))
    answer, count = await add_and_count(faults)
    assert (answer.status_code, pauses, count) == (201, [20], 1)


async def test_a_truncated_answer_is_no_json() -> None:
    """The work was done, and half of the answer arrives as if it were all."""
    answer, count = await add_and_count(failing(kind=FaultKind.TRUNCATED))
    assert (answer.status_code, count) == (201, 1)
    with pytest.raises(json.JSONDecodeError):
        answer.json()


async def test_wrong_types_are_json_that_nobody_can_read() -> None:
    """Every member but ``status`` has another type; a status alone is no object."""
    faults = Faults()
    faults.add(Fault(kind=FaultKind.WRONG_TYPES, times=2))
    async with calling(create_app(faults=faults)) as caller:
        page = await listed(caller)
        body = {"guids": ["x"], "library": INVENTORY}
        status = (await caller.request("DELETE", "/v3/delete_images", json=body)).json()
    assert page.pop("status")["success"] is True
    assert page == {"images": "none", "page_number": [], "per_page": [], "count": []}
    assert status == {"status": []}


async def test_a_huge_body_is_valid_json_of_the_size_asked_for() -> None:
    """Padding comes on top of the real answer."""
    answer, count = await add_and_count(failing(kind=FaultKind.HUGE_BODY, size=2_000_000))
    assert len(answer.content) > 2_000_000
    assert (len(answer.json()["images"]), count) == (1, 1)


async def test_a_fault_spoils_its_endpoint_after_some_calls_and_some_times() -> None:
    """One call goes through, two fail, and the plan is used up."""
    faults = Faults()
    faults.add(Fault(kind=FaultKind.SERVER_ERROR, endpoint="test_my_credentials", after=1, times=2))
    async with calling(create_app(faults=faults)) as caller:
        assert (await listed(caller))["count"] > 0
        codes = [(await caller.get("/v3/test_my_credentials")).status_code for _ in range(4)]
    assert codes == [200, 500, 500, 200]


async def test_faults_of_one_endpoint_follow_each_other() -> None:
    """In the order in which they were planned."""
    faults = Faults()
    faults.add(Fault(kind=FaultKind.RATE_LIMITED))
    faults.add(Fault(kind=FaultKind.BAD_GATEWAY))
    async with calling(create_app(faults=faults)) as caller:
        codes = [(await caller.get("/v3/test_my_credentials")).status_code for _ in range(3)]
    assert codes == [429, 502, 200]


async def test_faults_are_planned_over_http_when_that_is_enabled() -> None:
    """One is added, another is cleared; neither takes keys."""
    async with calling(create_app(fault_control=True), {}) as stranger:
        await stranger.post("/_sandbox/faults", json={"kind": "rate_limited", "retry_after": 3})
        limited = await stranger.get("/v3/test_my_credentials")
        await stranger.post("/_sandbox/faults", json={"kind": "bad_gateway", "times": 9})
        cleared = await stranger.delete("/_sandbox/faults")
        refused = await stranger.get("/v3/test_my_credentials")
    assert (limited.status_code, limited.headers["retry-after"]) == (429, "3")
    assert (cleared.status_code, refused.status_code) == (204, 400)


async def test_a_fault_that_is_not_one_is_refused_over_http() -> None:
    """The route reads like the others: 400 for an unknown kind, 400 for no JSON."""
    async with calling(create_app(fault_control=True)) as caller:
        unknown = await caller.post("/_sandbox/faults", json={"kind": "earthquake", "seconds": -1})
        malformed = await caller.post("/_sandbox/faults", content=b"{")
    assert list(unknown.json()["ModelState"]) == ["kind", "seconds"]
    assert malformed.json() == {"Message": "The request body is not valid JSON."}


@pytest.mark.parametrize(
    ("fault", "member"),
    [
        ({"kind": "rate_limited", "retryAfter": 7}, "retryafter"),
        ({"kind": "rate_limited", "endpoint": "list_image"}, "endpoint"),
    ],
)
async def test_a_fault_that_would_never_show_is_refused_over_http(
    fault: dict[str, object], member: str
) -> None:
    """A misspelt member or endpoint would make for a quiet test."""
    async with calling(create_app(fault_control=True)) as caller:
        answer = await caller.post("/_sandbox/faults", json=fault)
        assert (await caller.get("/v3/test_my_credentials")).status_code == 200
    assert (answer.status_code, list(answer.json()["ModelState"])) == (400, [member])


async def test_the_route_of_faults_is_not_there_unless_enabled(studio: httpx.AsyncClient) -> None:
    """Off by default."""
    answer = await studio.post("/_sandbox/faults", json={"kind": "rate_limited"})
    assert answer.status_code == 404
