"""A write that may have to ask: the way that deleting and retitling share."""

from collections.abc import Sequence
from typing import Protocol, TypeVar

from mcp.types import InputRequiredResult

from fw_mcp.guard.guard import Proposal
from fw_mcp.library.outcomes import Ended
from fw_mcp.library.writing import Job
from fw_mcp.server.confirmation import (
    Accepted,
    Asking,
    NothingAtStake,
    Refused,
    Waiting,
    confirm,
)
from fw_mcp.server.parts import Call, job_of, parts_of
from fw_mcp.server.results import GuardedResult, completed, declined, waiting
from fw_mcp.server.rows import EndRow

R = TypeVar("R", bound=GuardedResult)


class Undertaking(Protocol):
    """What a guarded call is about to do, on records read just before.

    Attributes:
        tool: the tool's name.
        arguments: what names the call's effect, as plain JSON.
        read_at: when the records were read, on the library's clock.
    """

    tool: str
    arguments: object
    read_at: float

    async def propose(self) -> Proposal:
        """Read the images fresh, and say what would go."""

    async def write(self, job: Job) -> list[Ended]:
        """Do it to what was read last."""

    def rows(self, ended: Sequence[Ended] = ()) -> list[EndRow]:
        """One row an image: how it ended, or that nothing was sent for it."""


async def carry_out(
    ctx: Call, undertaking: Undertaking, plan_id: str | None, result: type[R]
) -> R | InputRequiredResult:
    """Let the guard in, ask if anything is at stake, and write after a yes."""
    tool = undertaking.tool
    parts_of(ctx).guard.admit(tool)
    answer = await confirm(ctx, Asking(tool, undertaking.arguments, plan_id, undertaking.propose))
    match answer:
        case Accepted() | NothingAtStake():
            accepted = answer.plan.plan_id if isinstance(answer, Accepted) else None
            job = job_of(ctx, tool, accepted, started=undertaking.read_at)
            return completed(result, undertaking.rows(await undertaking.write(job)))
        case Waiting(plan, message):
            return waiting(result, undertaking.rows(), plan, message)
        case Refused(message):
            return declined(result, undertaking.rows(), message)
        case InputRequiredResult():
            return answer
