"""The studio a new sandbox starts with: the same images, words and products every time.

Only the dates move: they count back from the clock, so that temporary images have not expired.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from uuid import UUID

from fw_mcp.sandbox import central
from fw_mcp.sandbox.catalogue import product
from fw_mcp.sandbox.images import Images, Product, StoredImage
from fw_mcp.sandbox.keys import SANDBOX_SESSION_ID
from fw_mcp.sandbox.requests import LibraryName
from fw_mcp.sandbox.series import (
    HUGE,
    LONG_STORY,
    MOODS,
    ORDINARY,
    SERIES,
    UNUSABLY_SMALL,
    Series,
)

INVENTORY_PER_SERIES = 31
TEMPORARY_IMAGES = 16
OTHER_SESSION_ID = "00000000000000000000000007e45e55"
"""Holds every fourth temporary image, which no other session may see."""

KEPT_FOR = timedelta(days=14)

_SEED = 20251027
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_FILE_NUMBER = 2041


def furnish(images: Images, *, now: datetime) -> None:
    """Fill empty tables.

    Args:
        images: the tables.
        now: what the dates count back from; aware.
    """
    studio, products = _studio()
    images.stock(map(partial(_later, central.to_microseconds(now)), studio), products)


@cache
def _studio() -> tuple[Sequence[StoredImage], Sequence[Product]]:
    """The studio as it would be in 1970, when instants count from."""
    rng = random.Random(_SEED)  # noqa: S311  the same studio every time is the point
    inventory = list(_inventory(rng, _EPOCH))
    temporary = list(_temporary(rng, _EPOCH))
    return (*inventory, *temporary), tuple(_products(rng, inventory))


def _later(microseconds: int, image: StoredImage) -> StoredImage:
    expires = image.date_expires
    return replace(
        image,
        date_added=image.date_added + microseconds,
        date_expires=None if expires is None else expires + microseconds,
    )


def _inventory(rng: random.Random, now: datetime) -> Iterator[StoredImage]:
    total = INVENTORY_PER_SERIES * len(SERIES)
    for index in range(total):
        # Series follow each other, with the tail of one mixed into the next as in any real library.
        series = SERIES[min(index // INVENTORY_PER_SERIES + (index % 13 == 0), len(SERIES) - 1)]
        age = timedelta(days=(total - index) * 4, seconds=rng.randrange(86_400))
        added = now - age - timedelta(microseconds=rng.randrange(10**6))
        yield _image(rng, index, series, added)


def _temporary(rng: random.Random, now: datetime) -> Iterator[StoredImage]:
    first = INVENTORY_PER_SERIES * len(SERIES)
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
        date_added=central.to_microseconds(added),
        date_expires=central.to_microseconds(added + KEPT_FOR) if session_id else None,
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
