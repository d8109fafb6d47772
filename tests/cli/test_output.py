"""What a command writes: logs without secrets, an output for people, new files that are whole."""

import errno
import io
import logging
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO, Any, cast

import anyio
import pytest

from fw_mcp.cli.output import (
    MaskingFormatter,
    log_to_stderr,
    new_file,
    tell,
    tell_the_unforeseen,
    told_to_a_person,
)
from fw_mcp.errors import ConfigError
from fw_mcp.store.journal import Intent
from fw_mcp.store.plans import PlanRecord, PlanStore
from fw_mcp.store.sqlite import Database
from tests.cli.journalled import BEGUN, small
from tests.support.kept import Kept, Write, change
from tests.support.process import environment, started
from tests.support.products import covering, first_of
from tests.support.truth import new_image

pytestmark = pytest.mark.shows_keys("it logs one, to see it masked")

KEY = "Canary-Web-Key"


@pytest.fixture
def stream() -> io.StringIO:
    """A stream that all logging goes to, until the test is over."""
    written = io.StringIO()
    log_to_stderr("debug", [KEY, "", f"{KEY}-2"], written)
    return written


@pytest.mark.parametrize("written", [KEY, KEY.lower(), KEY.upper(), "CANARY-web-KEY"])
def test_a_key_is_masked_in_any_letter_case(stream: io.StringIO, written: str) -> None:
    """Whoever logs it, in a message or an argument."""
    logging.getLogger("somebody").warning("key=%s", written)
    assert "key=***" in stream.getvalue()
    assert written not in stream.getvalue()


def test_nothing_is_left_of_a_key_that_begins_with_another(stream: io.StringIO) -> None:
    """Else its end would stand after the mask of the shorter one."""
    logging.getLogger("somebody").warning("key=%s-2;", KEY)
    assert "key=***;" in stream.getvalue()


def unforeseen(fault: BaseException) -> None:
    """Let it end the process, as far as the interpreter's hook."""
    try:
        raise fault
    except type(fault):
        tell_the_unforeseen(*cast("tuple[type[BaseException], BaseException, Any]", sys.exc_info()))


def test_what_nobody_foresaw_is_one_line_without_a_key(stream: io.StringIO) -> None:
    """And at debug level where it came from."""
    unforeseen(TypeError(f"cannot add {KEY}"))
    first, second, *rest = stream.getvalue().splitlines()
    assert "It failed unexpectedly, with TypeError at test_output.py:" in first
    assert 'cannot add ***". fw-mcp changes lists what was changed before that.' in first
    assert (second.endswith("what led to it"), KEY in "\n".join(rest)) == (True, False)


def test_that_a_person_ends_a_command_is_no_news(stream: io.StringIO) -> None:
    """Ctrl-C while it starts."""
    unforeseen(KeyboardInterrupt())
    assert stream.getvalue() == ""


