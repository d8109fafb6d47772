"""`tidy_up` and `review_before_delete`, played: look first, delete what was picked and no more."""

from collections.abc import Sequence
from typing import Any

import pytest
from mcp.types import ElicitResult

from tests.prompts.assistant import Assistant, assert_played, assistant
from tests.prompts.judging import (
    copied,
    expiring,
    found,
    inactive,
    product_skus,
    remove_all_but,
    those,
    unsold,
)
from tests.support.products import first_of
from tests.support.studio import NO, YES, Mode, Studio
from tests.support.truth import holdings

pytestmark = pytest.mark.anyio

MODES = first_of("auto", "legacy")
WORDS = "Moonrise"
_KEPT = 40


async def doubled(studio: Studio) -> tuple[str, str]:
    """A small library with a file that is in it twice: once with products, and once without."""
    kept = list((await holdings(studio)).values())[:_KEPT]
    await remove_all_but(studio, kept)
    image = next(image for image in kept if image.products)
    return image.guid, await copied(studio, image, title="The same again")


async def tidy(studio: Studio, mode: Mode = "auto") -> Assistant:
    """A seller who lets all be found, compares, and picks the copy without products."""
    async with studio.client(mode=mode) as client:
        one = await assistant(client, "tidy_up")
        call = {"library": "inventory"}
        doubles = await one.call("search_images", **call, duplicates="content")
        await one.call("search_images", **call, duplicates="likeness")
        await one.call("search_images", **call, only=["inactive"])
        await one.call("search_images", library="temporary", only=["expiring"])
        await one.look([row["guid"] for row in doubles["images"]])
        hung = [row["guid"] for row in doubles["images"] if row["products"]]
        await one.call("search_products", guid_filter=hung)
        picked = [row["guid"] for row in doubles["images"] if not row["products"]]
        await delete_in_two_steps(one, studio, picked, trial=True)
    return one


async def review(studio: Studio, mode: Mode = "auto") -> Assistant:
    """A seller who sees what would go, and deletes all but what carries products."""
    async with studio.client(mode=mode) as client:
        one = await assistant(client, "review_before_delete", images=WORDS)
        call = {"library": "inventory", "list_products": True}
        answer = await one.call("search_images", **call, search_filter=WORDS)
        guids = [row["guid"] for row in answer["images"]]
        await one.call("search_images", **call, guid_filter=guids)
        await one.look(guids, contact_sheet=True)
        hung = [row["guid"] for row in answer["images"] if row["products"]]
        await one.call("search_products", guid_filter=hung)
        await one.call("delete_images", guids=guids, library="inventory", dry_run=True)
        await one.call("search_images", library="inventory", duplicates="content")
        picked = [row["guid"] for row in answer["images"] if not row["products"]]
        await delete_in_two_steps(one, studio, picked, trial=False)
    return one


async def delete_in_two_steps(
    one: Assistant, studio: Studio, guids: Sequence[str], *, trial: bool
) -> None:
    """The end of both prompts, where the client cannot ask by itself and the person says yes."""
    call: dict[str, Any] = {"guids": list(guids), "library": "inventory"}
    if trial:
        await one.call("delete_images", **call, dry_run=True)
    earlier = list(studio.wire.writes)
    asked = await one.call("delete_images", **call)
    assert studio.wire.writes == earlier
    await one.call("delete_images", **call, plan_id=asked["plan_id"])


@pytest.mark.parametrize("mode", MODES)
async def test_tidying_deletes_the_picked_copy_and_nothing_else(studio: Studio, mode: Mode) -> None:
    """The one with products stays, and every product hangs where it hung."""
    kept, copy = await doubled(studio)
    before = await holdings(studio)
    done = (await tidy(studio, mode)).said[-1]
    after = await holdings(studio)
    assert done["outcomes"] == {"deleted": 1}
    assert set(before) - set(after) == {copy}
    assert kept in after
    assert product_skus(after) == {guid: product_skus(before)[guid] for guid in after}


async def test_tidying_finds_what_the_library_holds(studio: Studio) -> None:
    """Doubles by facts and by looks in one group, inactive images, and those about to expire."""
    pair = set(await doubled(studio))
    before, temporary = await holdings(studio), await holdings(studio, "temporary")
    doubles, alike, off, soon, *_ = (await tidy(studio)).said
    assert {row["guid"] for row in doubles["images"]} == pair
    assert len({row["duplicate_group"] for row in doubles["images"]}) == 1
    assert pair <= {row["guid"] for row in alike["images"]}
    assert off["count"] == len(those(before, inactive))
    assert {row["guid"] for row in soon["images"]} == those(temporary, expiring)


@pytest.mark.parametrize("mode", MODES)
async def test_a_review_deletes_only_what_the_person_names(studio: Studio, mode: Mode) -> None:
    """The trial told of every product; those images were left alone."""
    series = await found(studio, WORDS)
    before = await holdings(studio)
    played = await review(studio, mode)
    _, _, sold, trial, *_, done = played.said
    told = {
        row["guid"]: sorted(product["sku"] for product in row["products_at_risk"])
        for row in trial["images"]
        if row.get("products_at_risk")
    }
    assert told == {guid: skus for guid, skus in product_skus(series).items() if skus} != {}
    assert {one["sku"] for one in sold["products"]} == {
        sku for skus in told.values() for sku in skus
    }
    assert set(before) - set(await holdings(studio)) == those(series, unsold)
    assert done["outcomes"] == {"deleted": len(those(series, unsold))}


@pytest.mark.parametrize(("answer", "status"), [(NO, "declined"), (YES, "completed")])
async def test_where_the_server_asks_by_itself_the_answer_is_the_persons(
    studio: Studio, answer: ElicitResult, status: str
) -> None:
    """A no leaves everything; a yes takes what the question named."""
    person = studio.person(answer)
    guids = list(await found(studio, WORDS))
    before = await holdings(studio)
    async with studio.client(person=person) as client:
        one = await assistant(client, "review_before_delete", images=WORDS)
        done = await one.call("delete_images", guids=guids, library="inventory")
    assert (done["status"], len(person.asked)) == (status, 1)
    gone = set(before) - set(await holdings(studio))
    assert gone == (set(guids) if status == "completed" else set())


async def test_all_that_the_prompts_name_is_played(studio: Studio) -> None:
    """Each tool, argument and value in their steps."""
    assert_played(await review(studio))
    await doubled(studio)
    assert_played(await tidy(studio))
