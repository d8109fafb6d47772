"""`undo_change`: take back what an earlier call did, with the guard where anything would go."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Self

from mcp.types import InputRequiredResult
from pydantic import Field

from fw_mcp.api.models import ImageDetails
from fw_mcp.errors import GuardError, Reason
from fw_mcp.guard.guard import Proposal
from fw_mcp.guard.question import deletion_question, products_summary, retitling_question
from fw_mcp.guard.targets import Target
from fw_mcp.server.arguments import DryRun, PlanId
from fw_mcp.server.context import Call, caller_of, parts_of
from fw_mcp.server.guarded import Undertaking, name_of
from fw_mcp.server.guarded import carry_out as carry_out_guarded
from fw_mcp.server.results import GuardedResult, Status, completed, previewed
from fw_mcp.server.rows import EndRow, product_rows, untouched
from fw_mcp.server.targets import rewrite_target, target_of
from fw_mcp.server.tools.update import preview_row, row_with_diff
from fw_mcp.text import quoted
from fw_mcp.writes.job import Ends, Job
from fw_mcp.writes.undo import TOOL_OF, Undo, Undoable, carry_out, undo_of

_GO_ON = "Call undo_change again for the rest."
_ChangeId = Annotated[
    str, Field(description="From the result of a write, or from finerworks://changes.")
]


class UndoChangeResult(GuardedResult):
    """What became of each image."""

    @property
    def conclusive(self) -> bool:
        """An undo that is not complete begins anew: it leaves alone what it undid before."""
        return self.status is Status.COMPLETED

    def on_record(self, change_id: str, *, open_: bool) -> Self:
        """The result with its name in the journal; what is left needs no handle."""
        result = super().on_record(change_id, open_=False)
        message = f"{self.message} {_GO_ON}" if open_ else self.message
        return result.model_copy(update={"message": message})


async def undo_change(
    ctx: Call,
    *,
    change_id: _ChangeId,
    dry_run: DryRun = False,
    plan_id: PlanId | None = None,
) -> UndoChangeResult | InputRequiredResult:
    """Undo an earlier write of this server, as far as FinerWorks lets it be undone.

    An update gets its former text back; a deleted image is registered again with a new guid, its
    products cannot come back; an added image is deleted; a selection holds its former images again.
    A person is asked as for any call where products or images would go. What was changed since is
    left alone and named. Use dry_run to see what it would do; finerworks://changes lists changes.
    """
    if not dry_run:
        parts_of(ctx).guard.admit(_Undoing.tool)
    undoing = _Undoing(ctx, await _undoable(ctx, change_id))
    if dry_run:
        return await undoing.previewed()
    return await carry_out_guarded(ctx, undoing, plan_id)


class _Undoing(Undertaking[UndoChangeResult]):
    """One change, and what taking it back would do."""

    tool = "undo_change"
    result = UndoChangeResult

    def __init__(self, ctx: Call, undoable: Undoable) -> None:
        super().__init__(ctx)
        self.also = (TOOL_OF[undoable.kind],)
        self.undoes = undoable.change.change_id
        self._undoable = undoable
        self._undo: Undo | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """A change is undone by one call at a time."""
        return (name_of(self._undoable.change.change_id),)

    async def check_alone(self) -> None:
        """See that nobody undid it, or a part of it, since it was read."""
        undoings = await parts_of(self.ctx).changes.history.undoing(self._undoable.change.change_id)
        if len(undoings) != self._undoable.undoings:
            raise _cannot(f"Change {self.undoes} was undone by another call meanwhile.")

    @property
    def arguments(self) -> Mapping[str, Any]:
        """Which change."""
        return {"change_id": self.undoes}

    @property
    def items(self) -> int:
        """How many items the call has."""
        return len(self._undoable.ends)

    async def propose(self) -> Proposal:
        """Read, and say what would go."""
        undo = await self._read()
        targets = _targets(undo)
        return Proposal(
            tool=self.tool,
            caller=caller_of(self.ctx),
            arguments=self.identity,
            targets=targets,
            question=self._question(undo, targets) if targets else "",
        )

    async def write(self, job: Job) -> Ends:
        """Do what was read last."""
        return await carry_out(self.account, job, self._undo or await self._read())

    def told(self, ended: Ends | None = None) -> UndoChangeResult:
        """One row an image: how it ended, or what would be done."""
        result = completed(UndoChangeResult, self._rows(ended or {}))
        (whole, *_) = [end.stored for end in (ended or {}).values()] or [None]
        if whole is None or set(whole) == set(self._undoable.former):
            return result
        return result.model_copy(update={"status": Status.INCOMPLETE})

    async def previewed(self) -> UndoChangeResult:
        """What would be done."""
        undo = await self._read()
        at_risk = products_summary([one for target in _targets(undo) for one in target.products])
        message = f"{undo.summary()} Products that would be removed: {at_risk}."
        return previewed(UndoChangeResult, self._rows({}), message)

    async def _read(self) -> Undo:
        """Read what stands there now.

        Raises:
            GuardError: nothing of the change can be taken back.
        """
        self.read_at = self.account.clock()
        undo = await undo_of(self.account, self._undoable, self.read_at)
        if not undo.items:
            why = next(iter(undo.refused.values())).detail if undo.refused else "It did nothing."
            raise _cannot(f"Nothing of change {self.undoes} can be undone. {why}")
        self._undo = undo
        return undo

    def _question(self, undo: Undo, targets: Sequence[Target]) -> str:
        asked = (
            deletion_question(targets, self._undoable.name)
            if undo.doomed
            else retitling_question(targets, len(undo.rewrites))
        )
        return f"Undo change {self.undoes} ({self._undoable.change.tool})?\n{asked}"

    def _rows(self, ended: Ends) -> list[EndRow]:
        undo = self._undo or Undo(self._undoable)
        rows = {item: row_with_diff(end) for item, end in undo.refused.items()}
        rows |= {item: _preview(image) for item, image in undo.doomed.items()}
        rows |= {item: preview_row(rewrite) for item, rewrite in undo.rewrites.items()}
        guids = {item: end.guid or "" for item, end in self._undoable.ends.items()}
        rows |= {item: untouched(guids[item], one.file_name) for item, one in undo.lost.items()}
        rows |= {item: row_with_diff(end) for item, end in ended.items()}
        return [rows[item] for item in sorted(rows)]


def _targets(undo: Undo) -> list[Target]:
    """What would go: every image that is deleted, and those rewritten that carry products."""
    losing = [one for one in undo.rewrites.values() if one.before.hung]
    return [target_of(image) for image in undo.doomed.values()] + [
        rewrite_target(one) for one in losing
    ]


def _preview(image: ImageDetails) -> EndRow:
    row = untouched(image.guid, image.file_name)
    return row.model_copy(update={"products_at_risk": product_rows(image.hung)})


async def _undoable(ctx: Call, change_id: str) -> Undoable:
    changes = parts_of(ctx).changes
    change = await changes.history.change(change_id)
    if change is None:
        raise _cannot(f"There is no change {quoted(change_id, 40)} on record.")
    if changes.is_foreign(change):
        raise _cannot(f"Change {change_id} was made with another account's keys.")
    undoings = [one.change_id for one in await changes.history.undoing(change_id)]
    named = any(changes.is_named(name_of(one)) for one in [change_id, *undoings])
    if named or await changes.runs_elsewhere(change):
        raise _cannot(f"Change {change_id}, or an undo of it, is still under way.")
    if await changes.undoing_elsewhere(change):
        raise _cannot(f"Change {change_id} is being undone by another process.")
    undoable = await changes.undoable(change, parts_of(ctx).account.clock())
    if undoable is None:
        raise _cannot(f"Change {change_id} wrote nothing.")
    return undoable


def _cannot(why: str) -> GuardError:
    return GuardError(
        why,
        state="Nothing was sent.",
        next_step="finerworks://changes lists the changes.",
        reason=Reason.CANNOT_UNDO,
    )
