"""Serving over two descriptors: what goes in, what comes out, and when it ends."""

import asyncio
import json
import os
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import BinaryIO

import anyio
import pytest
from mcp.server import Server
from mcp.shared.message import SessionMessage
from mcp.types import JSONRPCResponse

from fw_mcp.server.stdio import Inbox, Outbox, encode, low_level_server, serve_stdio
from tests.server.lines import HANDSHAKE, call, line, text_of
from tests.server.toy_server import build_toy

pytestmark = pytest.mark.anyio


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
