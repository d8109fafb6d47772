"""Headers of pictures: what they say is what is displayed, and no header does harm."""

import io
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from fw_mcp.pictures.formats import Facts, UnreadablePicture, facts_of, is_html, picture_type
from tests.pictures.headers import ORIENTATION, WIDTH, box, displayed, heic, picture, sides, tiff

TYPES = {
    "JPEG": "image/jpeg",
    "PNG": "image/png",
    "TIFF": "image/tiff",
    "WEBP": "image/webp",
    "GIF": "image/gif",
    "AVIF": "image/avif",
}
TURNED = ("JPEG", "PNG", "TIFF", "WEBP")
NO_PICTURES = {
    "nothing": b"",
    "a byte": b"\xff",
    "text": b"fog.jpg",
    "HTML": b"<!doctype html><title>Sign in</title>",
    "SVG": b'<svg xmlns="http://www.w3.org/2000/svg" width="60" height="40"/>',
    "XML bomb": b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "bb">]><svg width="&b;"/>',
    "BMP": b"BM" + bytes(16) + struct.pack("<ll", 60, 40) + bytes(40),
    "netpbm": b"P6 60 40 255 ",
    "PSD": b"8BPS\0\1" + bytes(6) + struct.pack(">HLL", 3, 40, 60),
    "PDF": b"%PDF-1.7\n",
    "MP4": box(b"ftyp", b"isom\0\0\0\0isomavc1") + bytes(100),
    "video that mentions a brand": box(b"ftyp", b"isom\0\0\0\0") + b"heic" * 20,
    "a wave": b"RIFF\0\0\0\0WAVEfmt " + bytes(40),
}
BROKEN = {
    "JPEG without a frame": b"\xff\xd8\xff\xd9",
    "JPEG of an impossible segment": b"\xff\xd8\xff\xe0\0\1" + bytes(100),
    "PNG of width 0": picture("PNG")[:16] + struct.pack(">LL", 0, 20) + picture("PNG")[24:],
    "PNG too wide": picture("PNG")[:16] + struct.pack(">LL", 2**31, 20) + picture("PNG")[24:],
    "PNG without a picture": picture("PNG")[:33],
    "PNG of another first chunk": picture("PNG").replace(b"IHDR", b"CgBI"),
    "GIF of height 0": b"GIF89a" + struct.pack("<HH", 60, 0) + bytes(20),
    "WebP of an unknown kind": b"RIFF\0\0\0\0WEBPVP9 " + bytes(40),
    "TIFF of a directory beyond its end": tiff(sides(60, 40))[:4] + b"\xff\xff\xff\x7f" + bytes(20),
    "BigTIFF of a directory beyond all": b"II+\0\x08\0\0\0" + b"\xff" * 8 + bytes(20),
    "TIFF without a height": tiff({WIDTH: (4, 1, 60)}),
    "TIFF with a fraction for a width": tiff({**sides(60, 40), WIDTH: (5, 1, 60)}),
    "TIFF with two widths": tiff({**sides(60, 40), WIDTH: (3, 2, 60)}),
    "TIFF of too many entries": b"II*\0\x08\0\0\0\xff\xff" + bytes(12 * 65_535),
    "HEIC of nothing": box(b"ftyp", b"heic\0\0\0\0") + bytes(100),
    "HEIC of a box beyond its end": box(b"ftyp", b"heic\0\0\0\0") + b"\xff\xff\xff\xffmeta",
    "HEIC of width 0": heic(0, 40),
    "HEIC without a picture of its own": heic(60, 40).replace(
        b"pitm\0\0\0\0\0\x08", b"pitm" + bytes(6)
    ),
    "Canon's raw": tiff(sides(60, 40), at=16)[:8] + b"CR\2\0" + tiff(sides(60, 40), at=16)[12:],
    "Nikon's raw": tiff({254: (4, 1, 1), **sides(160, 120)}),
    "Adobe's raw": tiff({**sides(60, 40), 50706: (1, 4, 1)}),
}


