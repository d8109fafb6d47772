"""Register images, five at a time, and say which the service then lists."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import anyio

from fw_mcp.api.models import (
    ADD_LIMIT,
    CHUNK_LIMIT,
    AddImagesRequest,
    ImageDetails,
    ImageToAdd,
    LibraryName,
)
from fw_mcp.errors import ApiError, FwError, RejectedError
from fw_mcp.images.account import Account
from fw_mcp.images.read import Query, read_images, search
from fw_mcp.store.journal import Record
from fw_mcp.text import quoted
from fw_mcp.writes.chunks import given_up, insisted, journalled, record_outcome
from fw_mcp.writes.job import Ends, Items, Job, all_failed, chunks_of, out_of_time, tell
from fw_mcp.writes.outcomes import Ended, Outcome, outcome_of_fault, why_failed

_MOST_PAGES = 40


@dataclass(frozen=True, slots=True)
class Baseline:
    """What a library held when an add began.

    Attributes:
        newest_id: the largest id; 0 of an empty library, None where the service tells no ids.
        guids: the newest images, for a service without ids.
    """

    newest_id: int | None
    guids: frozenset[str]

    def is_new(self, image: ImageDetails) -> bool:
        """Ids grow: an old image that moved up, because another went, is not new."""
        if self.newest_id is not None and image.id is not None:
            return image.id > self.newest_id
        return image.guid not in self.guids

    def record(self) -> dict[str, object]:
        """The baseline as the journal keeps it."""
        guids = [] if self.newest_id is not None else sorted(self.guids)
        return {"newest_id": self.newest_id, "guids": guids}


def baseline_of(record: Mapping[str, Any]) -> Baseline:
    """The baseline that a journal entry kept."""
    return Baseline(record["newest_id"], frozenset(record["guids"]))


async def baseline(account: Account, name: LibraryName, started: float) -> Baseline:
    """What is newest now.

    Raises:
        ApiError: it could not be listed.
    """
    newest = await _page(account, name, 1, started)
    ids = [image.id for image in newest]
    known = [one for one in ids if one is not None]
    return Baseline(
        newest_id=max(known, default=0) if len(known) == len(ids) else None,
        guids=frozenset(image.guid for image in newest),
    )


async def added_since(
    account: Account, name: LibraryName, before: Baseline, started: float
) -> list[ImageDetails]:
    """Every image that was added after `before`, oldest first.

    Args:
        account: whose.
        name: `inventory` or `temporary`.
        before: from `baseline`.
        started: when the call began, on the account's clock.

    Raises:
        ApiError: a page could not be read.
    """
    new: dict[str, ImageDetails] = {}
    for page_number in range(1, _MOST_PAGES + 1):
        page = await _page(account, name, page_number, started)
        new.update((image.guid, image) for image in page if before.is_new(image))
        if len(page) < CHUNK_LIMIT or not before.is_new(page[-1]):
            break
    return list(reversed(new.values()))


def matched(
    sent: Items[ImageToAdd], listed: Sequence[ImageDetails], taken: Collection[str] = ()
) -> dict[int, ImageDetails]:
    """The record of each image that has one: order is not promised, names may be altered.

    Args:
        sent: with their places in the call.
        listed: records, oldest first; each is the record of one image at most.
        taken: guids that are accounted for already.
    """
    left = [image for image in listed if image.guid not in taken]
    found: dict[int, ImageDetails] = {}
    # Two images may share an address: those that agree in every word find each other first.
    for same in (_same_words, same_file):
        for item, image in sent.items():
            match = next((one for one in left if item not in found and same(image, one)), None)
            if match is not None:
                left.remove(match)
                found[item] = match
    return {item: found[item] for item in sent if item in found}


def by_file(listed: Sequence[ImageDetails]) -> Callable[[ImageToAdd], Sequence[ImageDetails]]:
    """Gives the records that may be an image's: those of its address, and those without one."""
    by_uri: dict[str, list[ImageDetails]] = {}
    for image in listed:
        by_uri.setdefault(image.private_hires_uri or "", []).append(image)
    return lambda image: [*by_uri.get(image.private_hires_uri, ()), *by_uri.get("", ())]


