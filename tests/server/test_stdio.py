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


MESSAGE = b'{"jsonrpc":"2.0","id":7,"method":"ping"}'
PRETTY = json.dumps(json.loads(MESSAGE), indent=2).encode()


async def answers_to(wire: Wire, data: bytes) -> list[tuple[object, int | None]]:
    """The id and the error's code of each answer to some input."""
    await wire.send(data + b"\n" + line("ping", 99))
    answers = []
    while (answer := json.loads(await wire.receive())).get("id") != 99:
        answers.append((answer["id"], answer.get("error", {}).get("code")))
    return answers


def warnings_in(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What a person would see on stderr."""
    return [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]


@pytest.mark.parametrize(
    "data",
    [
        b"\xef\xbb\xbf" + MESSAGE,
        MESSAGE + b"\r",
        b"\r\n" + MESSAGE + b"\r\n",
        MESSAGE + b"\0",
        b"\0" + MESSAGE,
        b" \t" + MESSAGE,
        MESSAGE.replace(b":7", b":7.0"),
        MESSAGE.replace(b"}", b',"params":[]}'),
        MESSAGE.replace(b"}", b',"params":null}'),
    ],
)
async def test_what_programs_write_around_a_message_does_not_hide_it(
    pipes: Pipes, caplog: pytest.LogCaptureFixture, data: bytes
) -> None:
    """A byte order mark, other line ends, a NUL, a whole number with a point, empty params."""
    async with serving(*pipes) as wire:
        await wire.receive()
        assert await answers_to(wire, data) == [(7, None)]
    assert warnings_in(caplog) == []


async def test_a_line_may_end_with_cr_alone(pipes: Pipes) -> None:
    """Nothing else has to arrive for its answer to come."""
    async with serving(*pipes) as wire:
        await wire.receive()
        await wire.send(MESSAGE + b"\r")
        assert json.loads(await wire.receive())["id"] == 7


@pytest.mark.parametrize("between", [b"", b" "])
async def test_two_messages_on_a_line_are_two_messages(pipes: Pipes, between: bytes) -> None:
    """A line end was lost, nothing else."""
    second = MESSAGE.replace(b"7", b"8")
    async with serving(*pipes) as wire:
        await wire.receive()
        assert await answers_to(wire, MESSAGE + between + second) == [(7, None), (8, None)]


@pytest.mark.parametrize(
    ("data", "answered", "told"),
    [
        (b"2026-11-28 INFO ready", [], "no JSON-RPC message"),
        (PRETTY, [(None, -32700)], "no JSON-RPC message: write each on one line"),
        (MESSAGE[:-1], [(None, -32700)], "no JSON-RPC message"),
        (MESSAGE.decode().encode("utf-16"), [(None, -32700)], "not UTF-8"),
        (MESSAGE.decode().encode("utf-16-be"), [(None, -32700)], "not UTF-8"),
        (b"[" + MESSAGE + b"]", [(7, -32600)], "Batches are not served"),
        (b"[" + MESSAGE + b"," + MESSAGE.replace(b"7", b'"8"') + b"]", [(7, -32600), ("8", -32600)],
         "Batches are not served"),
        (b'[{"jsonrpc":"2.0","method":"notifications/initialized"}]', [(None, -32600)], "Batches"),
        (MESSAGE.replace(b":7", b":1.5"), [(None, -32600)], "a whole number or a text"),
        (MESSAGE.replace(b":7", b":null"), [(None, -32600)], "a whole number or a text"),
        (MESSAGE.replace(b":7", b":true"), [(None, -32600)], "a whole number or a text"),
        (MESSAGE.replace(b"}", b',"params":[1]}'), [(7, -32600)], "no JSON-RPC 2.0 request"),
        (MESSAGE.replace(b"}", b',"params":{"_":"\\ud800"}}'), [(7, -32600)], "no JSON-RPC 2.0"),
        (MESSAGE.replace(b'"jsonrpc":"2.0",', b""), [(7, -32600)], "no JSON-RPC 2.0 request"),
        (b'{"jsonrpc":"2.0","method":"x","params":[1]}', [], "no JSON-RPC 2.0 notification"),
        (b'{"jsonrpc":"2.0","id":7,"result":[]}', [], "no JSON-RPC 2.0 answer"),
    ],
)  # fmt: skip
async def test_nothing_is_dropped_without_a_word(
    pipes: Pipes,
    caplog: pytest.LogCaptureFixture,
    data: bytes,
    answered: list[tuple[object, int]],
    told: str,
) -> None:
    """One warning with the line's length and its beginning; an error for each id to be read."""
    async with serving(*pipes) as wire:
        await wire.receive()
        assert await answers_to(wire, data) == answered
    (warning,) = warnings_in(caplog)
    assert told in warning
    assert " characters: " in warning


async def test_a_line_that_is_no_message_does_not_end_the_conversation(pipes: Pipes) -> None:
    """Broken JSON, half emoji, huge numbers and deep nesting; then a call."""
    async with serving(*pipes) as wire:
        await wire.receive()
        head = b'{"jsonrpc":"2.0","id":7,"method":"ping","params":{"_":'
        huge = head + b"9" * 5000 + b"}}\n" + head + b"[" * 3000 + b"]" * 3000 + b"}}"
        lines = b"nonsense\n\n" + head + b'"\\ud800"}}\n' + huge
        assert await answers_to(wire, lines) == [(7, -32600), (None, -32700), (None, -32700)]
        assert await wire.call("echo", text="still here") == "still here"


async def test_a_client_that_takes_no_errors_is_served_no_worse(pipes: Pipes) -> None:
    """Errors it does not read are given up, and the end still comes."""
    async with serving(*pipes, grace_s=0.01) as wire:
        await wire.receive()
        await wire.send(b"[]\n" * 5_000)


PROBE = {
    "_meta": {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
    }
}


@asynccontextmanager
async def opened_with(pipes: Pipes, data: bytes) -> AsyncIterator[Wire]:
    """Serve a client that begins with these bytes."""
    stdin, stdout, wire = pipes
    server = build_toy(lambda _: None, nothing_to_wait_for)
    with anyio.fail_after(20), wire.answers:
        async with anyio.create_task_group() as group:
            group.start_soon(lambda: serve_stdio(server, stdin_fd=stdin, stdout_fd=stdout))
            with wire.requests:
                await wire.send(data)
                yield wire


@pytest.mark.parametrize("probes", [1, 2])
async def test_a_handshake_after_a_probe_that_was_given_up_is_served(
    pipes: Pipes, probes: int
) -> None:
    """A client that waited too long for the first answer shakes hands on the same pipe."""
    sent = b"".join(line("server/discover", 50 + number, **PROBE) for number in range(probes))
    async with opened_with(pipes, sent + HANDSHAKE) as wire:
        answers = [json.loads(await wire.receive()) for _ in range(probes + 1)]
        assert [answer["id"] for answer in answers] == [*range(50, 50 + probes), 0]
        assert [answer["id"] for answer in answers if "result" not in answer] == []
        assert answers[-1]["result"]["protocolVersion"] == "2025-06-18"
        assert await wire.call("echo", text="hello") == "hello"


async def test_a_probe_of_a_version_that_is_unknown_leaves_the_way_open(pipes: Pipes) -> None:
    """A refused probe decides nothing either."""
    meta = PROBE["_meta"] | {"io.modelcontextprotocol/protocolVersion": "2031-01-01"}
    async with opened_with(pipes, line("server/discover", 5, _meta=meta) + HANDSHAKE) as wire:
        assert json.loads(await wire.receive())["error"]["code"] == -32022
        assert json.loads(await wire.receive())["result"]["protocolVersion"] == "2025-06-18"
        assert await wire.call("echo", text="hello") == "hello"


async def test_a_probe_and_no_handshake_stays_in_the_newer_era(pipes: Pipes) -> None:
    """Whoever uses the answer goes on with it."""
    async with opened_with(pipes, line("server/discover", 5, **PROBE)) as wire:
        assert "result" in json.loads(await wire.receive())
        await wire.send(line("tools/list", 6, **PROBE))
        assert "tools" in json.loads(await wire.receive())["result"]
        await wire.send(HANDSHAKE)
        assert json.loads(await wire.receive())["error"]["code"] == -32022


async def test_a_handshake_after_anything_but_probes_is_refused_with_an_answer(
    pipes: Pipes,
) -> None:
    """A client that listed tools is of the newer era for good, and can read that it is."""
    async with opened_with(pipes, line("tools/list", 6, **PROBE) + HANDSHAKE) as wire:
        answers = [json.loads(await wire.receive()) for _ in range(2)]
        told = {answer["id"]: answer.get("error", {}).get("code") for answer in answers}
        assert told == {6: None, 0: -32022}
        await wire.send(line("tools/list", 7, **PROBE))
        assert "tools" in json.loads(await wire.receive())["result"]


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
