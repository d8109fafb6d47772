"""So many requests are worked on at a time; others wait a while, and then come again."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace

import anyio
import anyio.lowlevel
import pytest
from mcp import Client
from mcp.client.context import ClientRequestContext
from mcp.types import ElicitRequestParams, ElicitResult
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send

from fw_mcp.server.calls import Calls
from fw_mcp.server.http import serve_http
from fw_mcp.server.tool import CALLER
from tests.server.test_http import Running, answer_of, terminate, well
from tests.support.studio import YES, Studio, said
from tests.support.truth import unsold

pytestmark = pytest.mark.anyio


async def settled() -> None:
    """Let every task go as far as it can."""
    for _ in range(20):
        await anyio.lowlevel.checkpoint()


@dataclass
class Work:
    """An application that works until it is let go, and who sends it requests."""

    calls: Calls
    begun: list[str] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    retry_after: list[bytes] = field(default_factory=list)
    done: anyio.Event = field(default_factory=anyio.Event)

    async def app(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Work."""
        self.begun.append(scope["for"])
        await self.done.wait()
        await PlainTextResponse("")(scope, receive, send)

    async def ask(self, caller: str) -> None:
        """Send a request with a token of one's own."""
        claims = SimpleNamespace(access_token=SimpleNamespace(claims={CALLER: caller}))
        scope = {"type": "http", "method": "POST", "headers": [], "user": claims, "for": caller}
        start, _ = await answer_of(self.calls.of(self.app), scope)
        self.statuses.append(start["status"])
        self.retry_after += [value for name, value in start["headers"] if name == b"retry-after"]


async def test_no_more_are_worked_on_than_allowed_and_the_others_are_taken_in_turn() -> None:
    """Promise: whoever sends a hundred holds nobody else up."""
    work = Work(Calls(2))
    async with anyio.create_task_group() as group:
        for caller in ("anna", "anna", "anna", "anna", "ben"):
            group.start_soon(work.ask, caller)
            await settled()
        assert work.begun == ["anna", "anna"]
        work.done.set()
    assert work.begun == ["anna", "anna", "anna", "ben", "anna"]
    assert work.statuses == [200] * 5


async def test_whoever_has_waited_long_enough_is_told_when_to_come_again() -> None:
    """With 503, which a proxy takes to another replica; the place is not lost by it."""
    work = Work(Calls(1, queued_s=0.01))
    async with anyio.create_task_group() as group:
        group.start_soon(work.ask, "anna")
        await settled()
        await work.ask("ben")
        assert (work.statuses, work.begun) == ([503], ["anna"])
        work.done.set()
    await work.ask("ben")
    assert (work.statuses, work.retry_after) == ([503, 200, 200], [b"1"])


async def test_the_usual_limit_is_the_one_that_the_page_tells() -> None:
    """32 at a time, and 24 of one token: however long hers take, the others are worked for."""
    work = Work(Calls())
    async with anyio.create_task_group() as group:
        for caller in ["anna"] * 33 + ["ben"] * 4 + ["eve"] * 5:
            group.start_soon(work.ask, caller)
        await settled()
        assert Counter(work.begun) == {"anna": 24, "ben": 4, "eve": 4}
        work.done.set()
    assert work.statuses == [200] * 42


async def test_without_tokens_of_their_own_all_are_worked_for_alike() -> None:
    """Nobody can be told from another: 32 at a time."""
    work = Work(Calls())
    async with anyio.create_task_group() as group:
        for _ in range(33):
            group.start_soon(work.ask, "")
        await settled()
        assert len(work.begun) == 32
        work.done.set()
    assert work.statuses == [200] * 33


@asynccontextmanager
async def served(studio: Studio, calls: Calls) -> AsyncIterator[str]:
    """The URL of a server that works on so many requests at a time."""
    running = Running()

    async def serve() -> None:
        await serve_http(
            studio.server,
            host="127.0.0.1",
            port=0,
            token=None,
            ready=well,
            calls=calls,
            listening=running.listens,
        )

    async with anyio.create_task_group() as group:
        group.start_soon(serve)
        await running.listening.wait()
        yield running.url
        terminate()


async def test_a_call_that_waits_for_a_person_holds_nobody_up(studio: Studio) -> None:
    """Promise: it does not count, nor does the answer that it waits for."""
    is_asked, may_answer = anyio.Event(), anyio.Event()
    outcomes: list[dict[str, int]] = []

    async def person(context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
        del context, params
        is_asked.set()
        await may_answer.wait()
        studio.clock.forward(5)
        return YES

    async def delete(client: Client, guid: str) -> None:
        outcomes.append(
            said(await client.call_tool("delete_images", {"guids": [guid]}))["outcomes"]
        )

    image, _ = await unsold(studio, 2)
    with anyio.fail_after(20):
        async with (
            served(studio, Calls(1)) as url,
            Client(url, mode="legacy", elicitation_callback=person, cache=None) as asked,
            Client(url, cache=None) as other,
            anyio.create_task_group() as group,
        ):
            group.start_soon(delete, asked, image.guid)
            await is_asked.wait()
            found = await other.call_tool("search_images", {"per_page": 1})
            may_answer.set()
    assert (found.is_error, outcomes) == (False, [{"deleted": 1}])
