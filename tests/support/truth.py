"""What the service really holds, and whether a result told it."""

import itertools
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from fw_mcp.api.models import ImageDetails, LibraryName, Product
from fw_mcp.sandbox import central_time
from fw_mcp.sandbox.endpoints import ALL_OFF, ENDPOINTS, Context, Unlisted
from fw_mcp.sandbox.keys import SANDBOX_SESSION_ID
from fw_mcp.sandbox.requests import ImageLibrary, ListImages
from fw_mcp.sandbox.requests import LibraryName as Name
from fw_mcp.writes.operation import MADE_BEFORE, REPLAYED
from tests.support.studio import SANDBOX_URL, Studio

Row = Mapping[str, Any]

_AT_ONCE = 36
_LIST_IMAGES = next(endpoint for endpoint in ENDPOINTS if endpoint.name == "list_images")
_GONE = {"deleted", "already_gone", "not_found"}
_THERE = {"created", "adopted", "updated"}
_UNTOUCHED = {"failed", "not_attempted", "skipped"}


def new_image(number: int, **changes: object) -> dict[str, object]:
    """An image that no studio has yet; each number is another."""
    name = f"NEW_{number:03}.jpg"
    image: dict[str, object] = {
        "title": f"New work {number}",
        "description": f"Number {number} of the new series.",
        "file_name": name,
        "file_size": 5_000_000 + number,
        "public_thumbnail_uri": f"https://files.example/thumbnails/{name}",
        "public_preview_uri": f"https://files.example/previews/{name}",
        "private_hires_uri": f"https://files.example/masters/{name}",
        "pix_w": 6000 + number,
        "pix_h": 4000,
    }
    return {**image, **changes}


def new_images(count: int) -> list[dict[str, object]]:
    """So many new images."""
    return [new_image(number) for number in range(1, count + 1)]


def product_told(product: Product, image: ImageDetails) -> Row:
    """A product as a row of a write tells it: by what it is, and not by its picture's title."""
    (kind,) = [one["value"] for one in product.labels if one["key"] == "Product"]
    size = str(product.name).rpartition(f"{kind} ")[2]
    assert product.name == f"{image.title} - {kind} {size}"
    name = f"{kind} {size.replace(' ', '')} in"
    shops = {"shops": list(product.shops)} if product.shops else {}
    return {"sku": product.sku, "name": name, **shops}


def stored_in(result: Row) -> list[str]:
    """The guids that a result of set_selection says are stored, in order."""
    named = [str(row["guid"]) for row in result.get("images", ())]
    guids = [*named, *result.get("guids", ())]
    assert result.get("count", 0) == len(guids)
    return guids


async def holdings(studio: Studio, name: LibraryName = "inventory") -> dict[str, ImageDetails]:
    """Every image of a library by guid, newest first, as the sandbox's tables hold it."""
    return {row["guid"]: ImageDetails.model_validate(row) for row in _rows(studio, name)}


def _rows(studio: Studio, name: LibraryName = "inventory") -> Iterator[Row]:
    """What the sandbox's tables hold of a library, newest first.

    No list of the service's is read: what it shows twice, or not yet, must not deceive the judge.
    """
    context = Context(
        studio.app.state.sandbox.images, ALL_OFF, _now(), f"{SANDBOX_URL}/", Unlisted()
    )
    library = ImageLibrary(Name(name), SANDBOX_SESSION_ID, 2)
    for number in itertools.count(1):
        wanted = ListImages(library, page_number=number, per_page=_AT_ONCE, list_products=True)
        rows: Any = _LIST_IMAGES.carry_out(context, wanted).members["images"]
        yield from rows
        if len(rows) < _AT_ONCE:
            return


def _now() -> int:
    return central_time.to_microseconds(central_time.utc_now())


async def everything(studio: Studio) -> dict[str, ImageDetails]:
    """The images of both libraries."""
    return {**await holdings(studio), **await holdings(studio, "temporary")}


async def unsold(studio: Studio, count: int) -> list[ImageDetails]:
    """Inventory images without products, whose texts are within the documented lengths."""
    plain = await _newest(studio, count, lambda one: not one.products)
    assert len(plain) == count
    return plain


async def sold(studio: Studio, count: int) -> list[ImageDetails]:
    """Inventory images that carry products."""
    return await _newest(studio, count, lambda one: bool(one.products))


