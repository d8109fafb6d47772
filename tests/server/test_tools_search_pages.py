"""The pages of `search_images`: counted as asked, and walked to the end exactly once."""

import json
from typing import Any
from urllib.parse import quote, unquote, urlencode

import pytest
from mcp.client import Client
from mcp.types import TextResourceContents

from fw_mcp.api.models import LibraryName
from tests.support.products import first_of
from tests.support.studio import Mode, Studio, said, text_of
from tests.support.truth import holdings

pytestmark = pytest.mark.anyio

GUID = "3f2b8c1e-0d4a-4e5f-8a6b-7c9d0e1f2a3b"
MODES = first_of("auto", "legacy")


async def searched(studio: Studio, **arguments: object) -> dict[str, Any]:
    """The structured content of one search."""
    async with studio.client() as client:
        return said(await client.call_tool("search_images", arguments))


async def read_page(client: Client, uri: str) -> dict[str, Any]:
    """A page of images as its resource gives it."""
    (content,) = (await client.read_resource(uri)).contents
    assert isinstance(content, TextResourceContents)
    page: dict[str, Any] = json.loads(content.text)
    return page


async def test_a_page_size_is_told_as_asked_though_the_last_page_holds_fewer(
    studio: Studio,
) -> None:
    """The service answers how many it returned; that is no page size."""
    held = len(await holdings(studio))
    last = await searched(studio, per_page=50, page_number=held // 50 + 1)
    assert (last["per_page"], last["count"], len(last["images"])) == (50, held, held % 50)
    assert "next_page_number" not in last


async def test_a_page_that_ends_exactly_with_the_last_image_has_no_next(studio: Studio) -> None:
    """No empty page is offered."""
    held = len(await holdings(studio, "temporary"))
    whole = await searched(studio, library="temporary", per_page=held)
    most = await searched(studio, library="temporary", per_page=held - 1)
    assert (len(whole["images"]), "next_page_number" in whole) == (held, False)
    assert most["next_page_number"] == 2


async def test_a_page_past_the_end_is_empty_and_counts_all_the_same(studio: Studio) -> None:
    """It is no error, and it leads nowhere."""
    async with studio.client() as client:
        result = await client.call_tool("search_images", {"page_number": 90})
    page = said(result)
    assert (page["images"], "next_page_number" in page) == ([], False)
    assert text_of(result) == f"No image on this page; {page['count']} in all."


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("library", ["inventory", "temporary"])
@pytest.mark.parametrize("per_page", [7, 50])
async def test_following_next_visits_each_image_exactly_once(
    studio: Studio, mode: Mode, library: LibraryName, per_page: int
) -> None:
    """Promise: from the first page to the last, in either library."""
    held = await holdings(studio, library)
    call: dict[str, object] = {"library": library, "per_page": per_page}
    seen: list[str] = []
    number: int | None = 1
    async with studio.client(mode=mode) as client:
        while number:
            page = said(await client.call_tool("search_images", {**call, "page_number": number}))
            seen += [row["guid"] for row in page["images"]]
            number = page.get("next_page_number")
    assert seen == list(held)


@pytest.mark.parametrize(
    "words", ["Fog over the Rio Grande", "a/b", "über & Söhne?", "../", "1+1=2%20", "#{x}"]
)
async def test_next_says_the_same_search_whatever_its_words(studio: Studio, words: str) -> None:
    """Spaces, slashes, other scripts, dots: the next page is of the same search."""
    images = [
        {
            "title": f"{words} {number}",
            "file_name": f"N_{number}.jpg",
            "file_size": number,
            "public_thumbnail_uri": "https://files.example/t.jpg",
            "public_preview_uri": "https://files.example/p.jpg",
            "private_hires_uri": f"https://files.example/{number}.jpg",
            "pix_w": 10,
            "pix_h": 10,
        }
        for number in (1, 2, 3)
    ]
    async with studio.client() as client:
        said(await client.call_tool("add_images", {"images": images}))
        query = {"search_filter": words, "per_page": "1"}
        page = await read_page(client, f"finerworks://images?{urlencode(query, quote_via=quote)}")
        titles = [row["title"] for row in page["images"]]
        while "next" in page:
            page = await read_page(client, page["next"])
            titles += [row["title"] for row in page["images"]]
    assert titles == [f"{words} {number}" for number in (3, 2, 1)]


async def test_next_keeps_the_sorting_the_library_and_the_state(studio: Studio) -> None:
    """The next page is the next page of this search, not of another."""
    query = "active=true&sort_field=title&sort_direction=ASC&per_page=3&page_number=2"
    async with studio.client() as client:
        page = await read_page(client, f"finerworks://images?{query}")
    assert unquote(page["next"]) == (
        "finerworks://images?library=inventory&active=true&sort_field=title&sort_direction=ASC"
        "&page_number=3&per_page=3"
    )


async def test_the_text_of_a_page_names_its_place_and_the_next(studio: Studio) -> None:
    """A host that shows only text can page on."""
    async with studio.client() as client:
        result = await client.call_tool("search_images", {"page_number": 2, "per_page": 10})
    page, lines = said(result), text_of(result).split("\n")
    assert lines[0] == f"Images 11-20 of {page['count']}."
    assert [row["guid"] for row in page["images"]] == [line[:36] for line in lines[1:-1]]
    assert lines[-1] == "Next: page_number 3"
