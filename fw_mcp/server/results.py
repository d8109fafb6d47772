"""What tools give: one model a tool, each able to say itself as text with the same facts."""

from abc import abstractmethod
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from fw_mcp.guard.guard import Plan
from fw_mcp.server.rows import EndRow
from fw_mcp.writes.job import ALREADY
from fw_mcp.writes.outcomes import GOOD, Outcome

# Larger results leave out what the caller knows: hosts cut off long ones.
_ROWS_IN_FULL = 50
REPLAYED = "This very call was made before; nothing was sent again."
RESUMED = "This call was made before: what it had done was not sent again, the rest was."
_FAILED = "To try failed images again, call with those alone."
_GO_ON = "For the rest call this tool again with continue_handle alone."


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


class WrittenResult(ToolResult):
    """What a call that may write answered, and what it is called on record."""

    status: Status = Field(description="completed only if all ended as asked.")
    message: str = Field(description="What happened and what to do next.")
    change_id: str | None = Field(None, description="For undo_change.")
    replayed: bool | None = Field(None, description="This call had been made before.")

    @property
    @abstractmethod
    def conclusive(self) -> bool:
        """Whether the same call, sent again within minutes, is to get this result."""

    @property
    def unknown(self) -> bool:
        """Whether the end of anything was not known."""
        return False

    def replay(self, words: str = REPLAYED) -> Self:
        """The same result, given again."""
        if self.replayed:
            return self
        return self.model_copy(update={"replayed": True, "message": f"{words} {self.message}"})

    def on_record(self, change_id: str, *, open_: bool) -> Self:
        """The result with its name in the journal, and the way on if something is left to do."""
        del open_
        return self.model_copy(update={"change_id": change_id})

    def declined(self, message: str) -> Self:
        """The result of a write that was not confirmed."""
        return self.model_copy(update={"status": Status.DECLINED, "message": message})

    def waiting(self, plan: Plan, message: str) -> Self:
        """The result of a write whose plan waits for an answer."""
        expires = datetime.fromtimestamp(plan.expires_at, UTC).isoformat(timespec="seconds")
        return self.model_copy(
            update={
                "status": Status.CONFIRMATION_REQUIRED,
                "message": message,
                "plan_id": plan.plan_id,
                "question": plan.question,
                "expires_at": expires,
            }
        )


class WriteResult(WrittenResult):
    """What a write did to each image."""

    continue_handle: str | None = Field(None, description="Call again with it alone to go on.")
    outcomes: dict[str, int] = Field(description="Outcome → how many images.")
    images: list[EndRow]

    @property
    def conclusive(self) -> bool:
        """Whether an image was written, or may have been."""
        return any(Outcome(one) in GOOD | {Outcome.UNKNOWN} for one in self.outcomes)

    @property
    def unknown(self) -> bool:
        """Whether the end of an image was not known."""
        return Outcome.UNKNOWN in self.outcomes

    def on_record(self, change_id: str, *, open_: bool) -> Self:
        """The result with its name in the journal, and the way on if something is left to do."""
        if not open_:
            message = f"{self.message} {_FAILED}" if Outcome.FAILED in self.outcomes else ""
            named = self.model_copy(update={"message": message or self.message})
            return super(WriteResult, named).on_record(change_id, open_=open_)
        message = f"{self.message} {_GO_ON}"
        return self.model_copy(
            update={"change_id": change_id, "continue_handle": change_id, "message": message}
        )

    def text(self) -> str:
        """The message, then one line an image."""
        return "\n".join([*self._head(), *(row.line() for row in self.images)])

    def _head(self) -> list[str]:
        names = (("change_id", self.change_id), ("continue_handle", self.continue_handle))
        named = [f"{name} {one}" for name, one in names if one]
        return [f"{self.status}: {self.message}", *named]


W = TypeVar("W", bound=WriteResult)


class GuardedResult(WriteResult):
    """What a write that may have to ask did to each image."""

    plan_id: str | None = Field(None, description="Present with confirmation_required.")
    question: str | None = Field(None, description="Show it to the person, word for word.")
    expires_at: str | None = Field(None, description="When the plan expires, UTC.")

    def _head(self) -> list[str]:
        lines = super()._head()
        if self.plan_id:
            lines += [self.question or "", f"plan_id {self.plan_id}, until {self.expires_at}"]
        return lines


def completed(result: type[W], rows: Sequence[EndRow]) -> W:
    """The result of a write that was sent."""
    done = all(row.outcome in GOOD or row.detail == ALREADY for row in rows)
    status = Status.COMPLETED if done else Status.INCOMPLETE
    shown = rows if len(rows) <= _ROWS_IN_FULL else [_brief(row) for row in rows]
    return _result(result, status, _summed_up(rows), shown)


def previewed(result: type[W], rows: Sequence[EndRow], message: str) -> W:
    """The result of a call that was only to say what it would do."""
    return _result(result, Status.DRY_RUN, f"Nothing was sent. {message}", rows)


def _result(result: type[W], status: Status, message: str, rows: Sequence[EndRow]) -> W:
    return result(status=status, message=message, outcomes=_counted(rows), images=list(rows))


def _brief(row: EndRow) -> EndRow:
    """An image that ended as asked, without what the caller sent."""
    if row.outcome not in GOOD or row.products_removed:
        return row
    shorter: dict[str, None] = {"title": None, "description": None}
    if row.outcome in {Outcome.UPDATED, Outcome.DELETED}:
        shorter["file_name"] = None
    return row.model_copy(update=shorter)


def _counted(rows: Sequence[EndRow]) -> dict[str, int]:
    return dict(Counter(row.outcome.value for row in rows))


def _summed_up(rows: Sequence[EndRow]) -> str:
    counts = ", ".join(f"{count} {outcome}" for outcome, count in _counted(rows).items())
    return f"As read back from the service: {counts}."
