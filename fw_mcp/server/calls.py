"""Requests over HTTP that are worked on: so many at a time, and no new ones before the end."""

from contextlib import AsyncExitStack
from functools import partial
from typing import Any

import anyio
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from fw_mcp.pictures.turns import Turns
from fw_mcp.server.endings import Sleep
from fw_mcp.server.lanes import WHILE_ASKING
from fw_mcp.server.tool import CALLER

_AT_ONCE = 32
_QUEUED_S = 5.0
_SEEN_S = 5.0
_FINISHED_S = 45.0


class Calls:
    """Who is worked for, in turn: those with a token of their own one after the other.

    Whoever waits for a person holds nobody up.

    Args:
        at_once: how many are worked on at a time.
        queued_s: seconds that others wait for their turn before they are sent away.
    """

    def __init__(self, at_once: int = _AT_ONCE, queued_s: float = _QUEUED_S) -> None:
        # Whoever sends a hundred that take long leaves some to the others.
        self._turns = Turns(at_once, at_once - at_once // 4)
        self._queued_s = queued_s
        self._count = 0
        self._is_closed = False
        self._is_empty = anyio.Event()

    def of(self, app: ASGIApp) -> ASGIApp:
        """The application, as far as it gets a turn."""

        async def in_turn(scope: Scope, receive: Receive, send: Send) -> None:
            if self._is_closed:
                await _stopping(scope, receive, send)
                return
            self._count += 1
            try:
                await self._work(app, scope, receive, send)
            finally:
                self._count -= 1
                if not self._count:
                    self._is_empty.set()

        return in_turn

    async def _work(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        caller = _caller(scope)
        async with AsyncExitStack() as turn:
            with anyio.move_on_after(self._queued_s) as queued:
                await turn.enter_async_context(self._turns.taken(caller))
            if queued.cancelled_caught:
                await self._busy(scope, receive, send)
                return
            before = WHILE_ASKING.set(partial(self._turns.lent, caller))
            try:
                await app(scope, receive, send)
            finally:
                WHILE_ASKING.reset(before)

    async def _busy(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = {"Retry-After": f"{max(1, round(self._queued_s))}"}
        answer = PlainTextResponse("The server has too much to do.", 503, headers)
        await answer(scope, receive, send)

    async def end(self) -> None:
        """Take no more, and wait for those that are there."""
        self._is_closed = True
        while self._count:
            self._is_empty = anyio.Event()
            await self._is_empty.wait()


def _caller(scope: Scope) -> str:
    """Whose turn it is; "" for all who have no token of their own."""
    user: Any = scope.get("user")
    claims = user.access_token.claims if user is not None else None
    return str((claims or {}).get(CALLER, ""))


_stopping = PlainTextResponse("The server is stopping.", 503, {"Connection": "close"})


class OrderlyEnd:
    """How serving ends: first whoever was told that it is ready can see it, then calls finish.

    Args:
        calls: those that are worked on.
        sleep: waits for so many seconds.

    Attributes:
        told_ready: whether anybody was told that it is.
    """

    def __init__(self, calls: Calls, sleep: Sleep = anyio.sleep) -> None:
        self.calls = calls
        self.told_ready = False
        self._sleep = sleep
        self._has_begun = anyio.Event()

    def begin(self) -> None:
        """Let the end begin; once is enough."""
        self._has_begun.set()

    @property
    def has_begun(self) -> bool:
        """Whether it has."""
        return self._has_begun.is_set()

    async def wait(self) -> None:
        """Return when it has begun and nothing more is to be waited for."""
        await self._has_begun.wait()
        if self.told_ready:
            await self._sleep(_SEEN_S)
        async with anyio.create_task_group() as either:
            either.start_soon(self._give_up, either.cancel_scope)
            await self.calls.end()
            either.cancel_scope.cancel()

    async def _give_up(self, waiting: anyio.CancelScope) -> None:
        await self._sleep(_FINISHED_S)
        waiting.cancel()
