"""Pages of what a walk through a library found, each read fresh."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from fw_mcp.api.models import CHUNK_LIMIT, ImageDetails
from fw_mcp.errors import Reason, ShapeError
from fw_mcp.library.filters import Question
from fw_mcp.library.library import Library
from fw_mcp.library.matching import Asked, Matches, matching, untold
from fw_mcp.library.reading import search
from fw_mcp.library.scans import Scans

# One that is still there is enough to prove a double.
_OTHERS_READ = 2
_ANEW = (
    "The library was looked at anew for this page: images that changed since page 1 may have moved "
    "to earlier pages. Begin again at page_number 1 to miss none."
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
    matches, anew = await _matches(library, scans, asked)
    query = asked.query
    first = (query.page_number - 1) * query.per_page
    named = dict(matches.found[first : first + query.per_page])
    there = await _read(library, asked, [*named, *_others(matches, named)])
    images = tuple(there[guid] for guid in named if _stands(guid, named, matches, there, asked))
    told = (anew, _gone(len(named) - len(images), asked.question))
    return MatchPage(images, named, matches, " ".join(filter(None, told)))


async def _matches(library: Library, scans: Scans, asked: Asked) -> tuple[Matches, str]:
    """The walk that the page is of, and what is to be told of it when it had to be made anew."""
    later = asked.query.page_number > 1
    kept = scans.recall(asked, library.clock()) if later else None
    matches = kept or await matching(library, asked)
    scans.keep(asked, matches, library.clock())
    return matches, _ANEW if later and kept is None else ""


def _others(matches: Matches, named: Mapping[str, int | None]) -> Iterator[str]:
    """Doubles of the images of a page that are not on it: they may be gone by now."""
    for group in {number for number in named.values() if number is not None}:
        elsewhere = (guid for guid in matches.doubles[group] if guid not in named)
        yield from islice(elsewhere, _OTHERS_READ)


async def _read(library: Library, asked: Asked, guids: Sequence[str]) -> dict[str, ImageDetails]:
    """Those of `guids` that are there, and that the service still lists by its filters."""
    there: dict[str, ImageDetails] = {}
    left = list(guids)
    while left:
        named, left = left[:CHUNK_LIMIT], left[CHUNK_LIMIT:]
        listed, count = await _listed(library, asked, named)
        there |= listed
        if count > len(listed):
            unlisted = [guid for guid in named if guid not in listed]
            if len(unlisted) == len(named):
                raise _cut_short()
            left = unlisted + left
    return there


async def _listed(
    library: Library, asked: Asked, guids: Sequence[str]
) -> tuple[dict[str, ImageDetails], int]:
    """What one page of `guids` shows, and how many of them the service counts."""
    query = replace(
        asked.query,
        guid_filter=tuple(guids),
        page_number=1,
        per_page=CHUNK_LIMIT,
        list_products=asked.query.list_products or asked.question.of_products,
    )
    page = await library.in_time(search(library, query), asked.started)
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
    how = "went, changed or lost their doubles" if question.duplicates else "went or changed"
    return f"{count} of these images {how} meanwhile." if count else ""


def _cut_short() -> ShapeError:
    """An image that is only left out of a page must not pass for one that went."""
    return ShapeError(
        "FinerWorks did not list the images that it was asked for by guid.",
        state="This part was only reading; nothing was changed by it.",
        next_step="Call again in a minute, or with summary, which only counts.",
        reason=Reason.UNREADABLE_ANSWER,
    )
