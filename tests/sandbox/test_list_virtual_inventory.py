from datetime import timedelta

import httpx
import pytest

from fw_mcp.sandbox.app import create_app
from fw_mcp.sandbox.faults.plan import Fault, FaultKind, Faults
from tests.sandbox.wire import (
    NOW,
    PRODUCT,
    UNKNOWN_GUID,
    Json,
    calling,
    deleted,
    now,
    problems,
    walked,
)

pytestmark = pytest.mark.anyio

# What only the listing of its own tells of a product.
LISTED = {"id", "artist", "track_inventory", "geo_price", "updated", "valid"}


async def on_sale(caller: httpx.AsyncClient, **members: object) -> Json:
    """The answer to ``list_virtual_inventory``; the largest page unless told otherwise."""
    answer = await caller.post("/v3/list_virtual_inventory", json={"per_page": 50} | members)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def everything(caller: httpx.AsyncClient, **members: object) -> list[Json]:
    """The products of every page."""
    products: list[Json] = []
    number = 1
    while page := (await on_sale(caller, page_number=number, **members))["products"]:
        products += page
        number += 1
    return products


async def test_an_answer_has_the_members_of_a_product(studio: httpx.AsyncClient) -> None:
    """Four besides ``status``; a product those of an image's list, and six of its own."""
    page = await on_sale(studio)
    assert list(page) == ["status", "products", "page_number", "per_page", "count"]
    assert set(page["products"][0]) == PRODUCT | LISTED


async def test_the_defaults_are_ten_products_newest_first(studio: httpx.AsyncClient) -> None:
    """An empty body is a whole request; ``id`` descending is the order."""
    page = (await studio.post("/v3/list_virtual_inventory", json={})).json()
    ids = [one["id"] for one in page["products"]]
    assert ids == sorted(ids, reverse=True)
    assert (page["page_number"], page["per_page"], len(ids)) == (1, 10, 10)
    assert page["count"] == len(await everything(studio))


async def test_it_lists_the_products_that_the_images_show(studio: httpx.AsyncClient) -> None:
    """The same ones by both ways, with the same facts."""
    shown = [one for image in await walked(studio, list_products=True) for one in image["products"]]
    listed = {one["sku"]: one for one in await everything(studio)}
    assert len(listed) == len(shown)
    assert all(listed[one["sku"]].items() >= one.items() for one in shown)


async def test_a_page_of_products_past_the_end_is_empty_and_no_error(
    studio: httpx.AsyncClient,
) -> None:
    """It still counts them all."""
    page = await on_sale(studio, page_number=99)
    assert (page["products"], page["per_page"]) == ([], 0)
    assert page["count"] > 100


@pytest.mark.parametrize("direction", ["ASC", "DESC"])
@pytest.mark.parametrize("field", ["id", "title", "file_name", "file_size", "date_added"])
async def test_paging_visits_each_product_once_in_every_order(
    studio: httpx.AsyncClient, field: str, direction: str
) -> None:
    """By the image's title, name, size and date; several products of one image keep a place."""
    products = await everything(studio, sort_field=field, sort_direction=direction)
    ids = [one["id"] for one in products]
    assert len(set(ids)) == len(ids) == (await on_sale(studio))["count"]
    images = {one["guid"]: one for one in await walked(studio)}
    values = [one if field == "id" else images[one["image_guid"]] for one in products]
    keys = [key(one[field]) for one in values]
    assert keys == sorted(keys, reverse=direction == "DESC")


def key(value: str | int) -> str | int:
    """What is sorted by: texts in any case."""
    return value.lower() if isinstance(value, str) else value


async def test_search_looks_in_names_and_descriptions_in_any_case(
    studio: httpx.AsyncClient,
) -> None:
    """Of the product, not of the image."""
    found = await everything(studio, search_filter=" stretched CANVAS ")
    assert found
    assert all("Stretched Canvas" in one["description_short"] for one in found)


@pytest.mark.parametrize("member", ["sku", "product_code", "image_guid"])
async def test_each_filter_gives_the_products_that_it_names(
    studio: httpx.AsyncClient, member: str
) -> None:
    """Two of each, and one that nobody has."""
    products = await everything(studio)
    wanted = list(dict.fromkeys(one[member] for one in products))[:2]
    named = {"sku": "sku_filter", "product_code": "product_code_filter"}
    filters = {named.get(member, "guid_filter"): [*wanted, UNKNOWN_GUID]}
    found = await everything(studio, **filters)
    assert found == [one for one in products if one[member] in wanted]


@pytest.mark.parametrize("name", ["sku_filter", "product_code_filter"])
async def test_a_filter_of_more_than_50_texts_is_silently_ignored(
    studio: httpx.AsyncClient, name: str
) -> None:
    """As the reference says, which is why a client has to refuse it."""
    every = (await on_sale(studio))["count"]
    assert (await on_sale(studio, **{name: ["none"] * 50}))["count"] == 0
    assert (await on_sale(studio, **{name: ["none"] * 51}))["count"] == every


async def test_created_dates_are_inclusive_and_in_us_central(studio: httpx.AsyncClient) -> None:
    """A product is as old as its image; a date alone is the whole day in Chicago."""
    one = (await on_sale(studio))["products"][0]
    day = one["updated"][:10]
    found = await everything(studio, created_date_from=day, created_date_to=day)
    assert one in found
    assert {other["updated"][:10] for other in found} == {day}
    later = (NOW + timedelta(days=1)).isoformat()
    assert (await on_sale(studio, created_date_from=later))["count"] == 0


async def test_products_go_with_their_image(studio: httpx.AsyncClient) -> None:
    """Deleted with it, as the reference says."""
    guid = (await on_sale(studio))["products"][0]["image_guid"]
    await deleted(studio, guid)
    assert (await on_sale(studio, guid_filter=[guid]))["count"] == 0


async def test_each_local_question_has_an_answer_in_the_studio(studio: httpx.AsyncClient) -> None:
    """Some are not valid, some track an empty stock, some have no price or one below cost."""
    products = await everything(studio)
    assert any(not one["valid"] for one in products)
    assert any(one["track_inventory"] and not one["quantity_in_stock"] for one in products)
    assert any(not one["asking_price"] for one in products)
    assert any(0 < one["asking_price"] < one["per_item_price"] for one in products)


async def test_more_than_50_a_page_and_other_words_are_refused(studio: httpx.AsyncClient) -> None:
    """In the shape of the Web API, each member by its name."""
    asked = {"per_page": 51, "sort_field": "price", "guid_filter": ["x"]}
    found = await problems(studio, "POST", "list_virtual_inventory", asked)
    assert set(found) == {"per_page", "sort_field", "guid_filter[0]"}


@pytest.mark.parametrize("kind", [FaultKind.REORDERED, FaultKind.REJECTED, FaultKind.RATE_LIMITED])
async def test_its_answer_can_be_spoiled(kind: FaultKind) -> None:
    """Faults name it like any other endpoint."""
    faults = Faults()
    faults.add(Fault(kind, endpoint="list_virtual_inventory"))
    async with calling(create_app(clock=now, faults=faults)) as caller:
        spoiled = await caller.post("/v3/list_virtual_inventory", json={})
        right = (await caller.post("/v3/list_virtual_inventory", json={})).json()
    if kind is FaultKind.REORDERED:
        assert spoiled.json()["products"] == right["products"][::-1]
    else:
        assert (spoiled.status_code, spoiled.json().get("products")) in {(200, None), (429, None)}
