"""`build_server(parts)`: the parts of a library as one MCP server, for every transport."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager, nullcontext
from functools import cached_property
from typing import Any

from mcp.server.caching import CacheHint
from mcp.server.lowlevel.helper_types import ReadResourceContents
from mcp.server.mcpserver import Context, MCPServer, RequestStateSecurity
from mcp.server.mcpserver.tools import Tool as MadeTool
from mcp.server.request_state import RequestStateCodec
from mcp.shared.exceptions import MCPError
from mcp.types import (
    INTERNAL_ERROR,
    GetPromptResult,
    InputRequiredResult,
    Prompt,
    Resource,
    ResourceTemplate,
    Tool,
)
from pydantic import AnyUrl

from fw_mcp import __version__
from fw_mcp.errors import FwError
from fw_mcp.server import resources
from fw_mcp.server.gallery import Gallery, in_gallery
from fw_mcp.server.hints import with_hints, with_limits
from fw_mcp.server.instructions import instructions
from fw_mcp.server.params import as_meant
from fw_mcp.server.parts import Libraries, OneLibrary, Parts
from fw_mcp.server.prompts import PromptFile, completer, listed_prompts, load_prompts, render_prompt
from fw_mcp.server.tool import answering, library_tool, request_of, scopes_shown
from fw_mcp.server.tools.add import FROM_FILES, add_images
from fw_mcp.server.tools.changes import list_changes
from fw_mcp.server.tools.delete import delete_images
from fw_mcp.server.tools.inspect import inspect_files
from fw_mcp.server.tools.products import search_products
from fw_mcp.server.tools.search import search_images
from fw_mcp.server.tools.selection import set_selection
from fw_mcp.server.tools.undo import undo_change
from fw_mcp.server.tools.update import update_image_metadata
from fw_mcp.server.tools.view import view_images
from fw_mcp.telemetry import operation, serving

TOOLS = (
    search_images,
    search_products,
    view_images,
    inspect_files,
    list_changes,
    add_images,
    update_image_metadata,
    delete_images,
    set_selection,
    undo_change,
)

# The seal outlives the plan, so that a late answer is told by the guard and not by the protocol.
_AFTER_EXPIRY_S = 3600.0
_STABLE = CacheHint(ttl_ms=300_000, scope="public")
# What is listed depends on the token.
_OWN = CacheHint(ttl_ms=300_000, scope="private")
_FRESH = CacheHint(ttl_ms=5_000, scope="private")


class FwServer(MCPServer[Libraries]):
    """The server: what it lists depends on what the operator allows.

    Args:
        parts: what it says of itself; where there are several libraries, no more than all allow.
        libraries: those that it opens.
        seal: seals questions as other replicas do; None where no other has to open them.
    """

    def __init__(
        self, parts: Parts, libraries: Libraries, seal: RequestStateCodec | None = None
    ) -> None:
        super().__init__(
            "finerworks",
            title="FinerWorks image library",
            instructions=instructions(parts),
            version=__version__,
            tools=[_published(tool, parts) for tool in TOOLS],
            extensions=[Gallery()],
            lifespan=_lifespan(libraries),
            middleware=[as_meant],
            request_state_security=_security(parts.guard.limits.plan_ttl_s, seal),
            cache_hints={
                "tools/list": _OWN,
                "prompts/list": _STABLE,
                "resources/templates/list": _STABLE,
                "resources/list": _FRESH,
                "resources/read": _FRESH,
            },
        )
        self._libraries = libraries
        self.completion()(completer(lambda: self.prompt_files))  # type: ignore[no-untyped-call]

    @cached_property
    def prompt_files(self) -> tuple[PromptFile, ...]:
        """The prompts, read from their files at the first use."""
        return load_prompts()

    async def list_tools(self) -> list[Tool]:
        """The tools that are on for the caller; the guard refuses calls of others all the same."""
        with _opened(self._libraries) as parts:
            return [tool for tool in await super().list_tools() if _offered(tool.name, parts)]

    def _tool_input_schema(self, name: str) -> None:
        """Nothing to look through at each call over HTTP: no argument of ours is a header too."""

    async def list_resources(self) -> list[Resource]:
        """The first page of each library and of the changes.

        The gallery is no text for a model: the tools that it shows name it, and it is read by that.
        """
        return resources.first_pages()

    async def list_resource_templates(self) -> list[ResourceTemplate]:
        """The addresses of images, selections and changes."""
        return resources.templates()

    async def read_resource(
        self,
        uri: AnyUrl | str,
        context: Context[Libraries, Any] | None = None,
    ) -> Iterable[ReadResourceContents] | InputRequiredResult:
        """Read a document of the library, or the gallery."""
        with operation("resources/read"), _opened(self._libraries) as parts:
            request = serving(request_of(context)) if context else nullcontext()
            with request:
                text = await resources.read(parts, str(uri))
        if text is None:
            return await super().read_resource(uri, context)
        return [ReadResourceContents(text, resources.MIME_TYPE)]

    async def list_prompts(self) -> list[Prompt]:
        """The prompts of ``prompts/``."""
        return listed_prompts(self.prompt_files)

    async def get_prompt(
        self,
        name: str,
        arguments: dict[str, Any] | None = None,
        context: Context[Libraries, Any] | None = None,  # noqa: ARG002  the SDK's signature
    ) -> GetPromptResult:
        """One prompt, filled in."""
        return render_prompt(self.prompt_files, name, arguments)


def _security(plan_ttl_s: float, seal: RequestStateCodec | None) -> RequestStateSecurity:
    ttl_s = plan_ttl_s + _AFTER_EXPIRY_S
    if seal is None:
        return RequestStateSecurity.ephemeral(ttl=ttl_s)
    return RequestStateSecurity(codec=seal, ttl=ttl_s)


def build_server(
    parts: Parts, libraries: Libraries | None = None, seal: RequestStateCodec | None = None
) -> FwServer:
    """A server over `parts`; cheap, and free of any connection until a tool is called.

    Args:
        parts: of its library; where there are several, what all of them have.
        libraries: where there are several.
        seal: where other replicas answer too.
    """
    return FwServer(parts, libraries or OneLibrary(parts), seal)


@contextmanager
def _opened(libraries: Libraries) -> Iterator[Parts]:
    """What answers a request that is no call of a tool, and has no error but the protocol's."""
    try:
        with answering(libraries) as parts:
            yield parts
    except FwError as error:
        raise MCPError(INTERNAL_ERROR, str(error)) from error


def _offered(tool: str, parts: Parts) -> bool:
    if tool == view_images.__name__:
        return parts.viewer.is_on
    return parts.guard.offered(tool, scopes_shown())


def _published(tool: Callable[..., Awaitable[Any]], parts: Parts) -> MadeTool:
    made = library_tool(tool)
    if tool is add_images and parts.files and parts.files.uploads.is_on:
        made = made.model_copy(update={"description": FROM_FILES})
    return in_gallery(with_hints(with_limits(made, parts.guard.limits)))


def _lifespan(libraries: Libraries) -> Any:  # noqa: ANN401  a context manager of the SDK's own shape
    @asynccontextmanager
    async def lifespan(_: MCPServer[Libraries]) -> AsyncIterator[Libraries]:
        yield libraries

    return lifespan
