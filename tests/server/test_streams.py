"""Streams over HTTP on which the server tells what happens: they end with their token."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from json import dumps
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from starlette.types import Message

from fw_mcp.guard.effects import Scope
from fw_mcp.server.endings import Temporary
from tests.server.test_http import HELLO
from tests.server.test_identity import ANNA, URL, Team, made, team
from tests.support.products import covering
from tests.support.recorder import Sent
from tests.support.studio import Studio
from tests.support.truth import unsold

pytestmark = pytest.mark.anyio


class Pause:
    """The time between two looks, which passes when a test says so."""

    def __init__(self) -> None:
        self._over = anyio.Event()

    async def __call__(self, seconds: float) -> None:
        """Wait, and not for long."""
        assert seconds <= 5
        await self._over.wait()

    async def passes(self) -> None:
        """Let it pass, and what comes of it happen."""
        over, self._over = self._over, anyio.Event()
        over.set()
        await anyio.wait_all_tasks_blocked()


@dataclass
class Stream:
    """A stream as its client sees it."""

    sent: list[Message] = field(default_factory=list)

    @property
    def status(self) -> int:
        """Of the answer."""
        return int(self.sent[0]["status"])

    def is_open(self) -> bool:
        """Whether more may come."""
        last = self.sent[-1]
        return last["type"] == "http.response.start" or bool(last.get("more_body"))

    async def run(self, app: Any, method: str, headers: dict[str, str], body: bytes) -> None:  # noqa: ANN401  an ASGI application
        """Ask for it, and stay."""
        coming: list[Message] = [{"type": "http.request", "body": body}]

        async def receive() -> Message:
            if not coming:
                await anyio.sleep_forever()
            return coming.pop()

        async def send(message: Message) -> None:
            self.sent.append(message)

        given = {"host": "127.0.0.1:8000", "accept": "text/event-stream"} | headers
        scope = {
            "type": "http",
            "method": method,
            "path": "/mcp",
            "query_string": b"",
            "headers": [(name.encode(), one.encode()) for name, one in given.items()],
        }
        await app(scope, receive, send)


BEARER = {"authorization": "Bearer annaanna"}
LISTEN = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "subscriptions/listen",
    "params": {
        "notifications": {"toolsListChanged": True},
        "_meta": {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {},
        },
    },
}


async def session_of(served: Team) -> str:
    """The id of a new session of the older generation."""
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(served.app)) as http:
        answer = await http.post(f"{URL}/mcp", json=HELLO, headers=BEARER | {"Accept": "*/*"})
    return str(answer.headers["Mcp-Session-Id"])


@asynccontextmanager
async def stream(served: Team, kind: str) -> AsyncIterator[Stream]:
    """A stream with the token of Anna, as clients of one generation open it."""
    stream = Stream()
    if kind == "older":
        session = await session_of(served)
        given: tuple[Any, ...] = ("GET", BEARER | {"mcp-session-id": session}, b"")
    else:
        names = {"mcp-protocol-version": "2026-07-28", "mcp-method": "subscriptions/listen"}
        names["content-type"] = "application/json"
        given = ("POST", BEARER | names, dumps(LISTEN).encode())
    async with anyio.create_task_group() as group:
        group.start_soon(stream.run, served.app, *given)
        await anyio.wait_all_tasks_blocked()
        yield stream
        group.cancel_scope.cancel()


@pytest.mark.parametrize(
    ("kind", "end"), covering(["older", "newer"], ["revoked", "expired", "narrowed"])
)
async def test_a_stream_ends_with_its_token(
    studio: Studio, tmp_path: Path, kind: str, end: str
) -> None:
    """Soon after the token does, and not before; one that is good opens another."""
    soon = made("anna", Scope.DELETE, until=studio.clock() + 60)
    pause = Pause()
    async with team(studio, tmp_path, soon, sleep=pause) as served, stream(served, kind) as first:
        await pause.passes()
        assert (first.status, first.is_open()) == (200, True)
        if end == "expired":
            studio.clock.forward(60)
        else:
            served.write(*([made("anna", Scope.READ)] if end == "narrowed" else []))
        assert first.is_open()
        await pause.passes()
        assert not first.is_open()
        served.write(ANNA)
        async with stream(served, kind) as again:
            assert (again.status, again.is_open()) == (200, True)


async def test_a_stream_ends_with_its_account(studio: Studio, tmp_path: Path) -> None:
    """Once the operator has taken it out."""
    there, pause = {"default"}, Pause()
    async with (
        team(studio, tmp_path, ANNA, sleep=pause, knows=there.__contains__) as served,
        stream(served, "older") as first,
    ):
        await pause.passes()
        assert first.is_open()
        there.clear()
        await pause.passes()
        assert not first.is_open()


async def test_a_call_under_way_outlives_its_token(studio: Studio, tmp_path: Path) -> None:
    """It was let in; only the next one is refused."""
    call = {"guids": [(await unsold(studio, 1))[0].guid]}
    pause = Pause()
    async with (
        team(studio, tmp_path, ANNA, sleep=pause) as served,
        served.client("anna") as client,
    ):

        async def revoke(_: Sent) -> None:
            served.write()
            await pause.passes()

        await client.list_tools()
        studio.wire.on_the_way = revoke
        result = await client.call_tool("set_selection", call)
    assert not result.is_error


async def test_a_stream_that_has_not_begun_is_answered_by_the_refusal() -> None:
    """As one that comes too late."""

    async def slow(_: object, __: object, ___: object) -> None:
        await anyio.sleep_forever()

    async def never() -> bool:
        return False

    async def refusal(_: object, __: object, send: Any) -> None:  # noqa: ANN401  as above
        await send({"type": "http.response.start", "status": 401, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    stream = Stream()
    await stream.run(Temporary(slow, never, refusal, anyio.sleep), "GET", {}, b"")
    assert (stream.status, stream.is_open()) == (401, False)
