"""Pictures of images: which file is fetched, what is shown of it, and why nothing is."""

import anyio
import httpx
import pytest

from fw_mcp.api.models import ImageDetails
from fw_mcp.errors import ArgumentsError, FetchError, Reason
from fw_mcp.pictures.fetch.fetcher import Fetcher
from fw_mcp.pictures.previews import NotShown
from fw_mcp.pictures.view import MOST_BYTES_SHOWN, ContactSheet, View, Viewer
from fw_mcp.pictures.worker.pool import Picture, Workshop
from tests.pictures.gallery import ORIGIN, Gallery, image
from tests.pictures.painted import bomb, file_of, halves, noise, opened
from tests.support.studio import Clock

pytestmark = pytest.mark.anyio

LARGE = file_of(halves((900, 600)))
SMALL = file_of(halves((200, 133)))
WIDE = file_of(halves((1200, 800)))


def plain(gallery: Gallery) -> Viewer:
    """A viewer where the imaging library is not installed."""
    return Viewer(gallery.fetcher(), Workshop(available=False))


def viewer(gallery: Gallery, clock: Clock | None = None) -> Viewer:
    """A viewer with everything."""
    return Viewer(gallery.fetcher(), Workshop(), clock=clock or Clock())


async def seen(
    viewer: Viewer, *images: ImageDetails, side: int = 1024, within_s: float = 40
) -> list[View]:
    """What is shown of these images."""
    return await viewer.views(images, side=side, within_s=within_s)


def sizes(views: list[View]) -> list[tuple[int, int] | str]:
    """The sizes of the pictures, and the reasons of the others by name."""
    return [(one.pix_w, one.pix_h) if isinstance(one, Picture) else one.name for one in views]


async def test_the_preview_is_shown_as_jpeg() -> None:
    """The thumbnail is left alone."""
    gallery = Gallery({"p1": LARGE, "t1": SMALL})
    (view,) = await seen(viewer(gallery), image(1))
    assert isinstance(view, Picture)
    assert (view.mime_type, opened(view.content).size) == ("image/jpeg", (900, 600))
    assert gallery.asked == ["p1"]


@pytest.mark.parametrize(("side", "asked"), [(64, ["t1"]), (200, ["t1"]), (201, ["p1"])])
async def test_for_small_pictures_the_thumbnail_is_enough(side: int, asked: list[str]) -> None:
    """It has 200 pixels a side, and is fetched in no time."""
    gallery = Gallery({"p1": LARGE, "t1": SMALL})
    assert max(sizes(await seen(viewer(gallery), image(1), side=side))[0]) in {64, 200, 201}
    assert gallery.asked == asked


@pytest.mark.parametrize("preview", [404, 500, b"<html>", b"", file_of(halves((9, 9)), "TIFF")])
async def test_where_the_preview_cannot_be_had_the_thumbnail_is_shown(
    preview: bytes | int,
) -> None:
    """A small picture says more than none."""
    gallery = Gallery({"p1": preview, "t1": SMALL})
    assert sizes(await seen(viewer(gallery), image(1))) == [(200, 133)]
    assert gallery.asked == ["p1", "t1"]


async def test_each_image_without_a_picture_says_why() -> None:
    """From a closed list of our own words; the others are shown."""
    served: dict[str, bytes | int] = {"p1": LARGE, "p4": b"text", "p5": bomb(), "p6": LARGE[:-900]}
    views = await seen(
        viewer(Gallery(served)),
        image(1),
        image(2, preview=None, thumbnail=None),
        image(3),
        image(4, thumbnail=None),
        image(5),
        image(6),
        image(7, preview=None, thumbnail="p1"),
    )
    assert sizes(views) == [
        (900, 600),
        "NO_PREVIEW",
        "NOT_FETCHED",
        "NO_PICTURE",
        "UNREADABLE",
        "UNREADABLE",
        (900, 600),
    ]


@pytest.mark.parametrize("reason", NotShown)
def test_a_reason_tells_nothing_of_an_address(reason: NotShown) -> None:
    """Promise: one text for every cause; which one it was is in the log."""
    assert reason.value.isascii()
    assert [word for word in ("http", "/", "host", "address") if word in reason.value] == []


async def test_no_picture_is_higher_or_wider_than_asked() -> None:
    """Whichever way round it is."""
    served = {"p1": LARGE, "p2": file_of(halves((300, 900)))}
    views = await seen(viewer(Gallery(served)), image(1), image(2), side=300)
    assert sizes(views) == [(300, 200), (100, 300)]


