"""What a running server is made of; a command that serves nothing loads no protocol for it."""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from fw_mcp.errors import GuardError, Reason
from fw_mcp.guard.guard import Guard
from fw_mcp.images.account import Account
from fw_mcp.images.products import ProductScans
from fw_mcp.images.questions import Scans
from fw_mcp.pictures.inspect import Inspector
from fw_mcp.pictures.view import Viewer
from fw_mcp.text import quoted
from fw_mcp.writes.addition import FromFiles
from fw_mcp.writes.operation import ONLY_ACCOUNT
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


class Libraries(Protocol):
    """The libraries that a server opens, by the names of their accounts."""

    def using(self, account: str) -> AbstractContextManager[Parts]:
        """The parts of an account's library, which stays open meanwhile.

        Raises:
            GuardError: there is no account of that name.
        """


class OneLibrary:
    """The one library of a server whose account has no name of its own.

    Args:
        parts: of it.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def using(self, account: str) -> AbstractContextManager[Parts]:
        """Its parts.

        Raises:
            GuardError: another is meant.
        """
        if not is_only_account(account):
            raise no_account(account)
        return nullcontext(self._parts)


def is_only_account(name: str) -> bool:
    """Whether it is the name of the account of a server that has but one."""
    return name == ONLY_ACCOUNT


def no_account(name: str) -> GuardError:
    """What is told of an account that there is not."""
    return GuardError(
        f"This server has no account {quoted(name, 40)}.",
        state="Nothing was sent.",
        next_step="Ask the operator which account the token is to open.",
        reason=Reason.ACCOUNT_UNKNOWN,
    )
