"""`fw-mcp export`: the whole inventory as a spreadsheet that any program opens."""

import stat
import tracemalloc
from pathlib import Path

import pytest

from fw_mcp.cli.main import main
from fw_mcp.cli.spreadsheet.cells import from_cell, text_digest
from fw_mcp.cli.spreadsheet.export import export
from fw_mcp.sandbox.keys import SANDBOX_SESSION_ID
from tests.cli.spreadsheet.desk import Desk, read
from tests.cli.spreadsheet.pages import Pages, guid, on_pages
from tests.support.hostile_texts import HOSTILE
from tests.support.process import started

HEADER = (
    "guid,title,description,file_name,pix_w,pix_h,date_added,active,products,shops,exported\r\n"
)


def exported(desk: Desk, pages: Pages) -> tuple[int, list[str], str]:
    """The exit code, the guids in the file, and what was said on stderr."""
    desk.sheet.unlink(missing_ok=True)
    code = export(on_pages(desk.assembly(), pages), {"file": str(desk.sheet)})
    return code, [row["guid"] for row in read(desk.sheet)], desk.capsys.readouterr().err


def test_every_image_of_the_inventory_is_a_row(desk: Desk) -> None:
    """Oldest first, with its facts, and a digest of the texts as they are."""
    rows = desk.export()
    stored = desk.sql("SELECT guid FROM images WHERE library = 'inventory' ORDER BY id")
    assert [(row["guid"],) for row in rows] == stored
    assert [row["exported"] for row in rows] == [
        text_digest(from_cell(row["title"]), from_cell(row["description"])) for row in rows
    ]
    assert rows[3] == {
        "guid": "80db1bfa-ce8f-4bfc-8f47-2c60518ac8b7",
        "title": "COAST_2044.jpg",
        "description": "The Old Pier, Cannon Beach, from the series Coastal Light. "
        "A long exposure of four minutes from a tripod half in the water.",
        "file_name": "COAST_2044.jpg",
        "pix_w": "6000",
        "pix_h": "4000",
        "date_added": rows[3]["date_added"],
        "active": "true",
        "products": "3",
        "shops": "Etsy, Squarespace, WooCommerce",
        "exported": "d271f36e79137f41",
    }


def test_the_file_is_new_the_owners_and_marked_as_utf_8(desk: Desk) -> None:
    """RFC 4180 lines; how many there are is said on stderr."""
    assert main(["export", str(desk.sheet), f"--sandbox-file={desk.sandbox}"]) == 0
    assert desk.capsys.readouterr() == ("", f"Images written to {desk.sheet}: 248.\n")
    content = desk.sheet.read_bytes()
    assert content.startswith(b"\xef\xbb\xbf" + HEADER.encode())
    assert content.endswith(b"\r\n")
    assert stat.S_IMODE(desk.sheet.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("name", "why"), [("old.csv", "exists already"), ("no/where.csv", "cannot be made")]
)
def test_an_export_overwrites_nothing(desk: Desk, name: str, why: str) -> None:
    """Exit code 2, and what was there stays."""
    (desk.folder / "old.csv").write_text("mine")
    assert main(["export", str(desk.folder / name), f"--sandbox-file={desk.sandbox}"]) == 2
    assert why in desk.capsys.readouterr().err
    assert (desk.folder / "old.csv").read_text() == "mine"


def test_an_export_that_fails_leaves_no_half_file(tmp_path: Path) -> None:
    """It would look like a whole one."""
    file = tmp_path / "half.csv"
    store = f"--store={tmp_path / 'store'}"
    assert main(["export", str(file), "--base-url=http://127.0.0.1:9", store]) == 3
    assert not file.exists()


def test_an_export_to_stdout_that_fails_writes_no_header(
    tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    """`fw-mcp export > FILE` without keys: a header alone would look like an empty library."""
    store = f"--store={tmp_path / 'store'}"
    assert main(["export", "--base-url=http://127.0.0.1:9", store]) == 3
    assert capsysbinary.readouterr().out == b""


def test_an_empty_library_is_a_header(desk: Desk) -> None:
    """It was read, and holds nothing."""
    desk.export()
    desk.sql("DELETE FROM images")
    assert desk.export() == []
    assert desk.sheet.read_text(encoding="utf-8-sig").splitlines() == [HEADER.strip()]


def test_an_export_to_an_output_that_takes_nothing_is_said_in_one_line(desk: Desk) -> None:
    """Exit code 2; nobody is to take what is there for all of it."""
    desk.export()
    command = ["export", f"--sandbox-file={desk.sandbox}"]
    with (
        desk.sheet.open("rb") as not_to_be_written,
        started(command, stdout=not_to_be_written, text=True) as process,
    ):
        _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors.count("\n")) == (2, 1)
    assert errors.startswith("fw-mcp: The output could not be written completely. ")


