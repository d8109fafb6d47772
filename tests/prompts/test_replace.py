"""`replace_picture`, played: the corrected file gets the old text, and the old image goes last."""

from pathlib import Path

import pytest

from fw_mcp.api.models import DESCRIPTION_LIMIT, ImageDetails
from tests.prompts.assistant import Assistant, assert_played, assistant
from tests.prompts.judging import in_shops, those
from tests.support.studio import Studio, make_studio
from tests.support.truth import holdings
from tests.support.uploading import Shelf, picture

pytestmark = pytest.mark.anyio

PROMPT = "replace_picture"


def in_shops_with_text(image: ImageDetails) -> bool:
    """Live in a shop, and described in as many characters as FinerWorks takes."""
    return in_shops(image) and 0 < len(image.description or "") <= DESCRIPTION_LIMIT


async def replace(folder: Path, *, deletes: bool) -> tuple[Studio, str, Assistant]:
    """A seller with a better scan of an image that is live in a shop, and a client that cannot ask.

    Who wants the old image deleted names it by its guid, which is given here too; others by words.
    """
    studio = make_studio(shelf=Shelf(), folders=[folder])
    held = await holdings(studio)
    old = min(those(held, in_shops_with_text))
    file = str(picture(folder, "rescan.png"))
    async with studio.client() as client:
        one = await assistant(client, PROMPT, image=old, file=file)
        call = {"library": "inventory"}
        named = {"guid_filter": [old]} if deletes else {"search_filter": held[old].description}
        found = await one.call("search_images", **call, **named, details=["description"])
        await one.call("search_products", guid_filter=[old])
        await one.look([old])
        records = zip(found["images"], found["records"], strict=True)
        row, record = next(pair for pair in records if pair[0]["guid"] == old)
        text = {"title": row["title"], "description": record["description"]}
        new = {**call, "images": [{"file": file, **text}]}
        await one.call("add_images", **new, dry_run=True)
        assert studio.wire.writes == []
        asked = await one.call("add_images", **new)
        await one.call("add_images", **new, plan_id=asked["plan_id"])
        if deletes:
            doomed = {**call, "guids": [old]}
            asked = await one.call("delete_images", **doomed)
            await one.call("delete_images", **doomed, plan_id=asked["plan_id"])
    return studio, old, one


async def test_the_new_image_has_the_text_of_the_old_one_which_stays(tmp_path: Path) -> None:
    """Nobody said that it may go; its products are named first."""
    studio, old, played = await replace(tmp_path / "scans", deletes=False)
    held = await holdings(studio)
    (new,) = (one for one in held.values() if one.file_name == "rescan.png")
    assert (new.title, new.description) == (held[old].title, held[old].description)
    sold = {product.sku for product in held[old].products or ()}
    assert {row["sku"] for row in played.said[1]["products"]} == sold
    assert sold


async def test_the_old_image_goes_after_the_question_that_names_its_products(
    tmp_path: Path,
) -> None:
    """And the new one stays."""
    studio, old, played = await replace(tmp_path / "scans", deletes=True)
    *_, asked, deleted = played.said
    assert asked["status"] == "confirmation_required"
    assert "product" in asked["question"]
    assert deleted["outcomes"] == {"deleted": 1}
    held = await holdings(studio)
    assert old not in held
    assert [one for one in held.values() if one.file_name == "rescan.png"]


async def test_all_that_the_prompt_names_is_played_but_what_urls_need(tmp_path: Path) -> None:
    """Each tool, argument and value in its steps."""
    sessions = [(await replace(tmp_path / "scans", deletes=one))[2] for one in (True, False)]
    assert_played(*sessions)
