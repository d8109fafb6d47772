"""Resources and their addresses: images, selections, and what was changed; each read fresh."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import wraps
from typing import Any, ParamSpec
from urllib.parse import parse_qsl, urlsplit

from mcp.server.mcpserver import MCPServer, ResourceSecurity
from mcp.server.mcpserver.exceptions import ResourceError, ResourceNotFoundError
from mcp.shared.exceptions import MCPError
from mcp.shared.uri_template import UriTemplate
from mcp.types import INVALID_PARAMS, Resource
from pydantic import BaseModel, ConfigDict, Field

from fw_mcp.api.models import LibraryName, SortDirection, SortField
from fw_mcp.errors import ArgumentsError, FwError
from fw_mcp.images.read import Page, Query, read_anywhere, search
from fw_mcp.server.arguments import Guid, read_arguments
from fw_mcp.server.context import Call, Parts, parts_of
from fw_mcp.server.rows import GUID_SHOWN, compact, image_record, image_row
from fw_mcp.text import quoted, shown
from fw_mcp.writes.changes import Item, Summary, accepted_how, items_of
from fw_mcp.writes.select import read_selection

IMAGES = (
    "finerworks://images"
    "{?library,search_filter,active,sort_field,sort_direction,page_number,per_page}"
)
IMAGE = "finerworks://images/{guid}"
SELECTION = "finerworks://selections/{guid}"
CHANGES = "finerworks://changes{?page_number}"
CHANGE = "finerworks://changes/{change_id}{?page_number}"

_PAGES = UriTemplate.parse(IMAGES)
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


def next_uri(query: Query, page: Page) -> str | None:
    """The URI of the page after `page`; None on the last, or when no URI can say the query."""
    if page.next_page_number is None or not _sayable(query):
        return None
    return page_uri(replace(query, page_number=page.next_page_number))


def previous_uri(query: Query) -> str | None:
    """The URI of the page before; None on the first."""
    if query.page_number == 1:
        return None
    return page_uri(replace(query, page_number=query.page_number - 1))


def changes_uri(page_number: int) -> str:
    """The URI of a page of changes."""
    return _CHANGES_PAGES.expand({"page_number": str(page_number)})


def change_uri(change_id: str, page_number: int) -> str:
    """The URI of a page of a change's items."""
    return _CHANGE_PAGES.expand({"change_id": change_id, "page_number": str(page_number)})


def _sayable(query: Query) -> bool:
    return not (query.guid_filter or query.upload_date_from or query.upload_date_to)


P = ParamSpec("P")

_JSON = "application/json"
# The API's integers have 32 bits; its refusal of more would look like a fault of this server.
_LAST_PAGE = 2**31 - 1
_CHANGES_PER_PAGE = 25
_ITEMS_PER_PAGE = 50
_CALLER_SHOWN = 80
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


