"""What a destructive call would touch as it stands now, and the words a person answers."""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from operator import attrgetter, itemgetter
from pathlib import PurePath
from typing import Any

from fw_mcp.text import counted, megabytes, quoted, shown

LONGEST = 2400
"""Characters of a question, before what undo or a change since the last one adds."""

_LINES = 5
# How many images are named, and how many products of each; less where that is too long.
_DETAIL = ((_LINES, 3), (_LINES, 2), (_LINES, 1), (3, 1), (1, 1))
_TOTAL = "Total: "
_TOTALS_SHOWN = 300
_CURRENCIES = 3
_CURRENCY = re.compile("[A-Za-z]{1,5}")
_LARGE = 1e12
_SIZE = re.compile(r"(?<=\d)x(?=\d)")
_IDS_FOR_GOOD = ("Their present ids cannot be restored.", "Its present id cannot be restored.")
# Long enough to tell the states of one image apart.
_SHORT = 16
# Where Markdown has a picture or a link, and HTML a tag.
_RENDERED = re.compile(r"(?<=\])(?=\()|(?<=<)(?=[a-zA-Z/!?])")


@dataclass(frozen=True, slots=True)
class HungProduct:
    """A virtual-inventory product that would be removed, and the shops it is live in.

    Attributes:
        kind: such as `Stretched Canvas`; "" when it is not told.
        size: such as `16x24 in`; "" when it is not told.
        called: what its name says beside the picture's title, kind and size.
        asking_price: what the seller asks for one; None or 0 when there is none.
        currency: of the price; "" when it is not told.
    """

    sku: str
    name: str
    shops: tuple[str, ...] = ()
    kind: str = ""
    size: str = ""
    called: str = ""
    asking_price: float | None = None
    currency: str = ""


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


@dataclass(frozen=True, slots=True)
class PublicFolder:
    """A folder on this machine, some of whose files would become public.

    Attributes:
        path: absolute; only its last name is ever told.
        files: how many would.
        size: of these, in bytes.
    """

    path: str
    files: int
    size: int

    @property
    def name(self) -> str:
        """What a person calls it."""
        return PurePath(self.path).name or "/"


_FIELDS_OF_TARGET, _FIELDS_OF_PRODUCT, _FIELDS_OF_CHANGE = (
    attrgetter(*(field.name for field in fields(kind)))
    for kind in (Target, HungProduct, FieldChange)
)


