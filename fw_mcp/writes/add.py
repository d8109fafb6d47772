"""Register images, five at a time, and say which the service then lists."""

import json
import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

import anyio

from fw_mcp.api.models import ADD_LIMIT, AddImagesRequest, ImageDetails, ImageToAdd, LibraryName
from fw_mcp.errors import ApiError, FwError, GuardError, ShapeError, StoreError
from fw_mcp.images.read import read_images
from fw_mcp.store.journal import Intent
from fw_mcp.text import quoted
from fw_mcp.writes.add_matching import (
    added_since,
    answered,
    baseline,
    baseline_of,
    by_file,
    matched,
    may_be,
    same_file,
)
from fw_mcp.writes.chunks import Run, chunks_of, first_of, given_up, insisted, waits_s
from fw_mcp.writes.outcomes import (
    MAY_BE,
    MAY_STILL_HAPPEN_S,
    Ended,
    Ends,
    Items,
    Kind,
    Outcome,
    all_failed,
    is_sent_again,
    may_still_happen,
    outcome_of_fault,
    outcome_without_trace,
    still_open,
    text_of,
    unread_text,
    why_failed,
)
from fw_mcp.writes.stored import as_stored

_TWO = 2
_SHOWN = "The answer was lost; FinerWorks lists the image."
_HAD = "FinerWorks already has this file and returned the existing image."
_COMING = "Not sent: another call sent this file, and it may still be added for {} s."
_LEFT = "Not sent: the call was canceled before its turn."
_FIND_OUT = "Do not add it again; search_images shows whether it came."


async def add_in_batches(
    run: Run, images: Items[ImageToAdd], library: LibraryName, *, on_purpose: bool = False
) -> Ends:
    """Register `images` in chunks of five, read back and journalled fifty at a time.

    Args:
        run: of the call.
        images: metadata and URLs, each with its place in the call; no bytes are uploaded.
        library: `inventory` or `temporary`.
        on_purpose: whether a file is added that another call may still add.

    Returns:
        The end of each.

    Raises:
        ApiError: the newest images could not be listed first; nothing was sent.
        StoreError: the journal could not be written; nothing was sent.
    """
    ended: Ends = {item: run.settled[item] for item in images if item in run.settled}
    due = run.due(images)
    if not due and not run.carried:
        return ended
    kept = run.change.baseline
    run = await with_baseline(run, library)
    if run.carried:
        await _keep(run, images, library)
    if not due:
        return ended
    adding = _Adding(run, library, on_purpose=on_purpose)
    if kept is not None:
        # What a former run sent may still appear while this one sends it again.
        adding.doubted |= due
        adding.asked += [one for item, one in images.items() if item in ended]
    return ended | await adding.run(due, len(images))


async def with_baseline(run: Run, library: LibraryName) -> Run:
    """The run of a change that holds what the library held when it began.

    Raises:
        ApiError: the newest images could not be listed.
    """
    if run.change.baseline is not None:
        return run
    before = await baseline(run.account, library, run.started)
    return replace(run, change=replace(run.change, baseline=json.dumps(before.record())))


async def _keep(run: Run, images: Items[ImageToAdd], library: LibraryName) -> None:
    """Put on record what another change did for this one, or the next same call would do it."""
    carried = {item: end for item, end in run.settled.items() if item in images}
    await run.begin(Kind.ADD, {item: _intent(images[item], library) for item in carried})
    await run.finish(carried)


def _intent(image: ImageToAdd, library: LibraryName) -> Intent:
    return Intent(None, {**image.model_dump(mode="json"), "library": library}, None)


@dataclass
class _Batch:
    """Images that are journalled together, and what is known of them so far.

    Attributes:
        answered: the images of each request that was answered, and the answer.
        ended: how images ended.
    """

    images: Items[ImageToAdd]
    answered: list[tuple[Items[ImageToAdd], Sequence[ImageDetails]]] = field(default_factory=list)
    ended: Ends = field(default_factory=dict)

    @property
    def guids(self) -> list[str]:
        """Every guid that an answer named."""
        return [image.guid for _, answer in self.answered for image in answer]


