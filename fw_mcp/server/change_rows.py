"""How changes look in results: a row each, and a page of them that a host takes whole."""

import json
from collections.abc import Sequence
from typing import NamedTuple

from fw_mcp.server.rows import GUID_SHOWN, Row
from fw_mcp.text import counted, in_quotes, on_the_clock, quoted, shown
from fw_mcp.writes.changes import Did, Listed, Page, Undone
from fw_mcp.writes.outcomes import Kind

PER_PAGE = 25
CALLER_SHOWN = 80
# Hosts cut off a longer result; the head has the rest of 24,000.
_ROWS_SHOWN = 22_500
_MOST_NAMED = 3
_TITLE_SHOWN = 60
_UNDOS_SHOWN = 3
_DAYS_NAMED = 7


class ChangeRow(Row):
    """One change.

    Attributes:
        when: in words, with date, time and offset.
        did: what it did to the first of its images.
        more: how many images there are beyond those.
        outcomes: outcome → images.
        finished: whether each of its writes has an outcome on record.
        open: whether it is not known of some image what came of it.
        undone: whether it was taken back, and stayed so: no, partly or yes.
        undone_by: the last of the changes that took it back.
        more_undos: how many there are before those.
    """

    change_id: str
    when: str
    tool: str
    did: list[str]
    more: int | None = None
    outcomes: dict[str, int]
    finished: bool
    open: bool
    undone: Undone
    undone_by: list[str]
    more_undos: int | None = None
    undoes: str | None = None
    caller: str
    accepted: str
    escaped: bool | None = None

    def line(self) -> str:
        """One line for a person."""
        more = f"and {self.more} more" if self.more else ""
        counts = ", ".join(f"{count} {outcome}" for outcome, count in self.outcomes.items())
        parts = [
            f"{self.change_id} {self.when}",
            f"{self.tool}: {counts or 'nothing was written'}",
            " ".join(filter(None, ("; ".join(self.did), more))),
            self._open(),
            f"undoes {self.undoes}" if self.undoes else "",
            self._undone(),
            f"by {in_quotes(self.caller)}",
            self.accepted,
            "escaped" if self.escaped else "",
        ]
        return " | ".join(part for part in parts if part)

    def _open(self) -> str:
        if not self.open:
            return ""
        return "open: not every outcome is known" if self.finished else "open: unfinished"

    def _undone(self) -> str:
        by = f" by {', '.join(self.undone_by)}" if self.undone_by else ""
        more = f" and {self.more_undos} more" if self.more_undos else ""
        return f"undone: {self.undone}{by}{more}"


def when_told(moment: float, now: float) -> str:
    """A moment in words: `today, 2026-11-28 09:14 (-06:00)`.

    Args:
        moment: seconds since the epoch.
        now: the time it is, likewise.
    """
    at, today = on_the_clock(moment), on_the_clock(now)
    days = (today.date() - at.date()).days
    named = {0: "today, ", 1: "yesterday, "}
    if 1 < days < _DAYS_NAMED:
        named[days] = f"{at:%A}, "
    offset = at.isoformat(timespec="minutes")[-6:]
    return f"{named.get(days, '')}{at:%Y-%m-%d %H:%M} ({offset})"


def change_rows(page: Page) -> list[ChangeRow]:
    """The rows of a page; the longer they are, the fewer images each names."""
    for named in range(_MOST_NAMED, 0, -1):
        rows = [change_row(one, page.now, named) for one in page.changes]
        if named == 1 or max(_length(rows)) <= _ROWS_SHOWN:
            break
    return rows


def change_row(listed: Listed, now: float, named: int = _MOST_NAMED) -> ChangeRow:
    """A change as a listing shows it.

    Args:
        listed: the change.
        now: seconds since the epoch.
        named: how many of its images are named at most.
    """
    change = listed.change
    did = [_said(one) for one in listed.did[:named]]
    caller = shown(change.caller, CALLER_SHOWN)
    return ChangeRow(
        change_id=change.change_id,
        when=when_told(change.begun_at, now),
        tool=change.tool,
        did=[one.text for one in did],
        more=max(change.sent - len(did), 0) or None,
        outcomes=dict(change.outcomes),
        finished=change.finished,
        open=change.is_open,
        undone=listed.undone,
        undone_by=list(change.undone_by[-_UNDOS_SHOWN:]),
        more_undos=max(len(change.undone_by) - _UNDOS_SHOWN, 0) or None,
        undoes=change.undoes,
        caller=caller.text,
        accepted=change.accepted,
        escaped=caller.escaped or any(one.escaped for one in did) or None,
    )


class _Said(NamedTuple):
    text: str
    escaped: bool


def _said(did: Did) -> _Said:
    """What was done to one image, in the words that a person knows it by."""
    if did.kind == Kind.SELECT:
        before, after = ("?" if one is None else counted(one, "image") for one in did.held)
        key = shown(did.guid or "", GUID_SHOWN)
        return _Said(f"selection {key.text}: {before} → {after}", key.escaped)
    texts = [text for text in did.title if text] or [did.file_name or ""]
    views = [shown(text, _TITLE_SHOWN) for text in dict.fromkeys(texts)]
    told = " → ".join(in_quotes(view.text) if view.text else quoted(None) for view in views)
    return _Said(told, any(view.escaped for view in views))


def _length(rows: Sequence[ChangeRow]) -> tuple[int, int]:
    text = sum(len(row.line()) + 1 for row in rows)
    members = [row.model_dump(mode="json", exclude_none=True) for row in rows]
    return text, len(json.dumps(members, ensure_ascii=False))
