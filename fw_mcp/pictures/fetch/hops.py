"""One question and where it leads: each hop is read, resolved, checked and dialled from scratch.

Connections are kept apart by origin; of an answer, a file or a piece of it is kept, and never more
than was asked for.
"""

import re
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import cast

import anyio
import httpx
import truststore

from fw_mcp import __version__
from fw_mcp.pictures.fetch.guard import (
    Refused,
    Target,
    is_loopback,
    is_public,
    read_url,
    redirected,
)
from fw_mcp.pictures.threads import unwaited

Dial = Callable[[str], httpx.AsyncBaseTransport]
"""A new transport for one origin."""

_MOST_LINES = 8
_LIMITS = httpx.Limits(max_connections=8, max_keepalive_connections=4, keepalive_expiry=10)


def transport_with(context: ssl.SSLContext) -> httpx.AsyncHTTPTransport:
    """A transport on the network: no proxy, nothing from the environment."""
    return httpx.AsyncHTTPTransport(verify=context, trust_env=False, limits=_LIMITS)


class Dialler:
    """Dials by the operating system's trust store, which is read when it is first needed."""

    def __call__(self, origin: str) -> httpx.AsyncBaseTransport:
        """A transport for `origin`."""
        return transport_with(
            self._trusting if origin.startswith("https:") else self._trusts_nobody
        )

    @cached_property
    def _trusting(self) -> ssl.SSLContext:
        return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

    @cached_property
    def _trusts_nobody(self) -> ssl.SSLContext:
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@dataclass
class _Line:
    transport: httpx.AsyncBaseTransport
    users: int = 0


class Lines:
    """The transports in use and the last few that were.

    Args:
        dial: makes a transport for an origin.
    """

    def __init__(self, dial: Dial) -> None:
        self._dial = dial
        self._lines: dict[str, _Line] = {}

    @asynccontextmanager
    async def to(self, origin: str) -> AsyncIterator[httpx.AsyncBaseTransport]:
        """The transport of `origin`, which stays open while it is used."""
        line = self._lines.pop(origin, None) or _Line(self._dial(origin))
        # As the last one: the first are those that have been idle for longest.
        self._lines[origin] = line
        line.users += 1
        try:
            yield line.transport
        finally:
            line.users -= 1
            await self._close(keeping=_MOST_LINES)

    async def aclose(self) -> None:
        """Close every connection that is not in use."""
        await self._close(keeping=0)

    async def _close(self, *, keeping: int) -> None:
        idle = [origin for origin, line in self._lines.items() if not line.users]
        surplus = idle[: max(0, len(self._lines) - keeping)]
        transports = [self._lines.pop(origin).transport for origin in surplus]
        with anyio.CancelScope(shield=True):
            for transport in transports:
                await transport.aclose()


Resolve = Callable[[str], Awaitable[Sequence[str]]]
"""The addresses of a host."""

_MOST_REDIRECTS = 3
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MOST_ADDRESSES = 3
# A host's second address must have its turn within the time of the whole.
_TIMEOUTS_S = {"connect": 3.0, "read": 10.0, "write": 10.0, "pool": 10.0}
_HEADERS = {
    "Accept": "*/*",
    "Accept-Encoding": "identity",
    "User-Agent": f"fw-mcp/{__version__}",
}


async def resolved(host: str) -> Sequence[str]:
    """The addresses of `host` by the operating system's resolver."""
    ask = partial(socket.getaddrinfo, host, None, type=socket.SOCK_STREAM)
    # Not in the loop's own few threads: names that hang there would hold up the service's.
    found = await unwaited(ask)
    return [str(address[0]) for *_, address in found]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered, its body still to be read.

    Attributes:
        url: the address that answered.
    """

    response: httpx.Response
    url: str


@dataclass(frozen=True, slots=True)
class Hops:
    """Where requests may go, and how they get there.

    Attributes:
        hosts: the only public ones that may be asked, as `listed` gives them; none for any.
        inside: origin → the transport that answers for it; nothing is dialled.
        loopback: an origin on this machine that may be asked over plain http.
        resolve: a host's addresses.
        lines: the connections.
    """

    hosts: Collection[str] = frozenset()
    inside: Mapping[str, httpx.AsyncBaseTransport] = field(default_factory=dict)
    loopback: str | None = None
    resolve: Resolve = resolved
    lines: Lines = field(default_factory=lambda: Lines(Dialler()))

    @asynccontextmanager
    async def answer(self, url: str, headers: Mapping[str, str]) -> AsyncIterator[Answer]:
        """What `url` answers, redirects followed.

        Args:
            url: from the library or a caller.
            headers: beside those of every request.

        Raises:
            Refused: a hop is not allowed, or leads nowhere.
            httpx.HTTPError: no answer came.
        """
        target = read_url(url, own={*self.inside, self.loopback or ""})
        for _ in range(1 + _MOST_REDIRECTS):
            async with self._asked(target, headers) as response:
                if response.status_code not in _REDIRECTS:
                    yield Answer(response, str(target.url))
                    return
                target = redirected(target, response.headers.get("location"))
        raise Refused("too_many_redirects")

    @asynccontextmanager
    async def _asked(
        self, target: Target, headers: Mapping[str, str]
    ) -> AsyncIterator[httpx.Response]:
        inside = self.inside.get(target.origin)
        if inside is not None:
            async with _sent(inside, [_request(target, target.url, headers)]) as response:
                yield response
            return
        urls = [target.url.copy_with(host=address) for address in await self._addresses(target)]
        async with self.lines.to(target.origin) as transport:
            requests = [_request(target, url, headers) for url in urls]
            async with _sent(transport, requests) as response:
                yield response

    async def _addresses(self, target: Target) -> Sequence[str]:
        """The checked addresses of `target`; only these are dialled, so no name is asked twice."""
        if target.is_public and self.hosts and target.host not in self.hosts:
            raise Refused("host_not_listed")
        try:
            addresses = await self.resolve(target.host)
        except (OSError, UnicodeError):
            raise Refused("not_resolved") from None
        if not addresses:
            raise Refused("not_resolved")
        allowed = is_public if target.is_public else is_loopback
        if not all(map(allowed, addresses)):
            raise Refused("denied_address")
        return addresses[:_MOST_ADDRESSES]


def _request(target: Target, url: httpx.URL, headers: Mapping[str, str]) -> httpx.Request:
    """A request to an address under its host's name, for the server as for its certificate."""
    named = target.host if target.is_public else target.url.netloc.decode("ascii")
    return httpx.Request(
        "GET",
        url,
        headers={"Host": named, **_HEADERS, **headers},
        extensions={"timeout": _TIMEOUTS_S, "sni_hostname": target.host},
    )


