"""Settle what the journal does not know the end of, by reading the service; it writes nothing."""

from collections.abc import Mapping, Sequence
from typing import Any, cast

from fw_mcp.api.models import ImageDetails, ImageToAdd, LibraryName
from fw_mcp.images.account import Account
from fw_mcp.images.read import read_anywhere, read_images
from fw_mcp.store.history import Entry, History
from fw_mcp.writes.add import KIND as ADD
from fw_mcp.writes.add import WAITS_S, Baseline, added_since, baseline_of, matched
from fw_mcp.writes.chunks import record_outcome
from fw_mcp.writes.job import Ends, is_settled
from fw_mcp.writes.outcomes import Ended, Outcome
from fw_mcp.writes.select import KIND as SELECT
from fw_mcp.writes.select import read_selection
from fw_mcp.writes.update import KIND as UPDATE
from fw_mcp.writes.update import text_of

_SHOWN_BY_S = 120.0
_SETTLED = "Settled later, by reading the service."
_NOT_ADDED = "FinerWorks does not list it: it was not added, or is gone since."
_ON_ITS_WAY = "FinerWorks gave it this guid and does not list it yet; search_images shows it later."
_OLD_TEXT = "It still has the text from before: it was not updated."
_OTHER_TEXT = "It has other text now: ours was not stored, or somebody changed it since."
_STILL_THERE = "FinerWorks still lists it: it was not deleted."
_OTHER_IMAGES = "The selection holds other images."


async def reconcile(
    account: Account, history: History, entry: Entry, started: float | None = None
) -> Ends:
    """Read what became of an entry's items, and record it.

    Args:
        account: whose.
        history: what other entries account for.
        entry: one without a recorded outcome, or with items whose outcome is unknown.
        started: when the call began, on the account's clock; None for now.

    Returns:
        The end of every item of the entry, those known before included.

    Raises:
        ApiError: the service could not be read; the entry stays as it is.
        StoreError: what other entries account for could not be read.
    """
    ended = ends_of(entry)
    due = [
        one
        for one in entry.intent
        if one["item"] not in ended or ended[one["item"]].outcome is Outcome.UNKNOWN
    ]
    if due:
        began = account.clock() if started is None else started
        ended |= await _read(account, history, entry, due, began)
        await record_outcome(account, entry.entry_id, ended)
    return ended


async def settled_items(
    account: Account, history: History, entries: Sequence[Entry], started: float
) -> Ends:
    """The items of a change that nothing is left to do for, as its runs so far ended them.

    What is not known of them is read from the service first, and recorded.

    Args:
        account: whose.
        history: what other entries account for.
        entries: the change's, oldest first.
        started: when the call began, on the account's clock.

    Raises:
        ApiError: the service could not be read.
        StoreError: the journal could not be read.
    """
    ended: Ends = {}
    for entry in entries:
        ended |= (
            await reconcile(account, history, entry, started) if entry.unsettled else ends_of(entry)
        )
    return {item: end for item, end in ended.items() if is_settled(end) or _is_on_its_way(end)}


def _is_on_its_way(end: Ended) -> bool:
    """An image that FinerWorks gave a guid to, and does not list yet: not to be sent again."""
    return end.outcome is Outcome.UNKNOWN and end.detail == _ON_ITS_WAY


def ends_of(entry: Entry) -> Ends:
    """The ends that an entry has on record."""
    before = _before(entry)
    return {
        one["item"]: Ended(
            one["guid"],
            Outcome(one["outcome"]),
            one["detail"],
            before=before.get(one["guid"]),
            after=ImageDetails.model_validate(one["after"]) if one.get("after") else None,
            stored=tuple(one["stored"]) if one.get("stored") is not None else None,
            doubled=bool(one.get("doubled")),
        )
        for one in entry.outcome
    }


def _before(entry: Entry) -> Mapping[str | None, ImageDetails]:
    if entry.kind in {ADD, SELECT}:
        return {}
    return {one["guid"]: ImageDetails.model_validate(one) for one in entry.former}


