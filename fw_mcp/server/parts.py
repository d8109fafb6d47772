"""What a running server is made of; a command that serves nothing loads no protocol for it."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fw_mcp.guard.guard import Guard
from fw_mcp.images.account import Account
from fw_mcp.images.products import ProductScans
from fw_mcp.images.questions import Scans
from fw_mcp.pictures.inspect import Inspector
from fw_mcp.pictures.view import Viewer
from fw_mcp.writes.addition import FromFiles
from fw_mcp.writes.run import Writes

if TYPE_CHECKING:
    from fw_mcp.images.print_masters import Answers
    from fw_mcp.images.questions import Compares


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts a server needs.

    Attributes:
        account: whose library it is.
        guard: what may go.
        writes: the way of everything that changes the library.
        viewer: shows images.
        inspector: reads the headers of files that are not registered yet.
        likenesses: tells which images look alike.
        masters: tells which print masters still answer.
        files: adds images from files of this machine; None where it never does.
        show_hires: whether `private_hires_uri`, the print master's address, may be shown.
        note: one sentence for the instructions, such as that this is the sandbox.
        scans: the last walks through the library.
        product_scans: the last walks through the products.
    """

    account: Account
    guard: Guard
    writes: Writes
    viewer: Viewer
    inspector: Inspector
    likenesses: "Compares"
    masters: "Answers"
    files: FromFiles | None = None
    show_hires: bool = False
    note: str = ""
    scans: Scans = field(default_factory=Scans)
    product_scans: ProductScans = field(default_factory=ProductScans)
