"""What a destructive call would touch, as it stands now."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

# Long enough to tell the states of one image apart.
_SHORT = 16


@dataclass(frozen=True, slots=True)
class HungProduct:
    """A virtual-inventory product that would go, and the shops it is live in."""

    sku: str
    name: str
    shops: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Change:
    """One field of a target that would be overwritten."""

    field: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Target:
    """One image of a destructive call.

    Attributes:
        products: what would go with it.
        changes: what would be overwritten; empty for a deletion.
    """

    guid: str
    title: str
    description: str
    file_name: str
    products: tuple[HungProduct, ...] = ()
    changes: tuple[Change, ...] = ()


def digest(value: Any) -> str:  # noqa: ANN401  anything JSON can hold
    """A short name for exactly this value."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def states(targets: Iterable[Target]) -> dict[str, str]:
    """Guid → a short name for the state of that target alone."""
    return {target.guid: targets_digest([target])[:_SHORT] for target in targets}


def targets_digest(targets: Sequence[Target]) -> str:
    """A short name for exactly this state of these targets, in whatever order."""
    return digest(sorted((asdict(target) for target in targets), key=lambda row: row["guid"]))
