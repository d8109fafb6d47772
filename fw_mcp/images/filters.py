"""What can be asked of an image that the service cannot filter by; knows no pages."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal, NamedTuple, get_args
from unicodedata import normalize

from fw_mcp.api.models import DESCRIPTION_LIMIT, ImageDetails
from fw_mcp.images.print_sizes import PrintSize

Only = Literal[
    "missing_title",
    "missing_description",
    "long_description",
    "has_products",
    "no_products",
    "live_in_shop",
    "inactive",
    "expiring",
    "landscape",
    "portrait",
    "square",
    "too_small",
    "large_enough",
]
Duplicates = Literal["content", "likeness"]

ONLY: tuple[Only, ...] = get_args(Only)
OF_PRODUCTS: frozenset[Only] = frozenset({"has_products", "no_products", "live_in_shop"})
OF_PRINTS: frozenset[Only] = frozenset({"too_small", "large_enough"})
OF_PIXELS: frozenset[Only] = OF_PRINTS | {"landscape", "portrait", "square"}
UNTOLD = "products_not_told"
UNMEASURED = "pixels_not_told"
MIN_PPI = 150

_SOON = timedelta(days=7)
_SQUARE_WITHIN_PERCENT = 1


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked beyond what the service can answer by itself.

    Attributes:
        file_name_contains: in any case.
        only: all must hold.
        print_size: of `too_small` and `large_enough`.
        min_ppi: the pixels an inch that are enough.
        duplicates: only images that have a double, by their facts or by how they look.
        summary: count by name.
        with_products: a summary counts by products too.
    """

    file_name_contains: str = ""
    only: tuple[Only, ...] = ()
    print_size: PrintSize | None = None
    min_ppi: int = MIN_PPI
    duplicates: Duplicates | None = None
    summary: bool = False
    with_products: bool = False

    @property
    def whole(self) -> bool:
        """Whether it takes every page to answer."""
        return bool(self.file_name_contains or self.only or self.duplicates or self.summary)

    @property
    def of_products(self) -> bool:
        """Whether it depends on the products which images match."""
        return bool(OF_PRODUCTS & set(self.only))

    @property
    def needs_products(self) -> bool:
        """Whether the products have to be asked for."""
        return self.of_products or (self.summary and self.with_products)

    def matches(self, image: ImageDetails, now: datetime) -> bool:
        """Whether the image is what was asked for, its doubles aside.

        Args:
            image: with its products, if they are needed.
            now: with an offset.
        """
        if _folded(self.file_name_contains) not in _folded(image.file_name):
            return False
        seen = _Seen(image, self, now)
        return all(_TESTS[name](seen) for name in self.only)

    def misses_pixels(self, image: ImageDetails, now: datetime) -> bool:
        """Whether only its pixels are missing to tell if it is what was asked for.

        Args are those of `matches`.
        """
        if pixels(image) or OF_PIXELS.isdisjoint(self.only):
            return False
        rest = tuple(name for name in self.only if name not in OF_PIXELS)
        return replace(self, only=rest).matches(image, now)

    def names(self, image: ImageDetails, now: datetime) -> frozenset[str]:
        """Every name that a summary counts the image under; args as for `matches`."""
        seen = _Seen(image, self, now)
        names: set[str] = {name for name in self.counted() if _TESTS[name](seen)}
        if self.with_products and image.products is None:
            names.add(UNTOLD)
        if pixels(image) is None:
            names.add(UNMEASURED)
        return frozenset(names)

    def counted(self) -> Iterator[Only]:
        """What a summary tells, in the order of the names."""
        left_out = set() if self.with_products else OF_PRODUCTS
        left_out = left_out if self.print_size else left_out | OF_PRINTS
        return (name for name in ONLY if name not in left_out)


class _Seen(NamedTuple):
    """An image, and what it is held against."""

    image: ImageDetails
    question: Question
    now: datetime


def _folded(text: str | None) -> str:
    """For comparing in any case; some systems write an accent as a character of its own."""
    return normalize("NFC", text or "").casefold()


def _missing_title(seen: _Seen) -> bool:
    """None, blank, or no more than the file is called anyway."""
    title = _folded(seen.image.title).strip()
    name = _folded(seen.image.file_name).strip()
    return title in {"", name, name.rpartition(".")[0]}


def _missing_description(seen: _Seen) -> bool:
    return not (seen.image.description or "").strip()


def _long_description(seen: _Seen) -> bool:
    return len(seen.image.description or "") > DESCRIPTION_LIMIT


def _has_products(seen: _Seen) -> bool:
    return bool(seen.image.products)


def _no_products(seen: _Seen) -> bool:
    # None is not told, which is not none.
    return seen.image.products is not None and not seen.image.products


def _live_in_shop(seen: _Seen) -> bool:
    return any(product.shops for product in seen.image.hung)


def _inactive(seen: _Seen) -> bool:
    return seen.image.active is False


def _expiring(seen: _Seen) -> bool:
    # One whose hour has passed, and that is still listed, goes first of all.
    expires = seen.image.date_expires
    return expires is not None and expires <= seen.now + _SOON


def _leaning(seen: _Seen) -> int:
    """Above 0 for wide, below 0 for high, 0 for square."""
    width, height = pixels(seen.image) or (0, 0)
    within = _SQUARE_WITHIN_PERCENT * max(width, height)
    return 0 if abs(width - height) * 100 <= within else width - height


def _square(seen: _Seen) -> bool:
    return pixels(seen.image) is not None and _leaning(seen) == 0


def _ppi(seen: _Seen) -> int | None:
    size, sides = seen.question.print_size, pixels(seen.image)
    return size.ppi(*sides) if size and sides else None


def _too_small(seen: _Seen) -> bool:
    ppi = _ppi(seen)
    return ppi is not None and ppi < seen.question.min_ppi


def _large_enough(seen: _Seen) -> bool:
    ppi = _ppi(seen)
    return ppi is not None and ppi >= seen.question.min_ppi


_TESTS: Mapping[Only, Callable[[_Seen], bool]] = {
    "missing_title": _missing_title,
    "missing_description": _missing_description,
    "long_description": _long_description,
    "has_products": _has_products,
    "no_products": _no_products,
    "live_in_shop": _live_in_shop,
    "inactive": _inactive,
    "expiring": _expiring,
    "landscape": lambda seen: _leaning(seen) > 0,
    "portrait": lambda seen: _leaning(seen) < 0,
    "square": _square,
    "too_small": _too_small,
    "large_enough": _large_enough,
}


def pixels(image: ImageDetails) -> tuple[int, int] | None:
    """Width and height of an image; None when either is not known."""
    width, height = image.pix_w or 0, image.pix_h or 0
    return (width, height) if width > 0 and height > 0 else None
