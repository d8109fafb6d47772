"""What was about to be written, what stood there before, and what came of it."""

import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from fw_mcp.store.connection import Connection
from fw_mcp.store.database import IN_THIS_PROCESS, Store, accounts_known
from fw_mcp.store.locks import Fence
from fw_mcp.telemetry import is_counting, level

Record = Mapping[str, Any]
Beside = Mapping[int, Collection[str]]
"""Item → the changes that sent something for the same image, and have no outcome of it on record.

An item is there, too, where each of them has.
"""

# A write of which it is not known what came of it; of what was not sent, nothing is to be known.
OPEN = "items.kind <> '' AND (items.outcome IS NULL OR items.outcome = 'unknown')"

_NEWEST_OF = (
    "SELECT max(place) FROM changes WHERE account = ?",
    "SELECT max(place) FROM items WHERE account = ?",
)
_BEGIN = """
INSERT INTO changes (
    account, change_id, place, tool, caller, arguments_digest, plan_id, accepted, undoes,
    begun_at, ended_at, worked_at, baseline, seen, arguments, client
) VALUES (
    :account, :change_id, :place, :tool, :caller, :arguments_digest, :plan_id, :accepted, :undoes,
    :now, NULL, :now, :baseline, :seen, :arguments, :client
) ON CONFLICT (account, change_id) DO UPDATE SET ended_at = NULL, worked_at =
    CASE WHEN changes.worked_at < excluded.worked_at
        THEN excluded.worked_at ELSE changes.worked_at END
"""
_SENT = """
INSERT INTO items (
    account, change_id, item, kind, outcome, doubled, place, begun_at, finished_at,
    guid, detail, sent, before, after
) VALUES (
    :account, :change_id, :item, :kind, NULL, 0, :place, :now, NULL,
    :guid, '""', :sent, :before, NULL
) ON CONFLICT (account, change_id, item) DO UPDATE SET
    kind = excluded.kind, outcome = NULL, doubled = 0, place = excluded.place,
    begun_at = excluded.begun_at, finished_at = NULL, guid = excluded.guid,
    detail = excluded.detail, sent = excluded.sent, before = excluded.before, after = NULL,
    told = NULL
"""
_BESIDE = f"""
SELECT change_id, guid, finished_at FROM items
WHERE account = :account AND coalesce(finished_at, begun_at) >= :since
    AND kind <> '' AND guid IS NOT NULL
UNION
SELECT change_id, guid, finished_at FROM items
WHERE account = :account AND {OPEN} AND finished_at IS NULL AND guid IS NOT NULL
"""  # noqa: S608  ours
_FINISH = """
UPDATE items SET
    outcome = :outcome, doubled = :doubled, finished_at = :now, guid = coalesce(:guid, guid),
    detail = :detail, before = coalesce(:before, before), after = :after, told = NULL
WHERE account = :account AND change_id = :change_id AND item = :item
"""
_END = """
UPDATE changes SET ended_at = :now,
    worked_at = CASE WHEN worked_at < :now THEN :now ELSE worked_at END
WHERE account = :account AND change_id = :change_id
"""
_NOT_SENT = """
INSERT INTO items (
    account, change_id, item, kind, outcome, doubled, place, begun_at, finished_at,
    guid, detail, sent, before, after
) VALUES (
    :account, :change_id, :item, '', :outcome, :doubled, :place, :now, :now,
    :guid, :detail, NULL, :before, :after
) ON CONFLICT (account, change_id, item) DO UPDATE SET
    outcome = excluded.outcome, doubled = excluded.doubled, place = excluded.place,
    begun_at = excluded.begun_at, finished_at = excluded.finished_at, guid = excluded.guid,
    detail = excluded.detail, before = excluded.before, after = excluded.after
WHERE items.kind = ''
"""
_TOLD = """
UPDATE items SET told = CASE WHEN outcome = :outcome AND detail = :detail THEN NULL ELSE :told END
WHERE account = :account AND change_id = :change_id AND item = :item AND kind <> ''
"""
_UNSETTLED = f"""
SELECT changes.change_id, changes.tool, changes.begun_at,
    sum(CASE WHEN items.outcome IS NULL THEN 1 ELSE 0 END) AS unrecorded, count(*) AS items
FROM items
JOIN changes ON changes.account = items.account AND changes.change_id = items.change_id
WHERE items.account = ? AND {OPEN}
GROUP BY changes.change_id, changes.tool, changes.begun_at, changes.place
ORDER BY changes.place
"""  # noqa: S608  ours
_HOW_MANY_OPEN = f"SELECT count(*) AS items FROM items WHERE items.account = ? AND {OPEN}"  # noqa: S608  ours


