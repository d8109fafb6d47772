"""A bare HTTP/1.1 server on loopback, for answers that a proper server refuses to send.

It knows the requests that a client of the sandbox makes and no others: it is for tests and trials.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import anyio
from anyio.abc import SocketAttribute, SocketStream
from anyio.streams.buffered import BufferedByteReceiveStream
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Scope

from fw_mcp.sandbox.faults.answers import RAW
from fw_mcp.sandbox.faults.plan import ConnectionDropped

_MOST_HEAD_BYTES = 64 * 1024
_END_OF_HEAD = b"\r\n\r\n"
_CONNECTION_ENDED = (
    ConnectionDropped,
    anyio.BrokenResourceError,
    anyio.EndOfStream,
    anyio.IncompleteRead,
)


@asynccontextmanager
async def serving(app: ASGIApp) -> AsyncIterator[str]:
    """Serve an application on a free port, and give its base URL.

    Args:
        app: whose answers have a ``Content-Length``, and may hold messages of type `RAW`.
    """

    async def serve(stream: SocketStream) -> None:
        async with stream:
            with suppress(*_CONNECTION_ENDED):
                await _converse(app, stream)

    listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
    async with listener, anyio.create_task_group() as group:
        group.start_soon(listener.serve, serve)
        port = listener.extra(SocketAttribute.local_port)  # noqa: S610  anyio's extra, not Django's
        yield f"http://127.0.0.1:{port}"
        group.cancel_scope.cancel()


async def _converse(app: ASGIApp, stream: SocketStream) -> None:
    """Answer one request after the other, until an end of the connection ends it."""
    incoming = BufferedByteReceiveStream(stream)
    while True:
        scope = _scope(await incoming.receive_until(_END_OF_HEAD, _MOST_HEAD_BYTES))
        length = int(Headers(scope=scope).get("content-length", "0"))
        content = await incoming.receive_exactly(length) if length else b""
        await app(scope, _Content(content), _Answer(stream))


class _Content:
    """The body of a request, as an application receives it."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    async def __call__(self) -> Message:
        return {"type": "http.request", "body": self._content, "more_body": False}


class _Answer:
    """What an application sends, written as it comes."""

    def __init__(self, stream: SocketStream) -> None:
        self._stream = stream

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            lines = [b"%b: %b" % header for header in message["headers"]]
            head = b"\r\n".join([b"HTTP/1.1 %d -" % message["status"], *lines])
            await self._stream.send(head + _END_OF_HEAD)
        elif message.get("body"):
            await self._stream.send(message["body"])


def _scope(head: bytes) -> Scope:
    request, *lines = head.split(b"\r\n")
    method, target, _ = request.decode("ascii").split(" ")
    path, _, query = target.partition("?")
    headers = [
        (name.lower(), value.strip()) for name, _, value in (x.partition(b":") for x in lines)
    ]
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "query_string": query.encode("ascii"),
        "headers": headers,
        "root_path": "",
        "extensions": {RAW: {}},
    }
