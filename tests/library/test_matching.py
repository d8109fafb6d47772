"""Questions about a whole library: doubles, counts, and the pages of one walk."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import pytest

from fw_mcp.api.models import ImageDetails
from fw_mcp.errors import ApiError, FetchError, Reason
from fw_mcp.library.filters import Question
from fw_mcp.library.matching import Asked, Match, match_page, matching
from fw_mcp.library.reading import Query
from fw_mcp.library.scans import Scans
from tests.library.jobs import Progress
from tests.library.shelf import Shelf, guid_of
from tests.studio import Studio

pytestmark = pytest.mark.anyio

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


@dataclass
class Sights:
    """Gives the hashes of a test.

    Attributes:
        hashes: of those whose picture can be seen.
        takes_s: how long each asking takes.
        asked: the guids and addresses that were asked for.
    """

    studio: Studio
    hashes: Mapping[str, int]
    takes_s: float = 0.0
    asked: list[tuple[str, str | None]] = field(default_factory=list)

    def check(self) -> None:
        """Pictures can be compared."""

    async def of(self, images: Sequence[ImageDetails], *, until: float) -> Mapping[str, int]:
        """Those that are known, backwards, and only in time."""
        assert until > self.studio.clock()
        self.asked += [(image.guid, image.public_thumbnail_uri) for image in images]
        self.studio.clock.forward(self.takes_s)
        guids = reversed([image.guid for image in images])
        return {guid: self.hashes[guid] for guid in guids if guid in self.hashes}


class Blind(Sights):
    """May not fetch any picture."""

    async def of(self, images: Sequence[ImageDetails], *, until: float) -> Mapping[str, int]:
        """Refuse."""
        del images, until
        raise FetchError("Off.", state="", next_step="", reason=Reason.FETCH_OFF)


def asked(studio: Studio, question: Question, likenesses: Sights | None = None) -> Asked:
    """A question that is asked now."""
    return Asked(Query(), question, NOW, studio.clock(), Progress(), likenesses)


def one(number: int, **fields: object) -> dict[str, object]:
    """An image whose content is its own unless told otherwise."""
    own = {"guid": guid_of(number), "file_size": 1_000 + number, "pix_w": 3, "pix_h": 2}
    return {**own, "public_thumbnail_uri": f"https://files.example/{number}.jpg", **fields}


def guids(*numbers: int) -> list[str]:
    """The guids of those images."""
    return [guid_of(number) for number in numbers]


async def test_doubles_are_beside_each_other_in_numbered_groups(studio: Studio) -> None:
    """Promise: groups listed together, the biggest first."""
    twice, thrice = {"file_size": 7}, {"file_size": 9}
    studio.wire.on_the_way = Shelf(
        [one(0, **twice), one(1, **thrice), one(2), one(3, **thrice), one(4, **twice),
         one(5, **thrice), one(6, **twice, pix_w=4), one(7, file_size=0), one(8, file_size=0)]
    )  # fmt: skip
    found = await matching(studio.library, asked(studio, Question(duplicates="content")))
    first = [Match(guid, 1) for guid in guids(1, 3, 5)]
    assert found.found == (*first, *[Match(guid, 2) for guid in guids(0, 4)])


async def test_a_double_is_found_though_the_other_one_is_not_asked_for(studio: Studio) -> None:
    """Which of my doubles has no title? Its twin may have one; a double of no interest is none."""
    studio.wire.on_the_way = Shelf(
        [one(0, file_size=7, title="Fog"), one(1, file_size=8, title="Dew"),
         one(2, file_size=8, title="Dew"), one(3, file_size=7), one(4)]
    )  # fmt: skip
    question = Question(duplicates="content", only=("missing_title",))
    found = await matching(studio.library, asked(studio, question))
    assert found.found == (Match(guid_of(3), 1),)


async def test_pictures_that_look_alike_are_doubles(studio: Studio) -> None:
    """By their hashes, whatever their files say; rows keep the order of the listing."""
    studio.wire.on_the_way = Shelf([one(number) for number in range(5)])
    hashes = dict(
        zip(guids(0, 1, 2, 3, 4), (0xFF00, 0, 0xF, 0xFF01, 1 << 60 | 0xFFFF0), strict=True)
    )
    sights = Sights(studio, hashes)
    found = await matching(studio.library, asked(studio, Question(duplicates="likeness"), sights))
    first = [Match(guid, 1) for guid in guids(0, 3)]
    assert found.found == (*first, *[Match(guid, 2) for guid in guids(1, 2)])
    assert found.not_reached == ""
    assert sights.asked == [
        (guid_of(number), f"https://files.example/{number}.jpg") for number in range(5)
    ]


async def test_pictures_that_could_not_be_seen_are_counted(studio: Studio) -> None:
    """Not compared is not different."""
    studio.wire.on_the_way = Shelf([one(number) for number in range(5)])
    sights = Sights(studio, dict.fromkeys(guids(1, 3), 77))
    found = await matching(studio.library, asked(studio, Question(duplicates="likeness"), sights))
    assert found.found == (Match(guid_of(1), 1), Match(guid_of(3), 1))
    assert found.not_reached == "3 of 5 pictures were not compared: they could not be seen."


async def test_comparing_ends_in_time_and_says_what_it_left(studio: Studio) -> None:
    """Two hundred pictures at a time, until the call must tell what it has."""
    studio.wire.on_the_way = Shelf([one(number) for number in range(900)])
    sights = Sights(studio, dict.fromkeys(guids(*range(900)), 77), takes_s=20)
    progress = Progress()
    question = replace(asked(studio, Question(duplicates="likeness"), sights), progress=progress)
    found = await matching(studio.library, question)
    assert len(found.found) == len(sights.asked) == 400
    assert found.not_reached == (
        "500 of 900 pictures were not compared: the call's time was over. "
        "Call again: what was compared is remembered."
    )
    assert progress.told[-2:] == [1_100, 1_300]


async def test_comparing_that_is_not_allowed_is_an_error(studio: Studio) -> None:
    """Never an answer that finds nothing."""
    studio.wire.on_the_way = Shelf([one(0)])
    blind = Blind(studio, {})
    with pytest.raises(FetchError):
        await matching(studio.library, asked(studio, Question(duplicates="likeness"), blind))


async def test_products_that_are_not_told_end_the_question(studio: Studio) -> None:
    """Not told is not none; an older host leaves them out."""
    studio.wire.on_the_way = Shelf([one(0, products=[]), one(1)])
    with pytest.raises(ApiError) as told:
        await matching(studio.library, asked(studio, Question(only=("no_products",))))
    assert told.value.reason is Reason.UNREADABLE_ANSWER
    assert "did not say which products" in told.value.what


async def test_products_that_are_not_told_on_a_later_page_end_the_walk(studio: Studio) -> None:
    """What was told stands, and the rest is said to be missing."""
    images = [one(number, products=[]) for number in range(50)]
    studio.wire.on_the_way = Shelf([*images, *[one(number) for number in range(50, 60)]])
    found = await matching(studio.library, asked(studio, Question(only=("no_products",))))
    assert (len(found.found), found.scanned, found.held) == (50, 50, 60)
    assert found.not_reached == (
        "10 of 60 images were not looked at. FinerWorks did not say which products hang on the "
        "images. Call again in a minute."
    )


async def test_a_summary_counts_products_that_are_not_told_apart(studio: Studio) -> None:
    """Neither with nor without."""
    studio.wire.on_the_way = Shelf([one(0, products=[]), one(1), one(2, products=[{"sku": "A"}])])
    question = Question(summary=True, with_products=True)
    found = await matching(studio.library, asked(studio, question))
    counts = dict(found.summary or {})
    names = ("images", "has_products", "no_products", "live_in_shop", "products_not_told")
    assert [counts[name] for name in names] == [3, 1, 1, 0, 1]
    assert studio.wire.to("list_images")[0]["list_products"] is True


async def test_a_summary_of_doubles_counts_the_doubles_alone(studio: Studio) -> None:
    """Of those that look alike, one has a title."""
    studio.wire.on_the_way = Shelf([one(0, title="Fog"), one(1), one(2, title="Dew")])
    sights = Sights(studio, {guid_of(0): 1, guid_of(1): 1, guid_of(2): 0xFFFF})
    question = Question(summary=True, duplicates="likeness")
    found = await matching(studio.library, asked(studio, question, sights))
    counts = dict(found.summary or {})
    assert (counts["images"], counts["duplicates"], counts["missing_title"]) == (2, 2, 1)
    assert [match.guid for match in found.found] == guids(0, 1)


async def test_a_walk_serves_the_other_pages_of_the_same_question(studio: Studio) -> None:
    """Until two minutes after its last page; then, and for another question, the walk is new."""
    shelf = Shelf([one(number) for number in range(120)])
    studio.wire.on_the_way = shelf
    scans, question = Scans(), Question(only=("landscape",))

    async def requests(page_number: int, per_page: int = 25) -> int:
        before = len(studio.wire.sent)
        asking = asked(studio, question)
        asking = replace(asking, query=Query(page_number=page_number, per_page=per_page))
        await match_page(studio.library, scans, asking)
        return len(studio.wire.sent) - before

    assert await requests(1) == 4
    assert [await requests(2), await requests(5), await requests(9, per_page=50)] == [1, 1, 0]
    studio.clock.forward(119.9)
    assert await requests(2) == 1
    studio.clock.forward(119.9)
    assert await requests(2) == 1
    studio.clock.forward(120)
    assert await requests(2) == 4
    question = Question(only=("landscape", "inactive"))
    assert await requests(2) == 3


async def test_the_first_page_is_always_of_a_new_walk(studio: Studio) -> None:
    """Who asks from the start wants to know how things are now."""
    shelf = Shelf([one(0)])
    studio.wire.on_the_way = shelf
    scans, question = Scans(), Question(only=("landscape",))
    assert len((await match_page(studio.library, scans, asked(studio, question))).images) == 1
    shelf.images = [one(0), one(1)]
    again = await match_page(studio.library, scans, asked(studio, question))
    assert len(again.images) == 2


async def test_a_few_walks_are_kept_and_the_oldest_goes(studio: Studio) -> None:
    """Memory is bounded, whatever is asked."""
    studio.wire.on_the_way = Shelf([one(number) for number in range(60)])
    scans = Scans()
    questions = [Question(file_name_contains="", only=("landscape",), min_ppi=n) for n in range(5)]
    for question in questions:
        await match_page(studio.library, scans, asked(studio, question))
    kept = [scans.recall(asked(studio, one), studio.clock()) is not None for one in questions]
    assert kept == [False, True, True, True, True]
