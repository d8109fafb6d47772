"""What a running server is made of; it reaches each tool through the SDK's typed context."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mcp.server.mcpserver import Context

from fw_mcp.guard.guard import Guard
from fw_mcp.images.account import Account
from fw_mcp.images.questions import Scans
from fw_mcp.pictures.inspect import Inspector
from fw_mcp.pictures.view import Viewer
from fw_mcp.server.running import Running
from fw_mcp.writes.changes import Changes

if TYPE_CHECKING:
    from fw_mcp.images.questions import Compares


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts a server needs.

    Attributes:
        changes: the calls that wrote.
        viewer: shows images.
        inspector: reads the headers of files that are not registered yet.
        likenesses: tells which images look alike.
        show_hires: whether `private_hires_uri`, the print master's address, may be shown.
        note: one sentence for the instructions, such as that this is the sandbox.
        running: the writes under way.
        scans: the last walks through the library.
    """

    account: Account
    guard: Guard
    changes: Changes
    viewer: Viewer
    inspector: Inspector
    likenesses: "Compares"
    show_hires: bool = False
    note: str = ""
    running: Running = field(default_factory=Running)
    scans: Scans = field(default_factory=Scans)


Call = Context[Parts]


def parts_of(ctx: Call) -> Parts:
    """The parts behind a call."""
    return ctx.request_context.lifespan_context


def is_local(ctx: Call) -> bool:
    """Whether the caller is at this machine, since it came over stdio and not over HTTP."""
    return ctx.headers is None


def caller_of(ctx: Call) -> str:
    """Who calls, as far as a host says: its transport and its name."""
    params = ctx.session.client_params
    name = params.client_info.name if params else "unnamed"
    return f"{'stdio' if is_local(ctx) else 'http'}:{name}"
