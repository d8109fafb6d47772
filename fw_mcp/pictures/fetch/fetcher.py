"""`Fetcher`: files from URLs that nobody here chose.

A URL in a library may have been written by anybody, and what asks for it stands inside somebody's
network. Only public hosts are asked, at addresses that were checked; no key, cookie or proxy is
used; and who asked learns nothing of why something was not fetched. The HTTP library is imported
by the first fetch: a server that only lists its tools does without.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

from fw_mcp.errors import FetchError, Reason
from fw_mcp.pictures.turns import Turn, Turns

if TYPE_CHECKING:
    import httpx

    from fw_mcp.pictures.fetch.guard import Cause
    from fw_mcp.pictures.fetch.hops import Answer, Dial, Fetched, Hops, Resolve

T = TypeVar("T")

MOST_BYTES = 5_000_000
REFUSAL = "The URL was not fetched."
"""What is told, whatever the cause: two texts would tell which addresses answer here."""

FETCHES_AT_ONCE = 4
_TOTAL_S = 10.0

_log = logging.getLogger("fw_mcp.pictures")


class Fetcher:
    """Fetches from public https hosts, at most four files at a time. Call `aclose` at the end.

    Args:
        is_on: whether the operator lets anything be fetched; otherwise each fetch says so.
        hosts: the only public hosts that may be asked, in full; none for any.
        inside: origin (`http://sandbox.localhost`) → gives the transport that answers for it in
            this process, at the first fetch; it stays its owner's to close.
        loopback: origins on this machine (`http://127.0.0.1:8321`) that may be asked over plain
            http.
        resolve: a host's addresses; None for the operating system's resolver.
        dial: a new transport for an origin; None for the network.
        total_s: seconds for a whole fetch, resolving and redirects included.
        turn: gives a turn to fetch; None for turns of its own.
    """

    def __init__(
        self,
        *,
        is_on: bool = True,
        hosts: Sequence[str] = (),
        inside: "Mapping[str, Callable[[], httpx.AsyncBaseTransport]] | None" = None,
        loopback: Sequence[str] = (),
        resolve: "Resolve | None" = None,
        dial: "Dial | None" = None,
        total_s: float = _TOTAL_S,
        turn: Turn | None = None,
    ) -> None:
        def connect() -> "Hops":
            from fw_mcp.pictures.fetch.hops import Hops  # noqa: PLC0415  brings the HTTP library

            return Hops(
                hosts=hosts,
                inside={origin: give() for origin, give in (inside or {}).items()},
                loopback=loopback,
                resolve=resolve,
                dial=dial,
                total_s=total_s,
            )

        self.is_on = is_on
        self.own = frozenset(one.lower() for one in (*(inside or {}), *loopback))
        self._connect = connect
        self._hops: Hops | None = None
        self._turn = turn or Turns(FETCHES_AT_ONCE).taken

    async def aclose(self) -> None:
        """Close the connections."""
        if self._hops is not None:
            await self._hops.aclose()

    def check(self) -> None:
        """Refuse, before anything is read, where nothing is fetched.

        Raises:
            FetchError: the operator turned fetching off.
        """
        if not self.is_on:
            raise FetchError(
                "Nothing is fetched from URLs: the operator turned that off.",
                state="Nothing was changed.",
                next_step="Continue with titles, descriptions and sizes, or ask the operator to "
                "start the server without --no-fetch.",
                reason=Reason.FETCH_OFF,
            )

    async def fetch(self, url: str, *, most_bytes: int = MOST_BYTES) -> "Fetched":
        """The whole file at `url`.

        Args:
            url: from the library or a caller.
            most_bytes: a larger file is not fetched.

        Raises:
            FetchError: it was not fetched; the text is the same for every cause, but for an
                operator who turned fetching off.
        """
        return await self._guarded(lambda hops: hops.whole(url, most_bytes))

    async def fetch_range(self, url: str, offset: int, length: int) -> "Fetched":
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
        return await self._guarded(lambda hops: hops.piece(url, offset, length))

    async def look(self, url: str, length: int) -> "Answer | Cause":
        """What answers at `url`, whatever it answers, or why nothing was asked or answered.

        It tells everything: for a URL that the operator chose. Of one from elsewhere no more may be
        told than whether a file answers there.

        Args:
            url: below the operator's own public URL, or of an image.
            length: bytes of the beginning to read.

        Raises:
            FetchError: the operator turned fetching off.
        """
        return await self._asked(lambda hops: hops.answer(url, length))

    async def _asked(self, ask: "Callable[[Hops], Awaitable[T]]") -> T:
        self.check()
        async with self._turn():
            self._hops = self._hops or self._connect()
            return await ask(self._hops)

    async def _guarded(self, ask: "Callable[[Hops], Awaitable[Fetched | Cause]]") -> "Fetched":
        outcome = await self._asked(ask)
        if not isinstance(outcome, str):
            return outcome
        _log.info("a URL was not fetched: %s", outcome)
        raise refusal()


def refusal() -> FetchError:
    """The one error for whatever was not fetched."""
    return FetchError(
        REFUSAL,
        state="This step only read; nothing was changed.",
        next_step="Use an https URL of a public host that answers within 10 s with the file itself,"
        " uncompressed and not too large; run with --log-level info for the cause.",
        reason=Reason.NOT_FETCHED,
    )
