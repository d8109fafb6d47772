"""The gallery inside the chat: an MCP Apps page, for hosts that show one.

The page is a guest: it reads and writes by calling this server's own tools through the host, so
that the guard holds for it as for any caller. Hosts that know nothing of it show text and pictures.
"""

from collections.abc import Sequence
from pathlib import Path

from mcp.server.extension import Extension, ResourceBinding
from mcp.server.mcpserver.resources import FileResource
from mcp.server.mcpserver.tools import Tool

GALLERY_URI = "ui://fw-mcp/gallery.html"
GALLERY_TOOLS = frozenset({"search_images", "view_images"})
# The SDK's own names for these two live in a module that costs more to import than this one.
APPS = "io.modelcontextprotocol/ui"
MIME_TYPE = "text/html;profile=mcp-app"

_PAGE = Path(__file__).with_name("gallery.html")


class Gallery(Extension):
    """Advertises MCP Apps and serves the page, which is read from disk when a host asks for it."""

    identifier = APPS

    def resources(self) -> Sequence[ResourceBinding]:
        """The page."""
        return [
            ResourceBinding(
                FileResource(
                    uri=GALLERY_URI,
                    name="gallery",
                    title="Gallery",
                    description="Shows images in the chat to pick from, in clients with MCP Apps.",
                    mime_type=MIME_TYPE,
                    meta={"ui": {"prefersBorder": True}},
                    path=_PAGE,
                )
            )
        ]


def in_gallery(tool: Tool) -> Tool:
    """The tool, naming the gallery as its view if it gives images."""
    if tool.name not in GALLERY_TOOLS:
        return tool
    # The flat key is the older one; hosts look for either.
    view = {"ui": {"resourceUri": GALLERY_URI}, "ui/resourceUri": GALLERY_URI}
    return tool.model_copy(update={"meta": {**(tool.meta or {}), **view}})
