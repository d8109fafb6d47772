"""What was done, as it is told: pages of changes, and one change with its items."""

import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from fw_mcp.errors import FwError
from fw_mcp.store.history import UNFINISHED, History, Summary
from fw_mcp.store.journal import Item
from fw_mcp.writes.outcomes import GOOD, HOW_ASKED, Kind, Outcome, open_at

_log = logging.getLogger(__name__)

_FIRST_ITEMS = 3
_OPEN = frozenset({UNFINISHED, Outcome.UNKNOWN})


class Undone(StrEnum):
    """How much of what a change did was taken back, and stayed so."""

    NOT = "no"
    PARTLY = "partly"
    WHOLLY = "yes"


@dataclass(frozen=True, slots=True)
class ChangeTold:
    """What a change did, in words and numbers.

    Attributes:
        accepted: how it was accepted, in words.
        begun_at: seconds since the epoch.
        outcomes: outcome → how many items ended so; `unfinished` for those without one.
        finished: whether each of its writes has an outcome on record.
        undoes: the change that this one takes back.
        undone_by: the changes that took it back, oldest first.
    """

    change_id: str
    tool: str
    caller: str
    accepted: str
    begun_at: float
    outcomes: Mapping[str, int]
    finished: bool
    undoes: str | None
    undone_by: tuple[str, ...]

    @property
    def is_open(self) -> bool:
        """Whether it is not known of some item what came of it."""
        return not _OPEN.isdisjoint(self.outcomes)

    @property
    def sent(self) -> int:
        """How many items something was sent for."""
        return sum(self.outcomes.values())


@dataclass(frozen=True, slots=True)
class ItemTold:
    """What became of one item that was sent; `unfinished` without an outcome."""

    guid: str | None
    file_name: str | None
    outcome: str
    detail: str


@dataclass(frozen=True, slots=True)
class Did:
    """What a change did to one image or selection.

    Attributes:
        kind: the endpoint that was called.
        guid: None while none is known.
        title: before, and after; None where there was none or it is not known.
        held: how many images a selection held before, and holds; None where that is not known.
    """

    kind: str
    guid: str | None
    file_name: str | None
    title: tuple[str | None, str | None]
    held: tuple[int | None, int | None] = (None, None)


