"""Selections: the hand-off token of a set of images to a page on FinerWorks.com."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import uuid4

from fw_mcp.api.models import UpdateFileSelectionRequest
from fw_mcp.errors import ApiError
from fw_mcp.images.account import Account
from fw_mcp.images.read import read_anywhere, read_selection
from fw_mcp.store.journal import Intent
from fw_mcp.writes.chunks import AGAIN, Run, insisted, waits_s
from fw_mcp.writes.operation import Operation, Prepared
from fw_mcp.writes.outcomes import (
    GOOD,
    MAY_STILL_HAPPEN_S,
    MISSING,
    Ended,
    Ends,
    Kind,
    Outcome,
    guids_recorded,
    is_sent_again,
    may_still_happen,
    outcome_of_fault,
    outcome_without_trace,
    still_open,
    why_failed,
)

TOOL = "set_selection"
_NONE_EXISTS = "None of these images exists; nothing was sent."
_CANNOT_EMPTY = "Nothing was sent: FinerWorks cannot empty a selection."


@dataclass(frozen=True, slots=True)
class Wish:
    """What a selection shall hold.

    Attributes:
        guids: the whole set, or what is added to it.
        remove: what is taken out of it.
        is_whole: whether what it holds besides goes.
    """

    guids: Sequence[str]
    remove: Sequence[str] = ()
    is_whole: bool = True

    def is_held(self, stored: Sequence[str]) -> bool:
        """Whether a selection that holds these is as wished."""
        if self.is_whole:
            return set(stored) == set(self.guids)
        return set(self.guids) <= set(stored) and set(self.remove).isdisjoint(stored)

    def of(self, present: Sequence[str], held: Sequence[str]) -> list[str]:
        """What to store: those of its images that exist, with those that stay."""
        if self.is_whole:
            return list(present)
        kept = [guid for guid in held if guid not in self.remove]
        return [*kept, *(guid for guid in present if guid not in kept)]


def selection(account: Account, wish: Wish, given: str | None) -> Operation:
    """The images that a selection shall hold.

    Args:
        account: whose.
        wish: what it shall hold.
        given: the selection's key; None makes one up.
    """
    return _selection(account, wish, given, given or str(uuid4()))


def _selection(account: Account, wish: Wish, given: str | None, selection_guid: str) -> Operation:
    untouched = {0: Ended(selection_guid, Outcome.NOT_ATTEMPTED)}

    async def write(run: Run) -> Ends:
        return {0: await store_selection(run, selection_guid, wish)}

    def is_complete(ends: Ends) -> bool:
        end = ends[0]
        return end.outcome in GOOD and not end.detail and wish.is_held(end.stored or ())

    async def read() -> Prepared:
        # A selection touches no image, so there is nothing to ask.
        return Prepared(read_at=account.clock(), would=untouched, write=write)

    return Operation(
        tool=TOOL,
        arguments=_wished(wish, selection_guid),
        # Without the key that was only made up for it.
        identity=_wished(wish, given),
        keys=[""],
        untouched=untouched,
        read=read,
        made_of=lambda arguments: _selection(account, wish, given, arguments["selection_guid"]),
        # A call that was cut off may have stored its key already: it is the one to go on with.
        takes_over=True,
        is_complete=is_complete,
    )


def _wished(wish: Wish, key: str | None) -> dict[str, Any]:
    named = {"guids": list(wish.guids)} if wish.is_whole else {"add": list(wish.guids)}
    removed = {"remove": list(wish.remove)} if wish.remove else {}
    return {**named, **removed, "selection_guid": key}


async def store_selection(run: Run, selection_guid: str, wish: Wish) -> Ended:
    """Make the selection hold the images that are wished and exist, and read it back.

    Whether the service replaces or merges is undocumented: the whole set is sent and what is
    stored is read.

    Args:
        run: of the call.
        selection_guid: the selection's master key; created when it is new.
        wish: images of either library.

    Raises:
        ApiError: the images, or what the selection held, could not be read; nothing was sent.
        StoreError: the journal could not be written; nothing was sent.
    """
    account = run.account
    found = await read_anywhere(account, wish.guids, started=run.started, products=False)
    missing = tuple(guid for guid in wish.guids if guid not in found)
    async with account.writing():
        # Read in the turn to write: what another call stores meanwhile is what it held before.
        held = await account.in_time(read_selection(account, selection_guid), run.started)
        present = wish.of([guid for guid in wish.guids if guid in found], held)
        missing += tuple(guid for guid in wish.remove if guid not in held)
        why = "" if present else _CANNOT_EMPTY if held and not wish.is_whole else _NONE_EXISTS
        if why := run.out_of_time() or why:
            kept = Outcome.NOT_ATTEMPTED
            return Ended(selection_guid, kept, why, stored=held, held=held, missing=missing)
        sent = {"guid": selection_guid, "guids": present, MISSING: list(missing)}
        await run.begin(Kind.SELECT, {0: Intent(selection_guid, sent, guids_recorded(held))})
        end = replace(await _send(run, selection_guid, present), held=held, missing=missing)
        if end.outcome is Outcome.UPDATED and not held:
            end = replace(end, outcome=Outcome.CREATED)
        await run.finish({0: end})
    return end


async def _send(run: Run, selection_guid: str, guids: list[str]) -> Ended:
    """Store it; once more where the failure passes and left no trace."""
    end, fault = await _once(run, selection_guid, guids)
    wait_s = max(AGAIN.pauses_s[0], (fault and fault.retry_after_s) or 0.0)
    done = end.outcome in {Outcome.UPDATED, Outcome.UNKNOWN}
    if is_sent_again(fault) and not done and not run.out_of_time(wait_s):
        await run.account.sleep(wait_s)
        if await run.is_held():
            end, _ = await _once(run, selection_guid, guids)
    return end


async def _once(run: Run, selection_guid: str, guids: list[str]) -> tuple[Ended, ApiError | None]:
    account = run.account
    client = await account.client()
    request = UpdateFileSelectionRequest(guids=guids, guid=selection_guid)
    fault: ApiError | None = None
    sent_at = account.clock()
    try:
        await insisted(run, lambda: client.update_file_selection(request))
    except ApiError as raised:
        fault = raised
    stored: tuple[str, ...] = ()
    look = f"Read it by search_images with selection_guid {selection_guid}."
    try:
        for wait_s in waits_s(run):
            await account.sleep(wait_s)
            stored = await account.in_time(read_selection(account, selection_guid), run.started)
            if set(stored) == set(guids) or (fault is not None and not fault.sent):
                break
    except ApiError as unread:
        outcome = outcome_of_fault(fault) if fault else Outcome.UNKNOWN
        refusal = f"{why_failed(fault)} " if fault else ""
        why = f"{refusal}It could not be read back: {unread.what} {look}"
        end = Ended(selection_guid, outcome, why)
        if may_still_happen(fault):
            end = still_open(end, sent_at + MAY_STILL_HAPPEN_S, account.clock(), why)
        return end, fault
    outcome, detail = _verdict(guids, stored, fault)
    end = Ended(selection_guid, outcome, detail, stored=stored)
    if outcome is Outcome.UNKNOWN:
        end = still_open(end, sent_at + MAY_STILL_HAPPEN_S, account.clock(), look)
    return end, fault


def _verdict(
    guids: Sequence[str], stored: tuple[str, ...], fault: ApiError | None
) -> tuple[Outcome, str]:
    if set(stored) == set(guids):
        return Outcome.UPDATED, ""
    if fault is not None:
        outcome = outcome_without_trace(fault) if fault.sent else Outcome.NOT_ATTEMPTED
        return outcome, why_failed(fault)
    if set(stored) > set(guids):
        return Outcome.UPDATED, "FinerWorks kept the previous selection beside it."
    return Outcome.FAILED, "FinerWorks stored different images."
