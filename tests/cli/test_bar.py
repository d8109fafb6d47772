"""How far uploads are, on a terminal and elsewhere."""

import io

import pytest

from fw_mcp.cli.bar import Bar
from fw_mcp.writes.upload_jobs import HowFar
from tests.support.studio import Clock

MB = 1_000_000


class Terminal(io.StringIO):
    """A stream that says it is one."""

    def isatty(self) -> bool:
        """It is."""
        return True


def test_a_terminal_gets_bytes_rate_and_time_left() -> None:
    """Of all calls together."""
    terminal, clock = Terminal(), Clock()
    bar = Bar(terminal, clock)
    bar.expect(40, 1_000 * MB)
    bar.call_ended(20, 400 * MB)
    bar.tell(HowFar(0, 20, 0, 600 * MB))
    clock.forward(5)
    bar.tell(HowFar(5, 20, 100 * MB, 600 * MB))
    drawn = terminal.getvalue().split("\r")[-2]
    assert drawn.rstrip() == (
        "[############............]  25 of 40 files, 500 of 1,000 MB  20 MB/s  0:25 left"
    )


def test_a_line_of_its_own_is_written_where_nothing_is_left_of_the_bar() -> None:
    """By spaces alone: not every console knows escapes."""
    terminal = Terminal()
    bar = Bar(terminal, Clock())
    bar.expect(2, 2 * MB)
    bar.tell(HowFar(1, 2, MB, 2 * MB))
    bar.clear()
    drawn, cleared = terminal.getvalue().split("\r")[1::2]
    assert drawn.isprintable()
    assert cleared == " " * len(drawn)


def test_elsewhere_a_line_is_written_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    """A log is not filled with them, and the last is always there."""
    clock = Clock()
    bar = Bar(io.StringIO(), clock)
    bar.expect(3, 3 * MB)
    for done in (0, 1, 2, 3):
        bar.tell(HowFar(done, 3, done * MB, 3 * MB))
        clock.forward(1)
    assert capsys.readouterr().err.splitlines() == [
        "... 0 of 3 files, 0 of 3.0 MB",
        "... 3 of 3 files, 3.0 of 3.0 MB",
    ]
