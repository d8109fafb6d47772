"""A call that writes: let in, found or joined, asked about, carried out, and kept on record."""

import json
import logging
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import anyio

from fw_mcp.errors import ApiError, FwError, GuardError, Reason, StoreError
from fw_mcp.guard.guard import Guard, Plan, Proposal
from fw_mcp.images.account import Account
from fw_mcp.store.history import History
from fw_mcp.store.journal import Change, Item, Journal
from fw_mcp.store.locks import Fence
from fw_mcp.store.uploads import UploadStore
from fw_mcp.writes.audit import audited, count_answer, refusals_counted
from fw_mcp.writes.changes import Changes
from fw_mcp.writes.chunks import Run
from fw_mcp.writes.former import FormerCalls, no_longer, placed
from fw_mcp.writes.legs import became, told_so
from fw_mcp.writes.operation import (
    MADE_BEFORE,
    Ask,
    Caller,
    Declined,
    Done,
    Later,
    No,
    Operation,
    Pending,
    Prepared,
    Waiting,
    Written,
    Yes,
    asked_about,
)
from fw_mcp.writes.outcomes import (
    Ends,
    Outcome,
    as_of,
    end_of,
    is_settled,
    last_told,
)
from fw_mcp.writes.reconcile import Reconciler
from fw_mcp.writes.single_flight import SingleFlight
from fw_mcp.writes.trial import Tried
from fw_mcp.writes.undo import cannot_undo, undo

_log = logging.getLogger(__name__)

APPROVAL = "approval"
_NOT_ANSWERED = "the question is not answered yet"
RESUMED = "This call was made before: finished parts were not sent again, the rest was."


async def _at_once() -> None:
    """The account is known from the start."""


@dataclass(frozen=True, slots=True)
class _Accepted:
    """A plan that a person said yes to, and that is still to be won.

    Attributes:
        how: the lane that the answer came on.
    """

    plan: Plan
    how: str


