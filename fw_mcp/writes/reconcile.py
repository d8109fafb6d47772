"""Settle what the journal does not know the end of, by reading the service; it writes nothing."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

from fw_mcp.api.models import ImageDetails, ImageToAdd, LibraryName
from fw_mcp.images.account import Account
from fw_mcp.images.read import read_anywhere, read_images, read_selection
from fw_mcp.store.history import History
from fw_mcp.store.journal import Change, Item, Journal
from fw_mcp.writes.add_matching import added_since, baseline_of, matched, may_be
from fw_mcp.writes.chunks import WAITS_S
from fw_mcp.writes.outcomes import (
    GOOD,
    MAY_BE,
    MAY_STILL_HAPPEN_S,
    Ended,
    Ends,
    Kind,
    Outcome,
    ends_of,
    is_settled,
    open_s,
    record,
    still_open,
    text_of,
    unread_text,
)
from fw_mcp.writes.stored import as_stored, same_text

_SHOWN_BY_S = 120.0
_SETTLED = "Resolved later by reading FinerWorks."
_NOT_ADDED = "FinerWorks does not list it: it was not added, or has been removed since."
_ON_ITS_WAY = "FinerWorks gave it this guid and does not list it yet; search_images shows it later."
_LATER = "Nothing is sent again before that; search_images shows what is there."
_LOOK = "search_images sorted by id shows the newest."
_OLD_TEXT = "It still has the text from before: it was not updated."
_OTHER_TEXT = "Its text differs: ours was not stored, or someone has changed it since."
_STILL_THERE = "FinerWorks still lists it: it was not deleted."
_OTHER_IMAGES = "The selection holds different images."


class Reconciler:
    """Reads what became of changes whose end is not known, and records it.

    Args:
        account: what was written to.
        journal: where it is recorded.
        history: what it tells.
    """

    def __init__(self, account: Account, journal: Journal, history: History) -> None:
        self._account = account
        self._journal = journal
        self._history = history

    async def ends(self, change: Change, started: float | None = None) -> Ends:
        """How every item of a change ended; what is not known is read now.

        Args:
            change: any.
            started: when the call began, on the account's clock; None for now.

        Raises:
            ApiError: the service could not be read; what is not known stays so.
            StoreError: the journal could not be read.
        """
        items = await self._history.items(change.change_id)
        ended = ends_of(items)
        due = [one for one in items if one.unsettled]
        if due:
            began = self._account.clock() if started is None else started
            read = await self._read(change, items, due, began)
            # What may still happen keeps the moment from which its minute counts.
            known = {item: end for item, end in read.items() if end.open_until is None}
            await record(self._journal, change.change_id, known)
            ended |= read
        return ended

    async def settled(self, change: Change, started: float) -> Ends:
        """The items of a change that nothing is left to do for, or nothing may be done now.

        Args:
            change: any.
            started: when the call began, on the account's clock.

        Raises:
            ApiError: what is not known could not be read.
            StoreError: the journal could not be read.
        """
        ended = await self.ends(change, started)
        return {
            item: end
            for item, end in ended.items()
            # What was read just now and is not known may be there, or may come.
            if is_settled(end) or end.outcome is Outcome.UNKNOWN
        }

    async def may_still_be_added(self, besides: Change) -> Mapping[str, float]:
        """The print masters that other calls may still add, and for how many seconds.

        Args:
            besides: a call whose own do not count; what others ask for is another wish.

        Raises:
            StoreError: the journal could not be read.
        """
        return {
            str(one.sent["private_hires_uri"]): left_s
            for one in await self._history.open_of(Kind.ADD, besides.caller)
            if one.change_id != besides.change_id and one.sent and (left_s := self._open_s(one)) > 0
        }

    async def _read(
        self, change: Change, items: Sequence[Item], due: Sequence[Item], started: float
    ) -> Ends:
        kind, account = due[0].kind, self._account
        if kind == Kind.ADD:
            return await self._read_added(change, items, due, started)
        guids = [one.guid or "" for one in due]
        if kind == Kind.SELECT:
            stored = await account.in_time(read_selection(account, guids[0]), started)
            return self._unless_open(due, {due[0].item: _selected(due[0], stored)})
        before = {one.item: _record(one.before) for one in due}
        if kind == Kind.UPDATE:
            now = await read_anywhere(account, guids, started=started)
            updated = {
                one.item: _updated(one, before[one.item], now.get(one.guid or "")) for one in due
            }
            return self._unless_open(due, updated)
        left = await read_images(account, guids, _library_of(due[0]), started=started)
        deleted = {
            one.item: _deleted(one.guid, before[one.item], left.get(one.guid or "")) for one in due
        }
        return self._unless_open(due, deleted)

    async def _read_added(
        self, change: Change, items: Sequence[Item], due: Sequence[Item], started: float
    ) -> Ends:
        """What appeared since the call began, in growing waits, and no other item names."""
        images = {one.item: _image(one.sent or {}) for one in due}
        taken = await self._history.guids_named_since(
            change.begun_at,
            after_place=await self._history.first_place(change.change_id),
            besides_change=change.change_id,
            besides_items=[one.item for one in due],
        )
        before = baseline_of(json.loads(change.baseline or "{}"))
        found: dict[int, ImageDetails] = {}
        new: Sequence[ImageDetails] = ()
        # What was sent long ago has shown by now, if it ever does.
        last = max(one.begun_at for one in items)
        lately = self._journal.now() - last < _SHOWN_BY_S
        for wait_s in WAITS_S if lately else (0.0,):
            if wait_s and self._account.time_left_s(started) <= wait_s:
                break
            await self._account.sleep(wait_s)
            new = await added_since(self._account, _library_of(due[0]), before, started)
            found = matched(images, new, taken)
            if len(found) == len(images):
                break
        # A guid that an answer gave is the image, however its record looks.
        named = {one.guid: one.item for one in due if one.guid and one.item not in found}
        listed = await read_images(
            self._account, list(named), _library_of(due[0]), started=started, products=False
        )
        found |= {named[guid]: image for guid, image in listed.items()}
        left = {item: image for item, image in images.items() if item not in found}
        doubtful = may_be(left, new, taken | {image.guid for image in found.values()})
        return {
            one.item: self._added(
                one, images[one.item], found.get(one.item), doubtful=one.item in doubtful
            )
            for one in due
        }

    def _added(
        self, one: Item, sent: ImageToAdd, found: ImageDetails | None, *, doubtful: bool
    ) -> Ended:
        name, called = sent.file_name, sent.title
        if found is not None:
            return Ended(
                found.guid, Outcome.ADOPTED, _SETTLED, after=found, name=name, called=called
            )
        if one.guid:
            return Ended(one.guid, Outcome.UNKNOWN, _ON_ITS_WAY, name=name, called=called)
        if (left_s := self._open_s(one)) > 0:
            return self._still_open(Ended(None, Outcome.UNKNOWN, name=name, called=called), left_s)
        if doubtful:
            return Ended(None, Outcome.UNKNOWN, f"{MAY_BE} {_LOOK}", name=name, called=called)
        return Ended(None, Outcome.FAILED, _NOT_ADDED, name=name, called=called)

    def _unless_open(self, due: Sequence[Item], ends: Ends) -> Ends:
        """The ends, but for those that may still become others."""
        left_s = {one.item: self._open_s(one) for one in due}
        return {
            item: self._still_open(end, left_s[item])
            if left_s[item] > 0 and end.outcome not in GOOD
            else end
            for item, end in ends.items()
        }

    def _still_open(self, end: Ended, left_s: float) -> Ended:
        now = self._account.clock()
        return still_open(end, now + left_s, now, _LATER)

    def _open_s(self, one: Item) -> float:
        """Seconds for which a write may still be carried out, since its end is not known."""
        told_s = open_s(one.detail)
        if one.finished_at and told_s is not None:
            until = one.finished_at + told_s
        else:
            # Sent before it went on record, or where that failed while a call may still send.
            sent_by = one.finished_at or one.begun_at + self._account.pace.start_chunks_s
            until = sent_by + MAY_STILL_HAPPEN_S
        left_s = until - self._journal.now()
        # More than that is a clock that was set back, which tells nothing.
        return left_s if left_s <= MAY_STILL_HAPPEN_S + self._account.pace.start_chunks_s else 0.0


def _selected(one: Item, stored: tuple[str, ...]) -> Ended:
    (before,) = ends_of([replace(one, outcome=Outcome.UNKNOWN)]).values()
    sent = (one.sent or {}).get("guids", ())
    if set(stored) == set(sent):
        outcome = Outcome.UPDATED if before.held else Outcome.CREATED
        return replace(before, outcome=outcome, detail=_SETTLED, stored=stored)
    return replace(before, outcome=Outcome.FAILED, detail=_OTHER_IMAGES, stored=stored)


def _updated(one: Item, before: ImageDetails | None, now: ImageDetails | None) -> Ended:
    outcome, detail = _verdict(one.sent or {}, before, now)
    return Ended(one.guid, outcome, detail, before=before, after=now)


def _verdict(
    sent: Mapping[str, Any], before: ImageDetails | None, now: ImageDetails | None
) -> tuple[Outcome, str]:
    if now is None:
        return Outcome.NOT_FOUND, "The image was removed in the meantime."
    if unread := unread_text(now):
        return Outcome.UNKNOWN, unread
    meant = (sent["title"], sent["description"])
    if text_of(now) == meant:
        return Outcome.UPDATED, _SETTLED
    if before is not None and text_of(now) == text_of(before):
        return Outcome.FAILED, _OLD_TEXT
    if all(map(same_text, meant, text_of(now))):
        return Outcome.UPDATED, f"{_SETTLED} {as_stored(meant, text_of(now))}"
    return Outcome.FAILED, _OTHER_TEXT


def _deleted(guid: str | None, before: ImageDetails | None, now: ImageDetails | None) -> Ended:
    if now is None:
        return Ended(guid, Outcome.DELETED, _SETTLED, before=before)
    return Ended(guid, Outcome.FAILED, _STILL_THERE, before=before, after=now)


def _record(record: Mapping[str, Any] | None) -> ImageDetails | None:
    return ImageDetails.model_validate(record) if record else None


def _image(sent: Mapping[str, Any]) -> ImageToAdd:
    known = {name: sent[name] for name in ImageToAdd.model_fields if name in sent}
    return ImageToAdd.model_validate(known)


def _library_of(one: Item) -> LibraryName:
    return cast("LibraryName", (one.sent or {}).get("library", "inventory"))
