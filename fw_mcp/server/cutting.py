"""As many rows of a page as a host takes, and the page on which the rest begins."""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from fw_mcp.text import counted

# Hosts cut off a longer result; the head, with what was not scanned, has the rest of 24,000.
ROWS_SHOWN = 21_000


class Size(NamedTuple):
    """How many characters a row takes, in the text and in the JSON."""

    text: int
    structured: int


NOTHING = Size(0, 0)


class Listed(Protocol):
    """A row of a result."""

    def line(self) -> str:
        """One line for a person."""

    def structured(self) -> dict[str, Any]:
        """The row as JSON."""


def size_of(row: Listed) -> Size:
    """How long a row is."""
    return Size(len(row.line()) + 1, len(json.dumps(row.structured(), ensure_ascii=False)) + 2)


class Cut(NamedTuple):
    """As much of a page as a host takes, and where the rest begins.

    Attributes:
        kept: how many rows of the page are shown.
        next_page_number: None on the last page.
        next_per_page: of the next page; another one than was asked for where the page was cut.
        note: what was cut, and how to get it; "" when nothing was.
    """

    kept: int
    next_page_number: int | None
    next_per_page: int
    note: str = ""


class Paged(NamedTuple):
    """A page before it is cut.

    Attributes:
        number: its own, from 1.
        per_page: as asked.
        following: the number of the page after it; None on the last.
        what: what a row is, in the singular.
    """

    number: int
    per_page: int
    following: int | None
    what: str


def cut(rows: Sequence[Size], page: Paged, said: int = 0) -> Cut:
    """The rows of a page that fit into a result.

    Args:
        rows: the size of each; `NOTHING` for a place that is empty by now.
        page: that they are of.
        said: characters of what is said about them beforehand, if that may be long.
    """
    fit = how_many_fit(rows, ROWS_SHOWN - said)
    if fit == len(rows):
        return Cut(fit, page.following, page.per_page)
    before = (page.number - 1) * page.per_page
    kept, per_page = _a_page_begins(before, fit)
    number = (before + kept) // per_page + 1
    note = (
        f"{counted(len(rows) - kept, page.what)} of this page did not fit in one result: "
        f"call again with page_number {number} and per_page {per_page}."
    )
    return Cut(kept, number, per_page, note)


def how_many_fit(rows: Sequence[Size], room: int) -> int:
    """How many of the first rows take no more than `room` characters; at least one."""
    text = structured = 0
    for number, row in enumerate(rows):
        text += row.text
        structured += row.structured
        if max(text, structured) > room:
            return max(number, 1)
    return len(rows)


def _a_page_begins(before: int, fit: int) -> tuple[int, int]:
    """How many rows to keep, so that the first of the rest begins a page; and the size of that."""
    pages = [
        (size, kept)
        for kept in range(1, fit + 1)
        for size in range(1, fit + 1)
        if not (before + kept) % size
    ]
    size, kept = max(pages, key=lambda page: (min(page), page))
    return kept, size
