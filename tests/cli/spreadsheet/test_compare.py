"""What a row comes to beside its image, and how a person is told."""

import pytest

from fw_mcp.api.models import ImageDetails, Product
from fw_mcp.cli.spreadsheet.cells import text_digest
from fw_mcp.cli.spreadsheet.compare import Verdict, compare
from fw_mcp.cli.spreadsheet.sheet import SheetRow
from fw_mcp.writes.update import NewText
from tests.support.hostile_texts import HOSTILE, hidden

GUID = "5f0c3c46-9a0b-4f0e-8a52-2d7f3a1b9c10"
HEAD = f"row 5  {GUID}  "
EXPORTED = text_digest("Fog", "Grey")


def image(title: str | None = "Fog", description: str | None = "Grey", products: int = 0,
          ) -> ImageDetails:  # fmt: skip
    """An image with these texts, and so many products."""
    hung = tuple(
        Product(sku=f"AP{number}", third_party_integrations={"etsy_product_id": number})
        for number in range(products)
    )
    return ImageDetails(guid=GUID, title=title, description=description, products=hung)


def row(title: str = "Fog", description: str = "Grey", exported: str = EXPORTED) -> SheetRow:
    """A row of a sheet that was exported when the texts were Fog and Grey."""
    return SheetRow(5, GUID, title, description, exported)


@pytest.mark.parametrize(
    ("one", "held", "verdict", "new"),
    [
        (row(), image(), Verdict.UNCHANGED, {}),
        (row("Dew"), image(), Verdict.CHANGES, {"title": "Dew"}),
        (row("Dew", "Wet"), image(), Verdict.CHANGES, {"title": "Dew", "description": "Wet"}),
        (row("Dew"), image("Dew"), Verdict.UNCHANGED, {}),
        (row("Dew"), image("Sun"), Verdict.CONFLICT, {}),
        (row("Dew"), image(description="Bright"), Verdict.CONFLICT, {}),
        (row(), image("Sun"), Verdict.LEFT_ALONE, {}),
        (row("Dew"), None, Verdict.GONE, {}),
        (row("", "Wet"), image(), Verdict.CHANGES, {"description": "Wet"}),
        (row("", ""), image(), Verdict.UNCHANGED, {}),
        (row("  ", "\t\u3000\n"), image(), Verdict.UNCHANGED, {}),
        (row(" ", "Wet"), image(), Verdict.CHANGES, {"description": "Wet"}),
        (row("Fog", "Cafe\u0301", text_digest("Fog", "Caf\u00e9")), image("Fog", "Caf\u00e9"),
         Verdict.UNCHANGED, {}),
        (row("", "Dew", text_digest("", "")), image(None, None), Verdict.CHANGES,
         {"description": "Dew"}),
        (row("x" * 1_000), image(), Verdict.CHANGES, {"title": "x" * 1_000}),
        (row("x" * 1_001), image(), Verdict.INVALID, {}),
        (row("Fog", "x" * 301), image(), Verdict.INVALID, {}),
    ],
)  # fmt: skip
def test_a_row_comes_to(
    one: SheetRow, held: ImageDetails | None, verdict: Verdict, new: dict[str, str]
) -> None:
    """Promise: what changed in the library since the export is skipped; empty cells keep."""
    found = compare(one, held)
    assert (found.verdict, dict(found.new)) == (verdict, new)


def test_line_ends_that_a_spreadsheet_program_rewrote_are_no_change() -> None:
    """Nor are they sent along with a new title."""
    exported = text_digest("Fog", "a\r\nb")
    held = image("Fog", "a\r\nb")
    assert compare(row("Fog", "a\nb", exported), held).verdict is Verdict.UNCHANGED
    assert compare(row("Dew", "a\nb", exported), held).update() == NewText(GUID, title="Dew")


@pytest.mark.parametrize("end", ["_x000D_\n", "_x000D_"])
def test_line_ends_that_a_workbook_spells_out_are_line_ends(end: str) -> None:
    """Excel's own way to keep what XML does not; none of it gets into the library."""
    exported = text_digest("Fog", "a\r\nb")
    held = image("Fog", "a\r\nb")
    assert compare(row("Fog", f"a{end}b", exported), held).verdict is Verdict.UNCHANGED
    assert compare(row("Dew", f"a{end}b", exported), held).update() == NewText(GUID, title="Dew")
    assert compare(row("Fog", f"a{end}c", exported), held).new == {"description": "a\nc"}
    literal = image("Fog", "a_x000D_b")
    one = row("Fog", "a_x000D_c", text_digest("Fog", "a_x000D_b"))
    assert compare(one, literal).new == {"description": "a_x000D_c"}


