"""`fw-mcp apply` in a terminal: a person reads the question and types yes."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.spreadsheet.desk import Cells, Desk, sold
from tests.support.process import started
from tests.support.products import exhaustive

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX terminal")

ASKED = b"Do this? Type yes: "


def edited(desk: Desk) -> Cells:
    """A spreadsheet of one image that products hang on, with a new title."""
    row = sold(desk.export())[0]
    row["title"] = "Dew"
    desk.write([row])
    return row


def command(desk: Desk) -> list[str]:
    """The command that applies it."""
    sandbox = f"--sandbox-file={desk.sandbox}"
    return ["apply", str(desk.sheet), sandbox]


def typed(text: str, desk: Desk) -> tuple[int, str]:
    """Apply the spreadsheet on a terminal where somebody types; exit code and output."""
    import pty  # noqa: PLC0415  not on every system

    ours, theirs = pty.openpty()
    with started(command(desk), stdin=theirs, stderr=None, text=True) as process:
        os.close(theirs)
        os.write(ours, text.encode())
        output, _ = process.communicate(timeout=60)
    os.close(ours)
    return process.returncode, output


@pytest.mark.parametrize(
    ("answer", "code", "title"),
    [
        pytest.param("yes\n", 0, "Dew", id="yes"),
        pytest.param("no\n", 7, None, id="no"),
        pytest.param("\n", 7, None, id="nothing", marks=exhaustive),
        pytest.param("\x04", 7, None, id="end of input", marks=exhaustive),
    ],
)
def test_only_a_typed_yes_lets_products_go(
    answer: str, code: int, title: str | None, desk: Desk
) -> None:
    """Promise: where products would go, a person in the terminal is asked, by name."""
    row = edited(desk)
    former = desk.text_of(row["guid"])[0]
    ended, output = typed(answer, desk)
    assert (ended, desk.text_of(row["guid"])[0]) == (code, title or former)
    assert "1 image would lose its products" in output


def test_without_a_terminal_the_answer_is_no(desk: Desk, tmp_path: Path) -> None:
    """Promise: only a terminal may answer; a script that types yes is not one."""
    row = edited(desk)
    (tmp_path / "yes").write_text("yes\n")
    with (
        (tmp_path / "yes").open() as answers,
        started(command(desk), stdin=answers, text=True) as process,
    ):
        output, _ = process.communicate(timeout=60)
    assert process.returncode == 7
    assert "Answered no: no terminal is attached.\n" in output
    assert desk.text_of(row["guid"])[0] != "Dew"


def ended_by(number: signal.Signals, process: "subprocess.Popen[bytes]") -> int:
    """Signal a process that has asked, once it reads; its exit code.

    Where nothing tells that it reads, the first signal may come too early: then once more.
    """
    state = Path(f"/proc/{process.pid}/stat")
    while state.exists() and state.read_text().rpartition(")")[2].split()[0] == "R":
        os.sched_yield()
    for _ in range(5):
        process.send_signal(number)
        try:
            return process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            continue
    process.kill()
    return process.wait()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_at_the_question_sends_nothing(number: signal.Signals, desk: Desk) -> None:
    """Exit code 130."""
    import pty  # noqa: PLC0415  not on every system

    row = edited(desk)
    ours, theirs = pty.openpty()
    with started(command(desk), stdin=theirs, stderr=None) as process:
        os.close(theirs)
        assert process.stdout is not None
        printed = b""
        while ASKED not in printed:
            printed += (piece := os.read(process.stdout.fileno(), 65_536))
            assert piece, printed
        assert ended_by(number, process) == 130
    os.close(ours)
    assert desk.text_of(row["guid"])[0] != "Dew"
