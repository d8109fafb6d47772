"""The sandbox as a transport of the API client, in the same process."""

from collections.abc import MutableMapping
from typing import Any

import httpx
from starlette.applications import Starlette

from fw_mcp.sandbox.faults import ConnectionDropped


class SandboxTransport(httpx.AsyncBaseTransport):
    """Calls the sandbox in process; a dropped connection is what it is over a network.

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
        except ConnectionDropped as dropped:
            message = "the connection was dropped"
            raise httpx.RemoteProtocolError(message, request=request) from dropped
        return httpx.Response(exchange.status, headers=exchange.headers, content=exchange.body)


class _Exchange:
    """One request's body going in, and what comes out."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.body = b""

    async def receive(self) -> MutableMapping[str, Any]:
        return {"type": "http.request", "body": self._content, "more_body": False}

    async def send(self, message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = message["headers"]
        else:
            self.body += message.get("body", b"")


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
