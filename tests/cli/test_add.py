"""`fw-mcp add PATH…`: pictures of this machine get into the library from a terminal."""

import os
import re
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from fw_mcp.cli.add import add
from fw_mcp.errors import ArgumentsError, FwError, GuardError, UploadError
from tests.cli.adding import OWN, Studio
from tests.cli.spreadsheet.desk import Desk, Person, read
from tests.support.products import exhaustive
from tests.support.uploading import ADDRESS, failed, picture


@pytest.fixture
def studio(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Studio:
    """One with two pictures and a text in its folder, and a picture below it."""
    studio = Studio(Desk(tmp_path, capsys))
    picture(studio.folder, "dawn.png")
    picture(studio.folder, "dusk.png")
    picture(studio.folder / "below", "night.png")
    (studio.folder / "notes.txt").write_text("not for printing")
    return studio


def test_a_folder_gets_in_without_any_setting(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Issue 12, section 4: the whole way, in the sandbox, and a second run does nothing twice."""
    desk = Desk(tmp_path, capsys)
    picture(tmp_path / "new", "dawn.png")
    there = "SELECT guid FROM images WHERE file_name = 'dawn.png'"
    for asked in (True, False):
        code, lines = desk.run("add", str(tmp_path / "new"), "--yes")
        assert (code, lines[-1]) == (0, "Pictures: 1. 1 created.")
        assert any(line.startswith("Upload 1 file from") for line in lines) == asked
        assert len(desk.sql(there)) == 1
    kept = [file for file in tmp_path.glob("*.uploads/**/*") if file.is_file()]
    assert len({file.stem for file in kept}) >= 3


def test_a_folder_stands_for_the_pictures_in_it_not_below(studio: Studio) -> None:
    """What is left out is said."""
    person = Person()
    code, lines = studio.add(person=person)
    assert (code, [row[0] for row in studio.added()]) == (0, ["dawn.png", "dusk.png"])
    assert lines[:2] == ['2 other files in "New Work" skipped.', "2 pictures, 0.1 MB."]
    assert len(person.asked) == 1
    assert person.asked[0].startswith(f'Upload 2 files from the folder "New Work" to {ADDRESS}?')


def test_a_file_may_be_named_and_is_added_once(studio: Studio) -> None:
    """Beside its folder, too."""
    code, lines = studio.add(studio.folder / "dawn.png", studio.folder)
    assert (code, len(studio.added())) == (0, 2)
    assert "2 pictures, 0.1 MB." in lines


def test_a_path_is_taken_from_where_the_command_is_run(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As any command does."""
    monkeypatch.chdir(studio.folder)
    code, _ = studio.add("dusk.png", ".")
    assert (code, len(studio.added())) == (0, 2)


def test_without_a_yes_nothing_leaves_the_machine(studio: Studio) -> None:
    """Files become public only after an answer."""
    code, lines = studio.add(person=Person(answers=False))
    assert (code, studio.added(), studio.shelf.put_keys) == (7, [], [])
    assert "Not confirmed. Nothing was uploaded." in lines
    assert lines[-2] == "Pictures: 2. 2 not sent."


def test_the_operator_alone_turns_the_question_off(studio: Studio) -> None:
    """By a setting of the server, which is also one of this command."""
    settings = {"upload_without_asking": True}
    assert not studio.desk.assembly(**settings).uploads.limits.asks
    assert studio.desk.assembly().uploads.limits.asks
    studio.asks, person = False, Person()
    assert studio.add(person=person)[0] == 0
    assert person.asked == []


def test_names_differ_from_store_to_store_and_from_part_to_part(studio: Studio) -> None:
    """Whoever has the file itself, or the address of one part, knows no other address."""
    other = Studio(Desk(studio.desk.folder / "other", studio.desk.capsys))
    other.desk.folder.mkdir()
    for one in (studio, other):
        assert one.add(studio.folder / "dawn.png")[0] == 0
    names = [key.partition(".")[0] for one in (studio, other) for key in one.shelf.kept]
    assert len(set(names)) == 6
    assert all(re.fullmatch("[0-9a-f]{64}", name) for name in names)


def test_a_dry_run_reads_headers_alone(studio: Studio) -> None:
    """It says what would be done, and whether a person would be asked."""
    code, lines = studio.add(dry_run=True)
    assert (code, studio.added(), studio.shelf.put_keys) == (0, [], [])
    assert lines[-1] == "Nothing was sent."
    assert lines[-2].startswith(f"To upload to {ADDRESS}: 2 files")
    assert sum(line.strip().startswith("would_add: ") for line in lines) == 2


def test_an_interrupted_run_is_gone_on_with(studio: Studio) -> None:
    """What is up is not sent again, and what is registered is not registered again."""

    async def is_full(what: str) -> None:
        if what.startswith("put") and len(studio.shelf.put_keys) > 3:
            raise failed("The store is full.")

    studio.shelf.before = is_full
    code, lines = studio.add()
    assert (code, len(studio.added())) == (7, 1)
    assert "The store is full." in "\n".join(lines)
    assert lines[-1].startswith("Run the same command again")

    async def is_fine(_: str) -> None:
        """There is room again."""

    studio.shelf.before = is_fine
    before = list(studio.shelf.put_keys)
    code, lines = studio.add()
    assert (code, len(studio.added())) == (0, 2)
    assert lines[-1] == "Pictures: 2. 2 created."
    assert not set(studio.shelf.put_keys[len(before) :]) & set(before[:3])


def test_titles_come_from_a_spreadsheet(studio: Studio) -> None:
    """By file name; a row that names none of the files is told, and leaves a 7."""
    sheet = studio.desk.folder / "titles.csv"
    sheet.write_text(
        "file_name;title;description\ndawn.png;First light;'=over the bay\nnoon.png;High noon;\n",
        encoding="utf-8-sig",
    )
    code, lines = studio.add(titles=sheet)
    assert studio.added() == [
        ("dawn.png", "First light", "=over the bay"),
        ("dusk.png", "dusk.png", ""),
    ]
    assert code == 7
    assert 'Row 3 of the titles matches none of the files: "noon.png".' in lines


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (",title,", "Row 2 has no file_name."),
        ("dawn.png,a,\ndawn.png,b,", "Row 3 names the file of row 2 again."),
        (f"dawn.png,{'x' * 1001},", "Row 2 has a title of 1,001 characters"),
        (f"dawn.png,,{'x' * 301}", "Row 2 has a description of 301 characters"),
        ("dawn.png,a,b,c", "Row 2 has 4 cells, but the header has 3."),
    ],
)
def test_titles_that_cannot_be_used_are_refused_by_row(studio: Studio, row: str, why: str) -> None:
    """Before anything is sent."""
    sheet = studio.desk.folder / "titles.csv"
    sheet.write_text(f"file_name,title,description\n{row}\n")
    with pytest.raises(ArgumentsError, match=re.escape(why)) as refused:
        studio.add(titles=sheet)
    assert refused.value.next_step == "Correct it and run the command again."
    assert studio.added() == []


