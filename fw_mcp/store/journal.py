"""What was about to be written, what stood there before, and what came of it."""

import json
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from fw_mcp.errors import GuardError, Reason
from fw_mcp.store.locks import SILENT_S, Leases, may_be_running
from fw_mcp.store.sqlite import Database

Record = Mapping[str, Any]

_UNKNOWN = "unknown"

_BEGIN = """
INSERT INTO changes (
    change_id, tool, caller, account, arguments, arguments_digest,
    plan_id, accepted, undoes, seen, owner, begun_at, ended_at, result
) VALUES (
    :change_id, :tool, :caller, :account, :arguments, :arguments_digest,
    :plan_id, :accepted, :undoes, :seen, :owner, :begun_at, :ended_at, :result
) ON CONFLICT (change_id) DO UPDATE SET owner = excluded.owner, ended_at = NULL, result = NULL
"""
_UNSETTLED = """
SELECT entry_id, change_id, tool, owner, account, journal.begun_at, finished_at IS NOT NULL,
    iif(finished_at IS NULL, json_array_length(intent), unknown)
FROM journal JOIN changes USING (change_id)
WHERE entry_id IN (
    SELECT entry_id FROM journal WHERE finished_at IS NULL
    UNION ALL
    SELECT entry_id FROM journal WHERE unknown > 0
) ORDER BY entry_id
"""


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

    Attributes:
        tool: the tool's name.
        account: a digest that names the account it was made on; "" where that is not known.
        arguments: JSON; the call can be made again from it.
        arguments_digest: the same for calls that ask for the same.
        plan_id: the accepted plan; None when nothing was asked.
        accepted: how the plan was accepted; None when nothing was asked.
        undoes: the change that this one takes back.
        seen: JSON, guid → a digest of each image as it stood when the call was let through.
        owner: the process that writes.
        begun_at, ended_at: seconds since the epoch; not ended while it runs or when it was cut off.
        result: JSON, what the call answered.
    """

    change_id: str
    tool: str
    caller: str
    account: str = field(default="", kw_only=True)
    arguments: str
    arguments_digest: str
    plan_id: str | None = None
    accepted: str | None = None
    undoes: str | None = None
    seen: str = "{}"
    owner: str = ""
    begun_at: float = 0.0
    ended_at: float | None = None
    result: str | None = None


@dataclass(frozen=True, slots=True)
class Unsettled:
    """A write whose outcome is not known: it was cut off, or could not be read back.

    Attributes:
        account: a digest that names the account it was made on; "" where that is not known.
        finished: whether an outcome is recorded at all.
        items: how many images it is about.
    """

    entry_id: int
    change_id: str
    tool: str
    owner: str
    account: str
    begun_at: float
    finished: bool
    items: int

    def of_another(self, account: str) -> bool:
        """Whether it was made on another account than this one."""
        return self.account not in {"", account}


class Journal:
    """Intent and former records before a write is sent, its outcome after.

    Args:
        database: where it is kept.
        now: seconds since the epoch.
        owner: the name of this process.
        reached: told each step of each write.
        account: a digest that names the account that is written to.
    """

    def __init__(
        self,
        database: Database,
        now: Callable[[], float],
        owner: str = "",
        reached: Callable[[Step], None] = lambda _: None,
        account: str = "",
    ) -> None:
        self.now = now
        self.owner = owner
        self.reached = reached
        self.account = account
        self.leases = Leases(database, now, owner)
        self._database = database

    async def begin(
        self, change: Change, kind: str, intent: Sequence[Record], former: Sequence[Record]
    ) -> int:
        """Record what is about to be sent; on return it is on the disk.

        Args:
            change: the call; recorded with its first entry, so that a call that sends nothing
                leaves no trace.
            kind: the endpoint that is called.
            intent: one record an item, as it will be sent, with `item`, its place in the call.
            former: the full records that stand there now.

        Returns:
            The entry's id, for `finish`.

        Raises:
            StoreError: it could not be recorded, so nothing may be sent.
            GuardError: another process is at the same call; nothing may be sent.
        """
        self.reached(Step.BEFORE_INTENT)
        now = self.now()
        begun = {**asdict(change), "account": self.account, "owner": self.owner, "begun_at": now}
        row = (change.change_id, kind, now, _json(intent), _json(former))

        def work(connection: sqlite3.Connection) -> int:
            self._check_alone(connection, change, now)
            connection.execute(_BEGIN, {**begun, "ended_at": None, "result": None})
            cursor = connection.execute(
                "INSERT INTO journal (change_id, kind, begun_at, intent, former)"
                " VALUES (?, ?, ?, ?, ?)",
                row,
            )
            return int(cursor.lastrowid or 0)

        entry_id = await self._database.run(work)
        self.reached(Step.INTENT_RECORDED)
        return entry_id

    def _check_alone(self, connection: sqlite3.Connection, change: Change, now: float) -> None:
        """Two processes that were asked the same at once must not both do it."""
        owners = connection.execute(
            "SELECT owner FROM changes WHERE tool = ? AND caller = ? AND account = ?"
            " AND arguments_digest = ? AND change_id != ? AND owner != ? AND ended_at IS NULL"
            " AND begun_at > ?",
            (
                change.tool,
                change.caller,
                self.account,
                change.arguments_digest,
                change.change_id,
                self.owner,
                now - SILENT_S,
            ),
        )
        if any(may_be_running(owner) for (owner,) in owners):
            raise GuardError(
                f"Another process is at the same call of {change.tool}.",
                state="This call sent nothing.",
                next_step="Call again in a minute: it then gives the result, or goes on.",
                reason=Reason.STILL_RUNNING,
            )

    async def finish(self, entry_id: int, outcome: Sequence[Record]) -> None:
        """Record what was read back.

        Args:
            entry_id: from `begin`.
            outcome: one record an item: `item`, `guid`, `outcome`, `detail`, `after`, of a
                selection `stored`, and `doubled`.
        """
        unknown = sum(one["outcome"] == _UNKNOWN for one in outcome)
        row = (self.now(), _json(outcome), unknown, entry_id)
        await self._database.run(
            lambda connection: connection.execute(
                "UPDATE journal SET finished_at = ?, outcome = ?, unknown = ? WHERE entry_id = ?",
                row,
            )
        )
        self.reached(Step.OUTCOME_RECORDED)

    async def end(self, change_id: str, result: str) -> bool:
        """Record what the call answered.

        Returns:
            False when the journal does not know the change, because nothing was ever sent.
        """
        row = (self.now(), result, change_id)

        def work(connection: sqlite3.Connection) -> bool:
            cursor = connection.execute(
                "UPDATE changes SET ended_at = ?, result = ? WHERE change_id = ?", row
            )
            return cursor.rowcount == 1

        recorded = await self._database.run(work)
        self.reached(Step.RESULT_RECORDED)
        return recorded

    async def unsettled(self) -> list[Unsettled]:
        """The entries whose outcome is not known, oldest first."""

        def work(connection: sqlite3.Connection) -> list[Unsettled]:
            return [Unsettled(*row) for row in connection.execute(_UNSETTLED)]

        return await self._database.run(work)


def _json(records: Sequence[Record]) -> str:
    return json.dumps(list(records), separators=(",", ":"), default=str)
