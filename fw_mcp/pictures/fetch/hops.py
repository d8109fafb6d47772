"""One fetch and where it leads: each hop is read, resolved, checked and dialled from scratch.

Connections are kept apart by origin; of an answer, a file or a piece of it is kept, and never more
than was asked for.
"""

import re
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager, nullcontext, suppress
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TypeVar, cast

import anyio
import httpx
import truststore

from fw_mcp import __version__
from fw_mcp.pictures.fetch.guard import (
    Cause,
    Denied,
    Hop,
    is_loopback,
    is_public,
    listed,
    read_url,
    redirected,
)
from fw_mcp.pictures.threads import unwaited

T = TypeVar("T")

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


class _Lines:
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
class Fetched:
    """A file or a piece of one.

    Attributes:
        offset: of `content` in the file, in bytes.
        size: of the whole file in bytes; None if the server does not say.
        url: the address that answered, after redirects.
    """

    content: bytes
    offset: int
    size: int | None
    url: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What answers at a URL, whatever it is.

    Attributes:
        media_type: as the server says it, without parameters; "" if it does not.
        beginning: the first bytes, as far as they were asked for.
        size: of the whole in bytes; None if the server does not say.
    """

    status_code: int
    media_type: str
    beginning: bytes
    size: int | None


_Piece = tuple[bytes, int, int | None]
"""Bytes, where they begin in their file, and its size where the server says it."""
_Read = Callable[[httpx.Response], Awaitable[T]]


class Hops:
    """Where requests may go, and how they get there: a fetcher's arguments, as it takes them."""

    def __init__(
        self,
        *,
        hosts: Collection[str],
        inside: Mapping[str, httpx.AsyncBaseTransport],
        loopback: Collection[str],
        resolve: Resolve | None,
        dial: Dial | None,
        total_s: float,
    ) -> None:
        self._hosts = listed(hosts)
        self._inside = {origin.lower(): transport for origin, transport in inside.items()}
        self._own = {*self._inside, *(origin.lower() for origin in loopback)}
        self._resolve = resolve or resolved
        self._lines = _Lines(dial or Dialler())
        self._total_s = total_s

    async def aclose(self) -> None:
        """Close every connection that is not in use."""
        await self._lines.aclose()

    async def whole(self, url: str, most_bytes: int) -> Fetched | Cause:
        """The whole file at `url`, or why it was not fetched."""
        read = partial(_read_whole, most_bytes=most_bytes)
        return await self._fetched(url, {}, read)

    async def piece(self, url: str, offset: int, length: int) -> Fetched | Cause:
        """A piece of the file at `url`, or its beginning, or why it was not fetched."""
        read = partial(_read_piece, offset=offset, length=length)
        return await self._fetched(url, _range(offset, length), read)

    async def answer(self, url: str, length: int) -> Answer | Cause:
        """What answers at `url`, or why nothing did."""
        read = partial(_read_answer, length=length)
        found = await self._in_time(url, _range(0, length), read)
        return found if isinstance(found, str) else found[0]

    async def _fetched(
        self, url: str, headers: Mapping[str, str], read: _Read[_Piece]
    ) -> Fetched | Cause:
        found = await self._in_time(url, headers, read)
        return found if isinstance(found, str) else Fetched(*found[0], found[1])

    async def _in_time(
        self, url: str, headers: Mapping[str, str], read: _Read[T]
    ) -> tuple[T, str] | Cause:
        """What was read, or why not: the causes end here, since an HTTP library's hold the URL."""
        with anyio.move_on_after(self._total_s):
            try:
                return await self._followed(url, headers, read)
            except Denied as denied:
                return denied.cause
            except httpx.TimeoutException:
                return "timed_out"
            except (httpx.HTTPError, OSError):
                return "broken_answer"
        return "timed_out"

    async def _followed(
        self, url: str, headers: Mapping[str, str], read: _Read[T]
    ) -> tuple[T, str]:
        """What is read of the answer to `url`, redirects followed, and where that was."""
        hop = read_url(url, own=self._own)
        for _ in range(1 + _MOST_REDIRECTS):
            async with self._asked(hop, headers) as response:
                if response.status_code not in _REDIRECTS:
                    return await read(response), str(hop.url)
                hop = redirected(hop, response.headers.get("location"))
        raise Denied("too_many_redirects")

    @asynccontextmanager
    async def _asked(self, hop: Hop, headers: Mapping[str, str]) -> AsyncIterator[httpx.Response]:
        inside = self._inside.get(hop.origin)
        urls = [hop.url] if inside else await self._addresses(hop)
        requests = [_request(hop, url, headers) for url in urls]
        line = nullcontext(inside) if inside else self._lines.to(hop.origin)
        async with line as transport, aclosing(await _answer(transport, requests)) as response:
            yield response

    async def _addresses(self, hop: Hop) -> Sequence[httpx.URL]:
        """`hop` at its checked addresses; only these are dialled, so no name is asked twice."""
        if hop.is_public and self._hosts and hop.host not in self._hosts:
            raise Denied("host_not_listed")
        try:
            addresses = await self._resolve(hop.host)
        except (OSError, UnicodeError):
            raise Denied("not_resolved") from None
        if not addresses:
            raise Denied("not_resolved")
        allowed = is_public if hop.is_public else is_loopback
        if not all(map(allowed, addresses)):
            raise Denied("denied_address")
        return [hop.url.copy_with(host=address) for address in addresses[:_MOST_ADDRESSES]]