def test_what_was_added_is_a_spreadsheet_to_go_on_with(studio: Studio) -> None:
    """It can be edited, and applied."""
    sheet = studio.desk.sheet
    code, _ = studio.add(csv=sheet)
    rows = read(sheet)
    assert (code, [row["file_name"] for row in rows]) == (0, ["dawn.png", "dusk.png"])
    studio.desk.write([{**rows[0], "title": "First light"}, rows[1]])
    code, lines = studio.desk.apply()
    assert (code, lines[-1]) == (0, "Rows: 2. 1 unchanged; 1 updated.")
    assert studio.added()[0][1] == "First light"


def test_a_spreadsheet_that_exists_is_kept(studio: Studio) -> None:
    """Nothing is uploaded then."""
    studio.desk.sheet.write_text("mine")
    with pytest.raises(FwError, match="exists already"):
        studio.add(csv=studio.desk.sheet)
    assert (studio.desk.sheet.read_text(), studio.shelf.put_keys) == ("mine", [])


def test_the_temporary_library_may_be_chosen(studio: Studio) -> None:
    """Nothing gets into the inventory."""
    assert studio.add(library="temporary")[0] == 0
    assert (len(studio.added("temporary")), studio.added()) == (2, [])


def test_it_is_a_write(studio: Studio) -> None:
    """What stops `add_images` stops it."""
    stopped: list[dict[str, object]] = [{"read_only": True}, {"writes": "delete_images"}]
    for settings in stopped:
        with pytest.raises(GuardError):
            studio.add(settings=settings)
    assert studio.shelf.put_keys == []


