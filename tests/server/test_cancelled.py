"""A job that the host cancels: the chunk under way is finished, and no other is begun."""

from typing import Any

import anyio
import pytest

from fw_mcp.guard.guard import Limits
from fw_mcp.sandbox.seed import INVENTORY_PER_SERIES
from tests.support.recorder import Sent
from tests.support.studio import make_studio, said
from tests.support.truth import holdings, outcomes, unsold
from tests.writes.runs import items

pytestmark = pytest.mark.anyio

IMAGES = 110
ENDPOINTS = {"update_image_metadata": "update_images", "delete_images": "delete_images"}


@pytest.mark.parametrize("tool", ENDPOINTS)
async def test_a_cancelled_job_ends_at_a_chunk_and_the_same_call_does_the_rest(tool: str) -> None:
    """Promise: cancellation at a chunk boundary; nothing is left half known."""
    studio = make_studio(
        per_series=INVENTORY_PER_SERIES, limits=Limits(items_per_call=200, deletions_per_hour=400)
    )
    guids = [image.guid for image in await unsold(studio, IMAGES)]
    arguments: dict[str, Any] = (
        {"guids": guids}
        if tool == "delete_images"
        else {"images": [{"guid": guid, "title": "New"} for guid in guids]}
    )
    arrived, go_on, left = anyio.Event(), anyio.Event(), anyio.CancelScope()

    async def wait(sent: Sent) -> None:
        if sent.endpoint == ENDPOINTS[tool]:
            arrived.set()
            await go_on.wait()

    async def call() -> None:
        with left:
            await client.call_tool(tool, arguments)

    studio.wire.on_the_way = wait
    async with studio.client(person=studio.person()) as client, anyio.create_task_group() as group:
        group.start_soon(call)
        await arrived.wait()
        left.cancel()
        await anyio.wait_all_tasks_blocked()
        go_on.set()
    assert len(studio.wire.to(ENDPOINTS[tool])) == 1
    assert await studio.journal.unsettled() == []
    assert len(await items(studio)) == 50

    studio.wire.on_the_way = None
    async with studio.client(person=studio.person()) as client:
        rest = said(await client.call_tool(tool, arguments))
    held = await holdings(studio)
    if tool == "delete_images":
        assert not set(guids) & set(held)
        assert outcomes(rest)[50:] == ["deleted"] * (IMAGES - 50)
    else:
        assert {held[guid].title for guid in guids} == {"New"}
        assert outcomes(rest)[50:] == ["updated"] * (IMAGES - 50)
