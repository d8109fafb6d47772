"""Ask a person, on the best lane the client has, and let a destructive call through only once.

Lanes: multi-round-trip for 2026-07-28 clients, a live elicitation for older ones, and otherwise
the plan itself, which the same tool carries out when it is called again with `plan_id`. Under
`--confirm approve` the answer is given in a terminal instead. Whatever is not a yes is a no.
"""

import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING

import anyio
from mcp.shared.exceptions import MCPError
from mcp.types import (
    ElicitRequest,
    ElicitRequestFormParams,
    ElicitResult,
    InputRequiredResult,
)
from mcp_types.version import is_version_at_least
from pydantic import ValidationError

from fw_mcp.errors import FwError, GuardError, Reason
from fw_mcp.guard.guard import Confirm, Plan, Proposal
from fw_mcp.server.context import Call, caller_of, parts_of

if TYPE_CHECKING:
    from mcp.server.session import ServerSession

_log = logging.getLogger(__name__)

_MULTI_ROUND_TRIP = "2026-07-28"
_ANSWER = "confirmation"
_SOFTWARE_S = 0.4
_FORM = {
    "type": "object",
    "properties": {
        "confirm": {
            "type": "boolean",
            "title": "Yes, do it",
            "description": "Tick to let it happen. Anything else changes nothing.",
            "default": False,
        }
    },
    "required": ["confirm"],
}


class _Lane(Enum):
    MULTI_ROUND_TRIP = auto()
    ELICITATION = auto()
    TWO_STEP = auto()
    APPROVAL = auto()


APPROVAL = _Lane.APPROVAL.name.lower()
_HOW_TO_GO_ON = {
    _Lane.APPROVAL: "Show the question to the person, who may run `fw-mcp approve {plan}` in a "
    "terminal; then",
    _Lane.TWO_STEP: "Show the question to the person, word for word. Only after a clear yes,",
    _Lane.ELICITATION: "To ask the person the new question,",
    _Lane.MULTI_ROUND_TRIP: "To ask the person the new question,",
}


@dataclass(frozen=True, slots=True)
class Asking:
    """A destructive call on its way to an answer.

    Attributes:
        arguments: what names the call's effect, as plain JSON.
        plan_id: as the call gave it.
        propose: reads the targets fresh and says what would happen.
    """

    tool: str
    arguments: object
    plan_id: str | None
    propose: Callable[[], Awaitable[Proposal]]


@dataclass(frozen=True, slots=True)
class Accepted:
    """The plan is won: carry out exactly what `propose` read last.

    Attributes:
        how: the lane that the answer came on.
    """

    plan: Plan
    how: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """Nothing was sent; the plan waits for its answer."""

    plan: Plan
    message: str


@dataclass(frozen=True, slots=True)
class Refused:
    """Nothing was sent: the answer was not a yes."""

    message: str


@dataclass(frozen=True, slots=True)
class NothingAtStake:
    """No image would be deleted and none would lose products, so there is nothing to ask."""


Answer = Accepted | NothingAtStake | Waiting | Refused | InputRequiredResult


async def confirm(ctx: Call, asking: Asking) -> Answer:
    """Get an answer to a destructive call, and win the plan's single use if it is a yes.

    Raises:
        GuardError: the plan is not for this call, used or expired, or a limit is reached.
        StoreError: the plan could not be kept or won; nothing may be sent.
    """
    return await _Confirmation(ctx, asking).answer()