class Step(StrEnum):
    """The steps of a journalled write, in their order; a crash may fall on any."""

    BEFORE_INTENT = "before_intent"
    INTENT_RECORDED = "intent_recorded"
    ANSWERED = "answered"
    READ_BACK = "read_back"
    OUTCOME_RECORDED = "outcome_recorded"
    RESULT_RECORDED = "result_recorded"


@dataclass(frozen=True, slots=True)
class Change:
    """One call that writes: what was asked, by whom, and on whose yes.

    What it did, and so what it answered, its items tell.

    Attributes:
        tool: the tool's name.
        arguments: JSON; the call can be made again from it.
        arguments_digest: the same for calls that ask for the same.
        plan_id: the accepted plan; None when nothing was asked.
        accepted: how the plan was accepted; None when nothing was asked.
        undoes: the change that this one takes back.
        seen: JSON, guid → a digest of each image as it stood when the call was let through.
        baseline: JSON, what a library held when a call that adds first began; None of others.
        begun_at, ended_at: seconds since the epoch; not ended while it runs or when it was cut off.
        client: what the host called itself; None where the caller's name says it.
    """

    change_id: str
    tool: str
    caller: str
    arguments: str
    arguments_digest: str
    plan_id: str | None = None
    accepted: str | None = None
    undoes: str | None = None
    seen: str = "{}"
    baseline: str | None = None
    begun_at: float = 0.0
    ended_at: float | None = None
    client: str | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """One item of a change, as the last run of the call that came to it left it.

    Attributes:
        item: its place in the call.
        kind: the endpoint that was called; "" when nothing was sent for it.
        guid: the image or the selection; None while none is known.
        sent: what was to be sent; None when nothing was.
        before: what stood there before.
        after: what was read back.
        outcome: how it ended; None while that is not recorded.
        detail: why, or how to find out; "" where the outcome says it all.
        doubled: whether the service lists the image more often than it was asked for.
        told: outcome and detail that the last answer told of it, where that did not send it and
            told otherwise than what is on record.
        place: grows with each row that the account's journal gets; a clock may be set back.
        begun_at, finished_at: seconds since the epoch; None while the outcome is not recorded.
    """

    change_id: str
    item: int
    kind: str
    guid: str | None
    sent: dict[str, Any] | None
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    outcome: str | None
    detail: str
    doubled: bool
    place: int
    begun_at: float
    finished_at: float | None
    told: tuple[str, str] | None = None

    @property
    def unsettled(self) -> bool:
        """Whether something was, or may have been, sent of which it is not known what came."""
        return self.kind != "" and self.outcome in {None, "unknown"}


@dataclass(frozen=True, slots=True)
class Intent:
    """What is about to be sent for one item.

    Attributes:
        guid: the image or the selection that it is about; None when there is none yet.
        sent: the record, as it will be sent.
        before: the record that stands there now; None when there is none.
    """

    guid: str | None
    sent: Record | None
    before: Record | None = None


@dataclass(frozen=True, slots=True)
class End:
    """How one item ended.

    Attributes:
        guid: the image or the selection; None keeps the one that is on record.
        outcome: as read back.
        detail: why, or how to find out.
        after: the record that was read back; None when there is none.
        doubled: whether the service lists the image more often than it was asked for.
        before: the record that stood there before; None keeps the one that is on record.
    """

    guid: str | None
    outcome: str
    detail: str = ""
    after: Record | None = None
    doubled: bool = False
    before: Record | None = None


