"""Every page of a library: each image once, four at a time, no claim beyond what was seen."""

from collections.abc import Callable
from typing import Any

import anyio
import httpx
import pytest

from fw_mcp.api.models import PAGE_LIMIT, ImageDetails
from fw_mcp.errors import ApiError, Reason
from fw_mcp.images.account import Pace
from fw_mcp.images.read import Query
from fw_mcp.images.scan import Scan, scan
from fw_mcp.sandbox.faults.plan import Fault, FaultKind
from tests.images.progress import Progress
from tests.images.shelf import Shelf, guid_of, images_of
from tests.support.recorder import Sent
from tests.support.studio import Studio, make_studio
from tests.support.truth import holdings

pytestmark = [pytest.mark.anyio, pytest.mark.large_library]


def guid(image: ImageDetails) -> str:
    """All that these tests keep of an image."""
    return image.guid


async def scanned(
    studio: Studio,
    query: Query | None = None,
    keep: Callable[[ImageDetails], str | None] = guid,
    **more: Any,  # noqa: ANN401  what `scan` takes
) -> Scan[str]:
    """A scan that begins now."""
    given = {"started": studio.clock(), "progress": Progress(), **more}
    return await scan(studio.account, query or Query(), keep, **given)


async def test_every_image_is_kept_once_in_the_order_of_the_listing(studio: Studio) -> None:
    """Whatever page and page size the query names."""
    held = list(await holdings(studio))
    found = await scanned(studio, Query(page_number=3, per_page=7))
    assert found == Scan(tuple(held), len(held), len(held), "")
    assert [(body["page_number"], body["per_page"]) for body in studio.wire.to("list_images")] == [
        (number, 50) for number in range(1, 6)
    ]


async def test_pages_that_arrive_out_of_order_are_put_in_order(studio: Studio) -> None:
    """The second page waits until the fifth is there."""
    held = [image.guid for image in sorted((await holdings(studio)).values(), key=_size)]
    fifth = anyio.Event()

    async def reorder(sent: Sent) -> None:
        if sent.body["page_number"] == 5:
            fifth.set()
        if sent.body["page_number"] == 2:
            await fifth.wait()

    studio.wire.on_the_way = reorder
    found = await scanned(studio, Query(sort_field="file_size", sort_direction="ASC"))
    assert list(found.kept) == held


def _size(image: ImageDetails) -> int:
    return image.file_size or 0


async def test_the_filters_of_the_service_narrow_the_scan(studio: Studio) -> None:
    """What the service can leave out is never read."""
    found = await scanned(studio, Query(search_filter="fog", active=True, library="temporary"))
    (asked,) = studio.wire.to("list_images")
    assert (asked["search_filter"], asked["active"]) == ("fog", True)
    assert asked["library"]["name"] == "temporary"
    assert found.scanned == found.held == len(found.kept)


async def test_only_what_is_worth_keeping_stays(studio: Studio) -> None:
    """Images that are not kept were looked at all the same."""
    held = await holdings(studio)
    wide = [one.guid for one in held.values() if (one.pix_w or 0) > (one.pix_h or 0)]
    found = await scanned(
        studio, keep=lambda one: one.guid if (one.pix_w or 0) > (one.pix_h or 0) else None
    )
    assert (list(found.kept), found.scanned) == (wide, len(held))


async def test_an_empty_library_takes_one_request(studio: Studio) -> None:
    """Nothing there is an answer too."""
    studio.wire.on_the_way = Shelf([])
    assert await scanned(studio) == Scan((), 0, 0, "")
    assert len(studio.wire.sent) == 1


@pytest.mark.parametrize(("count", "requests"), [(50, 1), (51, 2), (100, 2), (500, 10)])
async def test_no_page_past_the_last_is_asked_for(
    studio: Studio, count: int, requests: int
) -> None:
    """The first page tells how many there are."""
    studio.wire.on_the_way = Shelf(images_of(count))
    found = await scanned(studio)
    assert (found.scanned, len(found.kept), len(studio.wire.sent)) == (count, count, requests)


async def test_four_pages_are_under_way_at_a_time(studio: Studio) -> None:
    """Promise: four at a time, as soon as the first has told how many there are."""
    go_on = anyio.Event()

    async def wait(sent: Sent) -> None:
        if sent.body["page_number"] > 1:
            await go_on.wait()

    studio.wire.on_the_way = Shelf(images_of(1_000), before=wait)
    async with anyio.create_task_group() as group:
        group.start_soon(scanned, studio)
        await anyio.wait_all_tasks_blocked()
        under_way = [body["page_number"] for body in studio.wire.to("list_images")]
        go_on.set()
    assert under_way == [1, 2, 3, 4, 5]
    assert studio.wire.most_at_once == {"list_images": 4}
    assert len(studio.wire.sent) == 20


async def test_progress_grows_with_every_page(studio: Studio) -> None:
    """Promise: a person sees how far it is."""
    told: list[tuple[float, float | None, str | None]] = []

    async def tell(progress: float, total: float | None = None, message: str | None = None) -> None:
        told.append((progress, total, message))

    studio.wire.on_the_way = Shelf(images_of(1_200))
    await scanned(studio, progress=tell)
    assert told == [
        (seen, 1_200, f"Scanned {seen:,} of 1,200 images") for seen in range(50, 1_201, 50)
    ]


