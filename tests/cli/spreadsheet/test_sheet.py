"""A spreadsheet file: which are read, and how each fault is named."""

import io
import os
import tracemalloc
from pathlib import Path

import pytest

from fw_mcp.cli.spreadsheet.sheet import SheetRow, Spreadsheet, opened
from fw_mcp.errors import ArgumentsError

GUID = "5f0c3c46-9a0b-4f0e-8a52-2d7f3a1b9c10"
OTHER = "8d1a6b52-0c4d-4a57-b1a4-6e2f9d3c7b21"
DIGEST = "d123456789abcdef"
HEADER = "guid,title,description,exported"


def rows(folder: Path, content: str | bytes) -> list[SheetRow]:
    """The rows of a file that holds this."""
    file = folder / "sheet.csv"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    with opened(file) as sheet:
        return list(sheet.rows())


def refusal(folder: Path, content: str | bytes) -> str:
    """Why a file that holds this cannot be used."""
    with pytest.raises(ArgumentsError) as refused:
        rows(folder, content)
    assert refused.value.state == "Nothing was sent."
    return refused.value.what.removeprefix("The spreadsheet cannot be used. ")


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_each_way_that_programs_save_is_read(
    delimiter: str, mark: str, line_end: str, tmp_path: Path
) -> None:
    """Commas, semicolons or tabs, with or without the mark of byte order, any line end."""
    lines = [["Title", "GUID", "pix_w", "exported ", "description"],
             ["'=Fog", GUID.upper(), "12", DIGEST.upper(), '"a ""b"""']]  # fmt: skip
    content = mark + "".join(delimiter.join(line) + line_end for line in lines)
    assert rows(tmp_path, content) == [SheetRow(2, GUID, "=Fog", 'a "b"', DIGEST)]


def test_a_row_has_the_number_that_a_spreadsheet_program_shows(tmp_path: Path) -> None:
    """Empty rows count and are passed over; a cell of several lines is one row."""
    content = f'{HEADER}\n\n{GUID},"a\nb",,{DIGEST}\n, ,,\n{OTHER},c,,{DIGEST},,\n'
    assert rows(tmp_path, content) == [
        SheetRow(3, GUID, "a\nb", "", DIGEST),
        SheetRow(5, OTHER, "c", "", DIGEST),
    ]


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        (f"nonsense,a,b,{DIGEST}", '"nonsense" is not a guid of 8-4-4-4-12 hexadecimal digits'),
        (f",a,b,{DIGEST}", "(none) is not a guid of 8-4-4-4-12 hexadecimal digits"),
        (f"\x1b[2J,a,b,{DIGEST}", '"\\x1b[2J" is not a guid of 8-4-4-4-12 hexadecimal digits'),
        (
            f"“{GUID}”,“a”,“b”,“{DIGEST}”",
            f"\"'{GUID}'\" is not a guid of 8-4-4-4-12 hexadecimal digits",
        ),
        (f"{GUID},a,b,", "the exported column was edited"),
        (f"{GUID},a,b", "the exported column was edited"),
        (f"{GUID},a,b,1.23E+15", "the exported column was edited"),
        (f"{GUID},a,b,{DIGEST},,c", "has 6 cells, but the header has 4"),
    ],
)
def test_a_row_that_cannot_be_used_says_why(line: str, fault: str, tmp_path: Path) -> None:
    """And the rows after it are read."""
    first, second = rows(tmp_path, f"{HEADER}\n{line}\n{OTHER},a,b,{DIGEST}\n")
    assert (first.fault, second.fault) == (fault, "")


def test_a_guid_that_stands_twice_counts_in_neither_row(tmp_path: Path) -> None:
    """Nobody can tell which one is meant."""
    lines = [f"{guid},a,b,{DIGEST}" for guid in (GUID, OTHER, GUID.upper())]
    found = rows(tmp_path, "\n".join([HEADER, *lines]))
    twice = "the guid is in more than one row"
    assert [row.fault for row in found] == [twice, "", twice]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("", "Its first row lacks these columns: guid, title, description, exported."),
        ("guid,title\na,b", "Its first row lacks these columns: description, exported."),
        (f"{HEADER},title\n", "Its first row has these columns twice: title."),
        (HEADER, "The file has no rows."),
        (f"{HEADER}\n\n,,,\n", "The file has no rows."),
        (f'{HEADER}\n{GUID},"a,b,{DIGEST}\n', "The quotation marks do not match in row 2."),
        (f'{HEADER}\n{GUID},"a"b,c,{DIGEST}', "The quotation marks do not match in row 2."),
        (f"{HEADER}\n{GUID},{'x' * 140_000},b,{DIGEST}",
         "A cell is longer than 131,072 characters in row 2."),
        (f"{HEADER}\n{'x' * 1_000_001}", "A line is longer than 1,000,000 characters."),
        ("x" * 140_000, "Its first row lacks these columns: guid, title, description, exported."),
        (f"{HEADER}\n{GUID},Küste,b,{DIGEST}".encode("latin-1"),
         "It is not UTF-8: save it as CSV UTF-8."),
        (f"{HEADER}\n".encode("utf-16-le"),
         "Its first row lacks these columns: guid, title, description, exported."),
        (f"{HEADER}\n".encode("utf-16")[:-1], "It is not UTF-8: save it as CSV UTF-8."),
        (f"Table 1\n\nguid,title,exported\n{GUID},a,{DIGEST}\n",
         "Its row 3 lacks these columns: description."),
        ("\n" * 20 + HEADER,
         "Its first row lacks these columns: guid, title, description, exported."),
        (b"PK\x03\x04\x14\0\x06\0" + bytes(40),
         "This is an Excel, LibreOffice or Numbers workbook: save it as CSV UTF-8."),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(40),
         "This is an old Excel workbook: save it as CSV UTF-8."),
        (b"{\\rtf1 guid", "This is a formatted text document: save it as CSV UTF-8."),
        (b"%PDF-1.7", "This is a PDF: save it as CSV UTF-8."),
    ],
)  # fmt: skip
def test_a_file_that_is_no_spreadsheet_of_ours_is_refused_as_a_whole(
    content: str | bytes, why: str, tmp_path: Path
) -> None:
    """Before a row of it is used."""
    assert refusal(tmp_path, content) == why


