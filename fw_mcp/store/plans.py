"""Plans and their single use."""

import secrets
from dataclasses import asdict, dataclass, fields
from enum import StrEnum

from fw_mcp.store.connection import Connection
from fw_mcp.store.database import Store

_KEPT_S = 24 * 3600
_HOUR_S = 3600


class PlanEnd(StrEnum):
    """How a plan ended."""

    CARRIED_OUT = "carried_out"
    CHANGED = "changed"
    DECLINED = "declined"
    REPLACED = "replaced"


class Claim(StrEnum):
    """What came of claiming a plan's single use."""

    WON = "won"
    UNKNOWN = "unknown"
    USED = "used"
    REPLACED = "replaced"
    EXPIRED = "expired"
    NOT_APPROVED = "not_approved"
    HOURLY_LIMIT = "hourly_limit"


@dataclass(frozen=True, slots=True)
class PlanRecord:
    """One destructive call that was asked for: what exactly, by whom, until when.

    Attributes:
        arguments_digest: of the arguments that name what the call would do.
        targets_digest: of the state of every target when the plan was made, as the guard writes it.
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

    @property
    def why_ended(self) -> Claim:
        """Why a plan that ended cannot be carried out."""
        return Claim.REPLACED if self.ended_as == PlanEnd.REPLACED else Claim.USED


_COLUMNS = ", ".join(field.name for field in fields(PlanRecord))
_ADD = f"""
INSERT INTO plans (account, {_COLUMNS})
VALUES (:account, {", ".join(f":{field.name}" for field in fields(PlanRecord))})
ON CONFLICT (account, plan_id) DO NOTHING
"""  # noqa: S608  ours
_LET_GO = "DELETE FROM plans WHERE account = ? AND expires_at < ?"
_GET = f"SELECT {_COLUMNS} FROM plans WHERE account = ? AND plan_id = ?"  # noqa: S608  ours
_PENDING = f"""
SELECT {_COLUMNS} FROM plans
WHERE account = ? AND ended_at IS NULL AND expires_at > ? ORDER BY created_at, plan_id
"""  # noqa: S608  ours
_APPROVE = """
UPDATE plans SET approved_at = :now
WHERE account = :account AND plan_id = :plan_id
    AND (approved_at = :now OR (ended_at IS NULL AND expires_at > :now))
"""
_VOID = "UPDATE plans SET ended_as = ? WHERE account = ? AND plan_id = ?"
_RENEW = "UPDATE plans SET ended_at = ? WHERE account = ? AND plan_id = ? AND ended_as = ?"
_END = """
UPDATE plans SET ended_at = ?, ended_as = ?
WHERE account = ? AND plan_id = ? AND ended_at IS NULL
"""
_WIN = """
UPDATE plans SET ended_at = ?, ended_as = ?, won_by = ?
WHERE account = ? AND plan_id = ? AND ended_at IS NULL
"""
_WON = "SELECT plan_id FROM plans WHERE account = ? AND plan_id = ? AND won_by = ?"
_SPENT = """
SELECT coalesce(sum(weight), 0) FROM plans WHERE account = ? AND ended_as = ? AND ended_at > ?
"""


class PlanStore:
    """The plans of the account of `database`, for every process that shares it."""

    def __init__(self, database: Store) -> None:
        self._database = database

    @property
    def _account(self) -> str:
        # Inside a transaction, where it is looked up while it is not known.
        return self._database.account

    async def add(self, plan: PlanRecord) -> None:
        """Keep a new plan, and let go of those that ended or ran out a day ago."""

        def work(connection: Connection) -> None:
            connection.execute(_LET_GO, (self._account, plan.created_at - _KEPT_S))
            connection.execute(_ADD, {"account": self._account, **asdict(plan)})

        await self._database.run(work)

    async def get(self, plan_id: str) -> PlanRecord | None:
        """The plan with this id, whatever became of it."""
        return await self._database.run(lambda connection: self._get(connection, plan_id))

    async def pending(self, now: float) -> list[PlanRecord]:
        """The plans that can still be carried out, oldest first."""

        def work(connection: Connection) -> list[PlanRecord]:
            return [PlanRecord(*row) for row in connection.execute(_PENDING, (self._account, now))]

        return await self._database.run(work)

    async def approve(self, plan_id: str, now: float) -> bool:
        """Record a person's approval; False when the plan is unknown, ended or expired."""

        def work(connection: Connection) -> bool:
            row = {"account": self._account, "plan_id": plan_id, "now": now}
            return connection.execute(_APPROVE, row).rowcount == 1

        return await self._database.run(work)

    async def decline(self, plan_id: str, now: float) -> None:
        """End a plan that was answered with no, so that no later answer revives it."""
        await self._database.run(
            lambda connection: self._end(connection, plan_id, now, PlanEnd.DECLINED)
        )

    async def replace(self, plan_id: str, now: float) -> None:
        """End a plan in whose place another question is asked."""
        await self._database.run(
            lambda connection: self._end(connection, plan_id, now, PlanEnd.REPLACED)
        )

    async def void(self, plan_id: str) -> None:
        """Record that a won plan was not carried out after all: its targets had changed."""

        def work(connection: Connection) -> None:
            connection.execute(_VOID, (PlanEnd.CHANGED, self._account, plan_id))

        await self._database.run(work)

    async def renew(self, plan_id: str, now: float) -> None:
        """Count what a plan costs from now: the call that it let through goes on."""

        def work(connection: Connection) -> None:
            connection.execute(_RENEW, (now, self._account, plan_id, PlanEnd.CARRIED_OUT))

        await self._database.run(work)

    async def spent(self, now: float) -> int:
        """How many images the plans carried out in the last hour cost."""
        return await self._database.run(lambda connection: self._spent(connection, now))

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
        # By which the winner knows itself where the answer to its commit was lost.
        winner = secrets.token_hex(8)

        def work(connection: Connection) -> Claim:
            plan = self._get(connection, plan_id)
            if plan is None:
                return Claim.UNKNOWN
            if plan.ended_at is not None:
                won = connection.execute(_WON, (self._account, plan_id, winner)).fetchone()
                return plan.why_ended if won is None else Claim.WON
            if plan.expires_at <= now:
                return Claim.EXPIRED
            if approved_only and plan.approved_at is None:
                return Claim.NOT_APPROVED
            if plan.weight and self._spent(connection, now) + plan.weight > weight_per_hour:
                return Claim.HOURLY_LIMIT
            row = (now, PlanEnd.CARRIED_OUT, winner, self._account, plan_id)
            connection.execute(_WIN, row)
            return Claim.WON

        return await self._database.run(work)

    def _get(self, connection: Connection, plan_id: str) -> PlanRecord | None:
        row = connection.execute(_GET, (self._account, plan_id)).fetchone()
        return None if row is None else PlanRecord(*row)

    def _end(self, connection: Connection, plan_id: str, now: float, ended_as: PlanEnd) -> None:
        connection.execute(_END, (now, ended_as, self._account, plan_id))

    def _spent(self, connection: Connection, now: float) -> int:
        row = (self._account, PlanEnd.CARRIED_OUT, now - _HOUR_S)
        return int(connection.execute(_SPENT, row).fetchone()[0])