class _Numbered(BaseModel):
    """The query of a page of the journal."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    page_number: int = Field(1, ge=1, le=1_000_000)


class _Named(BaseModel):
    """The guid in a URI."""

    guid: Guid


def register_resources(server: MCPServer[Parts]) -> None:
    """Add the templates."""
    # A search is free text: "../" in it is no path.
    free_text = ResourceSecurity(exempt_params={"search_filter"})
    server.resource(
        IMAGES,
        name="images",
        title="A page of images",
        description="Compact rows with count, next and previous URIs.",
        mime_type=_JSON,
        security=free_text,
    )(_told(_images))
    server.resource(
        IMAGE,
        name="image",
        title="One image",
        description="The full record, with its products.",
        mime_type=_JSON,
    )(_told(_image))
    server.resource(
        SELECTION,
        name="selection",
        title="One selection",
        description="The guids of the images it holds, as stored now.",
        mime_type=_JSON,
    )(_told(_selection))
    server.resource(
        CHANGES,
        name="changes-page",
        title="A page of changes",
        description="What was done, when, by which client, accepted how; newest first.",
        mime_type=_JSON,
    )(_told(_changes))
    server.resource(
        CHANGE,
        name="change",
        title="One change",
        description="How each of its images ended, 50 a page. undo_change takes its change_id.",
        mime_type=_JSON,
    )(_told(_change))


def first_pages() -> list[Resource]:
    """The concrete entries: the first page of each, for hosts without templates."""
    images = [
        Resource(
            uri=page_uri(Query(library=name)),
            name=f"{name}-images",
            title=f"Images: {name}",
            description=f"The newest images of {meaning}, 25 a page.",
            mime_type=_JSON,
        )
        for name, meaning in _LIBRARIES
    ]
    changes = Resource(
        uri=changes_uri(1),
        name="changes",
        title="Changes",
        description="What was done to the library, newest first, 25 a page.",
        mime_type=_JSON,
    )
    return [*images, changes]


def check_uri(uri: str) -> None:
    """Refuse a query parameter nobody knows: the SDK drops it, and the page would be another.

    Raises:
        MCPError: invalid parameters, naming the nearest real one; or text that is no URI at all.
    """
    try:
        parts = urlsplit(uri)
    except ValueError as malformed:
        told = f"{quoted(uri, 100)} is not a URI. Nothing was read."
        raise MCPError(INVALID_PARAMS, told, {"uri": uri}) from malformed
    if parts.scheme != "finerworks":
        return
    model: type[BaseModel]
    if (parts.netloc, parts.path) == ("images", ""):
        model = _Page
    elif parts.netloc == "changes":
        model = _Numbered
    else:
        return
    _checked(uri, model, dict(parse_qsl(parts.query, keep_blank_values=True)))


async def _images(
    ctx: Call,
    *,
    library: str = "inventory",
    search_filter: str = "",
    active: str = "",
    sort_field: str = "id",
    sort_direction: str = "DESC",
    page_number: str = "1",
    per_page: str = "25",
) -> str:
    """A page of images."""
    asked = _checked(
        IMAGES,
        _Page,
        {
            "library": library,
            "search_filter": search_filter,
            "active": active,
            "sort_field": sort_field,
            "sort_direction": sort_direction,
            "page_number": page_number,
            "per_page": per_page,
        },
    )
    query = Query(**asked)
    page = await search(parts_of(ctx).account, query)
    rows = [image_row(image).model_dump(mode="json", exclude_none=True) for image in page.images]
    return compact(
        {
            "images": rows,
            "page_number": page.page_number,
            "per_page": page.per_page,
            "count": page.count,
            "next": next_uri(query, page),
            "previous": previous_uri(query),
        }
    )


async def _image(ctx: Call, guid: str) -> str:
    """One image."""
    parts = parts_of(ctx)
    wanted = _checked(IMAGE.replace("{guid}", guid), _Named, {"guid": guid})["guid"]
    account = parts.account
    found = await read_anywhere(account, [wanted], started=account.clock())
    if wanted not in found:
        raise ResourceNotFoundError(f"There is no image {wanted}. search_images lists them.")
    return compact(image_record(found[wanted], show_hires=parts.show_hires))


async def _selection(ctx: Call, guid: str) -> str:
    """One selection."""
    wanted = _checked(SELECTION.replace("{guid}", guid), _Named, {"guid": guid})["guid"]
    stored = await read_selection(parts_of(ctx).account, wanted)
    if not stored:
        raise ResourceNotFoundError(f"There is no selection {wanted}. set_selection makes one.")
    return compact({"guid": wanted, "guids": [shown(guid, GUID_SHOWN).text for guid in stored]})


async def _changes(ctx: Call, *, page_number: str = "1") -> str:
    """A page of what was changed."""
    page: int = _checked(CHANGES, _Numbered, {"page_number": page_number})["page_number"]
    changes, count = await parts_of(ctx).changes.history.page(page, _CHANGES_PER_PAGE)
    more = page * _CHANGES_PER_PAGE < count
    return compact(
        {
            "changes": [_change_row(change) for change in changes],
            "page_number": page,
            "per_page": _CHANGES_PER_PAGE,
            "count": count,
            "next": changes_uri(page + 1) if more else None,
            "previous": changes_uri(page - 1) if page > 1 else None,
        }
    )


async def _change(ctx: Call, change_id: str, *, page_number: str = "1") -> str:
    """One change, with a page of its items."""
    uri = CHANGE.replace("{change_id}", change_id)
    page: int = _checked(uri, _Numbered, {"page_number": page_number})["page_number"]
    history = parts_of(ctx).changes.history
    change = await history.summary(change_id)
    if change is None:
        raise ResourceNotFoundError(
            f"There is no change {quoted(change_id, GUID_SHOWN)}. finerworks://changes lists them."
        )
    items = items_of(await history.entries(change_id))
    shown_from = (page - 1) * _ITEMS_PER_PAGE
    more = page * _ITEMS_PER_PAGE < len(items)
    return compact(
        {
            **_change_row(change),
            "items": [_item_row(one) for one in items[shown_from : shown_from + _ITEMS_PER_PAGE]],
            "page_number": page,
            "per_page": _ITEMS_PER_PAGE,
            "count": len(items),
            "next": change_uri(change.change_id, page + 1) if more else None,
            "previous": change_uri(change.change_id, page - 1) if page > 1 else None,
        }
    )


def _change_row(change: Summary) -> dict[str, Any]:
    return {
        "change_id": change.change_id,
        "tool": change.tool,
        "when": datetime.fromtimestamp(change.begun_at, UTC).isoformat(timespec="seconds"),
        **_texts(caller=(change.caller, _CALLER_SHOWN)),
        "accepted": accepted_how(change),
        "outcomes": change.outcomes,
        "finished": change.finished,
        "undoes": change.undoes,
        "undone_by": change.undone_by,
    }


def _item_row(item: Item) -> dict[str, Any]:
    return {
        "outcome": item.outcome,
        **_texts(
            guid=(item.guid, GUID_SHOWN),
            file_name=(item.file_name, _CALLER_SHOWN),
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


def _told(read: Callable[P, Awaitable[str]]) -> Callable[P, Awaitable[str]]:
    """The boundary for resources: an error raised on purpose reaches the host in our words."""

    @wraps(read)
    async def told(*args: P.args, **kwargs: P.kwargs) -> str:
        try:
            return await read(*args, **kwargs)
        except FwError as error:
            raise ResourceError(str(error)) from error

    return told


def _checked(uri: str, model: type[BaseModel], values: Mapping[str, Any]) -> dict[str, Any]:
    try:
        return read_arguments(f"{quoted(uri, 100)} was not read", model, values)
    except ArgumentsError as error:
        raise MCPError(INVALID_PARAMS, str(error), {"uri": uri}) from error
