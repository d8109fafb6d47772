"""What all writes share: chunk after chunk, journalled before, sent, and settled after."""

from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Generic, TypeVar

from fw_mcp.api.models import ImageDetails, ImageToAdd, LibraryName
from fw_mcp.api.pacing import RetryPolicy, repeated
from fw_mcp.errors import ApiError, FwError, ShapeError
from fw_mcp.images.account import Account, Progress
from fw_mcp.store.journal import Beside, Change, Intent, Journal, Step
from fw_mcp.store.locks import Fence
from fw_mcp.text import counted
from fw_mcp.writes.outcomes import (
    CHANGED,
    GOOD,
    MAY_STILL_HAPPEN_S,
    Ended,
    Ends,
    Items,
    Kind,
    Outcome,
    all_failed,
    as_of,
    at_stake,
    changed,
    is_passing,
    is_sent_again,
    kept,
    may_still_happen,
    outcome_of_fault,
    record,
    recorded,
    still_open,
    why_failed,
)
from fw_mcp.writes.stored import OTHER
from fw_mcp.writes.trial import Trial

T = TypeVar("T")

FAILURES_IN_A_ROW = 3
AGAIN = RetryPolicy((1.0, 4.0))
"""Of a write that was certainly not carried out, and once of one that left no trace."""
_FRESH_S = 2.0
_NOT_DONE = frozenset({Outcome.FAILED, Outcome.NOT_ATTEMPTED})
_FIND_OUT = "search_images shows it."
# How long what was written may take to show in lists, in growing waits: 7.5 s in all.
WAITS_S = (0.0, 0.5, 1.0, 2.0, 4.0)


async def _nobody() -> Collection[str]:
    return ()


async def _each(_: Kind) -> bool:
    return True


async def _nothing() -> Mapping[str, float]:
    return {}


async def _none_there(_: Items[ImageToAdd]) -> Ends:
    return {}


async def _none_is(_: str) -> bool:
    return False


