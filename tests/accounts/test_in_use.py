"""A library stays open while a call is in it, whichever way that call ends."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest
from mcp.client import Client, ClientRequestContext
from mcp.types import ElicitRequestParams, ElicitResult

from fw_mcp.accounts.libraries import Libraries
from fw_mcp.assembly import assemble
from fw_mcp.config import Settings
from fw_mcp.server.app import build_server
from fw_mcp.server.parts import Parts
from tests.accounts.served import House, bearer, house, opens
from tests.accounts.test_isolation import unsold
from tests.server.test_identity import Era
from tests.support.products import exhaustive
from tests.support.studio import YES, Clock, said

pytestmark = pytest.mark.anyio

ALICE = opens("alice", "north")
ERAS = pytest.mark.parametrize("mode", ["legacy", pytest.param("auto", marks=exhaustive)])


async def an_hour(served: House, clock: Clock) -> None:
    """Let so much time pass, and what is idle be closed."""
    clock.forward(3601)
    await served.libraries._close_idle()  # noqa: SLF001  what is done once a minute


class OfNorth:
    """The libraries, for callers without a token."""

    def __init__(self, libraries: Libraries) -> None:
        self._libraries = libraries

    def using(self, account: str) -> AbstractContextManager[Parts]:  # noqa: ARG002  always the same
        """The parts of one of them."""
        return self._libraries.using("north")


def ticking(served: House) -> Clock:
    """A clock for the libraries."""
    served.libraries._clock = clock = Clock()  # noqa: SLF001  the usual one cannot be moved
    return clock


def in_use(served: House) -> list[int]:
    """How many calls are in each library that is open."""
    return [one.in_use for one in served.libraries._opened.values()]  # noqa: SLF001  as above


@ERAS
async def test_a_call_that_waits_for_a_person_keeps_its_library(tmp_path: Path, mode: Era) -> None:
    """Promise: also for hours; the answer is for the library that was asked about."""
    async with house(tmp_path, ALICE) as served:
        clock = ticking(served)
        waits: list[list[int]] = []

        async def person(
            context: ClientRequestContext,  # noqa: ARG001  the SDK's signature
            params: ElicitRequestParams,  # noqa: ARG001  as above
        ) -> ElicitResult:
            waits.append(in_use(served))
            await an_hour(served, clock)
            waits.append(in_use(served))
            return YES

        # Over HTTP, this kind of client hears the question only with the answer to its call.
        server = build_server(assemble(Settings(), {}).parts, OfNorth(served.libraries))
        async with Client(server, mode=mode, elicitation_callback=person, cache=None) as alice:
            call = {"guids": [await unsold(alice)]}
            done = said(await alice.call_tool("delete_images", call))
            assert done["outcomes"] == {"deleted": 1}
        # In the newer protocol no call is under way while the person thinks.
        assert waits == ([[1], [1]] if mode == "legacy" else [[0], []])
        await an_hour(served, clock)
        assert in_use(served) == []


@ERAS
async def test_a_call_that_is_cancelled_lets_its_library_go(tmp_path: Path, mode: Era) -> None:
    """Promise: while it is at work in the library, that is open; after that it is idle."""
    async with house(tmp_path, ALICE) as served:
        clock = ticking(served)
        async with served.client(bearer("alice"), mode=mode) as alice:
            await unsold(alice)
            with served.libraries.using("north") as parts:
                account = parts.account
            async with account.writing(), anyio.create_task_group() as group:
                call: dict[str, object] = {"guids": [await unsold(alice)]}
                group.start_soon(select, alice, call)
                await until(lambda: in_use(served) == [1])
                await an_hour(served, clock)
                assert in_use(served) == [1]
                group.cancel_scope.cancel()
            await until(lambda: in_use(served) == [0])
        await an_hour(served, clock)
        assert in_use(served) == []


async def select(client: Client, call: dict[str, object]) -> None:
    """A write that waits for its turn."""
    await client.call_tool("set_selection", call)


async def until(true: Callable[[], bool]) -> None:
    """Wait for it, but not for ever."""
    with anyio.fail_after(20):
        while not true():
            await anyio.lowlevel.checkpoint()
