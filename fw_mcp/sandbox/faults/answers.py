"""What a fault makes of an answer."""

import codecs
import gzip
import json
import math
from collections.abc import Awaitable, Callable

from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import Message, Receive, Scope, Send

from fw_mcp.sandbox.endpoints import SERVER_ERROR, envelope, web_api_error
from fw_mcp.sandbox.faults.plan import ConnectionDropped, Fault, FaultKind, NoAnswer

RAW = "fw_mcp.raw"
"""The ASGI extension, and the type of its messages, of a server that sends bytes as they are."""

_PAGE = "<html><head><title>{0}</title></head><body><h1>{0}</h1></body></html>"
_CONTINUES = b"HTTP/1.1 100 Continue\r\n\r\n" * 1000
_MOST_PIECES = 100
_HALF_A_CHARACTER = "\ud83d"
_WRITTEN_BY_PEOPLE = frozenset(
    {
        "title",
        "description",
        "file_name",
        "thumbnail_file_name",
        "preview_file_name",
        "hires_file_name",
        "personal_gallery_title",
        "members_gallery_category",
        "name",
        "sku",
        "product_code",
        "description_short",
        "description_long",
        "key",
        "value",
        "message",
        "debug",
        "account_username",
        "Message",
    }
)
_WRONG: dict[type, object] = {
    bool: "perhaps",
    int: [],
    float: [],
    str: 7,
    list: "none",
    dict: [],
    type(None): {},
}


Sleep = Callable[[float], Awaitable[None]]


