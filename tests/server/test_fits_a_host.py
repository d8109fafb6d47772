"""Nothing that is told is longer than a host keeps: every tool, every resource, odd libraries."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mcp.client import Client
from mcp.types import CallToolResult, TextContent, TextResourceContents

from fw_mcp.guard.guard import Limits
from fw_mcp.sandbox.app import create_app
from fw_mcp.sandbox.images import Images, open_images
from fw_mcp.server.cutting import size_of
from fw_mcp.server.image_details import Listed
from fw_mcp.server.results import CHARACTERS
from fw_mcp.server.rows import ImageRow
from tests.server.test_answers import assert_short as assert_counted
from tests.server.test_hostile_texts import guid_of, product, stored
from tests.support.products import first_of
from tests.support.studio import Studio, make_studio, said
from tests.support.truth import new_image

pytestmark = pytest.mark.anyio

KEY = "11111111-2222-4333-8444-555555555555"
EMOJI = "a 😀 and "
LIBRARIES = ((EMOJI, 12), ('"\\', 60), ("\u202e", 60), ("雾", 60), ("x", 60), (EMOJI, 110))
"""What the texts are made of, and how many images there are."""
DETAILS: tuple[Any, ...] = (["description"], ["file", "urls"], ["products"], True)


def crowded(folder: Path, count: int, text: str) -> Studio:
    """A studio of so many images with 20 products each and long titles."""

    def furnish(images: Images) -> None:
        images.stock(
            [replace(stored(number, text), title=text[:1_000]) for number in range(count)],
            [product(number, text[:1_000]) for number in range(count)] * 20,
        )

    folder.mkdir(exist_ok=True)
    file = folder / "library.sqlite3"
    open_images(file, furnish=furnish)
    limits = Limits(items_per_call=500, deletions_per_hour=10 * 500)
    return make_studio(app=create_app(file, seed=False), limits=limits)


def assert_short(result: CallToolResult) -> None:
    """Its text and its JSON, pictures aside; an error too."""
    text = "".join(part.text for part in result.content if isinstance(part, TextContent))
    assert len(text) <= CHARACTERS
    assert len(json.dumps(result.structured_content, ensure_ascii=False)) <= CHARACTERS
    if "outcomes" in (result.structured_content or {}):
        assert_counted(text, said(result))


def reads(guids: list[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Calls that change nothing."""
    search = "search_images"
    most: dict[str, Any] = {"per_page": 50}
    yield search, most
    yield search, {"summary": True, "print_size": "16x20 in", "summary_by": "month"}
    yield search, {**most, "duplicates": "content", "print_sizes": True}
    yield search, {**most, "only": ["has_products"], "print_size": "16x20 in"}
    yield search, {"file_name_contains": [f"nowhere {n} " * 10 for n in range(50)]}
    yield search, {**most, "guid_filter": [*guids[:25], *(guid_of(n + 10**6) for n in range(25))]}
    yield search, {**most, "selection_guid": KEY}
    for details in DETAILS:
        yield search, {**most, "details": details}
    yield "search_products", most
    yield "search_products", {**most, "only": ["live_in_shop"]}
    yield "search_products", {"summary": True}
    yield "view_images", {"guids": guids[:12]}
    yield "view_images", {"guids": guids[:12], "contact_sheet": True}
    yield (
        "inspect_files",
        {"files": [f"https://nowhere.example/{n}" + "x" * 900 for n in range(50)]},
    )
    yield "list_changes", {}
    yield "list_changes", {"image": guids[0]}
    yield search, {"guid_filter": ["no guid " * 100] * 500}
    yield "delete_images", {"guids": [f"no guid {n}" * 40 for n in range(500)]}


