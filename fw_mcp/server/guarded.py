"""A call that writes: admitted, joined or replayed, asked about, carried out, kept on record."""

import json
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, ClassVar, Generic, TypeVar

from mcp.types import InputRequiredResult

from fw_mcp.errors import ApiError, ArgumentsError, GuardError, Reason, StoreError
from fw_mcp.guard.guard import Proposal
from fw_mcp.guard.targets import digest
from fw_mcp.server.context import Call, caller_of, parts_of
from fw_mcp.server.lanes import (
    APPROVAL,
    Accepted,
    Asking,
    NothingAtStake,
    Refused,
    Waiting,
    confirm,
)
from fw_mcp.server.results import RESUMED, WrittenResult
from fw_mcp.text import quoted
from fw_mcp.writes.changes import Asked, Change
from fw_mcp.writes.job import NO_LONGER, Ends, Items, Job, may_go_on
from fw_mcp.writes.outcomes import Ended, Outcome

_log = logging.getLogger(__name__)

R = TypeVar("R", bound=WrittenResult)


class Undertaking(ABC, Generic[R]):
    """What a call is about to write, on records read just before.

    Attributes:
        tool: the tool's name.
        result: what the call gives.
        resumes: whether the same call sent again goes on where the first was cut off; otherwise
            it begins anew, which is safe where writing twice is the same as writing once.
        also: other tools whose effect this call has.
        undoes: the change that it takes back.
        read_at: when the records were read, on the library's clock.
    """

    tool: ClassVar[str]
    result: type[R]
    resumes: ClassVar[bool] = False
    also: tuple[str, ...] = ()
    undoes: str | None = None

    def __init__(self, ctx: Call) -> None:
        self.ctx = ctx
        self.account = parts_of(ctx).account
        self.read_at = self.account.clock()

    @property
    def names(self) -> tuple[str, ...]:
        """What no other call may be at while this one writes."""
        return ()

    async def check_alone(self) -> None:
        """See, alone with what `names` says, that what was read of the journal still is so.

        Raises:
            GuardError: it is not; nothing was sent.
        """

    def call_name(self) -> str:
        """The same for the same call of the same caller."""
        return f"call:{digest([self.tool, caller_of(self.ctx), self.identity])}"

    @property
    @abstractmethod
    def arguments(self) -> Mapping[str, Any]:
        """Plain JSON from which the call can be made again."""

    @property
    def items(self) -> int | None:
        """How many items the call has; None when the journal does not tell how they ended."""
        return None

    @property
    def identity(self) -> object:
        """Plain JSON, the same for calls that ask for the same."""
        return self.arguments

    def asked(self) -> Asked:
        """The call, as the journal keeps it."""
        return Asked(
            self.tool, caller_of(self.ctx), self.arguments, digest(self.identity), self.undoes
        )

    @abstractmethod
    async def propose(self) -> Proposal:
        """Read the images fresh, and say what would go."""

    @abstractmethod
    async def write(self, job: Job) -> Ends:
        """Do it to what was read last."""

    @property
    def seen(self) -> dict[str, str]:
        """Guid → a short name for the state of each image as it was read last."""
        return {}

    def placed(self, settled: Items[Ended], arguments: str) -> Items[Ended]:
        """How items ended, by their places in this call instead of those in `arguments`."""
        del arguments
        return settled

    def take_up(self, arguments: str) -> None:
        """Take over what a call that was cut off had chosen for itself."""
        del arguments

    async def still_so(self, settled: Items[Ended]) -> Items[Ended]:
        """Of what a former run did, what still is so; the rest is done again."""
        return settled

    @abstractmethod
    def told(self, ended: Ends | None = None) -> R:
        """The result: how each item ended, or that nothing was sent."""


async def carry_out(
    ctx: Call, undertaking: Undertaking[R], plan_id: str | None = None
) -> R | InputRequiredResult:
    """Let the guard in, ask if anything is at stake, and write after a yes.

    The same call sent again while this one runs shares its end; within ten minutes after it, it
    gets the result on record.
    """
    _admit(ctx, undertaking)
    answers = {name: str(one) for name, one in (ctx.input_responses or {}).items()}
    key = _key(ctx, undertaking, [plan_id, ctx.request_state, answers])
    result, joined = await parts_of(ctx).running.once(
        key, lambda: _carry_out_alone(ctx, undertaking, plan_id)
    )
    return result.replay() if joined and not isinstance(result, InputRequiredResult) else result


