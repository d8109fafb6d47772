"""What a running server is made of; it reaches each tool through the SDK's typed context."""

from dataclasses import dataclass

from mcp.server.mcpserver import Context

from fw_mcp.guard.guard import Guard
from fw_mcp.library.library import Library
from fw_mcp.library.writing import Job


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts a server needs.

    Attributes:
        show_hires: whether `private_hires_uri`, the print master's address, may be shown.
        note: one sentence for the instructions, such as that this is the sandbox.
    """

    library: Library
    guard: Guard
    show_hires: bool = False
    note: str = ""


Call = Context[Parts]


def parts_of(ctx: Call) -> Parts:
    """The parts behind a call."""
    return ctx.request_context.lifespan_context


def caller_of(ctx: Call) -> str:
    """Who calls, as far as a host says: its transport and its name."""
    params = ctx.session.client_params
    name = params.client_info.name if params else "unnamed"
    return f"{'stdio' if ctx.headers is None else 'http'}:{name}"


def job_of(
    ctx: Call, tool: str, plan_id: str | None = None, *, started: float | None = None
) -> Job:
    """The write that a call is about to do, on an accepted plan if it has one.

    Args:
        ctx: the call.
        tool: which tool.
        plan_id: the accepted plan.
        started: when the call began to read what it writes, on the library's clock; None for now.
    """
    return Job(
        tool=tool,
        caller=caller_of(ctx),
        plan_id=plan_id,
        started=parts_of(ctx).library.clock() if started is None else started,
        progress=ctx.report_progress,
    )