async def _unkept(_: Items[Ended]) -> None:
    """Nothing is kept beside the journal."""


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a call that writes.

    Attributes:
        account: what is written to.
        journal: where each write is recorded before it is sent.
        change: the call, as the journal keeps it; its id is also the handle to go on with.
        fence: this process's hold on the call.
        started: when the call began, on the account's clock.
        progress: told after each chunk.
        settled: how items ended in former runs; these are not sent again.
        held_back: guids that may not be sent, whatever the caller asked.
        carried: whether `settled` is another change's, and is to be kept on record by this one too.
        on_record: how items ended, as far as this run recorded it.
        others: gives the guids that other changes named since this one began.
        tried: tells whether a kind of write was tried on the account before.
        coming: gives the print masters that other calls of this caller may still add, and for how
            many seconds.
        there: of images that are about to be added, those that other calls added from the same
            files, and how these ended.
        keep: told what images became, before that goes on record.
        is_under_way: tells whether any process is at a change right now.
    """

    account: Account
    journal: Journal
    change: Change
    fence: Fence
    started: float
    progress: Progress
    settled: Items[Ended] = field(default_factory=dict)
    held_back: frozenset[str] = frozenset()
    carried: bool = False
    on_record: Ends = field(default_factory=dict)
    others: Callable[[], Awaitable[Collection[str]]] = _nobody
    tried: Callable[[Kind], Awaitable[bool]] = _each
    coming: Callable[[], Awaitable[Mapping[str, float]]] = _nothing
    there: Callable[[Items[ImageToAdd]], Awaitable[Ends]] = _none_there
    keep: Callable[[Items[Ended]], Awaitable[None]] = _unkept
    is_under_way: Callable[[str], Awaitable[bool]] = _none_is

    def due(self, items: Items[T]) -> Items[T]:
        """The items that no former run settled."""
        return {item: one for item, one in items.items() if item not in self.settled}

    def out_of_time(self, wait_s: float = 0.0) -> str:
        """Why no further write may start after so many seconds more; "" while there is time."""
        return "" if wait_s < self.left_s() else "Not sent: the call ran out of time."

    def left_s(self) -> float:
        """Seconds until no further write may start."""
        account = self.account
        return account.pace.start_chunks_s - (account.clock() - self.started)

    async def tell(self, done: int, total: int) -> None:
        """Tell the caller how far the call is."""
        await self.progress(done, total, f"{done} of {counted(total, 'image')}")

    async def trial(self, kind: Kind, library: LibraryName) -> Trial:
        """The trial of a kind of write, which is over where it was tried before."""
        is_over, waits = await self.tried(kind), partial(waits_s, self)
        return Trial(self.account, self.started, kind, library, waits, is_over)

    async def begin(self, kind: Kind, intents: Mapping[int, Intent]) -> Beside:
        """Record what is about to be sent.

        Returns:
            What other changes did with the same images since they were read, or are doing.

        Raises:
            StoreError: it could not be recorded, so nothing may be sent.
            GuardError: another call is at the same; nothing may be sent.
        """
        age_s = self.account.clock() - self.started
        read_at = self.journal.now() - age_s
        return await self.journal.begin(self.change, kind, intents, self.fence, read_at)

    async def finish(self, ended: Items[Ended]) -> None:
        """Record what was read back, with the full records."""
        self.journal.reached(Step.READ_BACK)
        ended = {item: as_of(end, self.account.clock()) for item, end in ended.items()}
        if await record(self.journal, self.change.change_id, ended, self.fence):
            self.on_record.update(ended)

    async def keep_hold(self) -> None:
        """See before anything is sent that no other process has taken the call meanwhile.

        Raises:
            StoreError: it cannot be told, so nothing may be sent.
            GuardError: another one has; nothing may be sent.
        """
        await self.journal.keep(self.fence)

    async def is_held(self) -> bool:
        """Whether something may be sent again: what is known stays as it is told otherwise."""
        try:
            await self.keep_hold()
        except FwError:
            return False
        return True


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
        library: the one whose count tells whether images came or went.
    """

    kind: Kind
    image: Callable[[T], ImageDetails]
    intent: Callable[[T], Mapping[str, Any]]
    read_again: Callable[[Sequence[str]], Awaitable[Mapping[str, ImageDetails]]]
    request: Callable[[Items[T]], Awaitable[object]]
    ended: Callable[[T, ImageDetails | None, ApiError | None], Ended]
    library: LibraryName = "inventory"


async def in_chunks(run: Run, items: Items[T], write: Write[T]) -> Ends:
    """Write chunk after chunk while there is time and the service answers.

    Args:
        run: of the call.
        items: each with its place in the call; what former runs settled is left out.
        write: what is written.

    Returns:
        The end of each item, those of former runs included.

    Raises:
        StoreError: the first chunk could not be recorded, so nothing was sent.
    """
    ended: Ends = {item: run.settled[item] for item in items if item in run.settled}
    failures = 0
    why = ""
    begun = False
    trial = await run.trial(write.kind, write.library)
    left = run.due(items)
    while left:
        chunk, left = first_of(left, trial.size(run.account.chunk))
        why = why or trial.stopped or run.out_of_time() or given_up(failures)
        if why:
            ended |= _all_kept(write, chunk, why)
            continue
        try:
            await trial.look()
            results = await _write_chunk(run, chunk, write)
            beside, _ = first_of(left, run.account.chunk)
            others = {item: write.image(one) for item, one in beside.items()}
            results = await trial.judged(results, others, write.read_again)
        except FwError as fault:
            if not begun:
                raise
            # What the chunks before did must be told; one that raises was not sent.
            why = f"Not sent: {fault.what} {fault.next_step}"
            results = _all_kept(write, chunk, why)
        begun = True
        ended |= results
        failures = _failures(failures, results)
        await run.tell(len(ended), len(items))
    return ended


def chunks_of(items: Items[T], size: int) -> list[Items[T]]:
    """The items in parts of at most `size`, in order."""
    pairs = list(items.items())
    return [dict(pairs[start : start + size]) for start in range(0, len(pairs), size)]


def first_of(items: Items[T], size: int) -> tuple[Items[T], Items[T]]:
    """The first `size` items, and those after them."""
    pairs = list(items.items())
    return dict(pairs[:size]), dict(pairs[size:])


