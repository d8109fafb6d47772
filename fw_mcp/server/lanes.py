"""Ask a person, on the best lane the client has.

Lanes: multi-round-trip for 2026-07-28 clients, a live elicitation for older ones, and otherwise
the plan itself, which the same tool carries out when it is called again with `plan_id`. Under
`--confirm approve` the answer is given in a terminal instead. Whatever is not a yes is a no.
"""

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from contextvars import ContextVar
from enum import StrEnum
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

from fw_mcp.guard.guard import Confirm, Guard, Plan
from fw_mcp.server.tool import Call
from fw_mcp.telemetry import count, mark
from fw_mcp.writes.operation import Answer, Later, No, Pending, Yes
from fw_mcp.writes.run import APPROVAL

if TYPE_CHECKING:
    from mcp.server.session import ServerSession

WHILE_ASKING: ContextVar[Callable[[], AbstractContextManager[None]]] = ContextVar(
    "while_asking", default=nullcontext
)
"""What surrounds the time in which a call waits for a person."""

_log = logging.getLogger(__name__)

_MULTI_ROUND_TRIP = "2026-07-28"
_ANSWER = "confirmation"
_SOFTWARE_S = 0.4
_NOBODY = "no person saw it"
_FORM = {
    "type": "object",
    "properties": {
        "confirm": {
            "type": "boolean",
            "title": "Yes, go ahead",
            "description": "Tick to confirm. Anything else leaves the library unchanged.",
            "default": False,
        }
    },
    "required": ["confirm"],
}


class _Lane(StrEnum):
    MULTI_ROUND_TRIP = "multi_round_trip"
    ELICITATION = "elicitation"
    TWO_STEP = "two_step"
    APPROVAL = APPROVAL


_HOW_TO_GO_ON = {
    _Lane.APPROVAL: "Show the question to the person, who has to approve plan {plan} in a terminal "
    "of their own (`fw-mcp plans` there says how); no one else may. Once they say it is done,",
    _Lane.TWO_STEP: "Show the question to the person, word for word. Only after a clear yes,",
    _Lane.ELICITATION: "To ask the person the new question,",
    _Lane.MULTI_ROUND_TRIP: "To ask the person the new question,",
}


_SOME_OF_THEM = {
    "delete_images": "To delete only some of them, call delete_images again with just those guids, "
    "without plan_id.",
    "update_image_metadata": "To update only some of them, call update_image_metadata again with "
    "just those images, without plan_id.",
    "undo_change": "An undo is all or nothing: to reverse only some of it, call delete_images or "
    "update_image_metadata with just those images.",
}
_CAME_BACK = {
    "decline": "declined",
    "cancel": "canceled the question",
    "no answer": "gave no answer",
}


