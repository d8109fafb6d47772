"""`search_images` over a whole library: filters of ours, counts, and honesty about the rest."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import anyio
import pytest

from fw_mcp.api.models import ImageDetails, ImageToUpdate, UpdateImagesRequest
from fw_mcp.images.filters import Question
from fw_mcp.images.print_sizes import PrintSize
from fw_mcp.sandbox.endpoints import Switches
from fw_mcp.sandbox.faults.plan import Fault, FaultKind
from tests.images.shelf import Shelf, images_of
from tests.images.untidy import is_untidy
from tests.support.products import first_of
from tests.support.recorder import Sent
from tests.support.studio import Mode, Studio, make_studio, said, text_of
from tests.support.truth import holdings, new_images

pytestmark = [pytest.mark.anyio, pytest.mark.large_library]

MODES = first_of("auto", "legacy")
NOBODY = "3f2b8c1e-0d4a-4e5f-8a6b-7c9d0e1f2a3b"
Wanted = Callable[[ImageDetails], bool]


async def searched(studio: Studio, mode: Mode = "auto", **arguments: object) -> dict[str, Any]:
    """The structured content of one search."""
    async with studio.client(mode=mode) as client:
        return said(await client.call_tool("search_images", arguments))


async def refused(studio: Studio, **arguments: object) -> str:
    """The text of a search that was not run."""
    async with studio.client() as client:
        result = await client.call_tool("search_images", arguments)
    assert result.is_error
    assert studio.wire.sent == []
    return text_of(result)


def ppi_16x20(image: ImageDetails) -> float:
    """Pixels an inch of a 16x20 print, the picture turned if that gives more."""
    w, h = image.pix_w or 0, image.pix_h or 0
    return max(min(w / 16, h / 20), min(w / 20, h / 16))


def stem(image: ImageDetails) -> str:
    """The file's name without what follows its last dot."""
    return (image.file_name or "").rsplit(".", 1)[0].lower()


def shops(image: ImageDetails) -> set[str]:
    """Where it is on sale."""
    return {shop for product in image.products or () for shop in product.shops}


FILTERS: Mapping[str, Wanted] = {
    "missing_title": lambda one: (
        not one.title
        or one.title.isspace()
        or one.title.lower() in {stem(one), (one.file_name or "").lower()}
    ),
    "untidy_title": lambda one: is_untidy(one.title or ""),
    "missing_description": lambda one: not one.description or one.description.isspace(),
    "long_description": lambda one: len(one.description or "") >= 301,
    "has_products": lambda one: len(one.products or ()) > 0,
    "no_products": lambda one: one.products == (),
    "live_in_shop": lambda one: bool(shops(one)),
    "inactive": lambda one: one.active is False,
    "landscape": lambda one: (one.pix_w or 0) > 1.02 * (one.pix_h or 0),
    "portrait": lambda one: (one.pix_h or 0) > 1.02 * (one.pix_w or 0),
    "square": lambda one: one.pix_w == one.pix_h,
    "too_small": lambda one: ppi_16x20(one) < 150,
    "large_enough": lambda one: ppi_16x20(one) >= 150,
}


@pytest.mark.parametrize("name", FILTERS)
async def test_only_gives_the_images_that_go_by_the_name(studio: Studio, name: str) -> None:
    """Promise: each local filter is what the library really holds, over all pages, in order."""
    wanted = [one.guid for one in (await holdings(studio)).values() if FILTERS[name](one)]
    assert wanted
    size = "16x20 in" if name in {"too_small", "large_enough"} else None
    found = await searched(studio, only=[name], per_page=50, print_size=size)
    assert (found["count"], found["scanned"], found["held"]) == (len(wanted), 248, 248)
    assert [row["guid"] for row in found["images"]] == wanted[:50]
    assert "not_reached" not in found


async def test_expiring_images_are_those_that_go_within_a_week(studio: Studio) -> None:
    """Temporary images are kept for about 14 days."""
    held = await holdings(studio, "temporary")
    soon = datetime.now(UTC) + timedelta(days=7)
    wanted = [one.guid for one in held.values() if one.date_expires and one.date_expires < soon]
    found = await searched(studio, library="temporary", only=["expiring"])
    assert 0 < len(wanted) < len(held)
    assert [row["guid"] for row in found["images"]] == wanted