def writes(guids: list[str], text: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Calls of each tool that writes."""
    texts = [{"guid": guid, "title": f"{text[:900]} new"} for guid in guids]
    added = [new_image(n, title=text[:1_000], description=text[:300]) for n in range(len(guids))]
    yield "set_selection", {"guids": [*guids, guid_of(10**6)][:500], "selection_guid": KEY}
    yield "set_selection", {"guids": guids[:3], "selection_guid": KEY}
    yield "add_images", {"images": added}
    yield "update_image_metadata", {"images": texts}
    yield "delete_images", {"guids": guids}


async def change(studio: Studio, tool: str, arguments: dict[str, Any]) -> None:
    """Dry run, question, writing, and taking back."""
    undo: dict[str, Any] = {}
    async with studio.client() as client:
        if tool != "set_selection":
            assert_short(await client.call_tool(tool, {**arguments, "dry_run": True}))
            if tool != "add_images":
                assert_short(await client.call_tool(tool, arguments))
    async with studio.client(person=studio.person(takes_s=0)) as client:
        done = await client.call_tool(tool, arguments)
        assert_short(done)
        undo["change_id"] = (done.structured_content or {})["change_id"]
        assert_short(await client.call_tool("undo_change", {**undo, "dry_run": True}))
        if tool != "set_selection":
            assert_short(await client.call_tool("undo_change", undo))


async def walked(client: Client, uri: str, rows: str) -> list[Any]:
    """The rows of a resource to its last page, each page as short as it has to be."""
    found: list[Any] = []
    count = 0
    following: str | None = uri
    while following:
        (content,) = (await client.read_resource(following)).contents
        assert isinstance(content, TextResourceContents)
        assert len(content.text) <= CHARACTERS
        page = json.loads(content.text)
        found += page[rows]
        count = page["count"]
        following = page.get("next")
        assert ("note" in page) <= (following is not None)
    assert len(found) == count
    return found


@pytest.mark.waits
@pytest.mark.parametrize(("letters", "count"), first_of(*LIBRARIES))
async def test_nothing_that_is_told_is_longer_than_a_host_keeps(
    tmp_path: Path, letters: str, count: int
) -> None:
    """Promise: titles of 1,000 characters, 20 products each, descriptions without end."""
    text = letters * (5_000 // len(letters))
    studio = crowded(tmp_path, count, text)
    guids = [guid_of(number) for number in range(count)]
    for tool, arguments in writes(guids, text):
        await change(studio, tool, arguments)
    fresh = crowded(tmp_path / "fresh", count, text)
    async with fresh.client() as client:
        await client.call_tool("set_selection", {"guids": guids, "selection_guid": KEY})
        for tool, arguments in reads(guids):
            assert_short(await client.call_tool(tool, arguments))
        selected = await walked(client, f"finerworks://selections/{KEY}?per_page=50", "images")
        listed = await walked(client, "finerworks://images?per_page=50", "images")
        products = await walked(client, "finerworks://products?per_page=50", "products")
        (record,) = (await client.read_resource(f"finerworks://images/{guids[0]}")).contents
    assert [row["guid"] for row in selected] == guids
    assert {row["guid"] for row in listed} == set(guids)
    assert len(products) == 20 * count
    assert isinstance(record, TextResourceContents)
    assert len(record.text) <= CHARACTERS
    left_out = 20 - len(json.loads(record.text)["products"])
    assert left_out == 0 or f"{left_out} more products not shown here" in record.text
    async with studio.client() as client:
        changes = await walked(client, "finerworks://changes?per_page=50", "changes")
        for one in changes:
            await walked(client, f"finerworks://changes/{one['change_id']}", "items")
            assert_short(await client.call_tool("search_images", {"change_id": one["change_id"]}))


TEXT = st.none() | st.text('a"\\,:é雾\t', max_size=6)
NUMBER = st.none() | st.integers(0, 10**9)
NAMES = st.none() | st.lists(st.text("ab,", min_size=1, max_size=3), max_size=3)


@given(
    st.builds(
        ImageRow,
        guid=st.text("ab", max_size=2),
        title=TEXT,
        description=TEXT,
        file_name=TEXT,
        pix_w=NUMBER,
        pix_h=NUMBER,
        date_added=st.none() | st.just("2026-01-01"),
        date_expires=st.none() | st.just("2026-01-01T00:00:00-06:00"),
        active=st.none() | st.booleans(),
        products=NUMBER,
        shops=NAMES,
        prints=st.none() | st.just({"300": "1x1", "200": "2x2", "150": "3x3"}),
        print_ppi=NUMBER,
        trimmed_percent=NUMBER,
        duplicate_group=NUMBER,
        odd_fields=NAMES,
        cut=st.none() | st.just({"title": 10**6, "file_name": 10**6}),
        escaped=st.none() | st.just(True),
    )
)
def test_a_row_is_never_thought_shorter_than_it_is(row: ImageRow) -> None:
    """Else a page would be taken to fit that does not."""
    assert row.at_most() >= max(size_of(Listed(row, None)))