def test_without_a_file_it_goes_to_stdout(desk: Desk) -> None:
    """The same bytes."""
    desk.export()
    with started(["export", f"--sandbox-file={desk.sandbox}"]) as process:
        assert process.communicate(timeout=60) == (desk.sheet.read_bytes(), b"")
    assert process.returncode == 0


def test_a_reader_that_has_enough_is_no_error(desk: Desk) -> None:
    """`fw-mcp export | head -1`."""
    desk.export()
    desk.sql("UPDATE images SET description = ?", "x" * 100_000)
    with started(["export", f"--sandbox-file={desk.sandbox}"]) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(1)
        process.stdout.close()
        assert (process.stderr.read(), process.wait(timeout=30)) == (b"", 0)


def test_hostile_texts_are_stored_in_cells_that_no_program_runs(desk: Desk) -> None:
    """And come back exactly, what cannot be seen in them included."""
    guids = [row["guid"] for row in desk.export()]
    hostile = [*HOSTILE.values(), '=cmd|" /C calc"!A0', "'=1", "Fog;@SUM(A1)", "\t-1", "＝1"]  # noqa: RUF001
    for one, text in zip(guids, hostile, strict=False):
        desk.sql("UPDATE images SET title = ?, description = ? WHERE guid = ?", text, text, one)
    found = {row["guid"]: row for row in desk.export()}
    for one, text in zip(guids, hostile, strict=False):
        cell = found[one]["title"]
        assert (from_cell(cell), from_cell(found[one]["description"])) == (text, text)
        assert cell[:1] not in {*"=+-@\t\r\n＝"}  # noqa: RUF001


def test_temporary_images_are_left_out(desk: Desk) -> None:
    """They are gone before a spreadsheet comes back."""
    guids = {row["guid"] for row in desk.export()}
    temporary = desk.sql("SELECT guid FROM images WHERE session_id = ?", SANDBOX_SESSION_ID)
    assert temporary
    assert guids.isdisjoint(one for (one,) in temporary)


def test_an_image_that_slips_to_a_page_already_read_is_fetched_in_a_second_pass(
    desk: Desk,
) -> None:
    """Somebody deletes images of the first page while the second is asked for."""
    pages = Pages(range(120), lambda asked: setattr(pages, "numbers", range(min(asked - 1, 1) * 3,
                                                                            120)))  # fmt: skip
    code, guids, said = exported(desk, pages)
    assert (code, pages.asked) == (0, [1, 2, 3, 1, 2, 3])
    assert sorted(guids) == [guid(number) for number in range(120)]
    assert said == f"Images written to {desk.sheet}: 120.\n"


def test_an_export_during_which_images_keep_going_says_that_some_may_be_missing(
    desk: Desk,
) -> None:
    """Exit code 7, and the file stays: most of it is there."""
    pages = Pages(range(120), lambda asked: setattr(pages, "numbers", range(asked, 120)))
    code, guids, said = exported(desk, pages)
    assert code == 7
    assert len(guids) == len(set(guids)) > 100
    assert "others may be missing. Export again when nothing is being deleted." in said


def test_images_that_are_added_meanwhile_come_last(desk: Desk) -> None:
    """In the order of adding they move nothing."""
    pages = Pages(range(60), lambda asked: setattr(pages, "numbers", range(58 + 2 * asked)))
    code, guids, _ = exported(desk, pages)
    assert (code, guids, pages.asked) == (0, [guid(number) for number in range(62)], [1, 2])


def test_a_service_that_never_ends_is_not_followed_for_ever(desk: Desk) -> None:
    """It says that there is more and gives the same page again."""

    class Endless(list[int]):
        def __getitem__(self, wanted: object) -> list[int]:  # type: ignore[override]
            return list(range(50))

        def __len__(self) -> int:
            return 1_000_000

    code, guids, _ = exported(desk, Pages(Endless()))
    assert (code, len(guids)) == (7, 50)


def peak_of_an_export(desk: Desk, images: int) -> int:
    """The most memory that an export of so many images takes, in bytes."""
    assembly = on_pages(desk.assembly(), Pages(range(images)))
    file = desk.folder / f"{images}.csv"
    tracemalloc.start()
    assert export(assembly, {"file": str(file)}) == 0
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def test_an_export_holds_a_page_in_memory_however_large_the_library_is(desk: Desk) -> None:
    """Promise: only guids are kept, to tell what is new; a whole image takes 2,700 bytes."""
    peak_of_an_export(desk, 50)
    small, large = peak_of_an_export(desk, 200), peak_of_an_export(desk, 2_000)
    assert large - small < 1_800 * 700
