"""What all writes share: chunk after chunk, each journalled before and settled after."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from fw_mcp.api.models import ImageDetails
from fw_mcp.errors import ApiError, FwError, StoreError
from fw_mcp.library.job import (
    CHANGED,
    Ends,
    Items,
    Job,
    Write,
    all_failed,
    changed,
    chunks_of,
    kept,
    out_of_time,
    tell,
)
from fw_mcp.library.library import Library
from fw_mcp.library.outcomes import Ended, at_stake
from fw_mcp.library.sending import sent
from fw_mcp.store.journal import Record, Step

T = TypeVar("T")

_log = logging.getLogger(__name__)

FAILURES_IN_A_ROW = 3
_FRESH_S = 2.0


async def in_chunks(library: Library, job: Job, items: Items[T], write: Write[T]) -> Ends:
    """Write chunk after chunk while there is time and the service answers.

    Args:
        library: whose.
        job: the call.
        items: each with its place in the call; what former runs settled is left out.
        write: what is written.

    Returns:
        The end of each item, those of former runs included.

    Raises:
        StoreError: the first chunk could not be recorded, so nothing was sent.
    """
    ended: Ends = {item: job.settled[item] for item in items if item in job.settled}
    due = job.due(items)
    failures = 0
    why = ""
    begun = False
    for chunk in chunks_of(due, library.chunk):
        why = why or out_of_time(library, job) or given_up(failures)
        if why:
            ended |= _all_kept(write, chunk, why)
            continue
        try:
            results = await _write_chunk(library, job, chunk, write)
        except FwError as fault:
            if not begun:
                raise
            # What the chunks before did must be told; one that raises was not sent.
            why = f"Not sent: {fault.what} {fault.next_step}"
            results = _all_kept(write, chunk, why)
        begun = True
        ended |= results
        failures = _failures(failures, results)
        await tell(job, len(ended), len(items))
    return ended


async def _write_chunk(library: Library, job: Job, chunk: Items[T], write: Write[T]) -> Ends:
    async with library.writing() as waited:
        ended = await _not_to_be_sent(library, job, chunk, write, waited=waited)
        due = {item: one for item, one in chunk.items() if item not in ended}
        if due:
            ended |= await journalled(
                library,
                job,
                write.kind,
                intent=[{"item": item, **write.intent(one)} for item, one in due.items()],
                former=[_recorded(write.image(one)) for one in due.values()],
                write=lambda: sent(library, job, due, write),
            )
    return ended


async def _not_to_be_sent(
    library: Library, job: Job, chunk: Items[T], write: Write[T], *, waited: bool
) -> Ends:
    """Inside the turn to write: which images no longer are what the call was decided on.

    A reading that is fresh, and that no other write of ours could overtake, is taken as it is.
    """
    if why := out_of_time(library, job):
        return _all_kept(write, chunk, why)
    read = {item: write.image(one) for item, one in chunk.items()}
    held = {
        item: kept(one, one, CHANGED) for item, one in read.items() if one.guid in job.held_back
    }
    if not waited and library.clock() - job.started < _FRESH_S:
        return held
    try:
        now = await write.read_again([image.guid for image in read.values()])
    except ApiError as unread:
        why = f"Not sent: it could not be read again before writing. {unread.what}"
        return _all_kept(write, chunk, why)
    return held | {
        item: changed(image, now.get(image.guid))
        for item, image in read.items()
        if at_stake(image) != at_stake(now.get(image.guid))
    }


async def journalled(
    library: Library,
    job: Job,
    kind: str,
    *,
    intent: Sequence[Record],
    former: Sequence[Record],
    write: Callable[[], Awaitable[Ends]],
) -> Ends:
    """Record the intent, write, record the outcome.

    Args:
        library: whose.
        job: the call.
        kind: the endpoint that is called.
        intent: one record an item, with its `item`.
        former: the full records that stand there now.
        write: sends, and says how the items ended, as read back.

    Raises:
        StoreError: the intent could not be recorded, so nothing was sent.
    """
    entry_id = await library.journal.begin(job.change, kind, intent, former)
    ended = await write()
    await record_outcome(library, entry_id, ended)
    return ended


async def record_outcome(library: Library, entry_id: int, ended: Items[Ended]) -> None:
    """Record what was read back, with the full records."""
    library.journal.reached(Step.READ_BACK)
    outcome = [
        {
            "item": item,
            "guid": end.guid,
            "outcome": end.outcome,
            "detail": end.detail,
            "after": _recorded(end.after) if end.after else None,
            "stored": end.stored,
            "doubled": end.doubled,
        }
        for item, end in ended.items()
    ]
    try:
        await library.journal.finish(entry_id, outcome)
    except StoreError:
        # What was read back stays true; the entry stays open, and fw-mcp doctor lists it.
        _log.warning("the outcome of journal entry %d could not be recorded", entry_id)


def _failures(before: int, results: Items[Ended]) -> int:
    """How many chunks in a row failed; one of which nothing was to be sent does not count."""
    tried = [end for end in results.values() if end.detail != CHANGED]
    if not tried:
        return before
    return before + 1 if all_failed(tried) else 0


def given_up(failures: int) -> str:
    """Why no further write may start after so many failed chunks in a row; "" while it may."""
    if failures < FAILURES_IN_A_ROW:
        return ""
    return f"Not sent: the {failures} chunks before it failed."


def _all_kept(write: Write[T], chunk: Items[T], why: str) -> Ends:
    return {item: kept(write.image(one), write.image(one), why) for item, one in chunk.items()}


def _recorded(image: ImageDetails) -> Record:
    return image.model_dump(mode="json", exclude_none=True)
