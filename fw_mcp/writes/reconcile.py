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
from fw_mcp.writes.add_matching import WAITS_S, added_since, baseline_of, matched
from fw_mcp.writes.outcomes import Ended, Ends, Kind, Outcome, ends_of, is_settled, record, text_of

_SHOWN_BY_S = 120.0
_SETTLED = "Settled later, by reading the service."
_NOT_ADDED = "FinerWorks does not list it: it was not added, or is gone since."
_ON_ITS_WAY = "FinerWorks gave it this guid and does not list it yet; search_images shows it later."
_OLD_TEXT = "It still has the text from before: it was not updated."
_OTHER_TEXT = "It has other text now: ours was not stored, or somebody changed it since."
_STILL_THERE = "FinerWorks still lists it: it was not deleted."
_OTHER_IMAGES = "The selection holds other images."


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
            await record(self._journal, change.change_id, read)
            ended |= read
        return ended

    async def settled(self, change: Change, started: float) -> Ends:
        """The items of a change that nothing is left to do for.

        Args:
            change: any.
            started: when the call began, on the account's clock.

        Raises:
            ApiError: what is not known could not be read.
            StoreError: the journal could not be read.
        """
        ended = await self.ends(change, started)
        return {item: end for item, end in ended.items() if is_settled(end) or _is_on_its_way(end)}

    async def _read(
        self, change: Change, items: Sequence[Item], due: Sequence[Item], started: float
    ) -> Ends:
        kind, account = due[0].kind, self._account
        if kind == Kind.ADD:
            return await self._read_added(change, items, due, started)
        guids = [one.guid or "" for one in due]
        if kind == Kind.SELECT:
            stored = await account.in_time(read_selection(account, guids[0]), started)
            return {due[0].item: _selected(due[0], stored)}
        before = {one.item: _record(one.before) for one in due}
        if kind == Kind.UPDATE:
            now = await read_anywhere(account, guids, started=started)
            return {
                one.item: _updated(one, before[one.item], now.get(one.guid or "")) for one in due
            }
        left = await read_images(account, guids, _library_of(due[0]), started=started)
        return {
            one.item: _deleted(one.guid, before[one.item], left.get(one.guid or "")) for one in due
        }

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
        return {one.item: _added(one, images[one.item], found.get(one.item)) for one in due}


def _is_on_its_way(end: Ended) -> bool:
    """An image that FinerWorks gave a guid to, and does not list yet: not to be sent again."""
    return end.outcome is Outcome.UNKNOWN and end.detail == _ON_ITS_WAY


def _added(one: Item, sent: ImageToAdd, found: ImageDetails | None) -> Ended:
    name = sent.file_name
    if found is not None:
        return Ended(found.guid, Outcome.ADOPTED, _SETTLED, after=found, name=name)
    if one.guid:
        return Ended(one.guid, Outcome.UNKNOWN, _ON_ITS_WAY, name=name)
    return Ended(None, Outcome.FAILED, _NOT_ADDED, name=name)


def _selected(one: Item, stored: tuple[str, ...]) -> Ended:
    (before,) = ends_of([replace(one, outcome=Outcome.UNKNOWN)]).values()
    sent = (one.sent or {}).get("guids", ())
    if set(stored) == set(sent):
        return replace(before, outcome=Outcome.UPDATED, detail=_SETTLED, stored=stored)
    return replace(before, outcome=Outcome.FAILED, detail=_OTHER_IMAGES, stored=stored)


def _updated(one: Item, before: ImageDetails | None, now: ImageDetails | None) -> Ended:
    outcome, detail = _verdict(one.sent or {}, before, now)
    return Ended(one.guid, outcome, detail, before=before, after=now)


def _verdict(
    sent: Mapping[str, Any], before: ImageDetails | None, now: ImageDetails | None
) -> tuple[Outcome, str]:
    if now is None:
        return Outcome.NOT_FOUND, "The image went away meanwhile."
    if text_of(now) == (sent["title"], sent["description"]):
        return Outcome.UPDATED, _SETTLED
    if before is not None and text_of(now) == text_of(before):
        return Outcome.FAILED, _OLD_TEXT
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
