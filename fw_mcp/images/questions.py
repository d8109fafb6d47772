"""Which images of a library a question is about, how many, and their pages, read fresh."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import chain, islice
from typing import Generic, NamedTuple, Protocol, TypeVar

import anyio.to_thread

from fw_mcp.api.models import CHUNK_LIMIT, ImageDetails
from fw_mcp.errors import Reason, ShapeError
from fw_mcp.images.account import Account, Progress, chunked
from fw_mcp.images.duplicates import alike, content, same
from fw_mcp.images.filters import TRIMMED, UNDATED, UNMEASURED, UNTOLD, Question
from fw_mcp.images.print_masters import UNASKED, Answers, answered, not_done
from fw_mcp.images.read import Query, search
from fw_mcp.images.scan import NARROW, Scan, left_s, scan
from fw_mcp.text import counted

_COMPARED_AT_ONCE = 200
_MOST_PERIODS = 120
# The last seconds of what compares pictures are for those that it has fetched.
_TOO_SHORT_TO_COMPARE_S = 2.5
_LATE = "the call ran out of time. Call again: finished comparisons are kept."
_DIM = "they could not be loaded or have too little detail to compare."
_NO_URL = "FinerWorks did not return their URL."
_UNKNOWN = "their file_size or pixels are unknown."
_UNPAIRED = f"Some pairs of pictures were not compared: the call ran out of time. {NARROW}"


class Compares(Protocol):
    """Gives what pictures can be compared by."""

    def check(self) -> None:
        """Refuse, before anything is read, what cannot be done here."""

    async def of(self, images: Sequence[ImageDetails], *, until: float) -> Mapping[str, int]:
        """Guid → difference hash, for those whose picture could be seen until then.

        `until` is on the account's clock.
        """


@dataclass(frozen=True, slots=True)
class Asked:
    """A question about a library.

    Attributes:
        query: what the service filters and sorts; its page is a page of the matches.
        question: the rest.
        now: the time it is, with an offset.
        started: when the call began, on the account's clock.
        progress: told after each page.
        likenesses: needed for pictures that look alike.
        masters: needed for print masters that no longer answer.
    """

    query: Query
    question: Question
    now: datetime
    started: float
    progress: Progress
    likenesses: Compares | None = None
    masters: Answers | None = None

    @property
    def name(self) -> object:
        """The question, whichever page of its answer is asked for."""
        return replace(self.query, page_number=1, per_page=1), self.question


class Match(NamedTuple):
    """An image that matches, and the number of its group of doubles, if it was asked for those."""

    guid: str
    group: int | None = None


@dataclass(frozen=True, slots=True)
class Matches:
    """What a walk through a library found.

    Attributes:
        found: in the order asked for, doubles beside each other.
        summary: name → how many images; None when it was not asked for.
        scanned: distinct images that were looked at.
        held: images that the service says there are.
        not_reached: what was left out, why, and what to do; "" when nothing was.
        doubles: number of a group → all of it, those that were not asked for too.
        unmatched: those of several texts that no image has.
    """

    found: tuple[Match, ...]
    summary: Mapping[str, int] | None
    scanned: int
    held: int
    not_reached: str
    doubles: Mapping[int, Sequence[str]] = field(default_factory=dict)
    unmatched: tuple[str, ...] = ()


async def matching(account: Account, asked: Asked) -> Matches:
    """Walk through the library.

    Raises:
        ApiError: nothing could be read.
        ConfigError: the keys are missing.
        FetchError: pictures or print masters were to be fetched, and none may be.
    """
    question = asked.question
    query = replace(asked.query, page_number=1, list_products=question.needs_products)
    sieve = _Sieve(question, asked.now)
    walk, unfound = await _walked(account, asked, query, sieve)
    walk, not_asked = await _broken(account, asked, walk)
    groups, not_compared = await _doubles(account, asked, walk)
    told = (walk.not_reached, not_asked, not_compared, sieve.left_out())
    doubles = _numbered(walk, groups) if question.duplicates else None
    return Matches(
        found=_found(walk, doubles),
        summary=_summary(question, walk, groups) if question.summary else None,
        scanned=walk.scanned,
        held=walk.held,
        not_reached=" ".join(filter(None, told)),
        doubles=doubles or {},
        unmatched=(*unfound, *sieve.unnamed()),
    )


async def _walked(
    account: Account, asked: Asked, query: Query, sieve: "_Sieve"
) -> tuple[Scan["_Noted"], list[str]]:
    """One walk, or one for each text that is searched for; and the texts that nothing has."""
    if not asked.question.search_any:
        return await _walk(account, asked, query, sieve), []
    walks = {
        text: await _walk(account, asked, replace(query, search_filter=text), sieve)
        for text in asked.question.search_any
    }
    kept = {one.guid: one for walk in walks.values() for one in walk.kept}
    missed = sum(walk.held - walk.scanned for walk in walks.values())
    told = dict.fromkeys(walk.not_reached for walk in walks.values())
    joined = Scan(
        kept=tuple(kept.values()),
        scanned=sieve.seen,
        held=sieve.seen + missed,
        not_reached=" ".join(filter(None, told)),
    )
    return joined, [text for text, walk in walks.items() if not walk.held]


async def _walk(account: Account, asked: Asked, query: Query, sieve: "_Sieve") -> Scan["_Noted"]:
    return await scan(account, query, sieve.keep, started=asked.started, progress=asked.progress)


class _Noted(NamedTuple):
    """What a walk keeps of an image; what no answer needs is None."""

    guid: str
    wanted: bool
    names: frozenset[str] | None
    content: tuple[int, int, int] | None
    thumbnail: str | None
    master: str | None


class _Sieve:
    """What is worth keeping of each image."""

    def __init__(self, question: Question, now: datetime) -> None:
        self._question = question
        self._now = now
        # A few dozen sets stand for ten thousand.
        self._sets: dict[frozenset[str], frozenset[str]] = {}
        self._unmeasured: set[str] = set()
        self._named: set[str] = set()
        self._seen: set[str] = set()

    @property
    def seen(self) -> int:
        """How many distinct images there were."""
        return len(self._seen)

    def unnamed(self) -> list[str]:
        """Those of several texts that no file's name contains."""
        return [text for text in self._question.file_name_contains if text not in self._named]

    def keep(self, image: ImageDetails) -> _Noted | None:
        """What to keep of it; None for nothing.

        Raises:
            ShapeError: it depends on the products, and the service does not tell them.
        """
        asked = self._question
        if asked.of_products and image.products is None:
            raise untold()
        self._seen.add(image.guid)
        self._named |= asked.named_in(image)
        wanted = asked.matches(image, self._now)
        if not wanted and asked.misses_pixels(image, self._now):
            self._unmeasured.add(image.guid)
        if not wanted and asked.duplicates is None and not asked.summary:
            return None
        return _Noted(
            image.guid,
            wanted,
            self._names(image) if wanted and asked.summary else None,
            content(image) if asked.duplicates == "content" or asked.summary else None,
            image.public_thumbnail_uri if asked.duplicates == "likeness" else None,
            (image.private_hires_uri or "") if wanted and asked.of_urls else None,
        )

    def left_out(self) -> str:
        """How many images could not be judged; "" when all were."""
        if not self._unmeasured:
            return ""
        skipped = counted(len(self._unmeasured), "image")
        return f"{skipped} skipped because the pixel size is unknown."

    def _names(self, image: ImageDetails) -> frozenset[str]:
        names = self._question.names(image, self._now)
        return self._sets.setdefault(names, names)