class Counted(io.BytesIO):
    """A file that counts how often it is read, and how much at most."""

    reads = 0
    longest = 0

    def read(self, size: int | None = -1, /) -> bytes:
        """Read, and count."""
        self.reads += 1
        content = super().read(size)
        self.longest = max(self.longest, len(content))
        return content


def read(content: bytes) -> Facts | None:
    """What the header says; None when it is refused."""
    file = Counted(content)
    try:
        facts = facts_of(file)
    except UnreadablePicture:
        return None
    finally:
        assert file.reads <= 20_000
        assert file.longest <= 65_536
    assert min(facts.pix_w, facts.pix_h) > 0
    assert max(facts.pix_w, facts.pix_h) < 2**31
    assert 1 <= facts.exif_orientation <= 8
    return facts


@pytest.mark.parametrize("format_", TYPES)
@pytest.mark.parametrize("size", [(30, 20), (1, 1), (300, 7), (1000, 2000)])
def test_a_picture_is_told_by_its_header(format_: str, size: tuple[int, int]) -> None:
    """Format and pixels, as the writer knows them."""
    content = picture(format_, size)
    assert facts_of(io.BytesIO(content)) == Facts(format_, *size, 1)
    assert picture_type(content) == TYPES[format_]


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format_", TURNED)
def test_pixels_are_those_that_are_displayed(format_: str, orientation: int) -> None:
    """A camera held upright writes a wide picture and says that it is to be turned."""
    content = picture(format_, (30, 20), orientation)
    facts = facts_of(io.BytesIO(content))
    assert (facts.pix_w, facts.pix_h) == displayed(content)
    assert (facts.exif_orientation, facts.stored) == (orientation, (30, 20))


JPEG = picture("JPEG", (30, 20), 6)
TABLES = JPEG.index(b"\xff\xdb")


@pytest.mark.parametrize(
    "content",
    [
        JPEG[:2] + b"\xff" * 7 + JPEG[2:],
        JPEG[:TABLES] + b"junk" + JPEG[TABLES:],
        JPEG[:TABLES] + b"\xff\xd0" + JPEG[TABLES:],
        JPEG[:TABLES] + (b"\xff\xed\xff\xff" + bytes(65_533)) * 3 + JPEG[TABLES:],
        JPEG[:TABLES] + b"\xff\xe1\0\x0aExif\0\0\xff\xe1\0\x08http://" + JPEG[TABLES:],
    ],
    ids=["filling", "junk", "a bare marker", "long segments", "other segments of EXIF's kind"],
)
def test_a_jpeg_is_read_whatever_stands_before_its_frame(content: bytes) -> None:
    """Cameras and editors leave much there."""
    assert facts_of(io.BytesIO(content)) == Facts("JPEG", 20, 30, 6)
    assert displayed(content) == (20, 30)


@pytest.mark.parametrize("mode", ["L", "CMYK"])
@pytest.mark.parametrize("progressive", [False, True])
def test_every_kind_of_jpeg_has_its_frame(mode: str, progressive: bool) -> None:
    """Grey, for the press, and in several scans."""
    file = io.BytesIO()
    Image.new(mode, (640, 480)).save(file, "JPEG", progressive=progressive)
    assert facts_of(file) == Facts("JPEG", 640, 480, 1)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_an_avif_is_turned_by_itself_and_not_by_exif(orientation: int) -> None:
    """The turning is part of the format there; EXIF beside it counts for nothing."""
    content = picture("AVIF", (30, 20), orientation)
    facts = facts_of(io.BytesIO(content))
    assert (facts.pix_w, facts.pix_h) == displayed(content)
    assert facts.exif_orientation == 1


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize(("turns", "size"), [(0, (60, 40)), (1, (40, 60)), (2, (60, 40))])
def test_a_heic_is_turned_by_itself(turns: int, size: tuple[int, int], wide: bool) -> None:
    """As telephones write them; the preview beside the picture is not it."""
    content = heic(60, 40, turns=turns, wide=wide)
    assert facts_of(io.BytesIO(content)) == Facts("HEIC", *size, 1)


