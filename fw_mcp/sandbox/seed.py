"""The studio a new sandbox starts with: the same images, words and products every time."""

import random
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from uuid import UUID

from fw_mcp.sandbox import central_time
from fw_mcp.sandbox.images import SCHEMA, Images, Product, StoredImage
from fw_mcp.sandbox.keys import SANDBOX_SESSION_ID
from fw_mcp.sandbox.requests import LibraryName
from fw_mcp.sandbox.series import HUGE, LONG_STORY, MOODS, ORDINARY, SERIES, UNUSABLY_SMALL, Series


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
        "asking_price": _asking(offer, number),
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


def _asking(offer: Offer, number: int) -> float:
    """What most ask; a few forgot to, or ask less than they pay."""
    return {0: 0.0, 1: offer.cost - 2}.get(number % 20, offer.asking)


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


INVENTORY_PER_SERIES = 31
TEMPORARY_IMAGES = 16
OTHER_SESSION_ID = "00000000000000000000000007e45e55"
"""Holds every fourth temporary image, which no other session may see."""

KEPT_FOR = timedelta(days=14)

_SEED = 20251027
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_FILE_NUMBER = 2041


def furnish(images: Images, *, now: datetime, per_series: int = INVENTORY_PER_SERIES) -> None:
    """Fill empty tables.

    Args:
        images: the tables.
        now: what the dates count back from; aware.
        per_series: how many inventory images each series has.
    """
    later = central_time.to_microseconds(now)
    if images.in_memory:
        images.restore(_tables(per_series), later)
    else:
        studio, products = _studio(per_series)
        images.stock(map(partial(_later, later), studio), products)


@cache
def _tables(per_series: int) -> bytes:
    """The studio as a database: to copy one takes a quarter of the time of storing each row."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(SCHEMA)
        Images(connection).stock(*_studio(per_series))
        return connection.serialize()


@cache
def _studio(per_series: int) -> tuple[Sequence[StoredImage], Sequence[Product]]:
    """The studio as it would be in 1970, when instants count from."""
    rng = random.Random(_SEED)  # noqa: S311  the same studio every time is the point
    inventory = list(_inventory(rng, _EPOCH, per_series))
    temporary = list(_temporary(rng, _EPOCH, len(inventory)))
    return (*inventory, *temporary), tuple(_products(rng, inventory))


@cache
def subjects(per_series: int) -> Mapping[str, str]:
    """What is on the studio's images: guid → subject, of those whose words say it."""
    every = [subject for series in SERIES for subject in series.subjects]
    return {
        image.guid: subject
        for image in _studio(per_series)[0]
        for text in (image.title, image.description)
        for subject in every
        if (text or "").lower().startswith(subject.lower())
    }


def _later(microseconds: int, image: StoredImage) -> StoredImage:
    expires = image.date_expires
    return replace(
        image,
        date_added=image.date_added + microseconds,
        date_expires=None if expires is None else expires + microseconds,
    )


def _inventory(rng: random.Random, now: datetime, per_series: int) -> Iterator[StoredImage]:
    total = per_series * len(SERIES)
    for index in range(total):
        # Series follow each other, with the tail of one mixed into the next as in any real library.
        series = SERIES[min(index // per_series + (index % 13 == 0), len(SERIES) - 1)]
        age = timedelta(days=(total - index) * 4, seconds=rng.randrange(86_400))
        added = now - age - timedelta(microseconds=rng.randrange(10**6))
        yield _image(rng, index, series, added)


def _temporary(rng: random.Random, now: datetime, first: int) -> Iterator[StoredImage]:
    for index in range(TEMPORARY_IMAGES):
        added = now - timedelta(hours=18 * (TEMPORARY_IMAGES - index), seconds=rng.randrange(3600))
        session_id = OTHER_SESSION_ID if index % 4 == 3 else SANDBOX_SESSION_ID  # noqa: PLR2004
        yield _image(rng, first + index, rng.choice(SERIES), added, session_id)


def _image(
    rng: random.Random, index: int, series: Series, added: datetime, session_id: str | None = None
) -> StoredImage:
    guid = str(UUID(int=rng.getrandbits(128), version=4))
    file_name = f"{series.prefix}_{_FIRST_FILE_NUMBER + index}.jpg"
    title, description = _texts(rng, series, file_name)
    pix_w, pix_h = _size(rng)
    return StoredImage(
        guid=guid,
        title=title,
        description=description,
        file_name=file_name,
        file_size=int(pix_w * pix_h * rng.uniform(0.4, 1.4)),
        thumbnail_file_name=f"200x200_{file_name}",
        preview_file_name=file_name,
        hires_file_name=None if rng.random() < 0.1 else file_name,  # noqa: PLR2004
        public_thumbnail_uri=f"/pictures/{guid}/thumbnail",
        public_preview_uri=f"/pictures/{guid}/preview",
        personal_gallery_title=series.title,
        members_gallery_category=series.category if rng.random() < 0.5 else None,  # noqa: PLR2004
        private_hires_uri=f"/pictures/{guid}/hires",
        pix_w=pix_w,
        pix_h=pix_h,
        date_added=central_time.to_microseconds(added),
        date_expires=central_time.to_microseconds(added + KEPT_FOR) if session_id else None,
        active=rng.random() > 0.07,  # noqa: PLR2004
        library=LibraryName.TEMPORARY if session_id else LibraryName.INVENTORY,
        session_id=session_id,
    )


def _texts(rng: random.Random, series: Series, file_name: str) -> tuple[str, str | None]:
    """A title and a description, of the quality they have in a library of many years."""
    subject, place = rng.choice(series.subjects), rng.choice(series.places)
    title = f"{subject}, {place}"
    written = f"{subject}, {place}, from the series {series.title}. {rng.choice(MOODS)}"
    titles = (title, file_name, "", f"{subject.upper()} final v2", subject)
    descriptions = (written, None, "", f"{written} {LONG_STORY}", subject.lower())
    return (
        rng.choices(titles, weights=(78, 8, 3, 4, 7))[0],
        rng.choices(descriptions, weights=(68, 10, 8, 6, 8))[0],
    )


def _size(rng: random.Random) -> tuple[int, int]:
    sizes = rng.choices((UNUSABLY_SMALL, ORDINARY, HUGE), weights=(12, 78, 10))[0]
    return rng.choice(sizes)


def _products(rng: random.Random, inventory: list[StoredImage]) -> Iterator[Product]:
    number = 7300
    for image in rng.sample(inventory, k=len(inventory) // 3):
        for _ in range(rng.choice((1, 1, 2, 3))):
            number += 1
            yield product(rng, number, image.guid, image.title or "")
