"""The person's side of a plan, in a terminal: `fw-mcp plans` and `fw-mcp approve PLAN`."""

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import anyio

from fw_mcp.errors import GuardError, Reason, quoted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fw_mcp.assembly import Assembly
    from fw_mcp.store.plans import PlanRecord


def list_plans(assembly: "Assembly", _: "Mapping[str, object]") -> int:
    """Print the plans that wait for an answer."""
    plans = anyio.run(assembly.plans.pending, time.time())
    for plan in plans:
        print(_told(plan))
    if not plans:
        print("No plan waits for an answer.")
    return 0


def approve(assembly: "Assembly", own: "Mapping[str, object]") -> int:
    """Approve one plan and print what was approved.

    Raises:
        GuardError: no such plan waits.
    """
    plan = anyio.run(_approved, assembly, str(own["plan"]))
    print(f"{_told(plan)}\nApproved. The assistant may now repeat the call with this plan_id.")
    return 0


async def _approved(assembly: "Assembly", plan_id: str) -> "PlanRecord":
    plan = await assembly.plans.get(plan_id)
    if plan is None or not await assembly.plans.approve(plan_id, time.time()):
        raise GuardError(
            f"No plan {quoted(plan_id, 40)} waits for an answer in this store.",
            state="Nothing was approved.",
            next_step="fw-mcp plans lists those that wait; use the server's own --store.",
            reason=Reason.PLAN_UNKNOWN,
        )
    return plan


def _told(plan: "PlanRecord") -> str:
    until = datetime.fromtimestamp(plan.expires_at, UTC).isoformat(timespec="seconds")
    state = "approved" if plan.approved_at else "waits for approval"
    return f"{plan.plan_id}  {plan.tool} by {quoted(plan.caller)}, until {until}, {state}\n" + (
        "\n".join(f"    {line}" for line in plan.question.splitlines())
    )