def _same_words(sent: ImageToAdd, listed: ImageDetails) -> bool:
    name = _plain(sent.file_name) == _plain(listed.file_name or "")
    return name and (sent.title or sent.file_name) == listed.title and same_file(sent, listed)


def same_file(sent: ImageToAdd, listed: ImageDetails) -> bool:
    """Whether a record is the image that was sent; what the service left out decides nothing."""
    sizes = (
        (sent.pix_w, listed.pix_w),
        (sent.pix_h, listed.pix_h),
        (sent.file_size, listed.file_size),
    )
    if any(theirs is not None and ours != theirs for ours, theirs in sizes):
        return False
    if listed.private_hires_uri:
        return sent.private_hires_uri == listed.private_hires_uri
    theirs = listed.file_name or ""
    if _plain(sent.file_name) == _plain(theirs):
        return True
    # A name with something put to it is told from its neighbours' by the sizes only.
    told = all(size is not None for _, size in sizes)
    return told and _plain(_stem(sent.file_name)) in _plain(_stem(theirs))


def _plain(file_name: str) -> str:
    """A file name without what the service may alter in it."""
    return "".join(character for character in file_name.lower() if character.isalnum())


def _stem(file_name: str) -> str:
    return file_name.rpartition(".")[0] or file_name


async def _page(
    account: Account, name: LibraryName, page_number: int, started: float
) -> tuple[ImageDetails, ...]:
    query = Query(library=name, page_number=page_number, per_page=CHUNK_LIMIT, list_products=False)
    page = await account.in_time(search(account, query), started)
    return page.images


KIND = "add_images"
# How long an added image may take to show in lists, in growing waits: 7.5 s in all.
WAITS_S = (0.0, 0.5, 1.0, 2.0, 4.0)
_TIMES_SENT = 3
_TWO = 2
_SHOWN = "The answer was lost; the service lists the image."
_LEFT = "Not sent: the call was cancelled before its turn."
_FIND_OUT = "search_images sorted by id shows the newest; look before adding it again."


async def add_images(
    account: Account, job: Job, images: Items[ImageToAdd], name: LibraryName
) -> Ends:
    """Register `images` in chunks of five, read back and journalled fifty at a time.

    Args:
        account: whose.
        job: the call.
        images: metadata and URLs, each with its place in the call; no bytes are uploaded.
        name: `inventory` or `temporary`.

    Returns:
        The end of each.

    Raises:
        ApiError: the newest images could not be listed first; nothing was sent.
        StoreError: the journal could not be written; nothing was sent.
    """
    ended: Ends = {item: job.settled[item] for item in images if item in job.settled}
    if job.carried:
        await _keep(account, job, images, name)
    due = job.due(images)
    if not due:
        return ended
    kept = job.baseline
    before = baseline_of(kept) if kept else await baseline(account, name, job.started)
    adding = _Adding(account, job, name, before)
    if kept:
        # What a former run sent may still appear while this one sends it again.
        adding.doubted |= due
        adding.asked += [one for item, one in images.items() if item in ended]
    return ended | await adding.run(due, len(images))


async def _keep(account: Account, job: Job, images: Items[ImageToAdd], name: LibraryName) -> None:
    """Put on record what another change did for this one, or the next same call would do it."""
    kept = dict(job.settled)

    async def write() -> Ends:
        return kept

    await journalled(
        account,
        job,
        KIND,
        intent=[_intent(item, images[item], name) for item in kept],
        former=[job.baseline or {"newest_id": 0, "guids": []}],
        write=write,
    )


def _intent(item: int, image: ImageToAdd, name: LibraryName) -> Record:
    return {"item": item, **image.model_dump(mode="json"), "library": name}