def given_up(failures: int) -> str:
    """Why no further write may start after so many failed chunks in a row; "" while it may."""
    if failures < FAILURES_IN_A_ROW:
        return ""
    return f"Not sent: the previous {failures} chunks failed."


async def insisted(run: Run, send: Callable[[], Awaitable[T]]) -> T:
    """Send a write; up to twice more after pauses where it certainly was not carried out.

    Raises:
        ApiError: the last failure; whether it was carried out may be unknown.
    """

    async def held(_: int) -> T:
        await run.keep_hold()
        return await send()

    answer = await repeated(
        held,
        AGAIN,
        named=run.change.tool,
        passes=is_passing,
        left_s=run.left_s,
        sleep=run.account.sleep,
    )
    run.journal.reached(Step.ANSWERED)
    return answer


async def _write_chunk(run: Run, chunk: Items[T], write: Write[T]) -> Ends:
    async with run.account.writing() as waited:
        if why := run.out_of_time():
            return _all_kept(write, chunk, why)
        held = {
            item: kept(image, image, CHANGED)
            for item, one in chunk.items()
            if (image := write.image(one)).guid in run.held_back
        }
        due = {item: one for item, one in chunk.items() if item not in held}
        if not due:
            return held
        intents = {item: _intent(write, one) for item, one in due.items()}
        beside = await run.begin(write.kind, intents)
        ended = {
            item: kept(write.image(due[item]), write.image(due[item]), CHANGED)
            for item in await _at_others(run, beside)
        }
        same = {item: one for item, one in due.items() if item not in ended}
        if same:
            # The journal may have kept it waiting: what is looked at last is what is decided on.
            ended |= await _not_to_be_sent(run, same, write, waited=waited or bool(beside))
        same = {item: one for item, one in due.items() if item not in ended}
        if same:
            ended |= await _sent(run, same, write)
        await run.finish(ended)
    return held | ended


async def _at_others(run: Run, beside: Beside) -> Collection[int]:
    """The items whose image another process is sending something for right now.

    In this process, whoever has the turn to write is alone at it.
    """
    ids = {change_id for open_ in beside.values() for change_id in open_}
    busy = {change_id for change_id in ids if await run.is_under_way(change_id)}
    return [item for item, open_ in beside.items() if not busy.isdisjoint(open_)]


async def _sent(run: Run, items: Items[T], write: Write[T]) -> Ends:
    """Send, and again after a pause what certainly was not, or left no trace, carried out."""
    await run.keep_hold()
    ended, fault = await _send(run, items, write)
    spent = False
    for pause_s in AGAIN.pauses_s:
        if fault is None or not (is_passing(fault) or (is_sent_again(fault) and not spent)):
            break
        spent = spent or is_sent_again(fault)
        left = {item: items[item] for item, end in ended.items() if end.outcome in _NOT_DONE}
        wait_s = max(pause_s, fault.retry_after_s or 0.0)
        if not left or run.out_of_time(wait_s):
            break
        await run.account.sleep(wait_s)
        same, other = await _looked_at_again(left, fault, write)
        ended |= other
        if not same or not await run.is_held():
            break
        sent, fault = await _send(run, same, write)
        ended |= sent
    return ended


def _intent(write: Write[T], one: T) -> Intent:
    image = write.image(one)
    return Intent(image.guid, write.intent(one), recorded(image))


async def _not_to_be_sent(run: Run, chunk: Items[T], write: Write[T], *, waited: bool) -> Ends:
    """Inside the turn to write: which images no longer are what the call was decided on.

    A reading that is fresh, and that no other write of ours could overtake, is taken as it is.
    """
    read = {item: write.image(one) for item, one in chunk.items()}
    if not waited and run.account.clock() - run.started < _FRESH_S:
        return {}
    try:
        now = await write.read_again([image.guid for image in read.values()])
    except ApiError as unread:
        why = f"Not sent: it could not be re-read before writing. {unread.what}"
        return _all_kept(write, chunk, why)
    return {
        item: changed(image, now.get(image.guid))
        for item, image in read.items()
        if at_stake(image) != at_stake(now.get(image.guid))
    }


