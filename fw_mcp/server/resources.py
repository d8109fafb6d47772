"""Resources and their addresses: images, products, selections, and changes; each read fresh."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from mcp.server.mcpserver import ResourceSecurity
from mcp.server.mcpserver.exceptions import (
    ResourceError,
    ResourceNotFoundError,
    UnexpectedResourceError,
)
from mcp.server.mcpserver.resources import DEFAULT_RESOURCE_SECURITY
from mcp.shared.exceptions import MCPError
from mcp.shared.uri_template import UriTemplate
from mcp.types import INVALID_PARAMS, Resource, ResourceTemplate
from pydantic import BaseModel, ConfigDict, Field

from fw_mcp.api.models import LibraryName, SortDirection, SortField
from fw_mcp.errors import ArgumentsError, FwError
from fw_mcp.images.products import ProductQuery, list_products, short
from fw_mcp.images.read import Query, read_anywhere, read_selection, search
from fw_mcp.server.arguments import Guid, read_arguments
from fw_mcp.server.change_rows import (
    CALLER_SHOWN,
    PER_PAGE,
    change_row,
    change_rows,
    when_told,
)
from fw_mcp.server.cutting import Paged, Size, cut
from fw_mcp.server.parts import Parts
from fw_mcp.server.product_rows import short_row
from fw_mcp.server.rows import GUID_SHOWN, compact, image_record, image_row
from fw_mcp.server.tool import foreseen
from fw_mcp.text import counted, quoted, shown
from fw_mcp.writes.changes import ItemTold
from fw_mcp.writes.chosen import page_of

IMAGES = (
    "finerworks://images"
    "{?library,search_filter,active,sort_field,sort_direction,page_number,per_page}"
)
IMAGE = "finerworks://images/{guid}"
PRODUCTS = "finerworks://products{?search_filter,sort_field,sort_direction,page_number,per_page}"
SELECTION = "finerworks://selections/{guid}{?page_number,per_page}"
CHANGES = "finerworks://changes{?page_number,per_page}"
CHANGE = "finerworks://changes/{change_id}{?page_number,per_page}"

_PER_PAGE = 25
_ITEMS_PER_PAGE = 50
_PAGES = UriTemplate.parse(IMAGES)
_PRODUCT_PAGES = UriTemplate.parse(PRODUCTS)
_SELECTION_PAGES = UriTemplate.parse(SELECTION)
_CHANGES_PAGES = UriTemplate.parse(CHANGES)
_CHANGE_PAGES = UriTemplate.parse(CHANGE)


def page_uri(query: Query) -> str:
    """The URI of the page that `query` names."""
    values = {
        "library": query.library,
        "search_filter": query.search_filter,
        "active": None if query.active is None else str(query.active).lower(),
        "sort_field": query.sort_field,
        "sort_direction": query.sort_direction,
        "page_number": str(query.page_number),
        "per_page": str(query.per_page),
    }
    given = {name: value for name, value in values.items() if value is not None}
    return _PAGES.expand(given)


def products_uri(query: ProductQuery) -> str:
    """The URI of the page of products that `query` names."""
    values = {
        "search_filter": query.search_filter,
        "sort_field": query.sort_field,
        "sort_direction": query.sort_direction,
        "page_number": str(query.page_number),
        "per_page": str(query.per_page),
    }
    return _PRODUCT_PAGES.expand({name: one for name, one in values.items() if one is not None})


def selection_uri(guid: str, page_number: int, per_page: int) -> str:
    """The URI of a page of a selection's images."""
    return _SELECTION_PAGES.expand({"guid": guid, **_place(page_number, per_page)})


def changes_uri(page_number: int, per_page: int = PER_PAGE) -> str:
    """The URI of a page of changes."""
    return _CHANGES_PAGES.expand(_place(page_number, per_page, usual=PER_PAGE))


def change_uri(change_id: str, page_number: int, per_page: int) -> str:
    """The URI of a page of a change's items."""
    place = _place(page_number, per_page, usual=_ITEMS_PER_PAGE)
    return _CHANGE_PAGES.expand({"change_id": change_id, **place})


