"""Real clients over a real pipe: each kind deletes an image in its own way, none by accident."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import anyio
import pytest
from mcp.client import Client, ClientRequestContext
from mcp.client.session import ElicitationFnT
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.types import ElicitRequestParams, ElicitResult, ErrorData

from tests.support.process import environment, fw_mcp
from tests.support.products import first_of
from tests.support.studio import Mode, said

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def connected(
    *arguments: str, mode: Mode = "auto", person: ElicitationFnT | None = None
) -> AsyncIterator[Client]:
    """A client of `fw-mcp --sandbox`, in a process of its own."""
    server = StdioServerParameters(
        command=sys.executable, args=["-m", "fw_mcp", "--sandbox", *arguments], env=environment()
    )
    transport = stdio_client(server)
    async with Client(transport, mode=mode, elicitation_callback=person, cache=None) as client:
        yield client


async def newest(client: Client) -> str:
    """The guid of the newest image."""
    page = said(await client.call_tool("search_images", {"per_page": 1}))
    return str(page["images"][0]["guid"])


async def listed(client: Client, guid: str) -> int:
    """How many images have this guid."""
    return int(said(await client.call_tool("search_images", {"guid_filter": [guid]}))["count"])


@pytest.mark.parametrize("mode", first_of("auto", "legacy"))
async def test_a_client_that_can_ask_deletes_after_a_yes(mode: Mode) -> None:
    """Promise: the question works on every generation of client."""
    questions: list[str] = []

    async def person(
        context: ClientRequestContext,  # noqa: ARG001  the SDK's signature
        params: ElicitRequestParams,
    ) -> ElicitResult | ErrorData:
        questions.append(params.message)
        return ElicitResult(action="accept", content={"confirm": True})

    async with connected(mode=mode, person=person) as client:
        guid = await newest(client)
        result = said(await client.call_tool("delete_images", {"guids": [guid]}))
        assert (result["outcomes"], await listed(client, guid)) == ({"deleted": 1}, 0)
    assert len(questions) == 1
    assert questions[0].startswith("Delete 1 image from the inventory library?")


@pytest.mark.parametrize("mode", first_of("auto", "legacy"))
async def test_a_client_that_cannot_ask_deletes_in_two_steps(mode: Mode) -> None:
    """Promise: without elicitation the first call does nothing and hands out the plan."""
    async with connected(mode=mode) as client:
        guid = await newest(client)
        first = said(await client.call_tool("delete_images", {"guids": [guid]}))
        assert (first["status"], await listed(client, guid)) == ("confirmation_required", 1)
        arguments = {"guids": [guid], "plan_id": first["plan_id"]}
        second = said(await client.call_tool("delete_images", arguments))
        assert (second["outcomes"], await listed(client, guid)) == ({"deleted": 1}, 0)


async def test_under_approve_only_a_terminal_lets_it_through(tmp_path: Path) -> None:
    """Promise: `--confirm approve` needs `fw-mcp approve PLAN`, run by a person."""
    store = str(tmp_path / "store")
    terminal = partial(anyio.to_thread.run_sync, abandon_on_cancel=True)
    async with connected("--store", store, "--confirm", "approve") as client:
        guid = await newest(client)
        plan = said(await client.call_tool("delete_images", {"guids": [guid]}))["plan_id"]
        arguments = {"guids": [guid], "plan_id": plan}
        early = said(await client.call_tool("delete_images", arguments))
        assert (early["status"], await listed(client, guid)) == ("confirmation_required", 1)

        plans = await terminal(lambda: fw_mcp(["plans", "--sandbox", "--store", store]))
        assert plan in plans.stdout
        approve = ["approve", plan, "--sandbox", "--store", store]
        alone = await terminal(lambda: fw_mcp(approve))
        assert (alone.returncode, "No terminal is attached" in alone.stderr) == (1, True)
        approved = await terminal(lambda: fw_mcp([*approve, "--yes"]))
        assert (approved.returncode, "Approved." in approved.stdout) == (0, True)

        result = said(await client.call_tool("delete_images", arguments))
        assert (result["outcomes"], await listed(client, guid)) == ({"deleted": 1}, 0)
        again = said(await client.call_tool("delete_images", arguments))
        assert (again["replayed"], again["outcomes"]) == (True, {"deleted": 1})
