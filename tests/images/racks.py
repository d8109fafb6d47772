"""Any number of products, answered on the way, and what they are held against."""

import random
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.images.shelf import guid_of
from tests.support.recorder import OnTheWay, Sent

Record = dict[str, Any]


async def _nothing(_: Sent) -> None:
    """Nothing happens before an answer."""


@dataclass
class Rack:
    """Answers each listing of products from its records, a page at a time, first one first.

    Attributes:
        records: as JSON.
        most_a_page: rows on a page, whatever is asked.
        claims: the count it tells; None for the true one.
        before: awaited before each answer; an answer that it gives goes out instead.
    """

    records: list[Any]
    most_a_page: int = 50
    claims: int | None = None
    before: OnTheWay = field(default=_nothing)

    async def __call__(self, sent: Sent) -> httpx.Response:
        """The page that was asked for."""
        if (instead := await self.before(sent)) is not None:
            return instead
        size = min(sent.body["per_page"], self.most_a_page)
        first = (sent.body["page_number"] - 1) * size
        count = len(self.records) if self.claims is None else self.claims
        page = self.records[first : first + size]
        status = {"success": True, "status_code": 200}
        return httpx.Response(200, json={"status": status, "products": page, "count": count})


def product(number: int, **fields: object) -> Record:
    """A product whose facts are its own unless told otherwise."""
    own: Record = {
        "id": number,
        "sku": f"AP{number}",
        "product_code": "5M6M12X16",
        "name": f"Fog {number} - Canvas 12 x 16",
        "labels": [{"key": "Product", "value": "Canvas"}, {"key": "Size", "value": "12 x 16 in"}],
        "monetary_format": "USD",
        "per_item_price": 10.1,
        "asking_price": 40.0,
        "quantity_in_stock": 3,
        "track_inventory": True,
        "third_party_integrations": None,
        "image_guid": guid_of(number // 3),
        "valid": True,
    }
    return {**own, **fields}


def odd_product(dice: random.Random, number: int) -> Record:
    """A product as some client once left it."""
    shops: list[object] = [
        None,
        {},
        {"etsy_product_id": 0},
        {"etsy_product_id": 5},
        {"shopify_product_id": "7", "etsy_product_id": 5},
        "Etsy",
    ]
    return product(
        number,
        monetary_format=dice.choice(
            ["USD", "usd ", "EUR", None, 5, "Dollars of the United States"]
        ),
        per_item_price=dice.choice([0, 10.1, 99.99, "12.5", None, "dear"]),
        total_price=dice.choice([None, 20.02]),
        asking_price=dice.choice([0, 0.1, 10.1, 40, None, "cheap"]),
        quantity_in_stock=dice.choice([0, -1, 3, None, []]),
        track_inventory=dice.choice([True, False, None, "perhaps"]),
        third_party_integrations=dice.choice(shops),
        valid=dice.choice([True, False, None, {}]),
    )


def names_of(record: Record) -> dict[str, bool | None]:
    """By each name, whether the record goes by it; None where that cannot be told."""
    cost, asking = told_price(record), record["asking_price"]
    shops, stock = record["third_party_integrations"], record["quantity_in_stock"]
    live = None if isinstance(shops, str) else bool(shops and any(map(bool, shops.values())))
    is_unpriced = None if asking == "cheap" else not asking
    empty = None if stock == [] else stock is not None and stock <= 0
    if empty:
        tracked = {"perhaps": None, False: False}
        empty = tracked.get(record["track_inventory"], True)
    if is_unpriced is False:
        is_below = None if cost is None else asking < cost
    else:
        is_below = None if is_unpriced is None else False
    return {
        "live_in_shop": live,
        "not_in_shop": None if live is None else not live,
        "no_price": is_unpriced,
        "below_cost": is_below,
        "out_of_stock": empty,
        "not_valid": None if record["valid"] == {} else record["valid"] is False,
    }


def told_price(record: Record) -> float | None:
    """What one costs."""
    read = {"12.5": 12.5, "dear": None}
    cost = read.get(record["per_item_price"], record["per_item_price"])
    return record["total_price"] if cost is None else cost


def shops_of(record: Record) -> set[str]:
    """Where it is live."""
    shops = record["third_party_integrations"]
    found = {name for name, one in shops.items() if one} if isinstance(shops, dict) else set()
    return {name.partition("_")[0].title() for name in found}
