from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from fw_mcp.sandbox.app import create_app
from fw_mcp.sandbox.seed import OTHER_SESSION_ID, SHOPS
from tests.sandbox.wire import INVENTORY, NOW, PRODUCT, TEMPORARY, Json, calling, now, walked
from tests.support.studio import HELD, PER_SERIES

pytestmark = pytest.mark.anyio


async def products_of_the_studio(studio: httpx.AsyncClient) -> list[Json]:
    """Every product of inventory."""
    images = await walked(studio, list_products=True)
    return [product for image in images for product in image["products"]]


def shops_of(product: Json) -> set[str]:
    """The shops a product is live in: those with an id that is neither zero nor null."""
    ids: dict[str, Any] = product["third_party_integrations"] or {}
    return {member.split("_")[0] for member, value in ids.items() if value}


async def test_the_studio_holds_at_least_240_images_in_several_series(
    studio: httpx.AsyncClient,
) -> None:
    """Eight series of about thirty."""
    series = Counter(image["personal_gallery_title"] for image in await walked(studio))
    assert series.total() >= 240
    assert len(series) == 8
    assert min(series.values()) > 20


async def test_titles_and_descriptions_are_of_mixed_quality(studio: httpx.AsyncClient) -> None:
    """Some missing, some over-long, some duplicated, some only the file's name."""
    images = await walked(studio)
    titles = Counter(image["title"] for image in images)
    descriptions = [image["description"] for image in images]
    assert titles[""] > 2
    assert sum(count > 1 for title, count in titles.items() if title) > 10
    assert sum(image["title"] == image["file_name"] for image in images) > 5
    assert (descriptions.count(None) > 5, descriptions.count("") > 5) == (True, True)
    assert sum(len(text or "") > 300 for text in descriptions) > 5


async def test_sizes_go_from_too_small_to_print_to_very_large(studio: httpx.AsyncClient) -> None:
    """A third of a megapixel and more than ninety of them."""
    sizes = [(image["pix_w"], image["pix_h"]) for image in await walked(studio)]
    assert min(width * height for width, height in sizes) < 300_000
    assert max(width * height for width, height in sizes) > 90_000_000
    assert sum(max(size) <= 800 for size in sizes) > 10


async def test_some_images_are_inactive(studio: httpx.AsyncClient) -> None:
    """A few of each series at most."""
    assert 5 < len(await walked(studio, active=False)) < 40


async def test_the_seeded_session_holds_temporary_images_that_expire(
    studio: httpx.AsyncClient,
) -> None:
    """Fourteen days after they came; another session holds others."""
    mine = await walked(studio, library=TEMPORARY)
    others = await walked(studio, library=TEMPORARY | {"session_id": OTHER_SESSION_ID})
    kept = [
        datetime.fromisoformat(i["date_expires"]) - datetime.fromisoformat(i["date_added"])
        for i in mine
    ]
    assert (len(mine), len(others)) == (12, 4)
    # Measured between instants, whatever the offsets say on either side of a clock change.
    assert set(kept) == {timedelta(days=14)}
    assert min(datetime.fromisoformat(image["date_expires"]) for image in mine) > NOW


async def test_about_a_third_of_inventory_has_one_to_three_products(
    studio: httpx.AsyncClient,
) -> None:
    """Each whole, of its image, with a SKU of its own."""
    images = await walked(studio, list_products=True)
    numbers = Counter(len(image["products"]) for image in images)
    products = [(image, product) for image in images for product in image["products"]]
    assert len(images) / 3 - 1 < len(images) - numbers[0] <= len(images) / 3
    assert set(numbers) == {0, 1, 2, 3}
    assert {frozenset(product) for _, product in products} == {frozenset(PRODUCT)}
    assert all(product["image_guid"] == image["guid"] for image, product in products)
    assert len({product["sku"] for _, product in products}) == len(products)


