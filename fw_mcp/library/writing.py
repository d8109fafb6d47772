"""What all writes share: chunk after chunk, each journalled before and settled after."""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from fw_mcp.api.models import ImageDetails
from fw_mcp.errors import ApiError, FwError, StoreError
from fw_mcp.library.library import Library, Progress
from fw_mcp.library.outcomes import Ended, Outcome, at_stake
from fw_mcp.store.journal import Author, Record

Item = TypeVar("Item")

_log = logging.getLogger(__name__)

FAILURES_IN_A_ROW = 3
_FRESH_S = 2.0
_CHANGED = "Not sent: it changed meanwhile. Look at it and call again."


@dataclass(frozen=True, slots=True)
class Job:
    """One call that writes.

    Attributes:
        tool: the tool's name, for the journal.
        caller: who writes.
        plan_id: the accepted plan, for a destructive write.
        started: when the call began, on the library's clock.
        progress: told after each chunk.
    """

    tool: str
    caller: str
    plan_id: str | None
    started: float
    progress: Progress


async def in_chunks(
    library: Library,
    job: Job,
    chunks: Sequence[Sequence[Item]],
    write: Callable[[Sequence[Item]], Awaitable[list[Ended]]],
    skipped: Callable[[Item, str], Ended],
) -> list[Ended]:
    """Write chunk after chunk while there is time and the service answers.

    Args:
        library: whose.
        job: the call.
        chunks: the items, in the sizes the API takes.
        write: sends one chunk and says how its items ended, as read back.
        skipped: the end of an item that was not attempted, and why.

    Returns:
        One end an item, in order.

    Raises:
        StoreError: the first chunk could not be recorded, so nothing was sent.
    """
    total = sum(len(chunk) for chunk in chunks)
    ended: list[Ended] = []
    failures = 0
    why = ""
    for chunk in chunks:
        why = why or out_of_time(library, job) or _given_up(failures)
        if why:
            ended += [skipped(item, why) for item in chunk]
            continue
        try:
            results = await write(chunk)
        except FwError as fault:
            if not ended:
                raise
            # What the chunks before did must be told; one that raises was not sent.
            why = f"Not sent: {fault.what} {fault.next_step}"
            results = [skipped(item, why) for item in chunk]
        ended += results
        failures = failures + 1 if _all_failed(results) else 0
        await job.progress(len(ended), total, f"{len(ended)} of {total} images")
    return ended


async def still_as_read(
    library: Library,
    job: Job,
    read: Sequence[ImageDetails],
    read_again: Callable[[Sequence[str]], Awaitable[Mapping[str, ImageDetails]]],
    *,
    waited: bool,
) -> tuple[set[str], list[Ended]]:
    """Inside the turn to write: which images still are what the call was decided on.

    A reading that is fresh, and that no other write of ours could overtake, is taken as it is.

    Args:
        library: whose.
        job: the call, which began right after `read`.
        read: the images as they were read.
        read_again: reads images by guid.
        waited: whether another write went first.

    Returns:
        The guids that may be sent, and the ends of the images that may not.
    """
    if why := out_of_time(library, job):
        return set(), [_kept(image, image, why) for image in read]
    guids = [image.guid for image in read]
    if not waited and library.clock() - job.started < _FRESH_S:
        return set(guids), []
    try:
        now = await read_again(guids)
    except ApiError as unread:
        why = f"Not sent: it could not be read again before writing. {unread.what}"
        return set(), [_kept(image, image, why) for image in read]
    same = {one.guid for one in read if at_stake(one) == at_stake(now.get(one.guid))}
    return same, [_changed(one, now.get(one.guid)) for one in read if one.guid not in same]


async def journalled(
    library: Library,
    job: Job,
    intent: Sequence[Record],
    former: Sequence[Record],
    write: Callable[[], Awaitable[list[Ended]]],
) -> list[Ended]:
    """Record the intent, write, record the outcome.

    Raises:
        StoreError: the intent could not be recorded, so nothing was sent.
    """
    entry_id = await library.journal.begin(
        job.tool, Author(job.caller, job.plan_id), intent, former
    )
    ended = await write()
    outcome = [{"guid": end.guid, "outcome": end.outcome, "detail": end.detail} for end in ended]
    try:
        await library.journal.finish(entry_id, outcome)
    except StoreError:
        # What was read back stays true; the entry stays open and fw-mcp doctor lists it.
        _log.warning("the outcome of journal entry %d could not be recorded", entry_id)
    return ended


def in_order(guids: Sequence[str], ended: Sequence[Ended]) -> list[Ended]:
    """`ended` in the order of `guids`."""
    return sorted(ended, key=lambda end: guids.index(end.guid or ""))


def why_failed(fault: ApiError) -> str:
    """What to tell of a failed request, without the state sentence, which the outcome replaces."""
    return f"{fault.what} {fault.next_step}"


def outcome_of_fault(fault: ApiError) -> Outcome:
    """What a failed write request proves by itself.

    Never sent: not attempted. Refused: failed. All else is unknown until it is read back.
    """
    if not fault.sent:
        return Outcome.NOT_ATTEMPTED
    return Outcome.FAILED if fault.refused else Outcome.UNKNOWN


def _changed(before: ImageDetails, after: ImageDetails | None) -> Ended:
    if after is None:
        return Ended(before.guid, Outcome.ALREADY_GONE, "It went away meanwhile.", before=before)
    return _kept(before, after, _CHANGED)


def _kept(before: ImageDetails, after: ImageDetails | None, why: str) -> Ended:
    return Ended(before.guid, Outcome.NOT_ATTEMPTED, why, before=before, after=after)


def _all_failed(results: Sequence[Ended]) -> bool:
    bad = {Outcome.FAILED, Outcome.UNKNOWN, Outcome.NOT_ATTEMPTED}
    return all(end.outcome in bad for end in results)


def _given_up(failures: int) -> str:
    if failures < FAILURES_IN_A_ROW:
        return ""
    return f"Not sent: the {failures} chunks before it failed. Call again for these."


def out_of_time(library: Library, job: Job) -> str:
    """Why no further write may start; "" while there is time."""
    if library.clock() - job.started < library.pace.start_chunks_s:
        return ""
    return "Not sent: the call's time was over. Call again for these."
