"""What all writes share: chunk after chunk, journalled before, sent, and settled after."""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeVar

from fw_mcp.api.models import ImageDetails
from fw_mcp.errors import ApiError, FwError, Reason, StoreError, TransportError
from fw_mcp.images.account import Account
from fw_mcp.store.journal import Record, Step
from fw_mcp.writes.job import (
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
from fw_mcp.writes.outcomes import (
    Ended,
    Outcome,
    again_after_s,
    at_stake,
    is_passing,
    outcome_of_fault,
    why_failed,
)

T = TypeVar("T")

# How long to wait, in seconds, before a write that was certainly not carried out is sent again.
PAUSES_S = (1.0, 4.0)
_LOST_ANSWER = TransportError(
    "The answer was lost.", state="", next_step="", reason=Reason.TIMED_OUT, sent=True
)


async def insisted(account: Account, job: Job, send: Callable[[], Awaitable[T]]) -> T:
    """Send a write; up to twice more after pauses where it certainly was not carried out.

    Raises:
        ApiError: the last failure; whether it was carried out may be unknown.
    """
    for pause_s in (*PAUSES_S, None):
        try:
            answer = await send()
        except ApiError as fault:
            wait_s = max(pause_s or 0.0, fault.retry_after_s or 0.0)
            if pause_s is None or not is_passing(fault) or out_of_time(account, job, wait_s):
                raise
            await account.sleep(wait_s)
        else:
            account.journal.reached(Step.ANSWERED)
            return answer
    raise AssertionError("the last round returns or raises")  # pragma: no cover


async def sent(account: Account, job: Job, items: Items[T], write: Write[T]) -> Ends:
    """Send a chunk; again, after a pause, what was certainly not carried out or left no trace.

    A pause is long enough for somebody to hang a product on an image: what is sent again is looked
    at again first, and only what still is as the person agreed to lose it goes.
    """
    ended = await _sent_once(account, items, write)
    for pause_s in PAUSES_S:
        left = {item: items[item] for item, end in ended.items() if end.again_after_s is not None}
        wait_s = max([pause_s, *(ended[item].again_after_s or 0.0 for item in left)])
        if not left or out_of_time(account, job, wait_s):
            break
        await account.sleep(wait_s)
        try:
            now = await write.read_again([write.image(one).guid for one in left.values()])
        except ApiError:
            # What is known stays as it is told.
            break
        same, other = _compared(write, left, now)
        lost = {item for item in other if ended[item].outcome is Outcome.UNKNOWN}
        ended |= {
            item: write.ended(one, now.get(write.image(one).guid), _LOST_ANSWER)
            if item in lost
            else changed(write.image(one), now.get(write.image(one).guid))
            for item, one in other.items()
        }
        if same:
            ended |= await _sent_once(account, same, write)
    return ended


async def _sent_once(account: Account, items: Items[T], write: Write[T]) -> Ends:
    """Send, and read back what a failure does not tell by itself."""
    images = {item: write.image(one) for item, one in items.items()}
    fault: ApiError | None = None
    try:
        await write.request(items)
        account.journal.reached(Step.ANSWERED)
    except ApiError as raised:
        fault = raised
        if outcome_of_fault(fault) is not Outcome.UNKNOWN:
            return {item: _untouched(image, fault) for item, image in images.items()}
    try:
        now = await write.read_again([image.guid for image in images.values()])
    except ApiError as unread:
        why = f"It could not be read back: {unread.what} search_images shows it."
        return {
            item: Ended(image.guid, Outcome.UNKNOWN, why, before=image)
            for item, image in images.items()
        }
    return {
        item: write.ended(one, now.get(images[item].guid), fault) for item, one in items.items()
    }


def _untouched(image: ImageDetails, fault: ApiError) -> Ended:
    return Ended(
        image.guid,
        outcome_of_fault(fault),
        why_failed(fault),
        before=image,
        after=image,
        again_after_s=again_after_s(fault),
    )


def _compared(
    write: Write[T], items: Items[T], now: Mapping[str, ImageDetails]
) -> tuple[Items[T], Items[T]]:
    """The items whose images are what the call was decided on, and the others."""
    stands = {
        item: at_stake(write.image(one)) == at_stake(now.get(write.image(one).guid))
        for item, one in items.items()
    }
    return (
        {item: one for item, one in items.items() if stands[item]},
        {item: one for item, one in items.items() if not stands[item]},
    )


_log = logging.getLogger(__name__)

FAILURES_IN_A_ROW = 3
_FRESH_S = 2.0


async def in_chunks(account: Account, job: Job, items: Items[T], write: Write[T]) -> Ends:
    """Write chunk after chunk while there is time and the service answers.

    Args:
        account: whose.
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
    for chunk in chunks_of(due, account.chunk):
        why = why or out_of_time(account, job) or given_up(failures)
        if why:
            ended |= _all_kept(write, chunk, why)
            continue
        try:
            results = await _write_chunk(account, job, chunk, write)
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


async def _write_chunk(account: Account, job: Job, chunk: Items[T], write: Write[T]) -> Ends:
    async with account.writing() as waited:
        ended = await _not_to_be_sent(account, job, chunk, write, waited=waited)
        due = {item: one for item, one in chunk.items() if item not in ended}
        if due:
            ended |= await journalled(
                account,
                job,
                write.kind,
                intent=[{"item": item, **write.intent(one)} for item, one in due.items()],
                former=[_recorded(write.image(one)) for one in due.values()],
                write=lambda: sent(account, job, due, write),
            )
    return ended


async def _not_to_be_sent(
    account: Account, job: Job, chunk: Items[T], write: Write[T], *, waited: bool
) -> Ends:
    """Inside the turn to write: which images no longer are what the call was decided on.

    A reading that is fresh, and that no other write of ours could overtake, is taken as it is.
    """
    if why := out_of_time(account, job):
        return _all_kept(write, chunk, why)
    read = {item: write.image(one) for item, one in chunk.items()}
    held = {
        item: kept(one, one, CHANGED) for item, one in read.items() if one.guid in job.held_back
    }
    if not waited and account.clock() - job.started < _FRESH_S:
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
    account: Account,
    job: Job,
    kind: str,
    *,
    intent: Sequence[Record],
    former: Sequence[Record],
    write: Callable[[], Awaitable[Ends]],
) -> Ends:
    """Record the intent, write, record the outcome.

    Args:
        account: whose.
        job: the call.
        kind: the endpoint that is called.
        intent: one record an item, with its `item`.
        former: the full records that stand there now.
        write: sends, and says how the items ended, as read back.

    Raises:
        StoreError: the intent could not be recorded, so nothing was sent.
    """
    entry_id = await account.journal.begin(job.change, kind, intent, former)
    ended = await write()
    await record_outcome(account, entry_id, ended)
    return ended


async def record_outcome(account: Account, entry_id: int, ended: Items[Ended]) -> None:
    """Record what was read back, with the full records."""
    account.journal.reached(Step.READ_BACK)
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
        await account.journal.finish(entry_id, outcome)
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
