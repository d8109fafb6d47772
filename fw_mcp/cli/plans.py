"""The person's side of a plan, in a terminal: `fw-mcp plans` and `fw-mcp approve PLAN`."""

import sys
import time
from typing import TYPE_CHECKING

import anyio

from fw_mcp.cli.output import answered_yes
from fw_mcp.cli.terminal import forgotten
from fw_mcp.errors import GuardError, Reason
from fw_mcp.text import quoted, timed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fw_mcp.assembly import Assembly
    from fw_mcp.store.plans import PlanRecord


def list_plans(assembly: "Assembly", _: "Mapping[str, object]") -> int:
    """Print the pending plans."""
    assembly.mean_the_stores_account()
    plans = anyio.run(assembly.plans.pending, time.time())
    for plan in plans:
        print(_told(plan))
    if plans:
        print("To approve one, run fw-mcp approve PLAN with the same options.")
    else:
        print(f"No pending plans.{forgotten(assembly)}")
    return 0


def approve(assembly: "Assembly", own: "Mapping[str, object]") -> int:
    """Print one plan, and approve it after a typed yes, or with `--yes`.

    Raises:
        GuardError: no such plan waits, or nobody is at a terminal to say yes.
    """
    assembly.mean_the_stores_account()
    plan_id = str(own["plan"])
    print(_told(anyio.run(_waiting, assembly, plan_id)))
    if not own["yes"]:
        if not sys.stdin.isatty():
            raise _nobody_is_there()
        if not answered_yes("Approve this?"):
            print("Not approved.")
            return 1
    anyio.run(_approved, assembly, plan_id)
    print("Approved. The assistant may now repeat the call with this plan_id.")
    return 0


async def _waiting(assembly: "Assembly", plan_id: str) -> "PlanRecord":
    waiting = await assembly.plans.pending(time.time())
    plan = next((one for one in waiting if one.plan_id == plan_id), None)
    if plan is None:
        raise _unknown(plan_id)
    return plan


async def _approved(assembly: "Assembly", plan_id: str) -> None:
    if not await assembly.plans.approve(plan_id, time.time()):
        raise _unknown(plan_id)


def _nobody_is_there() -> GuardError:
    return GuardError(
        "No terminal is attached to confirm it.",
        state="Nothing was approved.",
        next_step="Run this in a terminal; a script adds --yes.",
        reason=Reason.NOT_APPROVED,
    )


def _unknown(plan_id: str) -> GuardError:
    return GuardError(
        f"There is no pending plan {quoted(plan_id, 40)} in this store.",
        state="Nothing was approved.",
        next_step="fw-mcp plans lists the pending plans; use the server's own --store.",
        reason=Reason.PLAN_UNKNOWN,
    )


def _told(plan: "PlanRecord") -> str:
    until = timed(plan.expires_at)
    state = "approved" if plan.approved_at else "pending"
    return f"{plan.plan_id}  {plan.tool} by {quoted(plan.caller)}, until {until}, {state}\n" + (
        "\n".join(f"    {line}" for line in plan.question.splitlines())
    )
