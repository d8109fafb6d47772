"""Twelve tasks that sellers have, each done in the fewest calls that the tools allow."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from mcp.client import Client

from fw_mcp.api.models import ImageDetails
from fw_mcp.embedded import SandboxTransport
from fw_mcp.pictures.fetch.fetcher import Fetcher
from fw_mcp.sandbox.app import create_app
from tests.prompts.files import ORIGIN, host, urls
from tests.prompts.judging import copied, found, prints_at, stored_guids, those, untitled
from tests.support.studio import Studio, make_studio, said, text_of
from tests.support.truth import holdings, sold, unsold

pytestmark = pytest.mark.anyio

WORDS = "Milky Way"
READ_AT_MOST = 2_000
"""Characters of results that a task reads, pictures aside."""


@dataclass
class Seller:
    """Somebody with a task, whose assistant knows the tools and counts what it calls."""

    studio: Studio
    client: Client
    calls: list[str] = field(default_factory=list)
    read: int = 0

    async def call(self, tool: str, **arguments: object) -> dict[str, Any]:
        """Call a tool; pictures say nothing."""
        result = await self.client.call_tool(tool, arguments)
        assert not result.is_error, text_of(result)
        self.calls.append(tool)
        if tool == "view_images":
            return {}
        self.read += len(text_of(result))
        return said(result)

    async def search(self, **arguments: object) -> list[str]:
        """The guids of a search of one page."""
        result = await self.call("search_images", **arguments)
        assert "next_page_number" not in result
        return [row["guid"] for row in result["images"]]


async def count_untitled(seller: Seller) -> None:
    """How many photos have no title?"""
    result = await seller.call("search_images", summary=True)
    held = await holdings(seller.studio)
    assert result["summary"]["missing_title"] == len(those(held, untitled)) > 0


async def see_a_series(seller: Seller) -> None:
    """Show me the Milky Way pictures."""
    guids = await seller.search(search_filter=WORDS)
    await seller.call("view_images", guids=guids, contact_sheet=True)
    assert set(guids) == set(await found(seller.studio, WORDS))


async def large_enough(seller: Seller) -> None:
    """How many can I sell as 24x36 without losing more than a tenth of the picture?"""
    asked: dict[str, object] = {"print_size": "24x36 in", "max_trim_percent": 10}
    result = await seller.call("search_images", summary=True, only=["large_enough"], **asked)
    held = await holdings(seller.studio)
    assert result["count"] == len(those(held, _fits_24x36)) > 0


def _fits_24x36(image: ImageDetails) -> bool:
    long_pix, short_pix = sorted((image.pix_w or 1, image.pix_h or 1), reverse=True)
    shapes = sorted((long_pix / short_pix, 36 / 24))
    trimmed_percent = round(100 - 100 * shapes[0] / shapes[1])
    return prints_at(image, (24.0, 36.0)) >= 150 and trimmed_percent <= 10


async def files_that_are_there(seller: Seller) -> None:
    """Which of these three files are in the library already?"""
    there = await unsold(seller.studio, 2)
    names = [one.file_name for one in there]
    guids = await seller.search(file_name_contains=[*names, "NOWHERE_1.tif"])
    assert set(guids) == {one.guid for one in there}


async def count_by_quarter(seller: Seller) -> None:
    """How many did I add in each quarter?"""
    result = await seller.call("search_images", summary_by="quarter")
    counts = [count for name, count in result["summary"].items() if name[-2:-1] == "Q"]
    assert sum(counts) == len(await holdings(seller.studio))


async def below_cost(seller: Seller) -> None:
    """Do I sell anything below what it costs me, and where?"""
    result = await seller.call("search_products", only=["below_cost"])
    held = (await holdings(seller.studio)).values()
    products = [product for image in held for product in image.products or ()]
    losing = {one.sku for one in products if 0 < (one.asking_price or 0) < (one.total_price or 0)}
    assert {row["sku"] for row in result["products"]} == losing != set()


async def add_two_files(seller: Seller) -> None:
    """Add these two, each with a title."""
    names = ["DUSK_1.png", "DUSK_2.png"]
    measured = await seller.call("inspect_files", files=urls(names))
    taken = ("file_name", "file_size", "pix_w", "pix_h", "private_hires_uri")
    images = [
        {
            **{key: row[key] for key in taken},
            "public_preview_uri": urls([row["file_name"]], "previews")[0],
            "public_thumbnail_uri": urls([row["file_name"]], "thumbnails")[0],
            "title": f"Dusk {number}",
        }
        for number, row in enumerate(measured["files"], 1)
    ]
    await seller.call("add_images", images=images)
    held = (await holdings(seller.studio)).values()
    assert {one.title for one in held if one.file_name in names} == {"Dusk 1", "Dusk 2"}


async def fix_a_title(seller: Seller) -> None:
    """Call the picture that was named by its file "Fog at dawn"."""
    (image,) = await unsold(seller.studio, 1)
    (guid,) = await seller.search(file_name_contains=[image.file_name])
    await seller.call("update_image_metadata", images=[{"guid": guid, "title": "Fog at dawn"}])
    held = (await holdings(seller.studio))[image.guid]
    assert (held.title, held.description or "") == ("Fog at dawn", image.description or "")


async def remove_the_spare(seller: Seller) -> None:
    """Which files are in there twice? Delete the copy that nothing is sold from."""
    (image,) = await sold(seller.studio, 1)
    copy = await copied(seller.studio, image)
    result = await seller.call("search_images", duplicates="content")
    spare = [row["guid"] for row in result["images"] if not row["products"]]
    await seller.call("delete_images", guids=spare)
    held = await holdings(seller.studio)
    assert copy not in held
    assert held[image.guid].products == image.products


async def order_prints(seller: Seller) -> None:
    """Make a print order of the Milky Way pictures that are large enough for 16x20."""
    asked: dict[str, object] = {"search_filter": WORDS, "print_size": "16x20 in"}
    guids = await seller.search(only=["large_enough"], **asked)
    result = await seller.call("set_selection", guids=guids)
    assert set(await stored_guids(seller.studio, result["selection_guid"])) == set(guids) != set()


async def one_more_print(seller: Seller) -> None:
    """Add one more to that order."""
    one, other = await unsold(seller.studio, 2)
    async with seller.studio.client() as earlier:
        made = said(await earlier.call_tool("set_selection", {"guids": [one.guid]}))
    guids = await seller.search(file_name_contains=[other.file_name])
    await seller.call("set_selection", selection_guid=made["selection_guid"], add=guids)
    held = await stored_guids(seller.studio, made["selection_guid"])
    assert set(held) == {one.guid, other.guid}


async def take_back(seller: Seller) -> None:
    """Undo what was done to my titles this morning, in another chat."""
    (image,) = await unsold(seller.studio, 1)
    async with seller.studio.client() as earlier:
        texts = [{"guid": image.guid, "title": "Not this"}]
        await earlier.call_tool("update_image_metadata", {"images": texts})
    changes = await seller.call("list_changes")
    await seller.call("undo_change", change_id=changes["changes"][0]["change_id"])
    assert (await holdings(seller.studio))[image.guid].title == image.title


Task = Callable[[Seller], Awaitable[None]]

FEWEST: dict[Task, list[str]] = {
    count_untitled: ["search_images"],
    see_a_series: ["search_images", "view_images"],
    large_enough: ["search_images"],
    files_that_are_there: ["search_images"],
    count_by_quarter: ["search_images"],
    below_cost: ["search_products"],
    add_two_files: ["inspect_files", "add_images"],
    fix_a_title: ["search_images", "update_image_metadata"],
    remove_the_spare: ["search_images", "delete_images"],
    order_prints: ["search_images", "set_selection"],
    one_more_print: ["search_images", "set_selection"],
    take_back: ["list_changes", "undo_change"],
}


def studio_with_files() -> Studio:
    """A studio whose server reaches the seller's files."""
    app = create_app()
    inside = {
        "http://sandbox.localhost": lambda: SandboxTransport(app),
        ORIGIN: lambda: host(6000, 4000),
    }
    return make_studio(app=app, fetcher=Fetcher(inside=inside), tried=True)


@pytest.mark.parametrize("task", FEWEST, ids=lambda task: task.__name__)
async def test_a_task_takes_the_fewest_calls(task: Task) -> None:
    """To find, and to do; what is counted, or asked of everything, takes one."""
    studio = studio_with_files()
    async with studio.client(person=studio.person()) as client:
        seller = Seller(studio, client)
        await task(seller)
    assert seller.calls == FEWEST[task]
    assert seller.read <= READ_AT_MOST, seller.read


def test_what_writes_takes_one_call_beyond_what_finds() -> None:
    """Reading one answer is the most that any of the tasks needs before it is done."""
    assert len(FEWEST) == 12
    assert max(map(len, FEWEST.values())) == 2
    assert sum(map(len, FEWEST.values())) == 19
