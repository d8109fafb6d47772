"""`search_products`: what is for sale, in short rows, counts and sums that fit a host."""

import json
import random
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from fw_mcp.api.inventory import ListVirtualInventoryRequest
from fw_mcp.api.models import Product
from fw_mcp.sandbox.faults.plan import Fault, FaultKind
from tests.images.racks import Rack, odd_product, product
from tests.support.hostile_texts import HOSTILE, hidden, hidden_in
from tests.support.products import first_of
from tests.support.studio import Mode, Studio, make_studio, said, text_of
from tests.support.truth import holdings, sold

pytestmark = pytest.mark.anyio

GUID = "3f2b8c1e-0d4a-4e5f-8a6b-7c9d0e1f2a3b"
MODES = first_of("auto", "legacy")
MOST = 24_000


async def searched(studio: Studio, **arguments: object) -> dict[str, Any]:
    """The structured content of one search."""
    async with studio.client() as client:
        return said(await client.call_tool("search_products", arguments))


async def refused(studio: Studio, **arguments: object) -> str:
    """The text of a search that was not run."""
    async with studio.client() as client:
        result = await client.call_tool("search_products", arguments)
    assert result.is_error
    assert studio.wire.sent == []
    return text_of(result)


async def on_sale(studio: Studio) -> list[Product]:
    """Every product that the sandbox holds, in no order."""
    return [one for image in (await holdings(studio)).values() for one in image.hung]


@pytest.mark.parametrize("mode", MODES)
async def test_every_filter_of_the_service_reaches_it_as_given(studio: Studio, mode: Mode) -> None:
    """Promise: everything the API's listing does, under the API's own names."""
    arguments: dict[str, object] = {
        "search_filter": "fog, über/unter ../ 100%",
        "sku_filter": ["AP1", " 2 "],
        "product_code_filter": ["5M6M12X16"],
        "guid_filter": [GUID.upper()],
        "page_number": 3,
        "per_page": 7,
        "sort_field": "file_size",
        "sort_direction": "ASC",
        "created_date_from": "2025-10-27T08:30:00Z",
        "created_date_to": "2025-12-24",
    }
    async with studio.client(mode=mode) as client:
        said(await client.call_tool("search_products", arguments))
    assert studio.wire.to("list_virtual_inventory") == [
        {
            **arguments,
            "guid_filter": [GUID],
            "created_date_to": "2025-12-24T23:59:59.999999-06:00",
            "account_key": None,
        }
    ]


async def test_a_bare_search_lists_the_ten_newest(studio: Studio) -> None:
    """In one request."""
    page = await searched(studio)
    (asked,) = studio.wire.to("list_virtual_inventory")
    assert (asked["page_number"], asked["per_page"]) == (1, 10)
    assert (asked["sort_field"], asked["sort_direction"]) == ("id", "DESC")
    filters = ("search_filter", "sku_filter", "product_code_filter", "guid_filter")
    assert [asked[name] for name in filters] == [None] * 4
    assert (len(page["products"]), page["count"]) == (10, len(await on_sale(studio)))


async def test_a_row_is_short_and_says_each_thing_once(studio: Studio) -> None:
    """Promise: title, kind, size, sku, both prices, shops, image; nothing null."""
    (image, live) = next(
        (image, one) for image in await sold(studio, 80) for one in image.hung if one.shops
    )
    size = str(live.product_size).replace(" ", "")
    kind = (live.description_short or "").rpartition(", ")[0]
    (row,) = (await searched(studio, sku_filter=[live.sku]))["products"]
    odd_ones = {name: row.pop(name) for name in ("out_of_stock", "not_valid") if name in row}
    assert set(odd_ones.values()) <= {True}
    assert row == {
        **({"title": image.title} if image.title else {}),
        "kind": kind,
        "size": f"{size} in",
        "sku": live.sku,
        "price": live.per_item_price,
        "asking_price": live.asking_price,
        "currency": "USD",
        "shops": list(live.shops),
        "image_guid": image.guid,
    }


async def test_a_line_of_text_names_each_fact_of_a_product(studio: Studio) -> None:
    """A host without structured content shows the same."""
    one = product(7, name="Fog - Canvas 12 x 16, signed", quantity_in_stock=0, valid=False)
    one |= {"updated": 5, "third_party_integrations": {"etsy_product_id": 5}}
    studio.wire.on_the_way = Rack([one, 5])
    async with studio.client() as client:
        result = await client.call_tool("search_products", {})
    assert text_of(result).split("\n") == [
        "Products 1-2 of 2.",
        (
            '"Fog" | "Canvas 12 x 16, signed" | "Canvas" "12x16 in" | sku "AP7" | '
            "price 10.10, asking 40.00 USD | live in Etsy | out of stock | not valid | "
            f"unreadable: updated | image {one['image_guid']}"
        ),
        "(none) | unreadable: record",
    ]
    assert said(result)["products"][1] == {"odd_fields": ["record"]}


