"""`write_titles_and_descriptions`, played: look in batches, show the diff, save after a yes."""

from collections.abc import Iterable, Mapping
from typing import Any

import pytest

from tests.prompts.assistant import Assistant, assert_played, assistant
from tests.prompts.judging import (
    found,
    in_shops,
    product_skus,
    rambling,
    texts,
    those,
    undescribed,
    unsold,
    untitled,
)
from tests.support.products import first_of
from tests.support.studio import Mode, Studio
from tests.support.truth import holdings

pytestmark = pytest.mark.anyio

MODES = first_of("auto", "legacy")
PROMPT = "write_titles_and_descriptions"
TOOL = "update_image_metadata"
LIMIT = 18
WEAK = ("missing_title", "missing_description", "long_description")
SEEN = "What the picture shows, in words of its own, number {}."


async def candidates(one: Assistant) -> list[str]:
    """Steps 1 and 2: what lacks text, without what carries products, each once."""
    guids: dict[str, None] = {}
    for name in WEAK:
        call = {"library": "inventory", "only": [name]}
        answer = await one.call("search_images", **call)
        guids |= without_products(answer)
        while len(guids) < LIMIT and (number := answer.get("next_page_number")):
            answer = await one.call("search_images", **call, page_number=number)
            guids |= without_products(answer)
    return list(guids)


def without_products(answer: Mapping[str, Any]) -> dict[str, None]:
    """The guids of a listing on which no products hang."""
    return {row["guid"]: None for row in answer["images"] if not row["products"]}


async def written(one: Assistant, guids: list[str]) -> list[dict[str, str]]:
    """Steps 3 to 8: read the old text, look at each picture, and write."""
    asked = {"guid_filter": guids, "details": ["description"], "per_page": 50}
    old = await one.call("search_images", **asked)
    pairs = zip(old["images"], old["records"], strict=True)
    records = {row["guid"]: {**row, **record} for row, record in pairs}
    seen = await one.look(guids)
    assert [picture.caption.split()[0] for picture in seen] == guids
    return [text(records[guid], number) for number, guid in enumerate(guids, start=1)]


def text(record: Mapping[str, Any], number: int) -> dict[str, str]:
    """New text where the old is weak; good old text stays."""
    title, described = record.get("title") or "", record.get("description") or ""
    weak = title in ("", record["file_name"])
    good = 0 < len(described) <= 300
    return {
        "guid": record["guid"],
        "title": f"Study of light {number}" if weak else title,
        "description": described if good else SEEN.format(number),
    }


def told(images: Iterable[Mapping[str, str]]) -> dict[str, tuple[str, str]]:
    """What was agreed to, by guid."""
    return {image["guid"]: (image["title"], image["description"]) for image in images}


async def retitle(studio: Studio, mode: Mode = "auto") -> Assistant:
    """A seller who lets the weak texts be found, agrees, and then wants the old text back."""
    before = await holdings(studio)
    async with studio.client(mode=mode) as client:
        one = await assistant(client, PROMPT, limit=str(LIMIT))
        offered = await candidates(one)
        sheet = await one.look(offered[:12], contact_sheet=True)
        assert len(offered) > LIMIT
        assert len(sheet) == 1
        images = await written(one, offered[:LIMIT])
        shown = await one.call(TOOL, images=images, dry_run=True)
        assert studio.wire.writes == []
        assert_is_the_diff(shown, before, images)
        done = await one.call(TOOL, images=images)
        after = await holdings(studio)
        earlier = await one.call("list_changes")
        assert earlier["changes"][0]["change_id"] == done["change_id"]
        await one.call("undo_change", change_id=earlier["changes"][0]["change_id"])
    assert texts(after) == {**texts(before), **told(images)}
    assert product_skus(after) == product_skus(before)
    return one


async def retitle_one_with_products(studio: Studio) -> Assistant:
    """A seller who names a series, and one image in it whose products may go."""
    earlier = list(studio.wire.writes)
    async with studio.client() as client:
        one = await assistant(client, PROMPT, search_filter="Alpenglow", style="short")
        answer = await one.call(
            "search_images", library="inventory", search_filter="Alpenglow", per_page=50
        )
        picked = next(row["guid"] for row in answer["images"] if row.get("shops"))
        images = [{**image, "title": "Last light"} for image in await written(one, [picked])]
        await one.call(TOOL, images=images, dry_run=True)
        asked = await one.call(TOOL, images=images)
        assert studio.wire.writes == earlier
        await one.call(TOOL, images=images, plan_id=asked["plan_id"])
    return one


def assert_is_the_diff(
    shown: Mapping[str, Any], before: Mapping[str, Any], images: Iterable[Mapping[str, str]]
) -> None:
    """A trial run says what is stored and what would be, for each field that changes."""
    rows = {row["guid"]: row for row in shown["images"]}
    for image in images:
        stored = before[image["guid"]]
        for name in ("title", "description"):
            old, new = getattr(stored, name) or "", image[name]
            diff = rows[image["guid"]].get(f"{name}_change")
            assert (diff and diff["after"]) == (None if old == new else new)
            assert diff is None or old.startswith(diff["before"].rstrip("…"))


@pytest.mark.large_library
@pytest.mark.parametrize("mode", MODES)
async def test_weak_texts_are_found_looked_at_and_rewritten(studio: Studio, mode: Mode) -> None:
    """What was agreed to is what the service holds; nothing was sent for what carries products."""
    before = await holdings(studio)
    played = await retitle(studio, mode)
    listed = {row["guid"] for answer in played.said[:4] for row in answer["images"]}
    weak = those(before, lambda one: untitled(one) or undescribed(one) or rambling(one))
    assert listed <= weak
    sizes = [len(call["guids"]) for tool, call in played.calls if tool == "view_images"]
    assert sizes == [12, 12, LIMIT - 12]
    *_, done, _, undone = played.said
    assert done["outcomes"] == {"updated": LIMIT}
    assert undone["status"] == "completed"
    assert texts(await holdings(studio)) == texts(before)
    sent = {image["guid"] for body in studio.wire.to("update_images") for image in body["images"]}
    assert sent <= those(before, unsold)
    assert len(sent) == LIMIT


@pytest.mark.large_library
async def test_one_with_products_is_rewritten_only_after_the_question(studio: Studio) -> None:
    """The person picked it by name, saw the question, and its products went as it said."""
    before = await found(studio, "Alpenglow")
    played = await retitle_one_with_products(studio)
    (picked,) = played.calls[-1][1]["images"]
    assert picked["guid"] in those(before, in_shops)
    trial, asked, done = played.said[-3:]
    at_risk = {product["sku"] for product in trial["images"][0]["products_at_risk"]}
    assert at_risk == {product.sku for product in before[picked["guid"]].products or ()}
    assert all(
        shop in asked["question"] for shop in trial["images"][0]["products_at_risk"][0]["shops"]
    )
    assert done["outcomes"] == {"updated": 1}
    after = (await holdings(studio))[picked["guid"]]
    assert (after.title, after.products) == ("Last light", ())


@pytest.mark.large_library
async def test_all_that_the_prompt_names_is_played(studio: Studio) -> None:
    """Each tool, argument and value in its steps."""
    assert_played(await retitle(studio), await retitle_one_with_products(studio))
