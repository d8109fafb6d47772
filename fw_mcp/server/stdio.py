"""MCP over stdin and stdout."""

import asyncio
import json
import logging
import os
import stat
import sys
import threading
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any

import anyio
import anyio.abc
from mcp.server import MCPServer, Server
from mcp.shared.message import SessionMessage
from mcp.types import (
    JSONRPCError,
    JSONRPCMessage,
    JSONRPCNotification,
    JSONRPCRequest,
    JSONRPCResponse,
    RequestId,
)

from fw_mcp.server.wire import NoMessage, Read, messages_in
from fw_mcp.signals import stop_signals

_log = logging.getLogger(__name__)


Write = Callable[[bytes], Awaitable[None]]


async def serve_stdio(
    server: MCPServer, *, stdin_fd: int = 0, stdout_fd: int = 1, grace_s: float = 1.0
) -> None:
    """Serve one client until its input ends, its output closes, or SIGTERM or SIGINT arrives.

    Whatever ends it, work in flight is cancelled, and shielded work finishes first. While it
    serves, the two descriptors point at nothing and at stderr, so that a stray `print`
    or a child process cannot touch the protocol.

    Args:
        server: what to serve.
        stdin_fd: descriptor to read requests from.
        stdout_fd: descriptor to write answers to.
        grace_s: seconds that requests already received get to be answered after the input ends,
            and that a slow client gets to take the last answer.
    """
    low_level = low_level_server(server)
    with (
        _nothing() as nothing,
        _diverted(stdin_fd, nothing) as wire_in,
        _diverted(stdout_fd, 2) as wire_out,
    ):
        async with _lines(wire_in, piped=_is_pipe(wire_in, wire_out)) as lines:
            inbox = Inbox(lines, grace_s)
            piped = _is_pipe(wire_out, wire_in)
            async with _output(wire_out, inbox.stop, grace_s, piped=piped) as write:
                answering = Answering(inbox, write, grace_s)
                options = low_level.create_initialization_options()
                with stop_signals(inbox.stop):
                    await low_level.run(answering, Outbox(write, inbox), options)
                    while inbox.begins_again():
                        await low_level.run(answering, Outbox(write, inbox), options)


def low_level_server(server: MCPServer) -> Server[Any]:
    """Give the protocol server inside `server`: the SDK has no public name for it."""
    return server._lowlevel_server  # noqa: SLF001


class Inbox(anyio.abc.ObjectReceiveStream[SessionMessage | Exception]):
    """The client's messages, ending when the input has ended and its requests are answered.

    The SDK takes the protocol's era from the first request, for good. A client may send a probe,
    give up on the answer, and shake hands instead: then the messages end before that `initialize`,
    as soon as the probes are answered, and `begins_again` goes on with it.

    Args:
        lines: the input.
        grace_s: seconds to wait for those answers.
    """

    def __init__(self, lines: asyncio.StreamReader, grace_s: float) -> None:
        self._lines = lines
        self._grace_s = grace_s
        self._read: deque[Read] = deque()
        self._first: str | None = None
        self._handshake: JSONRPCRequest | None = None
        self._unanswered: set[RequestId] = set()
        self._idle = anyio.Event()
        self._stopped = False
        self._waiting = anyio.CancelScope()

    def stop(self) -> None:
        """End now: the SDK takes it for the end of input, and cancels what is in flight."""
        self._stopped = True
        self._waiting.cancel()

    def begins_again(self) -> bool:
        """Whether the messages ended before a handshake, which now comes first."""
        if self._handshake is None or self._stopped:
            return False
        self._read.appendleft(self._handshake)
        self._handshake = None
        return True

    def answered(self, request_id: RequestId | None) -> None:
        """Wait for this request no longer."""
        self._unanswered.discard(request_id)
        if not self._unanswered:
            self._idle.set()

    async def receive(self) -> SessionMessage | Exception:
        """Give the next message, or a `NoMessage`, which the SDK would let pass."""
        if not self._stopped:
            with anyio.CancelScope() as self._waiting:
                if message := await self._next():
                    if not self._comes_after_probes(message):
                        return self._noted(message)
                    await self._all_answered()
                else:
                    with anyio.move_on_after(self._grace_s):
                        await self._all_answered()
        raise anyio.EndOfStream

    async def aclose(self) -> None:
        """Nothing more is wanted, unless it is to begin again."""
        if self._handshake is None:
            self.stop()

    async def _next(self) -> Read | None:
        while not self._read:
            line = await self._line()
            if not line:
                return None
            self._read.extend(messages_in(line))
        return self._read.popleft()

    async def _line(self) -> bytes:
        try:
            return await self._lines.readline()
        except OSError:
            return b""  # a client that was killed resets its socket

    def _comes_after_probes(self, message: Read) -> bool:
        if not isinstance(message, JSONRPCRequest):
            return False
        first = self._first or message.method
        # Once anything but a probe has come, the era stays.
        self._first = first if first == message.method else "several"
        if message.method != "initialize" or first != "server/discover":
            return False
        self._handshake = message
        return True

    def _noted(self, message: Read) -> SessionMessage | Exception:
        match message:
            case NoMessage():
                return message
            case JSONRPCRequest():
                self._unanswered.add(message.id)
            case JSONRPCNotification(
                method="notifications/cancelled", params={"requestId": int() | str() as cancelled}
            ):
                # The protocol forbids to answer it.
                self.answered(cancelled)
        return SessionMessage(message)

    async def _all_answered(self) -> None:
        if self._unanswered:
            self._idle = anyio.Event()
            await self._idle.wait()