def test_an_install_that_is_not_whole_ends_in_one_line() -> None:
    """Before there is a log, too."""
    script = "import sys; sys.modules['fw_mcp.assembly'] = None\nimport fw_mcp.cli.main as it\n"
    done = subprocess.run(
        [sys.executable, "-c", f"{script}sys.exit(it.main())", "plans"],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert "with ModuleNotFoundError at main.py:" in done.stderr


def test_without_a_secret_every_record_stays_as_it_is() -> None:
    """The sandbox has none to mask."""
    record = logging.makeLogRecord({"msg": "all's well", "name": "x", "levelname": "INFO"})
    assert MaskingFormatter([]).format(record).endswith("INFO x: all's well")


def test_a_key_is_masked_in_a_traceback(stream: io.StringIO) -> None:
    """The text of an exception is part of a record."""
    try:
        int(KEY)
    except ValueError:
        logging.getLogger("somebody").exception("failed")
    assert "ValueError: invalid literal for int() with base 10: '***'" in stream.getvalue()
    assert KEY not in stream.getvalue()


def test_the_http_library_does_not_log_its_urls(stream: io.StringIO) -> None:
    """It writes a line a request, with the URL."""
    logging.getLogger("httpx").info("HTTP Request: GET https://example.com/?guid=1")
    assert stream.getvalue() == ""


# stdout

NAME = "漁港 🦀 →"
ESCAPED = b"\\u6f01\\u6e2f \\U0001f980 \\u2192"
PLAN = PlanRecord(
    plan_id="0123456789abcdef",
    tool="delete_images",
    caller="stdio:host",
    arguments_digest="a",
    targets_digest="t",
    weight=1,
    question=f'Delete 1 image from the inventory library?\n- "{NAME}"',
    created_at=1.0,
    expires_at=4_000_000_000.0,
)
COMMANDS = (["plans"], ["approve", PLAN.plan_id, "--yes"], ["changes"], ["reconcile"])
NAMED_COMMANDS = {" ".join(command): command for command in COMMANDS}


@pytest.fixture
def named(kept: Kept) -> Kept:
    """A store with a plan and a cut-off change whose texts have letters from everywhere."""
    files = dict.fromkeys(("thumbnail_file_name", "preview_file_name", "hires_file_name"), NAME)
    image = {**files, **new_image(1), "file_name": NAME, "library": "inventory"}
    caller = f"stdio:{NAME}"
    kept.write(
        Write(
            change(1, "add_images", caller=caller, baseline='{"newest_id": 0, "guids": []}'),
            "add_images",
            [Intent(None, image)],
            begun_at=1.0,
        )
    )
    database = Database(kept.path, account=kept.account)
    anyio.run(PlanStore(database).add, PLAN)
    database.close()
    return kept


@contextmanager
def begun(
    kept: Kept, command: list[str], stdout: IO[bytes] | int = subprocess.PIPE, **env: str
) -> Iterator[subprocess.Popen[bytes]]:
    """A command on this store, with the sandbox, and nobody at a terminal."""
    whole = [*command, *kept.options]
    with started(whole, env=env, stdin=subprocess.DEVNULL, stdout=stdout) as process:
        yield process


@pytest.mark.parametrize(
    ("command", "encoding"), covering(NAMED_COMMANDS, ["cp1252", "ascii:strict"])
)
def test_letters_that_an_output_lacks_are_shown_by_their_numbers(
    command: list[str], encoding: str, named: Kept
) -> None:
    """Promise: `fw-mcp plans > file` on Windows, and under `LC_ALL=C`, as in any terminal."""
    with begun(named, command, PYTHONIOENCODING=encoding) as process:
        output, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, b"")
    assert ESCAPED in output


@pytest.mark.parametrize(
    ("command", "unbuffered"),
    covering({**NAMED_COMMANDS, "demo": ["demo"], "help": ["changes", "--help"]}, ["", "1"]),
)
def test_that_nobody_reads_on_is_no_error(command: list[str], unbuffered: str, named: Kept) -> None:
    """`fw-mcp changes | head -1`."""
    with begun(named, command, PYTHONUNBUFFERED=unbuffered) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert (process.stderr.read(), process.wait(timeout=60)) == (b"", 0)


def test_an_exit_code_is_the_same_when_nobody_reads(kept: Kept) -> None:
    """A script asks for it, and may drop the words."""
    kept.write(replace(small(1), ends=None, ended=False, begun_at=BEGUN))
    with begun(kept, ["doctor"]) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.wait(timeout=60) == 7


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_an_output_that_takes_nothing_is_said_in_one_line(command: list[str], named: Kept) -> None:
    """Exit code 2; nobody is to take what is there for all of it."""
    with (
        named.path.open("rb") as not_to_be_written,
        begun(named, command, not_to_be_written) as process,
    ):
        _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors.count(b"\n")) == (2, 1)
    assert errors.startswith(b"fw-mcp: The output could not be written completely. ")