async def go_on(
    ctx: Call, handle: str, tool: str, made_of: Callable[[Mapping[str, Any]], Undertaking[R]]
) -> R:
    """Go on with a call that ran out of time: with what was accepted then, and no more.

    Args:
        ctx: the call.
        handle: the `continue_handle` of a former result.
        tool: the tool that is called.
        made_of: the undertaking, from the arguments on record.

    Raises:
        GuardError: the handle is not for this caller and tool, too old, or still running.
    """
    change = await _recalled(ctx, handle, tool)
    undertaking = made_of(json.loads(change.arguments))
    _admit(ctx, undertaking)
    result, joined = await parts_of(ctx).running.once(
        _key(ctx, undertaking, [handle]), lambda: _go_on(ctx, undertaking, change)
    )
    return result.replay() if joined else result


def either(arguments: object, handle: str | None, name: str, **beside: bool) -> None:
    """See that a call gives its arguments, or a handle and nothing beside it.

    Args:
        arguments: what the call is about; None when it was left out.
        handle: the continue_handle; None when it was left out.
        name: of the argument.
        beside: for each other argument, whether it differs from its default.

    Raises:
        ArgumentsError: neither, or both.
    """
    given = [other for other, differs in {name: arguments is not None, **beside}.items() if differs]
    if handle is None and arguments is None:
        what = f"{name} is required."
    elif handle is not None and given:
        what = f"continue_handle stands alone: {', '.join(given)} cannot be given beside it."
    else:
        return
    raise ArgumentsError(
        what,
        state="Nothing was sent.",
        next_step=f"Give {name}, or continue_handle alone to go on with a call.",
        reason=Reason.INVALID_ARGUMENTS,
    )


def name_of(change_id: str) -> str:
    """What a change is called while a process is at it."""
    return f"change:{change_id}"


def _admit(ctx: Call, undertaking: Undertaking[R]) -> None:
    for tool in (undertaking.tool, *undertaking.also):
        parts_of(ctx).guard.admit(tool)


def _key(ctx: Call, undertaking: Undertaking[R], how: object) -> str:
    return digest([undertaking.tool, caller_of(ctx), undertaking.identity, how])


async def _carry_out_alone(
    ctx: Call, undertaking: Undertaking[R], plan_id: str | None
) -> R | InputRequiredResult:
    """What would be done twice if it were begun twice is begun by one process at a time."""
    names = [undertaking.call_name()] if undertaking.resumes else []
    async with parts_of(ctx).changes.alone(*names):
        return await _carry_out(ctx, undertaking, plan_id)


async def _carry_out(
    ctx: Call, undertaking: Undertaking[R], plan_id: str | None
) -> R | InputRequiredResult:
    if former := await _alike(ctx, undertaking, plan_id):
        again = _resumed if undertaking.resumes else _recorded
        if (result := await again(ctx, undertaking, former)) is not None:
            return result
        if former.result is None:
            undertaking.take_up(former.arguments)
    asking = Asking(undertaking.tool, undertaking.identity, plan_id, undertaking.propose)
    answer = await confirm(ctx, asking)
    match answer:
        case Accepted(plan, how):
            return await _begin(ctx, undertaking, plan.plan_id, how)
        case NothingAtStake():
            return await _begin(ctx, undertaking)
        case Waiting(plan, message):
            return undertaking.told().waiting(plan, message)
        case Refused(message):
            return undertaking.told().declined(message)
        case InputRequiredResult():
            return answer


async def _alike(ctx: Call, undertaking: Undertaking[R], plan_id: str | None) -> Change | None:
    """The change that this very call made lately; an answer must be the one it was made on."""
    change = await parts_of(ctx).changes.alike(undertaking.asked())
    answered = plan_id or ctx.request_state
    if change is None or (answered and answered != change.plan_id):
        return None
    return change


async def _recorded(ctx: Call, undertaking: Undertaking[R], former: Change) -> R | None:
    """The result on record, while it still tells how things stand."""
    if former.result is None:
        return await _cut_off(ctx, undertaking, former)
    result = undertaking.result.model_validate_json(former.result)
    if result.unknown:
        return await _cut_off(ctx, undertaking, former)
    changes = parts_of(ctx).changes
    if not result.conclusive or await changes.touched_since(former):
        return None
    undoes = undertaking.undoes
    if undoes and await changes.went_on_after(undoes, former):
        return None
    return result.replay()


async def _cut_off(ctx: Call, undertaking: Undertaking[R], former: Change) -> R | None:
    """The end of a call, now that it can be read, if it wrote everything; else it begins anew."""
    job = await _job_again(ctx, undertaking, former)
    if len(job.settled) != undertaking.items:
        return None
    return (await _recorded_now(ctx, undertaking, job, dict(job.settled))).replay()