def digest(value: Any) -> str:  # noqa: ANN401  anything JSON can hold
    """A short name for exactly this value."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def states(targets: Iterable[Target]) -> dict[str, str]:
    """Guid → a short name for the state of that target alone."""
    return {target.guid: targets_digest([target])[:_SHORT] for target in targets}


def targets_digest(targets: Sequence[Target]) -> str:
    """A short name for exactly this state of these targets, in whatever order."""
    return digest(sorted(map(_plain, targets), key=itemgetter(0)))


def _plain(target: Target) -> list[Any]:
    """Every field of it; `asdict` copies, and takes ten times as long."""
    *facts, products, changes = _FIELDS_OF_TARGET(target)
    return [*facts, [*map(_FIELDS_OF_PRODUCT, products)], [*map(_FIELDS_OF_CHANGE, changes)]]


def deletion_question(targets: Sequence[Target], library: str) -> str:
    """Ask whether these images may be deleted.

    Args:
        targets: at least one, as they stand now.
        library: `inventory` or `temporary`.
    """
    one = len(targets) == 1
    again = (
        "The image can be added again afterwards, under a new id, while its file is still online."
        if one
        else "The images can be added again afterwards, under new ids, while their files are still "
        "online."
    )
    return _question(
        f"Delete {counted(len(targets), 'image')} from the {library} library?",
        targets,
        f"{again} {_for_good(targets) or _IDS_FOR_GOOD[one]}",
    )


def retitling_question(targets: Sequence[Target], rewritten: int) -> str:
    """Ask whether products may go because their images' text is overwritten.

    Args:
        targets: the images that carry products.
        rewritten: how many images the whole call rewrites.
    """
    whose = "its" if len(targets) == 1 else "their"
    return _question(
        f"Change the text of {counted(rewritten, 'image')}? FinerWorks removes all products of an "
        f"image whose text changes: {counted(len(targets), 'image')} would lose {whose} products.",
        targets,
        f"The former text can be restored afterwards. {_for_good(targets)}",
    )


def upload_question(folders: Sequence[PublicFolder], address: str) -> str:
    """Ask whether files of these folders may become public.

    Args:
        folders: at least one.
        address: where everybody can fetch them then.
    """
    files, size = sum(one.files for one in folders), sum(one.size for one in folders)
    total = f"{counted(files, 'file')}, {megabytes(size)}"
    one = len(folders) == 1
    whose = f"the folder {_named(folders[0].name)}" if one else f"{len(folders):,} folders"
    lines = [
        f"- {_named(folder.name)}: {counted(folder.files, 'file')}, {megabytes(folder.size)}"
        for folder in folders[:_LINES]
        if not one
    ]
    if len(folders) > _LINES:
        lines.append(f"- and {counted(len(folders) - _LINES, 'more folder')}")
    head = (
        f"Upload {counted(files, 'file')} from {whose} to {address}? Anyone who has the address of "
        "a file there can download it; it cannot be guessed."
    )
    later = f"Later uploads from {'this folder' if one else 'these folders'} to this place are not "
    return "\n".join([head, *lines, f"{_TOTAL}{total}.", f"{later}asked about."])


def totals_of(question: str) -> str:
    """What a question says is at stake in all; "" where it does not say so."""
    lines = [line for line in question.splitlines() if line.startswith(_TOTAL)]
    return shown(lines[-1][len(_TOTAL) :].rstrip("."), _TOTALS_SHOWN).text if lines else ""


def products_summary(products: Sequence[HungProduct]) -> str:
    """`3 products (2 live in shops: Etsy 1, Shopify 2), worth 640.00 USD at asking price`."""
    live = [product for product in products if product.shops]
    text = counted(len(products), "product")
    if live:
        shops = Counter(shop for product in live for shop in product.shops)
        named = ", ".join(f"{shop} {count}" for shop, count in sorted(shops.items()))
        text += f" ({len(live):,} live in shops: {named})"
    return text + _worth(products)


def image_named(target: Target) -> str:
    """The title of an image, or else the name of its file."""
    return _named(target.title or target.file_name)


def product_named(product: HungProduct) -> str:
    """`"Stretched Canvas 24 × 36 in"`: kind and size, or else whatever it goes by."""  # noqa: RUF002
    size = _SIZE.sub(" × ", product.size)  # noqa: RUF001  the sign between two sides
    # Of `Stretched Canvas 1.5 in`, the inches are the depth.
    between = ", " if re.search(r"\d", product.kind) else " "
    kind = between.join(filter(None, (product.kind, size)))
    if not kind:
        return _named(product.called or product.name or product.sku, 40)
    called = f" called {_named(product.called, 30)}" if product.called else ""
    return f"{_named(kind, 50)}{called}"


def price_of(product: HungProduct) -> str:
    """`asking price 349.00 USD`; "" for one without."""
    if not product.asking_price:
        return ""
    return f"asking price {_money(product.asking_price, product.currency)}"


def live_in(product: HungProduct) -> str:
    """`live in Etsy and Shopify`; "" for one that is in no shop."""
    return f"live in {' and '.join(product.shops)}" if product.shops else ""


def _for_good(targets: Sequence[Target]) -> str:
    lost = _lost(targets)
    if not lost:
        return ""
    listings = (
        f" and {'its' if len(lost) == 1 else 'their'} shop listings"
        if any(product.shops for product in lost)
        else ""
    )
    return f"The {_noun(lost)}{listings} cannot be restored."


def _lost(targets: Sequence[Target]) -> list[HungProduct]:
    return [product for target in targets for product in target.products]


def _worth(products: Sequence[HungProduct]) -> str:
    prices: dict[str, list[float]] = {}
    for product in products:
        if product.asking_price:
            prices.setdefault(product.currency, []).append(product.asking_price)
    if not prices:
        return ""
    priced = sum(map(len, prices.values()))
    # The order that FinerWorks lists them in must not show in the last digit.
    sums = [_money(sum(sorted(some)), currency) for currency, some in sorted(prices.items())]
    more = len(sums) - _CURRENCIES
    told = " and ".join(sums[:_CURRENCIES]) + (f" and {more} more currencies" if more > 0 else "")
    untold = len(products) - priced
    without = f" ({counted(untold, 'product')} without one)" if untold else ""
    return f", worth {told} at asking price{without}"


def _money(amount: float, currency: str) -> str:
    number = f"{amount:,.2f}" if abs(amount) < _LARGE else f"{amount:.3g}"
    if currency and not _CURRENCY.fullmatch(currency):
        currency = _named(currency, 12)
    return f"{number} {currency}".rstrip()


def _question(head: str, targets: Sequence[Target], restored: str) -> str:
    """In as much detail as there is room for."""
    for images, products in _DETAIL:
        text = _asked(head, targets, restored, images, products)
        if len(text) <= LONGEST:
            break
    return text


def _asked(head: str, targets: Sequence[Target], restored: str, images: int, products: int) -> str:
    named = sorted(targets, key=_stakes, reverse=True)[:images]
    more = len(targets) - len(named)
    lines = [f"- {_line(target, products)}" for target in named]
    if more:
        lines.append(f"- and {counted(more, 'more image')}")
    total = f"{_TOTAL}{counted(len(targets), 'image')}, {products_summary(_lost(targets))}."
    body = [total, *lines] if len(targets) > _LINES else [*lines, total]
    ids = ", ".join(target.guid[:8] for target in named) + (f" and {more:,} more" if more else "")
    return "\n".join([head, *body, restored, f"Image id{'s' * (len(targets) > 1)}: {ids}"])


def _stakes(target: Target) -> tuple[int, int]:
    """Whoever puts the call together must not decide which losses are named."""
    return sum(len(product.shops) for product in target.products), len(target.products)


def _line(target: Target, products: int) -> str:
    changes = "".join(
        f"; {change.field} {_named(change.before, 30)} → {_named(change.after, 30)}"
        for change in target.changes
    )
    return f"{image_named(target)}{changes}; {_products(target.products, products)}"


def _products(products: Sequence[HungProduct], limit: int) -> str:
    if not products:
        return "no products"
    # Those that sell are named before those that do not.
    named = sorted(products, key=lambda one: len(one.shops), reverse=True)[:limit]
    more = len(products) - len(named)
    parts = [*map(_product, named), *([f"and {more:,} more"] if more else [])]
    return f"{_noun(products)} that will be removed: {'; '.join(parts)}"


def _noun(products: Sequence[HungProduct]) -> str:
    return "product" if len(products) == 1 else "products"


def _product(product: HungProduct) -> str:
    parts = (product_named(product), price_of(product), live_in(product))
    return ", ".join(filter(None, parts))


def _named(text: str, limit: int = 60) -> str:
    """`text` in quotes, with spaces where a host that renders it would fetch what it names."""
    return _RENDERED.sub(" ", quoted(text, limit))
