"""Between the last reading and the write nothing is taken for granted."""

from collections.abc import Callable
from pathlib import Path

import anyio
import httpx
import pytest
from mcp.client import Client
from mcp.types import CallToolResult

from fw_mcp.embedded import SandboxTransport
from fw_mcp.sandbox.keys import SANDBOX_APP_KEY, SANDBOX_WEB_API_KEY
from tests.server.destruction import (
    DELETION,
    REWRITING,
    Arguments,
    assert_nothing_happened,
    both_eras,
    one_sold,
)
from tests.server.elsewhere import library_shared_with_others
from tests.support.recorder import OnTheWay, Sent
from tests.support.studio import Mode, Studio, text_of
from tests.support.truth import unsold

pytestmark = pytest.mark.anyio


def silent_about_products(studio: Studio) -> OnTheWay:
    """The service answers listings without a word about products."""
    keys = {"web_api_key": SANDBOX_WEB_API_KEY, "app_key": SANDBOX_APP_KEY}
    service = httpx.AsyncClient(
        transport=SandboxTransport(studio.app), base_url="http://sandbox.localhost", headers=keys
    )

    async def silent(sent: Sent) -> httpx.Response | None:
        if sent.endpoint != "list_images":
            return None
        listing = (await service.post("/v3/list_images", json=sent.body)).json()
        for image in listing["images"]:
            image["products"] = None
        return httpx.Response(200, json=listing)

    return silent


@both_eras
async def test_a_rewrite_is_not_sent_unasked_when_the_products_are_not_known(
    studio: Studio, mode: Mode
) -> None:
    """They were asked for and not told: that is not the same as none. Fails closed."""
    image = await one_sold(studio)
    studio.wire.on_the_way = silent_about_products(studio)
    async with studio.client(mode=mode) as client:
        await client.call_tool(REWRITING.tool, REWRITING.arguments([image]))
    await assert_nothing_happened(studio, [image])


@both_eras
async def test_a_question_does_not_say_no_products_when_they_are_not_known(
    studio: Studio, mode: Mode
) -> None:
    """A person would agree to a deletion that costs nothing, and lose what is live in a shop."""
    image = await one_sold(studio)
    studio.wire.on_the_way = silent_about_products(studio)
    async with studio.client(mode=mode) as client:
        result = await client.call_tool(DELETION.tool, DELETION.arguments([image]))
    assert "no products" not in text_of(result)
    await assert_nothing_happened(studio, [image])


class SlowWrite:
    """Holds the first write under way until it is let go."""

    def __init__(self) -> None:
        self.begun = anyio.Event()
        self.read_again = anyio.Event()
        self.let_go = anyio.Event()
        self._readings = 0

    async def __call__(self, sent: Sent) -> httpx.Response | None:
        """Stand in the way of the first write, and count the readings after it."""
        if sent.endpoint == "list_images":
            self._readings += self.begun.is_set()
            if self._readings == READINGS_OF_A_YES:
                self.read_again.set()
        elif not self.begun.is_set():
            self.begun.set()
            await self.let_go.wait()
        return None


READINGS_OF_A_YES = 2
"""One for the question, one after the yes."""


async def behind(
    studio: Studio,
    slow: tuple[str, Arguments],
    call: tuple[str, Arguments],
    meanwhile: Callable[[], None] = lambda: None,
) -> CallToolResult:
    """The answer to `call`, which was ready to send while `slow` was still sending."""
    obstacle = SlowWrite()
    studio.wire.on_the_way = obstacle
    results: list[CallToolResult] = []

    async def second(client: Client) -> None:
        results.append(await client.call_tool(*call))

    with anyio.fail_after(20):
        async with (
            studio.client(person=studio.person()) as client,
            anyio.create_task_group() as group,
        ):
            group.start_soon(client.call_tool, *slow)
            await obstacle.begun.wait()
            group.start_soon(second, client)
            # A server that reads only once it may send does not get so far, and is right.
            with anyio.move_on_after(0.5):
                await obstacle.read_again.wait()
            await anyio.wait_all_tasks_blocked()
            meanwhile()
            obstacle.let_go.set()
    return results[0]


async def test_a_deletion_that_waited_for_a_rewrite_of_its_image_is_not_sent(
    studio: Studio,
) -> None:
    """The person agreed to delete the image under its former title."""
    (image,) = await unsold(studio, 1)
    slow = (REWRITING.tool, REWRITING.arguments([image]))
    result = await behind(studio, slow, (DELETION.tool, DELETION.arguments([image])))
    assert studio.wire.to("delete_images") == [], text_of(result)


async def test_a_deletion_that_waited_while_a_product_was_hung_is_not_sent(
    tmp_path: Path,
) -> None:
    """The person agreed to lose an image without products."""
    elsewhere = library_shared_with_others(tmp_path)
    other, image = await unsold(elsewhere.studio, 2)
    slow = (REWRITING.tool, REWRITING.arguments([other]))
    call = (DELETION.tool, DELETION.arguments([image]))
    result = await behind(elsewhere.studio, slow, call, lambda: elsewhere.hang(image))
    assert elsewhere.studio.wire.to("delete_images") == [], text_of(result)
