"""`fw-mcp undo CHANGE`: a change is taken back from a terminal, with the same guard."""

import re
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp.client import Client

from fw_mcp.cli.main import main
from fw_mcp.cli.undo import undo
from fw_mcp.server.app import build_server
from tests.cli.spreadsheet.desk import Desk, Person, sold, unsold
from tests.support.studio import said
from tests.support.truth import new_image


@pytest.fixture
def desk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Desk:
    """A folder of its own."""
    return Desk(tmp_path, capsys)


def retitled(desk: Desk, *, selling: bool = False) -> tuple[str, str, str]:
    """The change that gave an image another title, its guid, and the title that it had."""
    row = (sold if selling else unsold)(desk.export())[0]
    former = desk.text_of(row["guid"])[0]
    row["title"] = "Dew"
    desk.write([row])
    _, lines = desk.apply(Person())
    (change,) = re.findall(r"fw-mcp undo (\w{16}) undoes it", "\n".join(lines))
    return change, row["guid"], former


def added(desk: Desk) -> str:
    """The change that added an image, by an assistant."""
    assembly = desk.assembly()

    async def add() -> dict[str, Any]:
        async with Client(build_server(assembly.parts), cache=None) as client:
            result = said(await client.call_tool("add_images", {"images": [new_image(1)]}))
        await assembly.aclose()
        return result

    return str(anyio.run(add)["change_id"])


def undone(desk: Desk, change: str, person: Person, **settings: object) -> tuple[int, str]:
    """Take a change back where this person sits; the exit code and what was printed."""
    own = {"change": change, "dry_run": False, "yes": False}
    code = undo(desk.assembly(**settings), own, person)
    return code, desk.capsys.readouterr().out


def count(desk: Desk) -> int:
    """How many images the inventory holds."""
    return int(desk.sql("SELECT count(*) FROM images WHERE library = 'inventory'")[0][0])


def test_a_text_is_written_back_and_can_be_changed_again(desk: Desk) -> None:
    """Promise: `apply` names the command; nobody is asked where nothing goes."""
    change, guid, former = retitled(desk)
    code, lines = desk.run("undo", change, "--dry-run")
    assert (code, desk.text_of(guid)[0]) == (0, "Dew")
    assert lines[-1].startswith("Nothing was sent. 1 image would get the former text again.")
    code, lines = desk.run("undo", change)
    assert (code, desk.text_of(guid)[0]) == (0, former)
    assert re.fullmatch(r"As read back: 1 updated\. fw-mcp undo \w{16} redoes it\.", lines[-1])


def test_products_that_went_are_said_not_to_come_back(desk: Desk) -> None:
    """The former text is back without them."""
    change, guid, former = retitled(desk, selling=True)
    _, lines = desk.run("undo", change)
    assert desk.text_of(guid)[0] == former
    assert "cannot be restored." in lines[0]


def test_where_an_image_would_go_a_person_is_asked(desk: Desk) -> None:
    """A no leaves it, with exit code 7; a yes deletes what was added."""
    change, before = added(desk), count(desk)
    no, yes = Person(answers=False), Person()
    assert undone(desk, change, no) == (7, "Not undone. Nothing was sent.\n")
    assert (len(no.asked), count(desk)) == (1, before)
    assert no.asked[0].startswith(
        "Undo the change in which images were added?\nDelete 1 image from"
    )
    assert no.asked[0].endswith(f"Change id: {change}")
    code, output = undone(desk, change, yes)
    assert (code, count(desk)) == (0, before - 1)
    assert "As read back: 1 deleted." in output


def test_without_a_terminal_only_an_explicit_yes_deletes(desk: Desk) -> None:
    """The question is shown all the same."""
    change, before = added(desk), count(desk)
    code, lines = desk.run("undo", change)
    assert (code, count(desk)) == (7, before)
    assert "Answered no: no terminal is attached." in lines
    code, lines = desk.run("undo", change, "--yes")
    assert (code, count(desk)) == (0, before - 1)
    assert lines[0] == "Undo the change in which images were added?"


def test_under_approval_another_terminal_lets_it_through(desk: Desk) -> None:
    """`--confirm approve`: the first run leaves a plan, the second finds it approved."""
    change, before = added(desk), count(desk)
    person = Person()
    code, output = undone(desk, change, person, confirm="approve")
    (plan,) = re.findall(r"fw-mcp approve (\w{16}) before", output)
    assert (code, count(desk), person.asked) == (7, before, [])
    assert f"then run fw-mcp undo {change} again." in output
    assert desk.run("approve", plan, "--yes")[0] == 0
    assert undone(desk, change, person, confirm="approve")[0] == 0
    assert count(desk) == before - 1


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "There is no change"),
        (["--read-only"], "Run it without --read-only (FW_MCP_READ_ONLY)."),
        (["--writes=none"], "Name it in --writes (FW_MCP_WRITES), too."),
    ],
)
def test_what_cannot_be_undone_is_told_as_to_a_person(
    arguments: list[str], told: str, desk: Desk
) -> None:
    """No tool is named as what to do next."""
    code = main(["undo", "0" * 16, f"--sandbox-file={desk.sandbox}", *arguments])
    error = desk.capsys.readouterr().err
    assert (code, told in error) == (1, True)
    assert "finerworks://" not in error


def test_a_sandbox_in_memory_says_why_it_knows_nothing(desk: Desk) -> None:
    """Each process begins its own."""
    for command in (["changes"], ["plans"], ["undo", "0" * 16]):
        main([*command, "--sandbox"])
        printed = desk.capsys.readouterr()
        assert "give both the same --sandbox-file FILE." in printed.out + printed.err
        main([*command, f"--sandbox-file={desk.sandbox}"])
        printed = desk.capsys.readouterr()
        assert "give both" not in printed.out + printed.err