@dataclass(frozen=True, slots=True)
class Unsettled:
    """A change with writes whose outcome is not known: cut off, or not to be read back.

    Attributes:
        begun_at: when the change began, in seconds since the epoch.
        finished: whether each of its writes has an outcome on record at all.
        items: how many are open or unknown.
    """

    change_id: str
    tool: str
    begun_at: float
    finished: bool
    items: int


@dataclass(frozen=True, slots=True)
class Others:
    """The other accounts on a store; a sandbox in memory is none.

    Attributes:
        accounts: how many.
        open: how many changes of theirs have writes whose outcome is not known.
    """

    accounts: int
    open: int


class Journal:
    """Intent and former records before a write is sent, its outcome after.

    Args:
        database: where it is kept, and for which account.
        now: seconds since the epoch.
        reached: told each step of each write.
    """

    def __init__(
        self,
        database: Store,
        now: Callable[[], float],
        reached: Callable[[Step], None] = lambda _: None,
    ) -> None:
        self.database = database
        self.now = now
        self.reached = reached

    async def begin(
        self,
        change: Change,
        kind: str,
        intents: Mapping[int, Intent],
        fence: Fence,
        read_at: float | None = None,
    ) -> Beside:
        """Record what is about to be sent; on return it is on the disk.

        Args:
            change: the call; recorded with its first write, so that a call that sends nothing
                leaves no trace. What it was begun with stays; one that had ended is open again.
            kind: the endpoint that is called.
            intents: what will be sent, by the item's place in the call; an item that a former run
                wrote is from now on what this one makes of it.
            fence: from `Store.exclusive`, for the names that this call may write under.
            read_at: when the images were read, in seconds since the epoch; None where what others
                do is of no matter.

        Returns:
            What other changes do with the same images.

        Raises:
            StoreError: it could not be recorded, so nothing may be sent.
            GuardError: the names are not taken any more; nothing may be sent.
        """
        self.reached(Step.BEFORE_INTENT)
        row = {**asdict(change), **self._now_of(change.change_id)}
        sent = [{**row, "kind": kind, **_intent(item, one)} for item, one in intents.items()]

        def work(connection: Connection) -> tuple[Beside, int]:
            fence.check(connection)
            beside = {} if read_at is None else _beside(connection, sent, read_at)
            place = self._next_place(connection)
            connection.execute(_BEGIN, {**row, "place": place})
            connection.executemany(_SENT, _placed(sent, place))
            return beside, self._how_many_open(connection)

        found, unsettled = await self.database.run(work)
        self._tell_open(unsettled)
        self.reached(Step.INTENT_RECORDED)
        return found

    async def keep(self, fence: Fence) -> None:
        """See that the names are still taken, where somebody else may have taken them meanwhile.

        Raises:
            StoreError: it cannot be told, so nothing may be sent.
            GuardError: they are not taken any more; nothing may be sent.
        """
        if not fence.is_sure:
            await self.database.run(fence.check)

    async def finish(
        self, change_id: str, ends: Mapping[int, End], fence: Fence | None = None
    ) -> None:
        """Record what was read back.

        Args:
            change_id: the call.
            ends: by the place in the call, of items that `begin` recorded.
            fence: as `begin` had it; None where any process may record it.

        Raises:
            StoreError: it could not be recorded; the items stay open.
            GuardError: the names are not taken any more: whoever has them records it.
        """
        row = self._now_of(change_id)
        ended = [{**row, **_end(item, end)} for item, end in ends.items()]

        def work(connection: Connection) -> int:
            if fence is not None:
                fence.check(connection)
            connection.executemany(_FINISH, ended)
            return self._how_many_open(connection)

        self._tell_open(await self.database.run(work))
        self.reached(Step.OUTCOME_RECORDED)

    async def end(self, change_id: str, rest: Mapping[int, End]) -> bool:
        """Record that the call answered, and what it told of items that it sent nothing for.

        Args:
            change_id: the call.
            rest: by the place in the call; of an item that was sent, in this run or a former one,
                what is on record stays, with what was told of it beside it.

        Returns:
            False when the journal does not know the change, because nothing was ever sent.

        Raises:
            StoreError: it could not be recorded; what was sent is on record by itself.
        """
        row = self._now_of(change_id)
        unsent = [{**row, **_end(item, end)} for item, end in rest.items()]

        def work(connection: Connection) -> bool:
            if connection.execute(_END, row).rowcount != 1:
                return False
            connection.executemany(_NOT_SENT, _placed(unsent, self._next_place(connection)))
            connection.executemany(_TOLD, unsent)
            return True

        recorded = await self.database.run(work)
        self.reached(Step.RESULT_RECORDED)
        return recorded

    async def unsettled(self) -> list[Unsettled]:
        """The changes with writes whose outcome is not known, oldest first.

        Raises:
            StoreError: the journal could not be read.
        """

        def work(connection: Connection) -> list[Unsettled]:
            rows = connection.execute(_UNSETTLED, (self.database.account,))
            return [
                Unsettled(change_id, tool, begun_at, unrecorded == 0, items)
                for change_id, tool, begun_at, unrecorded, items in rows
            ]

        found = await self.database.run(work)
        self._tell_open(sum(one.items for one in found))
        return found

    async def others(self) -> Others:
        """Whose changes this account is not shown.

        Raises:
            StoreError: the journal could not be read.
        """

        def work(connection: Connection) -> Others:
            others = [
                one
                for one in accounts_known(connection)
                if one != self.database.account and not one.startswith(IN_THIS_PROCESS)
            ]
            found = [connection.execute(_UNSETTLED, (one,)).fetchall() for one in others]
            return Others(len(others), sum(map(len, found)))

        return await self.database.run(work)

    def _how_many_open(self, connection: Connection) -> int:
        if not is_counting():
            return 0
        return int(connection.execute(_HOW_MANY_OPEN, (self.database.account,)).fetchone()[0])

    def _tell_open(self, items: int) -> None:
        # Under a name that stands in for the account's own, nothing is written.
        if self.database.known:
            level("fw_mcp.journal.unsettled", self.database.account, items)

    def _now_of(self, change_id: str) -> dict[str, Any]:
        return {"account": self.database.account, "change_id": change_id, "now": self.now()}

    def _next_place(self, connection: Connection) -> int:
        # Transactions of one account come one after the other: nobody takes it meanwhile.
        account = (self.database.account,)
        last = [connection.execute(one, account).fetchone()[0] for one in _NEWEST_OF]
        return 1 + max(place or 0 for place in last)


