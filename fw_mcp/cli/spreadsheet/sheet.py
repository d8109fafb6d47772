"""A spreadsheet file as rows: what stands in it, and what is wrong with it, by row number.

Knows no library. A row's number is the one that a spreadsheet program shows.
"""

import csv
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TextIO

from fw_mcp.api.models import normal_guid
from fw_mcp.cli.spreadsheet.cells import from_cell, is_text_digest
from fw_mcp.errors import ArgumentsError, Reason
from fw_mcp.text import quoted

_NEEDED = ("guid", "title", "description", "exported")
_DELIMITERS = (",", ";", "\t")
_LONGEST_LINE = 1_000_000
# A pipe would be waited on for ever.
_READ = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


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
        self._file = file
        self._twice: frozenset[str] = frozenset()
        self._twice = self._guids_twice()

    def rows(self) -> Iterator[SheetRow]:
        """Every row that is not empty.

        Raises:
            ArgumentsError: the file is no UTF-8, has no header or no rows, or its quotes do not
                match.
        """
        self._file.seek(0)
        lines = _lines(self._file)
        header = _header(next(lines, ""))
        empty = True
        for number, cells in _records(lines, header.delimiter):
            if any(map(str.strip, cells)):
                empty = False
                yield self._row(number, cells, header)
        if empty:
            raise _unusable("It has no rows.")

    def _row(self, number: int, cells: Sequence[str], header: "_Header") -> SheetRow:
        found = [cells[place] if place < len(cells) else "" for place in header.needed]
        guid, title, description, exported = found
        row = SheetRow(
            number, guid.strip(), from_cell(title), from_cell(description), exported.strip().lower()
        )
        if any(cells[header.count :]):
            return replace(row, fault=f"has {len(cells)} cells, and the header {header.count}")
        try:
            row = replace(row, guid=normal_guid(row.guid))
        except ValueError as malformed:
            return replace(row, fault=f"{quoted(row.guid, 45)} is {malformed}")
        return replace(row, fault=self._fault(row))

    def _fault(self, row: SheetRow) -> str:
        if row.guid in self._twice:
            return "the guid stands in more than one row"
        if not is_text_digest(row.exported):
            return "the cell in column exported is not what was exported there"
        return ""

    def _guids_twice(self) -> frozenset[str]:
        seen: set[str] = set()
        twice: set[str] = set()
        for row in self.rows():
            (twice if row.guid in seen else seen).add(row.guid)
        return frozenset(twice)


@dataclass(frozen=True, slots=True)
class _Header:
    """The first row.

    Attributes:
        needed: where each of the needed columns stands.
        count: how many columns there are.
    """

    delimiter: str
    needed: tuple[int, ...]
    count: int


@contextmanager
def opened(path: Path) -> Iterator[Spreadsheet]:
    """The spreadsheet in a file.

    Args:
        path: of a regular file, as `fw-mcp export` wrote it or a spreadsheet program after that.

    Raises:
        ArgumentsError: it cannot be read, or is no spreadsheet of ours.
    """
    try:
        descriptor = os.open(path, _READ)
    except OSError as fault:
        raise _unusable("It cannot be opened.") from fault
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise _unusable("It is no regular file.")
    with os.fdopen(descriptor, encoding="utf-8-sig", newline="") as file:
        yield Spreadsheet(file)


def _lines(file: TextIO) -> Iterator[str]:
    while line := _line(file):
        yield line


def _line(file: TextIO) -> str:
    try:
        line = file.readline(_LONGEST_LINE)
    except UnicodeDecodeError as fault:
        raise _unusable("It is not UTF-8: save it as CSV UTF-8.") from fault
    except OSError as fault:
        raise _unusable("It cannot be read to its end.") from fault
    if len(line) == _LONGEST_LINE:
        raise _unusable(f"A line of it is longer than {_LONGEST_LINE:,} characters.")
    return line


def _header(line: str) -> _Header:
    """The header, read with whichever delimiter finds the most of our columns in it."""
    headers = {delimiter: _names(line, delimiter) for delimiter in _DELIMITERS}
    delimiter = max(headers, key=lambda one: len(set(_NEEDED) & set(headers[one])))
    names = headers[delimiter]
    if missing := [name for name in _NEEDED if name not in names]:
        raise _unusable(f"Its first row lacks these columns: {', '.join(missing)}.")
    if twice := [name for name in _NEEDED if names.count(name) > 1]:
        raise _unusable(f"Its first row has these columns twice: {', '.join(twice)}.")
    return _Header(delimiter, tuple(names.index(name) for name in _NEEDED), len(names))


def _names(line: str, delimiter: str) -> list[str]:
    try:
        names = next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        return []
    # Two programs in a row may each have put a mark of byte order there.
    return [name.strip().lstrip("\ufeff").strip('"').lower() for name in names]


def _records(lines: Iterator[str], delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Each row with its number; the header, which was read before, is row 1."""
    records = csv.reader(lines, delimiter=delimiter, strict=True)
    number = 1
    while True:
        number += 1
        try:
            cells = next(records, None)
        except csv.Error as fault:
            raise _unusable(f"{_why(fault)} in row {number}.") from fault
        if cells is None:
            return
        yield number, cells


def _why(fault: csv.Error) -> str:
    if "field limit" in str(fault):
        return f"A cell is longer than {csv.field_size_limit():,} characters"
    return "The quotation marks do not match"


def _unusable(why: str) -> ArgumentsError:
    return ArgumentsError(
        f"The spreadsheet cannot be used. {why}",
        state="Nothing was sent.",
        next_step="Correct it, or begin anew with fw-mcp export.",
        reason=Reason.INVALID_ARGUMENTS,
    )
