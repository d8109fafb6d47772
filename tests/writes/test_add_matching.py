"""What was added since a moment, and which new record is which image."""

from dataclasses import replace
from uuid import UUID

import pytest

from fw_mcp.api.models import AddImagesRequest, DeleteImagesRequest, ImageDetails, ImageToAdd
from fw_mcp.writes.add_matching import (
    Baseline,
    added_since,
    baseline,
    baseline_of,
    matched,
    same_file,
)
from tests.images.shelf import Shelf
from tests.support.studio import Studio
from tests.support.truth import holdings
from tests.writes.runs import to_add

pytestmark = pytest.mark.anyio

SENT = to_add(1)[0]
GUIDS = [f"3f2b8c1e-0d4a-4e5f-8a6b-{number:012}" for number in range(4)]
LISTED = ImageDetails(
    guid=GUIDS[1],
    id=7,
    file_name=SENT.file_name,
    private_hires_uri=SENT.private_hires_uri,
    pix_w=SENT.pix_w,
    pix_h=SENT.pix_h,
    file_size=SENT.file_size,
)


def listed(**fields: object) -> ImageDetails:
    """The record of the sent image, but for this."""
    return LISTED.model_copy(update=fields)


async def register(studio: Studio, first: int, last: int) -> list[str]:
    """Register these new images by the judge's own way."""
    images = list(to_add(last).values())[first - 1 :]
    guids: list[str] = []
    for start in range(0, len(images), 5):
        request = AddImagesRequest(
            images=images[start : start + 5], library=studio.api.library("inventory")
        )
        guids += [image.guid for image in (await studio.api.add_images(request)).images]
    return guids


async def test_nothing_is_new_before_something_is_added(studio: Studio) -> None:
    """The newest id is what an add is compared with."""
    before = await baseline(studio.account, "inventory", studio.clock())
    newest = max(image.id or 0 for image in (await holdings(studio)).values())
    assert before.newest_id == newest
    assert await added_since(studio.account, "inventory", before, studio.clock()) == []


async def test_everything_that_was_added_since_is_found_oldest_first(studio: Studio) -> None:
    """Over pages of fifty."""
    before = await baseline(studio.account, "inventory", studio.clock())
    guids = await register(studio, 1, 60)
    new = await added_since(studio.account, "inventory", before, studio.clock())
    assert [image.guid for image in new] == guids


async def test_an_old_image_that_moved_up_is_not_new(studio: Studio) -> None:
    """Those before it were deleted: it is on the page now, and its id is old."""
    before = await baseline(studio.account, "inventory", studio.clock())
    newest = list(await holdings(studio))[:50]
    library = studio.api.library("inventory")
    await studio.api.delete_images(DeleteImagesRequest(guids=newest, library=library))
    assert await added_since(studio.account, "inventory", before, studio.clock()) == []


async def test_a_library_is_compared_with_itself_alone(studio: Studio) -> None:
    """What is added to the inventory is not new among the temporary images."""
    before = await baseline(studio.account, "temporary", studio.clock())
    await register(studio, 1, 1)
    assert await added_since(studio.account, "temporary", before, studio.clock()) == []


async def test_a_baseline_is_the_same_after_it_was_kept(studio: Studio) -> None:
    """In the journal, as JSON."""
    before = await baseline(studio.account, "inventory", studio.clock())
    kept = baseline_of(before.record())
    assert kept.newest_id == before.newest_id
    assert kept.record() == before.record()
    without_ids = replace(before, newest_id=None)
    assert baseline_of(without_ids.record()) == without_ids


def test_without_ids_an_image_is_new_when_it_was_not_among_the_newest() -> None:
    """An older host tells no ids."""
    before = Baseline(None, frozenset({GUIDS[1]}))
    assert not before.is_new(listed())
    assert before.is_new(listed(guid=GUIDS[2]))


async def test_what_has_no_id_and_comes_after_an_old_image_is_old(studio: Studio) -> None:
    """Newest first: its place tells what its id does not."""
    old = [ImageDetails(id=number or None, guid=GUIDS[number]) for number in (3, 0, 1)]
    new = ImageDetails(guid=GUIDS[2])
    studio.wire.on_the_way = Shelf([one.model_dump(mode="json") for one in (new, *old)])
    before = Baseline(3, frozenset({GUIDS[3]}))
    found = await added_since(studio.account, "inventory", before, studio.clock())
    assert [one.guid for one in found] == [GUIDS[2]]


def test_an_image_is_new_when_its_id_is_larger() -> None:
    """Of an empty library every image is new."""
    assert [Baseline(number, frozenset()).is_new(LISTED) for number in (0, 6, 7, 8)] == [
        True,
        True,
        False,
        False,
    ]


@pytest.mark.parametrize(
    ("fields", "same"),
    [
        ({}, True),
        ({"file_name": "another.tif"}, True),
        ({"private_hires_uri": "https://files.example/other.jpg"}, False),
        ({"pix_w": 1}, False),
        ({"pix_h": 1}, False),
        ({"file_size": 1}, False),
        ({"pix_w": None, "pix_h": None, "file_size": None}, True),
        ({"private_hires_uri": None}, True),
        ({"private_hires_uri": None, "file_name": "new-001.JPG"}, True),
        ({"private_hires_uri": None, "file_name": "new_001_1.jpg"}, True),
        ({"private_hires_uri": None, "file_name": "new_001_1.jpg", "pix_w": None}, False),
        ({"private_hires_uri": None, "file_name": "another.tif"}, False),
        ({"private_hires_uri": None, "file_name": None}, False),
    ],
    ids=str,
)
def test_a_record_is_the_image_that_was_sent(fields: dict[str, object], same: bool) -> None:
    """Sizes must agree where they are told; the address decides, and else the name."""
    assert same_file(SENT, listed(**fields)) is same


def test_each_record_is_the_record_of_one_image_at_most() -> None:
    """Two equal images that were sent are two records; a taken one is nobody's."""
    twice = {3: SENT, 8: SENT}
    first, second = listed(), listed(guid=GUIDS[2])
    assert matched(twice, [first]) == {3: first}
    assert matched(twice, [first, second]) == {3: first, 8: second}
    assert matched(twice, [first, second], {GUIDS[1]}) == {3: second}


def test_the_order_of_the_records_does_not_matter() -> None:
    """No order is promised; each image finds its own."""
    images = to_add(3)

    def record(item: int, image: ImageToAdd) -> ImageDetails:
        return ImageDetails(
            guid=GUIDS[item],
            file_name=image.file_name,
            private_hires_uri=image.private_hires_uri,
            pix_w=image.pix_w,
        )

    records = [record(item, image) for item, image in images.items()]
    found = matched(images, records[::-1])
    assert {item: image.guid for item, image in found.items()} == dict(enumerate(GUIDS[:3]))


def test_two_images_of_one_address_are_told_apart_by_their_words() -> None:
    """Whatever order the answer has."""
    first, second = to_add(2).values()
    shared = {"private_hires_uri": "https://files.example/one.tif", "pix_w": 1, "pix_h": 1}
    same = {**shared, "file_size": 9}
    sent = {0: first.model_copy(update=same), 1: second.model_copy(update=same)}
    listed = [
        ImageDetails(guid=str(UUID(int=item + 1)), title=one.title, file_name=one.file_name, **same)
        for item, one in sent.items()
    ]
    found = matched(sent, listed[::-1])
    assert {item: image.guid for item, image in found.items()} == {
        0: listed[0].guid,
        1: listed[1].guid,
    }
