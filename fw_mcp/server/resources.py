"""Resources and their addresses: images, products, selections, and changes; each read fresh."""

from collections.abc import Awaitable, Callable, Mapping
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
    ChangeRow,
    change_row,
    change_rows,
    when_told,
)
from fw_mcp.server.parts import Parts
from fw_mcp.server.product_rows import cut
from fw_mcp.server.rows import GUID_SHOWN, compact, image_record, image_row
from fw_mcp.server.tool import foreseen
from fw_mcp.text import quoted, shown
from fw_mcp.writes.changes import ItemTold

IMAGES = (
    "finerworks://images"
    "{?library,search_filter,active,sort_field,sort_direction,page_number,per_page}"
)
IMAGE = "finerworks://images/{guid}"
PRODUCTS = "finerworks://products{?search_filter,sort_field,sort_direction,page_number,per_page}"
SELECTION = "finerworks://selections/{guid}"
CHANGES = "finerworks://changes{?page_number}"
CHANGE = "finerworks://changes/{change_id}{?page_number}"

_PAGES = UriTemplate.parse(IMAGES)
_PRODUCT_PAGES = UriTemplate.parse(PRODUCTS)
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


def next_uri(query: Query, number: int | None) -> str | None:
    """The URI of the page with this number; None without one, or when no URI can say the query."""
    if number is None or not _sayable(query):
        return None
    return page_uri(replace(query, page_number=number))


def previous_uri(query: Query) -> str | None:
    """The URI of the page before; None on the first."""
    if query.page_number == 1:
        return None
    return page_uri(replace(query, page_number=query.page_number - 1))


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


def changes_uri(page_number: int) -> str:
    """The URI of a page of changes."""
    return _CHANGES_PAGES.expand({"page_number": str(page_number)})


def change_uri(change_id: str, page_number: int) -> str:
    """The URI of a page of a change's items."""
    return _CHANGE_PAGES.expand({"change_id": change_id, "page_number": str(page_number)})


def _sayable(query: Query) -> bool:
    return not (query.guid_filter or query.upload_date_from or query.upload_date_to)


MIME_TYPE = "application/json"
# The API's integers have 32 bits; its refusal of more would look like a fault of this server.
_LAST_PAGE = 2**31 - 1
_ITEMS_PER_PAGE = 50
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
    per_page: int = Field(25, ge=1, le=50)


class _Products(BaseModel):
    """The query of a page of products."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    search_filter: str | None = Field(None, max_length=300)
    sort_field: SortField = "id"
    sort_direction: SortDirection = "DESC"
    page_number: int = Field(1, ge=1, le=_LAST_PAGE)
    per_page: int = Field(10, ge=1, le=50)


class _Numbered(BaseModel):
    """The query of a page of the journal."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    page_number: int = Field(1, ge=1, le=1_000_000)


class _Named(BaseModel):
    """The guid in a URI."""

    guid: Guid


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
    rows = [image_row(image).model_dump(mode="json", exclude_none=True) for image in page.images]
    return compact(
        {
            "images": rows,
            "page_number": page.page_number,
            "per_page": page.per_page,
            "count": max(page.count, page.seen),
            "next": next_uri(query, page.next_page_number),
            "previous": previous_uri(query),
            **({"not_reached": page.not_reached} if page.not_reached else {}),
        }
    )


async def _products(parts: Parts, **asked: Any) -> str:  # noqa: ANN401  the fields of _Products
    """A page of products, cut where it is longer than hosts take; `next` goes on from there."""
    query = ProductQuery(**asked)
    page = await list_products(parts.account, query)
    rows, rest = cut([short(one) for one in page.products], query, page.next_page_number)
    document: dict[str, Any] = {
        "products": [row.structured() for row in rows],
        "page_number": query.page_number,
        "per_page": query.per_page,
        "count": max(page.count, page.seen),
    }
    if page.not_reached:
        document["not_reached"] = page.not_reached
    if rest.next_page_number:
        following = replace(query, page_number=rest.next_page_number, per_page=rest.next_per_page)
        document["next"] = products_uri(following)
    if query.page_number > 1:
        document["previous"] = products_uri(replace(query, page_number=query.page_number - 1))
    if rest.note:
        document["note"] = rest.note
    return compact(document)


async def _image(parts: Parts, guid: str) -> str:
    """One image."""
    account = parts.account
    found = await read_anywhere(account, [guid], started=account.clock())
    if guid not in found:
        raise ResourceNotFoundError(f"There is no image {guid}. search_images lists them.")
    return compact(image_record(found[guid], show_hires=parts.show_hires))


async def _selection(parts: Parts, guid: str) -> str:
    """One selection."""
    stored = await read_selection(parts.account, guid)
    if not stored:
        raise ResourceNotFoundError(f"There is no selection {guid}. set_selection makes one.")
    return compact({"guid": guid, "guids": [shown(one, GUID_SHOWN).text for one in stored]})


async def _changes(parts: Parts, page_number: int) -> str:
    """A page of what was changed."""
    page = await parts.writes.changes.listed(page_number, PER_PAGE)
    more = page_number * PER_PAGE < page.count
    since = page.kept_since
    return compact(
        {
            "changes": list(map(_change_row, change_rows(page))),
            "page_number": page_number,
            "per_page": PER_PAGE,
            "count": page.count,
            "kept_since": None if since is None else when_told(since, page.now),
            "next": changes_uri(page_number + 1) if more else None,
            "previous": changes_uri(page_number - 1) if page_number > 1 else None,
        }
    )


async def _change(parts: Parts, change_id: str, page_number: int) -> str:
    """One change, with a page of its items."""
    changes = parts.writes.changes
    told = await changes.told(change_id)
    if told is None:
        raise ResourceNotFoundError(
            f"There is no change {quoted(change_id, GUID_SHOWN)}. finerworks://changes lists them."
        )
    listed, items = told
    shown_from = (page_number - 1) * _ITEMS_PER_PAGE
    more = page_number * _ITEMS_PER_PAGE < len(items)
    return compact(
        {
            **_change_row(change_row(listed, changes.now())),
            "items": [_item_row(one) for one in items[shown_from : shown_from + _ITEMS_PER_PAGE]],
            "page_number": page_number,
            "per_page": _ITEMS_PER_PAGE,
            "count": len(items),
            "next": change_uri(change_id, page_number + 1) if more else None,
            "previous": change_uri(change_id, page_number - 1) if page_number > 1 else None,
        }
    )


def _change_row(row: ChangeRow) -> dict[str, Any]:
    return row.model_dump(mode="json", exclude_none=True)


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
        "The guids of the images it holds, as stored now.",
        _Named,
        _selection,
    ),
    _Kind(
        UriTemplate.parse(CHANGES),
        "changes-page",
        "A page of changes",
        "What was done, when, by which client and how it was confirmed; newest first.",
        _Numbered,
        _changes,
    ),
    _Kind(
        UriTemplate.parse(CHANGE),
        "change",
        "One change",
        "The outcome of each of its images, 50 per page. undo_change takes its change_id.",
        _Numbered,
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