async def test_following_next_page_number_visits_each_product_once(studio: Studio) -> None:
    """Promise: page_number is the way to page."""
    skus: list[str] = []
    number: int | None = 1
    while number:
        page = await searched(studio, per_page=7, page_number=number)
        skus += [row["sku"] for row in page["products"]]
        number = page.get("next_page_number")
    assert len(set(skus)) == len(skus)
    assert set(skus) == {one.sku for one in await on_sale(studio)}


async def test_the_products_of_an_image_are_those_that_its_deletion_removes(
    studio: Studio,
) -> None:
    """Promise: what hangs on it, and afterwards nothing."""
    image = max(await sold(studio, 80), key=lambda one: len(one.hung))
    before = await searched(studio, guid_filter=[image.guid])
    async with studio.client(person=studio.person()) as client:
        gone = said(await client.call_tool("delete_images", {"guids": [image.guid]}))
    (row,) = gone["images"]
    removed = {one["sku"] for one in row["products_removed"]}
    assert {one["sku"] for one in before["products"]} == removed
    assert (await searched(studio, guid_filter=[image.guid]))["count"] == 0


def stock(one: Mapping[str, Any]) -> bool:
    """Whether a product of the sandbox tracks a stock that is empty."""
    return one["track_inventory"] and not one["quantity_in_stock"]


FILTERS: Mapping[str, Callable[[Mapping[str, Any]], bool]] = {
    "live_in_shop": lambda one: any((one["third_party_integrations"] or {}).values()),
    "not_in_shop": lambda one: not any((one["third_party_integrations"] or {}).values()),
    "no_price": lambda one: not one["asking_price"],
    "below_cost": lambda one: 0 < one["asking_price"] < one["per_item_price"],
    "out_of_stock": stock,
    "not_valid": lambda one: not one["valid"],
}


async def raw(studio: Studio) -> list[dict[str, Any]]:
    """What the sandbox itself answers, newest first."""
    records: list[dict[str, Any]] = []
    answer = await studio.api.list_virtual_inventory(ListVirtualInventoryRequest())
    for number in range(1, -(-(answer.count or 0) // 50) + 1):
        page = await studio.api.list_virtual_inventory(
            ListVirtualInventoryRequest(page_number=number, per_page=50)
        )
        records += [one.model_dump(mode="json") for one in page.products]
    return records


@pytest.mark.parametrize("name", FILTERS)
async def test_only_gives_the_products_that_go_by_the_name(studio: Studio, name: str) -> None:
    """Promise: each local filter is what the service really holds, over all pages, in order."""
    wanted = [one["sku"] for one in await raw(studio) if FILTERS[name](one)]
    assert wanted
    page = await searched(studio, only=[name], per_page=50)
    assert [row["sku"] for row in page["products"]] == wanted
    assert (page["scanned"], page["count"]) == (page["held"], len(wanted))


@pytest.mark.parametrize("shop", ["Etsy", "etsy", " SHOPIFY "])
async def test_a_shop_gives_what_is_live_in_it(studio: Studio, shop: str) -> None:
    """In any case of its letters."""
    name = shop.strip().capitalize()
    wanted = {one.sku for one in await on_sale(studio) if name in one.shops}
    page = await searched(studio, shop=shop, per_page=50)
    assert {row["sku"] for row in page["products"]} == wanted
    assert wanted


async def test_a_summary_counts_and_adds_up_what_the_studio_sells(studio: Studio) -> None:
    """Promise: counts by name, prices by currency and by shop; no rows."""
    products = await on_sale(studio)
    async with studio.client() as client:
        result = await client.call_tool("search_products", {"summary": True})
    told = said(result)
    assert told["products"] == []
    assert told["summary"]["products"] == told["count"] == len(products)
    records = await raw(studio)
    assert {name: told["summary"][name] for name in FILTERS} == {
        name: sum(map(holds, records)) for name, holds in FILTERS.items()
    }
    everything, *by_shop = told["sums"]
    assert everything == {
        "currency": "USD",
        "products": len(products),
        "price": round(sum(one.per_item_price or 0 for one in products), 2),
        "asking_price": round(sum(one.asking_price or 0 for one in products), 2),
    }
    live = Counter(shop for one in products for shop in one.shops)
    assert {one["shop"]: one["products"] for one in by_shop} == live
    lines = text_of(result).split("\n")
    held = len(products)
    assert lines[0] == f"{held} products match. Scanned {held} of {held} products."
    assert f"below_cost: {told['summary']['below_cost']}" in lines
    assert len([line for line in lines if ", USD: " in line]) == 1 + len(live)


async def test_a_summary_of_a_shop_adds_up_that_shop(studio: Studio) -> None:
    """What else its products are live in is told too."""
    products = [one for one in await on_sale(studio) if "Shopify" in one.shops]
    told = await searched(studio, summary=True, shop="Shopify")
    by_shop = {one.get("shop"): one["products"] for one in told["sums"]}
    assert by_shop[None] == by_shop["Shopify"] == len(products)


@pytest.mark.parametrize("name", ["sku_filter", "product_code_filter", "guid_filter"])
async def test_a_filter_of_more_than_50_is_refused_and_of_50_is_not(
    studio: Studio, name: str
) -> None:
    """The service would silently ignore it, and list everything."""
    guids = [f"3f2b8c1e-0d4a-4e5f-8a6b-{number:012x}" for number in range(51)]
    told = await refused(studio, **{name: guids})
    assert told.startswith(f"search_products was not run: {name}: ")
    assert "50" in told
    assert (await searched(studio, **{name: guids[:50]}))["count"] == 0


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"sku_filter": []}, "sku_filter: is empty; give at least one"),
        ({"guid_filter": ["x"]}, '"x" is not a guid'),
        ({"per_page": 51}, "per_page: "),
        (
            {"shop": "Amazon"},
            '"Amazon" is none of BigCommerce, Squarespace, WooCommerce, Shopify, Square, Etsy, Wix',
        ),
        ({"only": ["live_in_shop", "not_in_shop"]}, "no product is both"),
        ({"only": ["no_price", "below_cost"]}, "no product is both"),
        ({"only": ["not_in_shop"], "shop": "Etsy"}, "shop and not_in_shop exclude each other"),
        (
            {"created_date_from": "2025-02-01", "created_date_to": "2025-01-01"},
            "created_date_from is after created_date_to",
        ),
        ({"sort_field": "price"}, "sort_field: "),
        ({"sku_filters": ["AP1"]}, "(did you mean sku_filter?)"),
    ],
    ids=str,
)
async def test_what_would_answer_another_question_is_refused(
    studio: Studio, arguments: dict[str, object], told: str
) -> None:
    """In words, with nothing sent."""
    assert told in await refused(studio, **arguments)


