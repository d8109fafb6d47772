"""`prepare_print_order`, played: large enough, looked at, then the whole set in a selection."""

from typing import Any

import pytest

from tests.prompts.assistant import Assistant, assert_played, assistant
from tests.prompts.judging import found, prints_at, stored_guids
from tests.support.products import first_of
from tests.support.studio import Mode, Studio
from tests.support.truth import stored_in

pytestmark = pytest.mark.anyio

MODES = first_of("auto", "legacy")
PROMPT = "prepare_print_order"
WORDS = "Light"
SIZE = "40x60 cm"
SIDES_IN = (40 / 2.54, 60 / 2.54)
MIN_PPI = 150


async def order(studio: Studio, mode: Mode = "auto", *, looking: bool = False) -> Assistant:
    """A seller who names a subject and a size, and takes all that are large enough."""
    async with studio.client(mode=mode) as client:
        one = await assistant(client, PROMPT, images=WORDS, print_size=SIZE, min_ppi=str(MIN_PPI))
        call = {
            "library": "inventory",
            "search_filter": WORDS,
            "print_size": SIZE,
        }
        rows = await every_page(one, **call)
        guids = [row["guid"] for row in rows if row["print_ppi"] >= MIN_PPI]
        if looking:
            (sheet,) = await one.look(guids[:12], contact_sheet=True)
            assert all(guid in sheet.caption for guid in guids[:12])
        assert studio.wire.writes == []
        await one.call("set_selection", guids=guids)
    return one


async def every_page(one: Assistant, **arguments: object) -> list[dict[str, Any]]:
    """The rows of a search, page after page."""
    answer = await one.call("search_images", **arguments)
    rows: list[dict[str, Any]] = answer["images"]
    while number := answer.get("next_page_number"):
        answer = await one.call("search_images", **arguments, page_number=number)
        rows += answer["images"]
    return rows


async def order_more(studio: Studio, selection_guid: str, guid: str, *, out: str) -> Assistant:
    """A seller who puts one more image, named by its guid, into a selection, and takes one out."""
    async with studio.client() as client:
        one = await assistant(client, PROMPT, images=guid, selection_guid=selection_guid)
        answer = await one.call(
            "search_images", library="inventory", guid_filter=[guid], print_sizes=True
        )
        assert answer["images"][0]["prints"]
        await one.call("search_products", guid_filter=[guid])
        held = await one.call("search_images", selection_guid=selection_guid)
        assert out in {row["guid"] for row in held["images"]}
        await one.call("set_selection", selection_guid=selection_guid, add=[guid], remove=[out])
    return one


async def large_enough(studio: Studio) -> set[str]:
    """The images of the subject that the size can be printed from: the judge's word."""
    held = await found(studio, WORDS)
    return {guid for guid, image in held.items() if prints_at(image, SIDES_IN) >= MIN_PPI}


@pytest.mark.large_library
@pytest.mark.parametrize("mode", MODES)
async def test_a_selection_holds_exactly_what_is_large_enough(studio: Studio, mode: Mode) -> None:
    """As read back, and as the service holds it."""
    played = await order(studio, mode)
    *answers, chosen = played.said
    rows = {row["guid"]: row for answer in answers for row in answer["images"]}
    held, large = await found(studio, WORDS), await large_enough(studio)
    assert 25 < len(large) < len(held)
    assert set(stored_in(chosen)) == large
    assert set(await stored_guids(studio, chosen["selection_guid"])) == large
    assert {guid: row["print_ppi"] for guid, row in rows.items()} == {
        guid: prints_at(image, SIDES_IN) for guid, image in held.items()
    }
    assert all("trimmed_percent" in row for row in rows.values())


async def test_one_more_image_leaves_the_others_in_the_selection(studio: Studio) -> None:
    """Only what comes and what goes is said."""
    first = (await order(studio)).said[-1]
    (guid, *_) = await found(studio, "Star Trails")
    out, *kept = stored_in(first)
    await order_more(studio, first["selection_guid"], guid, out=out)
    held = await stored_guids(studio, first["selection_guid"])
    assert set(held) == {*kept, guid}


async def test_an_order_touches_no_image(studio: Studio) -> None:
    """One request that could change anything, and it stores a selection."""
    await order(studio)
    assert [sent.endpoint for sent in studio.wire.writes] == ["update_file_selection"]


@pytest.mark.large_library
async def test_all_that_the_prompt_names_is_played(studio: Studio) -> None:
    """Each tool, argument, value and resource in its steps."""
    first = await order(studio, looking=True)
    (guid, *_) = await found(studio, "Star Trails")
    key, (out, *_) = first.said[-1]["selection_guid"], stored_in(first.said[-1])
    assert_played(first, await order_more(studio, key, guid, out=out))
