"""Requests over HTTP on kept connections, at the price of little more than their bytes."""

import json
import re
import selectors
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)
_BLANK = b"\r\n\r\n"
_PIECE = 65_536
_LOST_S = 30.0
_REVISION = "2026-07-28"
_META = {
    "io.modelcontextprotocol/protocolVersion": _REVISION,
    "io.modelcontextprotocol/clientInfo": {"name": "bench", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {},
}


@dataclass(frozen=True)
class Asked:
    """A request that is sent again and again.

    Attributes:
        content: its bytes.
        wanted: what a right answer holds.
    """

    content: bytes
    wanted: bytes


def livez(port: int) -> Asked:
    """Whether the server lives."""
    head = f"GET /livez HTTP/1.1\r\nHost: 127.0.0.1:{port}"
    return Asked(head.encode() + _BLANK, b'"alive"')


def refused_call(port: int, token: str = "") -> Asked:
    """A call of `search_images` with an argument that it does not know.

    Args:
        port: of the server, for its `Host` header.
        token: goes with it, if there is one.
    """
    params = {"name": "search_images", "arguments": {"per_pag": 5}, "_meta": _META}
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    body = json.dumps(message).encode()
    headers = {
        "Host": f"127.0.0.1:{port}",
        "Accept": "application/json, text/event-stream",
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        "MCP-Protocol-Version": _REVISION,
        "Mcp-Method": "tools/call",
        "Mcp-Name": "search_images",
    }
    if token:
        headers["Authorization"] = f"Bearer {token}"
    lines = ["POST /mcp HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return Asked("\r\n".join(lines).encode() + _BLANK + body, b"(reason: invalid_arguments)")


@dataclass(frozen=True)
class Round:
    """What came of some requests.

    Attributes:
        seconds: that each took, in order of the answers.
        in_all_s: from the first to the last answer.
    """

    seconds: Sequence[float]
    in_all_s: float

    @property
    def a_second(self) -> float:
        """Answers a second."""
        return len(self.seconds) / self.in_all_s


class Connections:
    """Connections to a port of this machine, each with one request at a time.

    Args:
        kept: the connections.
        asked: what is sent on them.
    """

    def __init__(self, kept: Sequence[socket.socket], asked: Asked) -> None:
        self._kept = kept
        self._asked = asked

    def round_of(self, count: int) -> Round:
        """Send so many requests, and wait for the answers.

        Raises:
            RuntimeError: an answer is another than wanted.
            TimeoutError: none comes.
        """
        began = [0.0] * len(self._kept)
        seconds: list[float] = []
        with selectors.DefaultSelector() as ready:
            first = time.perf_counter()
            for place, one in enumerate(self._kept):
                ready.register(one, selectors.EVENT_READ, place)
                began[place] = self._send(one)
            while len(seconds) < count:
                for key, _ in _some(ready):
                    one = self._kept[key.data]
                    self._receive(one)
                    seconds.append(time.perf_counter() - began[key.data])
                    if len(seconds) + len(self._kept) <= count:
                        began[key.data] = self._send(one)
            return Round(seconds, time.perf_counter() - first)

    def _send(self, one: socket.socket) -> float:
        one.sendall(self._asked.content)
        return time.perf_counter()

    def _receive(self, one: socket.socket) -> None:
        got = one.recv(_PIECE)
        while not _is_whole(got):
            more = one.recv(_PIECE)
            if not more:
                break
            got += more
        if self._asked.wanted not in got:
            raise RuntimeError(f"another answer than wanted: {got.decode()!r}")


def _some(ready: selectors.BaseSelector) -> list[tuple[selectors.SelectorKey, int]]:
    found = ready.select(_LOST_S)
    if not found:
        raise TimeoutError("no answer")
    return found


def _is_whole(got: bytes) -> bool:
    head, blank, body = got.partition(_BLANK)
    length = _LENGTH.search(head)
    return bool(blank) and length is not None and len(body) >= int(length[1])


@contextmanager
def connected(port: int, asked: Asked, in_flight: int) -> Iterator[Connections]:
    """Connections that are kept while it lasts.

    Args:
        port: of this machine.
        asked: what is sent on them.
        in_flight: how many.
    """
    with ExitStack() as open_:
        yield Connections(
            [
                open_.enter_context(socket.create_connection(("127.0.0.1", port), _LOST_S))
                for _ in range(in_flight)
            ],
            asked,
        )