async def test_dates_without_an_offset_expire_in_central_time() -> None:
    """An older host writes US Central time without saying so."""
    plain = await searched(make_studio(), library="temporary", only=["expiring"])
    bare = make_studio(switches=Switches(dates_without_offset=True))
    assert (await searched(bare, library="temporary", only=["expiring"]))["count"] == plain["count"]


async def test_a_file_name_is_found_by_any_part_in_any_case(studio: Studio) -> None:
    """The service's own search does not look at file names."""
    held = await holdings(studio)
    wanted = [one.guid for one in held.values() if "night_22" in (one.file_name or "").lower()]
    found = await searched(studio, file_name_contains="nIGHT_22", per_page=50)
    assert [row["guid"] for row in found["images"]] == wanted != []


async def test_filters_of_both_sides_narrow_each_other_and_sorting_stays(studio: Studio) -> None:
    """The service leaves out what it can; all that is asked must hold."""
    held = sorted((await holdings(studio)).values(), key=lambda one: one.file_size or 0)
    wanted = [
        one.guid
        for one in held
        if one.active and FILTERS["landscape"](one) and FILTERS["no_products"](one)
    ]
    found = await searched(
        studio,
        active=True,
        only=["landscape", "no_products"],
        sort_field="file_size",
        sort_direction="ASC",
        per_page=50,
    )
    assert found["count"] == len(wanted)
    assert [row["guid"] for row in found["images"]] == wanted[:50]
    assert {body["active"] for body in studio.wire.to("list_images")[:-1]} == {True}


async def test_named_images_can_be_filtered_too(studio: Studio) -> None:
    """Of these fifty, which have no title?"""
    held = list((await holdings(studio)).values())[:50]
    wanted = [one.guid for one in held if FILTERS["missing_title"](one)]
    named = [one.guid for one in held]
    found = await searched(studio, guid_filter=named, only=["missing_title"])
    assert [row["guid"] for row in found["images"]] == wanted
    assert (found["scanned"], found["held"]) == (50, 50)


