"""Plans and their single use."""

import sqlite3
from dataclasses import astuple, dataclass
from enum import StrEnum

from fw_mcp.store.sqlite import Database

_KEPT_S = 24 * 3600
_HOUR_S = 3600


class PlanEnd(StrEnum):
    """How a plan ended."""

    CARRIED_OUT = "carried_out"
    CHANGED = "changed"
    DECLINED = "declined"


class Claim(StrEnum):
    """What came of claiming a plan's single use."""

    WON = "won"
    UNKNOWN = "unknown"
    USED = "used"
    EXPIRED = "expired"
    NOT_APPROVED = "not_approved"
    HOURLY_LIMIT = "hourly_limit"


@dataclass(frozen=True, slots=True)
class PlanRecord:
    """One destructive call that was asked for: what exactly, by whom, until when.

    The fields stand in the order of the table's columns.

    Attributes:
        arguments_digest: of the arguments that name what the call would do.
        targets_digest: of the state of every target when the plan was made.
        weight: how many images would be deleted or lose products.
        created_at, expires_at, approved_at, ended_at: seconds since the epoch.
    """

    plan_id: str
    tool: str
    caller: str
    arguments_digest: str
    targets_digest: str
    weight: int
    question: str
    created_at: float
    expires_at: float
    approved_at: float | None = None
    ended_at: float | None = None
    ended_as: str | None = None


class PlanStore:
    """The plans of every process that shares `database`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, plan: PlanRecord) -> None:
        """Keep a new plan, and let go of those that ended or ran out a day ago."""

        def work(connection: sqlite3.Connection) -> None:
            connection.execute(
                "DELETE FROM plans WHERE expires_at < ?", (plan.created_at - _KEPT_S,)
            )
            connection.execute(
                "INSERT INTO plans VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", astuple(plan)
            )

        await self._database.run(work)

    async def get(self, plan_id: str) -> PlanRecord | None:
        """The plan with this id, whatever became of it."""
        return await self._database.run(lambda connection: _get(connection, plan_id))

    async def pending(self, now: float) -> list[PlanRecord]:
        """The plans that can still be carried out, oldest first."""

        def work(connection: sqlite3.Connection) -> list[PlanRecord]:
            rows = connection.execute(
                "SELECT * FROM plans WHERE ended_at IS NULL AND expires_at > ? ORDER BY created_at",
                (now,),
            )
            return [PlanRecord(*row) for row in rows]

        return await self._database.run(work)

    async def approve(self, plan_id: str, now: float) -> bool:
        """Record a person's approval; False when the plan is unknown, ended or expired."""

        def work(connection: sqlite3.Connection) -> bool:
            cursor = connection.execute(
                "UPDATE plans SET approved_at = ?"
                " WHERE plan_id = ? AND ended_at IS NULL AND expires_at > ?",
                (now, plan_id, now),
            )
            return cursor.rowcount == 1

        return await self._database.run(work)

    async def decline(self, plan_id: str, now: float) -> None:
        """End a plan that was answered with no, so that no later answer revives it."""
        await self._database.run(
            lambda connection: _end(connection, plan_id, now, PlanEnd.DECLINED)
        )

    async def void(self, plan_id: str) -> None:
        """Record that a won plan was not carried out after all: its targets had changed."""

        def work(connection: sqlite3.Connection) -> None:
            connection.execute(
                "UPDATE plans SET ended_as = ? WHERE plan_id = ?", (PlanEnd.CHANGED, plan_id)
            )

        await self._database.run(work)

    async def renew(self, plan_id: str, now: float) -> None:
        """Count what a plan costs from now: the call that it let through goes on."""
        await self._database.run(
            lambda connection: connection.execute(
                "UPDATE plans SET ended_at = ? WHERE plan_id = ? AND ended_as = ?",
                (now, plan_id, PlanEnd.CARRIED_OUT),
            )
        )

    async def spent(self, now: float) -> int:
        """How many images the plans carried out in the last hour cost."""
        return await self._database.run(lambda connection: _spent(connection, now))

    async def claim(
        self, plan_id: str, now: float, *, weight_per_hour: int, approved_only: bool
    ) -> Claim:
        """Win the plan's single use: one caller of any process ever gets `Claim.WON`.

        Args:
            plan_id: which plan.
            now: seconds since the epoch.
            weight_per_hour: the most images that plans of the last hour may have cost together.
            approved_only: require the approval of a person.
        """

        def work(connection: sqlite3.Connection) -> Claim:
            plan = _get(connection, plan_id)
            if plan is None:
                return Claim.UNKNOWN
            if plan.ended_at is not None:
                return Claim.USED
            if plan.expires_at <= now:
                return Claim.EXPIRED
            if approved_only and plan.approved_at is None:
                return Claim.NOT_APPROVED
            if _spent(connection, now) + plan.weight > weight_per_hour:
                return Claim.HOURLY_LIMIT
            _end(connection, plan_id, now, PlanEnd.CARRIED_OUT)
            return Claim.WON

        return await self._database.run(work)


def _get(connection: sqlite3.Connection, plan_id: str) -> PlanRecord | None:
    row = connection.execute("SELECT * FROM plans WHERE plan_id = ?", (plan_id,)).fetchone()
    return None if row is None else PlanRecord(*row)


def _end(connection: sqlite3.Connection, plan_id: str, now: float, ended_as: PlanEnd) -> None:
    connection.execute(
        "UPDATE plans SET ended_at = ?, ended_as = ? WHERE plan_id = ? AND ended_at IS NULL",
        (now, ended_as, plan_id),
    )


def _spent(connection: sqlite3.Connection, now: float) -> int:
    row = connection.execute(
        "SELECT coalesce(sum(weight), 0) FROM plans WHERE ended_as = ? AND ended_at > ?",
        (PlanEnd.CARRIED_OUT, now - _HOUR_S),
    ).fetchone()
    return int(row[0])
