"""Search, and read by guid."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import anyio

from fw_mcp.api.models import (
    ImageDetails,
    LibraryName,
    ListImagesRequest,
    SortDirection,
    SortField,
)
from fw_mcp.errors import FwError, Reason, ShapeError
from fw_mcp.images.account import Account, chunked
from fw_mcp.text import counted

UNCOUNTED = "FinerWorks does not report how many there are: continue until a page is empty."


@dataclass(frozen=True, slots=True)
class Query:
    """What `list_images` is asked, in its own words."""

    library: LibraryName = "inventory"
    search_filter: str | None = None
    guid_filter: tuple[str, ...] | None = None
    page_number: int = 1
    per_page: int = 25
    sort_field: SortField = "id"
    sort_direction: SortDirection = "DESC"
    upload_date_from: str | None = None
    upload_date_to: str | None = None
    list_products: bool = True
    active: bool | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a listing.

    Attributes:
        count: images the query matches on all pages, as the service tells; 0 where it does not.
        unreadable: the ids of records that cannot be read, and are left out; None for no id.
        next_page_number: None on the last page.
    """

    images: tuple[ImageDetails, ...]
    page_number: int
    per_page: int
    count: int
    unreadable: tuple[int | None, ...] = ()

    @property
    def next_page_number(self) -> int | None:
        """The page after this one, unless rows and count agree that there is none.

        A service may give fewer a page than it is asked for, and count what it likes.
        """
        return self.page_number + 1 if self.images and self.count != self.seen else None

    @property
    def not_reached(self) -> str:
        """What the page and its count do not tell; "" when that is nothing."""
        skipped = counted(len(self.unreadable), "record")
        unreadable = f"{skipped} skipped because the guid cannot be read."
        parts = (
            unreadable if self.unreadable else "",
            UNCOUNTED if self.images and not self.is_counted else "",
        )
        return " ".join(filter(None, parts))

    @property
    def is_counted(self) -> bool:
        """Whether the count is no less than there are up to here."""
        return self.count >= self.seen

    @property
    def seen(self) -> int:
        """How many images there are up to the end of this page, at least."""
        before = (self.page_number - 1) * self.per_page if self.images else 0
        return before + len({image.guid for image in self.images}) + len(self.unreadable)


async def search(account: Account, query: Query) -> Page:
    """One page of what `query` matches.

    Raises:
        ApiError: the service failed, or the way to it.
        ConfigError: the keys are missing.
    """
    async with account.reading() as client:
        answer = await client.list_images(
            ListImagesRequest(
                library=client.library(query.library),
                search_filter=query.search_filter,
                guid_filter=list(query.guid_filter) if query.guid_filter else None,
                page_number=query.page_number,
                per_page=query.per_page,
                sort_field=query.sort_field,
                sort_direction=query.sort_direction,
                upload_date_from=query.upload_date_from,
                upload_date_to=query.upload_date_to,
                list_products=query.list_products,
                active=query.active,
            )
        )
    return Page(
        images=tuple(answer.images),
        page_number=query.page_number,
        per_page=query.per_page,
        count=answer.count or 0,
        unreadable=answer.unreadable,
    )


async def read_images(
    account: Account,
    guids: Sequence[str],
    library: LibraryName,
    *,
    started: float,
    products: bool = True,
) -> Mapping[str, ImageDetails]:
    """The images with these guids as they stand now, with their products.

    Args:
        account: whose.
        guids: any number; asked for in chunks of 50, four at a time.
        library: `inventory` or `temporary`.
        started: when the call began, on the account's clock.
        products: ask for the products; nothing may be destroyed on a reading without them.

    Returns:
        guid → image, for those that exist; in the order of `guids`. Where the service does not say
        what products an inventory image has, they are named as odd.

    Raises:
        ApiError: a chunk could not be read.
    """
    found: dict[str, ImageDetails] = {}

    async def read(chunk: Sequence[str]) -> None:
        query = Query(
            library=library,
            guid_filter=tuple(chunk),
            per_page=account.chunk,
            list_products=products,
        )
        for image in await _named(account, query, started):
            untold = products and library == "inventory" and image.products is None
            found[image.guid] = image.with_odd("products") if untold else image

    failed: list[FwError] = []
    try:
        async with anyio.create_task_group() as group:
            for chunk in chunked(guids, account.chunk):
                group.start_soon(read, chunk)
    except* FwError as faults:
        # Raised right here, the first Pythons of 3.11 would put it into a group again.
        failed.append(_first(faults))
    for fault in failed:
        raise fault
    # A service that ignored guid_filter would otherwise hand over images nobody named.
    return {guid: found[guid] for guid in guids if guid in found}


