"""Cells: formulas are neutralised, and every text comes back exactly."""

import csv
import io
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from fw_mcp.spreadsheet.cells import digest, from_cell, is_digest, same_text, to_cell
from tests.hostile_texts import HOSTILE

RISKY = "=+-@＝＋－＠"  # noqa: RUF001  the full-width forms are meant
ODD = st.text(st.sampled_from("'=+-@;,\t\r\n\"＝＠ a\ufeff\u200b\x00"), max_size=12)  # noqa: RUF001
ANY = st.text(st.characters(exclude_categories=["Cs"]), max_size=60) | ODD


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
        ("2 - 1 = 1", "2 - 1 = 1"),
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
    made = digest(title, description)
    assert is_digest(made)
    assert made[0] == "d"
    assert made != digest(f"{title}.", description)
    assert made != digest(title, f"{description}.")


def test_a_digest_tells_the_title_from_the_description() -> None:
    """Text that moves from one into the other is another text."""
    assert digest("a", "b") != digest("ab", "")


def test_line_ends_make_no_difference() -> None:
    """Spreadsheet programs rewrite them inside cells."""
    assert digest("a", "b\r\nc\rd") == digest("a", "b\nc\nd")
    assert same_text("b\r\nc\rd", "b\nc\nd")
    assert not same_text("b\nc", "b c")


@pytest.mark.parametrize("text", ["", "d123", "d" * 17, "g" + "0" * 15, "d" * 16 + "\n"])
def test_what_no_export_wrote_is_no_digest(text: str) -> None:
    """Sixteen hexadecimal digits, or it was lost on the way."""
    assert not is_digest(text)
