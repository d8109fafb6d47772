"""Which images of an add are in the library already: FinerWorks registers the same file twice."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace

from fw_mcp.api.models import ImageDetails, ImageToAdd, LibraryName
from fw_mcp.errors import FwError
from fw_mcp.images.account import Account, Progress
from fw_mcp.images.read import Query
from fw_mcp.images.scan import scan
from fw_mcp.text import counted
from fw_mcp.writes.add_matching import same_file
from fw_mcp.writes.outcomes import Ends, Items

_Sizes = tuple[int | None, int | None, int | None]


async def already_there(
    account: Account,
    images: Items[ImageToAdd],
    library: LibraryName,
    would: Ends,
    progress: Progress,
) -> tuple[Ends, str]:
    """What would become of each image, those that the library holds named, and how many those are.

    Args:
        account: whose.
        images: to be added, by their places in the call.
        library: that is scanned.
        would: what would become of each, if none were there.
        progress: told after each page.
    """
    files = {image.private_hires_uri for image in images.values()}
    sizes: set[_Sizes] = {(one.file_size, one.pix_w, one.pix_h) for one in images.values()}

    def keep(image: ImageDetails) -> ImageDetails | None:
        facts = (image.file_size, image.pix_w, image.pix_h)
        return image if image.private_hires_uri in files or facts in sizes else None

    try:
        walk = await scan(
            account,
            Query(library=library, list_products=False),
            keep,
            started=account.clock(),
            progress=progress,
        )
    except FwError:
        return would, "Whether they are in the library already could not be read."
    there = _matched(images, walk.kept)
    named = {
        item: replace(end, detail=f"Already there as {there[item].guid}: add it only on purpose.")
        if item in there
        else end
        for item, end in would.items()
    }
    is_said = f"In the library already: {counted(len(there), 'image')}." if there else ""
    return named, " ".join(filter(None, (is_said, walk.not_reached)))


def _matched(images: Items[ImageToAdd], listed: Iterable[ImageDetails]) -> dict[int, ImageDetails]:
    """The record of each image that has one, by its URL or by its name, size and pixels."""
    by_uri: dict[str, ImageDetails] = {}
    by_sizes: defaultdict[_Sizes, list[ImageDetails]] = defaultdict(list)
    for record in listed:
        by_uri.setdefault(record.private_hires_uri or "", record)
        by_sizes[record.file_size, record.pix_w, record.pix_h].append(record)
    found: dict[int, ImageDetails] = {}
    for item, image in images.items():
        alike = by_sizes[image.file_size, image.pix_w, image.pix_h]
        # Elsewhere on the net it is the same file still.
        named = (record for record in alike if _is_same(image, record))
        if one := by_uri.get(image.private_hires_uri) or next(named, None):
            found[item] = one
    return found


def _is_same(image: ImageToAdd, record: ImageDetails) -> bool:
    return same_file(image, record.model_copy(update={"private_hires_uri": None}))
