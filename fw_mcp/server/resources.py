"""Resources: pages of images, one image, one selection. Each is JSON and read fresh."""

import json
from collections.abc import Awaitable, Callable, Mapping
from functools import wraps
from typing import Any, ParamSpec
from urllib.parse import parse_qsl, urlsplit

from mcp.server.mcpserver import MCPServer, ResourceSecurity
from mcp.server.mcpserver.exceptions import ResourceError, ResourceNotFoundError
from mcp.shared.exceptions import MCPError
from mcp.types import INVALID_PARAMS, Resource
from pydantic import BaseModel, ConfigDict, Field

from fw_mcp.api.models import LibraryName, SortDirection, SortField
from fw_mcp.errors import ArgumentsError, FwError, quoted
from fw_mcp.library.reading import Query, read_anywhere, search
from fw_mcp.library.selecting import read_selection
from fw_mcp.server.arguments import Guid, read_arguments
from fw_mcp.server.links import IMAGE, IMAGES, SELECTION, next_uri, page_uri, previous_uri
from fw_mcp.server.parts import Call, Parts, parts_of
from fw_mcp.server.rows import image_record, image_row

P = ParamSpec("P")

_JSON = "application/json"
_LIBRARIES: tuple[tuple[LibraryName, str], ...] = (
    ("inventory", "the permanent library"),
    ("temporary", "this session's temporary images"),
)


class _Page(BaseModel):
    """The query of a page, as text in a URI."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    library: LibraryName = "inventory"
    search_filter: str | None = None
    active: bool | None = None
    sort_field: SortField = "id"
    sort_direction: SortDirection = "DESC"
    page_number: int = Field(1, ge=1)
    per_page: int = Field(25, ge=1, le=50)


class _Named(BaseModel):
    """The guid in a URI."""

    guid: Guid


def register_resources(server: MCPServer[Parts]) -> None:
    """Add the three templates."""
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


def first_pages() -> list[Resource]:
    """The concrete entries: the first page of each library, for hosts without templates."""
    return [
        Resource(
            uri=page_uri(Query(library=name)),
            name=f"{name}-images",
            title=f"Images: {name}",
            description=f"The newest images of {meaning}, 25 a page.",
            mime_type=_JSON,
        )
        for name, meaning in _LIBRARIES
    ]


def check_uri(uri: str) -> None:
    """Refuse a query parameter nobody knows: the SDK drops it, and the page would be another.

    Raises:
        MCPError: invalid parameters, naming the nearest real one.
    """
    parts = urlsplit(uri)
    if (parts.scheme, parts.netloc, parts.path) == ("finerworks", "images", ""):
        _checked(uri, _Page, dict(parse_qsl(parts.query, keep_blank_values=True)))


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
    page = await search(parts_of(ctx).library, query)
    rows = [image_row(image).model_dump(mode="json", exclude_none=True) for image in page.images]
    return _json(
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
    library = parts.library
    found = await read_anywhere(library, [wanted], started=library.clock())
    if wanted not in found:
        raise ResourceNotFoundError(f"There is no image {wanted}. search_images lists them.")
    return _json(image_record(found[wanted], show_hires=parts.show_hires))


async def _selection(ctx: Call, guid: str) -> str:
    """One selection."""
    wanted = _checked(SELECTION.replace("{guid}", guid), _Named, {"guid": guid})["guid"]
    stored = await read_selection(parts_of(ctx).library, wanted)
    if not stored:
        raise ResourceNotFoundError(f"There is no selection {wanted}. set_selection makes one.")
    return _json({"guid": wanted, "guids": list(stored)})


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


def _json(document: Mapping[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))