async def _broken(account: Account, asked: Asked, walk: Scan[_Noted]) -> tuple[Scan[_Noted], str]:
    """The walk, of which only that is wanted whose print master does not answer; what is open."""
    if not asked.question.of_urls:
        return walk, ""
    wanted = [one for one in walk.kept if one.wanted]
    urls = [one.master for one in wanted if one.master]
    answers = await answered(account, asked.masters, urls, asked.started, asked.progress)
    kept = tuple(
        one._replace(wanted=one.wanted and answers.get(one.master or "") is False)
        for one in walk.kept
    )
    missed = sum(url not in answers for url in urls)
    told = (
        not_done("checked", "print masters", missed, len(wanted), UNASKED),
        not_done("checked", "print masters", len(wanted) - len(urls), len(wanted), _NO_URL),
    )
    return replace(walk, kept=kept), " ".join(filter(None, told))


def _numbered(walk: Scan[_Noted], groups: Sequence[Sequence[str]]) -> dict[int, Sequence[str]]:
    """The groups with an image that was asked for, from 1.

    A double is shown with its number though the others of its group are not asked for.
    """
    wanted = {one.guid for one in walk.kept if one.wanted}
    return dict(enumerate((group for group in groups if not wanted.isdisjoint(group)), 1))


def _found(walk: Scan[_Noted], doubles: Mapping[int, Sequence[str]] | None) -> tuple[Match, ...]:
    """What was asked for: each by itself, or doubles beside each other."""
    wanted = {one.guid: None for one in walk.kept if one.wanted}
    if doubles is None:
        return tuple(map(Match, wanted))
    return tuple(
        Match(guid, number) for number, group in doubles.items() for guid in group if guid in wanted
    )