@pytest.mark.parametrize("mode", MODES)
async def test_the_second_page_takes_one_request(studio: Studio, mode: Mode) -> None:
    """Promise: one walk, then fifty images at a time, read fresh."""
    wanted = [one.guid for one in (await holdings(studio)).values() if FILTERS["no_products"](one)]
    arguments = {"only": ["no_products"], "per_page": 50}
    first = await searched(studio, mode, **arguments)
    walked = len(studio.wire.sent)
    seen = [row["guid"] for row in first["images"]]
    for page_number in range(2, len(wanted) // 50 + 2):
        page = await searched(studio, mode, page_number=page_number, **arguments)
        assert len(studio.wire.sent) == walked + page_number - 1
        seen += [row["guid"] for row in page["images"]]
        assert page["count"] == len(wanted)
    assert seen == wanted
    assert "next_page_number" not in page


async def test_products_are_read_for_rows_only_when_no_filter_needs_them(studio: Studio) -> None:
    """Products make a page slow: five pages go without, the rows with."""
    found = await searched(studio, only=["missing_title"])
    asked = [body["list_products"] for body in studio.wire.to("list_images")]
    assert asked == [False] * 5 + [True]
    assert all("products" in row for row in found["images"])
    bare = await searched(studio, only=["missing_title"], list_products=False)
    assert not any("products" in row for row in bare["images"])


async def test_rows_that_no_longer_match_are_left_out_and_said_to_be(studio: Studio) -> None:
    """Somebody retitles one image and deletes another between two pages."""
    arguments: dict[str, Any] = {"only": ["missing_title"], "per_page": 5}
    wanted = [
        one.guid for one in (await holdings(studio)).values() if FILTERS["missing_title"](one)
    ]
    await searched(studio, **arguments)
    text = ImageToUpdate(guid=wanted[6], title="A title", description="")
    await studio.api.update_images(UpdateImagesRequest(images=[text]))
    async with studio.client() as client:
        gone = await client.call_tool("search_images", {**arguments, "page_number": 2})
    assert [row["guid"] for row in said(gone)["images"]] == [wanted[5], *wanted[7:10]]
    told = "Removed or changed in the meantime: 1 of these images."
    assert said(gone)["note"] == told
    assert told in text_of(gone)
    assert said(gone)["count"] == len(wanted)


async def test_a_page_past_the_matches_is_empty_and_leads_nowhere(studio: Studio) -> None:
    """It is no error."""
    found = await searched(studio, only=["square"], page_number=90)
    assert (found["images"], "next_page_number" in found) == ([], False)
    assert found["count"] > 0


async def test_details_and_print_sizes_come_with_the_rows_of_a_walk(studio: Studio) -> None:
    """Whatever a page of a listing can say."""
    found = await searched(
        studio, only=["too_small"], print_size="16x20", details=True, print_sizes=True, per_page=2
    )
    assert [one["guid"] for one in found["records"]] == [one["guid"] for one in found["images"]]
    assert all(row["print_ppi"] < 150 for row in found["images"])
    assert all("private_hires_uri" not in one for one in found["records"])


@pytest.mark.parametrize("mode", MODES)
async def test_print_sizes_are_told_of_one_page_without_a_walk(studio: Studio, mode: Mode) -> None:
    """Promise: the largest sizes at 300, 200 and 150 pixels an inch, and how one size fits."""
    async with studio.client(mode=mode) as client:
        result = await client.call_tool(
            "search_images", {"print_size": "30x20 in", "print_sizes": True, "per_page": 50}
        )
    found = said(result)
    row = next(row for row in found["images"] if (row["pix_w"], row["pix_h"]) == (6000, 4000))
    assert row["prints"] == {"300": "20x13 in", "200": "30x20 in", "150": "40x26.5 in"}
    assert (row["print_ppi"], row["trimmed_percent"]) == (200, 0)
    line = next(line for line in text_of(result).split("\n") if row["guid"] in line)
    assert "prints 20x13 in at 300 ppi, 30x20 in at 200 ppi, 40x26.5 in at 150 ppi" in line
    assert "200 ppi, 0 % trimmed" in line
    assert len(studio.wire.sent) == 1
    assert found["next_page_number"] == 2
    assert not {"scanned", "held", "not_reached"} & found.keys()


async def test_a_print_of_unknown_pixels_is_not_told(studio: Studio) -> None:
    """No number is made up."""
    studio.wire.on_the_way = Shelf(images_of(1))
    found = await searched(studio, print_size="16x20", print_sizes=True)
    assert not {"prints", "print_ppi", "trimmed_percent"} & found["images"][0].keys()


@pytest.mark.parametrize("mode", MODES)
async def test_a_summary_counts_instead_of_listing(studio: Studio, mode: Mode) -> None:
    """Promise: how many lack a title, are too small for 16x20, expire; in under 1,000 bytes."""
    held = list((await holdings(studio)).values())
    async with studio.client(mode=mode) as client:
        result = await client.call_tool(
            "search_images", {"summary": True, "print_size": "16x20 in"}
        )
    truth = {name: sum(map(wanted, held)) for name, wanted in FILTERS.items()}
    assert said(result)["summary"] == {
        **truth,
        "images": 248,
        "expiring": 0,
        "duplicates": 0,
    }
    assert (said(result)["images"], said(result)["count"]) == ([], 248)
    lines = text_of(result).split("\n")
    asked = "library inventory; print 16x20 in at 150 ppi"
    assert said(result)["asked"] == asked
    assert lines[0] == f"{asked}: 248 images match. Scanned 248 of 248 images in scope."
    assert lines[1:] == [f"{name}: {n}" for name, n in said(result)["summary"].items()]
    assert len(text_of(result).encode()) < 1_000
    assert len(json.dumps(said(result)).encode()) < 1_000


async def test_a_summary_can_be_of_what_the_filters_leave(studio: Studio) -> None:
    """Of those without a title, how many are on sale?"""
    held = (await holdings(studio)).values()
    left = [one for one in held if FILTERS["missing_title"](one) and one.active]
    found = await searched(studio, summary=True, only=["missing_title"], active=True)
    assert found["summary"]["images"] == found["summary"]["missing_title"] == len(left)
    assert found["summary"]["live_in_shop"] == sum(map(FILTERS["live_in_shop"], left))
    assert not {"too_small", "large_enough"} & found["summary"].keys()


async def test_a_summary_without_products_does_not_speak_of_them(studio: Studio) -> None:
    """Not asked is not none."""
    names = {"has_products", "no_products", "live_in_shop", "products_not_told"}
    unasked = await searched(studio, summary=True, list_products=False)
    temporary = await searched(studio, summary=True, library="temporary")
    assert not names & unasked["summary"].keys()
    assert not names & temporary["summary"].keys()


async def test_an_answer_that_did_not_reach_everything_says_so_in_both_forms(
    studio: Studio,
) -> None:
    """Promise: honest about what was not reached."""
    studio.faults.add(Fault(FaultKind.REJECTED, endpoint="list_images", after=2, times=3))
    async with studio.client() as client:
        result = await client.call_tool("search_images", {"summary": True})
    found = said(result)
    assert (found["scanned"], found["held"], found["count"]) == (100, 248, 100)
    assert found["not_reached"].startswith("148 of 248 images were not scanned. ")
    assert text_of(result).split("\n")[:2] == [
        "library inventory: 100 images match. Scanned 100 of 248 images in scope.",
        found["not_reached"],
    ]


async def test_a_library_that_cannot_be_read_at_all_is_an_error(studio: Studio) -> None:
    """Nothing seen is not nothing there."""
    studio.faults.add(Fault(FaultKind.REJECTED, endpoint="list_images"))
    async with studio.client() as client:
        result = await client.call_tool("search_images", {"summary": True})
    assert result.is_error
    assert text_of(result).endswith("(reason: rejected)")


async def test_rows_that_cannot_be_read_are_an_error(studio: Studio) -> None:
    """A match without its row would look like no match."""
    studio.faults.add(Fault(FaultKind.REJECTED, endpoint="list_images", after=5))
    async with studio.client() as client:
        result = await client.call_tool("search_images", {"only": ["missing_title"]})
    assert result.is_error


@pytest.mark.parametrize("mode", MODES)
async def test_progress_tells_how_many_images_were_looked_at(studio: Studio, mode: Mode) -> None:
    """A person sees that it goes on, and hosts keep waiting."""
    told: list[tuple[float, float | None, str | None]] = []

    async def tell(progress: float, total: float | None = None, message: str | None = None) -> None:
        told.append((progress, total, message))

    studio.wire.on_the_way = Shelf(images_of(1_200))
    async with studio.client(mode=mode) as client:
        await client.call_tool("search_images", {"summary": True}, progress_callback=tell)
        await anyio.wait_all_tasks_blocked()
    assert told == [
        (seen, 1_200, f"Scanned {seen:,} of 1,200 images") for seen in range(50, 1_201, 50)
    ]


async def test_a_walk_ends_in_time_and_tells_what_it_found(studio: Studio) -> None:
    """Most hosts give up on a call at 60 seconds."""

    async def slow(_: Sent) -> None:
        studio.clock.forward(2)

    began = studio.clock()
    studio.wire.on_the_way = Shelf(images_of(5_000), before=slow)
    found = await searched(studio, only=["missing_title"])
    assert found["count"] == found["scanned"] < 5_000 == found["held"]
    assert "The call ran out of time. Narrow it" in found["not_reached"]
    assert studio.clock() - began < 45


async def test_images_added_meanwhile_are_found_by_the_next_question(studio: Studio) -> None:
    """The first page is never an old answer."""
    before = await searched(studio, file_name_contains="NEW_0")
    async with studio.client() as client:
        said(await client.call_tool("add_images", {"images": new_images(3)}))
    after = await searched(studio, file_name_contains="NEW_0")
    assert (before["count"], after["count"]) == (0, 3)


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ({"only": ["too_small"]}, "print_size is required for large_enough and too_small"),
        ({"min_ppi": 200}, "print_size is required for large_enough and too_small"),
        ({"min_ppi": 200, "print_size": "16x20"}, "min_ppi alone filters nothing"),
        (
            {"only": ["has_products", "no_products"]},
            "no image is both has_products and no_products",
        ),
        ({"only": ["square", "inactive", "portrait"]}, "no image is both square and portrait"),
        ({"only": ["no_products"], "library": "temporary"}, "temporary images have no products"),
        ({"only": ["inactive"], "active": True}, "active is true but only includes inactive"),
        ({"summary": True, "details": True}, "summary returns no rows"),
        ({"summary": True, "print_sizes": True}, "summary returns no rows"),
        ({"upload_date_from": "2026-02-01", "upload_date_to": "2026-01-01", "summary": True},
         "upload_date_from is after upload_date_to"),
        ({"print_size": "big"}, 'print_size: "big" is not a print size such as 16x20 in or'),
        ({"only": ["untitled"]}, "only[0]: Input should be 'missing_title', "),
        ({"duplicates": "bytes"}, "duplicates: Input should be 'none', 'content' or "),
    ],
)  # fmt: skip
async def test_a_question_that_contradicts_itself_is_refused_with_the_nearest_fix(
    studio: Studio, arguments: dict[str, object], why: str
) -> None:
    """What was meant is not guessed, and nothing is sent."""
    text = await refused(studio, **arguments)
    assert text.startswith(f"search_images was not run: {why}")
    assert "Nothing was sent. " in text
    assert text.endswith("and call it again. (reason: invalid_arguments)")