def test_marks_of_byte_order_do_not_hide_a_column(tmp_path: Path) -> None:
    """A program that reads one as text puts one more in front of it."""
    for header in (HEADER, '"guid","title","description","exported"'):
        content = f"\ufeff\ufeff{header}\n{GUID},a,b,{DIGEST}\n"
        assert rows(tmp_path, content) == [SheetRow(2, GUID, "a", "b", DIGEST)]


@pytest.mark.parametrize("encoding", ["cp1252", "cp1250", "cp1251", "mac_roman", "cp437", "cp850"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_file_that_was_read_in_another_encoding_is_named(
    encoding: str, mark: str, tmp_path: Path
) -> None:
    """Its letters are damaged, and the first column's name with them."""
    read = f"{HEADER}\n{GUID},a,b,{DIGEST}\n".encode("utf-8-sig").decode(encoding)
    assert refusal(tmp_path, mark + read) == (
        "It was saved in an encoding other than UTF-8, which damages text: "
        "export again, and open it as UTF-8."
    )


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
@pytest.mark.parametrize("delimiter", ["\t", ";", ","])
def test_a_text_in_either_encoding_of_unicode_is_read(
    encoding: str, delimiter: str, tmp_path: Path
) -> None:
    """Excel's Unicode Text is UTF-16 with tabs; the mark at its beginning says so."""
    lines = [HEADER.split(","), [GUID, "Küste 東京", "b", DIGEST]]
    content = "\r\n".join(map(delimiter.join, lines)).encode(encoding)
    assert rows(tmp_path, content) == [SheetRow(2, GUID, "Küste 東京", "b", DIGEST)]


@pytest.mark.parametrize("told", ["sep={}", "SEP={}\r", "\ufeffsep={}", '"sep={}"', "sep={},,,"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_a_line_that_tells_the_delimiter_is_no_row(
    told: str, delimiter: str, tmp_path: Path
) -> None:
    """Programs that know it show no row for it either, so that the header is row 1."""
    lines = [HEADER.split(","), [GUID, "a", "b", DIGEST]]
    content = "\n".join([told.format(delimiter), *map(delimiter.join, lines)])
    assert rows(tmp_path, content) == [SheetRow(2, GUID, "a", "b", DIGEST)]


@pytest.mark.parametrize("above", ["\n", ",,,\n", "Table 1\n\n", '"My prints, spring",,,\n\n\n'])
def test_rows_above_the_header_are_passed_over(above: str, tmp_path: Path) -> None:
    """A program puts a table's name there, or a person; rows keep the numbers that are shown."""
    found = rows(tmp_path, f"{above}{HEADER}\n{GUID},a,b,{DIGEST}\n")
    assert found == [SheetRow(2 + above.count("\n"), GUID, "a", "b", DIGEST)]


@pytest.mark.parametrize(
    "header",
    [
        " Guid ,TITLE,\u00a0Description\u00a0,exported",
        "“guid”,“title”,„description“,\u200bexported",
        '" guid ","title","description","exported"',
    ],
)
def test_a_column_is_known_however_its_name_is_dressed(header: str, tmp_path: Path) -> None:
    """In other letters, with spaces or with curled quotation marks round it."""
    assert rows(tmp_path, f"{header}\n{GUID},a,b,{DIGEST}\n") == [
        SheetRow(2, GUID, "a", "b", DIGEST)
    ]


def test_a_file_that_cannot_be_read_to_its_end_is_refused() -> None:
    """Such as one on a share that went away."""

    class Gone(io.RawIOBase):
        def readable(self) -> bool:
            return True

        def seekable(self) -> bool:
            return True

        def seek(self, offset: int, whence: int = 0, /) -> int:  # noqa: ARG002  as there
            return 0

        def readinto(self, into: object, /) -> int:
            raise OSError(into)

    file = io.TextIOWrapper(io.BufferedReader(Gone()))
    with pytest.raises(ArgumentsError, match="The file ends unexpectedly or cannot be read"):
        Spreadsheet(file)


def test_only_a_regular_file_is_read(tmp_path: Path) -> None:
    """A pipe would be waited on for ever."""
    os.mkfifo(tmp_path / "pipe")
    for name, why in (
        ("pipe", "not a regular file"),
        (".", "not a regular file"),
        ("none", f'There is no file "{tmp_path}/none"'),
        ("pipe/none", f'The file "{tmp_path}/pipe/none" cannot be opened'),
    ):
        with pytest.raises(ArgumentsError, match=why), opened(tmp_path / name):
            pass


def test_a_large_file_is_not_held_in_memory(tmp_path: Path) -> None:
    """Promise: of each row the guid is kept, to find one that stands twice."""
    file = tmp_path / "sheet.csv"
    with file.open("w") as lines:
        lines.write(f"{HEADER}\n")
        for number in range(10_000):
            lines.write(f"{number:08x}{GUID[8:]},title,{'x' * 300},{DIGEST}\n")
    tracemalloc.start()
    with opened(file) as sheet:
        assert sum(1 for _ in sheet.rows()) == 10_000
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3_000_000
