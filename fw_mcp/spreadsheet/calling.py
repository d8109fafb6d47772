"""The server's own tool, called from a terminal: its guard asks the person there."""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mcp.client import Client
from mcp.types import ElicitRequestParams, ElicitResult, Implementation, TextContent

from fw_mcp import __version__
from fw_mcp.guard.guard import Confirm
from fw_mcp.guard.targets import digest
from fw_mcp.server.app import build_server
from fw_mcp.serving import parts_of

if TYPE_CHECKING:
    from mcp.client import ClientRequestContext
    from mcp.types import CallToolResult

    from fw_mcp.assembly import Assembly

Update = Mapping[str, str]
SaidYes = Callable[[str], bool]

_TOOL = "update_image_metadata"
_CLIENT = "fw-mcp apply"
# What the journal and the plans call whoever calls from here.
_CALLER = f"stdio:{_CLIENT}"
_UPDATED = "updated"
_UNCONFIRMED = frozenset({"confirmation_required", "declined"})
_YES = ElicitResult(action="accept", content={"confirm": True})
_NO = ElicitResult(action="decline")


@dataclass(frozen=True, slots=True)
class Sent:
    """What came of one call.

    Attributes:
        ends: guid → outcome and detail, as read back; empty when nothing was sent.
        change_id: its name in the journal.
        refused: it was an error, which was printed.
        replayed: it is the result of an earlier call of the same.
    """

    ends: Mapping[str, tuple[str, str]]
    change_id: str | None = None
    refused: bool = False
    replayed: bool = False


def connected(assembly: "Assembly", said_yes: SaidYes) -> Client:
    """A client of a server on these parts, in this process.

    Args:
        assembly: the parts.
        said_yes: asks the person what the server asks.
    """

    async def answer(
        context: "ClientRequestContext",  # noqa: ARG001  the SDK's signature
        params: ElicitRequestParams,
    ) -> ElicitResult:
        return _YES if said_yes(params.message) else _NO

    parts = parts_of(assembly)
    return Client(
        build_server(parts),
        elicitation_callback=answer,
        client_info=Implementation(name=_CLIENT, version=__version__),
        cache=None,
    )


class Updates:
    """Calls of `update_image_metadata`.

    Args:
        assembly: what the server runs on.
        client: from `connected`.
        said_yes: asks the person, where the operator wants a second call.
    """

    def __init__(self, assembly: "Assembly", client: Client, said_yes: SaidYes) -> None:
        self._assembly = assembly
        self._client = client
        self._said_yes = said_yes
        self._confirm = assembly.guard.limits.confirm
        self._stopping = False

    def stop(self) -> None:
        """Go on with no call; what is being sent is sent."""
        self._stopping = True

    async def send(self, images: Sequence[Update]) -> Sent:
        """Send new texts, at most 500, going on for as long as that brings anything."""
        plan_id = await self._plan_for(images)
        result = await self._call(images=images, **({"plan_id": plan_id} if plan_id else {}))
        if result.get("status") == "confirmation_required":
            result = await self._confirmed(result, images)
        if not result:
            return Sent({}, refused=True)
        if result["status"] in _UNCONFIRMED:
            return Sent({})
        result, refused = await self._gone_on_with(result)
        return Sent(
            {row["guid"]: (row["outcome"], row.get("detail", "")) for row in result["images"]},
            result.get("change_id"),
            refused,
            bool(result.get("replayed")),
        )

    async def _call(self, **arguments: object) -> dict[str, Any]:
        """What the tool gave; nothing when it refused, and said why."""
        result = await self._client.call_tool(_TOOL, arguments, progress_callback=_progress)
        if not result.is_error:
            return result.structured_content or {}
        print(_text(result))
        return {}

    async def _plan_for(self, images: Sequence[Update]) -> str | None:
        """The open plan of a former run for this very call; a person may have approved it."""
        if self._confirm is not Confirm.APPROVE:
            return None
        this = _TOOL, _CALLER, digest(sorted(images, key=lambda image: image["guid"]))
        pending = await self._assembly.plans.pending(self._assembly.guard.now())
        return next(
            (
                plan.plan_id
                for plan in pending
                if (plan.tool, plan.caller, plan.arguments_digest) == this
            ),
            None,
        )

    async def _confirmed(self, result: dict[str, Any], images: Sequence[Update]) -> dict[str, Any]:
        """The result after a yes to its plan; as it is where the yes is not given here."""
        if self._confirm is Confirm.PLAN and self._said_yes(result["question"]):
            return await self._call(images=images, plan_id=result["plan_id"])
        if self._confirm is Confirm.APPROVE:
            print(result["question"])
            print(
                f"Until {result['expires_at']}, fw-mcp approve {result['plan_id']} lets it "
                "through; then apply the file again."
            )
        elif self._confirm is Confirm.AUTO:
            print("The images changed while the question was open.")
        return result

    async def _gone_on_with(self, result: dict[str, Any]) -> tuple[dict[str, Any], bool]:
        """The result once going on brings nothing more, and whether going on was refused."""
        before = -1
        while (handle := result.get("continue_handle")) and _done(result) > before:
            if self._stopping:
                break
            before = _done(result)
            further = await self._call(continue_handle=handle)
            if not further:
                return result, True
            result = further
        return result, False


async def _progress(progress: float, total: float | None, message: str | None) -> None:
    print(f"... {message or f'{progress:g} of {total or 0:g}'}", file=sys.stderr)


def _done(result: Mapping[str, Any]) -> int:
    return int(result["outcomes"].get(_UPDATED, 0))


def _text(result: "CallToolResult") -> str:
    return "\n".join(block.text for block in result.content if isinstance(block, TextContent))
