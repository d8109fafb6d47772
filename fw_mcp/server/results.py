"""What tools give: one model a tool, each able to say itself as text with the same facts."""

from abc import abstractmethod
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from fw_mcp.guard.guard import Plan
from fw_mcp.library.outcomes import GOOD
from fw_mcp.library.updating import ALREADY
from fw_mcp.server.rows import EndRow


class ToolResult(BaseModel):
    """A result; what is not known is left out of the JSON."""

    model_config = ConfigDict(frozen=True)

    @abstractmethod
    def text(self) -> str:
        """The same facts as the structured content, as a person would read them."""

    def structured(self) -> dict[str, Any]:
        """The result as JSON."""
        return self.model_dump(mode="json", exclude_none=True)


class Status(StrEnum):
    """How a write call ended as a whole."""

    COMPLETED = "completed"
    INCOMPLETE = "incomplete"
    DRY_RUN = "dry_run"
    CONFIRMATION_REQUIRED = "confirmation_required"
    DECLINED = "declined"


class WriteResult(ToolResult):
    """What a write did to each image."""

    status: Status = Field(description="completed only if every image ended as asked.")
    message: str = Field(description="What happened and what to do next.")
    outcomes: dict[str, int] = Field(description="Outcome → how many images.")
    images: list[EndRow]

    def text(self) -> str:
        """The message, then one line an image."""
        return "\n".join([f"{self.status}: {self.message}", *(row.line() for row in self.images)])


W = TypeVar("W", bound=WriteResult)


class GuardedResult(WriteResult):
    """What a write that may have to ask did to each image."""

    plan_id: str | None = Field(None, description="Present with confirmation_required.")
    question: str | None = Field(None, description="Show it to the person, word for word.")
    expires_at: str | None = Field(None, description="When the plan expires, UTC.")

    def text(self) -> str:
        """The message, the question if there is one, then one line an image."""
        lines = [f"{self.status}: {self.message}"]
        if self.plan_id:
            lines += [self.question or "", f"plan_id {self.plan_id}, until {self.expires_at}"]
        return "\n".join([*lines, *(row.line() for row in self.images)])


R = TypeVar("R", bound=GuardedResult)


def completed(result: type[W], rows: Sequence[EndRow]) -> W:
    """The result of a write that was sent."""
    done = all(row.outcome in GOOD or row.detail == ALREADY for row in rows)
    return _result(
        result,
        Status.COMPLETED if done else Status.INCOMPLETE,
        _summed_up(rows),
        rows,
    )


def previewed(result: type[W], rows: Sequence[EndRow], message: str) -> W:
    """The result of a call that was only to say what it would do."""
    return _result(result, Status.DRY_RUN, f"Nothing was sent. {message}", rows)


def declined(result: type[R], rows: Sequence[EndRow], message: str) -> R:
    """The result of a write that was not confirmed."""
    return _result(result, Status.DECLINED, message, rows)


def waiting(result: type[R], rows: Sequence[EndRow], plan: Plan, message: str) -> R:
    """The result of a write whose plan waits for an answer."""
    asked = _result(result, Status.CONFIRMATION_REQUIRED, message, rows)
    expires = datetime.fromtimestamp(plan.expires_at, UTC).isoformat(timespec="seconds")
    return asked.model_copy(
        update={"plan_id": plan.plan_id, "question": plan.question, "expires_at": expires}
    )


def _result(result: type[W], status: Status, message: str, rows: Sequence[EndRow]) -> W:
    return result(status=status, message=message, outcomes=_counted(rows), images=list(rows))


def _counted(rows: Sequence[EndRow]) -> dict[str, int]:
    return dict(Counter(row.outcome.value for row in rows))


def _summed_up(rows: Sequence[EndRow]) -> str:
    counts = ", ".join(f"{count} {outcome}" for outcome, count in _counted(rows).items())
    return f"As read back from the service: {counts}."