class Lanes:
    """One call's way to a person.

    Args:
        ctx: the call.
        guard: knows who answers, and which plans were approved.
        plan_id: as the call gave it.
    """

    def __init__(self, ctx: Call, guard: Guard, plan_id: str | None = None) -> None:
        self._ctx = ctx
        self._guard = guard
        self._given = plan_id
        self._lane = _lane(ctx, guard.limits.confirm)

    @property
    def plan_id(self) -> str | None:
        """The plan that this call answers."""
        return self._ctx.request_state or self._given

    @property
    def key(self) -> str:
        """The same for calls that give the same answer."""
        return f"{self._given} {self._ctx.request_state} {self._ctx.input_responses}"

    @property
    def lane(self) -> str:
        """The name of the lane."""
        return self._lane.value

    async def __call__(self, plan: Plan) -> Answer:
        """Ask whether this plan may be carried out, or read the answer that the call brought."""
        mark({"fw_mcp.lane": self.lane})
        answer = await self._answer(plan)
        if counted := self._counted(answer):
            count("fw_mcp.plans", lane=self.lane, answer=counted)
        return answer

    def _counted(self, answer: Answer) -> str:
        """What is counted of an answer; "" for a plan that waited before."""
        match answer:
            case Yes():
                return "yes"
            case No(said=said):
                return "too_fast" if said == _NOBODY else "no"
            case _:
                return "asked" if self._given is None else ""

    async def _answer(self, plan: Plan) -> Answer:
        if self._ctx.request_state is not None:
            return self._second_round(plan)
        match self._lane:
            case _Lane.MULTI_ROUND_TRIP:
                params = ElicitRequestFormParams(message=plan.question, requested_schema=_FORM)
                return Pending(
                    InputRequiredResult(
                        input_requests={_ANSWER: ElicitRequest(params=params)},
                        request_state=plan.plan_id,
                    )
                )
            case _Lane.ELICITATION:
                count("fw_mcp.plans", lane=self.lane, answer="asked")
                asked = self._guard.now()
                answer = await self._elicited(plan)
                return self._settled(plan, answer, self._guard.now() - asked)
            case _Lane.TWO_STEP:
                return Later() if self._given is None else Yes(self._lane)
            case _Lane.APPROVAL:
                approved = self._given is not None and await self._guard.approved(plan)
                return Yes(self._lane) if approved else Later()

    def way_on(self, plan: Plan) -> str:
        """What is to be done so that a plan that waits gets its answer."""
        how = _HOW_TO_GO_ON[self._lane].format(plan=plan.plan_id)
        return (
            f"Nothing was sent. {how} call {plan.tool} again with the same arguments plus plan_id."
            f"{_in_part(plan)}"
        )

    def _second_round(self, plan: Plan) -> Answer:
        """The SDK has unsealed the state; that it is used only once is the guard's to see to."""
        if self._lane is not _Lane.MULTI_ROUND_TRIP:
            return No(
                "This client does not support this kind of confirmation. Nothing was sent.",
                ends_plan=False,
            )
        answer = (self._ctx.input_responses or {}).get(_ANSWER)
        return self._settled(plan, answer, self._guard.now() - plan.created_at)

    async def _elicited(self, plan: Plan) -> ElicitResult | None:
        """The client's answer; None when it fails to ask or the plan expires meanwhile."""
        with WHILE_ASKING.get()(), anyio.move_on_after(plan.expires_at - self._guard.now()):
            try:
                session: ServerSession = self._ctx.session
                return await session.elicit_form(
                    plan.question, _FORM, related_request_id=self._ctx.request_context.request_id
                )
            except (MCPError, ValidationError) as fault:
                _log.info("the client could not ask: %s", type(fault).__name__)
        return None

    def _settled(self, plan: Plan, answer: object, waited_s: float) -> Answer:
        if _is_yes(answer):
            return Yes(self._lane)
        said = _said(answer, waited_s)
        return No(_why_not(plan, answer, waited_s), how=self._lane, said=said)


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


def _said(answer: object, waited_s: float) -> str:
    """The answer that is not a yes, in words."""
    action = answer.action if isinstance(answer, ElicitResult) else ""
    if action == "accept":
        return "accepted without ticking confirm"
    if waited_s < _SOFTWARE_S:
        return _NOBODY
    return {"decline": "answered no", "cancel": "canceled"}.get(action, "no answer")


def _why_not(plan: Plan, answer: object, waited_s: float) -> str:
    action = answer.action if isinstance(answer, ElicitResult) else "no answer"
    if action != "accept" and waited_s < _SOFTWARE_S:
        return (
            f"The client {_CAME_BACK[action]} within {waited_s * 1000:.0f} ms, so no person saw "
            "the question. Nothing was sent. Tell the person; the operator can start the server "
            "with --confirm plan, which asks in the chat."
        )
    said = "accepted without ticking confirm" if action == "accept" else action
    return (
        f"Not confirmed ({said}). Nothing was sent; the library is unchanged. "
        f"Do not repeat {plan.tool} unless the person asks for it.{_in_part(plan)}"
    )


def _in_part(plan: Plan) -> str:
    """How a person may say yes to some of the images; "" where there is one alone."""
    some = _SOME_OF_THEM.get(plan.tool)
    return f" {some}" if some and plan.weight > 1 else ""
