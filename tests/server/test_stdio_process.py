"""Serving as a process: pipes, files and terminals, the end of input, and signals."""

import json
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, BinaryIO, Literal

import pytest
from mcp import Client, StdioServerParameters
from mcp.client.context import ClientRequestContext
from mcp.types import ElicitRequestParams, ElicitResult

from tests.server.lines import HANDSHAKE, TOY, call, text_of
from tests.support.process import Forked, environment
from tests.support.products import first_of


@pytest.mark.anyio
@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_clients_of_both_eras_are_served(mode: Literal["auto", "legacy"]) -> None:
    """The SDK's own client starts the process and calls a tool that prints."""
    toy = StdioServerParameters(command=sys.executable, args=[str(TOY), "2", "0"])
    async with Client(toy, mode=mode) as client:
        result = await client.call_tool("stray", {})
    assert result.structured_content == {"result": "printed"}


@pytest.mark.anyio
async def test_a_client_of_the_older_era_can_be_asked() -> None:
    """Questions go out, and answers come in, in the middle of a call."""

    async def decline(context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
        del context, params
        return ElicitResult(action="decline")

    toy = StdioServerParameters(command=sys.executable, args=[str(TOY), "2", "0"])
    async with Client(toy, mode="legacy", elicitation_callback=decline) as client:
        result = await client.call_tool("ask", {})
    assert result.structured_content == {"result": "decline"}


def run_toy(data: bytes | None = None, stdin: int = subprocess.PIPE) -> tuple[bytes, bytes]:
    """Run the toy to its end; what it wrote to stdout and to stderr."""
    with forked(stdin, subprocess.PIPE) as toy:
        out, errors = toy.communicate(data, timeout=60)
    assert toy.returncode == 0
    return out, errors


def forked(stdin: int | IO[bytes], stdout: int | IO[bytes]) -> Forked:
    """The toy, which reports on stderr."""
    command = [str(TOY), "2", "0"]
    return Forked(command, env=environment(), stdin=stdin, stdout=stdout, stderr=subprocess.PIPE)


def test_requests_are_answered_after_the_input_has_ended() -> None:
    """So that a shell can pipe requests in; a print goes to stderr."""
    out, errors = run_toy(HANDSHAKE + call(1, "stray"))
    assert [json.loads(answer)["id"] for answer in out.splitlines()] == [0, 1]
    assert errors == b"stray\nclosed\n"


def test_work_that_outlasts_the_grace_is_cancelled() -> None:
    """The end of the input ends what nobody waits for, and the server leaves in order."""
    _, errors = run_toy(HANDSHAKE + call(1, "wait_forever"))
    assert errors == b"waiting\ncancelled\nclosed\n"


def test_an_empty_input_ends_the_server_at_once() -> None:
    """The null device is no pipe, and cannot be waited for."""
    assert run_toy(stdin=subprocess.DEVNULL)[0] == b""


def test_files_can_be_input_and_output(tmp_path: Path) -> None:
    """Requests from a file, answers to a file."""
    requests, answers = tmp_path / "requests", tmp_path / "answers"
    requests.write_bytes(HANDSHAKE + call(1, "echo", text="hi"))
    with requests.open("rb") as stdin, answers.open("wb") as stdout, forked(stdin, stdout) as toy:
        assert toy.wait(timeout=60) == 0
    assert text_of(answers.read_bytes().splitlines()[1]) == "hi"


def test_an_output_that_cannot_be_written_ends_serving_quietly(tmp_path: Path) -> None:
    """A file opened for reading, as a full disk, is the same as a client that left."""
    read_only = tmp_path / "answers"
    read_only.touch()
    with read_only.open("rb") as stdout, forked(subprocess.PIPE, stdout) as toy:
        _, errors = toy.communicate(HANDSHAKE, timeout=60)
    assert (toy.returncode, errors) == (0, b"closed\n")


@dataclass(frozen=True)
class Toy:
    """The toy as a process."""

    process: subprocess.Popen[bytes]
    reports: BinaryIO
    release: BinaryIO

    def start_both(self) -> None:
        """Begin a call that would wait for ever, and one that may not be broken off."""
        assert self.process.stdin
        self.process.stdin.write(HANDSHAKE + call(1, "wait_forever"))
        self.process.stdin.flush()
        assert self.reports.readline() == b"waiting\n"
        self.process.stdin.write(call(2, "shielded_write"))
        self.process.stdin.flush()
        assert self.reports.readline() == b"writing\n"


@contextmanager
def toy_process(stdin: int = subprocess.PIPE) -> Iterator[Toy]:
    """Start the toy."""
    reports, report_fd = os.pipe()
    release_fd, release = os.pipe()
    with os.fdopen(reports, "rb") as ours, os.fdopen(release, "wb", buffering=0) as theirs:
        process = Forked(
            [str(TOY), str(report_fd), str(release_fd)],
            env=environment(),
            stdin=stdin,
            stdout=subprocess.PIPE,
            pass_fds=(report_fd, release_fd),
        )
        os.close(report_fd)
        os.close(release_fd)
        with process:
            yield Toy(process, ours, theirs)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_lets_a_write_in_flight_finish(number: signal.Signals) -> None:
    """Other work is cancelled at once, the write ends when it ends, and the exit status is 0."""
    with toy_process() as toy:
        toy.start_both()
        toy.process.send_signal(number)
        assert toy.reports.readline() == b"cancelled\n"
        toy.release.write(b"!")
        assert toy.reports.read() == b"written\nclosed\n"
    assert toy.process.returncode == 0


def test_a_second_signal_ends_the_process_at_once() -> None:
    """For a person who will not wait for the write."""
    with toy_process() as toy:
        toy.start_both()
        toy.process.terminate()
        assert toy.reports.readline() == b"cancelled\n"
        toy.process.send_signal(signal.SIGINT)
        assert toy.reports.read() == b""
    assert toy.process.returncode == 128 + signal.SIGINT


def test_a_signal_ends_a_server_that_waits_for_a_terminal() -> None:
    """Nobody has to press return after pressing Ctrl-C."""
    terminal, stdin = pty.openpty()
    with os.fdopen(terminal, "wb", buffering=0) as keyboard, toy_process(stdin) as toy:
        os.close(stdin)
        keyboard.write(HANDSHAKE + call(1, "wait_forever"))
        assert toy.reports.readline() == b"waiting\n"
        toy.process.send_signal(signal.SIGINT)
        assert toy.reports.read() == b"cancelled\nclosed\n"
    assert toy.process.returncode == 0


@pytest.mark.parametrize("closed", first_of(1, 0, 2))
def test_a_closed_descriptor_is_the_null_device(closed: int) -> None:
    """A host may start it without stdin, stdout or stderr: nothing else may take their place."""
    program = (
        f"import os, sys; os.close({closed})\n"
        "from fw_mcp.server.stdio import occupy_standard_descriptors as occupy\n"
        "occupy(); occupy()\n"
        f"sys.exit(not os.path.samefile('/dev/fd/{closed}', os.devnull))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, check=False, timeout=60
    )
    assert done.returncode == 0
