"""`set_selection`: hand a set of images to printing."""

from typing import Annotated, cast

from mcp.types import InputRequiredResult
from pydantic import Field

from fw_mcp.errors import ArgumentsError, Reason
from fw_mcp.server.arguments import Guid, Guids
from fw_mcp.server.lanes import Lanes
from fw_mcp.server.results import CallStatus, WrittenResult
from fw_mcp.server.tool import Call, caller_of, parts_of
from fw_mcp.text import counted
from fw_mcp.writes.operation import Done, Pending, Written
from fw_mcp.writes.outcomes import GOOD, Ended, Outcome, open_s
from fw_mcp.writes.select import Wish, selection

_PURPOSE = (
    "selection_guid is the key of this selection: opened on FinerWorks.com, it offers these images "
    "for printing. Anyone who has the key can open the selection."
)


class SetSelectionResult(WrittenResult):
    """The selection as the service holds it."""

    selection_guid: str
    outcome: Outcome
    stored: list[str] | None = None
    missing: list[str] = Field(description="guids that match no image, or none it held.")
    previous: list[str] | None = Field(
        None, description="What it held before; send it to restore it."
    )

    def text(self) -> str:
        """The message, the key, then the guids."""
        stored = "unknown" if self.stored is None else ", ".join(self.stored) or "none"
        lines = [
            f"{self.status}: {self.message}",
            f"selection_guid {self.selection_guid} ({self.outcome})",
            f"stored: {stored}",
            f"missing: {', '.join(self.missing)}" if self.missing else "",
            f"previous: {', '.join(self.previous)}" if self.previous else "",
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
    return _result(await parts.writes.run(caller_of(ctx), operation, Lanes(ctx, parts.guard)))


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


def _result(written: Written) -> SetSelectionResult | InputRequiredResult:
    match written:
        case Done(ends):
            return _told(written, ends[0])
        case Pending(request):
            return cast("InputRequiredResult", request)
    raise AssertionError("a selection asks no one")  # pragma: no cover


def _told(done: Done, end: Ended) -> SetSelectionResult:
    unknown = "an unknown number of images"
    held = unknown if end.stored is None else counted(len(end.stored), "image")
    parts = [
        done.replayed,
        f"The selection holds {held}, as read back.",
        end.detail,
        _PURPOSE if end.outcome in GOOD else "",
    ]
    return SetSelectionResult(
        status=CallStatus.COMPLETED if done.complete else CallStatus.INCOMPLETE,
        message=" ".join(part for part in parts if part),
        change_id=done.change_id,
        replayed=True if done.replayed else None,
        retry_after_s=open_s(end.detail),
        selection_guid=end.guid or "",
        outcome=end.outcome,
        stored=None if end.stored is None else list(end.stored),
        missing=list(end.missing),
        previous=None if end.held is None else list(end.held),
    )
