"""One connection, four reads and one write at a time, and a call's time."""

from collections.abc import Awaitable

import anyio
import pytest

from fw_mcp.api.client import FinerWorksClient
from fw_mcp.api.models import ImageDetails
from fw_mcp.embedded import SandboxTransport
from fw_mcp.errors import ConfigError, Reason, TransportError
from fw_mcp.images.account import Account, Pace, chunked
from fw_mcp.images.read import Query, read_images, search
from fw_mcp.store.journal import Step
from fw_mcp.writes.add import add_images
from fw_mcp.writes.delete import delete_images
from fw_mcp.writes.outcomes import Outcome
from tests.library.jobs import ended_as, entries, job, numbered, to_add
from tests.recorder import Sent
from tests.studio import Studio, make_studio, sandbox_client
from tests.truth import holdings, unsold

pytestmark = pytest.mark.anyio


async def test_the_client_is_connected_once_at_the_first_use(studio: Studio) -> None:
    """However many calls come first, and again after it was let go of."""
    connected = 0

    async def connect() -> FinerWorksClient:
        nonlocal connected
        connected += 1
        await anyio.lowlevel.checkpoint()
        return sandbox_client(SandboxTransport(studio.app))

    account = Account(connect, studio.journal)
    await account.aclose()
    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(search, account, Query())
    assert connected == 1
    await account.aclose()
    await search(account, Query())
    assert connected == 2


async def test_a_connection_that_failed_is_tried_again(studio: Studio) -> None:
    """A server does not stay broken by its first call."""
    faults = [
        ConfigError("No keys.", state="", next_step="", reason=Reason.KEYS_MISSING),
    ]

    async def connect() -> FinerWorksClient:
        if faults:
            raise faults.pop()
        return sandbox_client(SandboxTransport(studio.app))

    account = Account(connect, studio.journal)
    with pytest.raises(ConfigError):
        await search(account, Query())
    assert (await search(account, Query())).count == 248


async def test_at_most_four_reads_are_under_way(studio: Studio) -> None:
    """The service is slow under many; the fifth waits its turn."""
    guids = [f"3f2b8c1e-0d4a-4e5f-8a6b-{number:012}" for number in range(500)]
    go_on = anyio.Event()

    async def wait(_: Sent) -> None:
        await go_on.wait()

    studio.wire.on_the_way = wait
    async with anyio.create_task_group() as group:
        group.start_soon(_read, studio, guids)
        await anyio.wait_all_tasks_blocked()
        assert len(studio.wire.sent) == 4
        go_on.set()
    assert len(studio.wire.sent) == 10
    assert studio.wire.most_at_once == {"list_images": 4}


async def _read(studio: Studio, guids: list[str]) -> None:
    await read_images(studio.account, guids, "inventory", started=studio.clock())


async def test_one_write_is_under_way_at_a_time(studio: Studio) -> None:
    """The second waits before it is even begun, so that the journal tells what was sent."""
    arrived, go_on = anyio.Event(), anyio.Event()
    images = await unsold(studio, 2)

    async def wait(sent: Sent) -> None:
        if sent.endpoint == "delete_images":
            arrived.set()
            await go_on.wait()

    async def delete(image: ImageDetails) -> None:
        call = job(studio, "delete_images")
        ended = await delete_images(studio.account, call, {0: image}, "inventory")
        assert ended_as(ended) == [Outcome.DELETED]

    studio.wire.on_the_way = wait
    async with anyio.create_task_group() as group:
        for image in images:
            group.start_soon(delete, image)
        await arrived.wait()
        await anyio.wait_all_tasks_blocked()
        unsettled = len(await studio.journal.unsettled())
        go_on.set()
    assert unsettled == 1
    assert len(studio.wire.to("delete_images")) == 2
    assert studio.wire.most_at_once["delete_images"] == 1


async def test_one_request_to_add_is_under_way_at_a_time(studio: Studio) -> None:
    """Fifty images share an entry, so both calls are on record; one of them sends."""
    arrived, go_on = anyio.Event(), anyio.Event()

    async def wait(sent: Sent) -> None:
        if sent.endpoint == "add_images":
            arrived.set()
            await go_on.wait()

    async def add(number: int) -> None:
        images = {0: to_add(number)[number - 1]}
        ended = await add_images(studio.account, job(studio), images, "inventory")
        assert ended_as(ended) == [Outcome.CREATED]

    studio.wire.on_the_way = wait
    async with anyio.create_task_group() as group:
        group.start_soon(add, 1)
        group.start_soon(add, 2)
        await arrived.wait()
        await anyio.wait_all_tasks_blocked()
        sent = len(studio.wire.to("add_images"))
        go_on.set()
    assert sent == 1
    assert len(studio.wire.to("add_images")) == 2
    assert studio.wire.most_at_once["add_images"] == 1
    assert await studio.journal.unsettled() == []