class _Adding:
    """One run of a call that adds.

    Attributes:
        doubted: images that may be listed more than once, by their places: an answer was lost, or
            a former run sent them.
        asked: every image that this run sent or a former one settled, once each.
    """

    def __init__(self, run: Run, library: LibraryName, *, on_purpose: bool) -> None:
        self.doubted: dict[int, ImageToAdd] = {}
        self.asked: list[ImageToAdd] = []
        self._on_purpose = on_purpose
        self._run = run
        self._account = run.account
        self._library = library
        self._before = baseline_of(json.loads(run.change.baseline or "{}"))
        self._taken = {end.guid for end in run.settled.values() if end.guid}
        self._failures = 0
        self._stopped = ""

    async def run(self, images: Items[ImageToAdd], total: int) -> Ends:
        """Add batch after batch."""
        ended: Ends = {}
        trial = await self._run.trial(Kind.ADD, self._library)
        left = images
        while left:
            part, left = first_of(left, trial.size(self._account.chunk))
            batch = _Batch(part)
            if self._why_not():
                ended |= _skipped(part, self._why_not())
                continue
            try:
                await trial.look()
                await self._journalled(batch, total)
                batch.ended = await trial.judged(batch.ended)
                self._stopped = self._stopped or trial.stopped
            except FwError as fault:
                if not ended:
                    raise
                self._stopped = f"Not sent: {fault.what} {fault.next_step}"
            ended |= _skipped(part, self._stopped) | batch.ended
        await self._look_at_the_end(ended)
        return ended

    async def _journalled(self, batch: _Batch, total: int) -> None:
        intents = {item: _intent(image, self._library) for item, image in batch.images.items()}
        await self._run.begin(Kind.ADD, intents)
        try:
            batch.ended |= await self._coming(batch.images)
            batch.ended |= await self._run.there(batch.images)
            await self._send_all(batch, total)
        finally:
            # Also when the caller left: what was sent must be known and on record.
            with anyio.CancelScope(shield=True):
                await self._read_back(batch)
                ended = _skipped(batch.images, _LEFT) | batch.ended
                await self._run.keep(ended)
                await self._run.finish(ended)

    async def _coming(self, images: Items[ImageToAdd]) -> Ends:
        """Those that another call sent, and that may still be added for it."""
        left_s = {} if self._on_purpose else await self._run.coming()
        return {
            item: Ended(
                None,
                Outcome.NOT_ATTEMPTED,
                _COMING.format(math.ceil(left_s[image.private_hires_uri])),
                name=image.file_name,
                called=image.title,
            )
            for item, image in images.items()
            if image.private_hires_uri in left_s
        }

    async def _send_all(self, batch: _Batch, total: int) -> None:
        left = {item: one for item, one in batch.images.items() if item not in batch.ended}
        for five in chunks_of(left, ADD_LIMIT):
            async with self._account.writing():
                if why := self._why_not():
                    batch.ended |= _skipped(five, why)
                    continue
                self.asked += five.values()
                try:
                    await self._send(batch, five)
                except (GuardError, StoreError) as lost:
                    self._stopped = f"Not sent: {lost.what} {lost.next_step}"
                    batch.ended = _skipped(five, self._stopped) | batch.ended
            await self._run.tell(len(self.asked), total)

    async def _send(self, batch: _Batch, five: Items[ImageToAdd]) -> None:
        """Send five; what an answer was lost for and what does not appear is sent again."""
        left = five
        for is_first in (True, False):
            sent_at = self._account.clock()
            fault = await self._once(batch, left)
            if fault is None:
                self._failures = 0
                if not is_first:
                    # What was given up as lost may show now, beside what was sent instead.
                    await self._look_once_more(batch)
                return
            if outcome_of_fault(fault) is not Outcome.UNKNOWN:
                if is_first:
                    batch.ended |= _all_ended(left, outcome_of_fault(fault), why_failed(fault))
                break
            left = await self._adopt(batch, left, fault, sent_at)
            if not left or not is_sent_again(fault) or self._why_not():
                break
        failed = all_failed(batch.ended[item] for item in five if item in batch.ended)
        self._failures = self._failures + 1 if failed else 0

    async def _once(self, batch: _Batch, images: Items[ImageToAdd]) -> ApiError | None:
        client = await self._account.client()
        library = client.library(self._library)
        request = AddImagesRequest(images=list(images.values()), library=library)
        try:
            answer = await insisted(self._run, lambda: client.add_images(request))
        except ApiError as fault:
            return fault
        self._taken.update(image.guid for image in answer.images)
        batch.answered.append((images, answer.images))
        return None

    async def _adopt(
        self, batch: _Batch, images: Items[ImageToAdd], fault: ApiError, sent_at: float
    ) -> Items[ImageToAdd]:
        """Look for images whose request failed, until they appear or the waits are over.

        Returns:
            Those of which there is no trace.
        """
        left = dict(images)
        new: Sequence[ImageDetails] = ()
        self.doubted |= images
        try:
            for wait_s in waits_s(self._run):
                await self._account.sleep(wait_s)
                new = await self._added()
                for item, image in matched(left, new, self._taken).items():
                    self._taken.add(image.guid)
                    batch.ended[item] = _adopted(batch.images[item], image)
                    del left[item]
                self._check_surplus(batch.images, batch.ended, new)
                if not left:
                    break
        except FwError as unread:
            why = f"Looking for it failed: {unread.what} {_FIND_OUT}"
            batch.ended |= self._lost(left, why, fault, sent_at)
            return {}
        if may_still_happen(fault):
            batch.ended |= self._lost(left, _FIND_OUT, fault, sent_at)
        else:
            batch.ended |= _all_ended(left, outcome_without_trace(fault), why_failed(fault))
        doubtful = {item: left.pop(item) for item in may_be(left, new, self._taken)}
        batch.ended |= self._lost(doubtful, f"{MAY_BE} {_FIND_OUT}", fault, sent_at)
        return left

    def _lost(
        self, images: Items[ImageToAdd], find_out: str, fault: ApiError, sent_at: float
    ) -> Ends:
        """What is not known of images whose answer is lost, and may still come."""
        ends = _all_ended(images, Outcome.UNKNOWN, find_out)
        if not may_still_happen(fault):
            return ends
        until, now = sent_at + MAY_STILL_HAPPEN_S, self._account.clock()
        return {item: still_open(end, until, now, find_out) for item, end in ends.items()}

    async def _added(self) -> list[ImageDetails]:
        """What appeared since the call began, and is on record as no other call's."""
        new = await added_since(self._account, self._library, self._before, self._run.started)
        theirs = await self._run.others() if new else ()
        return [image for image in new if image.guid in self._taken or image.guid not in theirs]

    def _check_surplus(
        self, images: Items[ImageToAdd], ended: Ends, new: Sequence[ImageDetails]
    ) -> None:
        """Stop when an image that is in doubt is listed more often than it was asked for."""
        listed = by_file(new)
        for item in self.doubted.keys() & images.keys():
            image = self.doubted[item]
            found = [one for one in listed(image) if same_file(image, one)]
            if len(found) < _TWO:
                continue
            asked = sum(any(same_file(one, record) for record in found) for one in self.asked)
            if len(found) <= asked:
                continue
            twice = f"FinerWorks lists {len(found)} images of {quoted(image.file_name)}"
            self._stopped = f"Not sent: {twice}, {asked} requested."
            if end := ended.get(item):
                guids = ", ".join(one.guid for one in found)
                detail = f"{twice}, {asked} requested: {guids}. Delete the extra ones."
                ended[item] = replace(end, detail=detail, doubled=True)

    async def _read_back(self, batch: _Batch) -> None:
        """Read the answered guids back; an answer need not hold more of an image than its guid."""
        detail = f"FinerWorks returned a guid that it does not list. {_FIND_OUT}"
        listed: Mapping[str, ImageDetails] = {}
        try:
            listed = await self._listed(batch.guids)
        except ApiError as unread:
            detail = f"It could not be read back: {unread.what} {_FIND_OUT}"
        held = await self._held_before(listed)
        for images, answer in batch.answered:
            records = [listed.get(image.guid, image) for image in answer]
            found = answered(images, records)
            for item, one in images.items():
                end = _created(one, found.get(item), listed, detail)
                batch.ended[item] = _had(end) if end.guid in held else end
                held.update(filter(None, [end.guid]))
        await self._look_once_more(batch)

    async def _held_before(self, listed: Mapping[str, ImageDetails]) -> set[str]:
        """Those that this call did not make: a service may answer with the image that it has."""
        if not listed:
            return set()
        held: set[str] = set()
        with suppress(FwError):
            # Where neither can be told, an image is taken for new, as it should be.
            held |= set(await self._run.others())
            if any(image.id is None for image in listed.values()):
                return held | listed.keys() - {image.guid for image in await self._added()}
        return held | {guid for guid, image in listed.items() if not self._before.is_new(image)}

    async def _look_once_more(self, batch: _Batch) -> None:
        """What an answer did not name may be listed; what was sent twice may be listed twice."""
        open_ = {
            item: batch.images[item]
            for item, end in batch.ended.items()
            if end.outcome is Outcome.UNKNOWN and end.guid is None
        }
        if not open_ and not self.doubted:
            return
        try:
            new = await self._added()
        except FwError:
            # What is not known already ends as unknown, and says how to find out.
            return
        for item, image in matched(open_, new, self._taken).items():
            self._taken.add(image.guid)
            batch.ended[item] = _adopted(batch.images[item], image)
        self._check_surplus(batch.images, batch.ended, new)

    async def _look_at_the_end(self, ended: Ends) -> None:
        """What was given up as lost in one batch may show while others are written."""
        if not self.doubted:
            return
        try:
            new = await self._added()
        except FwError:
            # Each batch looked for itself.
            return
        self._check_surplus(self.doubted, ended, new)

    async def _listed(self, guids: Sequence[str]) -> Mapping[str, ImageDetails]:
        """The images of these guids, waiting for those that do not show yet."""
        listed: dict[str, ImageDetails] = {}
        unclear: ShapeError | None = None
        for wait_s in waits_s(self._run):
            left = [guid for guid in guids if guid not in listed]
            if not left:
                break
            await self._account.sleep(wait_s)
            try:
                listed |= await read_images(
                    self._account, left, self._library, started=self._run.started, products=False
                )
                unclear = None
            except ShapeError as late:
                unclear = late
        if unclear is not None:
            raise unclear
        return listed

    def _why_not(self) -> str:
        return self._stopped or self._run.out_of_time() or given_up(self._failures)


