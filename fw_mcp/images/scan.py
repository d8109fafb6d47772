"""Every page of a listing, four at a time, and the truth about what was not reached."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

import anyio

from fw_mcp.api.models import PAGE_LIMIT, ImageDetails
from fw_mcp.errors import ApiError, Reason
from fw_mcp.images.account import Account, Progress
from fw_mcp.images.read import Query, search
from fw_mcp.text import counted

T = TypeVar("T")
R = TypeVar("R")

MOST_PAGES = 2_000
# As many as the library gives turns to read.
_AT_ONCE = 4
# What was found must still be read and told before the host gives up on the call.
_PART_KEPT_TO_TELL = 0.2
NARROW = "Narrow it with upload_date_from and upload_date_to, one range at a time."
_AGAIN = "Call again in a minute."
# The same question was answered a moment ago: nothing about it has to be changed.
_PASSING = frozenset({Reason.REJECTED, Reason.UPSTREAM_ERROR})
_LATE = "The call ran out of time."
_MOVED = f"The library changed during the scan. {_AGAIN}"
_UNSHOWN = f"FinerWorks counts them but lists them on no page. {_AGAIN}"


@dataclass(frozen=True, slots=True)
class Scan(Generic[T]):
    """What was kept of the rows of a listing.

    Attributes:
        kept: in the listing's order, one for each row.
        scanned: distinct rows that were looked at.
        held: rows that the service says there are, or as many as it showed beyond that.
        not_reached: what was left out, why, and what to do; "" when nothing was.
    """

    kept: tuple[T, ...]
    scanned: int
    held: int
    not_reached: str = ""


@dataclass(frozen=True, slots=True)
class Listing(Generic[R]):
    """What can be walked through.

    Attributes:
        read: gives the rows of a page of 50, by its number, and how many there are on all pages.
        key: what tells one row from every other.
        what: what a row is, in the singular.
        narrow: how fewer can be asked for.
    """

    read: Callable[[int], Awaitable[tuple[Sequence[R], int]]]
    key: Callable[[R], str]
    what: str
    narrow: str


async def scan(
    account: Account,
    query: Query,
    keep: Callable[[ImageDetails], T | None],
    *,
    started: float,
    progress: Progress,
    most_pages: int = MOST_PAGES,
) -> Scan[T]:
    """Look at every image that `query` lists, whichever page it names.

    Args:
        account: whose.
        query: its filters and its order hold.
        keep: what to keep of an image, None for nothing; all else of it leaves the memory. What
            it raises counts as a page that could not be read.
        started: when the call began, on the account's clock.
        progress: told after each page that shows something new.
        most_pages: of 50 images; no further one is read.

    Raises:
        ApiError: the first page could not be read. A later one only ends the scan.
        ConfigError: the keys are missing.
    """
    query = replace(query, per_page=PAGE_LIMIT)

    async def read(number: int) -> tuple[Sequence[ImageDetails], int]:
        page = await search(account, replace(query, page_number=number))
        return page.images, page.count

    listing = Listing(read, lambda image: image.guid, "image", NARROW)
    return await walk(
        account, listing, keep, started=started, progress=progress, most_pages=most_pages
    )


async def walk(
    account: Account,
    listing: Listing[R],
    keep: Callable[[R], T | None],
    *,
    started: float,
    progress: Progress,
    most_pages: int = MOST_PAGES,
) -> Scan[T]:
    """Look at every row of a listing; the other args, and what is raised, are those of `scan`."""
    way = _Walk(account, listing, keep, started=started, progress=progress, most_pages=most_pages)
    await way.first()
    async with anyio.create_task_group() as group:
        for _ in range(_AT_ONCE):
            group.start_soon(way.follow)
    return way.result()


def left_s(account: Account, started: float) -> float:
    """Seconds until a call that began at `started` must have looked at all it is to tell of."""
    return account.time_left_s(started) - account.pace.total_s * _PART_KEPT_TO_TELL


class _Walk(Generic[R, T]):
    """One way through the pages; each worker takes the next page that nobody has taken."""

    def __init__(
        self,
        account: Account,
        listing: Listing[R],
        keep: Callable[[R], T | None],
        *,
        started: float,
        progress: Progress,
        most_pages: int,
    ) -> None:
        self._account = account
        self._listing = listing
        self._keep = keep
        self._started = started
        self._progress = progress
        self._most_pages = most_pages
        self._kept: dict[int, list[tuple[str, T]]] = {}
        self._seen: set[str] = set()
        self._held = 0
        self._page_size = PAGE_LIMIT
        self._taken = 0
        self._moved = False
        self._is_capped = False
        self._miscounted = False
        self._ended = False
        self._why = ""

    async def first(self) -> None:
        """The page that tells how many there are."""
        self._taken = 1
        await self._account.in_time(self._look_at(1), self._started)

    async def follow(self) -> None:
        """Page after page, until there are no more or a reason to stop."""
        while self._goes_on():
            self._taken += 1
            try:
                with anyio.move_on_after(left_s(self._account, self._started)):
                    await self._look_at(self._taken)
                    continue
            except ApiError as fault:
                passing = fault.reason in _PASSING
                self._stop(f"{fault.what} {_AGAIN if passing else fault.next_step}")
                return
            self._stop(f"{_LATE} {self._listing.narrow}")

    def result(self) -> Scan[T]:
        """What was kept, page by page; a row that moved to a later page is there once."""
        kept: dict[str, T] = {}
        for number in sorted(self._kept):
            for key, one in self._kept[number]:
                kept.setdefault(key, one)
        held = max(self._held, len(self._seen))
        return Scan(tuple(kept.values()), len(self._seen), held, self._not_reached())

    def _goes_on(self) -> bool:
        if self._ended or self._why or self._is_counted_through():
            return False
        if self._taken >= self._most_pages:
            most, listing = self._most_pages * self._page_size, self._listing
            self._stop(f"One call scans up to {most:,} {listing.what}s. {listing.narrow}")
        elif self._account.clock() - self._started >= self._account.pace.start_chunks_s:
            self._stop(f"{_LATE} {self._listing.narrow}")
        return not self._why

    def _is_counted_through(self) -> bool:
        # A count that a page has outgrown says nothing about where the end is, and where pages
        # are shorter than asked for a full one need not be the last.
        is_doubted = self._miscounted or self._is_capped
        return not is_doubted and self._taken * self._page_size >= self._held

    def _stop(self, why: str) -> None:
        self._why = self._why or why

    async def _look_at(self, number: int) -> None:
        rows, count = await self._listing.read(number)
        before = len(self._seen)
        self._note(number, rows, count)
        seen = len(self._seen)
        if seen > before:
            message = f"Scanned {seen:,} of {counted(max(seen, self._held), self._listing.what)}"
            await self._progress(seen, max(seen, self._held), message)

    def _note(self, number: int, rows: Sequence[R], count: int) -> None:
        keys = [self._listing.key(row) for row in rows]
        self._measure(number, keys, count)
        kept = ((key, self._keep(row)) for key, row in zip(keys, rows, strict=True))
        self._kept[number] = [(key, one) for key, one in kept if one is not None]
        self._seen.update(keys)

    def _measure(self, number: int, keys: Sequence[str], count: int) -> None:
        """Learn from a page where the end is."""
        if number == 1:
            # A service that gives fewer a page than it is asked for gives them on each.
            self._page_size = len(keys) or PAGE_LIMIT
            self._is_capped = len(keys) < min(count, PAGE_LIMIT)
        elif keys:
            self._moved = self._moved or count != self._held
        if number == 1 or keys:
            self._held = count
        if (number - 1) * self._page_size + len(keys) > count:
            self._miscounted = self._miscounted or bool(keys)
        new = not self._seen.issuperset(keys)
        # Past the end a page is empty, or a repeated one, whatever the count says.
        self._ended = self._ended or not keys or (self._miscounted and not new)

    def _not_reached(self) -> str:
        missed, what = self._held - len(self._seen), self._listing.what
        if missed > 0:
            why = self._why or (_MOVED if self._moved else _UNSHOWN)
            held = counted(self._held, self._listing.what)
            return f"{missed:,} of {held} were not scanned. {why}"
        if self._why and not self._ended:
            return f"Some {what}s may not have been scanned. {self._why}"
        return _MOVED if self._moved else ""