async def _begin(
    ctx: Call, undertaking: Undertaking[R], plan_id: str | None = None, how: str | None = None
) -> R:
    change = undertaking.asked().change(undertaking.seen, plan_id, how)
    async with parts_of(ctx).changes.alone(*undertaking.names):
        await undertaking.check_alone()
        return await _write(ctx, undertaking, _job(undertaking, change))


async def _resumed(ctx: Call, undertaking: Undertaking[R], former: Change) -> R | None:
    """What the first call did stays done; what it did not do is done now."""
    job = await _job_again(ctx, undertaking, former)
    settled = await undertaking.still_so(undertaking.placed(job.settled, former.arguments))
    reordered = json.loads(former.arguments) != undertaking.arguments
    if reordered or len(settled) < len(job.settled):
        # What was taken away since is another change when it is done again.
        change = undertaking.asked().change(undertaking.seen)
        job = replace(job, change=change, carried=bool(settled))
    result = await _write(ctx, undertaking, replace(job, settled=settled))
    if not settled:
        return result
    return result.replay() if len(settled) == undertaking.items else result.replay(RESUMED)


async def _go_on(ctx: Call, undertaking: Undertaking[R], change: Change) -> R:
    changes = parts_of(ctx).changes
    async with changes.alone(name_of(change.change_id), undertaking.call_name()):
        job = await _job_again(ctx, undertaking, change)
        proposal = await undertaking.propose()
        kept = await undertaking.still_so(job.settled)
        gone = {item: _no_longer(end) for item, end in job.settled.items() if item not in kept}
        done = {end.guid for end in job.settled.values()}
        seen = json.loads(change.seen)
        changed = {guid for guid, state in undertaking.seen.items() if seen.get(guid) != state}
        due = [one for one in proposal.targets if one.guid not in done | changed]
        approved = change.accepted == APPROVAL
        guard = parts_of(ctx).guard
        await guard.let_go_on(change.tool, len(due), change.plan_id, approved=approved)
        again = replace(job, settled={**kept, **gone}, held_back=frozenset(changed))
        return await _write(ctx, undertaking, again)


def _no_longer(end: Ended) -> Ended:
    """What a former run did, and somebody changed since: not done again on an old yes."""
    return replace(end, outcome=Outcome.NOT_ATTEMPTED, detail=NO_LONGER, after=None)


def _job(undertaking: Undertaking[R], change: Change) -> Job:
    return Job(change, undertaking.read_at, undertaking.ctx.report_progress)


async def _job_again(ctx: Call, undertaking: Undertaking[R], change: Change) -> Job:
    changes = parts_of(ctx).changes
    if await changes.runs_elsewhere(change):
        raise _still_running(change)
    try:
        return await changes.job(change, _job(undertaking, change))
    except ApiError as unread:
        unread.state = "What the call did before is not known yet; nothing was sent now."
        unread.next_step = f"Call {undertaking.tool} again in a minute."
        raise


async def _write(ctx: Call, undertaking: Undertaking[R], job: Job) -> R:
    with parts_of(ctx).changes.named(name_of(job.change.change_id)):
        ended = await undertaking.write(job)
        return await _recorded_now(ctx, undertaking, job, ended)


async def _recorded_now(ctx: Call, undertaking: Undertaking[R], job: Job, ended: Ends) -> R:
    told = undertaking.told(ended)
    result = told.on_record(job.change.change_id, open_=any(map(may_go_on, ended.values())))
    try:
        recorded = await parts_of(ctx).changes.end(job.change, result.model_dump_json())
    except StoreError as unwritten:
        _log.warning("the result of a change could not be recorded: %s", unwritten.what)
        return result
    return result if recorded else told


async def _recalled(ctx: Call, handle: str, tool: str) -> Change:
    change = await parts_of(ctx).changes.to_go_on_with(handle, tool, caller_of(ctx))
    if change is None:
        raise GuardError(
            f"There is no call of {tool} within the last hour to go on with under "
            f"{quoted(handle, 40)}.",
            state="Nothing was sent.",
            next_step="Look with search_images what is left to do, and make a new call for that.",
            reason=Reason.HANDLE_UNKNOWN,
        )
    return change


def _still_running(change: Change) -> GuardError:
    """Two runs of one call at once would write the same twice."""
    return GuardError(
        f"The same call of {change.tool} is still under way.",
        state="This call sent nothing; what the other one does is not told yet.",
        next_step="Call again in a minute: it then gives the result, or goes on.",
        reason=Reason.STILL_RUNNING,
    )
