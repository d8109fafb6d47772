"""What a destructive call would touch as it stands now, and the words a person answers."""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from fw_mcp.text import counted, quoted

_LINES = 5
_PRODUCTS_PER_LINE = 3
# Long enough to tell the states of one image apart.
_SHORT = 16
# Where Markdown has a picture or a link, and HTML a tag.
_RENDERED = re.compile(r"(?<=\])(?=\()|(?<=<)(?=[a-zA-Z/!?])")


@dataclass(frozen=True, slots=True)
class HungProduct:
    """A virtual-inventory product that would go, and the shops it is live in."""

    sku: str
    name: str
    shops: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FieldChange:
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
    changes: tuple[FieldChange, ...] = ()


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


def deletion_question(targets: Sequence[Target], library: str) -> str:
    """Ask whether these images may be deleted.

    Args:
        targets: at least one, as they stand now.
        library: `inventory` or `temporary`.
    """
    return _question(
        f"Delete {counted(len(targets), 'image')} from the {library} library?",
        targets,
        "FinerWorks cannot undo a deletion.",
    )


def retitling_question(targets: Sequence[Target], rewritten: int) -> str:
    """Ask whether products may go because their images' text is overwritten.

    Args:
        targets: the images that carry products.
        rewritten: how many images the whole call rewrites.
    """
    return _question(
        f"Rewrite the text of {counted(rewritten, 'image')}? FinerWorks removes the products of "
        f"an image whose text is updated: {counted(len(targets), 'image')} would lose theirs.",
        targets,
        "The products cannot be brought back from here.",
    )


def products_summary(products: Sequence[HungProduct]) -> str:
    """`3 products, 2 of them live in shops (Etsy 1, Shopify 2)`."""
    live = [product for product in products if product.shops]
    text = counted(len(products), "product")
    if live:
        shops = Counter(shop for product in live for shop in product.shops)
        named = ", ".join(f"{shop} {count}" for shop, count in sorted(shops.items()))
        text += f", {len(live)} of them live in shops ({named})"
    return text


def _question(head: str, targets: Sequence[Target], last: str) -> str:
    worst = sorted(targets, key=_stakes, reverse=True)
    lines = [head, *(f"- {_line(target)}" for target in worst[:_LINES])]
    if len(targets) > _LINES:
        lines.append(f"- and {counted(len(targets) - _LINES, 'more image')}")
    lost = [product for target in targets for product in target.products]
    lines.append(f"In all: {counted(len(targets), 'image')}, {products_summary(lost)}.")
    lines.append(last)
    return "\n".join(lines)


def _stakes(target: Target) -> tuple[int, int]:
    """Whoever puts the call together must not decide which losses are named."""
    return sum(len(product.shops) for product in target.products), len(target.products)


def _line(target: Target) -> str:
    return f"{_image(target)}{_changes(target)}; {_products(target.products)}"


def _image(target: Target) -> str:
    name = _named(target.title or target.file_name)
    return f"{name} ({target.guid[:8]})"


def _changes(target: Target) -> str:
    return "".join(
        f"; {change.field} {_named(change.before, 30)} → {_named(change.after, 30)}"
        for change in target.changes
    )


def _products(products: Sequence[HungProduct]) -> str:
    if not products:
        return "no products"
    named = ", ".join(_product(product) for product in products[:_PRODUCTS_PER_LINE])
    more = len(products) - _PRODUCTS_PER_LINE
    return f"products that go: {named}" + (f" and {more} more" if more > 0 else "")


def _product(product: HungProduct) -> str:
    live = f", live in {' and '.join(product.shops)}" if product.shops else ""
    return f"{_named(product.name, 40)} (SKU {_named(product.sku, 40)}{live})"


def _named(text: str, limit: int = 60) -> str:
    """`text` in quotes, with spaces where a host that renders it would fetch what it names."""
    return _RENDERED.sub(" ", quoted(text, limit))
