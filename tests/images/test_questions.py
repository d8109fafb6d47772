"""Questions about a whole library: doubles, counts, and the pages of one walk."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import pytest

from fw_mcp.api.models import ImageDetails
from fw_mcp.errors import ApiError, FetchError, Reason
from fw_mcp.images.filters import Question
from fw_mcp.images.questions import Asked, Match, Scans, match_page, matching
from fw_mcp.images.read import Query
from tests.images.progress import Progress
from tests.images.shelf import Shelf, guid_of
from tests.support.recorder import Sent
from tests.support.studio import Studio

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
    found = await matching(studio.account, asked(studio, Question(duplicates="content")))
    first = [Match(guid, 1) for guid in guids(1, 3, 5)]
    assert found.found == (*first, *[Match(guid, 2) for guid in guids(0, 4)])


async def test_a_double_is_found_though_the_other_one_is_not_asked_for(studio: Studio) -> None:
    """Which of my doubles has no title? Its twin may have one; a double of no interest is none."""
    studio.wire.on_the_way = Shelf(
        [one(0, file_size=7, title="Fog"), one(1, file_size=8, title="Dew"),
         one(2, file_size=8, title="Dew"), one(3, file_size=7), one(4)]
    )  # fmt: skip
    question = Question(duplicates="content", only=("missing_title",))
    found = await matching(studio.account, asked(studio, question))
    assert found.found == (Match(guid_of(3), 1),)


async def test_pictures_that_look_alike_are_doubles(studio: Studio) -> None:
    """By their hashes, whatever their files say; rows keep the order of the listing."""
    studio.wire.on_the_way = Shelf([one(number) for number in range(5)])
    hashes = dict(
        zip(guids(0, 1, 2, 3, 4), (0xFF00, 0, 0xF, 0xFF01, 1 << 60 | 0xFFFF0), strict=True)
    )
    sights = Sights(studio, hashes)
    found = await matching(studio.account, asked(studio, Question(duplicates="likeness"), sights))
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
    found = await matching(studio.account, asked(studio, Question(duplicates="likeness"), sights))
    assert found.found == (Match(guid_of(1), 1), Match(guid_of(3), 1))
    assert found.not_reached == (
        "3 of 5 pictures were not compared: they could not be loaded "
        "or have too little detail to compare."
    )


async def test_comparing_ends_in_time_and_says_what_it_left(studio: Studio) -> None:
    """Two hundred pictures at a time, until the call must tell what it has."""
    studio.wire.on_the_way = Shelf([one(number) for number in range(900)])
    sights = Sights(studio, dict.fromkeys(guids(*range(900)), 77), takes_s=20)
    progress = Progress()
    question = replace(asked(studio, Question(duplicates="likeness"), sights), progress=progress)
    found = await matching(studio.account, question)
    assert len(found.found) == len(sights.asked) == 400
    assert found.not_reached == (
        "500 of 900 pictures were not compared: the call ran out of time. "
        "Call again: finished comparisons are kept."
    )
    assert progress.told[-2:] == [1_100, 1_300]


async def test_comparing_that_is_not_allowed_is_an_error(studio: Studio) -> None:
    """Never an answer that finds nothing."""
    studio.wire.on_the_way = Shelf([one(0)])
    blind = Blind(studio, {})
    with pytest.raises(FetchError):
        await matching(studio.account, asked(studio, Question(duplicates="likeness"), blind))


async def test_products_that_are_not_told_end_the_question(studio: Studio) -> None:
    """Not told is not none; an older host leaves them out."""
    studio.wire.on_the_way = Shelf([one(0, products=[]), one(1)])
    with pytest.raises(ApiError) as told:
        await matching(studio.account, asked(studio, Question(only=("no_products",))))
    assert told.value.reason is Reason.UNREADABLE_ANSWER
    assert "did not return the products" in told.value.what


async def test_products_that_are_not_told_on_a_later_page_end_the_walk(studio: Studio) -> None:
    """What was told stands, and the rest is said to be missing."""
    images = [one(number, products=[]) for number in range(50)]
    studio.wire.on_the_way = Shelf([*images, *[one(number) for number in range(50, 60)]])
    found = await matching(studio.account, asked(studio, Question(only=("no_products",))))
    assert (len(found.found), found.scanned, found.held) == (50, 50, 60)
    assert found.not_reached == (
        "10 of 60 images were not scanned. FinerWorks did not return the products of the "
        "images. Call again without has_products, no_products and live_in_shop."
    )


async def test_a_summary_counts_products_that_are_not_told_apart(studio: Studio) -> None:
    """Neither with nor without."""
    studio.wire.on_the_way = Shelf([one(0, products=[]), one(1), one(2, products=[{"sku": "A"}])])
    question = Question(summary=True, with_products=True)
    found = await matching(studio.account, asked(studio, question))
    counts = dict(found.summary or {})
    names = ("images", "has_products", "no_products", "live_in_shop", "products_not_told")
    assert [counts[name] for name in names] == [3, 1, 1, 0, 1]
    assert studio.wire.to("list_images")[0]["list_products"] is True


async def test_a_summary_of_doubles_counts_the_doubles_alone(studio: Studio) -> None:
    """Of those that look alike, one has a title."""
    studio.wire.on_the_way = Shelf([one(0, title="Fog"), one(1), one(2, title="Dew")])
    sights = Sights(studio, {guid_of(0): 1, guid_of(1): 1, guid_of(2): 0xFFFF})
    question = Question(summary=True, duplicates="likeness")
    found = await matching(studio.account, asked(studio, question, sights))
    counts = dict(found.summary or {})
    assert (counts["images"], counts["duplicates"], counts["missing_title"]) == (2, 2, 1)
    assert [match.guid for match in found.found] == guids(0, 1)


async def test_a_walk_serves_the_other_pages_of_the_same_question(studio: Studio) -> None:
    """Until ten minutes after its last page; then, and for another question, the walk is new."""
    shelf = Shelf([one(number) for number in range(120)])
    studio.wire.on_the_way = shelf
    scans, question = Scans(), Question(only=("landscape",))

    async def requests(page_number: int, per_page: int = 25) -> int:
        before = len(studio.wire.sent)
        asking = asked(studio, question)
        asking = replace(asking, query=Query(page_number=page_number, per_page=per_page))
        await match_page(studio.account, scans, asking)
        return len(studio.wire.sent) - before

    assert await requests(1) == 4
    assert [await requests(2), await requests(5), await requests(9, per_page=50)] == [1, 1, 0]
    studio.clock.forward(599.9)
    assert await requests(2) == 1
    studio.clock.forward(599.9)
    assert await requests(2) == 1
    studio.clock.forward(600)
    assert await requests(2) == 4
    question = Question(only=("landscape", "inactive"))
    assert await requests(2) == 3


async def test_the_first_page_is_always_of_a_new_walk(studio: Studio) -> None:
    """Who asks from the start wants to know how things are now."""
    shelf = Shelf([one(0)])
    studio.wire.on_the_way = shelf
    scans, question = Scans(), Question(only=("landscape",))
    assert len((await match_page(studio.account, scans, asked(studio, question))).images) == 1
    shelf.images = [one(0), one(1)]
    again = await match_page(studio.account, scans, asked(studio, question))
    assert len(again.images) == 2


async def test_a_few_walks_are_kept_and_the_oldest_goes(studio: Studio) -> None:
    """Memory is bounded, whatever is asked."""
    studio.wire.on_the_way = Shelf([one(number) for number in range(60)])
    questions = [Question(only=("landscape",), min_ppi=n) for n in range(34)]

    async def kept(scans: Scans) -> int:
        """How many of the last walks are there, and none before them."""
        for question in questions:
            await match_page(studio.account, scans, asked(studio, question))
        there = [scans.recall(asked(studio, one), studio.clock()) is not None for one in questions]
        assert there == sorted(there)
        return sum(there)

    assert await kept(Scans()) == 32
    assert await kept(Scans(most_rows=60 * 5)) == 5
    assert await kept(Scans(most_rows=1)) == 1


async def test_a_page_of_a_walk_that_is_not_kept_any_more_says_so(studio: Studio) -> None:
    """Who retitles page by page, and slowly, would otherwise skip what moved up."""
    studio.wire.on_the_way = Shelf([one(number) for number in range(60)])
    scans, asking = Scans(), asked(studio, Question(only=("landscape",)))
    second = replace(asking, query=Query(page_number=2))
    await match_page(studio.account, scans, asking)
    kept = await match_page(studio.account, scans, second)
    studio.clock.forward(600)
    anew = await match_page(studio.account, scans, replace(second, started=studio.clock()))
    assert kept.note == ""
    assert anew.note == (
        "The library was rescanned for this page: images that changed since page 1 may have "
        "moved to earlier pages. Restart at page_number 1 to be complete."
    )


async def pages_of_doubles(
    studio: Studio, shelf: Shelf, goes: Sequence[int], question: Question
) -> tuple[list[str], str]:
    """The second page of one image, after the images `goes` are gone, and what it leaves out."""
    studio.wire.on_the_way = shelf
    scans, asking = Scans(), asked(studio, question)
    await match_page(studio.account, scans, replace(asking, query=Query(per_page=1)))
    shelf.images = [image for image in shelf.images if image["guid"] not in guids(*goes)]
    second = replace(asking, query=Query(per_page=1, page_number=2))
    page = await match_page(studio.account, scans, second)
    return [image.guid for image in page.images], page.note


@pytest.mark.parametrize(("goes", "stays"), [([0], []), ([2], [1]), ([], [1]), ([0, 2], [])])
async def test_an_image_whose_doubles_went_meanwhile_is_no_double_any_more(
    studio: Studio, goes: list[int], stays: list[int]
) -> None:
    """The first of two was deleted from the page before: nobody is to delete the other one."""
    shelf = Shelf([one(number, file_size=7) for number in range(3 if 2 in goes else 2)])
    shown, told = await pages_of_doubles(studio, shelf, goes, Question(duplicates="content"))
    gone = "Removed, changed or no longer duplicates in the meantime: 1 of these images."
    assert (shown, told) == (guids(*stays), "" if stays else gone)


async def test_a_double_that_was_not_asked_for_counts_while_it_is_there(studio: Studio) -> None:
    """Of each pair one has a title; the second pair loses it."""
    texts = [("Fog", 7), ("", 7), ("Dew", 8), ("", 8)]
    images = [one(n, title=title, file_size=size) for n, (title, size) in enumerate(texts)]
    question = Question(duplicates="content", only=("missing_title",))
    kept, _ = await pages_of_doubles(studio, Shelf(images), [], question)
    lost, _ = await pages_of_doubles(studio, Shelf(images), [2], question)
    assert (kept, lost) == (guids(3), [])


async def test_a_page_holds_what_the_service_still_lists_by_its_own_filters(
    studio: Studio,
) -> None:
    """Switched off since the walk, an image is not among the active ones."""
    studio.wire.on_the_way = Shelf([one(0)])
    asking = replace(asked(studio, Question(only=("landscape",))), query=Query(active=True))
    await match_page(studio.account, Scans(), asking)
    walk, rows = studio.wire.to("list_images")
    assert (walk["active"], rows["active"], rows["guid_filter"]) == (True, True, guids(0))


async def test_rows_are_read_to_the_end_however_few_a_page_holds(studio: Studio) -> None:
    """An image that is on no page yet has not gone."""
    shelf = Shelf([one(number) for number in range(25)])

    async def seven(sent: Sent) -> None:
        sent.body["per_page"] = 7

    shelf.before = seven
    studio.wire.on_the_way = shelf
    page = await match_page(studio.account, Scans(), asked(studio, Question(only=("landscape",))))
    assert [image.guid for image in page.images] == guids(*range(25))
    assert page.note == ""


async def test_a_service_that_does_not_list_by_guid_is_not_taken_for_an_empty_one(
    studio: Studio,
) -> None:
    """Promise: an image that was not shown is never said to have gone."""
    shelf = Shelf([one(number, title="Fog" if number < 50 else "") for number in range(60)])

    async def forget(sent: Sent) -> None:
        sent.body.pop("guid_filter", None)

    shelf.before = forget
    studio.wire.on_the_way = shelf
    with pytest.raises(ApiError) as told:
        await match_page(studio.account, Scans(), asked(studio, Question(only=("missing_title",))))
    assert told.value.what == "FinerWorks did not return the requested images."


async def test_rows_without_products_are_not_taken_for_changed_ones(studio: Studio) -> None:
    """The walk was told the products, the reading of the rows is not."""
    shelf = Shelf([one(0, products=[])])

    async def forget(sent: Sent) -> None:
        if sent.body.get("guid_filter"):
            shelf.images = [one(0)]

    shelf.before = forget
    studio.wire.on_the_way = shelf
    with pytest.raises(ApiError) as told:
        await match_page(studio.account, Scans(), asked(studio, Question(only=("no_products",))))
    assert "did not return the products" in told.value.what


@pytest.mark.parametrize("summary", [False, True])
async def test_files_of_unknown_size_are_said_not_to_be_compared(
    studio: Studio, summary: bool
) -> None:
    """Two of four may be doubles, and nobody knows."""
    studio.wire.on_the_way = Shelf(
        [one(0, file_size=7), one(1, file_size=7), one(2, file_size=None), one(3, pix_w=0)]
    )
    question = Question(duplicates=None if summary else "content", summary=summary)
    found = await matching(studio.account, asked(studio, question))
    assert found.not_reached == (
        "2 of 4 images were not compared: their file_size or pixels are unknown."
    )


async def test_images_of_unknown_pixels_are_said_to_be_left_out(studio: Studio) -> None:
    """Of those that are otherwise what was asked for; a summary counts them by a name."""
    studio.wire.on_the_way = Shelf(
        [one(0), one(1, pix_w=None), one(2, pix_h=0), one(3, pix_w=None, title="Fog")]
    )
    question = Question(only=("landscape", "missing_title"))
    found = await matching(studio.account, asked(studio, question))
    assert (found.found, found.not_reached) == (
        (Match(guid_of(0)),),
        "2 images skipped because the pixel size is unknown.",
    )
    counted = await matching(studio.account, asked(studio, Question(summary=True)))
    assert dict(counted.summary or {})["pixels_not_told"] == 3


async def test_comparing_without_the_time_for_it_is_late_and_not_blind(studio: Studio) -> None:
    """What compares needs its last two seconds for what it has fetched."""
    studio.wire.on_the_way = Shelf([one(number) for number in range(5)])
    sights = Sights(studio, {}, takes_s=34)
    question = asked(studio, Question(duplicates="likeness"), sights)
    found = await matching(studio.account, question)
    assert found.not_reached == (
        "5 of 5 pictures were not compared: the call ran out of time. "
        "Call again: finished comparisons are kept."
    )


async def test_pairs_that_were_not_compared_in_time_are_told(studio: Studio) -> None:
    """The pictures were all seen; there was no time to hold each against each."""
    studio.wire.on_the_way = Shelf([one(number) for number in range(3)])
    sights = Sights(studio, dict.fromkeys(guids(0, 1, 2), 5), takes_s=40)
    found = await matching(studio.account, asked(studio, Question(duplicates="likeness"), sights))
    assert found.not_reached == (
        "Some pairs of pictures were not compared: the call ran out of time. "
        "Narrow it with upload_date_from and upload_date_to, one range at a time."
    )