def moved(whole: bytes, mdat: bytes) -> bytes:
    """An ISO picture with its pixels, or as many bytes, before what describes them."""
    begins = whole.index(b"meta") - 4
    ends = begins + int.from_bytes(whole[begins : begins + 4])
    return whole[:begins] + mdat + whole[begins:ends]


LARGE_BOX = struct.pack(">L4sQ", 1, b"mdat", 16 + 200_000) + bytes(200_000)


@pytest.mark.parametrize(
    "before",
    [box(b"mdat", bytes(600_000)), LARGE_BOX, box(b"free", b"") * 3],
    ids=["mdat", "large", "free"],
)
@pytest.mark.parametrize("turns", [0, 1])
def test_a_heic_may_be_described_behind_its_pixels(before: bytes, turns: int) -> None:
    """As Samsung's telephones write it; boxes are passed over by their sizes."""
    size = (40, 60) if turns else (60, 40)
    content = heic(60, 40, turns=turns, before=before)
    assert facts_of(io.BytesIO(content)) == Facts("HEIC", *size, 1)


@pytest.mark.parametrize("orientation", [1, 6])
def test_an_avif_may_be_described_behind_its_pixels(orientation: int) -> None:
    """The same as before it, which Pillow has judged."""
    whole = picture("AVIF", (30, 20), orientation)
    facts = facts_of(io.BytesIO(moved(whole, box(b"mdat", bytes(100_000)))))
    assert (facts.format, facts.displayed) == ("AVIF", displayed(whole))


@pytest.mark.parametrize(
    ("codec", "expected"),
    [
        (b"hvcC", Facts("HEIC", 60, 40, 1)),
        (b"av1C", Facts("AVIF", 60, 40, 1)),
        (b"avcC", None),
        (b"j2kH", None),
    ],
)
def test_a_picture_of_no_codec_by_its_brand_is_told_by_its_properties(
    codec: bytes, expected: Facts | None
) -> None:
    """Some programs write `mif1` alone; what is inside may be of any kind."""
    content = heic(60, 40, brands=b"mif1\0\0\0\0mif1", more=box(codec, bytes(23)))
    assert read(content) == expected


def test_an_avif_that_says_only_mif1_is_as_pillow_shows_it() -> None:
    """The brand is all that differs."""
    whole = picture("AVIF", (30, 20))
    ends = int.from_bytes(whole[:4])
    plain = b"mif1\0\0\0\0mif1".ljust(ends - 8, b"\0")
    assert facts_of(io.BytesIO(box(b"ftyp", plain) + whole[ends:])) == Facts("AVIF", 30, 20, 1)


def test_a_profile_of_colours_may_be_longer_than_a_piece() -> None:
    """What stands behind it is read all the same."""
    profile = box(b"colr", b"prof" + bytes(300_000))
    content = heic(60, 40, turns=1, beside=box(b"idat", bytes(100_000)), more=profile)
    assert facts_of(io.BytesIO(content)) == Facts("HEIC", 40, 60, 1)


def test_of_a_heic_that_is_cropped_what_is_displayed_counts() -> None:
    """As libheif shows it, before it is turned."""
    crop = box(b"clap", struct.pack(">8L", 50, 1, 30, 1, 0, 1, 0, 1))
    assert facts_of(io.BytesIO(heic(60, 40, more=crop))) == Facts("HEIC", 50, 30, 1)
    assert facts_of(io.BytesIO(heic(60, 40, more=crop, turns=3))) == Facts("HEIC", 30, 50, 1)


@pytest.mark.parametrize("kind", [1, 3, 4, 8, 9])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("format_", TURNED)
def test_an_orientation_of_any_kind_of_number_turns_as_pillow_does(
    format_: str, order: str, kind: int
) -> None:
    """Writers take shorts, longs, and those with a sign; a byte is none."""
    turning = {ORIENTATION: (kind, 1, 6)}
    file = io.BytesIO()
    if format_ == "TIFF":
        file.write(tiff({**sides(30, 20), **turning}, order=order))
    else:
        exif = b"Exif\0\0" + tiff(turning, order=order)
        Image.new("RGB", (30, 20)).save(file, format_, exif=exif)
        assert displayed(file.getvalue()) == ((30, 20) if kind == 1 else (20, 30))
    assert facts_of(file).displayed == ((30, 20) if kind == 1 else (20, 30))


