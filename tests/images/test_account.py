"""One connection, four reads at a time, and a call's time."""

import anyio
import pytest

from fw_mcp.api.client import FinerWorksClient
from fw_mcp.embedded import SandboxTransport
from fw_mcp.errors import ConfigError, Reason, TransportError
from fw_mcp.images.account import Account, chunked
from fw_mcp.images.read import Query, read_images, search
from tests.support.recorder import Sent
from tests.support.studio import HELD, Studio, sandbox_client

pytestmark = pytest.mark.anyio


async def test_the_client_is_connected_once_at_the_first_use(studio: Studio) -> None:
    """However many calls come first, and again after it was let go of."""
    connected = 0

    async def connect() -> FinerWorksClient:
        nonlocal connected
        connected += 1
        await anyio.lowlevel.checkpoint()
        return sandbox_client(SandboxTransport(studio.app))

    account = Account(connect)
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

    account = Account(connect)
    with pytest.raises(ConfigError):
        await search(account, Query())
    assert (await search(account, Query())).count == HELD


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


async def test_a_reading_that_never_ends_is_given_up(studio: Studio) -> None:
    """The error says that nothing was changed by it, and what to do."""
    with pytest.raises(TransportError) as told:
        await studio.account.in_time(anyio.sleep_forever(), studio.clock() - 45)
    assert str(told.value) == (
        "The call ran out of time after 45 s. This step only read; nothing was changed. "
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
