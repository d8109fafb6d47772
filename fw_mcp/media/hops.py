"""One question and where it leads: each hop is read, resolved, checked and dialled from scratch."""

import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial

import httpx

from fw_mcp import __version__
from fw_mcp.media.addresses import is_loopback, is_public
from fw_mcp.media.lines import Dialler, Lines
from fw_mcp.media.refused import Refused
from fw_mcp.media.threads import unwaited
from fw_mcp.media.urls import Target, read_url, redirected

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
