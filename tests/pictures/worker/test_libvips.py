"""Renditions: the colours, the turning and the size of what stands for a print master."""

import io
import json
import struct
from dataclasses import asdict, replace
from typing import Any

import pytest
import pyvips
from PIL import Image, ImageOps

from fw_mcp.pictures.masters import master_facts
from fw_mcp.pictures.worker.child import ANSWER, LENGTH
from fw_mcp.pictures.worker.rendering import work
from fw_mcp.pictures.worker.rendition import TOO_LARGE, UNREADABLE, Task
from tests.pictures.headers import ORIENTATION, tiff
from tests.pictures.painted import file_of, noise
from tests.pictures.printed import corners, middles, of_libvips, opened, saved
from tests.pictures.profiles import ADOBE_RGB, PROPHOTO, built_in, in_srgb, of_grey, of_rgb
from tests.support.products import covering, exhaustive, first_of

ADOBE, WIDE, GREY = of_rgb(ADOBE_RGB, 2.2), of_rgb(PROPHOTO, 1.8), of_grey(1.8)
LOSSLESS = {
    "TIFF": ("tif", {}),
    "TIFF LZW": ("tif", {"compression": "lzw", "predictor": "horizontal"}),
    "TIFF deflate": ("tif", {"compression": "deflate"}),
    "TIFF tiles": ("tif", {"tile": True, "compression": "deflate"}),
    "TIFF pyramid": ("tif", {"tile": True, "pyramid": True}),
    "BigTIFF": ("tif", {"bigtiff": True}),
    "PNG": ("png", {}),
    "PNG interlaced": ("png", {"interlace": True}),
    "WebP": ("webp", {"lossless": True}),
}


def answered(content: bytes, task: Task) -> tuple[dict[str, Any], bytes]:
    """The header and the rest of what the child would say."""
    sink = io.BytesIO()
    work(json.dumps(asdict(task)), io.BytesIO(content), sink)
    said = sink.getvalue()
    (length,) = LENGTH.unpack_from(said, len(ANSWER))
    start = len(ANSWER) + LENGTH.size
    return json.loads(said[start : start + length]), said[start + length :]


def made(content: bytes, side: int = 240, **other: Any) -> tuple[bytes, bytes]:  # noqa: ANN401  the task's own
    """Preview and thumbnail of a file."""
    task = Task.of(master_facts(io.BytesIO(content)), side)
    header, both = answered(content, replace(task, **other))
    preview, thumbnail = header["sizes"]
    assert len(both) == preview + thumbnail
    return both[:preview], both[preview:]


def refusal(content: bytes, **other: Any) -> str:  # noqa: ANN401  the task's own
    """Why there are none."""
    task = Task.of(master_facts(io.BytesIO(content)), 240)
    header, both = answered(content, replace(task, **other))
    assert both == b""
    return str(header["refused"])


def assert_alike(one: Image.Image, other: Image.Image, most: int = 7) -> None:
    """Both show the same colours, but for what JPEG does to them."""
    apart = [
        abs(a - b)
        for pixel, judged in zip(middles(one), middles(other), strict=True)
        for a, b in zip(pixel, judged, strict=True)
    ]
    assert max(apart) <= most, (middles(one), middles(other))


@pytest.mark.parametrize(
    ("kind", "options"), first_of(*LOSSLESS.values(), first=9, ids=LOSSLESS.keys())
)
def test_each_kind_of_file_shows_its_colours(kind: str, options: dict[str, Any]) -> None:
    """As preview and as thumbnail, both JPEG, in the proportions of the file."""
    preview, thumbnail = map(opened, made(saved(of_libvips(corners()), kind, **options)))
    assert (preview.format, preview.size, preview.mode) == ("JPEG", (240, 144), "RGB")
    assert (thumbnail.format, thumbnail.size, thumbnail.mode) == ("JPEG", (200, 120), "RGB")
    assert_alike(preview, corners())
    assert_alike(thumbnail, corners())


@pytest.mark.parametrize("side", first_of(60, 90, 239, 1600))
@pytest.mark.parametrize("options", first_of({}, {"interlace": True}, {"subsample_mode": "off"}))
def test_a_jpeg_is_the_same_from_whatever_size_it_is_made_smaller(
    side: int, options: dict[str, Any]
) -> None:
    """Its decoder may leave out most of the pixels."""
    preview, _ = made(saved(of_libvips(corners((997, 601))), "jpg", Q=95, **options), side)
    assert max(opened(preview).size) == min(side, 997)
    assert_alike(opened(preview), corners())