async def test_a_page_that_fails_ends_the_scan_and_is_told(studio: Studio) -> None:
    """Promise: what was reached is told, never more."""

    async def refuse(sent: Sent) -> httpx.Response | None:
        third = sent.body["page_number"] == 3
        return httpx.Response(404, json={"Message": "No such page."}) if third else None

    studio.wire.on_the_way = Shelf(images_of(1_000), before=refuse)
    found = await scanned(studio)
    missing = {guid_of(number) for number in range(100, 150)}
    assert missing.isdisjoint(found.kept)
    assert found.scanned == len(found.kept) < 400
    assert found.not_reached.startswith(
        f"{1_000 - found.scanned} of 1,000 images were not scanned. "
    )
    assert found.not_reached.endswith("Call again in a minute.")


async def test_a_fault_of_the_service_is_told_with_what_was_reached(studio: Studio) -> None:
    """The service's words stay quoted; nothing after it is asked for."""
    studio.faults.add(Fault(FaultKind.REJECTED, endpoint="list_images", after=2, times=9))
    found = await scanned(studio)
    assert (found.scanned, found.held) == (100, 248)
    assert found.not_reached.startswith(
        "148 of 248 images were not scanned. FinerWorks rejected list_images: "
        '"The request could not be completed." (reference '
    )
    assert found.not_reached.endswith("). Call again in a minute.")


async def test_a_scan_that_reached_nothing_is_an_error(studio: Studio) -> None:
    """No page is not an empty library."""
    studio.faults.add(Fault(FaultKind.REJECTED, endpoint="list_images"))
    with pytest.raises(ApiError) as told:
        await scanned(studio)
    assert told.value.reason is Reason.REJECTED


async def test_no_page_begins_when_the_time_for_that_is_over(studio: Studio) -> None:
    """Promise: a deadline, and what to do about the rest."""

    async def slow(_: Sent) -> None:
        studio.clock.forward(2)

    studio.wire.on_the_way = Shelf(images_of(5_000), before=slow)
    found = await scanned(studio)
    assert found.scanned == len(found.kept) == 50 * len(studio.wire.sent)
    assert 12 <= len(studio.wire.sent) <= 12 + 4
    assert found.not_reached == (
        f"{5_000 - found.scanned:,} of 5,000 images were not scanned. The call ran out of time. "
        "Narrow it with upload_date_from and upload_date_to, one range at a time."
    )


async def test_a_page_that_takes_too_long_is_given_up() -> None:
    """There must be time left to tell what was found."""
    studio = make_studio(pace=Pace(start_chunks_s=45, total_s=45))

    async def hang(sent: Sent) -> None:
        if sent.body["page_number"] == 3:
            await anyio.sleep_forever()

    studio.wire.on_the_way = Shelf(images_of(200), before=hang)
    found = await scanned(studio, started=studio.clock() - 35.9)
    assert (found.scanned, found.held) == (150, 200)
    assert found.not_reached.startswith(
        "50 of 200 images were not scanned. The call ran out of time."
    )


async def test_one_call_reads_so_many_pages_and_says_so(studio: Studio) -> None:
    """Promise: at most 2,000 pages; here three."""
    studio.wire.on_the_way = Shelf(images_of(500))
    found = await scanned(studio, most_pages=3)
    assert (found.scanned, len(studio.wire.sent)) == (150, 3)
    assert found.not_reached == (
        "350 of 500 images were not scanned. One call scans up to 150 images. "
        "Narrow it with upload_date_from and upload_date_to, one range at a time."
    )


@pytest.mark.parametrize("claims", [10_000, 220])
async def test_a_count_that_no_page_fills_is_not_believed(studio: Studio, claims: int) -> None:
    """An empty page ends the scan, and the difference is told."""
    studio.wire.on_the_way = Shelf(images_of(120), claims=claims)
    found = await scanned(studio)
    assert (found.scanned, found.held) == (120, claims)
    assert len(studio.wire.sent) <= 7
    assert found.not_reached == (
        f"{claims - 120:,} of {claims:,} images were not scanned. "
        "FinerWorks counts them but lists them on no page. Call again in a minute."
    )


async def test_a_first_page_without_the_images_it_counts_is_not_believed(studio: Studio) -> None:
    """A library that seems empty is not told to be so."""
    studio.wire.on_the_way = Shelf([], claims=70)
    found = await scanned(studio)
    assert (found.scanned, found.held) == (0, 70)
    assert found.not_reached.startswith("70 of 70 images were not scanned.")


async def test_an_empty_page_that_counts_nothing_hides_nothing(studio: Studio) -> None:
    """The count that it contradicts still stands."""
    shelf = Shelf(images_of(50), claims=150)

    async def forget(sent: Sent) -> None:
        shelf.claims = 150 if sent.body["page_number"] == 1 else 0

    shelf.before = forget
    studio.wire.on_the_way = shelf
    found = await scanned(studio)
    assert (found.scanned, found.held) == (50, 150)
    assert found.not_reached.startswith("100 of 150 images were not scanned.")


