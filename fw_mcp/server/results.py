"""What tools give: one model a tool, each able to say itself as text with the same facts."""

import json
from abc import abstractmethod
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Self, cast

from pydantic import BaseModel, ConfigDict, Field

from fw_mcp.server.end_rows import (
    EndRow,
    RowOutcome,
    end_row,
    went_plainly,
    would_go_plainly,
    would_row,
)
from fw_mcp.server.rows import GUID_SHOWN
from fw_mcp.text import counted, shown, timed
from fw_mcp.writes.operation import Declined, Done, Pending, Waiting, Written
from fw_mcp.writes.outcomes import Ends, Outcome, may_go_on
from fw_mcp.writes.trial import UNEXPECTED

if TYPE_CHECKING:
    from mcp.types import InputRequiredResult

# Of more images, those that ended as asked are told by their guids alone.
ROWS_IN_FULL = 10
# Hosts cut off, or refuse, what is longer: neither text nor JSON is.
CHARACTERS = 24_000
# For what is said of what is left out, and the names of the lists.
RESERVED = 500
_AT_STAKE = 2
_WELL = 3
_UNDECIDED = frozenset({RowOutcome.UNKNOWN, RowOutcome.NOT_ATTEMPTED})
_LEFT_OUT = frozenset({RowOutcome.ALREADY_GONE, RowOutcome.NOT_FOUND, RowOutcome.SKIPPED})
_DOUBLED = "Some images are in FinerWorks more than once; see their details."
_FAILED = "To try failed images again, call again with only those."
_THE_REST = "search_images with change_id {} pages through all of them."
_FEWER = "Call with fewer images to see each."
_TRIED = f"{UNEXPECTED}: see its detail, and continue only if that is what the person wants."
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

    def length(self) -> int:
        """Characters of the longer one of its two copies."""
        return max(len(self.text()), _length(self.structured()))


class CallStatus(StrEnum):
    """How a write call ended as a whole."""

    COMPLETED = "completed"
    INCOMPLETE = "incomplete"
    DRY_RUN = "dry_run"
    CONFIRMATION_REQUIRED = "confirmation_required"
    DECLINED = "declined"


class WrittenResult(ToolResult):
    """What a call that may write answered, and what it is called on record."""

    status: CallStatus
    message: str
    change_id: str | None = None
    replayed: bool | None = None
    retry_after_s: int | None = None