async def test_the_places_of_a_page_are_those_of_the_matches(studio: Studio) -> None:
    """An image that went leaves its place: rows six to ten are four."""
    wanted = [
        one.guid for one in (await holdings(studio)).values() if FILTERS["missing_title"](one)
    ]
    arguments: dict[str, Any] = {"only": ["missing_title"], "per_page": 5}
    await searched(studio, **arguments)
    text = ImageToUpdate(guid=wanted[6], title="A title", description="")
    await studio.api.update_images(UpdateImagesRequest(images=[text]))
    async with studio.client() as client:
        page = await client.call_tool("search_images", {**arguments, "page_number": 2})
    assert text_of(page).startswith(
        f"Images 6-10 of {len(wanted)}. Scanned 248 of 248 images in scope."
    )


async def test_several_texts_are_one_search_and_each_image_comes_once(studio: Studio) -> None:
    """Promise: up to ten texts, one listing each, joined; what nothing has is named."""
    first, second = "dunes", "before"
    one = await searched(studio, search_filter=first, per_page=50)
    other = await searched(studio, search_filter=second, per_page=50)
    wanted = list(dict.fromkeys(row["guid"] for page in (one, other) for row in page["images"]))
    assert 1 < len(wanted) < one["count"] + other["count"]
    studio.wire.sent.clear()
    found = await searched(studio, search_any=[first, second, "zebra"], per_page=50)
    assert [row["guid"] for row in found["images"]] == wanted
    assert (found["count"], found["scanned"], found["held"]) == (len(wanted),) * 3
    assert found["note"] == 'No image matches "zebra".'
    counts = await searched(studio, search_any=[first, second], summary=True)
    assert counts["summary"]["images"] == len(wanted)
    both = await refused(make_studio(), search_filter="a", search_any=["b"])
    assert "search_filter and search_any" in both