def test_the_hours_limit_holds(studio: Studio) -> None:
    """What it stops is named, and the rest of the sentence is for who typed the command."""
    studio.mb_per_hour = 0
    code, lines = studio.add()
    assert (code, studio.added(), studio.shelf.put_keys) == (7, [], [])
    assert "raise --upload-mb-per-hour" in "\n".join(lines)
    assert lines[-2:][0] == "Pictures: 2. 2 not sent."


@pytest.mark.parametrize(
    ("name", "why"),
    [("away.png", "is not there"), ("link.png", "is a link, or not a file")],
)
def test_what_cannot_be_read_is_refused_by_name(studio: Studio, name: str, why: str) -> None:
    """No link is followed."""
    (studio.folder / "link.png").symlink_to(studio.folder / "dawn.png")
    with pytest.raises(ArgumentsError, match=f'{name}" {why}'):
        studio.add(studio.folder / name)


def test_a_folder_without_pictures_is_refused(studio: Studio) -> None:
    """Nothing added is no success."""
    (studio.desk.folder / "empty").mkdir()
    with pytest.raises(ArgumentsError, match="no pictures"):
        studio.add(studio.desk.folder / "empty")


def test_where_nothing_can_be_uploaded_it_says_what_to_set(studio: Studio) -> None:
    """An account has no place of its own."""
    settings = {"sandbox": None, "web_api_key": "a", "app_key": "b", "store": ":memory:"}
    assembly = replace(studio.desk.assembly(), uploads=studio.desk.assembly(**settings).uploads)
    with pytest.raises(UploadError, match="no place for them"):
        add(assembly, {**OWN, "paths": [str(studio.folder)]}, Person())


@exhaustive
def test_more_than_a_call_takes_is_done_in_parts(studio: Studio) -> None:
    """One question, several changes, each of which can be undone."""
    for number in range(503):
        picture(studio.desk.folder / "many", f"{number:03}.png")
    person = Person()
    code, lines = studio.add(studio.desk.folder / "many", person=person)
    assert (code, len(studio.added()), len(person.asked)) == (0, 503, 1)
    assert sum(line.startswith("fw-mcp undo ") for line in lines) == 2
    assert lines[-1] == "Pictures: 503. 503 created."


@exhaustive
def test_a_signal_ends_it_after_the_current_step(studio: Studio) -> None:
    """What was begun is finished, and the same command goes on."""
    for number in range(503):
        picture(studio.desk.folder / "many", f"{number:03}.png")

    async def pressed(_: str) -> None:
        if len(studio.shelf.put_keys) == 1:
            os.kill(os.getpid(), signal.SIGINT)

    studio.shelf.before = pressed
    code, lines = studio.add(studio.desk.folder / "many")
    assert (code, len(studio.added())) == (7, 500)
    assert lines[-2] == "Pictures: 503. 500 created; 3 not sent."
    code, lines = studio.add(studio.desk.folder / "many")
    assert (code, len(studio.added())) == (0, 503)


def test_without_a_terminal_the_answer_to_the_question_is_no(studio: Studio) -> None:
    """A script says yes beforehand, or nothing leaves the machine."""
    code, lines = studio.desk.run("add", str(studio.folder))
    assert (code, studio.added()) == (7, [])
    assert "Answered no: no terminal is attached." in lines
    assert lines[-2] == "Pictures: 2. 2 not sent."


def test_under_approve_another_terminal_says_yes(studio: Studio) -> None:
    """The command names it, and goes on once it was approved."""
    settings: dict[str, object] = {"confirm": "approve"}
    code, lines = studio.add(settings=settings)
    assert (code, studio.shelf.put_keys) == (7, [])
    (plan,) = re.findall(r"Run fw-mcp approve (\w{16}) ", "\n".join(lines))
    approved, _ = studio.desk.run("approve", plan, "--yes", "--confirm=approve")
    person = Person()
    code, _ = studio.add(person=person, settings=settings)
    assert (approved, code, len(studio.added()), person.asked) == (0, 0, 2, [])
