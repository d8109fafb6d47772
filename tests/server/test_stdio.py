"""Serving over stdin and stdout, whatever they are and however it ends."""

import asyncio
import json
import os
import pty
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

import anyio
import pytest
from mcp import Client, StdioServerParameters
from mcp.client.context import ClientRequestContext
from mcp.server import Server
from mcp.shared.message import SessionMessage
from mcp.types import ElicitRequestParams, ElicitResult, JSONRPCResponse

from fw_mcp.server.stdio import Inbox, Outbox, encode, low_level_server, serve_stdio
from tests.server.toy_server import build_toy

pytestmark = pytest.mark.anyio

TOY = Path(__file__).with_name("toy_server.py")


def line(method: str, request_id: int | None = None, **params: object) -> bytes:
    """Write one message of the handshake era."""
    message = {"jsonrpc": "2.0", "method": method, "params": params}
    return json.dumps(message | ({} if request_id is None else {"id": request_id})).encode() + b"\n"


def call(request_id: int, name: str, **arguments: object) -> bytes:
    """Write a tool call."""
    return line("tools/call", request_id, name=name, arguments=arguments)


HANDSHAKE = line(
    "initialize",
    0,
    protocolVersion="2025-06-18",
    capabilities={},
    clientInfo={"name": "test", "version": "1"},
) + line("notifications/initialized")


def text_of(answer: bytes) -> str:
    """Give the text of a tool's answer."""
    text: str = json.loads(answer)["result"]["content"][0]["text"]
    return text


async def nothing_to_wait_for() -> None:
    """Release a shielded write at once."""


@dataclass(frozen=True)
class Wire:
    """The client's ends of the two pipes."""

    requests: BinaryIO
    answers: BinaryIO

    async def send(self, data: bytes) -> None:
        """Write to the server."""
        await anyio.to_thread.run_sync(self._write, data)

    async def receive(self) -> bytes:
        """Read the server's next line."""
        return await anyio.to_thread.run_sync(self.answers.readline)

    async def call(self, name: str, **arguments: object) -> str:
        """Call a tool and give its text."""
        await self.send(call(1, name, **arguments))
        return text_of(await self.receive())

    def _write(self, data: bytes) -> None:
        self.requests.write(data)
        self.requests.flush()


@asynccontextmanager
async def serving(
    stdin: int, stdout: int, wire: Wire, *, grace_s: float = 1.0
) -> AsyncIterator[Wire]:
    """Serve the toy on two descriptors; leaving ends its input and waits for it to return."""
    server = build_toy(lambda _: None, nothing_to_wait_for)

    async def serve() -> None:
        await serve_stdio(server, stdin_fd=stdin, stdout_fd=stdout, grace_s=grace_s)

    with anyio.fail_after(20), wire.answers:
        async with anyio.create_task_group() as group:
            group.start_soon(serve)
            with wire.requests:
                await wire.send(HANDSHAKE)
                yield wire


@pytest.fixture
def pipes() -> Iterator[tuple[int, int, Wire]]:
    """Give a server's stdin and stdout, and the client's ends."""
    stdin, requests = os.pipe()
    answers, stdout = os.pipe()
    yield stdin, stdout, Wire(os.fdopen(requests, "wb"), os.fdopen(answers, "rb"))
    os.close(stdin)
    os.close(stdout)


Pipes = tuple[int, int, Wire]


def test_the_sdk_still_keeps_its_protocol_server_where_we_look() -> None:
    """The one private name of the SDK that serving needs."""
    assert isinstance(low_level_server(build_toy(print, nothing_to_wait_for)), Server)


async def test_a_line_that_is_no_message_does_not_end_the_conversation(pipes: Pipes) -> None:
    """Broken JSON, half emoji, huge numbers and deep nesting get no answer; the next call does."""
    async with serving(*pipes) as wire:
        await wire.receive()
        head = b'{"jsonrpc":"2.0","id":7,"method":"ping","params":{"_":'
        await wire.send(b"nonsense\n\n[]\n" + head + b'"\\ud800"}}\n')
        await wire.send(head + b"9" * 5000 + b"}}\n" + head + b"[" * 3000 + b"]" * 3000 + b"}}\n")
        assert await wire.call("echo", text="still here") == "still here"