@pytest.mark.parametrize("orientation", [0, 9, 65_535])
def test_an_orientation_that_does_not_exist_turns_nothing(orientation: int) -> None:
    """The picture is as large as it says all the same."""
    content = tiff({**sides(60, 40), ORIENTATION: (3, 1, orientation)})
    assert facts_of(io.BytesIO(content)) == Facts("TIFF", 60, 40, 1)


@pytest.mark.parametrize("kind", [3, 4, 16])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("big", [False, True])
def test_every_kind_of_tiff_is_read(kind: int, order: str, big: bool) -> None:
    """Either byte order, small or large; only the large kind has numbers of eight bytes."""
    content = tiff(sides(60_000, 40_000, kind), order=order, big=big)
    actual = read(content)
    assert actual == (Facts("TIFF", 60_000, 40_000, 1) if big or kind != 16 else None)


def test_a_lossless_or_plain_webp_is_read_too() -> None:
    """The wish for enlarging in a plain one's highest bits is no part of its size."""
    lossy = bytearray(picture("WEBP", (30, 20)))
    assert lossy[12:16] == b"VP8 "
    lossy[27] |= 0xC0
    assert facts_of(io.BytesIO(bytes(lossy))) == Facts("WEBP", 30, 20, 1)
    wide = b"RIFF\0\0\0\0WEBPVP8X" + struct.pack("<L4B", 10, 0, 0, 0, 0) + b"\x6f\x11\1\xff\xff\xff"
    assert facts_of(io.BytesIO(wide)) == Facts("WEBP", 70_000, 1 << 24, 1)
    head = b"RIFF\0\0\0\0WEBPVP8L\0\0\0\0\x2f" + struct.pack("<L", 29 | 19 << 14)
    assert facts_of(io.BytesIO(head + bytes(30))) == Facts("WEBP", 30, 20, 1)


@pytest.mark.parametrize("prefix", [b"", b"Exif\0\0"])
def test_the_exif_of_a_webp_may_begin_as_that_of_a_jpeg(prefix: bytes) -> None:
    """Some writers copy it whole."""
    exif = prefix + tiff({ORIENTATION: (3, 1, 6)})
    flagged = b"VP8X" + struct.pack("<L4B", 10, 8, 0, 0, 0) + b"\x1d\0\0" + b"\x13\0\0"
    image = b"VP8 " + struct.pack("<L", 5) + bytes(6)
    content = b"RIFF\0\0\0\0WEBP" + flagged + image + b"EXIF" + struct.pack("<L", len(exif)) + exif
    assert facts_of(io.BytesIO(content)) == Facts("WEBP", 20, 30, 6)
    without = content[: content.index(b"EXIF")]
    assert facts_of(io.BytesIO(without)) == Facts("WEBP", 30, 20, 1)


def test_a_broken_exif_turns_nothing() -> None:
    """The picture is still one."""
    whole = picture("PNG", (30, 20), 6)
    broken = whole.replace(b"eXIfMM", b"eXIf??").replace(b"eXIfII", b"eXIf??")
    assert whole != broken
    assert facts_of(io.BytesIO(broken)) == Facts("PNG", 30, 20, 1)


def test_a_gif_may_be_as_wide_as_its_format_allows() -> None:
    """Its sides are without sign."""
    content = b"GIF87a" + struct.pack("<HH", 65_535, 40_000) + bytes(20)
    assert facts_of(io.BytesIO(content)) == Facts("GIF", 65_535, 40_000, 1)


@pytest.mark.parametrize("name", NO_PICTURES)
def test_what_is_no_picture_for_print_is_refused_by_its_first_bytes(name: str) -> None:
    """SVG above all: it is no print master, and reading XML of strangers can end a process."""
    assert picture_type(NO_PICTURES[name]) is None
    assert read(NO_PICTURES[name]) is None


