"""What the service holds, and what a seller would say of it: the judge of the sessions."""

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from fw_mcp.api.models import (
    AddImagesRequest,
    DeleteImagesRequest,
    ImageDetails,
    ImageToAdd,
    ListImagesRequest,
)
from fw_mcp.images.account import chunked
from tests.support.studio import Studio
from tests.support.truth import holdings

Held = Mapping[str, ImageDetails]
Says = Callable[[ImageDetails], bool]

_PER_PAGE = 50


async def found(studio: Studio, words: str) -> dict[str, ImageDetails]:
    """The inventory images that the service finds for `words`, by guid."""
    held, guids = await holdings(studio), list[str]()
    for page_number in range(1, len(held) // _PER_PAGE + 2):
        request = ListImagesRequest(
            library=studio.api.library("inventory"),
            search_filter=words,
            page_number=page_number,
            per_page=_PER_PAGE,
        )
        guids += [image.guid for image in (await studio.api.list_images(request)).images]
    return {guid: held[guid] for guid in guids}


async def stored_guids(studio: Studio, selection_guid: str) -> list[str]:
    """What a selection holds."""
    return list((await studio.api.list_file_selection(selection_guid)).guids)


async def copied(studio: Studio, image: ImageDetails, **changes: object) -> str:
    """One more record of the same file, added by the judge's own way; gives its guid."""
    names = ("thumbnail_file_name", "preview_file_name", "hires_file_name")
    copy = image.model_dump(include=set(ImageToAdd.model_fields), exclude_none=True)
    request = AddImagesRequest(
        images=[ImageToAdd.model_validate({**dict.fromkeys(names, "copy.jpg"), **copy, **changes})],
        library=studio.api.library("inventory"),
    )
    (added,) = (await studio.api.add_images(request)).images
    assert added.guid
    return added.guid


async def remove_all_but(studio: Studio, kept: Sequence[ImageDetails]) -> None:
    """Make the inventory small, by the judge's own way."""
    gone = sorted(set(await holdings(studio)) - {image.guid for image in kept})
    library = studio.api.library("inventory")
    for guids in chunked(gone, _PER_PAGE):
        await studio.api.delete_images(DeleteImagesRequest(guids=guids, library=library))


def those(held: Held, says: Says) -> set[str]:
    """The guids of the images of which `says` is true."""
    return {guid for guid, image in held.items() if says(image)}


def untitled(image: ImageDetails) -> bool:
    """Nobody gave it a title: there is none, or it is the name of the file."""
    file_name = (image.file_name or "").lower()
    return (image.title or "").strip().lower() in ("", file_name, file_name.rsplit(".", 1)[0])


def undescribed(image: ImageDetails) -> bool:
    """Nobody described it."""
    return not (image.description or "").strip()


def rambling(image: ImageDetails) -> bool:
    """Its description is longer than the service takes today."""
    return len(image.description or "") > 300


def unsold(image: ImageDetails) -> bool:
    """No product hangs on it."""
    return not image.products


def in_shops(image: ImageDetails) -> bool:
    """A product of it is live in a shop."""
    return any(product.shops for product in image.products or ())


def inactive(image: ImageDetails) -> bool:
    """It is switched off."""
    return image.active is False


def expiring(image: ImageDetails) -> bool:
    """It goes within seven days."""
    soon = datetime.now(UTC) + timedelta(days=7)
    return image.date_expires is not None and image.date_expires < soon


def prints_at(image: ImageDetails, sides_in: tuple[float, float]) -> int:
    """Pixels an inch of a print that is covered edge to edge, whichever way round."""
    long_pix, short_pix = sorted((image.pix_w or 0, image.pix_h or 0), reverse=True)
    return math.floor(min(long_pix / max(sides_in), short_pix / min(sides_in)))


def texts(held: Held) -> dict[str, tuple[str, str]]:
    """Title and description by guid; none is as good as an empty one."""
    return {guid: (image.title or "", image.description or "") for guid, image in held.items()}


def product_skus(held: Held) -> dict[str, list[str]]:
    """The SKUs of the products that hang on each image, by guid."""
    return {
        guid: sorted(product.sku or "" for product in image.products or ())
        for guid, image in held.items()
    }