@exhaustive
@pytest.mark.parametrize("kind", ["webp", "avif"])
def test_what_loses_a_little_shows_its_colours_too(kind: str) -> None:
    """The formats of the web."""
    preview, _ = made(saved(of_libvips(corners()), kind, Q=90))
    assert_alike(opened(preview), corners(), most=12)


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("kind", ["tif", "png"])
@pytest.mark.parametrize(
    "profile",
    first_of(b"", ADOBE, WIDE, built_in("p3"), first=4, ids=("none", "Adobe", "ProPhoto", "P3")),
)
def test_whatever_the_profile_and_the_depth_the_colours_are_those_that_are_meant(
    profile: bytes, kind: str, deep: bool
) -> None:
    """Judged by another library; without a profile it is sRGB."""
    image = corners()
    preview, _ = made(saved(of_libvips(image, deep=deep, profile=profile), kind))
    assert_alike(opened(preview), in_srgb(image, profile) if profile else image)


@pytest.mark.parametrize("kind", first_of("tif", "jpg"))
@pytest.mark.parametrize("profile", [b"", built_in("cmyk")], ids=["none", "its own"])
def test_inks_become_colours(kind: str, profile: bytes) -> None:
    """Without a profile they are those of a usual press."""
    image = corners().convert("CMYK")
    preview, _ = made(saved(of_libvips(image, profile=profile), kind))
    assert_alike(opened(preview), in_srgb(image, built_in("cmyk")), most=9)


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("profile", [b"", GREY, ADOBE], ids=["none", "its own", "of colours"])
def test_greys_stay_grey(profile: bytes, deep: bool) -> None:
    """A profile that is not of greys counts as none."""
    image = corners(mode="L")
    preview, _ = made(saved(of_libvips(image, deep=deep, profile=profile), "tif"))
    judged = in_srgb(image, GREY) if profile == GREY else image.convert("RGB")
    assert_alike(opened(preview), judged)


@pytest.mark.parametrize(
    "broken", [ADOBE[:200] + bytes(200), ADOBE.replace(b"gTRC", b"gone")], ids=["cut", "no curve"]
)
def test_a_broken_profile_counts_as_none(broken: bytes) -> None:
    """A picture is not refused for it."""
    preview, _ = made(saved(of_libvips(corners(), profile=broken), "tif"))
    assert_alike(opened(preview), corners())


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("kind", first_of("png", "tif"))
def test_what_is_transparent_is_white(mode: str, deep: bool, kind: str) -> None:
    """And what is half so is half white."""
    image = corners(mode=mode)
    alpha = Image.new("L", (2, 2))
    alpha.putdata((0, 128, 255, 255))
    image.putalpha(alpha.resize(image.size, Image.Resampling.NEAREST))
    white = Image.new("RGBA", image.size, "white")
    judged = Image.alpha_composite(white, image.convert("RGBA")).convert("RGB")
    preview, _ = made(saved(of_libvips(image, deep=deep), kind))
    assert_alike(opened(preview), judged)


@pytest.mark.parametrize("mode", first_of("1", "P"))
@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_few_colours_are_as_good_as_many(mode: str, kind: str) -> None:
    """A bit a pixel, and a palette."""
    image = corners().convert(mode, dither=Image.Dither.NONE)
    preview, _ = made(file_of(image, kind))
    assert_alike(opened(preview), image.convert("RGB"))


def test_of_several_pages_the_first_one_is_shown() -> None:
    """As the header is read."""
    other = Image.new("RGB", (500, 300), "white")
    preview, _ = made(file_of(corners(), "TIFF", save_all=True, append_images=[other]))
    assert_alike(opened(preview), corners())


@pytest.mark.parametrize(
    ("kind", "orientation"), covering(["JPEG", "PNG", "TIFF", "WEBP"], range(1, 9))
)
def test_it_stands_upright(kind: str, orientation: int) -> None:
    """Each way in which a camera may have been held."""
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    content = file_of(corners(), kind, exif=exif, **({"quality": 95} if kind != "PNG" else {}))
    judged = ImageOps.exif_transpose(opened(content)).convert("RGB")
    preview, thumbnail = map(opened, made(content))
    assert (preview.size[0] > preview.size[1]) == (orientation < 5)
    assert_alike(preview, judged, most=12)
    assert_alike(thumbnail, judged, most=12)


def test_only_the_profile_is_kept_of_what_is_said_about_the_picture() -> None:
    """Where it was taken, by whom, and the small picture inside tell more than the seller means."""
    exif = Image.Exif()
    exif[0x013B] = "Somebody"
    xmp = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'>Somebody</x:xmpmeta>"
    image = of_libvips(corners(), profile=ADOBE)
    said = {
        "exif-data": exif.tobytes(),
        "jpeg-thumbnail-data": file_of(corners((60, 40)), "JPEG"),
        "iptc-data": xmp,
        "xmp-data": xmp,
    }
    for field, content in said.items():
        image.set_type(pyvips.GValue.blob_type, field, content)
    content = saved(image, "jpg")
    assert segments(content) >= {0xE1, 0xE2, 0xED}
    assert (content.count(b"Somebody"), content.count(b"\xff\xd8\xff")) == (3, 2)
    for rendition in made(content):
        assert segments(rendition) & set(range(0xE0, 0xFF)) <= {0xE0, 0xE2}
        assert (rendition.count(b"Somebody"), rendition.count(b"\xff\xd8\xff")) == (0, 1)
        assert opened(rendition).info["icc_profile"] == built_in("srgb")