async def read_anywhere(
    account: Account, guids: Sequence[str], *, started: float, products: bool = True
) -> Mapping[str, ImageDetails]:
    """The images with these guids, from the inventory or else among the temporary ones.

    `update_images` and selections name images by guid alone, whichever library they are in.
    Args, returns and errors are those of `read_images`.
    """
    found = await read_images(account, guids, "inventory", started=started, products=products)
    elsewhere = [guid for guid in guids if guid not in found]
    if not elsewhere:
        return found
    return {**found, **await read_images(account, elsewhere, "temporary", started=started)}


async def read_where_products_show(
    account: Account, guids: Sequence[str], library: LibraryName, *, started: float
) -> Mapping[str, ImageDetails]:
    """The images with these guids in `library`, each with the products it has anywhere.

    A service that ignores `library` lists inventory images among the temporary ones, without their
    products. Args, returns and errors are those of `read_images`.
    """
    found = await read_images(account, guids, library, started=started)
    if library == "inventory" or not found:
        return found
    shown = await read_images(account, list(found), "inventory", started=started)
    return {guid: shown.get(guid, image) for guid, image in found.items()}


async def _named(account: Account, query: Query, started: float) -> Collection[ImageDetails]:
    """What is listed of the images that a query names by guid.

    A service may give fewer a page than it is asked for, so what is missing is asked for again,
    alone, as long as anything new comes.
    """
    found: dict[str, ImageDetails] = {}
    left = query.guid_filter or ()
    while left:
        page = await account.in_time(search(account, replace(query, guid_filter=left)), started)
        found |= {image.guid: image for image in page.images if image.guid in left}
        before, left = left, tuple(guid for guid in left if guid not in found)
        if left and len(page.unreadable) >= len(left):
            return [*found.values(), *map(_unreadable, left)]
        if len(left) == len(before):
            _check_none_is_left_out(page, len(left))
            break
    return found.values()


def _unreadable(guid: str) -> ImageDetails:
    """An image that is there, and of which nothing can be read."""
    return ImageDetails(guid=guid).with_odd("guid", "title", "description", "products")


def _check_none_is_left_out(page: Page, asked: int) -> None:
    """An image that is only left out of a page must not pass for one that is gone."""
    # A count of more than was asked for is none, unless the service lists what nobody named.
    counts_them = page.is_counted and len(page.images) < page.count
    if not page.unreadable and not (counts_them and (page.images or page.count <= asked)):
        return
    raise ShapeError(
        f"FinerWorks returned {len(page.images)} of the {counted(page.count, 'image')} it reports.",
        state="This step only read; nothing was changed.",
        next_step="Try again in a minute; search_images shows what is there.",
        reason=Reason.UNREADABLE_ANSWER,
    )


def _first(faults: BaseExceptionGroup[FwError]) -> FwError:
    one = faults.exceptions[0]
    return _first(one) if isinstance(one, BaseExceptionGroup) else one


async def read_selection(account: Account, selection_guid: str) -> tuple[str, ...]:
    """The guids a selection holds; none when the service does not know it.

    Raises:
        ApiError: it could not be read.
    """
    async with account.reading() as client:
        answer = await client.list_file_selection(selection_guid)
    return tuple(answer.guids)
