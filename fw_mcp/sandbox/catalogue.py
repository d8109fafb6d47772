"""The print products the seeded images are sold as, and the shops some are live in."""

import random
from dataclasses import dataclass
from uuid import UUID

from fw_mcp.sandbox.images import Product


@dataclass(frozen=True)
class Offer:
    """One print product. Prices are in US dollars."""

    name: str
    code: str
    size: str
    cost: float
    asking: float
    framed: bool = False


OFFERS = (
    Offer("Archival Matte Print", "5M1M9S54P8X12", "8 x 12", 7.95, 28.0),
    Offer("Archival Matte Print", "5M1M9S54P16X24", "16 x 24", 18.4, 64.0),
    Offer("Giclee on Hot Press Cotton", "5M7M9S54P12X18", "12 x 18", 21.1, 75.0),
    Offer("Stretched Canvas 1.5 in", "4M4M11S56P16X20", "16 x 20", 41.25, 129.0),
    Offer("Stretched Canvas 1.5 in", "4M4M11S56P24X36", "24 x 36", 79.6, 239.0),
    Offer("Metal Print, High Gloss", "9M32M12S61P20X30", "20 x 30", 92.0, 265.0),
    Offer("Framed Matte Print, Black Gallery", "5M1M9S54F38P16X24", "16 x 24", 68.3, 189.0, True),
)

_NUMBERED = ("etsy_product_id", "shopify_product_id", "shopify_variant_id", "bigcommerce_id",
             "bigcommerce_product_id", "bigcommerce_variant_id", "woocommerce_product_id",
             "woocommerce_variant_id")  # fmt: skip
_NAMED = ("shopify_graphql_product_id", "shopify_graphql_variant_id", "squarespace_product_id",
          "squarespace_variant_id", "square_product_id", "square_variant_id", "wix_inventory_id",
          "wix_product_id", "wix_variant_id")  # fmt: skip

SHOPS = ("shopify", "etsy", "squarespace", "wix", "woocommerce", "bigcommerce", "square")


def product(rng: random.Random, number: int, image_guid: str, title: str) -> Product:
    """One virtual-inventory product of an image, whole as ``list_products`` gives it."""
    offer = rng.choice(OFFERS)
    cost = offer.cost
    return {
        "monetary_format": "USD",
        "quantity": 1,
        "quantity_in_stock": rng.choice((0, 5, 25, 50)),
        "sku": f"AP{number}P{offer.code}",
        "product_code": offer.code,
        "price_details": {"product_price": cost, "add_frame_price": 0.0, "total_price": cost},
        "per_item_price": cost,
        "total_price": cost,
        "asking_price": offer.asking,
        "name": f"{title} - {offer.name} {offer.size}".strip(" -"),
        "description_short": f"{offer.name}, {offer.size} in",
        "description_long": f"<p><strong>{offer.name}</strong><br>Size: {offer.size} inches.</p>",
        "labels": _labels(offer),
        "image_url_1": f"/pictures/{image_guid}/preview",
        "image_url_2": f"/pictures/{image_guid}/thumbnail",
        "image_url_3": None,
        "image_url_4": None,
        "image_url_5": None,
        "image_guid": image_guid,
        "product_size": offer.size,
        "third_party_integrations": _integrations(rng),
        "framing_options": {"frame_id": 38, "mat_1": None} if offer.framed else None,
        "product_guid": str(UUID(int=rng.getrandbits(128), version=4)),
        "debug": "sandbox: cost sheet 7",
    }


def _labels(offer: Offer) -> list[Product]:
    labels = (("Product", offer.name), ("Size", f"{offer.size} in"), ("Ships in", "3-5 days"))
    return [{"key": k, "value": v, "priority": n} for n, (k, v) in enumerate(labels, start=1)]


def _integrations(rng: random.Random) -> Product | None:
    """Null, nowhere (zeros and nulls), or live in one or two shops."""
    lives = rng.random()
    if lives < 0.2:  # noqa: PLR2004  a fifth never saw a shop
        return None
    shops = rng.sample(SHOPS, k=rng.choice((1, 1, 2))) if lives > 0.5 else []  # noqa: PLR2004
    numbers = {name: _number(rng) if _is_of(name, shops) else 0 for name in _NUMBERED}
    names = {name: _text_id(rng, name) if _is_of(name, shops) else None for name in _NAMED}
    return {**numbers, **names}


def _is_of(member: str, shops: list[str]) -> bool:
    return member.split("_", 1)[0] in shops


def _number(rng: random.Random) -> int:
    return rng.randrange(10**9, 10**10)


def _text_id(rng: random.Random, name: str) -> str:
    if name.startswith("shopify_graphql"):
        return f"gid://shopify/{name.split('_')[2].title()}/{_number(rng)}"
    return f"{rng.getrandbits(96):024x}"
