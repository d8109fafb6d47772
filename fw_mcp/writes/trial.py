"""The first write of each kind on an account: one image, and all that came of it looked at.

What the service does is not known before it did it. Where it does otherwise than expected, one
image shows it, and nothing more is sent before whoever calls has read that.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from fw_mcp.api.models import ImageDetails, LibraryName
from fw_mcp.errors import FwError
from fw_mcp.images.account import Account
from fw_mcp.images.read import Query, search
from fw_mcp.store.history import History
from fw_mcp.writes.outcomes import GOOD, SAID_YES, Ended, Ends, Items, Kind, Outcome
from fw_mcp.writes.stored import OTHER

UNEXPECTED = "The first write of this kind on the account did not end as expected"
HELD_BACK = "Not sent: the first image did not end as expected; see its detail."
_GROWS_BY = {Kind.ADD: 1, Kind.UPDATE: 0, Kind.DELETE: -1}

Reads = Callable[[Sequence[str]], Awaitable[Mapping[str, ImageDetails]]]


class Tried:
    """Which kinds of write the account's history shows, as expected or told to be otherwise.

    Args:
        history: what the journal tells.
        always: the service is known to do as expected: it is the sandbox in this process.
    """

    def __init__(self, history: History, *, always: bool = False) -> None:
        self._history = history
        self._kinds = set(Kind) if always else set()

    async def __call__(self, kind: Kind) -> bool:
        """Whether a write of this kind was tried before.

        Raises:
            StoreError: the journal could not be read.
        """
        if kind not in self._kinds and await self._history.shows(kind, sorted(GOOD), UNEXPECTED):
            self._kinds.add(kind)
        return kind in self._kinds


@dataclass
class Trial:
    """The first write of a kind, within one run of a call.

    Attributes:
        account: what is written to.
        started: when the call began, on the account's clock.
        kind: the endpoint that is called.
        library: the one that is written to.
        waits_s: gives how long to wait before each look, while there is time.
        is_over: whether the kind was tried, now or before.
        stopped: why nothing more is sent; "" while it may be.
    """

    account: Account
    started: float
    kind: Kind
    library: LibraryName
    waits_s: Callable[[], Iterable[float]]
    is_over: bool
    stopped: str = ""
    _held: int | None = None

    def size(self, most: int) -> int:
        """How many images may go at once, `most` at best."""
        return most if self.is_over else 1

    async def look(self) -> None:
        """Count what the library holds before the one image is written."""
        if not self.is_over:
            self._held = await self._counted()

    async def judged(
        self, ends: Ends, others: Items[ImageDetails] | None = None, read: Reads | None = None
    ) -> Ends:
        """The end of the one image, and beside it what else is not as expected.

        Args:
            ends: of what was sent; as they are once the trial is over, or while an answer is lost.
            others: images that were read before and not written.
            read: reads them again.
        """
        if self.is_over or not any(map(_is_answered, ends.values())):
            return ends
        self.is_over = True
        ((item, end),) = ends.items()
        found = [
            _oddity(end),
            await self._miscounted(),
            await _lost_beside(list((others or {}).values()), read),
        ]
        if not any(found):
            return ends
        self.stopped = HELD_BACK
        why = "; ".join(filter(None, found))
        return {item: replace(end, detail=f"{end.detail} {UNEXPECTED}: {why}.".strip())}

    async def _miscounted(self) -> str:
        """What is odd in the library's count; lists may be late."""
        if self._held is None:
            return ""
        expected, now = self._held + _GROWS_BY[self.kind], None
        for wait_s in self.waits_s():
            await self.account.sleep(wait_s)
            now = await self._counted()
            if now in {expected, None}:
                return ""
        return f"FinerWorks counted {self._held} images before it and {now} after it"

    async def _counted(self) -> int | None:
        """How many images the library holds; None where that cannot be read."""
        query = Query(library=self.library, per_page=1, list_products=False)
        try:
            return (await self.account.in_time(search(self.account, query), self.started)).count
        except FwError:
            return None


def _is_answered(end: Ended) -> bool:
    """Whether the end shows what the service makes of such a write; a failure does not."""
    return end.outcome in {*GOOD, Outcome.NOT_FOUND} or end.detail.startswith(SAID_YES)


def _oddity(end: Ended) -> str:
    if end.outcome in GOOD and OTHER not in end.detail:
        return ""
    return "its text differs" if end.outcome in GOOD else f"it ended as {end.outcome}"


async def _lost_beside(others: Sequence[ImageDetails], read: Reads | None) -> str:
    if read is None or not others:
        return ""
    try:
        now = await read([image.guid for image in others])
    except FwError:
        return ""
    ends = [
        Ended(image.guid, Outcome.UPDATED, before=image, after=now.get(image.guid))
        for image in others
    ]
    lost = sum(bool(end.products_lost) for end in ends)
    return f"products of {lost} more images were removed" if lost else ""
