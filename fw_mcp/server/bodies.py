"""What a request over HTTP brings, in time and as one message; and connections that bring nothing.

A body is read as a line of a pipe is: what has one meaning gets through, and what is no message is
answered rather than taken for a notification.
"""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import anyio
from mcp.server.transport_security import TransportSecurityMiddleware, TransportSecuritySettings
from mcp.types import JSONRPCError, JSONRPCNotification, JSONRPCRequest, JSONRPCResponse
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from fw_mcp.server.stdio import encode
from fw_mcp.server.wire import NoMessage, Read, messages_in

_JSON = "application/json"
_STREAM = "subscriptions/listen"
_HEAD_S = 20.0
_BODY_S = 60.0
_READ_S = 60.0
_READ_BYTES = 64 * 1024

Refuse = Callable[[Scope, JSONRPCRequest], Response | None]


def _nothing(_: Scope, __: JSONRPCRequest) -> None:
    """Refuse nothing."""


class InTime(H11Protocol):
    """A connection that ends when no whole head of a request comes within a while.

    And when what was answered is not read: whoever leaves it there would hold a turn.
    """

    def __init__(self, *args: Any, **options: Any) -> None:  # noqa: ANN401  uvicorn's own
        super().__init__(*args, **options)
        self._due: asyncio.TimerHandle | None = None
        self._unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for the first request."""
        super().connection_made(transport)
        self._wait_for_a_head()

    def data_received(self, data: bytes) -> None:
        """Wait on; a byte now and then is no more time."""
        super().data_received(data)
        self._wait_for_a_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no longer."""
        self._stop_waiting()
        self._is_read()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Wait until the client has read more of the answer."""
        super().pause_writing()
        self._wait_for_a_reader()

    def resume_writing(self) -> None:
        """It has."""
        self._is_read()
        super().resume_writing()

    def _wait_for_a_reader(self) -> None:
        left = self.transport.get_write_buffer_size()
        self._unread = self.loop.call_later(_READ_S, partial(self._look_for_a_reader, left))

    def _look_for_a_reader(self, before: int) -> None:
        if self.transport.get_write_buffer_size() > before - _READ_BYTES:
            self.transport.abort()
        else:
            self._wait_for_a_reader()

    def _is_read(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def _wait_for_a_head(self) -> None:
        # Before the first request there is no cycle.
        if not getattr(self.cycle, "response_complete", True):
            self._stop_waiting()
        elif self._due is None:
            self._due = self.loop.call_later(_HEAD_S, self.transport.close)

    def _stop_waiting(self) -> None:
        if self._due is not None:
            self._due.cancel()
            self._due = None


class OneMessage:
    """Gives each body to `app` in the spelling that the SDK knows.

    Args:
        app: the SDK's application.
        who: whom it answers, which is asked before anything is said about a body.
        limit: the most bytes that are read here; a longer body is for `app` to refuse.
        refuse: the answer to a request that is not to get through.
        within_s: seconds for a whole body.
        calls: what requests go to in place of `app`, but for those that open a stream.
    """

    def __init__(
        self,
        app: ASGIApp,
        who: TransportSecuritySettings,
        limit: int,
        refuse: Refuse = _nothing,
        *,
        within_s: float = _BODY_S,
        calls: ASGIApp | None = None,
    ) -> None:
        self._app = app
        self._calls = calls or app
        self._who = TransportSecurityMiddleware(who)
        self._limit = limit
        self._refuse = refuse
        self._within_s = within_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer what is no message."""
        if scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        if refusal := await self._who.validate_request(Request(scope)):
            await refusal(scope, receive, send)
            return
        messages: list[Message] = []
        app = self._app
        with anyio.move_on_after(self._within_s) as late:
            await self._collect(receive, messages)
        if late.cancelled_caught:
            await PlainTextResponse("The body did not come in time.", 408)(scope, receive, send)
            return
        if _is_whole(messages):
            read = messages_in(b"".join(message["body"] for message in messages))
            if answer := _answer_to(read):
                await Response(encode(answer), 400, media_type=_JSON)(scope, receive, send)
                return
            # Of anything else that is no message the SDK says what is wrong with it.
            match read:
                case [JSONRPCRequest() as request] if refusal := self._refuse(scope, request):
                    await refusal(scope, receive, send)
                    return
                case [JSONRPCRequest() | JSONRPCNotification() | JSONRPCResponse() as message]:
                    messages = [_body(encode(message))]
                    app = self._calls if _is_call(message) else app
        await app(scope, _first(messages, receive), send)

    async def _collect(self, receive: Receive, messages: list[Message]) -> None:
        size = 0
        while size <= self._limit:
            messages.append(await receive())
            if not messages[-1].get("more_body"):
                return
            size += len(messages[-1]["body"])


def _answer_to(read: Sequence[Read]) -> JSONRPCError | None:
    """The error for JSON that means nothing; the SDK takes some of it for a notification."""
    match read:
        case [NoMessage(is_json=True) as none]:
            return next(none.answers, None)
    return None


def _is_call(message: JSONRPCRequest | JSONRPCNotification | JSONRPCResponse) -> bool:
    """Whether it is answered in time; a stream is open for as long as the client likes."""
    return isinstance(message, JSONRPCRequest) and message.method != _STREAM


def _is_whole(messages: list[Message]) -> bool:
    last = messages[-1]
    return last["type"] == "http.request" and not last.get("more_body")


def _body(content: bytes) -> Message:
    return {"type": "http.request", "body": content, "more_body": False}


def _first(messages: list[Message], receive: Receive) -> Receive:
    left = messages[::-1]

    async def received() -> Message:
        return left.pop() if left else await receive()

    return received