async def test_a_byte_that_is_not_utf_8_is_replaced(pipes: Pipes) -> None:
    """The message around it is read."""
    async with serving(*pipes) as wire:
        await wire.receive()
        await wire.send(call(1, "echo", text="?").replace(b"?", b"\xff"))
        assert text_of(await wire.receive()) == "\ufffd"


async def test_half_an_emoji_in_a_result_is_replaced_and_the_server_lives(pipes: Pipes) -> None:
    """With the SDK's own transport it ends the process."""
    async with serving(*pipes) as wire:
        await wire.receive()
        assert await wire.call("half_emoji") == "half \ufffd"
        assert await wire.call("echo", text="still here") == "still here"


def test_two_halves_of_an_emoji_become_one() -> None:
    """Only what has no other half is replaced, and numbers JSON lacks become null."""
    message = JSONRPCResponse(
        jsonrpc="2.0", id=1, result={"a": "\ud83d\ude00 \ude00", "b": float("nan")}
    )
    assert json.loads(encode(message))["result"] == {"a": "\U0001f600 \ufffd", "b": None}


async def test_lines_of_any_length_pass_both_ways(pipes: Pipes) -> None:
    """Five megabytes go in and come out, more than any buffer on the way holds."""
    long = "x" * 5_000_000
    async with serving(*pipes) as wire:
        await wire.receive()
        async with anyio.create_task_group() as group:
            group.start_soon(wire.send, call(1, "echo", text=long))
            assert text_of(await wire.receive()) == long


async def test_answers_to_many_requests_at_once_arrive_whole(pipes: Pipes) -> None:
    """Writers that wait for the same full pipe do not mix their lines."""
    texts = [str(number) * 40_000 for number in range(10)]
    async with serving(*pipes) as wire:
        await wire.receive()
        async with anyio.create_task_group() as group:
            for number, text in enumerate(texts):
                group.start_soon(wire.send, call(number, "echo", text=text))
            answers = [text_of(await wire.receive()) for _ in texts]
    assert sorted(answers) == texts


async def test_a_closed_output_ends_serving_quietly(pipes: Pipes) -> None:
    """A client that only stops listening is gone as well."""
    stdin, stdout, wire = pipes
    with anyio.fail_after(20), wire.requests:
        async with anyio.create_task_group() as group:
            server = build_toy(lambda _: None, nothing_to_wait_for)
            group.start_soon(lambda: serve_stdio(server, stdin_fd=stdin, stdout_fd=stdout))
            await wire.send(HANDSHAKE)
            await wire.receive()
            wire.answers.close()


async def test_a_client_that_stops_reading_does_not_keep_the_server(pipes: Pipes) -> None:
    """What it would not take within the grace is given up."""
    async with serving(*pipes, grace_s=0.01) as wire:
        await wire.receive()
        await wire.send(call(1, "echo", text="x" * 500_000))
        await wire.send(call(2, "wait_forever"))
        await wire.send(line("ping", 3))


async def test_pipes_are_left_as_they_were_found(pipes: Pipes) -> None:
    """Blocking mode belongs to the pipe, which other processes may share."""
    stdin, stdout, _ = pipes
    async with serving(*pipes) as wire:
        await wire.receive()
    assert (os.get_blocking(stdin), os.get_blocking(stdout)) == (True, True)


async def test_one_socket_serves_both_ways() -> None:
    """As under inetd."""
    theirs, ours = socket.socketpair()
    with theirs, theirs.dup() as twin, ours:
        wire = Wire(ours.makefile("wb"), ours.makefile("rb"))
        async with serving(theirs.fileno(), twin.fileno(), wire) as client:
            await client.receive()
            assert await client.call("echo", text="hi") == "hi"
            ours.shutdown(socket.SHUT_WR)


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_clients_of_both_eras_are_served(mode: Literal["auto", "legacy"]) -> None:
    """The SDK's own client starts the process and calls a tool that prints."""
    toy = StdioServerParameters(command=sys.executable, args=[str(TOY), "2", "0"])
    async with Client(toy, mode=mode) as client:
        result = await client.call_tool("stray", {})
    assert result.structured_content == {"result": "printed"}


