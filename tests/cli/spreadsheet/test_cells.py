"""Cells: formulas are neutralised, and every text comes back exactly."""

import csv
import io
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fw_mcp.cli.spreadsheet.cells import from_cell, is_text_digest, same_text, text_digest, to_cell
from tests.support.hostile_texts import HOSTILE

RISKY = "=+-@＝＋－＠"  # noqa: RUF001  the full-width forms are meant
ODDITIES = "'=+-@;,\t\r\n\"＝＠ a\ufeff\u200b\x00"  # noqa: RUF001  as above
ODD = st.text(st.sampled_from(ODDITIES), max_size=12)
VALUE = st.text(st.sampled_from("'=;\n\t 05.,e-May"), max_size=8)
ANY = st.text(st.characters(exclude_categories=["Cs"]), max_size=60) | ODD | VALUE


def starts_a_formula(cell: str) -> bool:
    """Whether a spreadsheet program might run it: a judge that shares nothing with the code."""
    return cell.lstrip(" \ufeff\u200b")[:1] in {*RISKY} or cell[:1] in {*"\t\r\n"}


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("+49 89", "'+49 89"),
        ("-5 degrees", "'-5 degrees"),
        ("@home", "'@home"),
        ("\tindented", "'\tindented"),
        ("\rreturned", "'\rreturned"),
        ("\nbelow", "'\nbelow"),
        ("＝1", "'＝1"),  # noqa: RUF001
        ("  =1", "'  =1"),
        ("\ufeff=1", "'\ufeff=1"),
        ("'=1", "''=1"),
        ("'''@", "''''@"),
        ("'Tis the season", "'Tis the season"),
        ("''", "''"),
        ("", ""),
        ("Fog, 5 below", "Fog, 5 below"),
        ("Two - 1 = 1", "Two - 1 = 1"),
        ("Fog;=1", "Fog;'=1"),
        ("Fog\n@home\n\nDew", "Fog\n'@home\n\nDew"),
    ],
)
def test_a_text_that_might_be_a_formula_gets_one_apostrophe(text: str, cell: str) -> None:
    """Promise: what a spreadsheet would run is neutralised, and exactly that is taken back."""
    assert to_cell(text) == cell
    assert from_cell(cell) == text


def test_an_apostrophe_that_no_export_wrote_stays() -> None:
    """A person may write either; only one before a formula is ours."""
    assert [from_cell(cell) for cell in ("'Tis", "=1", "Fog")] == ["'Tis", "=1", "Fog"]


@pytest.mark.parametrize(
    "text",
    ["0012", "1984", "1.50", "1,000", "1 000", "1/2", "3 1/4", "(5)", "5-", "10 %", "1e5", "1E-5",
     " 5", "5 ", "12:30", "12:30 am", "24.12.", "2024-1-2", "2024-01-02T03:04:05Z", "May 1",
     "5 janvier 2024", "Friday, January 5, 2024", "5. M\u00e4rz", "a\u006f\u00fbt 2024",
     "5 De\u0301c.", "Dec 2020", "$5", "5 \u20ac", "12345678901234567890", "true", "False ", "WAHR",
     "faux", "'1984", "''true"],
)  # fmt: skip
def test_a_text_that_a_spreadsheet_would_take_for_a_value_gets_one_apostrophe(text: str) -> None:
    """Promise: what nobody edited comes back as it was; each of these LibreOffice rewrites."""
    assert to_cell(text) == f"'{text}"
    assert from_cell(f"'{text}") == text
    assert from_cell(text.lstrip("'")) == text.lstrip("'")


@pytest.mark.parametrize(
    "text",
    ["Fog 2", "Sunset 12", "COAST_2044.jpg", "16x20", "Route 66", "May", "Truth", "3D",
     "The 5th of May at the pier", "5f0c3c46-9a0b-4f0e-8a52-2d7f3a1b9c10", "d271f36e79137f41"],
)  # fmt: skip
def test_a_text_that_every_spreadsheet_leaves_alone_gets_none(text: str) -> None:
    """The apostrophe is to be seen in the cell."""
    assert to_cell(text) == text


@given(ANY)
@example("'" * 500 + "=")
@example("\t=x")
@example("'\t'=")
def test_every_text_comes_back_exactly_through_a_csv_file(text: str) -> None:
    """Promise: the round trip is exact, apostrophes, quotes, line ends and controls included."""
    file = io.StringIO(newline="")
    csv.writer(file).writerow([to_cell(text), "end"])
    file.seek(0)
    ((cell, end),) = csv.reader(file, strict=True)
    assert (from_cell(cell), end) == (text, "end")


@given(ANY)
def test_no_cell_is_left_that_a_spreadsheet_would_run(text: str) -> None:
    """Promise: neither as a whole, nor cut at another delimiter or at a line end."""
    cell = to_cell(text)
    assert not starts_a_formula(cell)
    parts = re.split("[;\t\r\n]", cell)
    assert [part for part in parts[1:] if part[:1] in {*RISKY}] == []


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_hostile_texts_come_back_exactly(text: str) -> None:
    """A hundred thousand of anything takes no more than a moment."""
    assert from_cell(to_cell(text)) == text


@given(ANY, ANY)
def test_a_digest_begins_with_a_letter_and_tells_texts_apart(title: str, description: str) -> None:
    """A spreadsheet would round sixteen decimal digits, or read an exponent."""
    made = text_digest(title, description)
    assert is_text_digest(made)
    assert made[0] == "d"
    assert made != text_digest(f"{title}.", description)
    assert made != text_digest(title, f"{description}.")


def test_a_digest_tells_the_title_from_the_description() -> None:
    """Text that moves from one into the other is another text."""
    assert text_digest("a", "b") != text_digest("ab", "")


def test_line_ends_make_no_difference() -> None:
    """Spreadsheet programs rewrite them inside cells."""
    assert text_digest("a", "b\r\nc\rd") == text_digest("a", "b\nc\nd")
    assert same_text("b\r\nc\rd", "b\nc\nd")
    assert not same_text("b\nc", "b c")


@pytest.mark.parametrize(
    ("stored", "came_back"),
    [
        ("Fog\x00hidden\x00", "Foghidden"),
        ("\x1b[2JFog\x0b\uffff", "[2JFog"),
        ("Cafe\u0301", "Caf\u00e9"),
        ("Caf\u00e9", "Cafe\u0301"),
    ],
)
def test_what_a_spreadsheet_loses_unseen_is_no_edit(stored: str, came_back: str) -> None:
    """Products would go for it, and the diff would show the same text twice."""
    assert text_digest(stored, "") == text_digest(came_back, "")
    assert same_text(stored, came_back)
    assert not same_text("Cafe", "Caf\u00e9")


@pytest.mark.parametrize("text", ["", "d123", "d" * 17, "g" + "0" * 15, "d" * 16 + "\n"])
def test_what_no_export_wrote_is_no_digest(text: str) -> None:
    """Sixteen hexadecimal digits, or it was lost on the way."""
    assert not is_text_digest(text)