@pytest.mark.parametrize("name", BROKEN)
def test_a_picture_whose_header_cannot_be_is_refused(name: str) -> None:
    """One error for all of them, whatever a library beneath raises."""
    assert picture_type(BROKEN[name]) is not None
    assert read(BROKEN[name]) is None


def test_the_refusal_names_the_formats() -> None:
    """A seller reads what to give instead."""
    with pytest.raises(UnreadablePicture) as refused:
        facts_of(io.BytesIO(b"%PDF"))
    assert str(refused.value) == (
        "It is not a readable picture: JPEG, PNG, TIFF, WebP, GIF, HEIC or AVIF."
    )


def test_a_heic_that_names_thousands_of_millions_of_places_is_read_at_once() -> None:
    """A box of 60 KB would otherwise be worked on for an hour, and fill the memory."""
    items = b"".join(struct.pack(">HHH", item, 0, 65_535) for item in range(10_000))
    bomb = box(b"iloc", struct.pack(">LBBH", 0, 0, 0, 10_000) + items)
    assert facts_of(io.BytesIO(heic(60, 40, beside=bomb))) == Facts("HEIC", 60, 40, 1)


@pytest.mark.parametrize(
    "content",
    [
        b"\xff\xd8\xff\xe0\0\2" + bytes(3_000_000),
        b"\xff\xd8" + b"\xff\xe0\0\2" * 500_000,
        b"\x89PNG\r\n\x1a\n" + b"\0\0\0\0abcd\0\0\0\0" * 200_000,
        b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\x08" + bytes(9) + b"abcd\0\0\0\0" * 200_000,
        box(b"ftyp", b"heic\0\0\0\0") + box(b"free", b"") * 400_000,
    ],
    ids=["no marker", "markers", "PNG chunks", "WebP chunks", "boxes"],
)
def test_a_header_without_end_is_given_up(content: bytes) -> None:
    """Reads are counted: a file of a gigabyte costs no more than a small one."""
    assert read(content) is None


@given(st.sampled_from([picture(name, (30, 20), 6) for name in TYPES]), st.data())
def test_a_header_that_was_cut_off_or_altered_is_read_or_refused(
    whole: bytes, data: st.DataObject
) -> None:
    """Nothing else is raised, and what is read can be."""
    content = bytearray(whole[: data.draw(st.integers(0, len(whole)))])
    places = st.integers(0, max(len(content) - 1, 0))
    for place, value in data.draw(st.dictionaries(places, st.integers(0, 255))).items():
        content[place : place + 1] = bytes([value])
    read(bytes(content))


@given(
    st.sampled_from(
        [picture(name)[:length] for name in TYPES for length in (4, 12, 30)]
        + [heic(6, 4)[:length] for length in (24, 36, 60)]
        + [b"II+\0", b"MM\0+", b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08"]
    ),
    st.binary(max_size=400),
)
def test_any_bytes_behind_a_true_beginning_are_read_or_refused(start: bytes, rest: bytes) -> None:
    """Promise: a header of strangers neither hangs nor crashes the server."""
    read(start + rest)


@given(st.binary(max_size=200))
def test_any_bytes_have_a_type_or_none(content: bytes) -> None:
    """What has no type is not read further."""
    if picture_type(content) is None:
        assert read(content) is None


@pytest.mark.parametrize(
    ("content", "is_page"),
    [
        (b"<!DOCTYPE html><html>", True),
        (b"\xef\xbb\xbf \r\n<HTML lang=en>", True),
        (b"<?xml version='1.0'?>\n<!DOCTYPE html PUBLIC", True),
        (b"<!-- Sign in --><html>", True),
        (b"<head><title>", True),
        (b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", False),
        (b"<svg xmlns='http://www.w3.org/2000/svg'>", False),
        (b"\xff\xd8\xff\xe1<html>", False),
        (b"", False),
    ],
)
def test_a_web_page_is_known_by_its_beginning(content: bytes, is_page: bool) -> None:
    """Not by words inside a picture."""
    assert is_html(content) is is_page