async def test_a_host_that_requires_every_argument_can_call_it(studio: Studio) -> None:
    """Each has a value that means "not given"."""
    arguments = {
        "search_filter": "", "sku_filter": ["any"], "product_code_filter": ["any"],
        "guid_filter": ["any"], "page_number": "1", "per_page": "10", "sort_field": "id",
        "sort_direction": "desc", "created_date_from": "", "created_date_to": None, "only": [],
        "shop": "", "summary": "false",
    }  # fmt: skip
    assert await searched(studio, **arguments) == await searched(studio)


def sizes(result: Any) -> tuple[int, int]:  # noqa: ANN401  a result
    """Characters of the text and of the JSON."""
    return len(text_of(result)), len(json.dumps(said(result), ensure_ascii=False))


LETTERS = {"plain": "x", "quotes": '"\\', "hidden": "\u202e", "wide": "雾", "faces": "😀"}


@pytest.mark.parametrize("seed", first_of(*range(40), first=10))
async def test_a_result_fits_a_host_and_its_pages_leave_nothing_out(seed: int) -> None:
    """Promise: at most 24,000 characters, text and JSON alike, cut at a row with the way on."""
    dice = random.Random(seed)  # noqa: S311  dice, not secrets
    letter = dice.choice(list(LETTERS.values()))
    records = []
    for number in range(20 * dice.choice([1, 5, 7])):
        text = letter * dice.choice([1, 1_000])
        record = odd_product(dice, number) | {"name": text + str(number), "description_short": text}
        record |= {"labels": dice.choice([None, [{"key": "Product", "value": text}]])}
        record |= {"sku": f"{number} {text}", "product_size": text, "updated": []}
        shops = ("etsy", "wix", "shopify", "square", "squarespace", "bigcommerce", "woocommerce")
        record["third_party_integrations"] = {f"{shop}_product_id": 5 for shop in shops}
        records.append(record)
    studio = make_studio(per_series=1)
    studio.wire.on_the_way = Rack(records)
    only = dice.choice([{}, {"only": ["live_in_shop"]}])
    way: dict[str, Any] = {"per_page": dice.choice([10, 47, 50]), "page_number": 1}
    seen: list[str] = []
    async with studio.client() as client:
        while True:
            result = await client.call_tool("search_products", {**way, **only})
            assert max(sizes(result)) <= MOST
            page = said(result)
            assert page["products"]
            seen += [row["sku"].partition(" ")[0] for row in page["products"]]
            if "next_page_number" not in page:
                break
            is_cut = "of this page did not fit in one result" in text_of(result)
            assert is_cut is ("next_per_page" in page or len(page["products"]) < way["per_page"])
            way = {
                "per_page": page.get("next_per_page", way["per_page"]),
                "page_number": page["next_page_number"],
            }
            assert f"page_number {way['page_number']}" in text_of(result)
        summary = await client.call_tool("search_products", {"summary": True})
    assert seen == [str(number) for number in range(len(records))]
    assert max(sizes(summary)) <= MOST