async def test_several_file_names_are_compared_in_one_call(studio: Studio) -> None:
    """Which of these do I have already? A name by itself is one, brackets or not."""
    held = list((await holdings(studio)).values())
    mine = [one.file_name or "" for one in held[:3]]
    found = await searched(studio, file_name_contains=[*mine, "[new].tif"])
    assert {row["file_name"] for row in found["images"]} == set(mine)
    assert found["note"] == 'No image matches "[new].tif".'
    assert (await searched(studio, file_name_contains="[new].tif"))["count"] == 0
    assert (await searched(studio, file_name_contains=mine[0]))["count"] >= 1


@pytest.mark.parametrize("more", [{}, {"only": ["landscape"]}, {"summary": True}], ids=repr)
async def test_a_guid_that_is_not_there_is_named_with_its_library(
    studio: Studio, more: dict[str, Any]
) -> None:
    """Promise: no guid that was asked for is left out without a word."""
    here = next(iter(await holdings(studio)))
    there = next(iter(await holdings(studio, "temporary")))
    found = await searched(studio, guid_filter=[here, there, NOBODY], **more)
    assert found["note"] == (
        f"Not in the inventory library but in temporary: {there}. In neither library: {NOBODY}."
    )
    assert "note" not in await searched(studio, guid_filter=[here], **more)
    left_out = await searched(studio, guid_filter=[here], search_filter="no such words", **more)
    assert "note" not in left_out


async def test_a_search_for_guids_goes_on_when_they_cannot_be_looked_up(studio: Studio) -> None:
    """What was found is given; that more was asked for is said."""
    here = next(iter(await holdings(studio)))
    studio.wire.sent.clear()
    studio.faults.add(Fault(FaultKind.SERVER_ERROR, endpoint="list_images", after=1, times=9))
    found = await searched(studio, guid_filter=[here, NOBODY])
    assert [row["guid"] for row in found["images"]] == [here]
    assert "could not be looked up" in found["note"]