async def _looked_at_again(
    items: Items[T], fault: ApiError, write: Write[T]
) -> tuple[Items[T], Ends]:
    """What may be sent again, and how the others ended.

    A pause is long enough for somebody to hang a product on an image: only what still is as the
    person agreed to lose it goes.
    """
    images = {item: write.image(one) for item, one in items.items()}
    try:
        now = await write.read_again([image.guid for image in images.values()])
    except ApiError:
        # What is known stays as it is told.
        return {}, {}
    same: dict[int, T] = {}
    other: Ends = {}
    for item, image in images.items():
        found = now.get(image.guid)
        if at_stake(image) == at_stake(found):
            same[item] = items[item]
        elif fault.sent:
            other[item] = write.ended(items[item], found, fault)
        else:
            other[item] = changed(image, found)
    return same, other


async def _send(run: Run, items: Items[T], write: Write[T]) -> tuple[Ends, ApiError | None]:
    """Send, and read back what an answer or a failure does not tell by itself."""
    fault: ApiError | None = None
    sent_at = run.account.clock()
    try:
        await write.request(items)
        run.journal.reached(Step.ANSWERED)
    except ApiError as raised:
        fault = raised
        if outcome_of_fault(fault) is not Outcome.UNKNOWN:
            return {
                item: _untouched(write.image(one), raised) for item, one in items.items()
            }, fault
    ended = await _read_back(run, items, write, fault)
    if may_still_happen(fault):
        until, now = sent_at + MAY_STILL_HAPPEN_S, run.account.clock()
        ended |= {
            item: still_open(end, until, now, _FIND_OUT if end.after else end.detail)
            for item, end in ended.items()
            if end.outcome is Outcome.UNKNOWN
        }
    return ended, fault


async def _read_back(run: Run, items: Items[T], write: Write[T], fault: ApiError | None) -> Ends:
    """How items ended: a list may be late, so that what shows nothing new is looked at again."""
    ended: Ends = {}
    left = items
    for wait_s in waits_s(run):
        await run.account.sleep(wait_s)
        try:
            now = await write.read_again([write.image(one).guid for one in left.values()])
        except ApiError as unread:
            why = f"It could not be read back: {unread.what} {_FIND_OUT}"
            ended |= {item: _unread(write.image(one), why) for item, one in left.items()}
            if isinstance(unread, ShapeError):
                # A list that is late may leave out what it counts already.
                continue
            break
        ended |= {
            item: write.ended(one, now.get(write.image(one).guid), fault)
            for item, one in left.items()
        }
        left = {item: one for item, one in left.items() if not _is_seen(ended[item], fault)}
        if not left:
            break
    return ended


def waits_s(run: Run) -> Iterator[float]:
    """How long to wait before each look at what was written, while there is time."""
    for wait_s in WAITS_S:
        # One look even then: it says that the time is over.
        if not wait_s or run.account.time_left_s(run.started) > wait_s:
            yield wait_s


def _is_seen(end: Ended, fault: ApiError | None) -> bool:
    if end.after is None:
        # An image may be missing from lists for a while: without a yes it need not be gone.
        return end.outcome in GOOD and fault is None
    return end.outcome in GOOD and OTHER not in end.detail


def _unread(image: ImageDetails, why: str) -> Ended:
    return Ended(image.guid, Outcome.UNKNOWN, why, before=image)


def _untouched(image: ImageDetails, fault: ApiError) -> Ended:
    return kept(image, image, why_failed(fault), outcome_of_fault(fault))


def _failures(before: int, results: Items[Ended]) -> int:
    """How many chunks in a row failed; one of which nothing was to be sent does not count."""
    tried = [end for end in results.values() if end.detail != CHANGED]
    if not tried:
        return before
    return before + 1 if all_failed(tried) else 0


def _all_kept(write: Write[T], chunk: Items[T], why: str) -> Ends:
    return {item: kept(write.image(one), write.image(one), why) for item, one in chunk.items()}
