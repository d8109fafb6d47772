"""The calls that tests of writes make in place of tools."""

import secrets
from collections.abc import Awaitable, Iterable
from typing import TypeVar

import anyio

from fw_mcp.api.models import ImageToAdd
from fw_mcp.store.journal import Change, Item
from fw_mcp.store.locks import Fence
from fw_mcp.writes.chunks import Run
from fw_mcp.writes.outcomes import Ends, Items, Outcome
from tests.images.progress import Progress
from tests.support.recorder import Sent
from tests.support.studio import Studio
from tests.support.truth import new_image

T = TypeVar("T")


def run_of(studio: Studio, tool: str = "add_images", progress: Progress | None = None) -> Run:
    """A run of a call that begins now."""
    change = Change(secrets.token_hex(8), tool, "stdio:tests", "{}", f"{tool} of a test")
    return Run(
        studio.account, studio.journal, change, Fence(), studio.clock(), progress or Progress()
    )


def numbered(things: Iterable[T]) -> Items[T]:
    """Things with their places in the call."""
    return dict(enumerate(things))


def to_add(count: int) -> Items[ImageToAdd]:
    """So many new images, as the API takes them."""
    names = ("thumbnail_file_name", "preview_file_name", "hires_file_name")
    return numbered(
        ImageToAdd.model_validate({**dict.fromkeys(names, "a.jpg"), **new_image(number)})
        for number in range(1, count + 1)
    )


def ended_as(ended: Ends) -> list[Outcome]:
    """How the items of a call ended, in their order; each has an end."""
    assert sorted(ended) == list(range(len(ended)))
    return [ended[item].outcome for item in range(len(ended))]


async def changes(studio: Studio) -> list[Change]:
    """The changes on record, oldest first."""
    return [change async for change, _ in studio.writes.history.everything()]


async def items(studio: Studio) -> list[Item]:
    """What was sent, in the order of writing."""
    sent = [
        item async for _, items in studio.writes.history.everything() for item in items if item.kind
    ]
    return sorted(sent, key=lambda item: item.place)


def on_record(studio: Studio, endpoint: str) -> list[list[str | None]]:
    """The outcomes on record, in the order of writing, as each request to `endpoint` finds them."""
    seen: list[list[str | None]] = []

    async def look(sent: Sent) -> None:
        if sent.endpoint == endpoint:
            seen.append([one.outcome for one in await items(studio)])

    studio.wire.on_the_way = look
    return seen


async def left_waiting(
    studio: Studio, call: Awaitable[object], begun: anyio.Event | None = None
) -> None:
    """A call that is left, after it has `begun`, while another one has the turn to write."""
    left = anyio.CancelScope()

    async def run() -> None:
        with left:
            await call

    async with anyio.create_task_group() as group, studio.account.writing():
        group.start_soon(run)
        if begun is not None:
            await begun.wait()
        await anyio.wait_all_tasks_blocked()
        left.cancel()
    assert left.cancelled_caught