def _summary(
    question: Question, walk: Scan[_Noted], groups: Sequence[Sequence[str]]
) -> dict[str, int]:
    """How many of the images that match go by each name; a name that none goes by is told too."""
    doubled = set(chain.from_iterable(groups))
    matching = [one for one in walk.kept if one.wanted]
    if question.duplicates:
        matching = [one for one in matching if one.guid in doubled]
    counts = Counter(name for one in matching for name in one.names or ())
    by_exception = (TRIMMED, UNTOLD, UNMEASURED)
    return {
        "images": len(matching),
        **{name: counts[name] for name in question.counted()},
        "duplicates": sum(one.guid in doubled for one in matching),
        **{name: counts[name] for name in by_exception if counts[name]},
        **(_by_period(counts) if question.summary_by else {}),
    }


def _by_period(counts: Mapping[str, int]) -> dict[str, int]:
    """The last periods, oldest first; a period in which nothing was added is not told."""
    periods = sorted(name for name in counts if name[:1].isdigit())
    early, late = periods[:-_MOST_PERIODS], periods[-_MOST_PERIODS:]
    before = sum(counts[name] for name in early)
    return {
        **({"earlier": before} if early else {}),
        **{name: counts[name] for name in late},
        **({UNDATED: counts[UNDATED]} if counts[UNDATED] else {}),
    }


async def _doubles(
    account: Account, asked: Asked, walk: Scan[_Noted]
) -> tuple[Sequence[Sequence[str]], str]:
    """The groups of doubles, and what could not be compared."""
    question = asked.question
    if question.duplicates == "likeness":
        return await _lookalikes(account, asked, walk.kept)
    if question.duplicates is None and not question.summary:
        return (), ""
    facts = {one.guid: one.content for one in walk.kept if one.content is not None}
    total = len(walk.kept)
    return same(facts.items()), not_done("compared", "images", total - len(facts), total, _UNKNOWN)


async def _lookalikes(
    account: Account, asked: Asked, images: Sequence[_Noted]
) -> tuple[Sequence[Sequence[str]], str]:
    hashes = await _hashes(account, asked, images)
    late = left_s(account, asked.started) < _TOO_SHORT_TO_COMPARE_S

    def is_over() -> bool:
        return left_s(account, asked.started) <= 0

    # Comparing tens of thousands takes a second, in which other calls want their answers.
    groups = await anyio.to_thread.run_sync(alike, hashes, is_over)
    total, missed = len(images), len(images) - len(hashes)
    told = not_done("compared", "pictures", missed, total, _LATE if late else _DIM)
    unpaired = _UNPAIRED if is_over() and not (late and missed) else ""
    return groups, " ".join(filter(None, (told, unpaired)))


