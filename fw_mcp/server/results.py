"""What tools give: one model a tool, each able to say itself as text with the same facts."""

from abc import abstractmethod
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ClassVar, Self, cast

from pydantic import BaseModel, ConfigDict, Field

from fw_mcp.server.rows import EndRow, end_row, would_row
from fw_mcp.writes.operation import Declined, Done, Pending, Waiting, Written
from fw_mcp.writes.outcomes import Ends, Outcome, may_go_on
from fw_mcp.writes.trial import UNEXPECTED

if TYPE_CHECKING:
    from mcp.types import InputRequiredResult

# Larger results leave out what the caller knows: hosts cut off long ones.
_ROWS_IN_FULL = 50
_DOUBLED = "FinerWorks lists some images more often than asked for: see their details."
_FAILED = "To try failed images again, call with those alone."
_TRIED = f"{UNEXPECTED}: see its detail, and go on only if that is as the person wants it."
_OPEN = "What may still be carried out is only read until retry_after_s is over."
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


class CallStatus(StrEnum):
    """How a write call ended as a whole."""

    COMPLETED = "completed"
    INCOMPLETE = "incomplete"
    DRY_RUN = "dry_run"
    CONFIRMATION_REQUIRED = "confirmation_required"
    DECLINED = "declined"


class WrittenResult(ToolResult):
    """What a call that may write answered, and what it is called on record."""

    status: CallStatus = Field(description="completed only if all ended as asked.")
    message: str = Field(description="What happened and what to do next.")
    change_id: str | None = Field(None, description="For undo_change.")
    replayed: bool | None = Field(None, description="This call was made before.")
    retry_after_s: int | None = None


class WriteResult(WrittenResult):
    """What a write did to each image.

    Attributes:
        way_on: what to do when something is left that a further run may do.
        has_handle: whether a handle goes on with it.
        way_after_failure: what to do about images that failed.
    """

    way_on: ClassVar[str] = _GO_ON
    has_handle: ClassVar[bool] = True
    way_after_failure: ClassVar[str] = _FAILED

    continue_handle: str | None = Field(None, description="Call with it alone to go on.")
    outcomes: dict[str, int] = Field(description="Images by outcome.")
    images: list[EndRow]

    def text(self) -> str:
        """The message, then one line an image."""
        return "\n".join([*self._head(), *(row.line() for row in self.images)])

    def _head(self) -> list[str]:
        names = (
            ("change_id", self.change_id),
            ("continue_handle", self.continue_handle),
            ("retry_after_s", self.retry_after_s),
        )
        named = [f"{name} {one}" for name, one in names if one]
        return [f"{self.status}: {self.message}", *named]

    @classmethod
    def of(cls, written: Written) -> "Self | InputRequiredResult":
        """What a call came to."""
        match written:
            case Pending(request):
                return cast("InputRequiredResult", request)
            case Declined(would, message):
                return cls._would(CallStatus.DECLINED, message, would)
            case Waiting():
                return cls._waiting(written)
            case Done():
                return cls._done(written)

    @classmethod
    def previewed(cls, would: Ends, summary: str) -> Self:
        """What a call would do."""
        return cls._would(CallStatus.DRY_RUN, f"Nothing was sent. {summary}", would)

    @classmethod
    def _would(cls, status: CallStatus, message: str, would: Ends, **more: Any) -> Self:  # noqa: ANN401
        rows = [would_row(would[item]) for item in sorted(would)]
        return cls(status=status, message=message, outcomes=_counted(rows), images=rows, **more)

    @classmethod
    def _waiting(cls, waiting: Waiting) -> Self:
        return cls._would(CallStatus.CONFIRMATION_REQUIRED, waiting.message, waiting.would)

    @classmethod
    def _done(cls, done: Done) -> Self:
        brief = len(done.ends) > _ROWS_IN_FULL
        rows = [end_row(end, brief=brief) for end in done.ends.values()]
        is_open = done.change_id is not None and any(map(may_go_on, done.ends.values()))
        return cls(
            status=CallStatus.COMPLETED if done.complete else CallStatus.INCOMPLETE,
            message=cls._message(done, rows, is_open=is_open),
            change_id=done.change_id,
            continue_handle=done.change_id if is_open and cls.has_handle else None,
            replayed=True if done.replayed else None,
            retry_after_s=max((row.retry_after_s or 0 for row in rows), default=0) or None,
            outcomes=_counted(rows),
            images=rows,
        )

    @classmethod
    def _message(cls, done: Done, rows: Sequence[EndRow], *, is_open: bool) -> str:
        failed = done.change_id is not None and any(row.outcome is Outcome.FAILED for row in rows)
        parts = [
            done.replayed,
            _summed_up(rows),
            _DOUBLED if any(end.doubled for end in done.ends.values()) else "",
            _TRIED if any(UNEXPECTED in end.detail for end in done.ends.values()) else "",
            _OPEN if is_open and any(row.retry_after_s for row in rows) else "",
            cls.way_on if is_open else cls.way_after_failure if failed else "",
        ]
        return " ".join(part for part in parts if part)


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

    @classmethod
    def _waiting(cls, waiting: Waiting) -> Self:
        plan = waiting.plan
        return cls._would(
            CallStatus.CONFIRMATION_REQUIRED,
            waiting.message,
            waiting.would,
            plan_id=plan.plan_id,
            question=plan.question,
            expires_at=datetime.fromtimestamp(plan.expires_at, UTC).isoformat(timespec="seconds"),
        )


def _counted(rows: Sequence[EndRow]) -> dict[str, int]:
    return dict(Counter(row.outcome.value for row in rows))


def _summed_up(rows: Sequence[EndRow]) -> str:
    counts = ", ".join(f"{count} {outcome}" for outcome, count in _counted(rows).items())
    return f"As read back from the service: {counts}."
