"""What can be let go wrong with uploaded files."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType

from starlette.responses import HTMLResponse, Response
from starlette.types import Receive, Scope, Send

from fw_mcp.sandbox.faults.plan import ConnectionDropped
from fw_mcp.sandbox.requests import Choice, Integer, holds


class UploadVerb(StrEnum):
    """Which requests for an uploaded file are spoiled."""

    PUT = "PUT"
    HEAD = "HEAD"
    GET = "GET"
    DELETE = "DELETE"


class UploadFaultKind(StrEnum):
    """What goes wrong; but for the last, nothing is done."""

    FORBIDDEN = "forbidden"
    """HTTP 403, as of a private bucket."""
    NOT_FOUND = "not_found"
    """HTTP 404: of a ``GET``, a file that is there and late."""
    SERVER_ERROR = "server_error"
    """HTTP 500."""
    SLOW_DOWN = "slow_down"
    """HTTP 503."""
    HTML = "html"
    """HTTP 200 with a page of HTML in place of the file."""
    DROPPED = "dropped"
    """The connection ends before the answer is whole."""
    LOST = "lost"
    """The right answer; of a ``PUT``, without the file being kept."""


@dataclass(frozen=True)
class UploadFault:
    """One planned fault.

    Attributes:
        kind: what goes wrong.
        verb: of which requests.
        after: how many such requests go through first.
        times: how many it then spoils.
    """

    kind: UploadFaultKind = field(metadata=holds(Choice(UploadFaultKind)))
    verb: UploadVerb = field(default=UploadVerb.PUT, metadata=holds(Choice(UploadVerb)))
    after: int = field(default=0, metadata=holds(Integer()))
    times: int = field(default=1, metadata=holds(Integer(1)))


class UploadFaults:
    """The faults still to come, in the order in which they were planned."""

    def __init__(self) -> None:
        self._plan: list[UploadFault] = []

    def add(self, fault: UploadFault) -> None:
        """Put one more at the end of the plan."""
        self._plan.append(fault)

    def clear(self) -> None:
        """Forget the plan."""
        self._plan.clear()

    def take(self, verb: str) -> UploadFaultKind | None:
        """What goes wrong with this request, if anything."""
        for index, fault in enumerate(self._plan):
            if fault.verb != verb:
                continue
            if fault.after:
                self._plan[index] = replace(fault, after=fault.after - 1)
                continue
            left = [replace(fault, times=fault.times - 1)] if fault.times > 1 else []
            self._plan[index : index + 1] = left
            return fault.kind
        return None


_PAGE = "<!DOCTYPE html><html><head><title>{0}</title></head><body><h1>{0}</h1></body></html>"
_STATUS: Mapping[UploadFaultKind, int] = MappingProxyType(
    {
        UploadFaultKind.FORBIDDEN: 403,
        UploadFaultKind.NOT_FOUND: 404,
        UploadFaultKind.SERVER_ERROR: 500,
        UploadFaultKind.SLOW_DOWN: 503,
    }
)


class _Dropped(Response):
    """An answer that ends in its middle."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the head, and no more."""
        del scope, receive
        headers = [(b"content-length", b"4096")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        raise ConnectionDropped


def instead(kind: UploadFaultKind | None) -> Response | None:
    """The answer that a client gets in place of the real one; None where that is right."""
    if kind is UploadFaultKind.HTML:
        return HTMLResponse(_PAGE.format("Please log in"))
    if kind is UploadFaultKind.DROPPED:
        return _Dropped()
    status = _STATUS.get(kind) if kind else None
    return Response(status_code=status) if status else None
