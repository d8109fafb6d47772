"""`fw-mcp undo CHANGE`: what `undo_change` does, asked for and answered in a terminal."""

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING

import anyio

from fw_mcp.cli.output import typed_yes
from fw_mcp.cli.refusals import row_for_a_person
from fw_mcp.cli.terminal import AtTheTerminal, SaidYes, agreed, forgotten, told, waiting_plan
from fw_mcp.errors import GuardError
from fw_mcp.server.end_rows import end_row, would_row
from fw_mcp.signals import stop_signals
from fw_mcp.writes.operation import Caller, Declined, Done, Operation, Waiting, Written
from fw_mcp.writes.outcomes import Ends, all_good
from fw_mcp.writes.undo import TOOL

if TYPE_CHECKING:
    from fw_mcp.assembly import Assembly

_CALLER = "stdio:fw-mcp undo"
_LEFT = 7


def undo(assembly: "Assembly", own: Mapping[str, object], said_yes: SaidYes = typed_yes) -> int:
    """Take a change back, or say what that would do.

    Args:
        assembly: whose library.
        own: the change, whether only to say what would be done, and whether yes is said already.
        said_yes: asks the person.

    Returns:
        0 when all of it is taken back; 7 when some is left, or the answer is not yes.

    Raises:
        FwError: it cannot be taken back, or the images could not be read.
    """
    change_id = str(own["change"])
    if own["dry_run"]:
        return anyio.run(_previewed, assembly, change_id)
    return anyio.run(_undone, assembly, change_id, agreed if own["yes"] else said_yes)


async def _operation(assembly: "Assembly", change_id: str) -> Operation:
    try:
        return await assembly.parts.writes.undoing(change_id)
    except GuardError as refused:
        refused.state += forgotten(assembly)
        raise


async def _previewed(assembly: "Assembly", change_id: str) -> int:
    try:
        prepared = await (await _operation(assembly, change_id)).read()
    finally:
        await assembly.aclose()
    _tell(prepared.would, would=True)
    print(f"Nothing was sent. {prepared.summary}")
    return 0


async def _undone(assembly: "Assembly", change_id: str, said_yes: SaidYes) -> int:
    parts = assembly.parts
    guard = parts.guard
    try:
        guard.admit(TOOL)
        operation = await _operation(assembly, change_id)
        plan_id = await waiting_plan(assembly.plans, guard, _CALLER, operation)
        ask = AtTheTerminal(guard, said_yes, plan_id, f"run fw-mcp undo {change_id} again")
        # What is being sent is sent; a second signal ends it at once.
        with stop_signals(lambda: None):
            written = await parts.writes.run(Caller(_CALLER, told), operation, ask)
    finally:
        await assembly.aclose()
    return _ended(written)


def _ended(written: Written) -> int:
    match written:
        case Done(ends):
            _tell(ends, would=False)
            counts = Counter(str(end.outcome) for end in ends.values())
            words = ", ".join(f"{count} {outcome}" for outcome, count in counts.items())
            taken = f" fw-mcp undo {written.change_id} redoes it." * bool(written.change_id)
            print(" ".join(filter(None, [written.replayed, f"As read back: {words}.{taken}"])))
            return 0 if written.complete and all_good(ends) else _LEFT
        case Waiting(_, plan, message):
            print(plan.question)
            print(message)
        case Declined(_, message):
            print(message or "Not undone. Nothing was sent.")
    return _LEFT


def _tell(ends: Ends, *, would: bool) -> None:
    for item in sorted(ends):
        row = would_row(ends[item]) if would else end_row(ends[item])
        print(f"    {row_for_a_person(row.line())}")
