"""`fw-mcp` as a process, and a client of the handshake era that writes its own lines to it."""

import asyncio
import json
import os
import re
import subprocess
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import anyio

from tests.server.lines import call, line
from tests.support.canaries import holds_key
from tests.support.process import DEBUG, Forked, environment

Json = dict[str, Any]

_LONGEST_LINE = 100_000_000
_COMPLAINT = re.compile("^(?:\\S+ \\S+ (?:WARNING|ERROR|CRITICAL)|Traceback).*", re.MULTILINE)
_NO_SIGNS_OF_LIFE_S = 60


@dataclass
class Piped:
    """A server at the other end of three pipes.

    Attributes:
        process: the server.
        answers: its stdout.
        listening: closes that.
        errors: its stderr, as far as it was written.
    """

    process: Forked
    answers: asyncio.StreamReader
    listening: asyncio.ReadTransport
    errors: bytearray = field(default_factory=bytearray)
    last_id: int = 0

    async def send(self, data: bytes) -> None:
        """Write to its stdin."""
        assert self.process.stdin is not None
        left = memoryview(data)
        while left:
            await anyio.wait_writable(self.process.stdin)
            left = left[os.write(self.process.stdin.fileno(), left) :]

    async def receive(self) -> Json:
        """Read its next line, which must be JSON in whole characters, without a key."""
        text = (await self.answers.readline()).decode()
        message: Json = json.loads(text)
        assert whole(message), text[:500]
        assert not holds_key(text)
        return message

    async def request(self, method: str, **params: object) -> Json:
        """Send a request; the next message, which may be a question."""
        self.last_id += 1
        await self.send(line(method, self.last_id, **params))
        return await self.receive()

    async def start_call(self, name: str, **arguments: object) -> None:
        """Send a tool call whose answer somebody else awaits, if anybody."""
        self.last_id += 1
        await self.send(call(self.last_id, name, **arguments))

    async def call(self, name: str, **arguments: object) -> Json:
        """Call a tool; its result."""
        await self.start_call(name, **arguments)
        answer = await self.receive()
        assert answer["id"] == self.last_id, answer
        result: Json = answer.get("result") or answer["error"]
        return result

    async def alive(self) -> bool:
        """Whether it still answers."""
        answer = await self.request("ping")
        return (answer["id"], answer["result"]) == (self.last_id, {})

    @property
    def complaints(self) -> list[str]:
        """What it wrote to stderr that is more than what shows more."""
        return _COMPLAINT.findall(self.errors.decode())

    async def hang_up(self) -> None:
        """Close its stdin."""
        assert self.process.stdin is not None
        self.process.stdin.close()

    def stop_listening(self) -> None:
        """Close its stdout."""
        self.listening.close()

    async def shake_hands(self, capabilities: Mapping[str, object]) -> None:
        """Begin a session."""
        await self.request(
            "initialize",
            protocolVersion="2025-06-18",
            capabilities=capabilities,
            clientInfo={"name": "test", "version": "1"},
        )
        await self.send(line("notifications/initialized"))


@asynccontextmanager
async def piped(
    *arguments: str,
    env: Mapping[str, str] | None = None,
    capabilities: Mapping[str, object] | None = None,
    within_s: float = _NO_SIGNS_OF_LIFE_S,
) -> AsyncIterator[Piped]:
    """A served process with which hands were shaken; it is gone when the test is over.

    It runs at debug level, and neither its answers nor its stderr may hold a key.

    Args:
        arguments: after the program's name.
        env: variables beside the kept ones.
        capabilities: what the client declares.
        within_s: how long it may take in all.
    """
    whole = environment({**DEBUG, **(env or {})})
    with anyio.fail_after(within_s):
        async with _pipe() as (answers, listening, stdout), _pipe() as (told, _, stderr):
            process = Forked(
                arguments, env=whole, stdin=subprocess.PIPE, stdout=stdout, stderr=stderr
            )
            os.close(stdout)
            os.close(stderr)
            assert process.stdin is not None
            os.set_blocking(process.stdin.fileno(), False)
            server = Piped(process, answers, listening)
            with process:
                async with anyio.create_task_group() as group:
                    group.start_soon(_drain, told, server.errors)
                    try:
                        await server.shake_hands(capabilities or {})
                        yield server
                    finally:
                        # It ended long since, unless the test failed or did not care.
                        process.kill()
            assert not holds_key(bytes(server.errors))


@asynccontextmanager
async def _pipe() -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.ReadTransport, int]]:
    """A pipe whose reading end can be closed: the reader, what closes it, the writing end."""
    ours, theirs = os.pipe()
    reader = asyncio.StreamReader(limit=_LONGEST_LINE)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(ours, "rb")
    )
    try:
        yield reader, transport, theirs
    finally:
        transport.close()


async def ended(server: Piped) -> int:
    """Its exit code."""
    await anyio.wait_readable(server.process.control)
    return server.process.wait()


def whole(value: object) -> bool:
    """Whether no text in some JSON holds half a character."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


async def _drain(stream: asyncio.StreamReader, into: bytearray) -> None:
    """Read all of stderr, or a full pipe would stop the process."""
    async for chunk in stream:
        into += chunk
