"""Which images of a library a question is about, page by page, and how many."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain
from typing import NamedTuple, Protocol

import anyio.to_thread

from fw_mcp.api.models import CHUNK_LIMIT, ImageDetails
from fw_mcp.errors import Reason, ShapeError
from fw_mcp.library.duplicates import alike, content, same
from fw_mcp.library.filters import UNTOLD, Question
from fw_mcp.library.library import Library, Progress, chunked
from fw_mcp.library.reading import Query, search
from fw_mcp.library.scanning import Scan, left_s, scan
from fw_mcp.library.scans import Scans

_COMPARED_AT_ONCE = 200


class Likenesses(Protocol):
    """Gives what pictures can be compared by."""

    def check(self) -> None:
        """Refuse, before anything is read, what cannot be done here."""

    async def of(self, images: Sequence[ImageDetails], *, until: float) -> Mapping[str, int]:
        """Guid → difference hash, for those whose picture could be seen until then.

        `until` is on the library's clock.
        """


@dataclass(frozen=True, slots=True)
class Asked:
    """A question about a library.

    Attributes:
        query: what the service filters and sorts; its page is a page of the matches.
        question: the rest.
        now: the time it is, with an offset.
        started: when the call began, on the library's clock.
        progress: told after each page.
        likenesses: needed for pictures that look alike.
    """

    query: Query
    question: Question
    now: datetime
    started: float
    progress: Progress
    likenesses: Likenesses | None = None


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
    """

    found: tuple[Match, ...]
    summary: Mapping[str, int] | None
    scanned: int
    held: int
    not_reached: str


@dataclass(frozen=True, slots=True)
class MatchPage:
    """One page of matches, read fresh.

    Attributes:
        groups: guid → number of its group of doubles.
        not_reached: as in the matches, and how many of the page are no longer there.
    """

    images: tuple[ImageDetails, ...]
    groups: Mapping[str, int | None]
    matches: Matches
    not_reached: str


async def match_page(library: Library, scans: Scans, asked: Asked) -> MatchPage:
    """One page of what matches: the first after a walk, the others from the same walk.

    Args:
        library: whose.
        scans: the walks of this server.
        asked: the question.

    Raises:
        ApiError: nothing could be read, or not this page.
        ConfigError: the keys are missing.
        FetchError: pictures were to be compared, and none may be fetched.
    """
    matches = await _matches(library, scans, asked)
    query = asked.query
    first = (query.page_number - 1) * query.per_page
    named = dict(matches.found[first : first + query.per_page])
    images = await _read(library, asked, list(named))
    left_out = len(named) - len(images)
    gone = f"{left_out} of these images went or changed meanwhile." if left_out else ""
    told = " ".join(part for part in (matches.not_reached, gone) if part)
    return MatchPage(images, named, matches, told)


async def matching(library: Library, asked: Asked) -> Matches:
    """Walk through the library; args and errors are those of `match_page`."""
    question = asked.question
    query = replace(asked.query, page_number=1, list_products=question.needs_products)
    sieve = _Sieve(question, asked.now)
    walk = await scan(library, query, sieve.keep, started=asked.started, progress=asked.progress)
    groups, not_compared = await _doubles(library, asked, walk)
    return Matches(
        found=_found(walk, groups if question.duplicates else None),
        summary=_summary(question, walk, groups) if question.summary else None,
        scanned=walk.scanned,
        held=walk.held,
        not_reached=" ".join(filter(None, (walk.not_reached, not_compared))),
    )


class _Noted(NamedTuple):
    """What a walk keeps of an image; what no answer needs is None."""

    guid: str
    wanted: bool
    names: frozenset[str] | None
    content: tuple[int, int, int] | None
    thumbnail: str | None


class _Sieve:
    """What is worth keeping of each image."""

    def __init__(self, question: Question, now: datetime) -> None:
        self._question = question
        self._now = now
        # A few dozen sets stand for ten thousand.
        self._sets: dict[frozenset[str], frozenset[str]] = {}

    def keep(self, image: ImageDetails) -> _Noted | None:
        """What to keep of it; None for nothing.

        Raises:
            ShapeError: it depends on the products, and the service does not tell them.
        """
        asked = self._question
        if asked.of_products and image.products is None:
            raise _untold()
        wanted = asked.matches(image, self._now)
        if not wanted and asked.duplicates is None and not asked.summary:
            return None
        return _Noted(
            image.guid,
            wanted,
            self._names(image) if wanted and asked.summary else None,
            content(image) if asked.duplicates == "content" or asked.summary else None,
            image.public_thumbnail_uri if asked.duplicates == "likeness" else None,
        )

    def _names(self, image: ImageDetails) -> frozenset[str]:
        names = self._question.names(image, self._now)
        return self._sets.setdefault(names, names)


