"""A file that a spreadsheet program wrote, as rows of the columns that are wanted.

A row's number is the one that such a program shows.
"""

import codecs
import csv
import io
import os
import re
import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import NamedTuple, TextIO

from fw_mcp.errors import ArgumentsError, Reason
from fw_mcp.text import quoted

_DELIMITERS = (",", ";", "\t")
_LONGEST_LINE = 1_000_000
# How far down the header is looked for.
_MOST_ABOVE = 20
_SEP = re.compile('\ufeff*"?sep=(?P<sep>[^\r\n"])"?[,;\t]*\\s*', re.IGNORECASE)
# Two programs in a row may each have put a mark of byte order there; some curl quotation marks.
_ROUND_NAMES = '"\u201c\u201d\u201e\ufeff\u200b\u00a0 \t\r\n'
# The mark of UTF-8 in the letters of other encodings.
_MISREAD = re.compile(
    '\ufeff*"?(?:'
    + "|".join(
        codecs.BOM_UTF8.decode(encoding)
        for encoding in ("cp1252", "cp1250", "cp1251", "cp1253", "mac_roman", "cp437", "cp850")
    )
    + ")"
)
_HEAD = 8
_NO_TEXT = (
    (b"PK\x03\x04", "an Excel, LibreOffice or Numbers workbook"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Excel workbook"),
    (b"{\\rtf", "a formatted text document"),
    (b"%PDF", "a PDF"),
)
# A pipe would be waited on for ever.
_READ = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


@dataclass(frozen=True, slots=True)
class TableRow:
    """One row.

    Attributes:
        number: counted from 1, the header included.
        cells: those of the wanted columns, in the order of these.
        fault: why the row cannot be used; "" when it can.
    """

    number: int
    cells: Sequence[str]
    fault: str


class Table:
    """An open file, read a row at a time, as often as wanted.

    Args:
        file: at its beginning.
        wanted: the names of columns, each of which has to be there.
    """

    def __init__(self, file: TextIO, wanted: Sequence[str]) -> None:
        self._file = file
        self._wanted = wanted

    def rows(self) -> Iterator[TableRow]:
        """Every row that is not empty.

        Raises:
            ArgumentsError: the file is no UTF-8, has no header or no rows, or its quotes do not
                match.
        """
        self._file.seek(0)
        lines = _lines(self._file)
        header = _header(lines, self._wanted)
        empty = True
        for number, cells in _records(lines, header):
            if any(map(str.strip, cells)):
                empty = False
                yield _row(number, cells, header)
        if empty:
            raise _unusable("The file has no rows.")


def _row(number: int, cells: Sequence[str], header: "_Header") -> TableRow:
    found = [cells[place] if place < len(cells) else "" for place in header.wanted]
    surplus = any(cells[header.count :])
    fault = f"has {len(cells)} cells, but the header has {header.count}" if surplus else ""
    return TableRow(number, found, fault)


@dataclass(frozen=True, slots=True)
class _Header:
    """The row that names the columns.

    Attributes:
        number: of that row.
        wanted: where each of the wanted columns stands.
        count: how many columns there are.
    """

    number: int
    delimiter: str
    wanted: tuple[int, ...]
    count: int


@contextmanager
def opened_text(path: Path) -> Iterator[TextIO]:
    """The text of a file.

    Args:
        path: of a regular file, as a spreadsheet program or we wrote it.

    Raises:
        ArgumentsError: it cannot be read, or is no such file.
    """
    try:
        descriptor = os.open(path, _READ)
    except FileNotFoundError as fault:
        raise _unusable(f"There is no file {quoted(str(path), 200)}.") from fault
    except OSError as fault:
        raise _unusable(f"The file {quoted(str(path), 200)} cannot be opened.") from fault
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise _unusable("It is not a regular file.")
    with os.fdopen(descriptor, "rb") as content:
        encoding = _encoding(content.read(_HEAD))
        content.seek(0)
        with io.TextIOWrapper(content, encoding=encoding, newline="") as file:
            yield file


def _encoding(head: bytes) -> str:
    """How a file is written that begins so; other programs' own files are named."""
    for start, what in _NO_TEXT:
        if head.startswith(start):
            raise _unusable(f"This is {what}: save it as CSV UTF-8.")
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    return "utf-8-sig"


def _lines(file: TextIO) -> Iterator[str]:
    while line := _line(file):
        yield line


def _line(file: TextIO) -> str:
    try:
        line = file.readline(_LONGEST_LINE)
    except UnicodeError as fault:
        raise _unusable("It is not UTF-8: save it as CSV UTF-8.") from fault
    except OSError as fault:
        raise _unusable("The file ends unexpectedly or cannot be read.") from fault
    if len(line) == _LONGEST_LINE:
        raise _unusable(f"A line is longer than {_LONGEST_LINE:,} characters.")
    return line


def _header(lines: Iterator[str], wanted: Sequence[str]) -> _Header:
    """The first row that has our columns; a program may put a title or blank rows above it."""
    delimiters: tuple[str, ...] = _DELIMITERS
    first, nearest = 1, _Columns(1, ",", [])
    for place, line in enumerate(islice(lines, _MOST_ABOVE)):
        if _MISREAD.match(line):
            raise _unusable(
                "It was saved in an encoding other than UTF-8, which damages text: "
                "export again, and open it as UTF-8."
            )
        if place == 0 and (told := _SEP.fullmatch(line)):
            # A program that knows this line shows no row for it.
            delimiters, first = (told["sep"],), 0
            continue
        found = _columns(first + place, line, delimiters, wanted)
        if found.count_of(wanted) > nearest.count_of(wanted):
            nearest = found
        if nearest.count_of(wanted) == len(wanted):
            break
    return _checked(nearest, wanted)


def _checked(columns: "_Columns", wanted: Sequence[str]) -> _Header:
    number, delimiter, names = columns
    row = "first row" if number == 1 else f"row {number}"
    if missing := [name for name in wanted if name not in names]:
        raise _unusable(f"Its {row} lacks these columns: {', '.join(missing)}.")
    if twice := [name for name in wanted if names.count(name) > 1]:
        raise _unusable(f"Its {row} has these columns twice: {', '.join(twice)}.")
    return _Header(number, delimiter, tuple(names.index(name) for name in wanted), len(names))


class _Columns(NamedTuple):
    number: int
    delimiter: str
    names: list[str]

    def count_of(self, wanted: Sequence[str]) -> int:
        return len(set(wanted) & set(self.names))


def _columns(number: int, line: str, delimiters: Iterable[str], wanted: Sequence[str]) -> _Columns:
    """A row, read with whichever delimiter finds the most of the wanted columns in it."""
    each = (_Columns(number, one, _names(line, one)) for one in delimiters)
    return max(each, key=lambda columns: columns.count_of(wanted))


def _names(line: str, delimiter: str) -> list[str]:
    try:
        names = next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        return []
    return [name.strip(_ROUND_NAMES).lower() for name in names]


def _records(lines: Iterator[str], header: _Header) -> Iterator[tuple[int, list[str]]]:
    """Each row below the header, which was read before, with its number."""
    records = csv.reader(lines, delimiter=header.delimiter, strict=True)
    number = header.number
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
        next_step="Correct it, or start over with fw-mcp export.",
        reason=Reason.INVALID_ARGUMENTS,
    )
