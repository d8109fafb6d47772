"""Answers that end before their own end: all when the server stops, streams with their token."""

from collections.abc import Awaitable, Callable

import anyio
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_LOOK_AGAIN_S = 5.0

Sleep = Callable[[float], Awaitable[None]]


class Interruptible:
    """Runs each request of `app` so that `stop` can end it without breaking a shielded write.

    Uvicorn's own way of ending a request goes through shields.

    Args:
        app: what answers the requests.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._requests: set[anyio.CancelScope] = set()
        self._stopped = False

    def stop(self) -> None:
        """Cancel the requests in flight, and refuse new ones."""
        self._stopped = True
        for request in self._requests:
            request.cancel()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; other events of the server's life pass untouched."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        answer = _Answer(send)
        if not self._stopped:
            with anyio.CancelScope() as request:
                self._requests.add(request)
                try:
                    await self._app(scope, receive, answer.send)
                    return
                finally:
                    self._requests.discard(request)
        await answer.finish(scope, receive, PlainTextResponse("The server is stopping.", 503))


class _Answer:
    """An answer on its way out, which can be brought to an end wherever it stands."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self._last: Message | None = None

    async def send(self, message: Message) -> None:
        self._last = message
        await self._send(message)

    async def finish(self, scope: Scope, receive: Receive, otherwise: ASGIApp) -> None:
        if self._last is None:
            await otherwise(scope, receive, self._send)
        elif self._last["type"] == "http.response.start" or self._last.get("more_body"):
            await self._send({"type": "http.response.body", "body": b""})


class Temporary:
    """Ends an answer of `app` once something no longer holds.

    Args:
        app: what answers the requests.
        holds: is asked every few seconds.
        otherwise: the answer where there is none yet.
        sleep: waits for so many seconds.
    """

    def __init__(
        self,
        app: ASGIApp,
        holds: Callable[[], Awaitable[bool]],
        otherwise: ASGIApp,
        sleep: Sleep,
    ) -> None:
        self._app = app
        self._holds = holds
        self._otherwise = otherwise
        self._sleep = sleep

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        answer = _Answer(send)
        async with anyio.create_task_group() as beside:
            beside.start_soon(self._watch, beside.cancel_scope)
            await self._app(scope, receive, answer.send)
            beside.cancel_scope.cancel()
        await answer.finish(scope, receive, self._otherwise)

    async def _watch(self, request: anyio.CancelScope) -> None:
        while await self._holds():
            await self._sleep(_LOOK_AGAIN_S)
        request.cancel()