async def test_twelve_noisy_pictures_keep_within_what_a_host_takes() -> None:
    """Promise: 1 MB a call."""
    noisy = {f"p{n}": file_of(noise((700, 700), n), "JPEG", quality=90) for n in range(12)}
    views = await seen(viewer(Gallery(noisy)), *map(image, range(12)))
    pictures = [one for one in views if isinstance(one, Picture)]
    assert len(pictures) == 12
    assert MOST_BYTES_SHOWN / 2 < sum(len(one.content) for one in pictures) <= MOST_BYTES_SHOWN


async def test_what_was_just_fetched_is_not_fetched_again() -> None:
    """A gallery pages to and fro; five minutes later things may have changed."""
    gallery, clock = Gallery({"p1": LARGE, "p2": b"text", "t2": SMALL}), Clock()
    looking = viewer(gallery, clock)
    first = await seen(looking, image(1), image(2))
    clock.forward(299)
    assert await seen(looking, image(1)) == first[:1]
    assert sorted(gallery.asked) == ["p1", "p2", "t2"]
    clock.forward(2)
    assert await seen(looking, image(1)) == first[:1]
    assert sorted(gallery.asked) == ["p1", "p1", "p2", "t2"]


async def test_another_address_of_the_same_image_is_another_picture() -> None:
    """It was replaced; so was an image with the same address."""
    gallery = Gallery({"p1": LARGE, "new": SMALL})
    looking = viewer(gallery)
    assert sizes(await seen(looking, image(1))) == [(900, 600)]
    assert sizes(await seen(looking, image(1, preview="new"))) == [(200, 133)]
    assert sizes(await seen(looking, image(2, preview="p1"))) == [(900, 600)]
    assert gallery.asked == ["p1", "new", "p1"]


async def test_what_is_kept_stays_small() -> None:
    """32 MB; what was looked at longest ago goes first."""
    served = {f"p{n}": SMALL + bytes(4_000_000) for n in range(9)}
    gallery = Gallery(served)
    looking = viewer(gallery)
    for number in (0, 1, 2, 3, 0, 4, 5, 6, 7):
        await seen(looking, image(number))
    gallery.asked.clear()
    for number in (0, 7, 1):
        await seen(looking, image(number))
    assert gallery.asked == ["p1"]


async def test_a_preview_that_does_not_come_in_time_costs_only_itself() -> None:
    """The workshop keeps its time, and the others are shown."""

    async def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/p1":
            await anyio.sleep_forever()
        return httpx.Response(200, content=LARGE)

    fetcher = Fetcher(inside={ORIGIN: lambda: httpx.MockTransport(answer)})
    looking = Viewer(fetcher, Workshop(total_s=10))
    views = await seen(looking, image(1), image(2), within_s=11)
    assert sizes(views) == ["NO_TIME", (900, 600)]


async def test_a_preview_that_was_tried_in_vain_says_so_though_the_thumbnail_had_no_time() -> None:
    """Told that there was no time, a model would ask for it again and again."""

    async def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/t1":
            await anyio.sleep_forever()
        return httpx.Response(404)

    fetcher = Fetcher(inside={ORIGIN: lambda: httpx.MockTransport(answer)})
    looking = Viewer(fetcher, Workshop(total_s=10))
    assert sizes(await seen(looking, image(1), within_s=10.5)) == ["NOT_FETCHED"]


async def test_three_calls_hold_pictures_at_a_time() -> None:
    """Each may hold a dozen files of 5 MB; whose turn does not come in time says so."""
    asked: list[str] = []

    async def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        await anyio.sleep_forever()
        raise AssertionError

    fetcher = Fetcher(inside={ORIGIN: lambda: httpx.MockTransport(answer)})
    looking = Viewer(fetcher, Workshop(total_s=10))
    views: list[list[View]] = []

    async def look(number: int) -> None:
        within_s = 10.5 if number < 3 else 10.2
        views.append(await seen(looking, image(number), within_s=within_s))

    async with anyio.create_task_group() as group:
        for number in range(4):
            group.start_soon(look, number)
    assert [sizes(one) for one in views] == [["NO_TIME"]] * 4
    assert sorted(asked) == ["/p0", "/p1", "/p2"]


async def test_without_time_nothing_is_shown() -> None:
    """A call that has used it up says so."""
    assert sizes(await seen(viewer(Gallery({})), image(1), within_s=-1)) == ["NO_TIME"]


async def test_a_workshop_that_is_broken_shows_nothing() -> None:
    """And nothing worse."""
    looking = Viewer(Gallery({"p1": LARGE}).fetcher(), Workshop(command=("no-such-program",)))
    assert sizes(await seen(looking, image(1))) == ["UNREADABLE"]


async def sheet(viewer: Viewer, *images: ImageDetails, side: int = 512) -> ContactSheet:
    """A contact sheet of these images."""
    return await viewer.contact_sheet(images, side=side, within_s=40)


