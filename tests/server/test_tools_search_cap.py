"""`search_images` never gives more than a host takes, and its pages leave nothing out."""

import json
import random
from typing import Any

import pytest

from tests.images.racks import product
from tests.images.shelf import Shelf, guid_of
from tests.support.products import first_of
from tests.support.studio import make_studio, said, text_of

pytestmark = pytest.mark.anyio

MOST = 24_000
LETTERS = ("x", '"\\', "\u202e", "雾", "😀")
SHOPS = ("etsy", "wix", "shopify", "square", "squarespace", "bigcommerce", "woocommerce")
DETAILS = (None, ["description"], ["file", "urls"], ["products"], ["all"], True)


def sizes(result: Any) -> tuple[int, int]:  # noqa: ANN401  a result
    """Characters of the text and of the JSON."""
    return len(text_of(result)), len(json.dumps(said(result), ensure_ascii=False))


def odd_library(dice: random.Random, count: int) -> Shelf:
    """Images with long texts of one kind of letter, and twenty products each."""
    letter = dice.choice(LETTERS)
    live = {f"{shop}_product_id": 5 for shop in SHOPS}
    images: list[dict[str, object]] = []
    for number in range(count):
        text = letter * dice.choice([1, 1_000])
        own = {"name": f"{text} {number}", "sku": text, "description_short": text}
        hung = [product(one, **own, third_party_integrations=live) for one in range(20)]
        url = f"https://files.example/{text[:400]}"
        images.append(
            {
                "guid": guid_of(number),
                "title": f"{number} {text}",
                "description": text,
                "file_name": text,
                "file_size": 1,
                "thumbnail_file_name": text,
                "preview_file_name": text,
                "hires_file_name": text,
                "public_thumbnail_uri": url,
                "public_preview_uri": url,
                "private_hires_uri": url,
                "personal_gallery_title": text,
                "members_gallery_category": text,
                "pix_w": dice.choice([None, 30, 6_000]),
                "pix_h": 4_000,
                "active": dice.choice([True, False]),
                "products": hung,
            }
        )
    return Shelf(images)


@pytest.mark.parametrize("seed", first_of(*range(40), first=3))
async def test_a_result_fits_a_host_and_its_pages_leave_nothing_out(seed: int) -> None:
    """Promise: at most 24,000 characters, text and JSON alike, cut at a row with the way on."""
    dice = random.Random(seed)  # noqa: S311  dice, not secrets
    count = dice.choice([1, 27, 60])
    studio = make_studio(per_series=1, show_hires=dice.choice([True, False]))
    studio.wire.on_the_way = odd_library(dice, count)
    asked = {
        "details": DETAILS[seed % len(DETAILS)],
        **dice.choice([{}, {"only": ["has_products"]}, {"print_sizes": True}]),
        **dice.choice([{}, {"print_size": "16x20 in"}]),
    }
    way: dict[str, Any] = {"per_page": dice.choice([25, 47, 50]), "page_number": 1}
    seen: list[str] = []
    async with studio.client() as client:
        while True:
            result = await client.call_tool("search_images", {**way, **asked})
            assert max(sizes(result)) <= MOST
            page = said(result)
            guids = [row["guid"] for row in page["images"]]
            if asked["details"]:
                assert [record["guid"] for record in page["records"]] == guids
            seen += guids
            if "next_page_number" not in page:
                break
            is_cut = "of this page did not fit in one result" in text_of(result)
            assert is_cut is (len(guids) < way["per_page"])
            way = {
                "per_page": page.get("next_per_page", way["per_page"]),
                "page_number": page["next_page_number"],
            }
            assert f"Next: page_number {way['page_number']}" in text_of(result)
    assert seen == [guid_of(number) for number in range(count)]


@pytest.mark.parametrize(
    "asked",
    first_of(
        {"details": True, "per_page": 50},
        {"summary": True, "print_size": "16x20 in"},
        {"only": ["live_in_shop"], "details": ["products"], "per_page": 50},
        {"duplicates": "content", "details": True, "per_page": 50},
        {"guid_filter": [guid_of(number) for number in range(50)], "details": ["products"]},
        first=2,
    ),
)
async def test_a_library_of_500_long_images_gives_no_long_result(asked: dict[str, object]) -> None:
    """Titles of 1,000 characters and 20 products each, in every way of asking."""
    studio = make_studio(per_series=1)
    studio.wire.on_the_way = odd_library(random.Random(9), 500)  # noqa: S311  dice, not secrets
    async with studio.client() as client:
        result = await client.call_tool("search_images", asked)
    assert max(sizes(result)) <= MOST
    assert said(result)["count"] >= 50