class WriteResult(WrittenResult):
    """What a write did to each image.

    Attributes:
        way_on: what to do when something is left that a further run may do.
        has_handle: whether a handle goes on with it.
        way_after_failure: what to do about images that failed.
        planned: what a call would do to each image; None where that differs.
    """

    way_on: ClassVar[str] = _GO_ON
    has_handle: ClassVar[bool] = True
    way_after_failure: ClassVar[str] = _FAILED
    planned: ClassVar[RowOutcome | None] = None

    continue_handle: str | None = None
    outcomes: dict[str, int]
    guids: list[str] | None = Field(None, description="As asked; in call order.")
    images: list[EndRow]
    not_listed: int | None = None

    def text(self) -> str:
        """The message, one line an image, then the bare guids."""
        bare = [f"guids: {', '.join(self.guids)}"] if self.guids else []
        return "\n".join([*self._head(), *(row.line() for row in self.images), *bare])

    def _head(self) -> list[str]:
        names = (
            ("asked:", self._asked()),
            ("change_id", self.change_id),
            ("continue_handle", self.continue_handle),
            ("retry_after_s", self.retry_after_s),
        )
        named = [f"{name} {one}" for name, one in names if one]
        return [f"{self.status}: {self.message}", *named]

    def _asked(self) -> str | None:
        return None

    @classmethod
    def of(cls, written: Written) -> "Self | InputRequiredResult":
        """What a call came to."""
        match written:
            case Pending(request):
                return cast("InputRequiredResult", request)
            case Declined():
                return cls._declined(written)
            case Waiting():
                return cls._waiting(written)
            case Done():
                return cls._done(written)

    @classmethod
    def previewed(
        cls, would: Ends, summary: str, found: Mapping[int, str] = MappingProxyType({})
    ) -> Self:
        """What a call would do.

        Args:
            would: how each image would stand.
            summary: the whole, in a sentence.
            found: what was found out about images whose rows are to say it.
        """
        return cls._would(CallStatus.DRY_RUN, f"Nothing was sent. {summary}", would, found)

    @classmethod
    def _would(
        cls,
        status: CallStatus,
        message: str,
        would: Ends,
        found: Mapping[int, str] = MappingProxyType({}),
        **more: Any,  # noqa: ANN401
    ) -> Self:
        is_asked = status is CallStatus.CONFIRMATION_REQUIRED
        rows = {item: would_row(would[item], cls.planned, brief=is_asked) for item in sorted(would)}
        for item, detail in found.items():
            said = " ".join(filter(None, (detail, rows[item].detail)))
            rows[item] = rows[item].model_copy(update={"detail": said})
        bare: list[int] = []
        if is_asked and len(rows) > ROWS_IN_FULL:
            bare = [item for item in rows if would_go_plainly(would[item])]
        told = cls(status=status, message=message, outcomes=_counted(rows), images=[], **more)
        return told._listing(rows, bare, _FEWER)

    @classmethod
    def _declined(cls, declined: Declined) -> Self:
        rows = {item: end_row(replace(end, after=None)) for item, end in declined.would.items()}
        told = cls(
            status=CallStatus.DECLINED,
            message=declined.message,
            outcomes=_counted(rows),
            images=[],
            **cls._how_asked(declined.asked),
        )
        return told._listing(rows, [], _FEWER)

    @classmethod
    def _waiting(cls, waiting: Waiting) -> Self:
        return cls._would(CallStatus.CONFIRMATION_REQUIRED, waiting.message, waiting.would)

    @classmethod
    def _how_asked(cls, asked: str) -> dict[str, Any]:
        del asked
        return {}

    @classmethod
    def _done(cls, done: Done) -> Self:
        rows = {item: end_row(end) for item, end in done.ends.items()}
        now = {item: row for item, row in rows.items() if item not in done.earlier}
        bare: list[int] = []
        if len(now) > ROWS_IN_FULL:
            bare = [item for item in now if went_plainly(done.ends[item])]
        is_open = done.change_id is not None and any(map(may_go_on, done.ends.values()))
        told = cls(
            status=CallStatus.COMPLETED if done.complete else CallStatus.INCOMPLETE,
            message=cls._message(done, rows, is_open=is_open),
            change_id=done.change_id,
            continue_handle=done.change_id if is_open and cls.has_handle else None,
            replayed=True if done.replayed else None,
            retry_after_s=max((row.retry_after_s or 0 for row in rows.values()), default=0) or None,
            outcomes=_counted(rows),
            images=[],
            **cls._how_asked(done.asked),
        )
        rest = _THE_REST.format(done.change_id) if done.change_id else ""
        way = cls._way(done, is_open=is_open)
        return told._listing(now, bare, rest, way, is_part=bool(done.earlier))

    @classmethod
    def _message(cls, done: Done, rows: Mapping[int, EndRow], *, is_open: bool) -> str:
        lost = [one for end in done.ends.values() for one in end.products_gone]
        earlier = len(done.earlier)
        parts = [
            done.replayed,
            _summed_up(rows),
            f"{counted(earlier, 'image')} of these ended before this call." if earlier else "",
            done.found,
            f"Products removed in all: {counted(len(lost), 'product')}." if len(lost) > 1 else "",
            _DOUBLED if any(end.doubled for end in done.ends.values()) else "",
            _TRIED if any(UNEXPECTED in end.detail for end in done.ends.values()) else "",
            _OPEN if is_open and any(row.retry_after_s for row in rows.values()) else "",
            done.afterwards,
        ]
        return " ".join(part for part in parts if part)

    @classmethod
    def _way(cls, done: Done, *, is_open: bool) -> str:
        """What to do next; one advice alone."""
        failed = any(end.outcome is Outcome.FAILED for end in done.ends.values())
        if is_open:
            return cls.way_on
        return cls.way_after_failure if failed and done.change_id is not None else ""

    def _listing(
        self,
        rows: Mapping[int, EndRow],
        bare: Sequence[int],
        rest: str,
        way: str = "",
        *,
        is_part: bool = False,
    ) -> Self:
        """The same with as many rows and bare guids as fit a host: what went wrong comes first.

        Where each image has its row, and it is in order or they are few, the rows come in the order
        of the call; otherwise they carry their places in it.

        Args:
            rows: of the images to tell, by their places in the call.
            bare: those that need no row beside their guid.
            rest: how to get what is left out.
            way: what to do next.
            is_part: whether there are images of the call beside these.
        """
        left = CHARACTERS - RESERVED - self.length()
        order = sorted(set(rows) - set(bare), key=lambda item: _urgency(rows[item]))
        urgent = [item for item in order if _urgency(rows[item]) < _WELL]
        kept, left = _that_fit(rows, urgent, left)
        named = [rows[item].guid or "" for item in bare] if len(kept) == len(urgent) else []
        guids, left = guids_that_fit(named, left)
        if len(kept) == len(urgent) and len(guids) == len(bare):
            more, _ = _that_fit(rows, order[len(urgent) :], left)
            kept |= more
        absent = len(rows) - len(kept) - len(guids)
        many = len(rows) > ROWS_IN_FULL and any(_urgency(row) < _AT_STAKE for row in rows.values())
        if not (is_part or bare or absent or many):
            order = sorted(kept)
            kept = {item: row.model_copy(update={"index": None}) for item, row in kept.items()}
        missing = f"{counted(absent, 'image')} not listed here. {rest}".rstrip() if absent else ""
        said = " ".join(part for part in (self.message, missing, way) if part)
        return self.model_copy(
            update={
                "message": said,
                "guids": guids or None,
                "images": [kept[item] for item in order if item in kept],
                "not_listed": absent or None,
            }
        )


