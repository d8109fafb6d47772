"""Pages, and images by guid: any number of them, and only those that were named."""

import httpx
import pytest

from fw_mcp.errors import ApiError, Reason
from fw_mcp.images.read import Page, read_anywhere, read_images
from fw_mcp.sandbox.faults.plan import Fault, FaultKind
from tests.support.recorder import Sent
from tests.support.studio import Studio
from tests.support.truth import holdings

pytestmark = pytest.mark.anyio

GUID = "3f2b8c1e-0d4a-4e5f-8a6b-7c9d0e1f2a3b"


@pytest.mark.large_library
async def test_any_number_of_images_is_read_in_chunks_and_comes_in_the_order_asked(
    studio: Studio,
) -> None:
    """50 in a request, whatever the order of the answers; unknown guids are not in it."""
    held = await holdings(studio)
    asked = [*sorted(held), GUID]
    found = await read_images(studio.account, asked, "inventory", started=studio.clock())
    assert list(found) == sorted(held)
    assert dict(found) == held
    sizes = sorted(len(body["guid_filter"]) for body in studio.wire.to("list_images"))
    # What is missing is asked for once more, alone: a page may be short.
    assert sizes == [1, 49, 50, 50, 50, 50]


async def test_no_guids_are_read_without_a_request(studio: Studio) -> None:
    """An empty filter would list everything."""
    assert await read_images(studio.account, [], "inventory", started=studio.clock()) == {}
    assert studio.wire.sent == []


async def test_images_that_nobody_named_are_not_handed_over(studio: Studio) -> None:
    """A service that ignored the filter must not widen what a deletion touches."""
    guid, other = list(await holdings(studio))[:2]

    async def everything(_: Sent) -> httpx.Response:
        images = [{"guid": guid, "products": []}, {"guid": other, "products": []}]
        status = {"success": True, "status_code": 200}
        return httpx.Response(200, json={"status": status, "images": images, "count": 2})

    studio.wire.on_the_way = everything
    found = await read_images(studio.account, [guid], "inventory", started=studio.clock())
    assert list(found) == [guid]


async def test_images_are_found_in_either_library(studio: Studio) -> None:
    """The temporary one is asked only for what the inventory does not hold."""
    inventory = next(iter(await holdings(studio)))
    temporary = next(iter(await holdings(studio, "temporary")))
    guids = [temporary, inventory, GUID]
    found = await read_anywhere(studio.account, guids, started=studio.clock())
    assert set(found) == {temporary, inventory}
    asked = [(body["library"]["name"], body["guid_filter"])
             for body in studio.wire.to("list_images")]  # fmt: skip
    # What is missing is asked for once more, alone: a page may be short.
    elsewhere = [temporary, GUID]
    assert asked == [("inventory", guids), ("inventory", elsewhere),
                     ("temporary", elsewhere), ("temporary", [GUID])]  # fmt: skip


@pytest.mark.large_library
async def test_one_chunk_that_cannot_be_read_fails_the_reading(studio: Studio) -> None:
    """As one error of ours, never as a group, and never as fewer images."""
    guids = list(await holdings(studio))
    studio.faults.add(Fault(FaultKind.REJECTED, endpoint="list_images", after=2, times=2))
    with pytest.raises(ApiError) as told:
        await read_images(studio.account, guids, "inventory", started=studio.clock())
    assert told.value.reason is Reason.REJECTED


@pytest.mark.parametrize(
    ("page_number", "count", "shown", "following"),
    [
        (1, 60, 25, 2),
        (2, 60, 25, 3),
        (3, 60, 10, None),
        (2, 50, 25, None),
        (1, 0, 0, None),
        (9, 60, 0, None),
        (1, 60, 3, 2),
    ],
)
async def test_there_is_a_next_page_while_images_are_unseen(
    studio: Studio, page_number: int, count: int, shown: int, following: int | None
) -> None:
    """Counted by the page size asked for; an empty page ends the walk."""
    images = tuple((await holdings(studio)).values())[:shown]
    assert Page(images, page_number, 25, count).next_page_number == following