async def _matches(library: Library, scans: Scans, asked: Asked) -> Matches:
    matches = None
    if asked.query.page_number > 1:
        matches = scans.recall(asked, library.clock())
    matches = matches or await matching(library, asked)
    scans.keep(asked, matches, library.clock())
    return matches


async def _read(library: Library, asked: Asked, guids: Sequence[str]) -> tuple[ImageDetails, ...]:
    """Those of a page of matches that are there, and still match."""
    if not guids:
        return ()
    query = Query(
        library=asked.query.library,
        guid_filter=tuple(guids),
        per_page=CHUNK_LIMIT,
        list_products=asked.query.list_products or asked.question.of_products,
    )
    page = await library.in_time(search(library, query), asked.started)
    still = {one.guid: one for one in page.images if asked.question.matches(one, asked.now)}
    return tuple(still[guid] for guid in guids if guid in still)


def _found(walk: Scan[_Noted], groups: Sequence[Sequence[str]] | None) -> tuple[Match, ...]:
    """What was asked for: each by itself, or doubles beside each other.

    A double is shown with its number though the others of its group are not asked for.
    """
    wanted = {one.guid for one in walk.kept if one.wanted}
    if groups is None:
        return tuple(Match(one.guid) for one in walk.kept if one.wanted)
    shown = ([guid for guid in group if guid in wanted] for group in groups)
    numbered = enumerate(filter(None, shown), 1)
    return tuple(Match(guid, number) for number, group in numbered for guid in group)


def _summary(
    question: Question, walk: Scan[_Noted], groups: Sequence[Sequence[str]]
) -> dict[str, int]:
    """How many of the images that match go by each name; a name that none goes by is told too."""
    doubled = set(chain.from_iterable(groups))
    matching = [one for one in walk.kept if one.wanted]
    if question.duplicates:
        matching = [one for one in matching if one.guid in doubled]
    counts = Counter(name for one in matching for name in one.names or ())
    untold = {UNTOLD: counts[UNTOLD]} if counts[UNTOLD] else {}
    return {
        "images": len(matching),
        **{name: counts[name] for name in question.counted()},
        "duplicates": sum(one.guid in doubled for one in matching),
        **untold,
    }


async def _doubles(
    library: Library, asked: Asked, walk: Scan[_Noted]
) -> tuple[Sequence[Sequence[str]], str]:
    """The groups of doubles, and what could not be compared."""
    if asked.question.duplicates != "likeness":
        return same((one.guid, one.content) for one in walk.kept), ""
    hashes = await _hashes(library, asked, walk.kept)
    # Comparing tens of thousands takes a second, in which other calls want their answers.
    groups = await anyio.to_thread.run_sync(alike, hashes)
    missed = len(walk.kept) - len(hashes)
    late = "the call's time was over. Call again: what was compared is remembered."
    why = "they could not be seen." if left_s(library, asked.started) > 0 else late
    told = f"{missed:,} of {len(walk.kept):,} pictures were not compared: {why}"
    return groups, told if missed else ""


async def _hashes(library: Library, asked: Asked, images: Sequence[_Noted]) -> dict[str, int]:
    """The hashes of those whose pictures could be seen in time, in the order of `images`."""
    hashes: dict[str, int] = {}
    total, looked = len(images), 0
    for chunk in chunked(images, _COMPARED_AT_ONCE):
        left = left_s(library, asked.started)
        if asked.likenesses is None or left <= 0:
            break
        slim = [ImageDetails(guid=one.guid, public_thumbnail_uri=one.thumbnail) for one in chunk]
        hashes |= await asked.likenesses.of(slim, until=library.clock() + left)
        looked += len(chunk)
        message = f"Compared {looked:,} of {total:,} pictures"
        await asked.progress(total + looked, 2 * total, message)
    return {one.guid: hashes[one.guid] for one in images if one.guid in hashes}


def _untold() -> ShapeError:
    """Not told is not the same as none: an image would pass for one without products."""
    return ShapeError(
        "FinerWorks did not say which products hang on the images.",
        state="This part was only reading; nothing was changed by it.",
        next_step="Ask without has_products, no_products and live_in_shop.",
        reason=Reason.UNREADABLE_ANSWER,
    )