async def _read(
    account: Account,
    history: History,
    entry: Entry,
    due: Sequence[dict[str, Any]],
    started: float,
) -> Ends:
    if entry.kind == ADD:
        return await _read_added(account, history, entry, due, started)
    if entry.kind == SELECT:
        return await _read_selection(account, due[0], started)
    guids = [one["guid"] for one in due]
    before = _before(entry)
    if entry.kind == UPDATE:
        now = await read_anywhere(account, guids, started=started)
        return {
            one["item"]: _updated(one, before.get(one["guid"]), now.get(one["guid"])) for one in due
        }
    left = await read_images(account, guids, _library_of(due), started=started)
    return {
        one["item"]: _deleted(one["guid"], before.get(one["guid"]), left.get(one["guid"]))
        for one in due
    }


async def _read_added(
    account: Account,
    history: History,
    entry: Entry,
    due: Sequence[dict[str, Any]],
    started: float,
) -> Ends:
    """What appeared since the entry's baseline, in growing waits, and no other entry names."""
    images = {one["item"]: _image(one) for one in due}
    # The baseline is that of the change's first entry: so is the time since which others count.
    first = (await history.entries(entry.change_id))[0]
    taken = await history.guids_named_since(first.begun_at, besides_entry=entry.entry_id)
    taken |= {end.guid for end in ends_of(entry).values() if end.guid and is_settled(end)}
    # An entry of the first version kept no baseline: then the fingerprint alone decides.
    before = baseline_of(entry.former[0]) if entry.former else Baseline(None, frozenset())
    found: dict[int, ImageDetails] = {}
    # What was sent long ago has shown by now, if it ever does.
    lately = account.journal.now() - entry.begun_at < _SHOWN_BY_S
    for wait_s in WAITS_S if lately else (0.0,):
        if wait_s and account.time_left_s(started) <= wait_s:
            break
        await account.sleep(wait_s)
        new = await added_since(account, _library_of(due), before, started)
        found = matched(images, new, taken)
        if len(found) == len(images):
            break
    guids = {item: end.guid for item, end in ends_of(entry).items()}
    return {item: _added(found.get(item), guids.get(item)) for item in images}


def _added(found: ImageDetails | None, guid: str | None) -> Ended:
    if found is not None:
        return Ended(found.guid, Outcome.ADOPTED, _SETTLED, after=found)
    if guid:
        return Ended(guid, Outcome.UNKNOWN, _ON_ITS_WAY)
    return Ended(None, Outcome.FAILED, _NOT_ADDED)


async def _read_selection(account: Account, one: Mapping[str, Any], started: float) -> Ends:
    stored = await account.in_time(read_selection(account, one["guid"]), started)
    if set(stored) == set(one["guids"]):
        return {one["item"]: Ended(one["guid"], Outcome.UPDATED, _SETTLED, stored=stored)}
    return {one["item"]: Ended(one["guid"], Outcome.FAILED, _OTHER_IMAGES, stored=stored)}


def _updated(
    sent: Mapping[str, Any], before: ImageDetails | None, now: ImageDetails | None
) -> Ended:
    outcome, detail = _verdict(sent, before, now)
    return Ended(sent["guid"], outcome, detail, before=before, after=now)


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


def _deleted(guid: str, before: ImageDetails | None, now: ImageDetails | None) -> Ended:
    if now is None:
        return Ended(guid, Outcome.DELETED, _SETTLED, before=before)
    return Ended(guid, Outcome.FAILED, _STILL_THERE, before=before, after=now)


def _image(intent: Mapping[str, Any]) -> ImageToAdd:
    sent = {name: intent[name] for name in ImageToAdd.model_fields if name in intent}
    return ImageToAdd.model_validate(sent)


def _library_of(due: Sequence[Mapping[str, Any]]) -> LibraryName:
    return cast("LibraryName", due[0].get("library", "inventory"))
