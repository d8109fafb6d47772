"""`audit_library` and `check_print_sizes`, played: counts first, then lists of what is wanted."""

import json

import pytest

from tests.prompts.assistant import Assistant, assert_played, assistant
from tests.prompts.judging import (
    expiring,
    found,
    in_shops,
    inactive,
    prints_at,
    rambling,
    those,
    undescribed,
    untitled,
)
from tests.support.products import first_of
from tests.support.studio import Mode, Studio
from tests.support.truth import holdings

pytestmark = pytest.mark.anyio

MODES = first_of("auto", "legacy")
WORDS = "Alpenglow"
SIZE = "16x20 in"
SIDES_IN = (16.0, 20.0)


async def audit(studio: Studio, mode: Mode = "auto", *, looking: bool = False) -> Assistant:
    """Count the library and a series, list two of the findings, and maybe look at one."""
    async with studio.client(mode=mode) as client:
        one = await assistant(client, "audit_library", print_size=SIZE, focus=WORDS)
        call = {"library": "inventory", "print_size": SIZE}
        await one.call("search_images", **call, summary=True)
        await one.call("search_images", **call, summary=True, search_filter=WORDS)
        await one.call("search_products", summary=True)
        listed = await one.call("search_images", **call, only=["missing_title"], per_page=12)
        await one.call("search_images", **call, only=["missing_title", "live_in_shop"])
        await one.call("search_images", **call, duplicates="content")
        await one.call("search_products", only=["no_price"])
        if looking:
            (sheet,) = await one.look([row["guid"] for row in listed["images"]], contact_sheet=True)
            assert all(row["guid"] in sheet.caption for row in listed["images"])
    return one


async def check_all(studio: Studio) -> Assistant:
    """How large can everything be printed?"""
    async with studio.client() as client:
        one = await assistant(client, "check_print_sizes", search_filter=WORDS)
        await one.call(
            "search_images",
            library="inventory",
            print_sizes=True,
            per_page=50,
            search_filter=WORDS,
        )
    return one


async def check_one(studio: Studio, min_ppi: int) -> Assistant:
    """Which images are good enough for one size?"""
    async with studio.client() as client:
        one = await assistant(
            client, "check_print_sizes", print_size=SIZE, min_ppi=str(min_ppi), search_filter=WORDS
        )
        call = {
            "library": "inventory",
            "print_size": SIZE,
            "min_ppi": min_ppi,
            "search_filter": WORDS,
        }
        await one.call("search_images", **call, summary=True)
        enough = await one.call("search_images", **call, only=["large_enough"])
        await one.call("search_images", **call, only=["too_small"])
        trimmed = [row["guid"] for row in enough["images"] if row["trimmed_percent"] > 5]
        await one.look(trimmed[:12])
    return one


@pytest.mark.large_library
@pytest.mark.parametrize("mode", MODES)
async def test_an_audit_counts_what_the_library_holds(studio: Studio, mode: Mode) -> None:
    """One small answer, and each count in it is the truth."""
    counts = (await audit(studio, mode)).said[0]
    held = await holdings(studio)
    ppi = [prints_at(image, SIDES_IN) for image in held.values()]
    assert counts["images"] == []
    assert len(json.dumps(counts)) < 1_000
    assert (counts["scanned"], counts["held"], "not_reached" in counts) == (248, 248, False)
    told = {
        "missing_title": len(those(held, untitled)),
        "missing_description": len(those(held, undescribed)),
        "long_description": len(those(held, rambling)),
        "live_in_shop": len(those(held, in_shops)),
        "inactive": len(those(held, inactive)),
        "expiring": 0,
        "duplicates": 0,
        "too_small": sum(one < 150 for one in ppi),
        "large_enough": sum(one >= 150 for one in ppi),
    }
    assert {name: counts["summary"].get(name, 0) for name in told} == told


async def test_an_audit_of_a_series_counts_that_series(studio: Studio) -> None:
    """The focus narrows the same question."""
    counts = (await audit(studio)).said[1]
    held = await found(studio, WORDS)
    assert counts["held"] == len(held)
    assert counts["summary"].get("missing_title", 0) == len(those(held, untitled))


async def test_an_audit_lists_only_what_is_wanted(studio: Studio) -> None:
    """Titles whose writing would cost products in a shop; nothing was written on the way."""
    played = await audit(studio)
    held = await holdings(studio)
    _, _, sold, untitled_rows, at_stake, doubles, unpriced = played.said
    assert unpriced["count"] == sold["summary"]["no_price"] == len(unpriced["products"]) > 0
    assert untitled_rows["count"] == len(those(held, untitled))
    assert {row["guid"] for row in untitled_rows["images"]} <= those(held, untitled)
    assert {row["guid"] for row in at_stake["images"]} == (
        those(held, untitled) & those(held, in_shops)
    )
    assert doubles["images"] == []
    assert studio.wire.writes == []


async def test_an_audit_of_temporary_images_says_how_many_expire(studio: Studio) -> None:
    """Within seven days, of those that this session may see."""
    async with studio.client() as client:
        one = await assistant(client, "audit_library", library="temporary")
        counts = await one.call("search_images", library="temporary", summary=True)
    held = await holdings(studio, "temporary")
    assert counts["summary"]["expiring"] == len(those(held, expiring)) > 0


@pytest.mark.large_library
@pytest.mark.parametrize("min_ppi", [150, 200])
async def test_a_size_check_tells_large_enough_from_too_small(studio: Studio, min_ppi: int) -> None:
    """Counted, then listed with the resolution that each print gets."""
    counts, enough, small = (await check_one(studio, min_ppi)).said
    held = await found(studio, WORDS)
    ppi = {guid: prints_at(image, SIDES_IN) for guid, image in held.items()}
    large = {guid for guid, one in ppi.items() if one >= min_ppi}
    assert counts["summary"]["large_enough"] == len(large) > 0
    assert counts["summary"]["too_small"] == len(held) - len(large) > 0
    listed = {row["guid"]: row["print_ppi"] for row in [*enough["images"], *small["images"]]}
    assert listed == ppi
    assert {row["guid"] for row in enough["images"]} == large


@pytest.mark.large_library
async def test_a_size_check_without_a_size_gives_the_largest_prints(studio: Studio) -> None:
    """At 300, 200 and 150 pixels an inch, for each image that was found."""
    (answer,) = (await check_all(studio)).said
    held = await found(studio, WORDS)
    assert {row["guid"] for row in answer["images"]} == set(held)
    row = next(row for row in answer["images"] if (row["pix_w"], row["pix_h"]) == (6000, 4000))
    assert row["prints"] == {"300": "20x13 in", "200": "30x20 in", "150": "40x26.5 in"}


async def test_all_that_the_reading_prompts_name_is_played(studio: Studio) -> None:
    """Each tool, argument and value in their steps; and nothing was written."""
    assert_played(await audit(studio, looking=True))
    assert_played(await check_one(studio, 200), await check_all(studio))
    assert studio.wire.writes == []