@dataclass
class _Batch:
    """Images that share a journal entry, and what is known of them so far.

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

    def __init__(self, account: Account, job: Job, name: LibraryName, before: Baseline) -> None:
        self.doubted: dict[int, ImageToAdd] = {}
        self.asked: list[ImageToAdd] = []
        self._account = account
        self._job = job
        self._name = name
        self._before = before
        self._taken = {end.guid for end in job.settled.values() if end.guid}
        self._failures = 0
        self._stopped = ""

    async def run(self, images: Items[ImageToAdd], total: int) -> Ends:
        """Add batch after batch."""
        ended: Ends = {}
        for part in chunks_of(images, self._account.chunk):
            batch = _Batch(part)
            if self._why_not():
                ended |= _skipped(part, self._why_not())
                continue
            try:
                await self._journalled(batch, total)
            except FwError as fault:
                if not ended:
                    raise
                self._stopped = f"Not sent: {fault.what} {fault.next_step}"
            ended |= _skipped(part, self._stopped) | batch.ended
        await self._look_at_the_end(ended)
        return ended

    async def _journalled(self, batch: _Batch, total: int) -> None:
        intent = [_intent(item, image, self._name) for item, image in batch.images.items()]
        entry_id = await self._account.journal.begin(
            self._job.change, KIND, intent, [self._before.record()]
        )
        try:
            await self._send_all(batch, total)
        finally:
            # Also when the caller left: what was sent must be known and on record.
            with anyio.CancelScope(shield=True):
                await self._read_back(batch)
                ended = _skipped(batch.images, _LEFT) | batch.ended
                await record_outcome(self._account, entry_id, ended)

    async def _send_all(self, batch: _Batch, total: int) -> None:
        for five in chunks_of(batch.images, ADD_LIMIT):
            async with self._account.writing():
                if why := self._why_not():
                    batch.ended |= _skipped(five, why)
                    continue
                self.asked += five.values()
                await self._send(batch, five)
            await tell(self._job, len(self.asked), total)

    async def _send(self, batch: _Batch, five: Items[ImageToAdd]) -> None:
        """Send five; what an answer was lost for and what does not appear is sent again."""
        left = five
        for times in range(1, _TIMES_SENT + 1):
            fault = await self._once(batch, left)
            if fault is None:
                self._failures = 0
                if times > 1:
                    # What was given up as lost may show now, beside what was sent instead.
                    await self._look_once_more(batch)
                return
            if outcome_of_fault(fault) is not Outcome.UNKNOWN:
                if times == 1:
                    batch.ended |= _all_ended(left, outcome_of_fault(fault), why_failed(fault))
                break
            left = await self._adopt(batch, left, fault)
            if not left or isinstance(fault, RejectedError) or self._why_not():
                break
        failed = all_failed(batch.ended[item] for item in five if item in batch.ended)
        self._failures = self._failures + 1 if failed else 0

    async def _once(self, batch: _Batch, images: Items[ImageToAdd]) -> ApiError | None:
        client = await self._account.client()
        request = AddImagesRequest(images=list(images.values()), library=client.library(self._name))
        try:
            answer = await insisted(self._account, self._job, lambda: client.add_images(request))
        except ApiError as fault:
            return fault
        self._taken.update(image.guid for image in answer.images)
        batch.answered.append((images, answer.images))
        return None

    async def _adopt(
        self, batch: _Batch, images: Items[ImageToAdd], fault: ApiError
    ) -> Items[ImageToAdd]:
        """Look for images whose answer was lost, until they appear or the waits are over.

        Returns:
            Those that did not appear, and may be sent again.
        """
        left = dict(images)
        self.doubted |= images
        try:
            for wait_s in self._waits():
                await self._account.sleep(wait_s)
                new = await self._added()
                for item, image in matched(left, new, self._taken).items():
                    self._taken.add(image.guid)
                    batch.ended[item] = Ended(image.guid, Outcome.ADOPTED, _SHOWN, after=image)
                    del left[item]
                self._check_surplus(batch.images, batch.ended, new)
                if not left:
                    break
        except ApiError as unread:
            why = f"The answer was lost and looking failed: {unread.what} {_FIND_OUT}"
            batch.ended |= _all_ended(left, Outcome.UNKNOWN, why)
            return {}
        rejected = isinstance(fault, RejectedError)
        why = why_failed(fault) if rejected else f"The answer was lost. {_FIND_OUT}"
        batch.ended |= _all_ended(left, Outcome.FAILED if rejected else Outcome.UNKNOWN, why)
        return left

    async def _added(self) -> list[ImageDetails]:
        return await added_since(self._account, self._name, self._before, self._job.started)

    def _waits(self) -> Iterator[float]:
        """How long to wait before each look, while there is time."""
        for wait_s in WAITS_S:
            # One look even then: it says that the time is over.
            if not wait_s or self._account.time_left_s(self._job.started) > wait_s:
                yield wait_s

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
            self._stopped = f"Not sent: {twice}, {asked} asked for."
            if end := ended.get(item):
                guids = ", ".join(one.guid for one in found)
                detail = f"{twice}, {asked} asked for: {guids}. Delete what is too much."
                ended[item] = replace(end, detail=detail, doubled=True)

    async def _read_back(self, batch: _Batch) -> None:
        """Read the answered guids back; an answer need not hold more of an image than its guid."""
        detail = f"The service answered with a guid that it does not list. {_FIND_OUT}"
        listed: Mapping[str, ImageDetails] = {}
        try:
            listed = await self._listed(batch.guids)
        except ApiError as unread:
            detail = f"It could not be read back: {unread.what} {_FIND_OUT}"
        for images, answer in batch.answered:
            records = [listed.get(image.guid, image) for image in answer]
            found = matched(images, records)
            batch.ended |= {item: _created(found.get(item), listed, detail) for item in images}
        await self._look_once_more(batch)

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
        except ApiError:
            # What is not known already ends as unknown, and says how to find out.
            return
        for item, image in matched(open_, new, self._taken).items():
            self._taken.add(image.guid)
            batch.ended[item] = Ended(image.guid, Outcome.ADOPTED, _SHOWN, after=image)
        self._check_surplus(batch.images, batch.ended, new)

    async def _look_at_the_end(self, ended: Ends) -> None:
        """What was given up as lost in one batch may show while others are written."""
        if not self.doubted:
            return
        try:
            new = await self._added()
        except ApiError:
            # Each batch looked for itself.
            return
        self._check_surplus(self.doubted, ended, new)

    async def _listed(self, guids: Sequence[str]) -> Mapping[str, ImageDetails]:
        """The images of these guids, waiting for those that do not show yet."""
        listed: dict[str, ImageDetails] = {}
        for wait_s in self._waits():
            left = [guid for guid in guids if guid not in listed]
            if not left:
                break
            await self._account.sleep(wait_s)
            listed |= await read_images(
                self._account, left, self._name, started=self._job.started, products=False
            )
        return listed

    def _why_not(self) -> str:
        return self._stopped or out_of_time(self._account, self._job) or given_up(self._failures)


def _created(image: ImageDetails | None, listed: Mapping[str, ImageDetails], detail: str) -> Ended:
    if image is None:
        return Ended(None, Outcome.UNKNOWN, f"The answer does not name it. {_FIND_OUT}")
    after = listed.get(image.guid)
    if after is None:
        return Ended(image.guid, Outcome.UNKNOWN, detail)
    return Ended(image.guid, Outcome.CREATED, after=after)


def _all_ended(images: Items[ImageToAdd], outcome: Outcome, why: str) -> Ends:
    return dict.fromkeys(images, Ended(None, outcome, why))


def _skipped(images: Items[ImageToAdd], why: str) -> Ends:
    return _all_ended(images, Outcome.NOT_ATTEMPTED, why)
