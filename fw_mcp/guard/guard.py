"""The guard: what may go, at what size, and only once.

A plan is made from fresh data and kept. Carrying it out first wins its single use in the store;
the caller then reads the targets again and asks `Guard.unchanged` before it sends anything.
"""

import secrets
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import StrEnum
from typing import NoReturn

from fw_mcp.errors import GuardError, Reason
from fw_mcp.guard.effects import EFFECTS, EVERY_SCOPE, WRITES, Scope
from fw_mcp.guard.question import Target, digest
from fw_mcp.guard.standing import changes_since, guids_in, standing
from fw_mcp.store.plans import Claim, PlanRecord, PlanStore
from fw_mcp.text import counted, quoted

Plan = PlanRecord

_NOTHING_SENT = "This call sent nothing."


class Confirm(StrEnum):
    """Who answers a question, as the operator set it."""

    AUTO = "auto"
    PLAN = "plan"
    APPROVE = "approve"


@dataclass(frozen=True, slots=True)
class Limits:
    """What no client can lift.

    Attributes:
        read_only: refuse every write.
        writes: the write tools that are on.
        items_per_call: the most images one destructive call may delete or strip of products.
        deletions_per_hour: the most images that may be deleted or stripped of products in an hour.
        plan_ttl_s: how long a plan can be answered, in seconds.
        confirm: who answers.
    """

    read_only: bool = False
    writes: tuple[str, ...] = WRITES
    items_per_call: int = 50
    deletions_per_hour: int = 200
    plan_ttl_s: float = 600
    confirm: Confirm = Confirm.AUTO


@dataclass(frozen=True, slots=True)
class Proposal:
    """A call that a person has to be asked about, before anybody answered.

    Attributes:
        arguments: what names the call's effect, as plain JSON; `dry_run` and `plan_id` stay out.
        targets: the images that would be deleted or lose products, read fresh; or what would
            become public.
        weight: how many images the limits count; None for each target.
        scopes: the caller's.
    """

    tool: str
    caller: str
    arguments: object
    targets: Sequence[Target]
    question: str
    weight: int | None = None
    scopes: AbstractSet[Scope] = EVERY_SCOPE


