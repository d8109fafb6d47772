"""`fw-mcp export [FILE.csv]`: the inventory as a spreadsheet, page by page."""

import codecs
import csv
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

import anyio

from fw_mcp.api.models import PAGE_LIMIT
from fw_mcp.cli.output import new_file, tell
from fw_mcp.cli.spreadsheet.cells import text_digest, to_cell
from fw_mcp.images.read import Query, search
from fw_mcp.writes.outcomes import text_of

if TYPE_CHECKING:
    from _typeshed import SupportsWrite

    from fw_mcp.api.models import ImageDetails
    from fw_mcp.assembly import Assembly
    from fw_mcp.images.account import Account

COLUMNS = (
    "guid",
    "title",
    "description",
    "file_name",
    "pix_w",
    "pix_h",
    "date_added",
    "active",
    "products",
    "shops",
    "exported",
)
# With the mark of byte order, without which Excel takes UTF-8 for an older encoding.
ENCODING = "utf-8-sig"
_ACTIVE = MappingProxyType({None: "", True: "true", False: "false"})
_MISSED = 7
_PASSES = 3
_MOST_PAGES = 20_000
# In the order of adding: what is added meanwhile comes last and moves nothing.
_EVERYTHING = Query(per_page=PAGE_LIMIT, sort_field="id", sort_direction="ASC")


def export(assembly: "Assembly", own: Mapping[str, object]) -> int:
    """Write the inventory, oldest image first, to a new file or to stdout.

    Returns:
        0; 7 when an image may have been missed, since images kept going away meanwhile.

    Raises:
        ApiError: a page could not be read; a file that was begun is removed.
        ConfigError: the file exists, or cannot be made.
    """
    file = own["file"]
    if file is not None:
        with new_file(Path(str(file)), encoding=ENCODING, newline="") as out:
            walk = anyio.run(_export, assembly, out)
        tell(f"Images written to {file}: {len(walk.seen)}.")
        return _ended(walk)
    encoded = codecs.getwriter(ENCODING)(sys.stdout.buffer)
    return _ended(anyio.run(_export, assembly, encoded))


class Walk:
    """Every image of the inventory once, a page in memory at a time.

    An image that goes away while the pages are read moves those after it to other pages, where
    they may be missed; the pages are then read again for what is new.

    Args:
        account: whose.

    Attributes:
        seen: the guids of the images so far, which are kept to tell what is new.
        whole: whether no image can have been missed, as far as the service's counts tell.
    """

    def __init__(self, account: "Account") -> None:
        self.seen: set[str] = set()
        self.whole = False
        self._account = account

    async def images(self) -> "AsyncGenerator[ImageDetails]":
        """The images, oldest first, those that were missed at first after them."""
        for _ in range(_PASSES):
            async for image in self._pass():
                yield image
            if self.whole:
                return

    async def _pass(self) -> "AsyncGenerator[ImageDetails]":
        listed = most = 0
        last: tuple[ImageDetails, ...] = ()
        for number in range(1, _MOST_PAGES + 1):
            page = await search(self._account, replace(_EVERYTHING, page_number=number))
            listed += len(page.images)
            most = max(most, page.count)
            for image in page.images:
                if image.guid not in self.seen:
                    self.seen.add(image.guid)
                    yield image
            # A service that gives the same page again and again would never end.
            if page.next_page_number is None or page.images == last:
                self.whole = page.count == most <= min(listed, len(self.seen))
                return
            last = page.images


async def _export(assembly: "Assembly", out: "SupportsWrite[str]") -> Walk:
    walk = Walk(assembly.parts.account)
    sheet = csv.writer(out)
    try:
        async with aclosing(walk.images()) as images:
            # With the first image: a header alone would look like an empty library.
            async for image in images:
                if len(walk.seen) == 1:
                    sheet.writerow(COLUMNS)
                sheet.writerow(cells_of(image))
        if not walk.seen:
            sheet.writerow(COLUMNS)
    finally:
        await assembly.aclose()
    return walk


def cells_of(image: "ImageDetails") -> tuple[str, ...]:
    """The row of an image, in the order of the columns."""
    title, description = text_of(image)
    return (
        image.guid,
        to_cell(title),
        to_cell(description),
        to_cell(image.file_name or ""),
        str(image.pix_w or ""),
        str(image.pix_h or ""),
        image.date_added.isoformat(timespec="seconds") if image.date_added else "",
        _ACTIVE[image.active],
        str(len(image.products)) if image.products is not None else "",
        to_cell(", ".join(sorted({shop for product in image.hung for shop in product.shops}))),
        text_digest(title, description),
    )


def _ended(walk: Walk) -> int:
    if walk.whole:
        return 0
    tell(
        "Images were removed during the export, so others may be missing. "
        "Export again when nothing is being deleted."
    )
    return _MISSED
