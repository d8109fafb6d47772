"""`fw-mcp uploads`: what was uploaded is listed, checked, and removed where no image uses it."""

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from fw_mcp.cli.undo import undo
from fw_mcp.cli.uploads import uploads
from fw_mcp.errors import FetchError, GuardError
from tests.cli.adding import Studio
from tests.cli.spreadsheet.desk import Desk, Person
from tests.support.uploading import picture

_OWN = {"check": False, "remove_unused": False, "json": False, "yes": False}


class Hosts:
    """Hosts of which nothing, or one file, is there."""

    def __init__(self, gone: Collection[str] = (), silent: Collection[str] = ()) -> None:
        self._gone = gone
        self._silent = silent

    def check(self) -> None:
        """They may be asked."""

    async def of(self, urls: Collection[str], *, until: float) -> Mapping[str, bool]:
        """Those of which anything is known."""
        del until
        return {url: url not in self._gone for url in urls if url not in self._silent}


def asked(
    studio: Studio,
    person: Person | None = None,
    settings: dict[str, object] | None = None,
    hosts: Hosts | None = None,
    **own: object,
) -> tuple[int, list[str]]:
    """Give the command; the exit code and what was printed."""
    assembly = studio.assembly(**(settings or {}))
    if hosts:
        assembly = replace(assembly, parts=replace(assembly.parts, masters=hosts))
    code = uploads(assembly, {**_OWN, **own}, person or Person())
    return code, studio.desk.capsys.readouterr().out.splitlines()


@pytest.fixture
def studio(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Studio:
    """Of two added pictures one was taken back: nothing uses its upload."""
    studio = Studio(Desk(tmp_path, capsys))
    for name in ("dawn", "dusk"):
        picture(studio.folder, f"{name}.png")
        code, lines = studio.add(studio.folder / f"{name}.png")
        assert code == 0
    (change,) = re.findall(r"fw-mcp undo (\w{16})", "\n".join(lines))
    assert undo(studio.assembly(), {"change": change, "dry_run": False, "yes": True}) == 0
    capsys.readouterr()
    return studio


def masters(studio: Studio) -> dict[str, str]:
    """File name → the URL of its print master."""
    rows = studio.desk.sql("SELECT file_name, private_hires_uri FROM images")
    return {name: url for name, url in rows if name in {"dawn.png", "dusk.png"}}


def test_they_are_listed_with_what_became_of_them(studio: Studio) -> None:
    """Newest first; the way to remove what is not needed is named."""
    code, lines = asked(studio)
    assert code == 0
    assert [line.split(" | ")[:2] for line in lines[:2]] == [
        ["    image gone", '"dusk.png"'],
        ["    registered", '"dawn.png"'],
    ]
    assert lines[2] == "Uploads: 2. 1 image gone; 1 registered."
    assert "--remove-unused" in lines[3]


def test_a_program_gets_json_without_addresses(studio: Studio) -> None:
    """A print master's address is shown to nobody."""
    code, lines = asked(studio, json=True)
    rows = json.loads("\n".join(lines))["uploads"]
    assert code == 0
    assert [(row["file_name"], row["state"], row["unused"]) for row in rows] == [
        ("dusk.png", "image_gone", True),
        ("dawn.png", "registered", False),
    ]
    assert "https://" not in "\n".join(lines)


def test_what_no_image_uses_is_removed_after_a_yes(studio: Studio) -> None:
    """And nothing else."""
    person, before = Person(), set(studio.shelf.kept)
    code, lines = asked(studio, person, remove_unused=True)
    assert (code, lines[-1]) == (0, "Removed: 1 of 1 upload.")
    assert len(person.asked) == 1
    assert '- "dusk.png"' in person.asked[0]
    assert "dawn" not in person.asked[0]
    gone = before - set(studio.shelf.kept)
    assert len(gone) == 3
    assert masters(studio)["dawn.png"].rpartition("/")[2] not in gone
    assert asked(studio)[1][-1] == "Uploads: 2. 1 removed; 1 registered."


def test_without_a_yes_all_stays(studio: Studio) -> None:
    """Neither a no nor a terminal that is not there removes anything."""
    before = dict(studio.shelf.kept)
    code, lines = asked(studio, Person(answers=False), remove_unused=True)
    assert (code, lines[-1]) == (7, "Not confirmed. Nothing was removed.")
    assert studio.shelf.kept == before


def test_it_is_a_write(studio: Studio) -> None:
    """What stops uploading stops removing."""
    before = dict(studio.shelf.kept)
    with pytest.raises(GuardError):
        asked(studio, settings={"read_only": True}, remove_unused=True)
    assert studio.shelf.kept == before


def test_what_was_removed_is_uploaded_again_when_it_is_added_again(studio: Studio) -> None:
    """Nothing is registered that is not there."""
    asked(studio, remove_unused=True)
    studio.shelf.put_keys.clear()
    assert studio.add()[0] == 0
    assert len(studio.shelf.put_keys) == 3
    assert len(masters(studio)) == 2


def test_print_masters_that_do_not_answer_are_named(studio: Studio) -> None:
    """Only those that an image uses are asked for."""
    assert asked(studio, hosts=Hosts(), check=True) == (
        0,
        ["Print masters of images: 1. 1 can be fetched; 0 cannot."],
    )
    hosts = Hosts(gone=list(masters(studio).values()))
    code, lines = asked(studio, hosts=hosts, check=True)
    assert (code, lines[-1]) == (7, "Print masters of images: 1. 0 can be fetched; 1 cannot.")
    assert lines[0].startswith('    cannot be fetched: registered | "dawn.png"')
    code, lines = asked(studio, hosts=hosts, check=True, json=True)
    assert (code, [one["file_name"] for one in json.loads("\n".join(lines))["uploads"]]) == (
        7,
        ["dawn.png"],
    )


def test_what_could_not_be_checked_is_said(studio: Studio) -> None:
    """It is not called sound."""
    hosts = Hosts(silent=list(masters(studio).values()))
    code, lines = asked(studio, hosts=hosts, check=True)
    assert (code, lines[0]) == (7, "Print masters of images: 1. 0 can be fetched; 0 cannot.")
    assert lines[1].startswith("1 of 1 print masters were not checked: ")


def test_nothing_is_checked_where_fetching_is_off(studio: Studio) -> None:
    """The operator decides."""
    with pytest.raises(FetchError, match="turned that off"):
        asked(studio, settings={"no_fetch": True}, check=True)


def test_without_uploads_it_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In a store that was never used."""
    assert Desk(tmp_path, capsys).run("uploads") == (0, ["Nothing was uploaded."])
