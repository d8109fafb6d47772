"""What each tool does to a library: the one table that tool hints and the guard both read."""

from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class Effect(StrEnum):
    """The strongest thing a tool does."""

    READS = "reads"
    ADDS = "adds"
    OVERWRITES = "overwrites"
    DESTROYS = "destroys"


@dataclass(frozen=True, slots=True)
class ToolEffect:
    """A tool's title, effect and the four hints of the protocol."""

    tool: str
    title: str
    effect: Effect
    idempotent: bool
    open_world: bool = True

    @property
    def read_only(self) -> bool:
        """Whether the tool changes nothing."""
        return self.effect is Effect.READS

    @property
    def destructive(self) -> bool:
        """Whether the tool may change or remove what is already there."""
        return self.effect in {Effect.OVERWRITES, Effect.DESTROYS}


_TABLE = (
    ToolEffect(
        "search_images",
        "Find photos, pictures and images in the library; list and count them",
        Effect.READS,
        idempotent=True,
    ),
    ToolEffect(
        "search_products",
        "Find products and prints for sale: prices, skus, stock, inventory value",
        Effect.READS,
        idempotent=True,
    ),
    ToolEffect(
        "view_images",
        "See, preview or show a photo or picture",
        Effect.READS,
        idempotent=True,
    ),
    ToolEffect(
        "inspect_files",
        "Check a photo or image file: resolution, dpi, dimensions, size",
        Effect.READS,
        idempotent=True,
    ),
    ToolEffect(
        "list_changes",
        "List the edit history: what was changed, renamed, added or deleted",
        Effect.READS,
        idempotent=True,
    ),
    ToolEffect(
        "add_images",
        "Add, upload, import or save a new photo, picture or artwork",
        Effect.ADDS,
        idempotent=False,
    ),
    ToolEffect(
        "update_image_metadata",
        "Rename, edit or correct a photo or picture: title, caption, description",
        Effect.DESTROYS,
        idempotent=True,
    ),
    ToolEffect(
        "delete_images",
        "Delete, remove or get rid of a photo, picture, image or duplicate",
        Effect.DESTROYS,
        idempotent=True,
    ),
    # Without a key each call makes another selection.
    ToolEffect(
        "set_selection",
        "Choose photos to print: make a selection for a print order",
        Effect.OVERWRITES,
        idempotent=False,
    ),
    ToolEffect(
        "undo_change",
        "Undo or revert a change: reset titles, recover or restore a photo",
        Effect.DESTROYS,
        idempotent=True,
    ),
)

EFFECTS = MappingProxyType({row.tool: row for row in _TABLE})
WRITES = tuple(row.tool for row in _TABLE if not row.read_only)
