"""The sandbox as a transport of the API client, in the same process."""

import itertools
from collections.abc import AsyncIterator, MutableMapping
from typing import Any

import httpx
from starlette.applications import Starlette

from fw_mcp.sandbox.faults.plan import ConnectionDropped, NoAnswer

# What httpx's own parser allows a head to be.
_MOST_HEAD_BYTES = 100 * 1024


class SandboxTransport(httpx.AsyncBaseTransport):
    """Calls the sandbox in process; what goes wrong on the wire is what httpx makes of it there.

    Args:
        app: the sandbox.
    """

    def __init__(self, app: Starlette) -> None:
        self._app = app

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer one request."""
        exchange = _Exchange(await request.aread())
        try:
            await self._app(_scope(request), exchange.receive, exchange.send)
        except NoAnswer as silence:
            raise httpx.ReadTimeout("no answer came", request=request) from silence
        except ConnectionDropped as dropped:
            raise _broken("the connection was dropped", request) from dropped
        if sum(map(len, itertools.chain(*exchange.headers))) > _MOST_HEAD_BYTES:
            raise _broken("the head of the answer is too long", request)
        # As a stream, which a compressed body must be to arrive as it was sent.
        return httpx.Response(
            exchange.status, headers=exchange.headers, stream=_Body(exchange.pieces)
        )


class _Body(httpx.AsyncByteStream):
    """The pieces of an answer's body, in order."""

    def __init__(self, pieces: list[bytes]) -> None:
        self._pieces = pieces

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            yield piece


class _Exchange:
    """One request's body going in, and what comes out."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.pieces: list[bytes] = []

    async def receive(self) -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": self._content, "more_body": False}

    async def send(self, message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = message["headers"]
        else:
            self.pieces.append(message.get("body", b""))


def _broken(why: str, request: httpx.Request) -> httpx.RemoteProtocolError:
    return httpx.RemoteProtocolError(why, request=request)


def _scope(request: httpx.Request) -> dict[str, Any]:
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": request.method,
        "headers": [(name.lower(), value) for name, value in request.headers.raw],
        "scheme": request.url.scheme,
        "path": request.url.path,
        "raw_path": request.url.raw_path.partition(b"?")[0],
        "query_string": request.url.query,
        "server": (request.url.host, request.url.port),
        "client": ("127.0.0.1", 0),
        "root_path": "",
    }
