"""What a tool says to hosts at assembly: the running limits in its words, and hints in `_meta`."""

import re
from types import MappingProxyType

from mcp.server.mcpserver.tools import Tool

from fw_mcp.guard.effects import EFFECTS, Effect
from fw_mcp.guard.guard import Limits

# What sellers say, for hosts that show a tool only to who looks for it.
_SEARCH_HINTS = MappingProxyType(
    {
        "search_images": "find, count photos; duplicates, untitled, print size",
        "search_products": "products for sale: prices, stock, Shopify, Etsy",
        "view_images": "look at, see, show, preview photos",
        "inspect_files": "resolution, dimensions of a photo file",
        "add_images": "upload, import, add new photos by URL",
        "update_image_metadata": "rename photos; fix titles, captions",
        "delete_images": "delete, remove, erase photos, duplicates",
        "set_selection": "choose photos for a print order",
        "list_changes": "history of what was changed, deleted",
        "undo_change": "undo, revert, restore, take back",
    }
)


def with_limits(tool: Tool, limits: Limits) -> Tool:
    """The tool, its description naming the ceilings that hold here."""
    # Paragraphs of one line each: a line's end costs more in JSON than a blank.
    told = re.sub(r"(?<!\n)\n(?!\n)", " ", tool.description)
    words = told.format(
        items_per_call=limits.items_per_call, deletions_per_hour=limits.deletions_per_hour
    )
    return tool.model_copy(update={"description": words})


def with_hints(tool: Tool) -> Tool:
    """The tool with hints that Claude Code and hosts like it read."""
    hints: dict[str, object] = {"anthropic/searchHint": _SEARCH_HINTS[tool.name]}
    if EFFECTS[tool.name].effect is Effect.DESTROYS:
        hints["anthropic/requiresUserInteraction"] = True
    return tool.model_copy(update={"meta": {**(tool.meta or {}), **hints}})