async def test_an_image_added_meanwhile_shifts_the_pages_and_is_told(studio: Studio) -> None:
    """Newest first, the last of a page is the first of the next: it counts once."""
    held = list(await holdings(studio))
    studio.faults.add(Fault(FaultKind.SOMEBODY_ADDS, endpoint="list_images"))
    found = await scanned(studio)
    assert (list(found.kept), found.scanned, found.held) == (held, 248, 249)
    assert found.not_reached == (
        "1 of 249 images were not scanned. The library changed during the scan."
        " Call again in a minute."
    )


async def test_an_image_deleted_meanwhile_may_hide_another_and_is_told(studio: Studio) -> None:
    """The first of the second page moves to the first, which was read already."""
    held = list(await holdings(studio))
    studio.faults.add(Fault(FaultKind.SOMEBODY_DELETES, endpoint="list_images"))
    found = await scanned(studio)
    assert set(held) - set(found.kept) == {held[50]}
    assert (found.scanned, found.held) == (247, 247)
    assert found.not_reached == ("The library changed during the scan. Call again in a minute.")


async def test_pages_that_come_to_be_meanwhile_are_read_too(studio: Studio) -> None:
    """Oldest first, what is added is at the end."""
    shelf = Shelf(images_of(100))

    async def grow(sent: Sent) -> None:
        if sent.body["page_number"] == 2:
            shelf.images = images_of(240)

    shelf.before = grow
    studio.wire.on_the_way = shelf
    found = await scanned(studio)
    assert (found.scanned, found.held, len(studio.wire.sent)) == (240, 240, 5)


@pytest.mark.parametrize("claims", [0, 30, 60, 119])
async def test_a_count_that_the_pages_outgrow_does_not_end_the_scan(
    studio: Studio, claims: int
) -> None:
    """It reads on to the empty page; a scan that stopped early would pass for the whole."""
    studio.wire.on_the_way = Shelf(images_of(260), claims=claims)
    found = await scanned(studio)
    assert (found.scanned, found.held, found.not_reached) == (260, 260, "")


async def test_a_count_too_low_and_pages_that_repeat_end_all_the_same(studio: Studio) -> None:
    """A service that does not know its pages is not asked two thousand times."""
    page = Shelf(images_of(50), claims=20)

    async def repeat(sent: Sent) -> None:
        sent.body["page_number"] = 1

    page.before = repeat
    studio.wire.on_the_way = page
    found = await scanned(studio)
    assert (found.scanned, found.held, found.not_reached) == (50, 50, "")
    assert len(studio.wire.sent) <= 5


async def test_a_count_too_low_does_not_hide_that_the_time_was_over(studio: Studio) -> None:
    """All that it counts was seen, and yet not all that there is."""

    async def slow(_: Sent) -> None:
        studio.clock.forward(10)

    studio.wire.on_the_way = Shelf(images_of(900), claims=20, before=slow)
    found = await scanned(studio)
    assert 50 <= found.scanned == found.held < 900
    assert found.not_reached.startswith(
        "Some images may not have been scanned. The call ran out of time. "
    )


@pytest.mark.parametrize("size", [7, 10, 100])
async def test_a_service_with_pages_of_its_own_size_is_read_to_the_end(
    studio: Studio, size: int
) -> None:
    """The first page shows how many it gives; where that is too few, the end is an empty page."""
    shelf = Shelf(images_of(248))

    async def own_size(sent: Sent) -> None:
        sent.body["per_page"] = size

    shelf.before = own_size
    studio.wire.on_the_way = shelf
    found = await scanned(studio)
    assert (found.scanned, found.held, found.not_reached) == (248, 248, "")
    assert len(studio.wire.sent) == -(-248 // size) + (size < PAGE_LIMIT)


async def test_one_page_that_counts_nothing_does_not_end_the_scan(studio: Studio) -> None:
    """The images after it are looked at, and that the counts differ is told."""
    shelf = Shelf(images_of(500))

    async def forget(sent: Sent) -> None:
        shelf.claims = 0 if sent.body["page_number"] == 3 else 500

    shelf.before = forget
    studio.wire.on_the_way = shelf
    found = await scanned(studio)
    assert (found.scanned, found.held) == (500, 500)
    assert found.not_reached == ("The library changed during the scan. Call again in a minute.")


async def test_a_service_that_says_how_long_to_wait_is_quoted(studio: Studio) -> None:
    """A minute would be too short, and would make it worse."""

    async def pause(sent: Sent) -> httpx.Response | None:
        third = sent.body["page_number"] == 3
        return httpx.Response(429, headers={"Retry-After": "200"}) if third else None

    studio.wire.on_the_way = Shelf(images_of(150), before=pause)
    found = await scanned(studio)
    assert found.not_reached == (
        "50 of 150 images were not scanned. FinerWorks rate-limited list_images. "
        "Wait 200 s, then try again."
    )