class _Confirmation:
    """One call's way to an answer."""

    def __init__(self, ctx: Call, asking: Asking) -> None:
        self._ctx = ctx
        self._asking = asking
        self._guard = parts_of(ctx).guard
        self._lane = _lane(ctx, self._guard.limits.confirm)

    async def answer(self) -> Answer:
        if self._ctx.request_state is not None:
            return await self._second_round(self._ctx.request_state)
        if self._asking.plan_id is None:
            proposal = await self._asking.propose()
            if not proposal.targets:
                return NothingAtStake()
            return await self._ask(await self._guard.plan(proposal))
        plan = await self._recall(self._asking.plan_id)
        if self._lane in {_Lane.TWO_STEP, _Lane.APPROVAL}:
            return await self._carry_out(plan)
        return await self._ask(plan)

    async def _ask(self, plan: Plan) -> Answer:
        match self._lane:
            case _Lane.MULTI_ROUND_TRIP:
                params = ElicitRequestFormParams(message=plan.question, requested_schema=_FORM)
                return InputRequiredResult(
                    input_requests={_ANSWER: ElicitRequest(params=params)},
                    request_state=plan.plan_id,
                )
            case _Lane.ELICITATION:
                asked = self._guard.now()
                answer = await self._elicited(plan)
                return await self._settle(plan, answer, self._guard.now() - asked)
            case _Lane.TWO_STEP | _Lane.APPROVAL:
                return Waiting(plan, self._what_to_do(plan))

    async def _elicited(self, plan: Plan) -> ElicitResult | None:
        """The client's answer; None when it fails to ask or the plan expires meanwhile."""
        with anyio.move_on_after(plan.expires_at - self._guard.now()):
            try:
                session: ServerSession = self._ctx.session
                return await session.elicit_form(
                    plan.question, _FORM, related_request_id=self._ctx.request_context.request_id
                )
            except (MCPError, ValidationError) as fault:
                _log.info("the client could not ask: %s", type(fault).__name__)
        return None

    async def _second_round(self, plan_id: str) -> Answer:
        """The SDK has unsealed the state; that it was used only once is ours to see to."""
        plan = await self._recall(plan_id)
        if self._lane is not _Lane.MULTI_ROUND_TRIP:
            return Refused("This client cannot answer that way. Nothing was sent.")
        answer = (self._ctx.input_responses or {}).get(_ANSWER)
        return await self._settle(plan, answer, self._guard.now() - plan.created_at)

    async def _settle(self, plan: Plan, answer: object, waited_s: float) -> Answer:
        if _is_yes(answer):
            return await self._carry_out(plan)
        await self._guard.decline(plan)
        return Refused(_why_not(self._asking.tool, answer, waited_s))

    async def _carry_out(self, plan: Plan) -> Answer:
        if self._lane is _Lane.APPROVAL and not await self._guard.approved(plan):
            return Waiting(plan, self._what_to_do(plan))
        await self._guard.win(plan)
        proposal = await self._propose_again(plan)
        if self._guard.unchanged(plan, proposal.targets):
            return Accepted(plan, self._lane.name.lower())
        await self._guard.void(plan)
        if not proposal.targets:
            raise GuardError(
                "The images changed since the question was asked; nothing is at stake any more.",
                state="This call sent nothing.",
                next_step=f"Call {self._asking.tool} again without plan_id.",
                reason=Reason.TARGETS_CHANGED,
            )
        fresh = await self._guard.plan(proposal)
        changed = "The images changed since the question was asked, so its answer no longer counts."
        return Waiting(fresh, f"{changed} {self._what_to_do(fresh)}")

    async def _propose_again(self, plan: Plan) -> Proposal:
        try:
            return await self._asking.propose()
        except FwError as unread:
            await self._guard.void(plan)
            unread.state = f"{unread.state} Nothing was sent, and the answer is spent."
            unread.next_step = f"Call {self._asking.tool} again without plan_id."
            raise

    async def _recall(self, plan_id: str) -> Plan:
        return await self._guard.recall(
            plan_id,
            tool=self._asking.tool,
            caller=caller_of(self._ctx),
            arguments=self._asking.arguments,
        )

    def _what_to_do(self, plan: Plan) -> str:
        how = _HOW_TO_GO_ON[self._lane].format(plan=plan.plan_id)
        return (
            f"Nothing was sent. {how} call {self._asking.tool} again, same arguments, plus plan_id."
        )


def _lane(ctx: Call, confirm_by: Confirm) -> _Lane:
    if confirm_by is Confirm.APPROVE:
        return _Lane.APPROVAL
    if confirm_by is Confirm.PLAN or not _shows_forms(ctx):
        return _Lane.TWO_STEP
    if is_version_at_least(ctx.session.protocol_version, _MULTI_ROUND_TRIP):
        return _Lane.MULTI_ROUND_TRIP
    return _Lane.ELICITATION if ctx.session.can_send_request else _Lane.TWO_STEP


def _shows_forms(ctx: Call) -> bool:
    """An empty elicitation capability means forms; one that names only URLs does not."""
    capabilities = ctx.client_capabilities
    elicitation = capabilities.elicitation if capabilities else None
    return elicitation is not None and (elicitation.form is not None or elicitation.url is None)


def _is_yes(answer: object) -> bool:
    if not isinstance(answer, ElicitResult) or answer.action != "accept":
        return False
    return (answer.content or {}).get("confirm") is True


def _why_not(tool: str, answer: object, waited_s: float) -> str:
    action = answer.action if isinstance(answer, ElicitResult) else "no answer"
    if action != "accept" and waited_s < _SOFTWARE_S:
        return (
            f"The question came back as {action} in {waited_s * 1000:.0f} ms, so no person saw "
            "it. Nothing was sent. Tell the person; the operator can start the server with "
            "--confirm plan, which asks in the chat."
        )
    said = "accepted without ticking confirm" if action == "accept" else action
    return (
        f"Not confirmed ({said}). Nothing was sent; the library is unchanged. "
        f"Do not repeat {tool} unless the person asks for it."
    )
