"""Whether files still answer at their URLs: which hosts do tells nobody more than that."""

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import TYPE_CHECKING

import anyio

from fw_mcp.pictures.fetch.fetcher import Fetcher
from fw_mcp.pictures.formats import is_html

if TYPE_CHECKING:
    from fw_mcp.pictures.fetch.guard import Cause
    from fw_mcp.pictures.fetch.hops import Answer

_READ = 512
_AT_ONCE = 4
_KEPT_S = 600.0
_MOST_KNOWN = 100_000
_FOUND = frozenset({200, 206})
# A host that may not be asked, or a file that is there and given in an odd way.
_UNKNOWN = frozenset({"host_not_listed", "compressed", "bad_range"})
# Too many were asked for at a time, or the server is out of order for a while.
_BUSY = frozenset({408, 425, 429, *range(500, 600)})


class Answering:
    """Fetches the first bytes of files under the guard, and knows for ten minutes what came.

    Args:
        fetcher: asks; what it may not ask counts as what does not answer.
        clock: seconds, monotonic; `until` is read on it.
    """

    def __init__(self, fetcher: Fetcher, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._fetcher = fetcher
        self._clock = clock
        self._known: dict[str, tuple[bool, float]] = {}

    def check(self) -> None:
        """Refuse, before anything is read, what cannot be done here.

        Raises:
            FetchError: the operator turned fetching off.
        """
        self._fetcher.check()

    async def of(self, urls: Collection[str], *, until: float) -> Mapping[str, bool]:
        """Whether each URL gives a file.

        Args:
            urls: any number.
            until: when to stop, on the clock.

        Returns:
            URL → whether it does. What is missing had no turn until then, is on a host that the
            operator did not list, or on one that is too busy to tell. The same call again goes on.

        Raises:
            FetchError: the operator turned fetching off.
        """
        self.check()
        since = self._clock() - _KEPT_S
        known = {url: one for url in urls if (one := self._known.get(url)) and one[1] > since}
        left = iter(dict.fromkeys(url for url in urls if url not in known))
        with anyio.move_on_after(until - self._clock()):
            async with anyio.create_task_group() as group:
                for _ in range(_AT_ONCE):
                    group.start_soon(self._ask, left)
        found = {url: self._known.get(url) for url in urls}
        return {url: one[0] for url, one in found.items() if one and one[1] > since}

    async def _ask(self, urls: Iterator[str]) -> None:
        for url in urls:
            answers = _answers(await self._fetcher.look(url, _READ))
            if answers is not None:
                self._known.pop(url, None)
                self._known[url] = answers, self._clock()
                if len(self._known) > _MOST_KNOWN:
                    del self._known[next(iter(self._known))]


def _answers(found: "Answer | Cause") -> bool | None:
    """Whether a file answers; None where that is not known."""
    if isinstance(found, str):
        return None if found in _UNKNOWN else False
    if found.status_code in _BUSY:
        return None
    is_page = found.media_type == "text/html" or is_html(found.beginning)
    return found.status_code in _FOUND and not is_page
