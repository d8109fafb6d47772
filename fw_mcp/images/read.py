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
        count: images the query matches on all pages.
        next_page_number: None on the last page.
    """

    images: tuple[ImageDetails, ...]
    page_number: int
    per_page: int
    count: int

    @property
    def next_page_number(self) -> int | None:
        """The page after this one, while there are images that no page has shown yet."""
        seen = self.page_number * self.per_page
        return self.page_number + 1 if self.images and seen < self.count else None


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
        count=answer.count,
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
        guid → image, for those that exist; in the order of `guids`.

    Raises:
        ApiError: a chunk could not be read, or does not say what products an inventory image has.
    """
    found: dict[str, ImageDetails] = {}

    async def read(chunk: Sequence[str]) -> None:
        query = Query(
            library=library,
            guid_filter=tuple(chunk),
            per_page=account.chunk,
            list_products=products,
        )
        images = await _all_pages(account, query, started)
        if products and library == "inventory":
            _check_products_are_told(images)
        found.update((image.guid, image) for image in images)

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


async def _all_pages(account: Account, query: Query, started: float) -> Collection[ImageDetails]:
    """What the pages of a query by guids hold: a service may give fewer a page than it is asked."""
    wanted = set(query.guid_filter or ())
    found: dict[str, ImageDetails] = {}
    for page_number in range(1, len(wanted) + 2):
        page = await account.in_time(
            search(account, replace(query, page_number=page_number)), started
        )
        known = len(found)
        found.update((image.guid, image) for image in page.images)
        # Where rows and count agree, there is no other page.
        if wanted <= found.keys() or len(found) in {known, page.count}:
            break
    _check_all_are_listed(page.count, found.keys())
    return found.values()


def _check_all_are_listed(count: int, found: Collection[str]) -> None:
    """An image that is only left out of a page must not pass for one that is gone."""
    if count <= len(found):
        return
    raise ShapeError(
        f"FinerWorks listed {len(found)} of {counted(count, 'image')} that it holds.",
        state="This part was only reading; nothing was changed by it.",
        next_step="Try again in a minute; search_images shows what is there.",
        reason=Reason.UNREADABLE_ANSWER,
    )


def _check_products_are_told(images: Collection[ImageDetails]) -> None:
    """Not told is not the same as none: a person would agree to lose nothing."""
    if all(image.products is not None for image in images):
        return
    raise ShapeError(
        "FinerWorks did not say which products hang on the images.",
        state="This part was only reading; nothing was changed by it.",
        next_step="Try again in a minute; without the products nothing is deleted or retitled.",
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