def _beside(connection: Connection, sent: list[dict[str, Any]], read_at: float) -> Beside:
    if not sent:
        return {}
    found: dict[str, set[str]] = {}
    own = sent[0]["change_id"]
    for change_id, guid, finished_at in connection.execute(_BESIDE, {**sent[0], "since": read_at}):
        if change_id != own:
            found.setdefault(guid, set()).update([change_id] if finished_at is None else ())
    return {row["item"]: found[row["guid"]] for row in sent if row["guid"] in found}


def json_of(record: Record | str | None) -> str | None:
    """A record or a text as a column keeps it: nothing in it, half an emoji or NUL, is refused."""
    return None if record is None else json.dumps(record, separators=(",", ":"), default=str)


def _intent(item: int, one: Intent) -> dict[str, Any]:
    return {
        "item": item,
        "guid": json_of(one.guid),
        "sent": json_of(one.sent),
        "before": json_of(one.before),
    }


def _end(item: int, end: End) -> dict[str, Any]:
    return {
        "item": item,
        "guid": json_of(end.guid),
        "outcome": end.outcome,
        "detail": json_of(end.detail),
        "doubled": int(end.doubled),
        "before": json_of(end.before),
        "after": json_of(end.after),
        "told": json.dumps([end.outcome, end.detail]),
    }


def _placed(rows: list[dict[str, Any]], first: int) -> list[dict[str, Any]]:
    return [{**row, "place": place} for place, row in enumerate(rows, first)]
