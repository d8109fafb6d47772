"""`set_selection`: hand a set of images to printing."""

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any
from uuid import uuid4

from mcp.types import InputRequiredResult
from pydantic import Field

from fw_mcp.guard.guard import Proposal
from fw_mcp.server.arguments import Guid, Guids
from fw_mcp.server.context import Call, caller_of
from fw_mcp.server.guarded import Undertaking, carry_out
from fw_mcp.server.results import Status, WrittenResult
from fw_mcp.writes.job import Ends, Job
from fw_mcp.writes.outcomes import GOOD, Ended, Outcome
from fw_mcp.writes.select import Selection
from fw_mcp.writes.select import set_selection as select

_PURPOSE = (
    "selection_guid is the key of this set: a page opened on FinerWorks.com with it prints these "
    "images. Whoever has the key can open the set."
)


class SetSelectionResult(WrittenResult):
    """The selection as the service holds it."""

    selection_guid: str = Field(description="The selection's key.")
    outcome: Outcome = Field(description="As read back from the service.")
    stored: list[str] | None = Field(None, description="guids as read back.")
    missing: list[str] = Field(description="guids that name no image; not sent.")
    previous: list[str] | None = Field(
        None, description="What it held before; send it to restore it."
    )

    @property
    def unknown(self) -> bool:
        """Whether it is not known what is stored."""
        return self.outcome is Outcome.UNKNOWN

    @property
    def conclusive(self) -> bool:
        """Whether it was stored, or may have been."""
        return self.outcome in GOOD | {Outcome.UNKNOWN}

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
        ]
        return "\n".join(line for line in lines if line)


async def set_selection(
    ctx: Call,
    *,
    guids: Annotated[
        Guids, Field(min_length=1, max_length=500, description="The whole set; search_images.")
    ],
    selection_guid: Annotated[
        Guid | None,
        Field(description="Key to replace. Left out: a new one; the same guids soon get it again."),
    ] = None,
) -> SetSelectionResult | InputRequiredResult:
    """Make a selection hold exactly these images, and give the key that hands it to printing.

    Use it after search_images, when the seller has chosen what to print: a FinerWorks.com page
    opened with the key prints those files. Send the whole set each time. Images that do not exist
    are left out and named. The result is what the service holds afterwards, and what it held
    before. It touches no image.
    """
    return await carry_out(ctx, _Choice(ctx, guids, selection_guid))


class _Choice(Undertaking[SetSelectionResult]):
    """The images that a selection shall hold."""

    tool = "set_selection"
    result = SetSelectionResult

    def __init__(self, ctx: Call, guids: list[str], selection_guid: str | None) -> None:
        super().__init__(ctx)
        self._guids = guids
        self._given = selection_guid
        self._key = selection_guid or str(uuid4())
        self._selection = Selection(self._key, Outcome.NOT_ATTEMPTED, "", None, (), ())

    @property
    def arguments(self) -> Mapping[str, Any]:
        """The guids, and the key that they are stored under."""
        return {"guids": self._guids, "selection_guid": self._key}

    @property
    def identity(self) -> object:
        """Without the key that was only made up for it."""
        return {"guids": self._guids, "selection_guid": self._given}

    @property
    def items(self) -> int:
        """One selection."""
        return 1

    def take_up(self, arguments: str) -> None:
        """A call that was cut off may have stored its key already: it is the one to go on with."""
        self._key = json.loads(arguments)["selection_guid"]

    async def propose(self) -> Proposal:
        """A selection touches no image, so there is nothing to ask."""
        return Proposal(self.tool, caller_of(self.ctx), self.identity, targets=(), question="")

    async def write(self, job: Job) -> Ends:
        """Store it."""
        self._selection = await select(self.account, job, self._key, self._guids)
        chosen = self._selection
        return {0: Ended(self._key, chosen.outcome, chosen.detail, stored=chosen.stored)}

    def told(self, ended: Ends | None = None) -> SetSelectionResult:
        """The selection as the service holds it."""
        if self._selection.stored is None and ended:
            return _result(_told_by_the_journal(ended[0], self._guids))
        return _result(self._selection)


def _told_by_the_journal(end: Ended, guids: Sequence[str]) -> Selection:
    """A selection that was stored by a call whose answer nobody got."""
    stored = end.stored or ()
    detail = "" if end.outcome is Outcome.UPDATED else end.detail
    missing = tuple(guid for guid in guids if guid not in stored)
    return Selection(end.guid or "", end.outcome, detail, end.stored, missing, None)


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
        previous=None if selection.previous is None else list(selection.previous),
    )
