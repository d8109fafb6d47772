"""One call that writes: what it is about, how far it may go, and how its items end."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from fw_mcp.api.models import ImageDetails
from fw_mcp.errors import ApiError
from fw_mcp.images.account import Account, Progress
from fw_mcp.store.journal import Change, Record
from fw_mcp.writes.outcomes import GONE, GOOD, Ended, Outcome

T = TypeVar("T")

Items = Mapping[int, T]
Ends = dict[int, Ended]

ALREADY = "It already has this text."
NOT_UNDONE = "Not undone"
NO_LONGER = "It was done before, and somebody changed it since."
CHANGED = "Not sent: it changed meanwhile. Look at it and call again."


@dataclass(frozen=True, slots=True)
class Job:
    """One call that writes, or one more run of it.

    Attributes:
        change: the call, as the journal keeps it; its id is also the handle to go on with.
        started: when the call began, on the account's clock.
        progress: told after each chunk.
        settled: how items ended in former runs; these are not sent again.
        held_back: guids that may not be sent, whatever the caller asked.
        carried: whether `settled` is another change's, and is to be kept on record by this one too.
        baseline: of a call that adds, what its first run found; None in the first run.
    """

    change: Change
    started: float
    progress: Progress
    settled: Mapping[int, Ended] = field(default_factory=dict)
    held_back: frozenset[str] = frozenset()
    baseline: Record | None = None
    carried: bool = False

    def due(self, items: Items[T]) -> Items[T]:
        """The items that no former run settled."""
        return {item: one for item, one in items.items() if item not in self.settled}


@dataclass(frozen=True, slots=True)
class Write(Generic[T]):
    """One kind of write, as `in_chunks` needs it.

    Attributes:
        kind: the endpoint that is called.
        image: the record that an item was decided on.
        intent: what will be sent for an item.
        read_again: reads images by guid.
        request: sends some items, once.
        ended: how an item ended: what was read back, and what the request ended with, None for yes.
    """

    kind: str
    image: Callable[[T], ImageDetails]
    intent: Callable[[T], Record]
    read_again: Callable[[Sequence[str]], Awaitable[Mapping[str, ImageDetails]]]
    request: Callable[[Items[T]], Awaitable[object]]
    ended: Callable[[T, ImageDetails | None, ApiError | None], Ended]


async def tell(job: Job, done: int, total: int) -> None:
    """Tell the caller how far the call is."""
    await job.progress(done, total, f"{done} of {total} images")


def chunks_of(items: Items[T], size: int) -> list[Items[T]]:
    """The items in parts of at most `size`, in order."""
    pairs = list(items.items())
    return [dict(pairs[start : start + size]) for start in range(0, len(pairs), size)]


def is_settled(end: Ended) -> bool:
    """Whether there is nothing left to do for an item."""
    return end.outcome in GOOD | GONE


def may_go_on(end: Ended) -> bool:
    """Whether a further run of the call may do what is left to do for an item."""
    if end.outcome is Outcome.NOT_ATTEMPTED:
        return not end.detail.startswith((ALREADY, CHANGED, NO_LONGER, NOT_UNDONE))
    return end.outcome is Outcome.UNKNOWN


def all_failed(ended: Iterable[Ended]) -> bool:
    """Whether no item of a chunk ended well."""
    bad = {Outcome.FAILED, Outcome.UNKNOWN, Outcome.NOT_ATTEMPTED}
    return all(end.outcome in bad for end in ended)


def out_of_time(account: Account, job: Job, wait_s: float = 0.0) -> str:
    """Why no further write may start, after so many seconds of waiting; "" while there is time."""
    if account.clock() - job.started + wait_s < account.pace.start_chunks_s:
        return ""
    return "Not sent: the call's time was over."


def changed(before: ImageDetails, after: ImageDetails | None) -> Ended:
    """An image that is not what the call was decided on: nothing is sent for it."""
    if after is None:
        return Ended(before.guid, Outcome.ALREADY_GONE, "It went away meanwhile.", before=before)
    return kept(before, after, CHANGED)


def kept(before: ImageDetails, after: ImageDetails | None, why: str) -> Ended:
    """An image that nothing was sent for."""
    return Ended(before.guid, Outcome.NOT_ATTEMPTED, why, before=before, after=after)
