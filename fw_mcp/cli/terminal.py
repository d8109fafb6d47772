"""Writes from a terminal: the person there is asked, and told how far a call is."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from fw_mcp.cli.output import tell
from fw_mcp.config import IN_MEMORY, option
from fw_mcp.guard.guard import Confirm
from fw_mcp.text import timed
from fw_mcp.writes.operation import Answer, Later, No, Yes
from fw_mcp.writes.run import APPROVAL

if TYPE_CHECKING:
    from fw_mcp.assembly import Assembly
    from fw_mcp.guard.guard import Guard, Plan
    from fw_mcp.store.plans import PlanStore
    from fw_mcp.writes.operation import Operation

SaidYes = Callable[[str], bool]

_LANE = "terminal"


def forgotten(assembly: "Assembly") -> str:
    """Why a command finds nothing in a store that each process begins anew; "" for another."""
    if assembly.settings.sandbox != IN_MEMORY or assembly.database.shared:
        return ""
    return (
        " A sandbox in memory is lost with its process: to see what a server did on one, give "
        f"both the same {option('sandbox_file')} FILE."
    )


def agreed(question: str) -> bool:
    """The answer of whoever said yes beforehand, to a question that is shown all the same."""
    print(question)
    return True


class AtTheTerminal:
    """Asks the person at the terminal, unless the operator wants another one there.

    Args:
        guard: knows who answers, and which plans were approved.
        said_yes: asks.
        plan_id: the open plan of a former run.
        again: what makes the same call again, as a clause.
    """

    def __init__(self, guard: "Guard", said_yes: SaidYes, plan_id: str | None, again: str) -> None:
        self._guard = guard
        self._said_yes = said_yes
        self._again = again
        self.plan_id = plan_id

    @property
    def key(self) -> str:
        """The same for calls that give the same answer."""
        return self.plan_id or ""

    @property
    def lane(self) -> str:
        """Whether the person here is asked, or another one."""
        return APPROVAL if self._guard.limits.confirm is Confirm.APPROVE else _LANE

    async def __call__(self, plan: "Plan") -> Answer:
        """Ask whether this plan may be carried out."""
        if self.lane == APPROVAL:
            return Yes(APPROVAL) if await self._guard.approved(plan) else Later()
        return Yes(_LANE) if self._said_yes(plan.question) else No("")

    def way_on(self, plan: "Plan") -> str:
        """What is to be done so that a plan that waits gets its answer."""
        if self.lane != APPROVAL:
            return f"{self._again[0].upper()}{self._again[1:]}."
        until = timed(plan.expires_at)
        return f"Run fw-mcp approve {plan.plan_id} before {until}, then {self._again}."


async def waiting_plan(
    plans: "PlanStore", guard: "Guard", caller: str, operation: "Operation"
) -> str | None:
    """The open plan of a former run for this very call; a person may have approved it."""
    if guard.limits.confirm is not Confirm.APPROVE:
        return None
    this = operation.tool, caller, operation.digest
    for plan in await plans.pending(guard.now()):
        if (plan.tool, plan.caller, plan.arguments_digest) == this:
            return plan.plan_id
    return None


async def told(progress: float, total: float | None = None, message: str | None = None) -> None:
    """Tell how far a call is."""
    tell(f"... {message or f'{progress:g} of {total or 0:g}'}")
