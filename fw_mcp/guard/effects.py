"""What each tool does to a library: the one table that tool hints and the guard both read."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class Effect(StrEnum):
    """The strongest thing a tool does."""

    READS = "reads"
    ADDS = "adds"
    OVERWRITES = "overwrites"
    DESTROYS = "destroys"


class Scope(StrEnum):
    """What a token may be used for; each includes those before it."""

    READ = "images:read"
    WRITE = "images:write"
    DELETE = "images:delete"


EVERY_SCOPE = frozenset(Scope)


def implied_by(scopes: Iterable[str]) -> frozenset[Scope]:
    """The scopes that these amount to; a wider one includes the narrower ones."""
    order = list(Scope)
    widest = max((order.index(Scope(one)) for one in scopes), default=-1)
    return frozenset(order[: widest + 1])


@dataclass(frozen=True, slots=True)
class ToolEffect:
    """A tool's title, effect, the scope that a call of it needs, and the protocol's four hints.

    What removes images or products needs `Scope.DELETE`, whichever tool is called.
    """

    tool: str
    title: str
    effect: Effect
    scope: Scope
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
        Scope.READ,
        idempotent=True,
    ),
    ToolEffect(
        "search_products",
        "Find products and prints for sale: prices, skus, stock, inventory value",
        Effect.READS,
        Scope.READ,
        idempotent=True,
    ),
    ToolEffect(
        "view_images",
        "See, preview or show a photo or picture",
        Effect.READS,
        Scope.READ,
        idempotent=True,
    ),
    ToolEffect(
        "inspect_files",
        "Check a photo or image file: resolution, dpi, dimensions, size",
        Effect.READS,
        Scope.READ,
        idempotent=True,
    ),
    ToolEffect(
        "list_changes",
        "List the edit history: what was changed, renamed, added or deleted",
        Effect.READS,
        Scope.READ,
        idempotent=True,
    ),
    ToolEffect(
        "add_images",
        "Add, upload, import or save a new photo, picture or artwork",
        Effect.ADDS,
        Scope.WRITE,
        idempotent=False,
    ),
    ToolEffect(
        "update_image_metadata",
        "Rename, edit or correct a photo or picture: title, caption, description",
        Effect.DESTROYS,
        Scope.WRITE,
        idempotent=True,
    ),
    ToolEffect(
        "delete_images",
        "Delete, remove or get rid of a photo, picture, image or duplicate",
        Effect.DESTROYS,
        Scope.DELETE,
        idempotent=True,
    ),
    # Without a key each call makes another selection.
    ToolEffect(
        "set_selection",
        "Choose photos to print: make a selection for a print order",
        Effect.OVERWRITES,
        Scope.WRITE,
        idempotent=False,
    ),
    ToolEffect(
        "undo_change",
        "Undo or revert a change: reset titles, recover or restore a photo",
        Effect.DESTROYS,
        Scope.WRITE,
        idempotent=True,
    ),
)

EFFECTS = MappingProxyType({row.tool: row for row in _TABLE})
WRITES = tuple(row.tool for row in _TABLE if not row.read_only)
