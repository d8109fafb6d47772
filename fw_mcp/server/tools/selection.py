"""`set_selection`: hand a set of images to printing."""

from typing import Annotated, cast

from mcp.types import InputRequiredResult
from pydantic import Field

from fw_mcp.server.arguments import Guid, Guids
from fw_mcp.server.lanes import Lanes
from fw_mcp.server.results import CallStatus, WrittenResult
from fw_mcp.server.tool import Call, caller_of, parts_of
from fw_mcp.text import counted
from fw_mcp.writes.operation import Done, Pending, Written
from fw_mcp.writes.outcomes import Ended, Outcome, open_s
from fw_mcp.writes.select import selection

_PURPOSE = (
    "selection_guid is the key of this set: a page opened on FinerWorks.com with it prints these "
    "images. Whoever has the key can open the set."
)


class SetSelectionResult(WrittenResult):
    """The selection as the service holds it."""

    selection_guid: str = Field(description="The selection's key.")
    outcome: Outcome = Field(description="As read back from the service.")
    stored: list[str] | None = Field(None, description="guids as read back.")
    missing: list[str] = Field(description="guids that match no image; not sent.")
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
    guids: Annotated[Guids, Field(description="From search_images; at most 500.")],
    selection_guid: Annotated[
        Guid | None,
        Field(description="Key to replace; default: a new one."),
    ] = None,
) -> SetSelectionResult | InputRequiredResult:
    """Select or choose pictures or photos for a print order: put images together in a selection.

    Returns its key: a FinerWorks.com page opened with it offers these images for printing. It
    orders nothing and changes no image. Check resolution first with search_images (print_size).
    Send the complete set: an existing selection is overwritten without asking, and previous holds
    what it held. Guids that match no image are skipped and listed in missing.
    """
    parts = parts_of(ctx)
    operation = selection(parts.account, guids, selection_guid)
    return _result(await parts.writes.run(caller_of(ctx), operation, Lanes(ctx, parts.guard)))


def _result(written: Written) -> SetSelectionResult | InputRequiredResult:
    match written:
        case Done(ends):
            return _told(written, ends[0])
        case Pending(request):
            return cast("InputRequiredResult", request)
    raise AssertionError("a selection asks nobody")  # pragma: no cover


def _told(done: Done, end: Ended) -> SetSelectionResult:
    unknown = "an unknown number of images"
    held = unknown if end.stored is None else counted(len(end.stored), "image")
    parts = [
        done.replayed,
        f"The selection holds {held}, as read back.",
        end.detail,
        _PURPOSE if end.outcome is Outcome.UPDATED else "",
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