def _had(end: Ended) -> Ended:
    """An image that was there before."""
    if end.outcome is not Outcome.CREATED:
        return end
    detail = f"{_HAD} {end.detail}".strip()
    return replace(end, outcome=Outcome.ADOPTED, detail=detail, before=end.after)


def _adopted(sent: ImageToAdd, image: ImageDetails) -> Ended:
    told = f"{_SHOWN} {_told(sent, image)}".strip()
    return Ended(
        image.guid, Outcome.ADOPTED, told, after=image, name=sent.file_name, called=sent.title
    )


def _told(sent: ImageToAdd, image: ImageDetails) -> str:
    """What to tell of the text that was stored; a title that nobody gave is FinerWorks' own."""
    stored = text_of(image)
    meant = sent.title or stored[0], sent.description or ""
    return unread_text(image) or as_stored(meant, stored)


def _created(
    sent: ImageToAdd,
    image: ImageDetails | None,
    listed: Mapping[str, ImageDetails],
    detail: str,
) -> Ended:
    after = listed.get(image.guid) if image else None
    if image is None:
        guid, detail = None, f"The response does not mention it. {_FIND_OUT}"
    elif after is None:
        guid = image.guid
    else:
        told = _told(sent, after)
        return Ended(
            image.guid, Outcome.CREATED, told, after=after, name=sent.file_name, called=sent.title
        )
    return Ended(guid, Outcome.UNKNOWN, detail, name=sent.file_name, called=sent.title)


def _all_ended(images: Items[ImageToAdd], outcome: Outcome, why: str) -> Ends:
    return {
        item: Ended(None, outcome, why, name=image.file_name, called=image.title)
        for item, image in images.items()
    }


def _skipped(images: Items[ImageToAdd], why: str) -> Ends:
    return _all_ended(images, Outcome.NOT_ATTEMPTED, why)