def _range(offset: int, length: int) -> Mapping[str, str]:
    return {"Range": f"bytes={offset}-{offset + length - 1}"}


def _request(hop: Hop, url: httpx.URL, headers: Mapping[str, str]) -> httpx.Request:
    """A request to an address under its host's name, for the server as for its certificate."""
    named = hop.host if hop.is_public else hop.url.netloc.decode("ascii")
    return httpx.Request(
        "GET",
        url,
        headers={"Host": named, **_HEADERS, **headers},
        extensions={"timeout": _TIMEOUTS_S, "sni_hostname": hop.host},
    )


async def _answer(
    transport: httpx.AsyncBaseTransport, requests: Sequence[httpx.Request]
) -> httpx.Response:
    """The answer to the first request that gets as far as a connection."""
    for request in requests:
        with suppress(httpx.ConnectError, httpx.ConnectTimeout):
            return await transport.handle_async_request(request)
    raise Denied("no_connection")


_SIZE = re.compile(r"[0-9]{1,15}")
_CONTENT_RANGE = re.compile(r"bytes ([0-9]{1,15})-([0-9]{1,15})/([0-9]{1,15}|\*)")


async def _read_whole(response: httpx.Response, most_bytes: int) -> _Piece:
    """The whole body; one that says it is too large is refused unread."""
    _check_is_plain(response)
    if response.status_code != httpx.codes.OK:
        raise Denied("bad_status")
    if (_declared_size(response) or 0) > most_bytes:
        raise Denied("too_large")
    content = await _first_bytes(response, most_bytes + 1)
    if len(content) > most_bytes:
        raise Denied("too_large")
    return content, 0, len(content)


async def _read_piece(response: httpx.Response, offset: int, length: int) -> _Piece:
    """The range that was asked for, up to the end of the file; or the file's beginning."""
    _check_is_plain(response)
    if response.status_code == httpx.codes.OK:
        return await _read_beginning(response, length)
    if response.status_code != httpx.codes.PARTIAL_CONTENT:
        raise Denied("bad_status")
    expected, size = _promised(response, offset, length)
    content = await _first_bytes(response, expected + 1)
    if len(content) != expected:
        raise Denied("bad_range")
    return content, offset, size


async def _read_beginning(response: httpx.Response, length: int) -> _Piece:
    content = await _first_bytes(response, length + 1)
    is_all = len(content) <= length
    return content[:length], 0, len(content) if is_all else _declared_size(response)


async def _read_answer(response: httpx.Response, length: int) -> Answer:
    """The beginning of whatever it is."""
    if response.status_code in {httpx.codes.OK, httpx.codes.PARTIAL_CONTENT}:
        beginning, _, size = await _read_piece(response, 0, length)
    else:
        beginning, size = b"", None
    media_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    return Answer(response.status_code, media_type, beginning, size)


def _promised(response: httpx.Response, offset: int, length: int) -> tuple[int, int | None]:
    """How many bytes a piece has, and the size of the whole."""
    match = _CONTENT_RANGE.fullmatch(response.headers.get("content-range", ""))
    if match is None:
        raise Denied("bad_range")
    first, last = int(match[1]), int(match[2])
    size = None if match[3] == "*" else int(match[3])
    fits = first == offset <= last < offset + length
    if not fits or (size is not None and last >= size):
        raise Denied("bad_range")
    return last - first + 1, size


def _check_is_plain(response: httpx.Response) -> None:
    """A compressed body may unpack to any size."""
    if response.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise Denied("compressed")


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