def in_a_process(
    script: str,
    stdout: IO[bytes] | int = subprocess.PIPE,
    stderr: IO[bytes] | int = subprocess.PIPE,
) -> tuple[int, bytes]:
    """Run a few lines of Python; the exit code and what was said on stderr, if that is a pipe."""
    done = subprocess.run(
        [sys.executable, "-c", script],
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=stderr,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stderr or b""


def test_that_nobody_reads_what_a_task_writes_is_no_error() -> None:
    """`fw-mcp demo | head -2`: it comes out of a group of errors, in groups."""
    script = (
        "from fw_mcp.cli.output import told_to_a_person\n"
        "with told_to_a_person():\n"
        "    raise ExceptionGroup('a', [ExceptionGroup('b', [BrokenPipeError()])])"
    )
    assert in_a_process(script) == (0, b"")


def test_of_several_errors_none_is_dropped() -> None:
    """Only what is alone in its groups is taken out of them."""
    both = ExceptionGroup("a", [BrokenPipeError(), ValueError("b")])
    with pytest.raises(ExceptionGroup, match="a") as raised, told_to_a_person():
        raise both
    assert raised.value is both


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@pytest.mark.parametrize(
    ("arguments", "code"),
    first_of(
        (["--http", "0.0.0.0:8000"], 6),
        (["doctor", "--nonsense"], 2),
        (["plans", "--sandbox", "--log-level", "debug"], 0),
        (["changes", "--export", "no/such/folder"], 2),
        (["export", "x.csv", "--base-url", "http://127.0.0.1:9"], 3),
    ),
)
def test_a_stderr_that_takes_nothing_changes_no_exit_code(
    arguments: list[str], code: int, tmp_path: Path
) -> None:
    """Nor is there a traceback on stdout."""
    script = f"from fw_mcp.cli.main import main; raise SystemExit(main({arguments!r}))"
    script = f"import os; os.chdir({str(tmp_path)!r}); {script}"
    with Path("/dev/full").open("wb") as full:
        assert in_a_process(script, stderr=full) == (code, b"")


def test_a_line_for_a_stderr_that_is_closed_is_no_output(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`print` would take stdout for it."""
    monkeypatch.setattr(sys, "stderr", None)
    tell("lost")
    assert capsys.readouterr().out == ""


def test_the_version_goes_to_an_output_that_is_full() -> None:
    """Like any other command."""
    if Path("/dev/full").exists():
        script = "from fw_mcp.cli.main import main; raise SystemExit(main(['--version']))"
        with Path("/dev/full").open("wb") as full:
            code, said = in_a_process(script, stdout=full)
        assert (code, said.count(b"\n")) == (2, 1)


def test_what_fails_elsewhere_is_not_put_down_to_the_output() -> None:
    """It would send people to look for room that there is."""
    with pytest.raises(OSError, match="Too many open files"), told_to_a_person():
        raise OSError(errno.EMFILE, "Too many open files")


# new files


def test_an_export_that_finds_no_room_leaves_no_half_file(tmp_path: Path) -> None:
    """And says so instead of how it failed."""
    with (
        pytest.raises(ConfigError, match=r"could not be written completely\. It was removed again"),
        new_file(tmp_path / "half.csv"),
    ):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_export_that_a_signal_ends_leaves_no_half_file(
    number: signal.Signals, tmp_path: Path
) -> None:
    """And the signals do afterwards what they did before."""
    # Whoever runs the tests in the background may have them ignore it.
    former = signal.signal(number, signal.SIG_DFL)
    try:
        with pytest.raises(KeyboardInterrupt), new_file(tmp_path / "half.csv"):
            signal.raise_signal(number)
        assert list(tmp_path.iterdir()) == []
        assert signal.getsignal(number) is signal.SIG_DFL
    finally:
        signal.signal(number, former)


def test_a_signal_that_is_to_be_ignored_does_not_end_an_export(tmp_path: Path) -> None:
    """`nohup fw-mcp export library.csv`."""
    former = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        with new_file(tmp_path / "whole.csv") as out:
            signal.raise_signal(signal.SIGTERM)
            out.write("guid")
    finally:
        signal.signal(signal.SIGTERM, former)
    assert (tmp_path / "whole.csv").read_text() == "guid"