async def test_a_print_that_would_lose_half_the_picture_does_not_fit(studio: Studio) -> None:
    """Promise: `max_trim_percent` filters, narrows large_enough, and is counted by."""
    size = PrintSize(10, 10)
    held = (await holdings(studio)).values()
    sides = {one.guid: (one.pix_w or 0, one.pix_h or 0) for one in held}
    within = [guid for guid, (w, h) in sides.items() if size.trimmed(w, h) <= 20]
    large = [guid for guid in within if size.ppi(*sides[guid]) >= 150]
    assert 0 < len(large) < len(sides) - 1
    print_: dict[str, Any] = {"print_size": "10x10", "max_trim_percent": 20, "per_page": 50}
    alone = await searched(studio, **print_)
    assert (alone["count"], [row["guid"] for row in alone["images"]]) == (len(within), within[:50])
    assert all(row["trimmed_percent"] <= 20 for row in alone["images"])
    assert (await searched(studio, **print_, only=["large_enough"]))["count"] == len(large)
    told = (await searched(studio, **print_, summary=True))["summary"]
    assert told["large_enough"] == len(large)
    assert (told["images"], told["trimmed_too_much"]) == (len(sides), len(sides) - len(within))
    assert "print_size" in await refused(make_studio(), max_trim_percent=20)


@pytest.mark.parametrize("by", ["month", "quarter"])
async def test_a_summary_counts_by_month_or_quarter(studio: Studio, by: str) -> None:
    """Promise: what was added when, oldest first, in one call."""
    wanted: dict[str, int] = {}
    for one in sorted((await holdings(studio)).values(), key=lambda one: str(one.date_added)):
        day = one.date_added
        assert day is not None
        name = f"{day:%Y-%m}" if by == "month" else f"{day.year}-Q{-(-day.month // 3)}"
        wanted[name] = wanted.get(name, 0) + 1
    found = await searched(studio, summary_by=by)
    told = {name: count for name, count in found["summary"].items() if name[0] == "2"}
    assert list(told.items()) == list(wanted.items())
    assert sum(told.values()) == found["summary"]["images"]


async def test_images_of_unknown_or_of_very_many_dates_are_counted_too(studio: Studio) -> None:
    """A library of odd dates outgrows no result."""
    images = images_of(400)
    for number, one in enumerate(images[1:]):
        one["date_added"] = f"{1900 + number // 12}-{number % 12 + 1:02}-15T12:00:00"
    studio.wire.on_the_way = Shelf(images)
    told = (await searched(studio, summary_by="month"))["summary"]
    assert (told["date_not_told"], told["earlier"]) == (1, 399 - 120)
    assert sum(name[0] in "12" for name in told) == 120


async def test_a_summary_says_back_what_was_asked(studio: Studio) -> None:
    """A number without its question is read as the answer to another one."""
    asked: dict[str, Any] = {
        "library": "inventory",
        "search_filter": "fog",
        "active": True,
        "only": ["landscape"],
        "upload_date_from": "2024-01-01",
        "print_size": "16x20 in",
        "max_trim_percent": 20,
    }
    found = await searched(studio, summary=True, **asked)
    assert found["asked"].startswith(
        'library inventory; search_filter "fog"; added from 2024-01-01'
    )
    assert found["asked"].endswith(
        "active true; only landscape; print 16x20 in at 150 ppi; trimmed at most 20 %"
    )


def test_the_titles_that_are_untidy_are_these() -> None:
    """And those that are not: a name of a place, a year, a word in small letters."""
    untidy = ("DUNES", "Fog final v2", "Fog  at dawn", " Fog", "IMG_2048", "Fog.tif", "Fog (2)",
              "harbor2048", "fog-at-dawn", "Fog copy", "DSC 0042", "Fog - draft")  # fmt: skip
    tidy = ("", "Fog at dawn", "1984", "Route 66", "V2 Rocket", "The Final Act", "fog", "E",
            "Café, 1998", "Jack-in-the-Box", "Copy of a Dream", "Dr. No")  # fmt: skip
    now = datetime.now(UTC)
    question = Question(only=("untidy_title",))
    for title in (*untidy, *tidy):
        is_untidy_here = question.matches(ImageDetails(guid=NOBODY, title=title), now)
        assert is_untidy_here is is_untidy(title) is (title in untidy), title