async def described(studio: Studio) -> ImageDetails:
    """The newest inventory image that carries products and has a title and a description."""
    return next(one for one in _read(studio) if one.products and one.title and one.description)


def rows_of(result: Row) -> list[Row]:
    """What a write tells of each image, in the order of the call.

    Images that ended as asked may be told by their guids alone: they stand in the places that no
    row has, and have the outcome that the rows leave over.
    """
    rows = result["images"]
    guids = result.get("guids", [])
    if not guids:
        return sorted(rows, key=lambda row: row.get("index", 0))
    places = {row["index"] for row in rows}
    free = [place for place in range(len(rows) + len(guids)) if place not in places]
    if sum(result["outcomes"].values()) > len(rows) + len(guids):
        free = [-1] * len(guids)
    left: Counter[str] = Counter(result["outcomes"]) - Counter(row["outcome"] for row in rows)
    ((outcome, count),) = left.items()
    # What an earlier part of the call told is counted, and told no more.
    assert count >= len(guids) == len(free)
    bare = [
        {"index": place, "guid": guid, "outcome": outcome}
        for place, guid in zip(free, guids, strict=True)
    ]
    return sorted([*rows, *bare], key=lambda row: row["index"])


def outcomes(result: Row) -> list[str]:
    """How each image of a write ended, in the order of the call."""
    return [row["outcome"] for row in rows_of(result)]


async def assert_truthful(result: Row, studio: Studio) -> None:
    """Each outcome that a write claims is what the service lists, and the counts are of the rows.

    Promise: the truth about every write. `unknown` claims nothing.
    """
    listed = await everything(studio)
    names = {image.file_name for image in listed.values()}
    for row in rows_of(result):
        guid, outcome = row.get("guid"), row["outcome"]
        if outcome in _GONE:
            assert guid not in listed, row
        elif outcome in _THERE:
            assert "file_name" in row or guid in result["guids"], row
            _assert_text(row, listed[str(guid)])
        elif outcome in _UNTOUCHED:
            assert guid in listed if guid else row["file_name"] not in names, row
        _assert_products_gone(row, listed)
    if sum(result["outcomes"].values()) == len(rows_of(result)):
        assert result["outcomes"] == Counter(outcomes(result))


def _assert_text(row: Row, image: ImageDetails) -> None:
    assert row.get("file_name", image.file_name) == image.file_name
    for field, text in (("title", image.title), ("description", image.description)):
        if change := row.get(f"{field}_change"):
            assert change["after"] == (text or "")


def _assert_products_gone(row: Row, listed: Mapping[str, ImageDetails]) -> None:
    image = listed.get(row.get("guid", ""))
    kept = {product.sku for product in (image.products if image else None) or ()}
    removed = {product["sku"] for product in row.get("products_removed", ())}
    assert removed & kept == set(), row


async def assert_nothing_listed_twice(studio: Studio) -> None:
    """No print master is listed twice.

    Promise: `add_images` is never repeated blind.
    """
    held = [one.private_hires_uri for one in (await holdings(studio)).values()]
    assert len(held) == len(set(held))


def assert_nothing_sent_twice(studio: Studio) -> None:
    """No print master went out in two requests.

    Promise: what was answered, or seen in a list, is not sent again.
    """
    sent = [
        one["private_hires_uri"] for body in studio.wire.to("add_images") for one in body["images"]
    ]
    assert len(sent) == len(set(sent))


def assert_replayed(again: Row, first: Row) -> None:
    """The result on record, marked as such and otherwise as it was."""
    assert {**again, "message": first["message"]} == {**first, "replayed": True}
    assert again["message"] in {f"{words} {first['message']}" for words in (MADE_BEFORE, REPLAYED)}


async def _newest(
    studio: Studio, count: int, wanted: Callable[[ImageDetails], bool]
) -> list[ImageDetails]:
    """The newest inventory images that are wanted and not too long."""
    fit = (one for one in _read(studio) if wanted(one) and len(one.description or "") <= 300)
    return list(itertools.islice(fit, count))


def _read(studio: Studio) -> Iterator[ImageDetails]:
    """The inventory, newest first, of which no more is read than is asked for."""
    return map(ImageDetails.model_validate, _rows(studio))