async def _hashes(account: Account, asked: Asked, images: Sequence[_Noted]) -> dict[str, int]:
    """The hashes of those whose pictures could be seen in time, in the order of `images`."""
    hashes: dict[str, int] = {}
    total, looked = len(images), 0
    for chunk in chunked(images, _COMPARED_AT_ONCE):
        left = left_s(account, asked.started)
        if asked.likenesses is None or left < _TOO_SHORT_TO_COMPARE_S:
            break
        slim = [ImageDetails(guid=one.guid, public_thumbnail_uri=one.thumbnail) for one in chunk]
        hashes |= await asked.likenesses.of(slim, until=account.clock() + left)
        looked += len(chunk)
        message = f"Compared {looked:,} of {total:,} pictures"
        await asked.progress(total + looked, 2 * total, message)
    return {one.guid: hashes[one.guid] for one in images if one.guid in hashes}


def untold() -> ShapeError:
    """Not told is not the same as none: an image would pass for one without products."""
    return ShapeError(
        "FinerWorks did not return the products of the images.",
        state="This step only read; nothing was changed.",
        next_step="Call again without has_products, no_products and live_in_shop.",
        reason=Reason.UNREADABLE_ANSWER,
    )


KEPT_S = 600.0
_MOST_WALKS = 32
# Of a library of 40,000 images, four walks.
_MOST_ROWS = 160_000


class Found(Protocol):
    """What a walk found."""

    @property
    def found(self) -> Sequence[object]:
        """Its rows."""


W = TypeVar("W", bound=Found)


class Named(Protocol):
    """A question that has a name, whichever page of its answer is asked for."""

    @property
    def name(self) -> object:
        """Equal for the same question."""


class Kept(Generic[W]):
    """The last walks, until ten minutes after their last use: one walk serves many pages.

    They outlive what is written meanwhile: who retitles page by page would otherwise skip images.

    Args:
        most_rows: of all together; the last walk is kept however long it is.
    """

    def __init__(self, most_rows: int = _MOST_ROWS) -> None:
        self._most_rows = most_rows
        self._kept: dict[object, tuple[float, W]] = {}

    def keep(self, asked: Named, matches: W, now_s: float) -> None:
        """Keep a walk; `now_s` is on the account's clock, as for `recall`."""
        self._kept.pop(asked.name, None)
        self._kept[asked.name] = (now_s, matches)
        while len(self._kept) > 1 and self._are_too_many():
            del self._kept[next(iter(self._kept))]

    def _are_too_many(self) -> bool:
        rows = sum(len(matches.found) for _, matches in self._kept.values())
        return rows > self._most_rows or len(self._kept) > _MOST_WALKS

    def recall(self, asked: Named, now_s: float) -> W | None:
        """The walk that was made for the same question, whichever page of it is asked for."""
        used_at, matches = self._kept.get(asked.name, (now_s - KEPT_S, None))
        return matches if now_s - used_at < KEPT_S else None


class Scans(Kept[Matches]):
    """The last walks through the images."""


# One that is still there is enough to prove a double.
_OTHERS_READ = 2
_ANEW = (
    "The library was rescanned for this page: images that changed since page 1 may have moved "
    "to earlier pages. Restart at page_number 1 to be complete."
)


@dataclass(frozen=True, slots=True)
class MatchPage:
    """One page of matches, read fresh.

    Attributes:
        groups: guid → number of its group of doubles.
        note: what changed since the walk; "" when nothing did.
    """

    images: tuple[ImageDetails, ...]
    groups: Mapping[str, int | None]
    matches: Matches
    note: str


