"""`search_images` for doubles: by what the files are, and by how the pictures look."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pytest
from mcp.client import Client

from fw_mcp.api.models import ImageDetails
from fw_mcp.pictures.fetch.fetcher import Fetcher
from fw_mcp.server.app import build_server
from tests.support.products import first_of
from tests.support.studio import Mode, Studio, make_studio, said, text_of
from tests.support.truth import holdings, new_image

pytestmark = pytest.mark.anyio

MODES = first_of("auto", "legacy")


@dataclass
class Sights:
    """Sees pictures as a test says."""

    hashes: Mapping[str, int]

    def check(self) -> None:
        """Pictures can be compared."""

    async def of(self, images: Sequence[ImageDetails], *, until: float) -> Mapping[str, int]:
        """Those that are known."""
        del until
        return {one.guid: self.hashes[one.guid] for one in images if one.guid in self.hashes}


def seeing(studio: Studio, hashes: Mapping[str, int], mode: Mode = "auto") -> Client:
    """A client of a server that can compare pictures."""
    parts = replace(studio.parts, likenesses=Sights(hashes))
    return Client(build_server(parts), mode=mode, cache=None)


async def add(studio: Studio, *images: dict[str, object]) -> list[str]:
    """The guids of images that were just added, in the order given."""
    async with studio.client() as client:
        added = said(await client.call_tool("add_images", {"images": images}))
    studio.wire.sent.clear()
    return [row["guid"] for row in added["images"]]


async def searched(studio: Studio, **arguments: object) -> dict[str, Any]:
    """The structured content of one search."""
    async with studio.client() as client:
        return said(await client.call_tool("search_images", arguments))


def groups(found: Mapping[str, Any]) -> list[tuple[int, str]]:
    """The group and the guid of each row."""
    return [(row["duplicate_group"], row["guid"]) for row in found["images"]]


def double(number: int, size: int, **changes: object) -> dict[str, object]:
    """An image of so many bytes and the same pixels as every other one here."""
    return new_image(number, file_size=size, pix_w=6000, **changes)


@pytest.mark.large_library
@pytest.mark.parametrize("mode", MODES)
async def test_files_of_the_same_bytes_and_pixels_are_listed_together(
    studio: Studio, mode: Mode
) -> None:
    """Promise: in numbered groups, the biggest first, the newest first in each."""
    a, b, c, d, e, _, _ = await add(
        studio, double(1, 77), double(2, 99), double(3, 77), double(4, 99), double(5, 99),
        double(6, 55), new_image(7, file_size=77, pix_w=6001),
    )  # fmt: skip
    async with studio.client(mode=mode) as client:
        result = await client.call_tool("search_images", {"duplicates": "content"})
    found = said(result)
    assert groups(found) == [(1, e), (1, d), (1, b), (2, c), (2, a)]
    assert (found["count"], found["scanned"], found["held"]) == (5, 255, 255)
    lines = text_of(result).split("\n")
    assert [line.rpartition(" | ")[2] for line in lines[1:]] == (
        ["duplicate group 1"] * 3 + ["duplicate group 2"] * 2
    )


async def test_the_pages_of_doubles_keep_their_groups(studio: Studio) -> None:
    """A group may go on on the next page, under its number."""
    a, b, c, d, e = await add(studio, *(double(number, 77) for number in range(1, 6)))
    first = await searched(studio, duplicates="content", per_page=3)
    second = await searched(studio, duplicates="content", per_page=3, page_number=2)
    assert [groups(first), groups(second)] == [[(1, e), (1, d), (1, c)], [(1, b), (1, a)]]
    assert (first["next_page_number"], "next_page_number" in second) == (2, False)


async def test_doubles_that_also_go_by_a_name(studio: Studio) -> None:
    """Which copy has no title? The other copy need not lack one too."""
    _, bare = await add(studio, double(1, 77), double(2, 77, title="NEW_002"))
    found = await searched(studio, duplicates="content", only=["missing_title"])
    assert groups(found) == [(1, bare)]


@pytest.mark.large_library
async def test_a_summary_counts_doubles(studio: Studio) -> None:
    """Images that have one, not groups."""
    await add(studio, *(double(number, 77) for number in range(1, 4)))
    every = await searched(studio, summary=True)
    alone = await searched(studio, summary=True, duplicates="content")
    assert (every["summary"]["images"], every["summary"]["duplicates"]) == (251, 3)
    assert (alone["summary"]["images"], alone["summary"]["duplicates"], alone["count"]) == (3, 3, 3)


@pytest.mark.large_library
@pytest.mark.parametrize("mode", MODES)
async def test_pictures_that_look_alike_are_listed_together(studio: Studio, mode: Mode) -> None:
    """By likeness, whatever the files are; pictures that could not be seen are counted."""
    held = list(await holdings(studio))
    hashes = {guid: number << 20 | number * 0x9E3779B9 for number, guid in enumerate(held, 1)}
    hashes |= {held[5]: 2**64 - 1, held[90]: 2**64 - 8, held[7]: 0xF << 60, held[200]: 0xF << 60}
    del hashes[held[0]]
    async with seeing(studio, hashes, mode) as client:
        result = await client.call_tool("search_images", {"duplicates": "likeness", "per_page": 50})
    found = said(result)
    close = [
        (one, other)
        for one in held[1:]
        for other in held[1:]
        if one < other and (hashes[one] ^ hashes[other]).bit_count() <= 4
    ]
    assert {row["guid"] for row in found["images"]} == {guid for pair in close for guid in pair}
    by_guid = {guid: group for group, guid in groups(found)}
    assert all(by_guid[one] == by_guid[other] for one, other in close)
    assert by_guid[held[5]] == by_guid[held[90]] != by_guid[held[7]] == by_guid[held[200]]
    assert found["not_reached"] == (
        "1 of 248 pictures were not compared: they could not be loaded "
        "or have too little detail to compare."
    )
    assert found["not_reached"] in text_of(result)


@pytest.mark.parametrize("mode", MODES)
async def test_pictures_are_really_looked_at(studio: Studio, mode: Mode) -> None:
    """Three files share a picture, under names and sizes of their own."""
    shown = next(iter((await holdings(studio)).values())).public_thumbnail_uri
    added = await add(
        studio,
        *(new_image(number, public_thumbnail_uri=shown) for number in (1, 2, 3)),
        new_image(4),
    )
    async with studio.client(mode=mode) as client:
        result = await client.call_tool(
            "search_images",
            {"duplicates": "likeness", "guid_filter": added, "sort_direction": "ASC"},
        )
    assert groups(said(result)) == [(1, guid) for guid in added[:3]]
    assert said(result)["not_reached"] == (
        "1 of 4 pictures were not compared: they could not be loaded "
        "or have too little detail to compare."
    )


async def test_a_server_that_may_not_fetch_says_so_before_it_reads() -> None:
    """No library is walked through for an answer that cannot come."""
    studio = make_studio(fetcher=Fetcher(is_on=False))
    async with studio.client() as client:
        result = await client.call_tool("search_images", {"duplicates": "likeness"})
    assert (result.is_error, studio.wire.sent) == (True, [])
    assert text_of(result).endswith("(reason: fetch_off)")
