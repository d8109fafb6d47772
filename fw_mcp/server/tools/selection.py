"""`set_selection`: hand a set of images to printing."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, cast

from mcp.types import InputRequiredResult
from pydantic import Field

from fw_mcp.api.models import ImageDetails
from fw_mcp.errors import ArgumentsError, FwError, Reason
from fw_mcp.images.account import Account
from fw_mcp.images.read import read_anywhere
from fw_mcp.server.arguments import Guid, Guids
from fw_mcp.server.end_rows import DETAIL_SHOWN
from fw_mcp.server.lanes import Lanes
from fw_mcp.server.results import (
    CHARACTERS,
    RESERVED,
    ROWS_IN_FULL,
    CallStatus,
    WrittenResult,
    guids_that_fit,
)
from fw_mcp.server.rows import NamedRow, named_row
from fw_mcp.server.tool import Call, caller_of, parts_of
from fw_mcp.text import counted, shown
from fw_mcp.writes.operation import Done, Pending, Written
from fw_mcp.writes.outcomes import GOOD, Ended, Outcome, open_s
from fw_mcp.writes.select import Wish, selection

_PURPOSE = (
    "selection_guid is the key of this selection: opened on FinerWorks.com, it offers these images "
    "for printing. Anyone who has the key can open the selection."
)
_UNTITLED = "Their titles could not be read."
_REST = "search_images with selection_guid pages through all of them."
_REST_BEFORE = "undo_change restores all of them."


class SetSelectionResult(WrittenResult):
    """The selection as the service holds it."""

    status: Literal[CallStatus.COMPLETED, CallStatus.INCOMPLETE]
    selection_guid: str
    outcome: Literal[
        Outcome.CREATED, Outcome.UPDATED, Outcome.FAILED, Outcome.UNKNOWN, Outcome.NOT_ATTEMPTED
    ]
    count: int | None = None
    images: list[NamedRow] | None = None
    guids: list[str] | None = Field(None, description="Of more than 10 images.")
    missing: list[str] | None = Field(None, description="They match no image, or none it held.")
    previous: list[str] | None = None

    def text(self) -> str:
        """The message, the key, then the images."""
        guids = {"guids": self.guids, "missing": self.missing, "previous": self.previous}
        lines = [
            f"{self.status}: {self.message}",
            f"selection_guid {self.selection_guid} ({self.outcome})",
            *(row.line() for row in self.images or ()),
            *(f"{name}: {', '.join(some)}" for name, some in guids.items() if some),
            f"change_id {self.change_id}" if self.change_id else "",
            f"retry_after_s {self.retry_after_s}" if self.retry_after_s else "",
        ]
        return "\n".join(line for line in lines if line)


async def set_selection(
    ctx: Call,
    *,
    guids: Annotated[Guids | None, Field(description="The whole set; at most 500.")] = None,
    add: Annotated[Guids | None, Field(description="At most 500 more.")] = None,
    remove: Annotated[Guids | None, Field(description="At most 500 fewer.")] = None,
    selection_guid: Annotated[
        Guid | None,
        Field(description="Its key; default: new."),
    ] = None,
) -> SetSelectionResult | InputRequiredResult:
    """Select, choose, pick or group pictures to order prints: put images together in a selection.

    Returns its key: a FinerWorks.com page opened with it offers them for printing. It orders
    nothing and changes no image. Check resolution first with search_images (print_size). guids is
    the complete set and overwrites without asking; undo_change restores it. Guids that match none
    are skipped and listed.
    """
    parts = parts_of(ctx)
    operation = selection(parts.account, _wish(guids, add, remove, selection_guid), selection_guid)
    started = parts.account.clock()
    written = await parts.writes.run(caller_of(ctx), operation, Lanes(ctx, parts.guard))
    return await _result(parts.account, written, started)


def _wish(
    guids: list[str] | None, add: list[str] | None, remove: list[str] | None, key: str | None
) -> Wish:
    """What the arguments mean; what could mean two things is refused."""
    if guids is not None:
        if add is None and remove is None:
            return Wish(guids)
        why, next_step = "guids is the whole set", "Omit guids, or add and remove"
    elif add is None and remove is None:
        why, next_step = "guids is required, or add or remove", "Give one"
    elif key is None:
        why, next_step = "add and remove change a selection that there is", "Give selection_guid"
    elif both := set(add or ()) & set(remove or ()):
        why, next_step = f"{min(both)} is in add and in remove", "Name it once"
    else:
        return Wish(add or (), remove or (), is_whole=False)
    raise ArgumentsError(
        f"set_selection was not run: {why}.",
        state="Nothing was sent.",
        next_step=f"{next_step} and call it again.",
        reason=Reason.INVALID_ARGUMENTS,
    )


async def _result(
    account: Account, written: Written, started: float
) -> SetSelectionResult | InputRequiredResult:
    match written:
        case Done(ends):
            stored = ends[0].stored or ()
            few = stored if len(stored) <= ROWS_IN_FULL else ()
            return _told(written, ends[0], await _named(account, few, started))
        case Pending(request):
            return cast("InputRequiredResult", request)
    raise AssertionError("a selection asks no one")  # pragma: no cover


async def _named(
    account: Account, guids: Sequence[str], started: float
) -> Mapping[str, ImageDetails] | None:
    """The images, for their titles; None when they cannot be read, which undoes nothing."""
    if not guids:
        return {}
    try:
        return await read_anywhere(account, guids, started=started, products=False)
    except FwError:
        return None


def _told(done: Done, end: Ended, named: Mapping[str, ImageDetails] | None) -> SetSelectionResult:
    stored, held = end.stored or (), end.held or ()
    many = stored if len(stored) > ROWS_IN_FULL else ()
    few = () if many else stored
    told = SetSelectionResult.model_validate(
        {
            "status": CallStatus.COMPLETED if done.complete else CallStatus.INCOMPLETE,
            "message": _message(done, end, is_named=named is not None),
            "change_id": done.change_id,
            "replayed": True if done.replayed else None,
            "retry_after_s": open_s(end.detail),
            "selection_guid": end.guid or "",
            "outcome": end.outcome,
            "count": None if end.stored is None else len(stored),
            "images": [named_row(guid, (named or {}).get(guid)) for guid in few] or None,
        }
    )
    left = CHARACTERS - RESERVED - told.length()
    missing, left = guids_that_fit(end.missing, left)
    guids, left = guids_that_fit(many, left)
    previous, _ = guids_that_fit(held, left)
    cuts = (
        _cut_note(len(end.missing) - len(missing), "missing guid", "Call with fewer to see each."),
        _cut_note(len(many) - len(guids), "image", _REST),
        _cut_note(len(held) - len(previous), "previous guid", _REST_BEFORE),
    )
    lists = {"missing": missing, "guids": guids, "previous": previous}
    return told.model_copy(
        update={
            "message": " ".join(filter(None, (told.message, *cuts))),
            **{name: some or None for name, some in lists.items()},
        }
    )


def _message(done: Done, end: Ended, *, is_named: bool) -> str:
    unknown = "an unknown number of images"
    held = unknown if end.stored is None else counted(len(end.stored), "image")
    parts = [
        done.replayed,
        f"The selection holds {held}, as read back.",
        shown(end.detail, DETAIL_SHOWN).text,
        "" if is_named else _UNTITLED,
        _PURPOSE if end.outcome in GOOD else "",
    ]
    return " ".join(part for part in parts if part)


def _cut_note(absent: int, what: str, rest: str) -> str:
    return f"{counted(absent, what)} not listed here. {rest}" if absent else ""