class Guard:
    """Decides whether a write may go.

    Args:
        plans: where plans live; shared by every process on one store.
        limits: the operator's.
        now: seconds since the epoch.
    """

    def __init__(self, plans: PlanStore, limits: Limits, now: Callable[[], float]) -> None:
        self._plans = plans
        self.limits = limits
        self.now = now

    def offered(self, tool: str, scopes: AbstractSet[Scope] = EVERY_SCOPE) -> bool:
        """Whether `tool` is on at all, for whoever has these scopes."""
        if tool not in EFFECTS or EFFECTS[tool].scope not in scopes:
            return False
        if EFFECTS[tool].read_only:
            return True
        return not self.limits.read_only and tool in self.limits.writes

    def admit(self, tool: str, scopes: AbstractSet[Scope] = EVERY_SCOPE) -> None:
        """Let a call of `tool` in.

        Raises:
            GuardError: the operator turned it off, or it is not for whoever has these scopes.
        """
        if self.offered(tool):
            _permit(EFFECTS[tool].scope, scopes, tool)
            return
        if self.limits.read_only:
            raise GuardError(
                f"{tool} is off: this server runs read-only.",
                state=_NOTHING_SENT,
                next_step="Tell the person; only the operator can start it without --read-only.",
                reason=Reason.READ_ONLY,
            )
        raise GuardError(
            f"{tool} is off on this server.",
            state=_NOTHING_SENT,
            next_step="Tell the person; only the operator can add it to --writes.",
            reason=Reason.WRITE_DISABLED,
        )

    def check_size(self, items: int, tool: str = "") -> None:
        """Hold the ceiling on one destructive call.

        Args:
            items: images that would be deleted or lose products.
            tool: what is called.

        Raises:
            GuardError: more than the operator allows.
        """
        if items <= self.limits.items_per_call:
            return
        raise GuardError(
            f"The call would delete or strip products from {counted(items, 'image')}; the limit "
            f"is {self.limits.items_per_call:,} per call.",
            state=_NOTHING_SENT,
            next_step=_SMALLER.get(tool, "Split the call")
            + ", or ask the operator to raise --max-items.",
            reason=Reason.TOO_MANY_ITEMS,
        )

    async def plan(self, proposal: Proposal) -> Plan:
        """Keep a plan for `proposal`, to be answered before it expires.

        It replaces the open plans of the same caller and tool that ask for something else about
        any of the same images: a yes to some of them must leave no way to all.

        Raises:
            GuardError: the caller may not remove anything, or it is larger than the operator
                allows in one call, or in this hour.
            StoreError: it could not be kept.
        """
        weight = len(proposal.targets) if proposal.weight is None else proposal.weight
        _permit_removal(weight, proposal.scopes, proposal.tool)
        self.check_size(weight, proposal.tool)
        now = self.now()
        plan_id = secrets.token_hex(8)
        if weight and await self._plans.spent(now) + weight > self.limits.deletions_per_hour:
            self._refuse(Claim.HOURLY_LIMIT, plan_id, proposal.tool)
        record = PlanRecord(
            plan_id=plan_id,
            tool=proposal.tool,
            caller=proposal.caller,
            arguments_digest=digest(proposal.arguments),
            targets_digest=standing(proposal.targets),
            weight=weight,
            question=proposal.question,
            created_at=now,
            expires_at=now + self.limits.plan_ttl_s,
        )
        await self._replace_others(record)
        await self._plans.add(record)
        return record

    async def _replace_others(self, new: Plan) -> None:
        guids = guids_in(new.targets_digest)
        for plan in await self._plans.pending(self.now()):
            same_kind = (plan.tool, plan.caller) == (new.tool, new.caller)
            other_call = plan.arguments_digest != new.arguments_digest
            if same_kind and other_call and guids & guids_in(plan.targets_digest):
                await self._plans.replace(plan.plan_id, self.now())

    async def asked_of(self, plan_id: str) -> Plan | None:
        """The plan with this id, whatever became of it; None once it is no longer kept."""
        return await self._plans.get(plan_id)

    async def recall(
        self,
        plan_id: str,
        *,
        tool: str,
        caller: str,
        arguments: object,
        scopes: AbstractSet[Scope] = EVERY_SCOPE,
    ) -> Plan:
        """The open plan with this id, if it is for exactly this call.

        Raises:
            GuardError: unknown, used, expired, made for another call, or no longer the caller's to
                carry out.
        """
        plan = await self._plans.get(plan_id)
        if plan is None:
            self._refuse(Claim.UNKNOWN, plan_id, tool)
        if (plan.tool, plan.caller, plan.arguments_digest) != (tool, caller, digest(arguments)):
            raise GuardError(
                f"Plan {plan_id} belongs to a different call (tool, images or values)"
                f"{_OR_CHANGED.get(tool, '')}.",
                state=_NOTHING_SENT,
                next_step=f"Repeat {tool} with the same arguments as before plus plan_id, or call "
                "it without plan_id for a new plan.",
                reason=Reason.PLAN_MISMATCH,
            )
        if plan.ended_at is not None:
            self._refuse(plan.why_ended, plan_id, tool)
        if plan.expires_at <= self.now():
            self._refuse(Claim.EXPIRED, plan_id, tool)
        _permit_removal(plan.weight, scopes, tool)
        return plan

    async def approved(self, plan: Plan) -> bool:
        """Whether a person approved the plan in a terminal."""
        current = await self._plans.get(plan.plan_id)
        return current is not None and current.approved_at is not None

    async def win(self, plan: Plan) -> None:
        """Win the plan's single use. From here on this call, and no other, may carry it out.

        Raises:
            GuardError: another call won it, it ended, expired, is not approved where approval is
                required, or is larger than the limits allow now.
            StoreError: the store cannot tell; nothing may be sent.
        """
        self.check_size(plan.weight, plan.tool)
        claim = await self._plans.claim(
            plan.plan_id,
            self.now(),
            weight_per_hour=self.limits.deletions_per_hour,
            approved_only=self.limits.confirm is Confirm.APPROVE,
        )
        if claim is not Claim.WON:
            self._refuse(claim, plan.plan_id, plan.tool)

    async def let_go_on(
        self,
        tool: str,
        targets: int,
        plan_id: str | None,
        *,
        approved: bool,
        scopes: AbstractSet[Scope] = EVERY_SCOPE,
    ) -> None:
        """Hold the limits of now on a call that goes on with an accepted plan.

        Args:
            tool: what is called.
            targets: images that would still be deleted or lose products.
            plan_id: the plan; None when nothing was at stake.
            approved: whether a person in a terminal accepted it.
            scopes: the caller's.

        Raises:
            GuardError: a limit is lower now than it was, or the caller may remove nothing now.
        """
        _permit_removal(targets, scopes, tool)
        self.check_size(targets, tool)
        if plan_id is None:
            return
        if self.limits.confirm is Confirm.APPROVE and not approved:
            self._refuse(Claim.NOT_APPROVED, plan_id, tool)
        now = self.now()
        await self._plans.renew(plan_id, now)
        if targets and await self._plans.spent(now) > self.limits.deletions_per_hour:
            self._refuse(Claim.HOURLY_LIMIT, plan_id, tool)

    async def void(self, plan: Plan) -> None:
        """Give back what a won plan cost, since its targets changed and nothing was sent."""
        await self._plans.void(plan.plan_id)

    async def decline(self, plan: Plan) -> None:
        """End a plan that was answered with no."""
        await self._plans.decline(plan.plan_id, self.now())

    @staticmethod
    def unchanged(plan: Plan, targets: Sequence[Target]) -> bool:
        """Whether the targets still are what the question said."""
        return plan.targets_digest == standing(targets)

    @staticmethod
    def asked_again(plan: Plan, targets: Sequence[Target], question: str) -> str:
        """The question about targets that changed, with what changed since `plan` at its top."""
        return "\n".join(filter(None, (changes_since(plan.targets_digest, targets), question)))

    def _refuse(self, claim: Claim, plan_id: str, tool: str) -> NoReturn:
        what, next_step, reason = _REFUSALS[claim]
        raise GuardError(
            what.format(
                plan=quoted(plan_id, 40),
                limit=counted(self.limits.deletions_per_hour, "deletion"),
            ),
            state=_NOTHING_SENT,
            next_step=next_step.format(tool=tool),
            reason=reason,
        )