async def test_a_contact_sheet_shows_what_can_be_shown() -> None:
    """A box stands for each of the others, and each says why."""
    made = await sheet(viewer(Gallery({"p1": LARGE, "p3": bomb()})), image(1), image(2), image(3))
    assert made.picture is not None
    assert max(opened(made.picture.content).size) <= 512
    assert made.not_shown == (None, NotShown.NOT_FETCHED, NotShown.UNREADABLE)


async def test_a_contact_sheet_of_nothing_is_none() -> None:
    """Boxes alone are nothing to look at."""
    made = await sheet(viewer(Gallery({})), image(1), image(2, preview=None, thumbnail=None))
    assert made == ContactSheet(None, (NotShown.NOT_FETCHED, NotShown.NO_PREVIEW))
    assert await sheet(viewer(Gallery({}))) == ContactSheet(None, ())


async def test_a_contact_sheet_that_cannot_be_made_is_an_error() -> None:
    """It says what works instead."""
    looking = Viewer(Gallery({"p1": LARGE}).fetcher(), Workshop(command=("no-such-program",)))
    with pytest.raises(FetchError, match="Call view_images without contact_sheet") as caught:
        await sheet(looking, image(1))
    assert caught.value.reason is Reason.NOT_FETCHED


async def test_a_contact_sheet_needs_pillow() -> None:
    """The words to install it are told before anything is fetched."""
    gallery = Gallery({"p1": LARGE})
    with pytest.raises(ArgumentsError, match="needs Pillow, which is missing"):
        await sheet(plain(gallery), image(1))
    assert gallery.asked == []


@pytest.mark.parametrize("side", [64, 1024])
async def test_where_fetching_is_off_nothing_is_shown(side: int) -> None:
    """The operator's switch; the reason can be read by a program."""
    blind = Viewer(Fetcher(is_on=False), Workshop())
    for looking in (seen(blind, image(1), side=side), sheet(blind, image(1))):
        with pytest.raises(FetchError) as caught:
            await looking
        assert caught.value.reason is Reason.FETCH_OFF


async def test_without_pillow_a_small_preview_is_shown_as_it_is() -> None:
    """Byte for byte: nothing can be made smaller."""
    jpeg = file_of(halves((900, 600)), "JPEG")
    views = await seen(plain(Gallery({"p1": LARGE, "p2": jpeg})), image(1), image(2))
    assert views == [
        Picture(LARGE, "image/png", 900, 600),
        Picture(jpeg, "image/jpeg", 900, 600),
    ]


@pytest.mark.parametrize(
    "preview", [WIDE, file_of(halves((90, 60)), "WEBP"), file_of(halves((90, 60)), "GIF")]
)
async def test_without_pillow_the_thumbnail_stands_in_for_what_is_too_large(
    preview: bytes,
) -> None:
    """Or of a kind that not every model takes."""
    gallery = Gallery({"p1": preview, "t1": SMALL, "p2": preview})
    views = await seen(plain(gallery), image(1), image(2), image(3, preview=None, thumbnail="p1"))
    assert sizes(views) == [(200, 133), "NO_ROOM", "NO_ROOM"]


@pytest.mark.parametrize(
    "content", [LARGE[:-20], LARGE[:20], file_of(halves((90, 60)), "JPEG")[:-30]]
)
async def test_without_pillow_half_a_file_is_not_passed_on(content: bytes) -> None:
    """A model's service that cannot read a picture may end the whole conversation."""
    assert sizes(await seen(plain(Gallery({"p1": content})), image(1))) == ["UNREADABLE"]


async def test_without_pillow_each_picture_has_its_share_of_the_room() -> None:
    """What is larger gives way to its thumbnail; the call stays within what a host takes."""
    noisy = file_of(noise((500, 500)), "JPEG", quality=60)
    assert MOST_BYTES_SHOWN / 12 < len(noisy) < MOST_BYTES_SHOWN / 4
    served = {f"p{n}": noisy for n in range(12)} | {f"t{n}": SMALL for n in range(12)}
    four = await seen(plain(Gallery(served)), *map(image, range(4)))
    twelve = await seen(plain(Gallery(served)), *map(image, range(12)))
    assert sizes(four) == [(500, 500)] * 4
    assert set(sizes(twelve)) == {(500, 500), (200, 133)}
    pictures = [one for one in twelve if isinstance(one, Picture)]
    assert sum(len(one.content) for one in pictures) <= MOST_BYTES_SHOWN


async def test_without_pillow_nothing_larger_than_its_share_is_shown() -> None:
    """Not even as a thumbnail."""
    huge = file_of(noise((600, 600)))
    assert len(huge) > MOST_BYTES_SHOWN
    gallery = Gallery({"p1": huge, "t1": huge, "p2": SMALL})
    assert sizes(await seen(plain(gallery), image(1), image(2))) == ["NO_ROOM", (200, 133)]
