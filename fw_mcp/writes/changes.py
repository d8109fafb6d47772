"""The calls that wrote: found again, so that none is done twice, and taken up where it ended."""

import json
import secrets
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import anyio

from fw_mcp.errors import GuardError, Reason
from fw_mcp.images.account import Account
from fw_mcp.store.history import Entry, History
from fw_mcp.store.history import Item as Item  # noqa: PLC0414  the server's word for it
from fw_mcp.store.history import Summary as Summary  # noqa: PLC0414  the same
from fw_mcp.store.history import items_of as items_of  # noqa: PLC0414  the same
from fw_mcp.store.journal import Change as Change  # noqa: PLC0414  the same
from fw_mcp.store.journal import Unsettled
from fw_mcp.store.locks import SILENT_S, may_be_running
from fw_mcp.writes.job import Job
from fw_mcp.writes.reconcile import settled_items
from fw_mcp.writes.undo import Undoable, undoable

REPLAY_S = 600.0
HANDLE_S = 3600.0

_LANES = MappingProxyType(
    {
        "elicitation": "asked in the client's dialogue",
        "multi_round_trip": "asked in the client's dialogue",
        "two_step": "second call",
        "approval": "terminal",
    }
)


@dataclass(frozen=True, slots=True)
class Asked:
    """One call that writes, as it was asked.

    Attributes:
        arguments: plain JSON from which the call can be made again.
        digest: the same for calls that ask for the same.
        undoes: the change that it takes back.
    """

    tool: str
    caller: str
    arguments: Mapping[str, Any]
    digest: str
    undoes: str | None = None

    def change(
        self, seen: Mapping[str, str], plan_id: str | None = None, accepted: str | None = None
    ) -> Change:
        """The change that it is about to make.

        Args:
            seen: guid → a digest of each image as it stands.
            plan_id: the accepted plan, if anything was at stake.
            accepted: how it was accepted.
        """
        return Change(
            change_id=secrets.token_hex(8),
            tool=self.tool,
            caller=self.caller,
            arguments=json.dumps(self.arguments),
            arguments_digest=self.digest,
            plan_id=plan_id,
            accepted=accepted,
            undoes=self.undoes,
            seen=json.dumps(seen),
        )