class GuardedResult(WriteResult):
    """What a write that may have to ask did to each image."""

    asked: str | None = None
    plan_id: str | None = None
    question: str | None = None
    expires_at: str | None = None

    def _asked(self) -> str | None:
        return self.asked

    @classmethod
    def _how_asked(cls, asked: str) -> dict[str, Any]:
        return {"asked": asked or None}

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
            expires_at=timed(plan.expires_at),
            **cls._how_asked(waiting.asked),
        )


def _that_fit(
    rows: Mapping[int, EndRow], order: Sequence[int], left: int
) -> tuple[dict[int, EndRow], int]:
    """The first rows that fit, each with its place, and the characters that are left then."""
    kept: dict[int, EndRow] = {}
    for item in order:
        row = rows[item].model_copy(update={"index": item})
        left -= max(len(row.line()), _length(row.model_dump(mode="json", exclude_none=True))) + 2
        if left < 0:
            return kept, 0
        kept[item] = row
    return kept, left


def guids_that_fit(guids: Sequence[str], left: int) -> tuple[list[str], int]:
    """The first guids that fit, as they are shown, and the characters that are left then."""
    kept: list[str] = []
    for guid in guids:
        told = shown(guid, GUID_SHOWN).text
        if left < (costs := _length(told) + 2):
            break
        kept.append(told)
        left -= costs
    return kept, left


def _length(document: object) -> int:
    """Characters of JSON, as a host that spaces it out has it."""
    return len(json.dumps(document, ensure_ascii=False))


def _urgency(row: EndRow) -> int:
    """What went wrong, then what a person has to look at, then the rest."""
    if row.outcome is RowOutcome.FAILED:
        return 0
    if row.outcome in _UNDECIDED:
        return 1
    if row.outcome in _LEFT_OUT or row.products_at_risk or row.products:
        return _AT_STAKE
    return _WELL + (not (row.detail or row.products_removed))


def _counted(rows: Mapping[int, EndRow]) -> dict[str, int]:
    return dict(Counter(row.outcome.value for row in rows.values()))


def _summed_up(rows: Mapping[int, EndRow]) -> str:
    counts = ", ".join(f"{count} {outcome}" for outcome, count in _counted(rows).items())
    return f"Read back from FinerWorks: {counts}."