class Answering(anyio.abc.ObjectReceiveStream[SessionMessage | Exception]):
    """The messages of `inbox`; what is none is told on stderr and to the client.

    Args:
        inbox: where they come from.
        write: sends a line to the client.
        patience_s: seconds that a slow client gets to take such an answer.
    """

    def __init__(self, inbox: Inbox, write: Write, patience_s: float) -> None:
        self._inbox = inbox
        self._write = write
        self._patience_s = patience_s
        self._told = False
        self._listens = True

    async def receive(self) -> SessionMessage | Exception:
        """Give the next message."""
        while isinstance(item := await self._inbox.receive(), NoMessage):
            # One word for all lines of a text, such as a message over several lines.
            _log.log(logging.DEBUG if self._told else logging.WARNING, "%s", item)
            self._told = True
            if self._listens:
                await self._answer(item)
        self._told = False
        return item

    async def _answer(self, item: NoMessage) -> None:
        with anyio.move_on_after(self._patience_s) as patience:
            with suppress(anyio.BrokenResourceError):
                for answer in item.answers:
                    await self._write(encode(answer))
        self._listens = not patience.cancelled_caught

    async def aclose(self) -> None:
        """Nothing more is wanted."""
        await self._inbox.aclose()


class Outbox(anyio.abc.ObjectSendStream[SessionMessage]):
    """The server's messages, one line each.

    Args:
        write: sends a line, returning when the client's end has taken it.
        inbox: learns which requests are answered.
    """

    def __init__(self, write: Write, inbox: Inbox) -> None:
        self._write = write
        self._inbox = inbox
        self._closed = False

    async def send(self, item: SessionMessage) -> None:
        """Send one message."""
        if self._closed:
            raise anyio.ClosedResourceError
        await self._write(encode(item.message))
        if isinstance(item.message, JSONRPCResponse | JSONRPCError):
            self._inbox.answered(item.message.id)

    async def aclose(self) -> None:
        """Refuse what comes later; the descriptor belongs to `serve_stdio`."""
        self._closed = True


def encode(message: JSONRPCMessage) -> bytes:
    """Give `message` as a line of JSON, with U+FFFD for half a surrogate pair."""
    try:
        return message.model_dump_json(by_alias=True, exclude_unset=True).encode() + b"\n"
    except ValueError:
        plain = message.model_dump(mode="json", by_alias=True, exclude_unset=True)
        text = json.dumps(plain, ensure_ascii=False)
        whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        return whole.encode() + b"\n"


def occupy_standard_descriptors() -> None:
    """Open the null device in place of stdin, stdout and stderr where the host closed them.

    Call it before anything is opened: a free descriptor goes to the next file, and the event loop
    or the store would sit where requests are read and stray prints are written.
    """
    for fd in (0, 1, 2):
        try:
            os.fstat(fd)
        except OSError:
            # The lowest free one, which is `fd`.
            os.open(os.devnull, os.O_RDWR)


