"""`undo_change`: take back what an earlier call did, with the guard where anything would go."""

from typing import Annotated, ClassVar

from mcp.types import InputRequiredResult
from pydantic import Field

from fw_mcp.server.arguments import DryRun, PlanId
from fw_mcp.server.lanes import Lanes
from fw_mcp.server.results import GuardedResult
from fw_mcp.server.tool import Call, caller_of, parts_of
from fw_mcp.writes.undo import TOOL

_ChangeId = Annotated[str, Field(description="From a write's result or list_changes.")]


class UndoChangeResult(GuardedResult):
    """What became of each image."""

    way_on: ClassVar[str] = "Call undo_change again for the rest."
    has_handle: ClassVar[bool] = False
    way_after_failure: ClassVar[str] = ""


async def undo_change(
    ctx: Call,
    *,
    change_id: _ChangeId,
    dry_run: DryRun = False,
    plan_id: PlanId | None = None,
) -> UndoChangeResult | InputRequiredResult:
    """Undo, revert, reverse or take back a mistake or the last change; restore deleted pictures.

    An edit gets its old title and text put back, new images are deleted, deleted ones registered
    again under new guids, a selection gets its former set. Removed products stay removed. What
    changed later is left alone and listed. A person is asked before anything is removed. Run
    dry_run first.
    """
    parts = parts_of(ctx)
    writes, guard = parts.writes, parts.guard
    caller = caller_of(ctx)
    if not dry_run:
        guard.admit(TOOL, caller.scopes)
    operation = await writes.undoing(change_id)
    if dry_run:
        prepared = await operation.read()
        return UndoChangeResult.previewed(prepared.would, prepared.summary)
    ask = Lanes(ctx, guard, plan_id)
    return UndoChangeResult.of(await writes.run(caller, operation, ask))
