"""`fw-mcp preview`: what would happen, before anything does."""

import subprocess
import tracemalloc

from fw_mcp.cli.spreadsheet.export import export
from fw_mcp.cli.spreadsheet.preview import preview
from tests.cli.spreadsheet.desk import Desk, sold, unsold
from tests.cli.spreadsheet.pages import Pages, on_pages
from tests.support.process import started

NOTHING = "Nothing was sent. fw-mcp apply sends it, and asks before products are removed."
NOTHING_LEFT = "Nothing was sent, and nothing is left to send."


def test_a_spreadsheet_that_nobody_edited_changes_nothing(desk: Desk) -> None:
    """All of it is as the library holds it."""
    desk.export()
    assert desk.preview() == (0, ["Rows: 248. 248 unchanged.", NOTHING_LEFT])


def test_each_row_that_would_change_is_shown_with_what_would_go(desk: Desk) -> None:
    """Promise: see the diff first; the library stays as it is."""
    rows = desk.export()
    plain, selling = unsold(rows)[0], sold(rows)[0]
    was = plain["title"], selling["title"]
    plain["title"] = selling["title"] = "Dew"
    desk.write(rows, delimiter=";")
    before = desk.sql("SELECT * FROM images")
    numbers = [rows.index(one) + 2 for one in (plain, selling)]
    code, lines = desk.preview()
    assert (code, lines) == (
        0,
        [
            f'row {numbers[0]}  {plain["guid"]}  title "{was[0]}" → "Dew"',
            f'row {numbers[1]}  {selling["guid"]}  title "{was[1]}" → "Dew"',
            (
                "    removes 3 products (2 live in shops: Etsy 1, Squarespace 1, WooCommerce 1), "
                "worth 331.00 USD at asking price"
            ),
            "Rows: 248. 246 unchanged; 2 would change.",
            (
                "FinerWorks would permanently remove the products of changed images: "
                "3, of images: 1."
            ),
            NOTHING,
        ],
    )
    assert desk.sql("SELECT * FROM images") == before


def test_rows_that_would_be_skipped_are_named_and_the_exit_code_tells(desk: Desk) -> None:
    """Promise: what changed in the library since the export is skipped and named."""
    rows = unsold(desk.export())[:5]
    for row in rows[:4]:
        row["title"] = "Dew"
    rows[3]["guid"] = "nonsense"
    desk.write(rows)
    desk.sql("UPDATE images SET title = 'Sun' WHERE guid = ?", rows[0]["guid"])
    desk.sql("DELETE FROM images WHERE guid = ?", rows[1]["guid"])
    desk.sql("UPDATE images SET title = 'Sun' WHERE guid = ?", rows[4]["guid"])
    code, lines = desk.preview()
    assert (code, lines[0], lines[1], lines[3:]) == (
        7,
        (
            f"row 2  {rows[0]['guid']}  skipped, changed in the library since the export: "
            'title is now "Sun"; export again to edit it'
        ),
        f"row 3  {rows[1]['guid']}  skipped, not in the library",
        [
            (
                'row 5  nonsense  skipped, invalid: "nonsense" is not a guid of 8-4-4-4-12 '
                "hexadecimal digits"
            ),
            f"row 6  {rows[4]['guid']}  not edited, changed in the library since the export",
            (
                "Rows: 5. 1 would change; "
                "1 not edited, changed in the library since the export; "
                "1 skipped, changed in the library since the export; "
                "1 skipped, not in the library; 1 skipped, invalid."
            ),
            NOTHING,
        ],
    )


def test_what_spreadsheets_take_for_values_comes_back_unedited(desk: Desk) -> None:
    """Promise: opened and saved, nothing would change; the digits of the facts stay numbers."""
    guids = [row["guid"] for row in desk.export()]
    values = {"0012": "'0012", "May 1": "'May 1", "TRUE": "'TRUE", "1-2": "'1-2"}
    for guid, text in zip(guids, values, strict=False):
        desk.sql("UPDATE images SET title = ? WHERE guid = ?", text, guid)
    rows = desk.export()
    assert [row["title"] for row in rows[:4]] == [*values.values()]
    assert (rows[0]["pix_w"].isdigit(), rows[0]["products"].isdigit()) == (True, True)
    assert desk.preview() == (0, ["Rows: 248. 248 unchanged.", NOTHING_LEFT])


def previewed(desk: Desk, **settings: str) -> subprocess.Popen[bytes]:
    """A preview in a process of its own."""
    command = ["preview", str(desk.sheet), f"--sandbox-file={desk.sandbox}"]
    return started(command, env=settings)


def test_a_terminal_that_lacks_letters_shows_their_numbers(desk: Desk) -> None:
    """So on Windows, where the output goes into a file."""
    rows = unsold(desk.export())[:1]
    rows[0]["title"] = "漁港"
    desk.write(rows)
    with previewed(desk, PYTHONIOENCODING="cp1252") as process:
        output, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, b"")
    assert b'\\u2192 "\\u6f01\\u6e2f"' in output


def test_a_reader_of_the_preview_that_has_enough_is_no_error(desk: Desk) -> None:
    """`fw-mcp preview library.csv | head -1`."""
    rows = unsold(desk.export())
    for row in rows:
        row["title"] = "x" * 900
    desk.write(rows * 20)
    with previewed(desk) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert (process.stderr.read(), process.wait(timeout=60)) == (b"", 0)


def test_a_file_that_cannot_be_used_is_a_wrong_usage(desk: Desk) -> None:
    """Exit code 2."""
    desk.sheet.write_text("guid,title\n")
    assert desk.preview() == (2, [])


def test_a_large_spreadsheet_is_previewed_in_batches(desk: Desk) -> None:
    """Promise: 200 rows in memory at a time; of each other row the guid is kept."""

    def peak(images: int) -> int:
        pages = Pages(range(images))
        desk.sheet.unlink(missing_ok=True)
        export(on_pages(desk.assembly(), pages), {"file": str(desk.sheet)})
        tracemalloc.start()
        assert preview(on_pages(desk.assembly(), pages), {"file": str(desk.sheet)}) == 0
        highest = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return highest

    peak(200)
    small, large = peak(200), peak(2_000)
    assert large - small < 1_800 * 700
