"""Faults on demand: what goes wrong between a client and the service, planned call by call."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum

import anyio
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import Receive, Scope, Send

from fw_mcp.sandbox.answers import SERVER_ERROR, envelope, web_api_error
from fw_mcp.sandbox.binding import Choice, Flag, Integer, Text
from fw_mcp.sandbox.requests import holds

_BAD_GATEWAY = "<html><head><title>502 Bad Gateway</title></head><body><h1>502</h1></body></html>"
_WRONG: dict[type, object] = {
    bool: "perhaps",
    int: [],
    float: [],
    str: 7,
    list: "none",
    dict: [],
    type(None): {},
}


class ConnectionDropped(Exception):  # noqa: N818  an event on the wire, not an error of ours
    """The connection ended in the middle of an answer.

    It leaves the application as an exception after the head of an answer was sent. A server closes
    the socket on that; in process the caller of the application receives it, and makes of it what
    its HTTP library would have raised.
    """


class FaultKind(StrEnum):
    """What goes wrong."""

    RATE_LIMITED = "rate_limited"
    """HTTP 429, with ``Retry-After`` when ``retry_after`` is given."""
    SERVER_ERROR = "server_error"
    """HTTP 500 with the Web API's JSON."""
    BAD_GATEWAY = "bad_gateway"
    """HTTP 502 with a page of HTML."""
    REJECTED = "rejected"
    """HTTP 200 with ``success: false``."""
    DROPPED = "dropped"
    """The connection ends before the answer is whole."""
    SLOW = "slow"
    """The real answer, ``seconds`` after the work was done."""
    TRUNCATED = "truncated"
    """The first half of the real answer's JSON, as a whole answer."""
    WRONG_TYPES = "wrong_types"
    """The real answer with a value of another type in every member."""
    HUGE_BODY = "huge_body"
    """The real answer, padded with ``size`` bytes."""


@dataclass(frozen=True)
class Fault:
    """One planned fault.

    Attributes:
        kind: what goes wrong.
        endpoint: whose calls it spoils, such as ``delete_images``; None for any.
        after: how many such calls go through first.
        times: how many calls it then spoils.
        committed: whether the work is done before a ``rate_limited``, ``server_error``,
            ``bad_gateway``, ``rejected`` or ``dropped`` fault shows. The other kinds spoil the real
            answer, so their work is always done.
        retry_after: seconds in ``Retry-After`` of ``rate_limited``; None leaves the header out.
        seconds: the delay of ``slow``; whole seconds when planned over HTTP.
        size: the padding of ``huge_body``, in bytes.
    """

    kind: FaultKind = field(metadata=holds(Choice(FaultKind)))
    endpoint: str | None = field(default=None, metadata=holds(Text()))
    after: int = field(default=0, metadata=holds(Integer()))
    times: int = field(default=1, metadata=holds(Integer(1)))
    committed: bool = field(default=False, metadata=holds(Flag()))
    retry_after: int | None = field(default=None, metadata=holds(Integer()))
    seconds: float = field(default=0.0, metadata=holds(Integer()))
    size: int = field(default=32 * 2**20, metadata=holds(Integer(1, 2**30)))


class Faults:
    """The plan of faults still to come.

    Args:
        sleep: waits a number of seconds; the delay of slow answers goes through it.
    """

    def __init__(self, *, sleep: Callable[[float], Awaitable[None]] = anyio.sleep) -> None:
        self._plan: list[Fault] = []
        self._sleep = sleep

    def add(self, fault: Fault) -> None:
        """Put one more at the end of the plan."""
        self._plan.append(fault)

    def clear(self) -> None:
        """Forget the plan."""
        self._plan.clear()

    def take(self, endpoint: str) -> Fault | None:
        """The fault of this call, if any: the first of the plan whose ``after`` has passed."""
        for index, fault in enumerate(self._plan):
            if fault.endpoint not in {None, endpoint}:
                continue
            if fault.after:
                self._plan[index] = replace(fault, after=fault.after - 1)
                continue
            self._plan[index : index + 1] = _left_over(fault)
            return fault
        return None

    async def spoil(self, fault: Fault, answer: Callable[[], Response]) -> Response:
        """The answer a client gets in place of the real one.

        Args:
            fault: what goes wrong.
            answer: does the work and gives the real answer; called at most once.
        """
        if instead := _INSTEAD.get(fault.kind):
            if fault.committed:
                answer()
            return instead(fault)
        real = answer()
        if fault.kind is FaultKind.SLOW:
            await self._sleep(fault.seconds)
            return real
        body = _ALTERED[fault.kind](fault, bytes(real.body))
        return Response(body, real.status_code, media_type=real.media_type)


class _Dropped(Response):
    """The head of an answer whose body never comes."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Promise a body, then break off."""
        del scope, receive
        headers = [(b"content-type", b"application/json"), (b"content-length", b"4096")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        raise ConnectionDropped


def _left_over(fault: Fault) -> list[Fault]:
    return [replace(fault, times=fault.times - 1)] if fault.times > 1 else []


def _rate_limited(fault: Fault) -> Response:
    headers = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
    return web_api_error(429, "Too many requests.", headers=headers)


def _server_error(_fault: Fault) -> Response:
    return web_api_error(500, SERVER_ERROR)


def _bad_gateway(_fault: Fault) -> Response:
    return HTMLResponse(_BAD_GATEWAY, 502)


def _rejected(_fault: Fault) -> Response:
    message = "The request could not be completed."
    return envelope({}, domain=None, success=False, message=message)


def _dropped(_fault: Fault) -> Response:
    return _Dropped()


def _truncated(_fault: Fault, body: bytes) -> bytes:
    return body[: len(body) // 2]


def _wrong_types(_fault: Fault, body: bytes) -> bytes:
    members = json.loads(body)
    # A wrong ``status`` would hide the rest; it is spoiled only where there is nothing else.
    kept = {"status"} if len(members) > 1 else set()
    wrong = {n: v if n in kept else _WRONG[type(v)] for n, v in members.items()}
    return bytes(JSONResponse(wrong).body)


def _huge_body(fault: Fault, body: bytes) -> bytes:
    return body[:-1] + b',"padding":"' + b"x" * fault.size + b'"}'


_INSTEAD: dict[FaultKind, Callable[[Fault], Response]] = {
    FaultKind.RATE_LIMITED: _rate_limited,
    FaultKind.SERVER_ERROR: _server_error,
    FaultKind.BAD_GATEWAY: _bad_gateway,
    FaultKind.REJECTED: _rejected,
    FaultKind.DROPPED: _dropped,
}
_ALTERED: dict[FaultKind, Callable[[Fault, bytes], bytes]] = {
    FaultKind.TRUNCATED: _truncated,
    FaultKind.WRONG_TYPES: _wrong_types,
    FaultKind.HUGE_BODY: _huge_body,
}
