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
        "Find, show, list and count photos or pictures in the library",
        Effect.READS,
        idempotent=True,
    ),
    ToolEffect(
        "search_products",
        "Find and show products, prints and skus for sale, with prices",
        Effect.READS,
        idempotent=True,
    ),
    ToolEffect("view_images", "See a photo or picture", Effect.READS, idempotent=True),
    ToolEffect(
        "inspect_files", "Check what size a photo or picture file is", Effect.READS, idempotent=True
    ),
    ToolEffect(
        "list_changes",
        "List past changes: what was edited, added or deleted",
        Effect.READS,
        idempotent=True,
    ),
    ToolEffect("add_images", "Add or upload a new photo or picture", Effect.ADDS, idempotent=False),
    ToolEffect(
        "update_image_metadata",
        "Rename a photo or picture: change titles and descriptions",
        Effect.DESTROYS,
        idempotent=True,
    ),
    ToolEffect(
        "delete_images",
        "Delete or erase a photo or picture for good",
        Effect.DESTROYS,
        idempotent=True,
    ),
    # Without a key each call makes another selection.
    ToolEffect(
        "set_selection", "Choose photos for a print order", Effect.OVERWRITES, idempotent=False
    ),
    ToolEffect(
        "undo_change", "Undo or reverse an earlier change", Effect.DESTROYS, idempotent=True
    ),
)

EFFECTS = MappingProxyType({row.tool: row for row in _TABLE})
WRITES = tuple(row.tool for row in _TABLE if not row.read_only)