@pytest.mark.parametrize(
    ("stored", "saved"), [("Café", "Caf?"), ("漁港 at Dawn?", "?? at Dawn?"), ("Dew 🌊", "Dew ??")]
)
def test_letters_that_an_encoding_lost_are_no_edit(stored: str, saved: str) -> None:
    """A program that saves in the system's encoding writes question marks, and says nothing."""
    found = compare(row(saved, "", text_digest(stored, "")), image(stored, ""))
    assert (found.verdict, found.why) == (
        Verdict.INVALID,
        "characters of the title were lost (saved as ?): export again, and save it as CSV UTF-8",
    )


ERRORS = (
    *("#NAME?", "#REF!", "#N/A", "#VALUE!", "#DIV/0!", "#NULL!", "#NUM!", "#SPILL!", "#ERROR!"),
    *("#BEZUG!", "#WERT!", "#NV", "#NOM?", "#¡VALOR!", "#N/D", "#####", "Err:508", " #REF! "),
    *("NULL", "(NULL)", "[NULL]", "\\N", "nan"),
)


@pytest.mark.parametrize("error", ERRORS)
def test_what_a_program_writes_in_place_of_a_text_is_no_edit(error: str) -> None:
    """Somebody typed `-Fog` or `=Sunset` into a cell, or a tool of a database knew no text."""
    found = compare(row(error), image())
    assert (found.verdict, found.why) == (
        Verdict.INVALID,
        f'the title is "{error}", which a program wrote instead of text: type it again',
    )
    stored = text_digest(error, "Grey")
    assert compare(row(error, "Grey", stored), image(error)).verdict is Verdict.UNCHANGED


@pytest.mark.parametrize(
    "wished", ["#sunset", "# 1", "#", "Null Island", "N/A", "Error 404", "#Fog!", "Nancy", "#FOG!"]
)
def test_a_text_that_only_resembles_an_error_may_be_wished_for(wished: str) -> None:
    """Only what programs write is taken for damage."""
    assert compare(row(wished), image()).new == {"title": wished}


@pytest.mark.parametrize("encoding", ["cp1252", "mac_roman", "cp437", "cp850", "latin-1"])
@pytest.mark.parametrize("stored", ["Café", "Küste “Süd”, 5 €", "漁港", "Dew 🌊", "à la mer"])
def test_letters_that_were_read_in_another_encoding_are_no_edit(stored: str, encoding: str) -> None:
    """A program that opens UTF-8 without its mark takes each letter for two or three."""
    saved = "".join(
        bytes([byte]).decode(encoding, "ignore") or chr(byte) for byte in stored.encode()
    )
    found = compare(row(saved, "Dew", text_digest(stored, "")), image(stored, ""))
    assert (found.verdict, found.why) == (
        Verdict.INVALID,
        "the title was read in another encoding: export again, and open it as UTF-8",
    )


@pytest.mark.parametrize("space", ["\u00a0", "\u202f"])
def test_a_space_that_became_one_that_does_not_break_is_no_edit(space: str) -> None:
    """Programs put them in, and nobody sees them; the other way round too."""
    plain, other = "Still Tarn, at 5", f"Still{space}Tarn, at{space}5"
    for stored, saved in ((plain, other), (other, plain)):
        exported = text_digest(stored, "Grey")
        assert compare(row(saved, "Grey", exported), image(stored)).verdict is Verdict.UNCHANGED
        found = compare(row(saved, "Wet", exported), image(stored))
        assert found.new == {"description": "Wet"}


@pytest.mark.parametrize(
    ("stored", "wished"),
    [
        ("Still Tarn", "Still  Tarn"),
        ("Still Tarn", "Still\u2009Tarn"),
        ("Still Tarn", "Still Tarn "),
        ("Still Tarn", "Still\u200b Tarn"),
        ("Still Tarn", "\ufeffStill Tarn"),
        ("Anna's Tarn", "Anna\u2019s Tarn"),
        ('The "Old" Pier', "The „Old“ Pier"),
    ],
)
def test_an_edit_that_the_eye_hardly_sees_is_told_as_such(stored: str, wished: str) -> None:
    """It may be a wish, and it may be a program's doing; the person decides."""
    found = compare(row(wished, "Grey", text_digest(stored, "Grey")), image(stored))
    assert found.new == {"title": wished}
    (line,) = found.lines()
    assert line.endswith(" (spaces or quotation marks differ)")