async def test_sums_of_many_currencies_fit_a_host_and_say_what_is_missing(studio: Studio) -> None:
    """The most frequent are told."""
    records = [product(n, monetary_format=f'"{n:010}"', per_item_price=1e12) for n in range(300)]
    studio.wire.on_the_way = Rack(records)
    async with studio.client() as client:
        result = await client.call_tool("search_products", {"summary": True})
    assert max(sizes(result)) <= MOST
    assert "220 more sums" in said(result)["note"]


async def test_text_of_strangers_stays_on_its_line(studio: Studio) -> None:
    """Names, kinds, sizes, skus and currencies are data: escaped, quoted and flagged."""
    texts = list(HOSTILE.values())
    records = [
        product(
            number,
            name=text,
            sku=text,
            product_size=text,
            monetary_format=text[:12],
            labels=[{"key": "Product", "value": text}, {"key": text, "value": text}],
            third_party_integrations={text: text, "etsy_product_id": 5},
        )
        for number, text in enumerate(texts)
    ]
    studio.wire.on_the_way = Rack(records)
    flags: list[bool] = []
    async with studio.client() as client:
        for number in range(1, len(texts) // 5 + 2):
            arguments = {"per_page": 5, "page_number": number}
            result = await client.call_tool("search_products", arguments)
            rows = said(result)["products"]
            lines = text_of(result).split("\n")
            assert len(text_of(result).splitlines()) == len(lines)
            assert hidden("".join(lines)) == []
            assert hidden_in(said(result)) == []
            assert len(lines) == 1 + len(rows) + ("next_page_number" in said(result))
            flags += ["escaped" in row for row in rows]
            assert all(row["shops"] == ["Etsy"] for row in rows)
        summary = await client.call_tool("search_products", {"summary": True})
    assert flags == [
        bool(hidden(text[:50])) or flag for text, flag in zip(texts, flags, strict=True)
    ]
    assert hidden("".join(text_of(summary).split("\n"))) == []
    assert hidden_in(said(summary)) == []


@pytest.mark.parametrize("mode", MODES)
async def test_what_the_service_refuses_is_told_in_our_words(studio: Studio, mode: Mode) -> None:
    """What happened, the state, what next; the service's words only quoted."""
    studio.faults.add(Fault(FaultKind.REJECTED, endpoint="list_virtual_inventory"))
    async with studio.client(mode=mode) as client:
        result = await client.call_tool("search_products", {})
    assert result.is_error
    assert text_of(result).startswith(
        'FinerWorks rejected list_virtual_inventory: "The request could not be completed."'
    )
    assert text_of(result).endswith("(reason: rejected)")


@pytest.mark.parametrize("kind", [FaultKind.WRONG_TYPES, FaultKind.HUGE_INTEGERS])
async def test_odd_answers_end_in_a_result_or_in_our_words(kind: FaultKind) -> None:
    """Never in an error of the server's own."""
    studio = make_studio(per_series=1)
    studio.faults.add(Fault(kind, endpoint="list_virtual_inventory", times=9))
    async with studio.client() as client:
        for arguments in ({}, {"only": ["no_price"]}, {"summary": True}):
            result = await client.call_tool("search_products", arguments)
            assert "failed in a way it should not" not in text_of(result)


async def test_an_empty_page_says_so(studio: Studio) -> None:
    """None at all, or none on this page."""
    async with studio.client() as client:
        none = await client.call_tool("search_products", {"sku_filter": ["nobody's"]})
        past = await client.call_tool("search_products", {"page_number": 99})
    assert text_of(none) == "No product."
    assert text_of(past) == f"No product on this page; {said(past)['count']} in all."


async def test_a_question_and_its_pages_take_one_walk(studio: Studio) -> None:
    """The second page is of the same walk; one that is not kept is said to be new."""
    async with studio.client() as client:
        for number in (1, 2):
            arguments = {"only": ["not_in_shop"], "per_page": 5, "page_number": number}
            page = said(await client.call_tool("search_products", arguments))
            assert "note" not in page
        sent = len(studio.wire.sent)
        studio.clock.forward(600)
        page = said(await client.call_tool("search_products", arguments))
    assert sent == 1
    assert page["note"].startswith("The products were scanned again for this page.")
