"""Calls that were made before: which one a call repeats or goes on with, and what it left."""

import json
from dataclasses import replace

from fw_mcp.errors import ApiError, GuardError, Reason
from fw_mcp.store.history import History
from fw_mcp.store.journal import Change, Journal
from fw_mcp.text import quoted
from fw_mcp.writes.operation import Caller, Operation
from fw_mcp.writes.outcomes import NO_LONGER, Ended, Ends, Items, Outcome
from fw_mcp.writes.reconcile import Reconciler

REPLAY_S = 600.0
HANDLE_S = 3600.0


class FormerCalls:
    """The calls that are on record.

    Args:
        journal: tells the time that they are measured by.
        history: what the journal tells.
        reconciler: reads what is not known of one.
    """

    def __init__(self, journal: Journal, history: History, reconciler: Reconciler) -> None:
        self._journal = journal
        self._history = history
        self._reconciler = reconciler

    async def alike(self, caller: Caller, operation: Operation) -> Change | None:
        """The newest change that this very call of this caller made.

        One that is settled counts for ten minutes; what is not known of another is settled first,
        however old it is.
        """
        former = await self._history.alike(operation.tool, caller.name, operation.digest, 0.0)
        if former is None:
            return None
        since = self._journal.now() - REPLAY_S
        recent = await self._history.alike(operation.tool, caller.name, operation.digest, since)
        if recent is not None:
            return recent
        items = await self._history.items(former.change_id)
        return former if any(one.unsettled for one in items) else None

    async def moved_on(self, operation: Operation, former: Change) -> bool:
        """Whether another change named an image of this one since, or what it undid went on."""
        own = {one.guid for one in await self._history.items(former.change_id)}
        begun = await self._history.first_place(former.change_id)
        others = await self._history.guids_named_since(
            former.begun_at, after_place=begun, besides_change=former.change_id
        )
        if own & others:
            return True
        if operation.undoes is None:
            return False
        # By their places in the journal: a clock may be set back.
        return await self._history.last_place(operation.undoes) > begun

    async def settled(self, operation: Operation, change: Change, started: float) -> Ends:
        """What nothing is left to do for, or nothing may be done now; read where it is not known.

        Raises:
            ApiError: it could not be read; nothing was sent now.
        """
        try:
            return await self._reconciler.settled(change, started)
        except ApiError as unread:
            unread.state = "The earlier call's result is not known yet; nothing was sent now."
            unread.next_step = f"Call {operation.tool} again in a minute."
            raise

    async def recalled(self, caller: Caller, handle: str, tool: str) -> Change:
        """The change that a handle names, while it may be gone on with: for an hour."""
        change = await self._history.change(handle)
        now = self._journal.now()
        if change is not None and (change.tool, change.caller) == (tool, caller.name):
            newest = await self._history.alike(
                tool, caller.name, change.arguments_digest, change.begun_at
            )
            # The same call, made anew since, has taken it over.
            is_newest = newest is not None and newest.change_id == handle
            if is_newest and now - change.begun_at <= HANDLE_S:
                return change
        raise GuardError(
            f"No {tool} call to continue with handle {quoted(handle, 40)} in the last hour.",
            state="Nothing was sent.",
            next_step="Use search_images to see what is left, then make a new call.",
            reason=Reason.HANDLE_UNKNOWN,
        )


def placed(operation: Operation, settled: Items[Ended], former: Change) -> Items[Ended]:
    """How items ended, by their places in this call instead of those in the former one."""
    arguments = json.loads(former.arguments)
    if arguments == operation.arguments:
        return settled
    ends: dict[str, list[Ended]] = {}
    for item, key in enumerate(operation.made_of(arguments).keys):
        if item in settled:
            ends.setdefault(key, []).append(settled[item])
    places = enumerate(operation.keys)
    return {item: ends[key].pop(0) for item, key in places if ends.get(key)}


def no_longer(end: Ended) -> Ended:
    """What a former run did, and somebody changed since: not done again on an old yes."""
    return replace(end, outcome=Outcome.NOT_ATTEMPTED, detail=NO_LONGER, after=None)