@dataclass(frozen=True, slots=True)
class Listed:
    """A change in a list of them, with the first of what it did."""

    change: ChangeTold
    undone: Undone
    did: tuple[Did, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """A page of changes, newest first.

    Attributes:
        count: on all pages.
        kept_since: when the oldest on record began, in seconds since the epoch; None without any.
        now: the time it is, on the same clock.
    """

    changes: tuple[Listed, ...]
    count: int
    kept_since: float | None
    now: float


@dataclass(frozen=True, slots=True)
class Changes:
    """The journal, told.

    Attributes:
        history: what the journal tells.
        identify: returns once it is known whose library it is; raises where that cannot be told.
        now: seconds since the epoch.
    """

    history: History
    identify: Callable[[], Awaitable[None]]
    now: Callable[[], float]

    async def page(self, page_number: int, per_page: int) -> tuple[list[ChangeTold], int]:
        """Changes, newest first, and how many there are in all.

        Args:
            page_number: from 1.
            per_page: how many on a page.
        """
        await self._identified_or_not()
        changes, count = await self.history.page(page_number, per_page)
        return list(map(change_told, changes)), count

    async def listed(self, page_number: int, per_page: int, guid: str | None = None) -> Page:
        """Changes with the first of what each did.

        Args:
            page_number: from 1.
            per_page: how many on a page.
            guid: only what wrote to this image or selection, and undos of that.
        """
        await self._identified_or_not()
        history = self.history
        changes, count = (
            await history.page(page_number, per_page)
            if guid is None
            else await history.page_about(guid, page_number, per_page)
        )
        return Page(
            changes=tuple([await self._listed(one, guid) for one in changes]),
            count=count,
            kept_since=await history.kept_since(),
            now=self.now(),
        )

    async def told(self, change_id: str) -> tuple[Listed, list[ItemTold]] | None:
        """A change, and what became of each item that it sent; None when there is none."""
        await self._identified_or_not()
        change = await self.history.summary(change_id)
        if change is None:
            return None
        items = await self.history.items(change_id)
        return await self._listed(change, None), items_told(items, self.now())

    async def guids(self, change_id: str) -> list[str] | None:
        """The images that a change wrote to, in the order of the call; None when there is none.

        Of a selection, those that it holds since.
        """
        await self._identified_or_not()
        if await self.history.change(change_id) is None:
            return None
        items = [one for one in await self.history.items(change_id) if one.kind]
        named = [guid for one in items for guid in _images_of(one)]
        return list(dict.fromkeys(named))

    async def _listed(self, change: Summary, guid: str | None) -> Listed:
        items = await self.history.first_items(change.change_id, _FIRST_ITEMS, guid)
        return Listed(change_told(change), await self._undone(change), tuple(map(_did, items)))

    async def _undone(self, change: Summary) -> Undone:
        """How much of a change was taken back by undos that were not taken back themselves."""
        back = 0
        for one in change.undone_by:
            undo = await self.history.summary(one)
            if undo is not None and await self._undone(undo) is not Undone.WHOLLY:
                back += _done(undo)
        if not back:
            return Undone.NOT
        return Undone.WHOLLY if back >= _done(change) else Undone.PARTLY

    async def _identified_or_not(self) -> None:
        """Read as the account if it can be told whose it is; reading waits for nothing."""
        try:
            await self.identify()
        except FwError as unknown:
            _log.info("it is not known yet whose library it is: %s", unknown.what)


def change_told(change: Summary) -> ChangeTold:
    """The change as it is told."""
    return ChangeTold(
        change_id=change.change_id,
        tool=change.tool,
        caller=f"{change.caller} via {change.client}" if change.client else change.caller,
        accepted=_accepted_how(change),
        begun_at=change.begun_at,
        outcomes=change.outcomes,
        finished=change.finished,
        undoes=change.undoes,
        undone_by=change.undone_by,
    )


def items_told(items: Iterable[Item], now: float) -> list[ItemTold]:
    """Each item that was sent, in the order of the call.

    Args:
        items: of a change.
        now: seconds since the epoch; what was said to be open is told as of now.
    """
    return [
        ItemTold(
            one.guid,
            _file_name(one),
            one.outcome or UNFINISHED,
            open_at(one.detail, one.finished_at, now),
        )
        for one in items
        if one.kind
    ]


def _did(item: Item) -> Did:
    if item.kind == Kind.SELECT:
        held = _held(item.before), _held(item.after or item.sent)
        return Did(item.kind, item.guid, None, (None, None), held)
    before, after = item.before, item.after or item.sent
    if item.kind == Kind.DELETE:
        after = None
    if item.kind == Kind.ADD:
        before = None
    return Did(item.kind, item.guid, _file_name(item), (_title(before), _title(after)))


def _held(record: Mapping[str, Any] | None) -> int | None:
    guids = (record or {}).get("guids")
    return len(guids) if isinstance(guids, Sequence) else None


def _title(record: Mapping[str, Any] | None) -> str | None:
    title = (record or {}).get("title")
    return title if isinstance(title, str) and title else None


def _images_of(item: Item) -> Sequence[str]:
    if item.kind == Kind.SELECT:
        return list((item.after or item.sent or {}).get("guids", ()))
    return [item.guid] if item.guid else []


def _done(change: Summary) -> int:
    return sum(count for outcome, count in change.outcomes.items() if outcome in GOOD)


def _accepted_how(change: Summary) -> str:
    if change.accepted is not None:
        return HOW_ASKED.get(change.accepted, change.accepted)
    return "nothing was asked" if change.plan_id is None else "not recorded"


def _file_name(item: Item) -> str | None:
    for record in (item.after, item.sent, item.before):
        if record and record.get("file_name"):
            return str(record["file_name"])
    return None
