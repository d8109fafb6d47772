"""Which images look alike, as far as their thumbnails tell."""

import anyio
import httpx
import pytest

from fw_mcp.errors import ArgumentsError, FetchError, Reason
from fw_mcp.pictures.fetch.fetcher import Fetcher
from fw_mcp.pictures.similarity import Likenesses
from fw_mcp.pictures.view import Viewer
from fw_mcp.pictures.worker.pool import Workshop
from tests.pictures.gallery import ORIGIN, Gallery, image
from tests.pictures.painted import bomb, file_of, noise
from tests.support.studio import Clock

pytestmark = pytest.mark.anyio


def painting(seed: int, size: tuple[int, int] = (200, 133), kind: str = "PNG") -> bytes:
    """A picture that looks like itself in any size."""
    return file_of(noise((9, 8), seed).resize(size), kind)


def likenesses(gallery: Gallery, clock: Clock) -> Likenesses:
    """What compares the thumbnails of a gallery."""
    return Likenesses(Viewer(gallery.fetcher(), Workshop()), clock=clock)


async def test_copies_look_alike_and_others_do_not() -> None:
    """Only the thumbnails are fetched."""
    copy = painting(1, (150, 100), "JPEG")
    gallery, clock = Gallery({"t1": painting(1), "t2": copy, "t3": painting(3)}), Clock()
    bits = await likenesses(gallery, clock).of([*map(image, (1, 2, 3))], until=clock() + 60)
    first, second, third = (bits[image(n).guid] for n in (1, 2, 3))
    assert (first ^ second).bit_count() <= 4
    assert (first ^ third).bit_count() > 16
    assert sorted(gallery.asked) == ["t1", "t2", "t3"]


async def test_what_could_not_be_compared_is_left_out() -> None:
    """No thumbnail, none that can be fetched, none that is a picture."""
    gallery, clock = Gallery({"t1": painting(1), "t2": b"text", "t3": bomb(), "t5": 404}), Clock()
    images = [*map(image, (1, 2, 3, 5)), image(4, thumbnail=None)]
    bits = await likenesses(gallery, clock).of(images, until=clock() + 60)
    assert set(bits) == {image(1).guid}


async def test_a_thumbnail_that_is_none_by_its_size_is_not_compared() -> None:
    """A hundred are held at a time: files of the usual limit would take half a gigabyte."""
    files = {"t1": painting(1) + bytes(600_000), "t2": painting(2)}
    gallery, clock = Gallery(files), Clock()
    bits = await likenesses(gallery, clock).of([*map(image, (1, 2))], until=clock() + 60)
    assert set(bits) == {image(2).guid}


async def test_what_was_tried_in_vain_comes_last_the_next_time() -> None:
    """Else a hundred pictures that nobody serves would hold up all the others in each call."""
    gallery, clock = Gallery({f"t{n}": 404 for n in range(100)} | {"t100": painting(1)}), Clock()
    images, comparing = [*map(image, range(101))], likenesses(gallery, clock)
    await comparing.of(images[:100], until=clock() + 60)
    gallery.asked.clear()
    assert set(await comparing.of(images, until=clock() + 60)) == {images[100].guid}
    assert gallery.asked[0] == "t100"


async def test_many_are_compared_in_several_jobs_and_each_is_fetched_once() -> None:
    """120 thumbnails; asked again, nothing is fetched but what changed."""
    files = {f"t{n}": painting(n % 7, (40, 30)) for n in range(120)}
    gallery, clock = Gallery({**files, "new": painting(99)}), Clock()
    images, comparing = [*map(image, range(120))], likenesses(gallery, clock)
    first = await comparing.of(images, until=clock() + 60)
    assert (len(first), len(set(first.values())), len(gallery.asked)) == (120, 7, 120)
    gallery.asked.clear()
    images[5] = image(5, thumbnail="new")
    again = await comparing.of(images, until=clock() + 60)
    assert gallery.asked == ["new"]
    assert {guid for guid in first if first[guid] != again[guid]} == {images[5].guid}


async def test_it_stops_in_time_and_goes_on_when_asked_again() -> None:
    """What is known until then is told, and kept."""
    stuck = anyio.Event()

    async def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/t60":
            await stuck.wait()
        return httpx.Response(200, content=painting(1))

    fetcher = Fetcher(inside={ORIGIN: lambda: httpx.MockTransport(answer)})
    comparing = Likenesses(Viewer(fetcher, Workshop()))
    images = [*map(image, range(61))]
    known = await comparing.of(images[:60], until=anyio.current_time() + 60)
    assert len(known) == 60
    assert await comparing.of(images, until=anyio.current_time() + 2.2) == known
    stuck.set()
    assert len(await comparing.of(images, until=anyio.current_time() + 60)) == 61


async def test_without_time_nothing_is_compared() -> None:
    """The time was over before it began."""
    gallery, clock = Gallery({"t1": painting(1)}), Clock()
    assert await likenesses(gallery, clock).of([image(1)], until=clock() - 1) == {}


async def test_what_is_known_does_not_grow_without_end() -> None:
    """The oldest goes first."""
    gallery, clock = Gallery({f"t{n}": painting(n) for n in range(4)}), Clock()
    viewer = Viewer(gallery.fetcher(), Workshop())
    comparing = Likenesses(viewer, clock=clock, most_known=2)
    for number in range(3):
        await comparing.of([image(number)], until=clock() + 60)
    gallery.asked.clear()
    for number in (1, 2, 0):
        await comparing.of([image(number)], until=clock() + 60)
    assert gallery.asked == ["t0"]


async def test_comparing_needs_pillow() -> None:
    """It says how to get it, before anything is fetched."""
    gallery, clock = Gallery({"t1": painting(1)}), Clock()
    comparing = Likenesses(Viewer(gallery.fetcher(), Workshop(available=False)), clock=clock)
    with pytest.raises(ArgumentsError, match=r"^Finding similar images needs Pillow"):
        comparing.check()
    with pytest.raises(ArgumentsError):
        await comparing.of([image(1)], until=clock() + 60)
    assert gallery.asked == []


async def test_where_fetching_is_off_nothing_is_compared() -> None:
    """The operator's switch."""
    comparing = Likenesses(Viewer(Fetcher(is_on=False), Workshop()))
    with pytest.raises(FetchError) as caught:
        await comparing.of([image(1)], until=0)
    assert caught.value.reason is Reason.FETCH_OFF