async def test_a_client_of_the_older_era_can_be_asked() -> None:
    """Questions go out, and answers come in, in the middle of a call."""

    async def decline(context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
        del context, params
        return ElicitResult(action="decline")

    toy = StdioServerParameters(command=sys.executable, args=[str(TOY), "2", "0"])
    async with Client(toy, mode="legacy", elicitation_callback=decline) as client:
        result = await client.call_tool("ask", {})
    assert result.structured_content == {"result": "decline"}


async def test_a_reset_socket_is_an_end_of_input() -> None:
    """A client that was killed leaves like any other."""
    lines = asyncio.StreamReader()
    lines.set_exception(ConnectionResetError())
    with pytest.raises(anyio.EndOfStream):
        await Inbox(lines, 0).receive()


async def test_nothing_is_written_after_the_conversation_has_ended() -> None:
    """The descriptor is somebody else's by then."""
    written: list[bytes] = []

    async def write(data: bytes) -> None:
        written.append(data)

    outbox = Outbox(write, Inbox(asyncio.StreamReader(), 0))
    await outbox.aclose()
    with pytest.raises(anyio.ClosedResourceError):
        await outbox.send(SessionMessage(JSONRPCResponse(jsonrpc="2.0", id=1, result={})))
    assert written == []


def run_toy(stdin: int | None, data: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    """Run the toy to its end."""
    command = [sys.executable, str(TOY), "2", "0"]
    return subprocess.run(  # noqa: S603  our own script
        command, stdin=stdin, input=data, capture_output=True, check=True, timeout=60
    )


def test_requests_are_answered_after_the_input_has_ended() -> None:
    """So that a shell can pipe requests in; a print goes to stderr."""
    done = run_toy(None, HANDSHAKE + call(1, "stray"))
    assert [json.loads(answer)["id"] for answer in done.stdout.splitlines()] == [0, 1]
    assert done.stderr == b"stray\nclosed\n"


def test_work_that_outlasts_the_grace_is_cancelled() -> None:
    """The end of the input ends what nobody waits for, and the server leaves in order."""
    done = run_toy(None, HANDSHAKE + call(1, "wait_forever"))
    assert done.stderr == b"waiting\ncancelled\nclosed\n"


def test_an_empty_input_ends_the_server_at_once() -> None:
    """The null device is no pipe, and cannot be waited for."""
    assert run_toy(subprocess.DEVNULL).stdout == b""


def test_files_can_be_input_and_output(tmp_path: Path) -> None:
    """Requests from a file, answers to a file."""
    requests, answers = tmp_path / "requests", tmp_path / "answers"
    requests.write_bytes(HANDSHAKE + call(1, "echo", text="hi"))
    with requests.open() as stdin, answers.open("w") as stdout:
        command = [sys.executable, str(TOY), "2", "0"]
        subprocess.run(command, stdin=stdin, stdout=stdout, check=True, timeout=60)  # noqa: S603  our own script
    assert text_of(answers.read_bytes().splitlines()[1]) == "hi"


def test_an_output_that_cannot_be_written_ends_serving_quietly(tmp_path: Path) -> None:
    """A file opened for reading, as a full disk, is the same as a client that left."""
    read_only = tmp_path / "answers"
    read_only.touch()
    with read_only.open() as stdout:
        done = subprocess.run(  # noqa: S603  our own script
            [sys.executable, str(TOY), "2", "0"],
            input=HANDSHAKE,
            stdout=stdout,
            stderr=subprocess.PIPE,
            check=True,
            timeout=60,
        )
    assert done.stderr == b"closed\n"


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
        process = subprocess.Popen(  # noqa: S603  our own script
            [sys.executable, str(TOY), str(report_fd), str(release_fd)],
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