class Changes:
    """What a library's journal tells of calls.

    Args:
        account: whose.
        history: its journal, read.
    """

    def __init__(self, account: Account, history: History) -> None:
        self.history = history
        self._leases = account.journal.leases
        self._names: set[str] = set()
        self._account = account
        self._journal = account.journal

    async def alike(self, asked: Asked) -> Change | None:
        """The newest change that this very call of this caller made within ten minutes."""
        since = self._journal.now() - REPLAY_S
        return await self._alike(asked.tool, asked.caller, asked.digest, since)

    async def to_go_on_with(self, handle: str, tool: str, caller: str) -> Change | None:
        """The change that a handle names, while it may be gone on with: for an hour."""
        change = await self.history.change(handle)
        if change is None or (change.tool, change.caller) != (tool, caller):
            return None
        if self._journal.now() - change.begun_at > HANDLE_S or self.is_foreign(change):
            return None
        newest = await self._alike(tool, caller, change.arguments_digest, change.begun_at)
        # The same call, made anew since, has taken it over.
        return change if newest is not None and newest.change_id == handle else None

    def is_foreign(self, change: Change) -> bool:
        """Whether it was made on another account than this one."""
        return change.account not in {"", self._journal.account}

    async def _alike(self, tool: str, caller: str, digest: str, since: float) -> Change | None:
        account = self._journal.account
        return await self.history.alike(tool, caller, digest, since, account=account)

    @contextmanager
    def named(self, name: str) -> Iterator[None]:
        """While it lasts, this process is at what has this name."""
        self._names.add(name)
        try:
            yield
        finally:
            self._names.discard(name)

    def is_named(self, name: str) -> bool:
        """Whether this process is at what has this name."""
        return name in self._names

    @asynccontextmanager
    async def alone(self, *names: str) -> AsyncIterator[None]:
        """While it lasts, no other call of any process on the store is at any of these.

        Raises:
            GuardError: another one is.
            StoreError: the store cannot tell.
        """
        if not names:
            yield
            return
        if any(name in self._names for name in names):
            raise _still_running()
        with ExitStack() as stack:
            for name in names:
                stack.enter_context(self.named(name))
            if not await self._leases.take(names):
                raise _still_running()
            try:
                yield
            finally:
                with anyio.CancelScope(shield=True):
                    await self._leases.give_back(names)

    async def went_on_after(self, change_id: str, later: Change) -> bool:
        """Whether a change wrote anything after another one had begun to write."""
        entries = await self.history.entries(change_id)
        others = await self.history.entries(later.change_id)
        # By their places in the journal: a clock may be set back.
        first = min((other.entry_id for other in others), default=0)
        return any(entry.entry_id > first for entry in entries)

    async def touched_since(self, change: Change) -> bool:
        """Whether another change since then names an image of this one."""
        own = {
            one["guid"]
            for entry in await self.history.entries(change.change_id)
            for one in (*entry.intent, *entry.outcome)
            if one.get("guid")
        }
        others = await self.history.guids_named_since(
            change.begun_at, besides_change=change.change_id
        )
        return bool(own & others)

    async def runs_elsewhere(self, change: Change) -> bool:
        """Whether another process may still be writing this change."""
        if change.ended_at is not None or change.owner == self._journal.owner:
            return False
        entries = await self.history.entries(change.change_id)
        last = max((one.finished_at or one.begun_at for one in entries), default=change.begun_at)
        silent_s = self._journal.now() - last
        return silent_s < SILENT_S and may_be_running(change.owner)

    async def job(self, change: Change, job: Job) -> Job:
        """One more run of a change: what its runs so far settled stays as it is.

        Args:
            change: to be gone on with.
            job: the run, as its caller began it.

        Raises:
            ApiError: what the change did is not known, and the service could not be read.
        """
        entries = await self.history.entries(change.change_id)
        settled = await settled_items(self._account, self.history, entries, job.started)
        return Job(change, job.started, job.progress, settled, baseline=_baseline(entries))

    async def undoing_elsewhere(self, change: Change) -> bool:
        """Whether another process may be taking this change back right now."""
        undoings = await self.history.undoing(change.change_id)
        return any([await self.runs_elsewhere(one) for one in undoings])

    async def undoable(self, change: Change, started: float) -> Undoable | None:
        """What a change did that could be taken back; None when it wrote nothing.

        Args:
            change: any.
            started: when the call began, on the account's clock.

        Raises:
            ApiError: what the change did is not known, and the service could not be read.
        """
        return await undoable(self._account, self.history, change, started)

    async def end(self, change: Change, result: str) -> bool:
        """Record what a call answered; False when it never sent anything.

        Raises:
            StoreError: it could not be recorded; what each write did is on record by itself.
        """
        return await self._journal.end(change.change_id, result)


def accepted_how(change: Summary) -> str:
    """How the change was accepted, in words."""
    if change.accepted is not None:
        return _LANES.get(change.accepted, change.accepted)
    return "nothing was asked" if change.plan_id is None else "not recorded"


def being_written(entry: Unsettled, now: float) -> bool:
    """Whether another process may still be at it; `now` is in seconds since the epoch."""
    silent_s = now - entry.begun_at
    return not entry.finished and silent_s < SILENT_S and may_be_running(entry.owner)


def _still_running() -> GuardError:
    return GuardError(
        "Another call is at the same change.",
        state="This call sent nothing; what the other one does is not told yet.",
        next_step="Call again in a minute: it then gives the result, or goes on.",
        reason=Reason.STILL_RUNNING,
    )


def _baseline(entries: Sequence[Entry]) -> Mapping[str, Any] | None:
    return entries[0].former[0] if entries and entries[0].former else None
