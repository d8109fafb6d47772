"""Selections: the hand-off token of a set of images to a page on FinerWorks.com."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from fw_mcp.api.models import UpdateFileSelectionRequest
from fw_mcp.errors import ApiError, RejectedError
from fw_mcp.images.account import Account
from fw_mcp.images.read import read_anywhere
from fw_mcp.writes.chunks import PAUSES_S, insisted, journalled
from fw_mcp.writes.job import Ends, Job, out_of_time
from fw_mcp.writes.outcomes import Ended, Outcome, outcome_of_fault, why_failed

KIND = "update_file_selection"

_NONE_EXISTS = "None of these images exists; nothing was sent."


@dataclass(frozen=True, slots=True)
class Selection:
    """A selection as it was written and read back.

    Attributes:
        outcome: `updated` when the service holds the images that were sent.
        detail: "" when it holds exactly those; else what is different, or why it failed.
        stored: what the service holds; None when it could not be read.
        missing: guids that name no image and were not sent.
        previous: what the selection held before; None when that is not known any more.
    """

    selection_guid: str
    outcome: Outcome
    detail: str
    stored: tuple[str, ...] | None
    missing: tuple[str, ...]
    previous: tuple[str, ...] | None


async def read_selection(account: Account, selection_guid: str) -> tuple[str, ...]:
    """The guids a selection holds; none when the service does not know it.

    Raises:
        ApiError: it could not be read.
    """
    async with account.reading() as client:
        answer = await client.list_file_selection(selection_guid)
    return tuple(answer.guids)


async def set_selection(
    account: Account, job: Job, selection_guid: str, guids: Sequence[str]
) -> Selection:
    """Make the selection hold exactly the images of `guids` that exist, and read it back.

    Whether the service replaces or merges is undocumented: the whole set is sent and what is
    stored is read.

    Args:
        account: whose.
        job: the call.
        selection_guid: the selection's master key; created when it is new.
        guids: images of either library.

    Raises:
        ApiError: the images, or what the selection held, could not be read; nothing was sent.
        StoreError: the journal could not be written; nothing was sent.
    """
    found = await read_anywhere(account, guids, started=job.started, products=False)
    present = [guid for guid in guids if guid in found]
    missing = tuple(guid for guid in guids if guid not in found)
    write = partial(_send, account, job, selection_guid, present)
    async with account.writing():
        # Read in the turn to write: what another call stores meanwhile is what it held before.
        previous = await account.in_time(read_selection(account, selection_guid), job.started)
        why = "" if present else _NONE_EXISTS
        if why := out_of_time(account, job) or why:
            kept = Outcome.NOT_ATTEMPTED
            return Selection(selection_guid, kept, why, previous, missing, previous)
        ended = await journalled(
            account,
            job,
            KIND,
            intent=[{"item": 0, "guid": selection_guid, "guids": present}],
            former=[{"guid": selection_guid, "guids": list(previous)}],
            write=write,
        )
    (end,) = ended.values()
    return Selection(selection_guid, end.outcome, end.detail, end.stored, missing, previous)


async def _send(account: Account, job: Job, selection_guid: str, guids: list[str]) -> Ends:
    """Store it; again when the answer was lost and something else is stored."""
    end = await _once(account, job, selection_guid, guids)
    for pause_s in PAUSES_S:
        if end.outcome is not Outcome.UNKNOWN or end.stored is None or out_of_time(account, job):
            break
        await account.sleep(pause_s)
        end = await _once(account, job, selection_guid, guids)
    return {0: end}


async def _once(account: Account, job: Job, selection_guid: str, guids: list[str]) -> Ended:
    client = await account.client()
    request = UpdateFileSelectionRequest(guids=guids, guid=selection_guid)
    fault: ApiError | None = None
    try:
        await insisted(account, job, lambda: client.update_file_selection(request))
    except ApiError as raised:
        fault = raised
    try:
        stored = await account.in_time(read_selection(account, selection_guid), job.started)
    except ApiError as unread:
        outcome = outcome_of_fault(fault) if fault else Outcome.UNKNOWN
        refusal = f"{why_failed(fault)} " if fault else ""
        look = f"Read finerworks://selections/{selection_guid}."
        why = f"{refusal}It could not be read back: {unread.what} {look}"
        return Ended(selection_guid, outcome, why)
    return selection_ended(selection_guid, guids, stored, fault)


def selection_ended(
    selection_guid: str, guids: Sequence[str], stored: tuple[str, ...], fault: ApiError | None
) -> Ended:
    """How a selection ended that was to hold `guids` and holds `stored`.

    Args:
        selection_guid: its key.
        guids: what was sent.
        stored: what was read back.
        fault: what the request ended with; None when the service said yes.
    """
    outcome, detail = _verdict(guids, stored, fault)
    return Ended(selection_guid, outcome, detail, stored=stored)


def _verdict(
    guids: Sequence[str], stored: tuple[str, ...], fault: ApiError | None
) -> tuple[Outcome, str]:
    if set(stored) == set(guids):
        return Outcome.UPDATED, ""
    if isinstance(fault, RejectedError):
        return Outcome.FAILED, why_failed(fault)
    if fault is not None:
        return outcome_of_fault(fault), why_failed(fault)
    if set(stored) > set(guids):
        return Outcome.UPDATED, "The service kept what the selection held before; see stored."
    return Outcome.FAILED, "The service stored other images; see stored."