@asynccontextmanager
async def _sent(
    transport: httpx.AsyncBaseTransport, requests: Sequence[httpx.Request]
) -> AsyncIterator[httpx.Response]:
    response = await _first_answer(transport, requests)
    try:
        yield response
    finally:
        await response.aclose()


async def _first_answer(
    transport: httpx.AsyncBaseTransport, requests: Sequence[httpx.Request]
) -> httpx.Response:
    for request in requests:
        try:
            return await transport.handle_async_request(request)
        except (httpx.ConnectError, httpx.ConnectTimeout):
            continue
    raise Refused("no_connection")


_SIZE = re.compile(r"[0-9]{1,15}")
_CONTENT_RANGE = re.compile(r"bytes ([0-9]{1,15})-([0-9]{1,15})/([0-9]{1,15}|\*)")


async def read_whole(response: httpx.Response, most_bytes: int) -> bytes:
    """The whole body.

    Args:
        response: to a request for a whole file.
        most_bytes: a larger one is refused, before its body is read where it says its size.

    Raises:
        Refused: it is no file, compressed, or too large.
    """
    _check_is_plain(response)
    if response.status_code != httpx.codes.OK:
        raise Refused("bad_status")
    if (_declared_size(response) or 0) > most_bytes:
        raise Refused("too_large")
    content = await _first_bytes(response, most_bytes + 1)
    if len(content) > most_bytes:
        raise Refused("too_large")
    return content


async def read_piece(
    response: httpx.Response, offset: int, length: int
) -> tuple[bytes, int, int | None]:
    """A piece, where it begins, and the size of the whole file where the server says it.

    Args:
        response: to a request for a range.
        offset: where the range begins.
        length: of the range, in bytes; a file may end before.

    Raises:
        Refused: it is neither that piece nor a whole file, or compressed.
    """
    _check_is_plain(response)
    if response.status_code == httpx.codes.OK:
        return await _read_beginning(response, length)
    if response.status_code != httpx.codes.PARTIAL_CONTENT:
        raise Refused("bad_status")
    expected, size = _promised(response, offset, length)
    content = await _first_bytes(response, expected + 1)
    if len(content) != expected:
        raise Refused("bad_range")
    return content, offset, size


async def _read_beginning(response: httpx.Response, length: int) -> tuple[bytes, int, int | None]:
    content = await _first_bytes(response, length + 1)
    is_all = len(content) <= length
    return content[:length], 0, len(content) if is_all else _declared_size(response)


def _promised(response: httpx.Response, offset: int, length: int) -> tuple[int, int | None]:
    """How many bytes a piece has, and the size of the whole."""
    match = _CONTENT_RANGE.fullmatch(response.headers.get("content-range", ""))
    if match is None:
        raise Refused("bad_range")
    first, last = int(match[1]), int(match[2])
    size = None if match[3] == "*" else int(match[3])
    fits = first == offset <= last < offset + length
    if not fits or (size is not None and last >= size):
        raise Refused("bad_range")
    return last - first + 1, size


def _check_is_plain(response: httpx.Response) -> None:
    """A compressed body may unpack to any size."""
    if response.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise Refused("compressed")


def _declared_size(response: httpx.Response) -> int | None:
    text = response.headers.get("content-length", "")
    return int(text) if _SIZE.fullmatch(text) else None


async def _first_bytes(response: httpx.Response, count: int) -> bytes:
    body = bytearray()
    # Not `aiter_raw`, which gives nothing of an answer that its transport has read already.
    async for piece in cast("httpx.AsyncByteStream", response.stream):
        body += piece
        if len(body) >= count:
            break
    return bytes(body[:count])