@contextmanager
def _nothing() -> Iterator[int]:
    """A descriptor with nothing to read; not every machine lets a program open the null device."""
    ended, writable = os.pipe()
    os.close(writable)
    try:
        yield ended
    finally:
        os.close(ended)


@contextmanager
def _diverted(fd: int, target: int) -> Iterator[int]:
    wire = os.dup(fd)
    os.dup2(target, fd)
    try:
        yield wire
    finally:
        os.dup2(wire, fd)
        os.close(wire)


def _is_pipe(fd: int, other: int) -> bool:
    """Whether the event loop can wait for `fd`; one socket both ways it cannot tell apart."""
    if sys.platform == "win32" or os.path.sameopenfile(fd, other):
        return False
    mode = os.fstat(fd).st_mode
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


@contextmanager
def _blocking_restored(fd: int) -> Iterator[None]:
    """The mode belongs to the pipe, not to the descriptor: other processes may share it."""
    before = os.get_blocking(fd)
    try:
        yield
    finally:
        os.set_blocking(fd, before)


class _AnyLineEnd(asyncio.StreamReader):
    """Reads CR alone as the end of a line too: JSON has it nowhere inside a message."""

    def feed_data(self, data: bytes) -> None:  # type: ignore[override]
        super().feed_data(data.replace(b"\r", b"\n"))


@asynccontextmanager
async def _lines(fd: int, *, piped: bool) -> AsyncIterator[asyncio.StreamReader]:
    reader = _AnyLineEnd(limit=sys.maxsize)
    if not piped:
        _pump(os.dup(fd), reader)
        yield reader
        return
    with _blocking_restored(fd), os.fdopen(fd, "rb", buffering=0, closefd=False) as pipe:
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), pipe
        )
        try:
            yield reader
        finally:
            transport.close()


def _pump(fd: int, reader: asyncio.StreamReader) -> None:
    """Read `fd` in a thread that cannot keep the process alive: a terminal may never answer."""
    loop = asyncio.get_running_loop()

    def pump() -> None:
        # OSError: the terminal is gone. RuntimeError: the loop is.
        with os.fdopen(fd, "rb", buffering=0) as source, suppress(RuntimeError):
            with suppress(OSError):
                while chunk := source.read(65536):
                    loop.call_soon_threadsafe(reader.feed_data, chunk)
            loop.call_soon_threadsafe(reader.feed_eof)

    threading.Thread(target=pump, name="stdin", daemon=True).start()


@asynccontextmanager
async def _output(
    fd: int, on_lost: Callable[[], None], grace_s: float, *, piped: bool
) -> AsyncIterator[Write]:
    if not piped:
        yield _file_writer(fd, on_lost)
        return
    with _blocking_restored(fd), os.fdopen(fd, "wb", buffering=0, closefd=False) as pipe:
        transport, protocol = await asyncio.get_running_loop().connect_write_pipe(
            lambda: _PipeProtocol(on_lost), pipe
        )
        transport.set_write_buffer_limits(high=0)

        async def write(line: bytes) -> None:
            if protocol.lost.is_set():
                raise anyio.BrokenResourceError
            transport.write(line)
            await protocol.writable.wait()

        try:
            yield write
        finally:
            transport.close()
            with anyio.move_on_after(grace_s, shield=True):
                await protocol.lost.wait()
            if transport.get_write_buffer_size():
                transport.abort()


class _PipeProtocol(asyncio.BaseProtocol):
    """Whether the pipe has taken all it was given, and whether it is still there."""

    def __init__(self, on_lost: Callable[[], None]) -> None:
        self._on_lost = on_lost
        self.lost = anyio.Event()
        self.writable = asyncio.Event()
        self.writable.set()

    def pause_writing(self) -> None:
        self.writable.clear()

    def resume_writing(self) -> None:
        self.writable.set()

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self.lost.set()
        self.writable.set()
        self._on_lost()


def _file_writer(fd: int, on_lost: Callable[[], None]) -> Write:
    async def write(line: bytes) -> None:
        try:
            with os.fdopen(fd, "wb", closefd=False) as file:
                file.write(line)
        except OSError as error:
            on_lost()
            raise anyio.BrokenResourceError from error

    return write