async def test_a_call_that_is_left_finishes_the_chunk_that_was_begun(studio: Studio) -> None:
    """Cancelled in the middle of a write: it is carried out, read back, journalled; no more."""
    arrived, go_on, left = anyio.Event(), anyio.Event(), anyio.CancelScope()

    async def wait(sent: Sent) -> None:
        if sent.endpoint == "add_images":
            arrived.set()
            await go_on.wait()

    async def add() -> None:
        with left:
            await add_images(studio.account, job(studio), to_add(12), "inventory")

    studio.wire.on_the_way = wait
    async with anyio.create_task_group() as group:
        group.start_soon(add)
        await arrived.wait()
        left.cancel()
        go_on.set()
    assert left.cancelled_caught
    assert len(studio.wire.to("add_images")) == 1
    assert len(await holdings(studio)) == 248 + 5
    (entry,) = await entries(studio)
    assert [row["outcome"] for row in entry["outcome"]] == ["created"] * 5 + ["not_attempted"] * 7
    details = {row["detail"] for row in entry["outcome"][5:]}
    assert details == {"Not sent: the call was cancelled before its turn."}


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


async def test_a_call_that_is_left_while_it_waits_for_its_turn_sends_nothing(
    studio: Studio,
) -> None:
    """Not begun is not done."""
    images = numbered(await unsold(studio, 1))
    call = delete_images(studio.account, job(studio, "delete_images"), images, "inventory")
    await left_waiting(studio, call)
    assert (studio.wire.writes, await entries(studio)) == ([], [])


async def test_a_call_to_add_that_is_left_while_it_waits_sends_nothing_and_says_so() -> None:
    """Its entry was begun: that none of it was sent is on record."""
    begun = anyio.Event()
    studio = make_studio(reached=lambda step: begun.set() if step is Step.INTENT_RECORDED else None)
    call = add_images(studio.account, job(studio), to_add(2), "inventory")
    await left_waiting(studio, call, begun)
    assert studio.wire.writes == []
    (entry,) = await entries(studio)
    assert [(row["outcome"], row["detail"]) for row in entry["outcome"]] == [
        ("not_attempted", "Not sent: the call was cancelled before its turn.")
    ] * 2


async def test_no_chunk_is_begun_after_the_time_for_it(studio: Studio) -> None:
    """Most hosts give up at 60 s: the rest is told as not attempted, to be called again."""

    async def slow(sent: Sent) -> None:
        studio.clock.forward(10 if sent.endpoint == "add_images" else 0)

    studio.wire.on_the_way = slow
    ended = await add_images(studio.account, job(studio), to_add(25), "inventory")
    assert ended_as(ended) == [Outcome.CREATED] * 15 + [Outcome.NOT_ATTEMPTED] * 10
    assert len(studio.wire.to("add_images")) == 3
    assert ended[24].detail == "Not sent: the call's time was over."


async def test_the_time_for_a_call_is_the_operators() -> None:
    """A small budget ends a job after its first chunk."""
    studio = make_studio(pace=Pace(start_chunks_s=1, total_s=5))

    async def slow(sent: Sent) -> None:
        studio.clock.forward(2 if sent.endpoint == "add_images" else 0)

    studio.wire.on_the_way = slow
    ended = await add_images(studio.account, job(studio), to_add(6), "inventory")
    assert ended_as(ended) == [Outcome.CREATED] * 5 + [Outcome.NOT_ATTEMPTED]


async def test_reading_back_ends_with_the_calls_time(studio: Studio) -> None:
    """What could not be read back in time is unknown, with its guid."""

    async def very_slow(sent: Sent) -> None:
        studio.clock.forward(50 if sent.endpoint == "add_images" else 0)

    studio.wire.on_the_way = very_slow
    end = (await add_images(studio.account, job(studio), to_add(1), "inventory"))[0]
    assert end.outcome is Outcome.UNKNOWN
    assert end.guid in await holdings(studio)
    assert end.detail.startswith("It could not be read back: The call took longer than 45 s.")


async def test_a_reading_that_never_ends_is_given_up(studio: Studio) -> None:
    """The error says that nothing was changed by it, and what to do."""
    with pytest.raises(TransportError) as told:
        await studio.account.in_time(anyio.sleep_forever(), studio.clock() - 45)
    assert str(told.value) == (
        "The call took longer than 45 s. This part was only reading; nothing was changed by it. "
        "Call again with fewer images. (reason: timed_out)"
    )


@pytest.mark.parametrize(
    ("count", "sizes"), [(0, []), (1, [1]), (5, [5]), (6, [5, 1]), (12, [5, 5, 2])]
)
def test_items_are_cut_into_chunks_in_order(count: int, sizes: list[int]) -> None:
    """None is lost and none is doubled."""
    chunks = chunked(range(count), 5)
    assert [len(chunk) for chunk in chunks] == sizes
    assert [item for chunk in chunks for item in chunk] == list(range(count))
