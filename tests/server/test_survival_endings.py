"""Whatever ends the process while a write is under way, the write has a known end."""

import asyncio
import json
import math
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import pytest

from fw_mcp.server.stdio import Inbox
from tests.server.lines import call, line
from tests.server.piped import Piped, ended, piped
from tests.support.process import fw_mcp
from tests.support.products import covering, first_of
from tests.support.upstream import NEW, Hold, Upstream, upstream

pytestmark = pytest.mark.anyio

SETTLED, UNFINISHED = 0, 7


async def add(server: Piped) -> None:
    """Register an image."""
    await server.start_call("add_images", images=[NEW])


async def delete(server: Piped) -> None:
    """Delete an image, after the plan for it was handed out."""
    guid = await newest(server)
    plan = await server.call("delete_images", guids=[guid])
    plan_id = plan["structuredContent"]["plan_id"]
    await server.start_call("delete_images", guids=[guid], plan_id=plan_id)


async def retitle(server: Piped) -> None:
    """Rewrite an image that carries no products, so that nobody is asked."""
    result = await server.call("add_images", images=[NEW])
    guid = result["structuredContent"]["images"][0]["guid"]
    await server.start_call("update_image_metadata", images=[{"guid": guid, "title": "New"}])


async def select(server: Piped) -> None:
    """Store a selection."""
    await server.start_call("set_selection", guids=[await newest(server)])


async def newest(server: Piped) -> str:
    """The guid of the newest image."""
    page = await server.call("search_images", per_page=1)
    guid: str = page["structuredContent"]["images"][0]["guid"]
    return guid


WRITES: dict[str, Callable[[Piped], Awaitable[None]]] = {
    "add_images": add,
    "delete_images": delete,
    "update_images": retitle,
    "update_file_selection": select,
}


@dataclass(frozen=True)
class Underway:
    """A server of which the service has a write and a read, and neither is answered.

    Attributes:
        endpoint: where the write went.
        write: holds the write's answer.
        read: holds the read's.
        store: the server's file.
    """

    server: Piped
    service: Upstream
    endpoint: str
    write: Hold
    read: Hold
    store: Path

    async def found_in_the_journal(self) -> int:
        """The exit code of `fw-mcp doctor` for the journal, once the process is gone."""
        done = await anyio.to_thread.run_sync(
            lambda: fw_mcp(
                ["doctor", "--json", "--store", str(self.store)], env=self.service.settings
            )
        )
        findings: list[dict[str, Any]] = json.loads(done.stdout)
        return next(int(one["exit_code"]) for one in findings if one["check"] == "journal")


@asynccontextmanager
async def underway(store: Path, endpoint: str = "add_images") -> AsyncIterator[Underway]:
    """Begin a write, and then a read; leaving lets the service answer both."""
    async with (
        upstream() as service,
        piped("--store", str(store), env=service.settings) as server,
    ):
        with service.holding(endpoint) as write:
            await WRITES[endpoint](server)
            await write.reached.wait()
            with service.holding("list_images") as read:
                await server.start_call("search_images")
                await read.reached.wait()
                yield Underway(server, service, endpoint, write, read, store)


@pytest.mark.parametrize(
    ("number", "endpoint"),
    covering([signal.SIGTERM, signal.SIGINT], list(WRITES)),
)
async def test_a_signal_breaks_off_reads_and_lets_the_write_be_finished_and_recorded(
    number: signal.Signals, endpoint: str, tmp_path: Path
) -> None:
    """Promise: SIGTERM and SIGINT let a write in flight finish; it was sent once."""
    async with underway(tmp_path / "store", endpoint) as this:
        before = this.service.asked[endpoint]
        this.server.process.send_signal(number)
        await this.read.left.wait()
        assert not this.write.left.is_set()
        this.write.release()
        assert await ended(this.server) == 0
        assert this.service.asked[endpoint] == before
        assert await this.found_in_the_journal() == SETTLED


async def test_a_write_is_finished_and_recorded_when_the_host_has_hung_up(tmp_path: Path) -> None:
    """Promise: end of input lets a write in flight finish, though the grace is over."""
    async with underway(tmp_path / "store") as this:
        await this.server.hang_up()
        await this.read.left.wait()
        assert not this.write.left.is_set()
        this.write.release()
        assert await ended(this.server) == 0
        assert await this.found_in_the_journal() == SETTLED


async def test_a_write_is_finished_and_recorded_when_nobody_listens_any_more(
    tmp_path: Path,
) -> None:
    """A host that crashed takes no answer, and what it asked for still has a known end."""
    async with underway(tmp_path / "store") as this:
        this.server.stop_listening()
        await this.read.left.wait()
        this.write.release()
        assert await ended(this.server) == 0
        assert await this.found_in_the_journal() == SETTLED


async def test_a_write_that_ends_soon_is_answered_though_the_input_has_ended(
    tmp_path: Path,
) -> None:
    """A shell that pipes requests in learns what became of them."""
    async with underway(tmp_path / "store") as this:
        await this.server.hang_up()
        this.write.release()
        this.read.release()
        answers = [await this.server.receive(), await this.server.receive()]
        (written,) = [one["result"] for one in answers if "outcomes" in str(one)]
        assert written["structuredContent"]["outcomes"] == {"created": 1}
        assert await ended(this.server) == 0


@pytest.mark.parametrize("second", first_of(signal.SIGTERM, signal.SIGINT))
async def test_a_second_signal_ends_at_once_and_the_write_shows_as_unfinished(
    second: signal.Signals, tmp_path: Path
) -> None:
    """For a person who will not wait; the journal has what was sent, and doctor names it."""
    async with underway(tmp_path / "store") as this:
        this.server.process.terminate()
        await this.read.left.wait()
        this.server.process.send_signal(second)
        assert await ended(this.server) == 128 + second
        await this.write.left.wait()
        assert await this.found_in_the_journal() == UNFINISHED


async def test_nobody_waits_for_the_answer_to_a_cancelled_request() -> None:
    """The protocol forbids one, so the input's end is the end, whatever the grace."""
    lines = asyncio.StreamReader()
    lines.feed_data(call(1, "wait_forever"))
    # The first names no request, and is nobody's reason to die.
    lines.feed_data(line("notifications/cancelled", requestId=[1]))
    lines.feed_data(line("notifications/cancelled", requestId=1))
    lines.feed_eof()
    inbox = Inbox(lines, grace_s=math.inf)
    with anyio.fail_after(20):
        assert len([message async for message in inbox]) == 3
