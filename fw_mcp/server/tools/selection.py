"""`set_selection`: hand a set of images to printing."""

from typing import Annotated
from uuid import uuid4

from pydantic import Field

from fw_mcp.library.outcomes import Outcome
from fw_mcp.library.selecting import Selection
from fw_mcp.library.selecting import set_selection as select
from fw_mcp.server.arguments import Guid, Guids
from fw_mcp.server.parts import Call, job_of, parts_of
from fw_mcp.server.results import Status, ToolResult

_TOOL = "set_selection"
_PURPOSE = (
    "selection_guid is the key of this set: a page opened on FinerWorks.com with it prints these "
    "images. Whoever has the key can open the set."
)


class SetSelectionResult(ToolResult):
    """The selection as the service holds it."""

    status: Status
    message: str
    selection_guid: str = Field(description="The selection's key.")
    outcome: Outcome = Field(description="As read back from the service.")
    stored: list[str] | None = Field(None, description="guids as read back.")
    missing: list[str] = Field(description="guids that name no image; not sent.")
    previous: list[str] = Field(description="What it held before; send it to restore it.")

    def text(self) -> str:
        """The message, the key, then the guids."""
        stored = "unknown" if self.stored is None else ", ".join(self.stored) or "none"
        lines = [
            f"{self.status}: {self.message}",
            f"selection_guid {self.selection_guid} ({self.outcome})",
            f"stored: {stored}",
            f"missing: {', '.join(self.missing)}" if self.missing else "",
            f"previous: {', '.join(self.previous)}" if self.previous else "",
        ]
        return "\n".join(line for line in lines if line)


async def set_selection(
    ctx: Call,
    *,
    guids: Annotated[
        Guids, Field(min_length=1, max_length=500, description="The whole set; search_images.")
    ],
    selection_guid: Annotated[
        Guid | None, Field(description="Key of a selection to replace. Left out: a new one.")
    ] = None,
) -> SetSelectionResult:
    """Make a selection hold exactly these images, and give the key that hands it to printing.

    Use it after search_images, when the seller has chosen what to print: a FinerWorks.com page
    opened with the key prints those files. Send the whole set each time. Images that do not exist
    are left out and named. The result is what the service holds afterwards, and what it held
    before. It touches no image.
    """
    parts = parts_of(ctx)
    parts.guard.admit(_TOOL)
    key = selection_guid or str(uuid4())
    selection = await select(parts.library, job_of(ctx, _TOOL), key, guids)
    return _result(selection)


def _result(selection: Selection) -> SetSelectionResult:
    exact = selection.outcome is Outcome.UPDATED and not selection.detail
    whole = exact and not selection.missing
    held = "an unknown number of" if selection.stored is None else str(len(selection.stored))
    said = f"The selection holds {held} images, as read back. {selection.detail}".strip()
    return SetSelectionResult(
        status=Status.COMPLETED if whole else Status.INCOMPLETE,
        message=f"{said} {_PURPOSE}" if selection.outcome is Outcome.UPDATED else said,
        selection_guid=selection.selection_guid,
        outcome=selection.outcome,
        stored=None if selection.stored is None else list(selection.stored),
        missing=list(selection.missing),
        previous=list(selection.previous),
    )