async def match_page(account: Account, scans: Scans, asked: Asked) -> MatchPage:
    """One page of what matches: the first after a walk, the others from the same walk.

    Args:
        account: whose.
        scans: the walks of this server.
        asked: the question.

    Raises:
        ApiError: nothing could be read, or not this page.
        ConfigError: the keys are missing.
        FetchError: pictures were to be compared, and none may be fetched.
    """
    matches, anew = await _matches(account, scans, asked)
    query = asked.query
    first = (query.page_number - 1) * query.per_page
    named = dict(matches.found[first : first + query.per_page])
    there = await _read(account, asked, [*named, *_others(matches, named)])
    images = tuple(there[guid] for guid in named if _stands(guid, named, matches, there, asked))
    told = (anew, _gone(len(named) - len(images), asked.question))
    return MatchPage(images, named, matches, " ".join(filter(None, told)))


async def _matches(account: Account, scans: Scans, asked: Asked) -> tuple[Matches, str]:
    """The walk that the page is of, and what is to be told of it when it had to be made anew."""
    later = asked.query.page_number > 1
    kept = scans.recall(asked, account.clock()) if later else None
    matches = kept or await matching(account, asked)
    scans.keep(asked, matches, account.clock())
    return matches, _ANEW if later and kept is None else ""


def _others(matches: Matches, named: Mapping[str, int | None]) -> Iterator[str]:
    """Doubles of the images of a page that are not on it: they may be gone by now."""
    for group in {number for number in named.values() if number is not None}:
        elsewhere = (guid for guid in matches.doubles[group] if guid not in named)
        yield from islice(elsewhere, _OTHERS_READ)


async def _read(account: Account, asked: Asked, guids: Sequence[str]) -> dict[str, ImageDetails]:
    """Those of `guids` that are there, and that the service still lists by its filters."""
    there: dict[str, ImageDetails] = {}
    left = list(guids)
    while left:
        named, left = left[:CHUNK_LIMIT], left[CHUNK_LIMIT:]
        listed, count = await _listed(account, asked, named)
        there |= listed
        if count > len(listed):
            unlisted = [guid for guid in named if guid not in listed]
            if len(unlisted) == len(named):
                raise _cut_short()
            left = unlisted + left
    return there


async def _listed(
    account: Account, asked: Asked, guids: Sequence[str]
) -> tuple[dict[str, ImageDetails], int]:
    """What one page of `guids` shows, and how many of them the service counts."""
    query = replace(
        asked.query,
        guid_filter=tuple(guids),
        page_number=1,
        per_page=CHUNK_LIMIT,
        list_products=asked.query.list_products or asked.question.of_products,
    )
    page = await account.in_time(search(account, query), asked.started)
    if asked.question.of_products and any(one.products is None for one in page.images):
        raise untold()
    return {image.guid: image for image in page.images}, page.count


def _stands(
    guid: str,
    named: Mapping[str, int | None],
    matches: Matches,
    there: Mapping[str, ImageDetails],
    asked: Asked,
) -> bool:
    """Whether an image of a page is there, still matches, and still has a double, if it had one."""
    if guid not in there or not asked.question.matches(there[guid], asked.now):
        return False
    group = named[guid]
    return group is None or sum(one in there for one in matches.doubles[group]) > 1


def _gone(count: int, question: Question) -> str:
    or_not = ", changed or no longer duplicates" if question.duplicates else " or changed"
    return f"Removed{or_not} in the meantime: {count} of these images." if count else ""


def _cut_short() -> ShapeError:
    """An image that is only left out of a page must not pass for one that went."""
    return ShapeError(
        "FinerWorks did not return the requested images.",
        state="This step only read; nothing was changed.",
        next_step="Call again in a minute, or with summary, which only counts.",
        reason=Reason.UNREADABLE_ANSWER,
    )