class _Sent(Response):
    """An answer that is sent in a way of its own."""

    def __init__(self, way: Callable[[Scope, Send], Awaitable[None]]) -> None:
        super().__init__()
        self._way = way

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it that way."""
        del receive
        await self._way(scope, send)


async def spoiled(fault: Fault, answer: Callable[[], Response], sleep: Sleep) -> Response:
    """The answer a client gets in place of the real one.

    Args:
        fault: what goes wrong.
        answer: does the work and gives the real answer; called at most once.
        sleep: waits a number of seconds.
    """
    if instead := _INSTEAD.get(fault.kind):
        if fault.committed:
            answer()
        return instead(fault, sleep)
    real = answer()
    if carried := _CARRIED.get(fault.kind):
        return carried(fault, real, sleep)
    if altered := _ALTERED.get(fault.kind):
        body = altered(fault, bytes(real.body))
        return Response(body, real.status_code, media_type=real.media_type)
    return real


def _rate_limited(fault: Fault, _sleep: Sleep) -> Response:
    headers = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
    return web_api_error(429, "Too many requests.", headers=headers)


def _server_error(_fault: Fault, _sleep: Sleep) -> Response:
    return web_api_error(500, SERVER_ERROR)


def _bad_gateway(_fault: Fault, _sleep: Sleep) -> Response:
    return HTMLResponse(_PAGE.format("502 Bad Gateway"), 502)


def _html(_fault: Fault, _sleep: Sleep) -> Response:
    return HTMLResponse(_PAGE.format("Down for maintenance"))


def _rejected(_fault: Fault, _sleep: Sleep) -> Response:
    message = "The request could not be completed."
    return envelope({}, domain=None, success=False, message=message)


def _header_flood(_fault: Fault, _sleep: Sleep) -> Response:
    flood = {f"X-Padding-{number}": "x" * 1024 for number in range(1024)}
    return web_api_error(503, "The service is unavailable.", headers=flood)


def _dropped(_fault: Fault, _sleep: Sleep) -> Response:
    async def way(_scope: Scope, send: Send) -> None:
        await send(_head(200, 4096))
        raise ConnectionDropped

    return _Sent(way)


def _silent(fault: Fault, sleep: Sleep) -> Response:
    async def way(_scope: Scope, send: Send) -> None:
        await sleep(fault.seconds)
        # A server answers an exception before a head with a 500, and closes the socket after one.
        await send(_head(200, 4096))
        raise NoAnswer

    return _Sent(way)


def _continue_flood(fault: Fault, sleep: Sleep) -> Response:
    async def way(scope: Scope, send: Send) -> None:
        if not _is_bare(scope):
            return await _silent(fault, sleep)(scope, _nothing, send)
        for _ in range(0, fault.size, len(_CONTINUES)):
            await send({"type": RAW, "body": _CONTINUES})
        raise ConnectionDropped

    return _Sent(way)


def _slow(fault: Fault, real: Response, sleep: Sleep) -> Response:
    async def way(scope: Scope, send: Send) -> None:
        await sleep(fault.seconds)
        await real(scope, _nothing, send)

    return _Sent(way)


def _drip(fault: Fault, real: Response, sleep: Sleep) -> Response:
    async def way(_scope: Scope, send: Send) -> None:
        body = bytes(real.body)
        size = max(1, math.ceil(len(body) / _MOST_PIECES))
        await send(_head(real.status_code, len(body)))
        for start in range(0, len(body), size):
            await send(_piece(body[start : start + size], more=True))
            await sleep(fault.seconds)
        await send(_piece(b""))

    return _Sent(way)


def _length_too_long(_fault: Fault, real: Response, _sleep: Sleep) -> Response:
    async def way(_scope: Scope, send: Send) -> None:
        await send(_head(real.status_code, len(real.body) * 2))
        await send(_piece(bytes(real.body), more=True))
        raise ConnectionDropped

    return _Sent(way)


def _length_too_short(_fault: Fault, real: Response, _sleep: Sleep) -> Response:
    async def way(scope: Scope, send: Send) -> None:
        half = len(real.body) // 2
        await send(_head(real.status_code, half))
        # In one piece, so that a client has the rest in hand when it has its answer.
        whole = {"type": RAW, "body": bytes(real.body)}
        await send(whole if _is_bare(scope) else _piece(bytes(real.body[:half])))

    return _Sent(way)


def _gzip_bomb(fault: Fault, real: Response, _sleep: Sleep) -> Response:
    bomb = gzip.compress(_huge_body(fault, bytes(real.body)), 1)
    headers = {"Content-Encoding": "gzip"}
    return Response(bomb, real.status_code, headers, media_type=real.media_type)


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


def _byte_order_mark(_fault: Fault, body: bytes) -> bytes:
    return codecs.BOM_UTF8 + body


def _not_a_number(_fault: Fault, body: bytes) -> bytes:
    return _with_each(body, lambda _, value: math.nan if _is_number(value) else value)


def _huge_integers(_fault: Fault, body: bytes) -> bytes:
    return _with_each(body, lambda _, value: 10**399 if _is_number(value) else value)


def _lone_surrogates(_fault: Fault, body: bytes) -> bytes:
    def halved(name: str, value: object) -> object:
        is_text = isinstance(value, str) and name in _WRITTEN_BY_PEOPLE
        return f"{value}{_HALF_A_CHARACTER}" if is_text else value

    return _with_each(body, halved)


def _reordered(_fault: Fault, body: bytes) -> bytes:
    members: dict[str, object] = json.loads(body)
    turned = {n: v[::-1] if isinstance(v, list) else v for n, v in members.items()}
    return bytes(JSONResponse(turned).body)


def _with_each(body: bytes, change: Callable[[str, object], object]) -> bytes:
    """The JSON of `body` with each value that holds no other as `change` gives it."""

    def changed(name: str, value: object) -> object:
        if isinstance(value, dict):
            return {key: changed(key, member) for key, member in value.items()}
        if isinstance(value, list):
            return [changed(name, member) for member in value]
        return change(name, value)

    return json.dumps(changed("", json.loads(body)), separators=(",", ":")).encode()


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_bare(scope: Scope) -> bool:
    return RAW in (scope.get("extensions") or {})


def _head(status_code: int, length: int) -> Message:
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % length)]
    return {"type": "http.response.start", "status": status_code, "headers": headers}


def _piece(body: bytes, *, more: bool = False) -> Message:
    return {"type": "http.response.body", "body": body, "more_body": more}


async def _nothing() -> Message:
    """An answer of bytes asks nothing of the one who waits for it."""
    return {"type": "http.disconnect"}


_INSTEAD: dict[FaultKind, Callable[[Fault, Sleep], Response]] = {
    FaultKind.RATE_LIMITED: _rate_limited,
    FaultKind.SERVER_ERROR: _server_error,
    FaultKind.BAD_GATEWAY: _bad_gateway,
    FaultKind.HTML: _html,
    FaultKind.REJECTED: _rejected,
    FaultKind.DROPPED: _dropped,
    FaultKind.SILENT: _silent,
    FaultKind.HEADER_FLOOD: _header_flood,
    FaultKind.CONTINUE_FLOOD: _continue_flood,
}
_CARRIED: dict[FaultKind, Callable[[Fault, Response, Sleep], Response]] = {
    FaultKind.SLOW: _slow,
    FaultKind.DRIP: _drip,
    FaultKind.LENGTH_TOO_LONG: _length_too_long,
    FaultKind.LENGTH_TOO_SHORT: _length_too_short,
    FaultKind.GZIP_BOMB: _gzip_bomb,
}
_ALTERED: dict[FaultKind, Callable[[Fault, bytes], bytes]] = {
    FaultKind.TRUNCATED: _truncated,
    FaultKind.WRONG_TYPES: _wrong_types,
    FaultKind.HUGE_BODY: _huge_body,
    FaultKind.BYTE_ORDER_MARK: _byte_order_mark,
    FaultKind.NOT_A_NUMBER: _not_a_number,
    FaultKind.HUGE_INTEGERS: _huge_integers,
    FaultKind.LONE_SURROGATES: _lone_surrogates,
    FaultKind.REORDERED: _reordered,
}