@pytest.mark.parametrize(
    ("stored", "wished"), [("Café", "Coffee?"), ("Dew", "Dew?"), ("Fog?", "Fög"), ("漁港", "港")]
)
def test_a_question_mark_may_be_wished_for(stored: str, wished: str) -> None:
    """Only where nothing else differs it stands for a lost letter."""
    found = compare(row(wished, "", text_digest(stored, "")), image(stored, ""))
    assert (found.verdict, found.new) == (Verdict.CHANGES, {"title": wished})


def test_a_long_description_that_stays_does_not_stop_a_new_title() -> None:
    """The limit is on what is sent as new."""
    long = "x" * 400
    found = compare(row("Dew", long, text_digest("Fog", long)), image("Fog", long))
    assert (found.verdict, found.update()) == (Verdict.CHANGES, NewText(GUID, title="Dew"))


@pytest.mark.parametrize(
    ("one", "held", "lines"),
    [
        (row(), image(), []),
        (row("Dew"), image(), [f'{HEAD}title "Fog" → "Dew"']),
        (
            row("Dew", "Wet"),
            image(products=2),
            [
                f'{HEAD}title "Fog" → "Dew"; description "Grey" → "Wet"',
                "    removes 2 products (1 live in shops: Etsy 1)",
            ],
        ),
        (
            row("Dew", "Wet"),
            image("Sun", None),
            [
                (
                    f"{HEAD}skipped, changed in the library since the export: "
                    'title is now "Sun", description is now (none); export again to edit it'
                )
            ],
        ),
        (row(), image("Sun"), [f"{HEAD}not edited, changed in the library since the export"]),
        (row("Dew"), None, [f"{HEAD}skipped, not in the library"]),
        (
            row("", "Wet"),
            image(),
            [
                f'{HEAD}description "Grey" → "Wet"',
                f'{HEAD}an empty cell leaves the title unchanged: "Fog"',
            ],
        ),
        (
            row("“Fog”", "Grey", text_digest('"Fog"', "Grey")),
            image('"Fog"'),
            [f"{HEAD}title \"'Fog'\" → \"'Fog'\" (spaces or quotation marks differ)"],
        ),
        (row(" ", "Grey"), image(), [f'{HEAD}an empty cell leaves the title unchanged: "Fog"']),
        (
            SheetRow(5, "\x1b[2J", "a", "b", "", "is no guid"),
            None,
            ["row 5  \\x1b[2J  skipped, invalid: is no guid"],
        ),
        (
            row("Fog", "x" * 412),
            image(),
            [
                (
                    f"{HEAD}skipped, invalid: "
                    "the description has 412 characters, and at most 300 may be sent"
                )
            ],
        ),
    ],
)
def test_a_person_is_told(one: SheetRow, held: ImageDetails | None, lines: list[str]) -> None:
    """The row by its number, both texts, and what would go; nothing of a row as it is."""
    assert list(compare(one, held).lines()) == lines


def test_of_long_texts_the_part_is_shown_that_differs() -> None:
    """Otherwise both would look the same."""
    before, after = "a" * 200 + "Fog", "a" * 200 + "Dew"
    found = compare(row(before, "Grey", text_digest(after, "Grey")), image(after))
    assert list(compare(row(before, "", text_digest(after, "Grey")), image(after)).lines())[:1] == [
        f'{HEAD}title "…{"a" * 20}Dew" → "…{"a" * 20}Fog"'
    ]
    assert found.verdict is Verdict.CHANGES


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_text_stays_on_its_line_and_is_seen(text: str) -> None:
    """Promise: text of others is data, wherever it stands."""
    exported = text_digest(text, text)
    for one, held in (
        (row("Dew", "Wet", exported), image(text, text)),
        (row("Dew", "Wet", exported), image(f"{text}.", text)),
        (row("", "Wet", exported), image(text, text)),
    ):
        lines = list(compare(one, held).lines())
        assert [line for line in lines if hidden(line)] == []
        assert 1 <= len(lines) <= 2
        assert sum(map(len, lines)) < 600