def _permit_removal(images: int, scopes: AbstractSet[Scope], tool: str) -> None:
    """Let only a caller that may delete remove images or products, whichever tool it calls."""
    if images:
        _permit(Scope.DELETE, scopes, tool, " to remove images or products")


def _permit(needed: Scope, scopes: AbstractSet[Scope], tool: str, purpose: str = "") -> None:
    if needed in scopes:
        return
    raise GuardError(
        f"{tool} needs the scope {needed}{purpose}, which this token does not have.",
        state=_NOTHING_SENT,
        next_step="Tell the person; only the operator can give them a token with that scope.",
        reason=Reason.INSUFFICIENT_SCOPE,
    )


_SMALLER = {
    "undo_change": "Delete the images in parts with delete_images (finerworks://changes/ followed "
    "by the change_id names them)"
}
_OR_CHANGED = {"add_images": ", or a file of it has changed since"}
_AGAIN = (
    "Call {tool} again without plan_id to get a new question. If that ends here again, each call "
    "starts a server of its own, and a sandbox in memory forgets: its operator can name a file "
    "(--sandbox-file FILE)."
)
_NEW_PLAN = "Call {tool} again without plan_id to get a new question."
_REFUSALS: dict[Claim, tuple[str, str, Reason]] = {
    Claim.UNKNOWN: ("There is no plan {plan}.", _AGAIN, Reason.PLAN_UNKNOWN),
    Claim.USED: (
        "The answer to plan {plan} was already used; each answer is valid once.",
        "Check the result with search_images, or call {tool} without plan_id for a new question.",
        Reason.PLAN_USED,
    ),
    Claim.REPLACED: (
        "A newer question about some of the same images replaced plan {plan}.",
        "Use the plan_id of the newer question, or call {tool} without plan_id for another one.",
        Reason.PLAN_USED,
    ),
    Claim.EXPIRED: ("The confirmation of plan {plan} expired.", _NEW_PLAN, Reason.PLAN_EXPIRED),
    Claim.NOT_APPROVED: (
        "Plan {plan} is not approved yet.",
        "Ask the person to run fw-mcp approve PLAN in a terminal, then repeat the call.",
        Reason.NOT_APPROVED,
    ),
    Claim.HOURLY_LIMIT: (
        "The operator allows {limit} per hour; this plan would exceed it.",
        "Wait, or make a smaller call; only the operator can raise --deletions-per-hour.",
        Reason.HOURLY_LIMIT,
    ),
}
