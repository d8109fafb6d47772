"""Send a write, and send it again only where that can do no harm."""

from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

from fw_mcp.api.models import ImageDetails
from fw_mcp.errors import ApiError, Reason, TransportError
from fw_mcp.library.faults import again_after_s, is_passing, outcome_of_fault, why_failed
from fw_mcp.library.job import Ends, Items, Job, Write, changed, out_of_time
from fw_mcp.library.library import Library
from fw_mcp.library.outcomes import Ended, Outcome, at_stake
from fw_mcp.store.journal import Step

T = TypeVar("T")

# How long to wait, in seconds, before a write that was certainly not carried out is sent again.
PAUSES_S = (1.0, 4.0)
_LOST_ANSWER = TransportError(
    "The answer was lost.", state="", next_step="", reason=Reason.TIMED_OUT, sent=True
)


async def insisted(library: Library, job: Job, send: Callable[[], Awaitable[T]]) -> T:
    """Send a write; up to twice more after pauses where it certainly was not carried out.

    Raises:
        ApiError: the last failure; whether it was carried out may be unknown.
    """
    for pause_s in (*PAUSES_S, None):
        try:
            answer = await send()
        except ApiError as fault:
            wait_s = max(pause_s or 0.0, fault.retry_after_s or 0.0)
            if pause_s is None or not is_passing(fault) or out_of_time(library, job, wait_s):
                raise
            await library.sleep(wait_s)
        else:
            library.journal.reached(Step.ANSWERED)
            return answer
    raise AssertionError("the last round returns or raises")  # pragma: no cover


async def sent(library: Library, job: Job, items: Items[T], write: Write[T]) -> Ends:
    """Send a chunk; again, after a pause, what was certainly not carried out or left no trace.

    A pause is long enough for somebody to hang a product on an image: what is sent again is looked
    at again first, and only what still is as the person agreed to lose it goes.
    """
    ended = await _sent_once(library, items, write)
    for pause_s in PAUSES_S:
        left = {item: items[item] for item, end in ended.items() if end.again_after_s is not None}
        wait_s = max([pause_s, *(ended[item].again_after_s or 0.0 for item in left)])
        if not left or out_of_time(library, job, wait_s):
            break
        await library.sleep(wait_s)
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
            ended |= await _sent_once(library, same, write)
    return ended


async def _sent_once(library: Library, items: Items[T], write: Write[T]) -> Ends:
    """Send, and read back what a failure does not tell by itself."""
    images = {item: write.image(one) for item, one in items.items()}
    fault: ApiError | None = None
    try:
        await write.request(items)
        library.journal.reached(Step.ANSWERED)
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
