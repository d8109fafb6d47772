"""`Fetcher`: files from URLs that nobody here chose.

A URL in a library may have been written by anybody, and what asks for it stands inside somebody's
network. Only public hosts are asked, at addresses that were checked; no key, cookie or proxy is
used; and who asked learns nothing of why something was not fetched.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import anyio

from fw_mcp.errors import FetchError, Reason
from fw_mcp.pictures.fetch.guard import Cause, Refused

if TYPE_CHECKING:
    import httpx

    from fw_mcp.pictures.fetch.hops import Dial, Hops, Resolve

MOST_BYTES = 5_000_000
REFUSAL = "The URL was not fetched."
"""What is told, whatever the cause: two texts would tell which addresses answer here."""

_MOST_AT_A_TIME = 4
_TOTAL_S = 10.0

_log = logging.getLogger("fw_mcp.pictures")


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


class Fetcher:
    """Fetches from public https hosts, at most four files at a time. Call `aclose` at the end.

    Args:
        hosts: the only public hosts that may be asked, in full; none for any.
        inside: origin (`http://sandbox.localhost`) → the transport that answers for it in this
            process; it stays its owner's to close.
        loopback: an origin on this machine (`http://127.0.0.1:8321`) that may be asked over plain
            http.
        resolve: a host's addresses; None for the operating system's resolver.
        dial: a new transport for an origin; None for the network.
        total_s: seconds for a whole fetch, resolving and redirects included.
    """

    def __init__(
        self,
        *,
        hosts: Sequence[str] = (),
        inside: "Mapping[str, httpx.AsyncBaseTransport] | None" = None,
        loopback: str | None = None,
        resolve: "Resolve | None" = None,
        dial: "Dial | None" = None,
        total_s: float = _TOTAL_S,
    ) -> None:
        self._hosts = tuple(hosts)
        self._inside = {origin.lower(): transport for origin, transport in (inside or {}).items()}
        self._loopback = loopback.lower() if loopback else None
        self._resolve = resolve
        self._dial = dial
        self._total_s = total_s
        self._turn = anyio.Semaphore(_MOST_AT_A_TIME)
        self._hops: Hops | None = None

    async def aclose(self) -> None:
        """Close the connections."""
        if self._hops is not None:
            await self._hops.lines.aclose()

    async def fetch(self, url: str, *, most_bytes: int = MOST_BYTES) -> Fetched:
        """The whole file at `url`.

        Args:
            url: from the library or a caller.
            most_bytes: a larger file is not fetched.

        Raises:
            FetchError: it was not fetched; the text is the same for every cause.
        """
        return await self._guarded(partial(self._whole, url, most_bytes))

    async def fetch_range(self, url: str, offset: int, length: int) -> Fetched:
        """A piece of the file at `url`; the beginning instead, from a server that knows no ranges.

        Args:
            url: from the library or a caller.
            offset: of the piece in the file, in bytes.
            length: in bytes, at least 1; the file may end before.

        Returns:
            at most `length` bytes, from `offset` or from 0.

        Raises:
            FetchError: as for `fetch`; also when the file ends before `offset`.
        """
        return await self._guarded(partial(self._piece, url, offset, length))

    async def _whole(self, url: str, most_bytes: int) -> Fetched:
        from fw_mcp.pictures.fetch.hops import read_whole  # noqa: PLC0415  not needed to start a server

        async with self._connected().answer(url, {}) as answer:
            content = await read_whole(answer.response, most_bytes)
            return Fetched(content, 0, len(content), answer.url)

    async def _piece(self, url: str, offset: int, length: int) -> Fetched:
        from fw_mcp.pictures.fetch.hops import read_piece  # noqa: PLC0415  not needed to start a server

        headers = {"Range": f"bytes={offset}-{offset + length - 1}"}
        async with self._connected().answer(url, headers) as answer:
            content, begins, size = await read_piece(answer.response, offset, length)
            return Fetched(content, begins, size, answer.url)

    async def _guarded(self, fetched: Callable[[], Awaitable[Fetched]]) -> Fetched:
        async with self._turn:
            outcome = await _in_time(fetched, self._total_s)
        if isinstance(outcome, Fetched):
            return outcome
        _log.info("a URL was not fetched: %s", outcome)
        raise refusal()

    def _connected(self) -> "Hops":
        if self._hops is None:
            from fw_mcp.pictures.fetch.guard import listed  # noqa: PLC0415  not needed to start
            from fw_mcp.pictures.fetch.hops import Dialler, Hops, Lines, resolved  # noqa: PLC0415  not needed to start  # noqa: PLC0415  not needed to start

            self._hops = Hops(
                hosts=listed(self._hosts),
                inside=self._inside,
                loopback=self._loopback,
                resolve=self._resolve or resolved,
                lines=Lines(self._dial or Dialler()),
            )
        return self._hops


async def _in_time(fetched: Callable[[], Awaitable[Fetched]], total_s: float) -> Fetched | Cause:
    """What was fetched, or why not: the causes end here, since an HTTP library's hold the URL."""
    import httpx  # noqa: PLC0415  not needed to start a server

    with anyio.move_on_after(total_s):
        try:
            return await fetched()
        except Refused as refused:
            return refused.cause
        except httpx.TimeoutException:
            return "timed_out"
        except (httpx.HTTPError, OSError):
            return "broken_answer"
    return "timed_out"


def refusal() -> FetchError:
    """The one error for whatever was not fetched."""
    return FetchError(
        REFUSAL,
        state="This part was only reading; nothing was changed by it.",
        next_step="Use an https URL of a public host that answers within 10 s with the file itself,"
        " uncompressed and not too large; the log has one word for the cause at --log-level info.",
        reason=Reason.NOT_FETCHED,
    )


def fetching_is_off() -> FetchError:
    """The one error where the operator turned fetching off."""
    return FetchError(
        "Nothing is fetched from URLs: the operator of this server turned that off.",
        state="Nothing was changed.",
        next_step="Go on with titles, descriptions and sizes, or ask the operator to start it "
        "without --no-fetch.",
        reason=Reason.FETCH_OFF,
    )