def _place(page_number: int, per_page: int, usual: int = _PER_PAGE) -> dict[str, str]:
    size = {} if per_page == usual else {"per_page": str(per_page)}
    return {"page_number": str(page_number), **size}


MIME_TYPE = "application/json"
# The API's integers have 32 bits; its refusal of more would look like a fault of this server.
_LAST_PAGE = 2**31 - 1
_TEXT_SHOWN = 300
_LIBRARIES: tuple[tuple[LibraryName, str], ...] = (
    ("inventory", "the permanent library"),
    ("temporary", "this session's temporary images"),
)


class _Page(BaseModel):
    """The query of a page, as text in a URI."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    library: LibraryName = "inventory"
    search_filter: str | None = Field(None, max_length=300)
    active: bool | None = None
    sort_field: SortField = "id"
    sort_direction: SortDirection = "DESC"
    page_number: int = Field(1, ge=1, le=_LAST_PAGE)
    per_page: int = Field(_PER_PAGE, ge=1, le=50)


class _Products(BaseModel):
    """The query of a page of products."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    search_filter: str | None = Field(None, max_length=300)
    sort_field: SortField = "id"
    sort_direction: SortDirection = "DESC"
    page_number: int = Field(1, ge=1, le=_LAST_PAGE)
    per_page: int = Field(10, ge=1, le=50)


class _Changes(BaseModel):
    """The query of a page of the journal."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    page_number: int = Field(1, ge=1, le=1_000_000)
    per_page: int = Field(PER_PAGE, ge=1, le=50)


class _Items(BaseModel):
    """The query of a page of one change."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    page_number: int = Field(1, ge=1, le=1_000_000)
    per_page: int = Field(_ITEMS_PER_PAGE, ge=1, le=50)


class _Named(BaseModel):
    """The guid in a URI."""

    guid: Guid