def segments(jpeg: bytes) -> set[int]:
    """The markers before the pixels."""
    at, found = 2, set()
    while jpeg[at + 1] != 0xDA:
        found.add(jpeg[at + 1])
        at += 2 + struct.unpack_from(">H", jpeg, at + 2)[0]
    return found


@pytest.mark.parametrize("size", [(30, 20), (1, 1), (2000, 1), (1, 2000)])
def test_it_is_never_enlarged_and_never_nothing(size: tuple[int, int]) -> None:
    """Small pictures, and those of one line."""
    preview, thumbnail = map(opened, made(file_of(corners(size), "TIFF")))
    assert preview.size == tuple(max(1, round(side * min(1, 240 / max(size)))) for side in size)
    assert max(thumbnail.size) == min(200, max(size))


def one_tile(side: int = 256) -> bytes:
    """A TIFF of one tile that begins with its directory, so that what is cut off is pixels."""
    fields = {256: side, 257: side, 258: 8, 259: 1, 262: 1, 277: 1, 322: side, 323: side}
    fields |= {324: 8 + 2 + 12 * 10 + 4, 325: side * side}
    return tiff({tag: (4, 1, value) for tag, value in fields.items()}) + bytes(side * side)


CUT = {
    "JPEG": file_of(noise((200, 150)), "JPEG"),
    "progressive JPEG": file_of(noise((200, 150)), "JPEG", progressive=True),
    "PNG": file_of(noise((200, 150)), "PNG"),
    "WebP": file_of(noise((200, 150)), "WEBP"),
    "TIFF": file_of(noise((200, 150)), "TIFF"),
    "TIFF tile": one_tile(),
}


@pytest.mark.parametrize("content", CUT.values(), ids=CUT.keys())
@pytest.mark.parametrize("part", [0.5, 0.99])
def test_what_is_cut_off_is_refused(content: bytes, part: float) -> None:
    """A half of a picture is no picture; the whole of it is."""
    assert len(made(content)) == 2
    assert refusal(content[: int(len(content) * part)]) == UNREADABLE


def test_what_is_not_as_its_header_was_read_is_refused() -> None:
    """What is registered are the pixels that the header told."""
    assert refusal(CUT["PNG"], stored=(200, 151)) == UNREADABLE


@pytest.mark.parametrize("other", first_of("JPEG", "WEBP", "AVIF", "TIFF"))
def test_only_the_decoder_of_the_format_that_was_read_can_be_reached(other: str) -> None:
    """Whatever the file makes of itself."""
    assert refusal(CUT["PNG"], format=other) == UNREADABLE
    blocked = {"JPEG": "jpegload_buffer", "PNG": "pngload_buffer"}
    for name in blocked.values():
        with pytest.raises(pyvips.Error, match="blocked"):
            pyvips.Operation.call(name, CUT["PNG"])


LARGE = {
    "progressive JPEG": ("jpg", {"interlace": True, "subsample_mode": "off"}, 900 * 600 * 6),
    "progressive JPEG of fewer colours": ("jpg", {"interlace": True}, 900 * 600 * 3),
    "PNG interlaced": ("png", {"interlace": True}, 900 * 600 * 3 * 1.1),
    "WebP": ("webp", {}, 900 * 600 * 4),
    "AVIF": ("avif", {"effort": 0}, 900 * 600 * 15),
    "TIFF": ("tif", {}, 900 * 3 * 800),
    "TIFF tiles": ("tif", {"tile": True, "tile_width": 512, "tile_height": 512}, 900 * 3 * 1280),
    "baseline JPEG": ("jpg", {}, 900 * 3 * 800),
}


@pytest.mark.parametrize(("kind", "options", "held"), first_of(*LARGE.values(), ids=LARGE.keys()))
def test_what_would_take_too_much_memory_is_refused_before_it_is_decoded(
    kind: str, options: dict[str, Any], held: float
) -> None:
    """Formats that are not decoded line by line, lines without end, and rows of large tiles."""
    content = saved(of_libvips(corners((900, 600))), kind, **options)
    assert refusal(content, most_held=held - 1) == TOO_LARGE
    assert len(made(content, most_held=held)) == 2
