"""A spreadsheet file as rows: what stands in it, and what is wrong with it, by row number.

Knows no library.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TextIO

from fw_mcp.api.models import normal_guid
from fw_mcp.cli.spreadsheet.cells import from_cell, is_text_digest
from fw_mcp.cli.spreadsheet.table import Table, TableRow, opened_text
from fw_mcp.text import quoted

_COLUMNS = ("guid", "title", "description", "exported")


@dataclass(frozen=True, slots=True)
class SheetRow:
    """One image of a spreadsheet.

    Attributes:
        number: counted from 1, the header included.
        guid: in lower case; as it stands there when it is none.
        exported: the digest of the texts as they were exported.
        fault: why the row cannot be used; "" when it can.
    """

    number: int
    guid: str
    title: str
    description: str
    exported: str
    fault: str = ""


class Spreadsheet:
    """An open spreadsheet, read a row at a time, as often as wanted.

    Args:
        file: at its beginning.

    Raises:
        ArgumentsError: what `rows` raises.
    """

    def __init__(self, file: TextIO) -> None:
        self._table = Table(file, _COLUMNS)
        self._twice: frozenset[str] = frozenset()
        self._twice = self._guids_twice()

    def rows(self) -> Iterator[SheetRow]:
        """Every row that is not empty.

        Raises:
            ArgumentsError: the file is no UTF-8, has no header or no rows, or its quotes do not
                match.
        """
        return map(self._row, self._table.rows())

    def _row(self, read: TableRow) -> SheetRow:
        guid, title, description, exported = read.cells
        row = SheetRow(
            read.number,
            guid.strip(),
            from_cell(title),
            from_cell(description),
            exported.strip().lower(),
            read.fault,
        )
        if row.fault:
            return row
        try:
            row = replace(row, guid=normal_guid(row.guid))
        except ValueError as malformed:
            return replace(row, fault=f"{quoted(row.guid, 45)} is {malformed}")
        return replace(row, fault=self._fault(row))

    def _fault(self, row: SheetRow) -> str:
        if row.guid in self._twice:
            return "the guid is in more than one row"
        if not is_text_digest(row.exported):
            return "the exported column was edited"
        return ""

    def _guids_twice(self) -> frozenset[str]:
        seen: set[str] = set()
        twice: set[str] = set()
        for row in self.rows():
            (twice if row.guid in seen else seen).add(row.guid)
        return frozenset(twice)


@contextmanager
def opened(path: Path) -> Iterator[Spreadsheet]:
    """The spreadsheet in a file.

    Args:
        path: of a regular file, as `fw-mcp export` wrote it or a spreadsheet program after that.

    Raises:
        ArgumentsError: it cannot be read, or is no spreadsheet of ours.
    """
    with opened_text(path) as file:
        yield Spreadsheet(file)