class _Selected(BaseModel):
    """The guid in a URI, and the query of a page of its images."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    guid: Guid
    page_number: int = Field(1, ge=1, le=_LAST_PAGE)
    per_page: int = Field(_PER_PAGE, ge=1, le=50)


def first_pages() -> list[Resource]:
    """The concrete entries: the first page of each, for hosts without templates."""
    images = [
        Resource(
            uri=page_uri(Query(library=name)),
            name=f"{name}-images",
            title=f"Images: {name}",
            description=f"The newest images of {meaning}, 25 a page.",
            mime_type=MIME_TYPE,
        )
        for name, meaning in _LIBRARIES
    ]
    products = Resource(
        uri=products_uri(ProductQuery()),
        name="products",
        title="Products",
        description="The newest products made from images, with prices and shops, 10 per page.",
        mime_type=MIME_TYPE,
    )
    changes = Resource(
        uri=changes_uri(1),
        name="changes",
        title="Changes",
        description="What was done to the library, newest first, 25 a page.",
        mime_type=MIME_TYPE,
    )
    return [*images, products, changes]


async def read(parts: Parts, uri: str) -> str | None:
    """The document at `uri`; None for an address that is not of this library.

    Raises:
        MCPError: invalid parameters, naming the nearest real one; or text that is no URI at all.
        ResourceError: there is no such document, or it could not be read.
    """
    if not _is_ours(uri):
        return None
    for kind in _KINDS:
        named = kind.template.match(uri)
        if named is not None:
            return await _told(kind, parts, uri, named)
    raise _unknown(uri)


def _is_ours(uri: str) -> bool:
    try:
        return urlsplit(uri).scheme == "finerworks"
    except ValueError as malformed:
        told = f"{quoted(uri, 100)} is not a URI. Nothing was read."
        raise MCPError(INVALID_PARAMS, told, {"uri": uri}) from malformed


def _unknown(uri: str) -> ResourceNotFoundError:
    return ResourceNotFoundError(f"Unknown resource: {uri}")


async def _images(parts: Parts, **asked: Any) -> str:  # noqa: ANN401  the fields of _Page
    """A page of images."""
    query = Query(**asked)
    page = await search(parts.account, query)
    return _page(
        "images",
        [image_row(image).structured() for image in page.images],
        Paged(query.page_number, query.per_page, page.next_page_number, "image"),
        lambda number, size: page_uri(replace(query, page_number=number, per_page=size)),
        count=max(page.count, page.seen),
        not_reached=page.not_reached or None,
    )


async def _products(parts: Parts, **asked: Any) -> str:  # noqa: ANN401  the fields of _Products
    """A page of products."""
    query = ProductQuery(**asked)
    page = await list_products(parts.account, query)
    return _page(
        "products",
        [short_row(short(one)).structured() for one in page.products],
        Paged(query.page_number, query.per_page, page.next_page_number, "product"),
        lambda number, size: products_uri(replace(query, page_number=number, per_page=size)),
        count=max(page.count, page.seen),
        not_reached=page.not_reached or None,
    )


def _page(
    name: str,
    rows: Sequence[Mapping[str, Any]],
    page: Paged,
    uri: Callable[[int, int], str],
    **facts: object,
) -> str:
    """A page, cut where it is longer than hosts take; `next` goes on from there.

    Args:
        name: of the list.
        rows: all that the page holds.
        page: that they are of.
        uri: the URI of a page, from its number and its size.
        facts: what else is said; nothing of what is None.
    """
    said = {fact: one for fact, one in facts.items() if one is not None}
    sizes = [Size(0, len(compact(row)) + 1) for row in rows]
    rest = cut(sizes, page, said=len(compact(said)))
    document = {
        **said,
        name: rows[: rest.kept],
        "page_number": page.number,
        "per_page": page.per_page,
        "next": rest.next_page_number and uri(rest.next_page_number, rest.next_per_page),
        "previous": uri(page.number - 1, page.per_page) if page.number > 1 else None,
        "note": _cut_note(len(rows) - rest.kept, page.what),
    }
    return compact({member: one for member, one in document.items() if one is not None})


def _cut_note(absent: int, what: str) -> str | None:
    return f"{counted(absent, what)} of this page did not fit: read next." if absent else None


async def _image(parts: Parts, guid: str) -> str:
    """One image."""
    account = parts.account
    found = await read_anywhere(account, [guid], started=account.clock())
    if guid not in found:
        raise ResourceNotFoundError(f"There is no image {guid}. search_images lists them.")
    return compact(image_record(found[guid], show_hires=parts.show_hires))


async def _selection(parts: Parts, guid: str, page_number: int, per_page: int) -> str:
    """One selection, with a page of its images."""
    account = parts.account
    stored = await read_selection(account, guid)
    if not stored:
        raise ResourceNotFoundError(f"There is no selection {guid}. set_selection makes one.")
    query = Query(page_number=page_number, per_page=per_page)
    page = await page_of(account, list(dict.fromkeys(stored)), query, account.clock())
    return _page(
        "images",
        [image_row(image).structured() for image in page.images],
        Paged(page_number, per_page, page.next_page_number, "image"),
        lambda number, size: selection_uri(guid, number, size),
        guid=guid,
        count=page.count,
        not_reached=page.not_reached or None,
    )


async def _changes(parts: Parts, page_number: int, per_page: int) -> str:
    """A page of what was changed."""
    page = await parts.writes.changes.listed(page_number, per_page)
    since = page.kept_since
    return _page(
        "changes",
        [row.structured() for row in change_rows(page)],
        _numbered(page_number, per_page, page.count, "change"),
        changes_uri,
        count=page.count,
        kept_since=None if since is None else when_told(since, page.now),
    )


async def _change(parts: Parts, change_id: str, page_number: int, per_page: int) -> str:
    """One change, with a page of its items."""
    changes = parts.writes.changes
    told = await changes.told(change_id)
    if told is None:
        raise ResourceNotFoundError(
            f"There is no change {quoted(change_id, GUID_SHOWN)}. finerworks://changes lists them."
        )
    listed, items = told
    shown_from = (page_number - 1) * per_page
    return _page(
        "items",
        [_item_row(one) for one in items[shown_from : shown_from + per_page]],
        _numbered(page_number, per_page, len(items), "image"),
        lambda number, size: change_uri(change_id, number, size),
        **change_row(listed, changes.now()).structured(),
        count=len(items),
    )


def _numbered(page_number: int, per_page: int, count: int, what: str) -> Paged:
    more = page_number * per_page < count
    return Paged(page_number, per_page, page_number + 1 if more else None, what)


def _item_row(item: ItemTold) -> dict[str, Any]:
    return {
        "outcome": item.outcome,
        **_texts(
            guid=(item.guid, GUID_SHOWN),
            file_name=(item.file_name, CALLER_SHOWN),
            detail=(item.detail, _TEXT_SHOWN),
        ),
    }


def _texts(**texts: tuple[str | None, int]) -> dict[str, Any]:
    """Texts as they are shown, up to so many characters; what is empty is left out."""
    views = {name: shown(text, limit) for name, (text, limit) in texts.items() if text}
    escaped = any(view.escaped for view in views.values())
    return {name: view.text for name, view in views.items()} | (
        {"escaped": True} if escaped else {}
    )


@dataclass(frozen=True, slots=True)
class _Kind:
    """One row of the table: a template as it is listed, and how its documents are read.

    Attributes:
        asks: the model of its query, or of its path where it has no query.
        read: called with the fields of `asks` and what else the path names.
    """

    template: UriTemplate
    name: str
    title: str
    description: str
    asks: type[BaseModel]
    read: Callable[..., Awaitable[str]]
    security: ResourceSecurity = DEFAULT_RESOURCE_SECURITY


_KINDS = (
    _Kind(
        UriTemplate.parse(IMAGES),
        "images",
        "A page of images",
        "Compact rows with count, next and previous URIs.",
        _Page,
        _images,
        # A search is free text: "../" in it is no path.
        ResourceSecurity(exempt_params={"search_filter"}),
    ),
    _Kind(
        UriTemplate.parse(IMAGE),
        "image",
        "One image",
        "The full record, with its products.",
        _Named,
        _image,
    ),
    _Kind(
        UriTemplate.parse(PRODUCTS),
        "products",
        "A page of products",
        "Short rows with prices and shops, count, next and previous URIs.",
        _Products,
        _products,
        ResourceSecurity(exempt_params={"search_filter"}),
    ),
    _Kind(
        UriTemplate.parse(SELECTION),
        "selection",
        "One selection",
        "The images it holds, as stored now: compact rows with count, next and previous URIs.",
        _Selected,
        _selection,
    ),
    _Kind(
        UriTemplate.parse(CHANGES),
        "changes-page",
        "A page of changes",
        "What was done, when, by which client and how it was confirmed; newest first.",
        _Changes,
        _changes,
    ),
    _Kind(
        UriTemplate.parse(CHANGE),
        "change",
        "One change",
        "The outcome of each of its images, 50 per page. undo_change takes its change_id.",
        _Items,
        _change,
    ),
)


def templates() -> list[ResourceTemplate]:
    """The templates, as they are listed."""
    return [
        ResourceTemplate(
            uri_template=str(kind.template),
            name=kind.name,
            title=kind.title,
            description=kind.description,
            mime_type=MIME_TYPE,
        )
        for kind in _KINDS
    ]


async def _told(kind: _Kind, parts: Parts, uri: str, named: Mapping[str, Any]) -> str:
    """The boundary for resources: whatever goes wrong reaches the host in our words."""
    if kind.security.validate(named) is not None:
        raise _unknown(uri)
    with foreseen(UnexpectedResourceError(f"{quoted(uri, 100)} could not be read.")):
        try:
            return await kind.read(parts, **_asked(kind, uri, named))
        except FwError as error:
            raise ResourceError(str(error)) from error


def _asked(kind: _Kind, uri: str, named: Mapping[str, Any]) -> dict[str, Any]:
    """What an address asks for, with what it names that nobody knows, which is refused."""
    known = kind.asks.model_fields
    # The SDK's match drops a parameter it does not know, and the page would be another.
    query = dict(parse_qsl(urlsplit(uri).query, keep_blank_values=True))
    values = query | {name: value for name, value in named.items() if name in known}
    path = {name: value for name, value in named.items() if name not in known}
    try:
        return path | read_arguments(f"{quoted(uri, 100)} could not be read", kind.asks, values)
    except ArgumentsError as error:
        raise MCPError(INVALID_PARAMS, str(error), {"uri": uri}) from error
