"""What can be asked of an image that the service cannot filter by; knows no pages."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal, NamedTuple, get_args
from unicodedata import normalize

from fw_mcp.api.models import DESCRIPTION_LIMIT, ImageDetails
from fw_mcp.images.print_sizes import PrintSize

Only = Literal[
    "missing_title",
    "untidy_title",
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
    "broken_url",
]
Duplicates = Literal["content", "likeness"]
Period = Literal["month", "quarter"]

ONLY: tuple[Only, ...] = get_args(Only)
OF_PRODUCTS: frozenset[Only] = frozenset({"has_products", "no_products", "live_in_shop"})
OF_PRINTS: frozenset[Only] = frozenset({"too_small", "large_enough"})
BROKEN: Only = "broken_url"
# To fetch every print master is no part of a count.
COUNTED: tuple[Only, ...] = tuple(name for name in ONLY if name != BROKEN)
OF_PIXELS: frozenset[Only] = OF_PRINTS | {"landscape", "portrait", "square"}
UNTOLD = "products_not_told"
UNMEASURED = "pixels_not_told"
UNDATED = "date_not_told"
TRIMMED = "trimmed_too_much"
ANY_TRIM = 100
MIN_PPI = 150

_SOON = timedelta(days=7)
_SQUARE_WITHIN_PERCENT = 1


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked beyond what the service can answer by itself.

    Attributes:
        search_any: texts that the service searches for, one after the other.
        file_name_contains: any of these texts, in any case.
        only: all must hold.
        print_size: of `too_small` and `large_enough`.
        min_ppi: the pixels an inch that are enough.
        max_trim_percent: how much of a picture the print may lose.
        duplicates: only images that have a double, by their facts or by how they look.
        summary: count by name.
        summary_by: count by the month or quarter of adding, too.
        with_products: a summary counts by products too.
    """

    search_any: tuple[str, ...] = ()
    file_name_contains: tuple[str, ...] = ()
    only: tuple[Only, ...] = ()
    print_size: PrintSize | None = None
    min_ppi: int = MIN_PPI
    max_trim_percent: int = ANY_TRIM
    duplicates: Duplicates | None = None
    summary: bool = False
    summary_by: Period | None = None
    with_products: bool = False

    @property
    def whole(self) -> bool:
        """Whether it takes every page to answer."""
        return bool(
            self.search_any
            or self.file_name_contains
            or self.only
            or self.max_trim_percent < ANY_TRIM
            or self.duplicates
            or self.summary
        )

    @property
    def of_products(self) -> bool:
        """Whether it depends on the products which images match."""
        return bool(OF_PRODUCTS & set(self.only))

    @property
    def needs_products(self) -> bool:
        """Whether the products have to be asked for."""
        return self.of_products or (self.summary and self.with_products)

    @property
    def of_urls(self) -> bool:
        """Whether it depends on what the URLs of print masters give."""
        return BROKEN in self.only

    def matches(self, image: ImageDetails, now: datetime) -> bool:
        """Whether the image is what was asked for, its doubles and its URL aside.

        Args:
            image: with its products, if they are needed.
            now: with an offset.
        """
        if self.file_name_contains and not self.named_in(image):
            return False
        seen = _Seen(image, self, now)
        # A summary counts those that lose too much, in place of leaving them out.
        return (self.summary or _within_trim(seen)) and all(
            _TESTS[name](seen) for name in self.only if name != BROKEN
        )

    def named_in(self, image: ImageDetails) -> frozenset[str]:
        """Those of the texts that the file's name contains."""
        name = _folded(image.file_name)
        return frozenset(text for text in self.file_name_contains if _folded(text) in name)

    def misses_pixels(self, image: ImageDetails, now: datetime) -> bool:
        """Whether only its pixels are missing to tell if it is what was asked for.

        Args are those of `matches`.
        """
        if pixels(image) or (OF_PIXELS.isdisjoint(self.only) and not self._trims):
            return False
        rest = tuple(name for name in self.only if name not in OF_PIXELS)
        return replace(self, only=rest, max_trim_percent=ANY_TRIM).matches(image, now)

    @property
    def _trims(self) -> bool:
        return self.max_trim_percent < ANY_TRIM

    def names(self, image: ImageDetails, now: datetime) -> frozenset[str]:
        """Every name that a summary counts the image under; args as for `matches`."""
        seen = _Seen(image, self, now)
        names: set[str] = {name for name in self.counted() if _TESTS[name](seen)}
        if self.with_products and image.products is None:
            names.add(UNTOLD)
        if pixels(image) is None:
            names.add(UNMEASURED)
        elif not _within_trim(seen):
            names.add(TRIMMED)
        if self.summary_by:
            names.add(_period(image, self.summary_by))
        return frozenset(names)

    def counted(self) -> Iterator[Only]:
        """What a summary tells, in the order of the names."""
        left_out = set() if self.with_products else OF_PRODUCTS
        left_out = left_out if self.print_size else left_out | OF_PRINTS
        return (name for name in COUNTED if name not in left_out)


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


_SPACES = re.compile(r"\s{2}|^\s|\s$")
_VERSION = re.compile(
    r"\S[\W_]+(?:v\.?\s?\d+|version\s?\d*|rev\.?\s?\d+|final|draft|copy|edit|edited)\W*\d*\W*$"
    r"|\S\s?\(\d+\)$",
    re.IGNORECASE,
)
_FILE_NAME = re.compile(
    r".*_.*"
    r"|.*\.(?:jpe?g|png|tiff?|gif|webp|heic|avif|bmp|psd|pdf|raw|dng|cr[23]|nef|arw)"
    r"|(?:img|dsc[fn]?|pxl|dji|gopr|mvi|scan|screenshot)[\s-]?\d{3,}.*"
    # One word of letters and a long number, or of small letters with hyphens between.
    r"|(?=\S*[^\W\d])\S*\d{3}\S*"
    r"|(?-i:[a-z0-9]+(?:-[a-z0-9]+){2,})",
    re.IGNORECASE,
)
_CAPITALS = 2


def _untidy_title(seen: _Seen) -> bool:
    """Capitals only, a version mark at its end, like a file's name, or a space too many.

    One that is missing is nothing to tidy.
    """
    title = seen.image.title or ""
    words = title.strip()
    if not words:
        return False
    is_loud = words.isupper() and sum(letter.isupper() for letter in words) >= _CAPITALS
    return bool(
        is_loud or _SPACES.search(title) or _VERSION.search(words) or _FILE_NAME.fullmatch(words)
    )


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
    return ppi is not None and ppi >= seen.question.min_ppi and _within_trim(seen)


def _within_trim(seen: _Seen) -> bool:
    """Whether the print shows as much of the picture as was asked for; unknown is not."""
    size, sides, most = seen.question.print_size, pixels(seen.image), seen.question.max_trim_percent
    return most >= ANY_TRIM or bool(size and sides and size.trimmed(*sides) <= most)


def _period(image: ImageDetails, by: Period) -> str:
    """`2025-10` or `2025-Q4`, by the day of adding that a row shows."""
    added = image.date_added
    if added is None:
        return UNDATED
    return f"{added:%Y-%m}" if by == "month" else f"{added.year:04}-Q{(added.month + 2) // 3}"


_TESTS: Mapping[Only, Callable[[_Seen], bool]] = {
    "missing_title": _missing_title,
    "untidy_title": _untidy_title,
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
