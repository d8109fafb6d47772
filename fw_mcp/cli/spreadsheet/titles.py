"""Titles and descriptions of files that are added, from a spreadsheet with their names."""

from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from unicodedata import normalize

from fw_mcp.api.models import DESCRIPTION_LIMIT
from fw_mcp.cli.spreadsheet.cells import from_cell
from fw_mcp.cli.spreadsheet.table import Table, TableRow, opened_text
from fw_mcp.errors import ArgumentsError, Reason
from fw_mcp.server.arguments import TITLE_LIMIT

if TYPE_CHECKING:
    from collections.abc import Iterator

_COLUMNS = ("file_name", "title", "description")


@dataclass(frozen=True, slots=True)
class Titled:
    """What the row of a file says; None where the cell is empty.

    Attributes:
        row: its number.
    """

    row: int
    title: str | None
    description: str | None


def read_titles(path: Path) -> Mapping[str, Titled]:
    """File name, its letters composed → what its row says.

    Args:
        path: of a file with the columns file_name, title and description; others are not read.

    Raises:
        ArgumentsError: it cannot be read, or a row of it cannot be used, which is named.
    """
    titles: dict[str, Titled] = {}
    with _told_so(), opened_text(path) as file:
        for row in Table(file, _COLUMNS).rows():
            file_name, title, description = map(from_cell, row.cells)
            name = same_name(file_name.strip())
            if fault := row.fault or _fault(name, title, description, titles):
                raise _unusable(row, fault)
            titles[name] = Titled(row.number, title.strip() or None, description.strip() or None)
    return titles


def same_name(file_name: str) -> str:
    """A file name as it is compared: disks write letters with accents in two ways."""
    return normalize("NFC", file_name)


@contextmanager
def _told_so() -> "Iterator[None]":
    try:
        yield
    except ArgumentsError as fault:
        fault.next_step = "Correct it and run the command again."
        raise


def _fault(name: str, title: str, description: str, seen: Mapping[str, Titled]) -> str:
    """Why a row cannot be used; "" when it can."""
    if not name:
        return "has no file_name"
    if name in seen:
        return f"names the file of row {seen[name].row} again"
    if len(title) > TITLE_LIMIT:
        return f"has a title of {len(title):,} characters; at most {TITLE_LIMIT:,} are allowed"
    if len(description) > DESCRIPTION_LIMIT:
        count = f"{len(description):,} characters"
        return f"has a description of {count}; at most {DESCRIPTION_LIMIT:,} are allowed"
    return ""


def _unusable(row: TableRow, fault: str) -> ArgumentsError:
    return ArgumentsError(
        f"The spreadsheet cannot be used. Row {row.number} {fault}.",
        state="Nothing was sent.",
        next_step="",
        reason=Reason.INVALID_ARGUMENTS,
    )