class Writes:
    """Calls that write to one account.

    Args:
        account: what is written to.
        guard: what may go.
        journal: where each write is recorded before it is sent.
        history: what the journal tells.
        identify: returns once it is known whose library it is, so that a write goes on record as
            that account's and no other's; raises where that cannot be told.
        tried: tells whether a kind of write was tried on the account before; None looks into the
            history.
    """

    def __init__(
        self,
        account: Account,
        guard: Guard,
        journal: Journal,
        history: History,
        identify: Callable[[], Awaitable[None]] = _at_once,
        *,
        tried: Tried | None = None,
        named: str = "",
    ) -> None:
        self._named = named
        self.identify = identify
        self.account = account
        self.guard = guard
        self.journal = journal
        self.history = history
        self.tried = tried or Tried(history)
        self.reconciler = Reconciler(account, journal, history)
        self._former = FormerCalls(journal, history, self.reconciler)
        self._under_way = SingleFlight[Written]()

    @property
    def account_name(self) -> str:
        """What the operator calls the account; else a digest that names it, once it is known."""
        return self._named or self.journal.database.account

    @property
    def changes(self) -> Changes:
        """What was done, as it is told."""
        return Changes(self.history, self.identify, self.journal.now)

    async def run(self, caller: Caller, operation: Operation, ask: Ask) -> Written:
        """Let a call in, ask if anything is at stake, and write after a yes.

        The same call sent again while this one runs shares its end; within ten minutes after it,
        it gets the ends on record.

        Args:
            caller: who calls.
            operation: what is to be written.
            ask: the way to a person.

        Raises:
            GuardError: it may not go, or another call is at the same; nothing was sent.
            ApiError: what must be read first could not be read; nothing was sent.
            StoreError: the store cannot be read or written; nothing was sent.
        """
        self._admit(caller, operation)
        await self.identify()
        async with self._under_way.turn((*_named(caller, operation), ask.key)) as flight:
            if flight.result is not None:
                return _given_again(flight.result)
            flight.result = await self._run(caller, operation, ask)
            return flight.result

    async def go_on(
        self,
        caller: Caller,
        handle: str,
        tool: str,
        made_of: Callable[[Mapping[str, Any]], Operation],
    ) -> Written:
        """Go on with a call that ran out of time: with what was accepted then, and no more.

        Args:
            caller: who calls.
            handle: the `continue_handle` of a former result.
            tool: the tool that is called.
            made_of: the operation, from the arguments on record.

        Raises:
            GuardError: the handle is not for this caller and tool, too old, or still running.
        """
        await self.identify()
        change = await self._former.recalled(caller, handle, tool)
        operation = made_of(json.loads(change.arguments))
        self._admit(caller, operation)
        async with self._under_way.turn((*_named(caller, operation), handle)) as flight:
            if flight.result is not None:
                return _given_again(flight.result)
            flight.result = await self._go_on(caller, operation, change)
            return flight.result

    async def undoing(self, change_id: str) -> Operation:
        """The operation that takes back a change.

        Raises:
            GuardError: there is nothing to take back, or somebody is at it.
            ApiError: it is not known what it did, and the service could not be read.
        """
        await self.identify()
        for one in await self._with_undoings(change_id):
            if await self.is_under_way(one):
                raise cannot_undo(f"Change {change_id}, or an undo of it, is still running.")
        uploads = UploadStore(self.journal.database)
        return await undo(self.account, self.reconciler, self.history, uploads, change_id)

    async def settle(self, change: Change) -> Ends:
        """How every item of a change ended; what is not known is read now, and recorded.

        Raises:
            GuardError: somebody is at the change right now.
            ApiError: the service could not be read; what is not known stays so.
        """
        await self.identify()
        async with self._exclusive(name_of(change.change_id)):
            return await self.reconciler.ends(change)

    async def settle_each(self, change_ids: Collection[str]) -> None:
        """Settle those of these changes that are open, can be read, and that nobody is at now.

        Raises:
            ConfigError: the keys are missing.
            StoreError: the journal cannot be read.
        """
        for one in await self.journal.unsettled():
            change = await self.history.change(one.change_id)
            if change is not None and one.change_id in change_ids:
                with suppress(GuardError, ApiError):
                    await self.settle(change)

    async def is_under_way(self, change_id: str) -> bool:
        """Whether any process is at a change right now."""
        return await self.journal.database.is_taken(name_of(change_id))

    async def _with_undoings(self, change_id: str) -> list[str]:
        """A change, those that took it back, those that took these back, and so on."""
        undoings = [one.change_id for one in await self.history.undoing(change_id)]
        deeper = [await self._with_undoings(one) for one in undoings]
        return [change_id, *(one for ids in deeper for one in ids)]

    def _admit(self, caller: Caller, operation: Operation) -> None:
        for tool in (operation.tool, *operation.also):
            self.guard.admit(tool, caller.scopes)

    async def _run(self, caller: Caller, operation: Operation, ask: Ask) -> Written:
        async with AsyncExitStack() as held:
            names = [_call_name(caller, operation)]
            if operation.resumes:
                # Begun twice, it would be done twice: one process at a time looks and begins.
                await held.enter_async_context(self._exclusive(names.pop()))
            former = await self._former.alike(caller, operation)
            # An answer must be the one that the former call was made on.
            if former is not None and ask.plan_id in {None, former.plan_id}:
                if done := await self._again(caller, operation, former):
                    return done
                if former.ended_at is None and operation.takes_over:
                    operation = operation.made_of(json.loads(former.arguments))
            asked = await self._asked(caller, operation, ask)
            if not isinstance(asked, Prepared | _Accepted):
                return asked
            change_id = secrets.token_hex(8)
            names += map(name_of, filter(None, [change_id, operation.undoes]))
            # Nobody is at it from here on, so that no answer is spent on a call that cannot go.
            fence = await held.enter_async_context(self._exclusive(*names))
            if isinstance(asked, _Accepted):
                async with self._won(asked, change_id):
                    still = await self._still_so(caller, operation, ask, asked.plan)
                    if isinstance(still, Waiting):
                        return still
                    change = _change(change_id, caller, operation, still, asked)
                    return await self._written(caller, operation, still, change, fence)
            change = _change(change_id, caller, operation, asked)
            return await self._written(caller, operation, asked, change, fence)

    async def _written(
        self,
        caller: Caller,
        operation: Operation,
        prepared: Prepared,
        change: Change,
        fence: Fence,
    ) -> Done:
        run = self._new_run(caller, change, fence, prepared.read_at)
        done = await self._carried_out(operation, run, prepared)
        return replace(done, afterwards=prepared.afterwards if done.complete else "")

    async def _asked(
        self, caller: Caller, operation: Operation, ask: Ask
    ) -> Prepared | _Accepted | Waiting | Declined | Pending:
        """Read what the call would do, and ask where anything is at stake."""
        would = operation.untouched
        if ask.plan_id is None:
            prepared = await operation.read()
            if not prepared.targets:
                return prepared
            would = prepared.would
            plan = await self.guard.plan(_proposal(caller, operation, prepared))
        else:
            with refusals_counted(ask.lane):
                plan = await self.guard.recall(
                    ask.plan_id,
                    tool=operation.tool,
                    caller=caller.name,
                    arguments=operation.identity,
                    scopes=caller.scopes,
                )
        match await ask(plan):
            case Yes(how):
                return _Accepted(plan, how)
            case No(message, ends_plan, how, said):
                if ends_plan:
                    await self.guard.decline(plan)
                return Declined(would, message, asked_about(plan, how, said) if how else "")
            case Later():
                return Waiting(would, plan, ask.way_on(plan), _NOT_ANSWERED)
            case Pending() as pending:
                return pending

    @asynccontextmanager
    async def _won(self, accepted: _Accepted, change_id: str) -> AsyncIterator[None]:
        """Win the plan's single use; it costs nothing unless the change was begun."""
        with anyio.CancelScope(shield=True), refusals_counted(accepted.how):
            await self.guard.win(accepted.plan)
        try:
            yield
        except BaseException:
            with anyio.CancelScope(shield=True):
                await self._void_unless_begun(accepted.plan, change_id)
            raise

    async def _void_unless_begun(self, plan: Plan, change_id: str) -> None:
        try:
            if await self.history.change(change_id) is None:
                await self.guard.void(plan)
        except StoreError as unusable:
            _log.warning("plan %s still counts for an hour: %s", plan.plan_id, unusable.what)

    async def _still_so(
        self, caller: Caller, operation: Operation, ask: Ask, plan: Plan
    ) -> Prepared | Waiting:
        """Look whether what a won plan is about still is what was asked."""
        prepared = await self._read_again(operation)
        if self.guard.unchanged(plan, prepared.targets):
            return prepared
        await self.guard.void(plan)
        count_answer(ask.lane, "changed")
        if not prepared.targets:
            raise GuardError(
                "The images changed since the question was asked; nothing would be lost any more.",
                state="This call sent nothing.",
                next_step=f"Call {operation.tool} again without plan_id.",
                reason=Reason.TARGETS_CHANGED,
            )
        question = self.guard.asked_again(plan, prepared.targets, prepared.question)
        proposal = _proposal(caller, operation, replace(prepared, question=question))
        fresh = await self.guard.plan(proposal)
        changed = "The images changed since the question was asked, so its answer no longer counts."
        message = f"{changed} {ask.way_on(fresh)}"
        return Waiting(prepared.would, fresh, message, _NOT_ANSWERED)

    async def _read_again(self, operation: Operation) -> Prepared:
        try:
            return await operation.read()
        except FwError as unread:
            unread.state = f"{unread.state} Nothing was sent, and the answer has been used up."
            unread.next_step = f"Call {operation.tool} again without plan_id."
            raise

    async def _again(self, caller: Caller, operation: Operation, former: Change) -> Done | None:
        """What this very call did when it was made before; None where it begins anew."""
        if operation.resumes:
            return await self._resumed(caller, operation, former)
        if await self._former.moved_on(operation, former):
            return None
        items = await self.history.items(former.change_id)
        if former.ended_at is None or any(one.unsettled for one in items):
            return await self._cut_off(caller, operation, former, items)
        ends = last_told(items)
        if len(ends) != len(operation.untouched) or not operation.is_final(ends):
            return None
        asked = await self._was_asked(former)
        return Done(ends, operation.is_complete(ends), former.change_id, asked=asked).replay()

    async def _cut_off(
        self, caller: Caller, operation: Operation, former: Change, items: Sequence[Item]
    ) -> Done | None:
        """The end of a call, now that it can be read, if it wrote everything; else None."""
        told = last_told(items)
        if any(one.told and not is_settled(told[one.item]) for one in items):
            return None
        async with self._exclusive(name_of(former.change_id)) as fence:
            started = self.account.clock()
            settled = await self._former.settled(operation, former, started)
            if len(settled) != len(operation.untouched):
                return None
            run = self._new_run(caller, former, fence, started)
            return (await self._on_record(operation, run, settled)).replay(MADE_BEFORE)

    async def _resumed(self, caller: Caller, operation: Operation, former: Change) -> Done:
        """What the first call did stays done; what it did not do is done now."""
        prepared = await operation.read()
        fresh = _change(secrets.token_hex(8), caller, operation, prepared)
        names = (name_of(former.change_id), name_of(fresh.change_id))
        async with self._exclusive(*names) as fence:
            before = await self._former.settled(operation, former, prepared.read_at)
            settled = await prepared.still_so(placed(operation, before, former))
            reordered = json.loads(former.arguments) != operation.arguments
            # What was taken away since is another change when it is done again.
            anew = reordered or len(settled) < len(before)
            change = replace(fresh, baseline=former.baseline) if anew else former
            run = self._new_run(caller, change, fence, prepared.read_at)
            run = replace(run, settled=settled, carried=anew and bool(settled))
            done = await self._carried_out(operation, run, prepared)
        if not settled:
            return done
        return done.replay(MADE_BEFORE if len(settled) == len(operation.untouched) else RESUMED)

    async def _go_on(self, caller: Caller, operation: Operation, change: Change) -> Done:
        names = (name_of(change.change_id), _call_name(caller, operation))
        async with self._exclusive(*names) as fence:
            told = last_told(await self.history.items(change.change_id))
            settled = await self._former.settled(operation, change, self.account.clock())
            prepared = await operation.read()
            # What may still come is neither as it was left nor changed.
            waiting = {i: end for i, end in settled.items() if end.outcome is Outcome.UNKNOWN}
            kept = {**await prepared.still_so(settled), **waiting}
            gone = {item: no_longer(end) for item, end in settled.items() if item not in kept}
            done = {end.guid for end in settled.values()}
            seen = json.loads(change.seen)
            changed = {guid for guid, state in prepared.seen.items() if seen.get(guid) != state}
            due = [one for one in prepared.targets if one.guid not in done | changed]
            approved = change.accepted == APPROVAL
            await self.guard.let_go_on(
                change.tool, len(due), change.plan_id, approved=approved, scopes=caller.scopes
            )
            run = self._new_run(caller, change, fence, prepared.read_at)
            run = replace(run, settled={**kept, **gone}, held_back=frozenset(changed))
            ended = await self._carried_out(operation, run, prepared)
            earlier = told_so(told, ended.ends)
            return replace(ended, earlier=earlier, found=became(told, kept, ended.ends))

    async def _carried_out(self, operation: Operation, run: Run, prepared: Prepared) -> Done:
        try:
            ended = await prepared.write(run)
        except BaseException:
            audited(self.account_name, run.change, {})
            raise
        return await self._on_record(operation, run, ended)

    async def _on_record(self, operation: Operation, run: Run, ended: Ends) -> Done:
        """Record what the call answers."""
        ended = {item: as_of(end, self.account.clock()) for item, end in ended.items()}
        change_id = run.change.change_id
        ends = dict(sorted(ended.items()))
        asked = await self._was_asked(run.change)
        done = Done(ends, operation.is_complete(ended), change_id, asked=asked)
        told = {
            item: end_of(end, begun=False)
            for item, end in ended.items()
            if run.on_record.get(item, end) != end
        }
        rest = {
            item: end_of(end, begun=False)
            for item, end in ended.items()
            if item not in run.on_record
        }
        try:
            if told:
                await self.journal.finish(change_id, told)
            recorded = await self.journal.end(change_id, rest)
        except StoreError as unwritten:
            _log.warning("the result of a change could not be recorded: %s", unwritten.what)
            recorded = True
        if not recorded:
            return replace(done, change_id=None)
        if fresh := {item: end for item, end in ends.items() if item not in run.settled}:
            audited(self.account_name, run.change, fresh)
        return done

    async def _was_asked(self, change: Change) -> str:
        """Who was asked before a change, and what; "" where nobody was."""
        if change.plan_id is None or change.accepted is None:
            return ""
        try:
            plan = await self.guard.asked_of(change.plan_id)
        except StoreError as unread:
            _log.warning("what was asked could not be read: %s", unread.what)
            return ""
        return asked_about(plan, change.accepted, "answered yes") if plan else ""

    def _exclusive(self, *names: str) -> AbstractAsyncContextManager[Fence]:
        return self.journal.database.exclusive(*names)

    def _new_run(self, caller: Caller, change: Change, fence: Fence, started: float) -> Run:
        async def others() -> set[str]:
            return await self.history.guids_named_since(
                change.begun_at,
                after_place=await self.history.first_place(change.change_id),
                besides_change=change.change_id,
            )

        return Run(
            self.account,
            self.journal,
            change,
            fence,
            started,
            caller.progress,
            others=others,
            is_under_way=self.is_under_way,
            tried=self.tried,
            coming=partial(self.reconciler.may_still_be_added, change),
        )


