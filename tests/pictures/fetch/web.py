"""A small internet: names that resolve, hosts that answer, and a record of what was asked."""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import anyio.lowlevel
import httpx

from fw_mcp.pictures.fetch.fetcher import Fetcher
from tests.pictures.fetch.bad_urls import LOOPBACK

PUBLIC = "93.184.216.34"
JPEG = b"\xff\xd8\xff\xe0 a picture"

Page = Callable[[httpx.Request], httpx.Response]


class Body(httpx.AsyncByteStream):
    """A body in pieces, as the network gives it.

    Attributes:
        given: how many pieces were read.
    """

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = pieces
        self.given = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            self.given += 1
            yield piece


def page(
    content: bytes = JPEG, status_code: int = 200, headers: Mapping[str, str] | None = None
) -> Page:
    """What answers with this content, without saying its length."""
    return lambda _: httpx.Response(status_code, stream=Body([content]), headers=headers)


def sends_to(location: str, status_code: int = 302) -> Page:
    """What answers with a redirect."""
    raw = [(b"Location", location.encode("utf-8", "surrogatepass"))]
    return lambda _: httpx.Response(status_code, headers=raw)


def breaks(error: type[Exception]) -> Page:
    """What answers nothing; the error quotes the URL, as those of an HTTP library do."""

    def answer(request: httpx.Request) -> httpx.Response:
        raise error(str(request.url))

    return answer


@dataclass
class Web:
    """Hosts by name; each one not named is at a public address, and answers 404.

    Attributes:
        pages: URL → what answers there.
        addresses: host → its addresses each time it is resolved, or what then goes wrong; the last
            ones stay.
        resolved: the hosts, in the order of the questions.
        dialled: what was sent to the network, in order.
        origins: what a transport was made for, in order.
        inside: what was sent to the sandbox's transport, in order.
        closed: how many transports were closed.
    """

    pages: dict[str, Page] = field(default_factory=dict)
    addresses: dict[str, list[Sequence[str] | Exception]] = field(default_factory=dict)
    resolved: list[str] = field(default_factory=list)
    dialled: list[httpx.Request] = field(default_factory=list)
    origins: list[str] = field(default_factory=list)
    inside: list[httpx.Request] = field(default_factory=list)
    closed: int = 0

    def fetcher(self, *, hosts: Sequence[str] = (), total_s: float = 10) -> Fetcher:
        """A fetcher on this internet, with the sandbox inside and an origin on this machine."""
        return Fetcher(
            hosts=hosts,
            inside={"http://sandbox.localhost": lambda: httpx.MockTransport(self._answer_inside)},
            loopback=[LOOPBACK],
            resolve=self._resolve,
            dial=self._dial,
            total_s=total_s,
        )

    @property
    def dialled_hosts(self) -> list[tuple[str, str]]:
        """The address and the name of each request."""
        return [(request.url.host, request.headers["host"]) for request in self.dialled]

    async def _resolve(self, host: str) -> Sequence[str]:
        self.resolved.append(host)
        await anyio.lowlevel.checkpoint()
        answers = self.addresses.get(host) or [[PUBLIC]]
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _dial(self, origin: str) -> httpx.AsyncBaseTransport:
        self.origins.append(origin)
        return _Dialled(self)

    def answer(self, request: httpx.Request) -> httpx.Response:
        """What the network answers."""
        self.dialled.append(request)
        return self._page(f"{request.url.scheme}://{request.headers['host']}", request)

    def _answer_inside(self, request: httpx.Request) -> httpx.Response:
        self.inside.append(request)
        return self._page("inside", request)

    def _page(self, origin: str, request: httpx.Request) -> httpx.Response:
        answer = self.pages.get(origin + request.url.raw_path.decode(), page(b"", 404))
        return answer(request)


class _Dialled(httpx.MockTransport):
    def __init__(self, web: Web) -> None:
        super().__init__(web.answer)
        self._web = web

    async def aclose(self) -> None:
        self._web.closed += 1