async def test_some_products_are_live_in_each_of_the_seven_shops(
    studio: httpx.AsyncClient,
) -> None:
    """Others hold zeros and nulls, and some no integrations at all."""
    products = await products_of_the_studio(studio)
    live = [shops_of(product) for product in products]
    assert set().union(*live) == set(SHOPS)
    assert all(f"{shop}_product_id" in members_of(products) for shop in SHOPS)
    assert sum(not shops for shops in live) > len(products) / 4
    assert any(product["third_party_integrations"] is None for product in products)


def members_of(products: list[Json]) -> set[str]:
    """The members of all integrations."""
    return {member for product in products for member in product["third_party_integrations"] or {}}


async def test_a_studio_of_72_images_has_all_that_the_large_one_has() -> None:
    """What tests are held against is small and as varied."""
    async with calling(create_app(per_series=PER_SERIES, clock=now)) as small:
        images = await walked(small, list_products=True)
    products = [product for image in images for product in image["products"]]
    titles = Counter(image["title"] for image in images)
    texts = [image["description"] for image in images]
    sizes = [image["pix_w"] * image["pix_h"] for image in images]
    assert len(images) == HELD
    assert len({image["personal_gallery_title"] for image in images}) == 8
    assert sum(count > 1 for title, count in titles.items() if title) > 1
    assert titles[""] > 0
    assert sum(image["title"] == image["file_name"] for image in images) > 5
    assert (texts.count(None) > 5, texts.count("") > 3) == (True, True)
    assert sum(len(text or "") > 300 for text in texts) > 3
    assert (min(sizes) < 300_000, max(sizes) > 90_000_000) == (True, True)
    assert 3 < sum(not image["active"] for image in images) < 20
    assert {len(image["products"]) for image in images} == {0, 1, 2, 3}
    assert set().union(*map(shops_of, products)) == set(SHOPS)
    assert any(product["third_party_integrations"] is None for product in products)


async def test_a_studio_in_a_file_is_the_one_in_memory(
    studio: httpx.AsyncClient, tmp_path: Path
) -> None:
    """One is copied whole, the other stored image by image."""
    async with calling(create_app(tmp_path / "studio.db", clock=now)) as filed:
        for library in (INVENTORY, TEMPORARY):
            mine = await walked(studio, library=library, list_products=True)
            assert await walked(filed, library=library, list_products=True) == mine


async def test_uris_are_absolute_and_of_the_host_that_was_asked(
    studio: httpx.AsyncClient,
) -> None:
    """Images and products alike."""
    image = next(i for i in await walked(studio, list_products=True) if i["products"])
    pictures = f"http://sandbox.localhost/pictures/{image['guid']}"
    assert image["public_thumbnail_uri"] == f"{pictures}/thumbnail"
    assert image["public_preview_uri"] == f"{pictures}/preview"
    assert image["private_hires_uri"] == f"{pictures}/hires"
    assert image["products"][0]["image_url_1"] == f"{pictures}/preview"


async def test_two_sandboxes_on_one_clock_hold_the_same(studio: httpx.AsyncClient) -> None:
    """Ids, guids, words, products and dates."""
    async with calling(create_app(clock=now)) as twin:
        for library in (INVENTORY, TEMPORARY):
            mine = await walked(studio, library=library, list_products=True)
            assert await walked(twin, library=library, list_products=True) == mine


async def test_on_another_clock_only_the_dates_differ(studio: httpx.AsyncClient) -> None:
    """Temporary images have not expired, whenever a sandbox is started."""
    years_later = datetime(2031, 1, 1, tzinfo=UTC)
    async with calling(create_app(clock=lambda: years_later)) as later:
        mine = [image["guid"] for image in await walked(studio, library=TEMPORARY)]
        theirs = [image["guid"] for image in await walked(later, library=TEMPORARY)]
    assert mine == theirs


async def test_the_system_clock_is_the_default() -> None:
    """The newest temporary image has not expired."""
    before = datetime.now(UTC)
    async with calling(create_app()) as caller:
        newest = (await walked(caller, library=TEMPORARY))[0]
    assert datetime.fromisoformat(newest["date_expires"]) > before
