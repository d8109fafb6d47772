import io
import struct
import zlib

import httpx
import pytest
from PIL import Image

from fw_mcp.sandbox import pictures
from fw_mcp.sandbox.app import create_app
from fw_mcp.sandbox.masters import Master, wanted
from fw_mcp.sandbox.scenes import SCENES
from fw_mcp.sandbox.series import SERIES, Series
from tests.sandbox.wire import SELECTION, UNKNOWN_GUID, added, calling, new_image, walked
from tests.support.products import exhaustive

pytestmark = pytest.mark.anyio


def size_of(png: bytes) -> tuple[int, int]:
    """Width and height out of a PNG, whose pixels must be all there."""
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", png[16:24])
    start = png.index(b"IDAT")
    (length,) = struct.unpack(">I", png[start - 4 : start])
    rows = zlib.decompress(png[start + 4 : start + 4 + length])
    assert len(rows) == (width + 1) * height
    colours = struct.unpack(">I", png[33:37])[0] // 3
    assert max(rows) < colours <= 256
    return width, height


async def test_every_thumbnail_of_a_series_is_a_png_of_200_by_200(
    studio: httpx.AsyncClient,
) -> None:
    """Served without keys, at the address in the answer."""
    images = {image["personal_gallery_title"]: image for image in await walked(studio)}
    async with calling(create_app(), {}) as stranger:
        for image in images.values():
            answer = await stranger.get(image["public_thumbnail_uri"])
            assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
            assert size_of(answer.content) == (200, 200)


async def test_a_preview_has_the_shape_of_its_image(studio: httpx.AsyncClient) -> None:
    """At most 1000 pixels on the long side, and never larger than the image."""
    images = {(image["pix_w"], image["pix_h"]): image for image in await walked(studio)}
    sizes = {
        size: size_of((await studio.get(image["public_preview_uri"])).content)
        for size, image in images.items()
    }
    assert sizes[6000, 4000] == (1000, 667)
    assert sizes[9000, 15000] == (600, 1000)
    assert sizes[640, 427] == (640, 427)


def test_a_sliver_still_has_a_pixel() -> None:
    """The short side is never rounded to nothing."""
    assert pictures.preview_size(100_000, 1) == (1000, 1)
    assert size_of(pictures.paint(UNKNOWN_GUID, (1000, 1))) == (1000, 1)


def test_every_subject_has_a_motif_of_its_own() -> None:
    """Whatever the series, and in whatever shape: no two pictures of a studio look alike."""
    subjects = [subject for series in SERIES for subject in series.subjects]
    assert sorted(SCENES) == sorted(subjects)
    for size in ((90, 60), (40, 90)):
        painted = {pictures.paint(UNKNOWN_GUID, size, subject=subject) for subject in subjects}
        assert len(painted) == len(subjects)
        assert {size_of(picture) for picture in painted} == {size}


async def test_a_picture_shows_what_its_title_says(studio: httpx.AsyncClient) -> None:
    """As the studio came: a new title leaves the picture as it is."""
    image = next(one for one in await walked(studio) if one["title"].startswith("Moonrise, "))
    answer = await studio.get(image["public_thumbnail_uri"])
    painted = pictures.paint(image["guid"], pictures.THUMBNAIL_SIZE, subject="Moonrise")
    assert answer.content == painted
    retitled = {"guid": image["guid"], "title": "Lily Pads"}
    answer = await studio.put("/v3/update_images", json={"images": [retitled]})
    assert answer.json()["status"]["success"] is True
    assert (await studio.get(image["public_thumbnail_uri"])).content == painted


@pytest.mark.parametrize("series", SERIES, ids=lambda series: series.title)
def test_a_picture_is_the_same_every_time(series: Series) -> None:
    """The guid decides the shapes and the light; without a subject it decides that, too."""
    painted = pictures.paint(UNKNOWN_GUID, (90, 60), series=series.title)
    assert pictures.paint(UNKNOWN_GUID, (90, 60), series=series.title) == painted
    assert pictures.paint(SELECTION, (90, 60), series=series.title) != painted


async def test_an_added_image_has_pictures_too(empty: httpx.AsyncClient) -> None:
    """Its own addresses point elsewhere; the sandbox paints it all the same."""
    image = (await added(empty, new_image()))[0]
    answer = await empty.get(f"/pictures/{image['guid']}/preview")
    assert size_of(answer.content) == (1000, 667)


async def test_a_picture_may_be_kept_and_asked_for_again(studio: httpx.AsyncClient) -> None:
    """Its ETag earns a 304 without a body."""
    uri = (await walked(studio))[0]["public_thumbnail_uri"]
    etag = (await studio.get(uri)).headers["etag"]
    again = await studio.get(uri, headers={"If-None-Match": etag})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", etag)
    assert "max-age" in again.headers["cache-control"]


@pytest.mark.parametrize("guid", ["", UNKNOWN_GUID])
@pytest.mark.parametrize("size", ["thumbnail", "preview", "hires", "original"])
async def test_there_are_no_other_pictures(studio: httpx.AsyncClient, guid: str, size: str) -> None:
    """No other sizes, none of unknown images."""
    known = (await walked(studio))[0]["guid"]
    path = f"/pictures/{guid or known}/{size}"
    status_code = (await studio.get(path)).status_code
    served = not guid and size in {"thumbnail", "preview", "hires"}
    assert status_code == (200 if served else 404)


# print masters


@pytest.mark.parametrize(
    "size", [(320, 240), (427, 640), pytest.param((6000, 4000), marks=exhaustive)]
)
def test_a_print_master_is_a_picture_of_its_pixels_and_bytes(size: tuple[int, int]) -> None:
    """Judged by an imaging library; padded to the size on record."""
    master = Master(*size, file_size=size[0] * size[1])
    whole = b"".join(master.pieces())
    with Image.open(io.BytesIO(whole)) as picture:
        picture.load()
        assert (picture.format, picture.size) == ("JPEG", size)
    assert len(whole) == master.file_size
    assert b"".join(master.pieces(10, 70_000)) == whole[10:70_000]


async def test_a_part_of_a_print_master_is_served(studio: httpx.AsyncClient) -> None:
    """With the size of the whole; without its body where only the head is asked for."""
    image = (await walked(studio))[0]
    address, size = image["private_hires_uri"], image["file_size"]
    part = await studio.get(address, headers={"Range": "bytes=0-99"})
    assert (part.status_code, len(part.content)) == (206, 100)
    assert part.headers["content-range"] == f"bytes 0-99/{size}"
    last = await studio.get(address, headers={"Range": f"bytes={size - 5}-"})
    assert (last.status_code, last.content) == (206, bytes(5))
    head = await studio.head(address)
    assert (head.status_code, head.headers["content-length"]) == (200, str(size))


@pytest.mark.parametrize("given", ["", "bytes=-5", "bytes=5-1", "lines=1-2", "bytes=0-1,5-6", "x"])
def test_a_range_that_is_none_asks_for_all(given: str) -> None:
    """As HTTP has it."""
    assert wanted(given, 1_000) is None