def _given_again(written: Written) -> Written:
    return written.replay() if isinstance(written, Done) else written


def _named(caller: Caller, operation: Operation) -> tuple[str, str, str]:
    return operation.tool, caller.name, operation.digest


def _call_name(caller: Caller, operation: Operation) -> str:
    """The same for the same call of the same caller."""
    return f"call:{':'.join(_named(caller, operation))}"


def name_of(change_id: str) -> str:
    """What a change is called while somebody is at it."""
    return f"change:{change_id}"


def _proposal(caller: Caller, operation: Operation, prepared: Prepared) -> Proposal:
    return Proposal(
        tool=operation.tool,
        caller=caller.name,
        arguments=operation.identity,
        targets=prepared.targets,
        question=prepared.question,
        weight=prepared.weight,
        scopes=caller.scopes,
    )


def _change(
    change_id: str,
    caller: Caller,
    operation: Operation,
    prepared: Prepared,
    accepted: _Accepted | None = None,
) -> Change:
    return Change(
        change_id=change_id,
        tool=operation.tool,
        caller=caller.name,
        arguments=json.dumps(operation.arguments),
        arguments_digest=operation.digest,
        plan_id=accepted.plan.plan_id if accepted else None,
        accepted=accepted.how if accepted else None,
        undoes=operation.undoes,
        seen=json.dumps(prepared.seen),
        client=caller.client,
    )
