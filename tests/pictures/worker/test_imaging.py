"""Decoding, making smaller and comparing: what the child process does with strangers' files."""

from itertools import combinations

import pytest
from PIL import Image

from fw_mcp.pictures.worker.imaging import likeness, loaded, within
from tests.pictures.headers import tiff
from tests.pictures.painted import (
    BLUE,
    GREEN,
    ORIENTATION,
    RED,
    bomb,
    file_of,
    halves,
    is_like,
    noise,
    opened,
    turned,
    with_exif,
)

WHITE = (255, 255, 255)


def shown(content: bytes, side: int = 1024) -> Image.Image:
    """A picture that can be decoded."""
    image = loaded(content, side)
    assert image is not None
    return image


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF"])
def test_four_formats_are_decoded(kind: str) -> None:
    """What the service serves as previews, and what sellers register."""
    image = shown(file_of(halves((60, 40)), kind))
    assert (image.mode, image.size) == ("RGB", (60, 40))
    assert is_like(image.getpixel((5, 20)), RED)
    assert is_like(image.getpixel((55, 20)), BLUE)


@pytest.mark.parametrize("kind", ["TIFF", "BMP", "PPM", "PDF", "ICNS"])
def test_every_other_format_is_no_picture(kind: str) -> None:
    """Fewer decoders are fewer ways in."""
    assert loaded(file_of(Image.new("RGB", (64, 64), RED), kind), 1024) is None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff\xd8\xff",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"GIF89a is what this text claims to be, and nothing more",
        b"\x89PNG\r\n\x1a\n" + bytes(100),
        b"RIFF\x10\0\0\0WEBPVP8 " + bytes(20),
        bomb(),
        bomb(8_000),
    ],
)
def test_what_is_broken_too_large_or_something_else_is_no_picture(content: bytes) -> None:
    """It costs itself, and no error gets out."""
    assert loaded(content, 1024) is None


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF"])
def test_half_a_file_is_no_picture(kind: str) -> None:
    """A grey half would be taken for the work."""
    content = file_of(noise((200, 200)), kind)
    assert loaded(content[: len(content) // 2], 1024) is None


def test_a_picture_is_made_smaller_and_never_larger() -> None:
    """The longest side counts."""
    wide, small = file_of(halves((3000, 1000)), "JPEG"), file_of(halves((30, 10)))
    assert shown(wide, 600).size == (600, 200)
    assert shown(small, 600).size == (30, 10)
    assert shown(file_of(Image.new("RGB", (4000, 1))), 64).size == (64, 1)


@pytest.mark.parametrize(
    ("orientation", "size", "red_at"),
    [
        (1, (60, 40), (5, 20)),
        (2, (60, 40), (55, 20)),
        (3, (60, 40), (55, 20)),
        (4, (60, 40), (5, 20)),
        (5, (40, 60), (20, 5)),
        (6, (40, 60), (20, 5)),
        (7, (40, 60), (20, 55)),
        (8, (40, 60), (20, 55)),
    ],
)
def test_a_picture_is_turned_upright(
    orientation: int, size: tuple[int, int], red_at: tuple[int, int]
) -> None:
    """As every viewer shows it, whichever way the camera was held."""
    image = shown(turned(halves((60, 40)), orientation))
    assert image.size == size
    assert is_like(image.getpixel(red_at), RED)


@pytest.mark.parametrize(
    ("exif", "size"),
    [
        (b"no EXIF at all", (60, 40)),
        (b"II*\0\xff\xff\xff\x7f", (60, 40)),
        (b"II*\0\x08\0\0\0\x01\0", (60, 40)),
        (tiff({ORIENTATION: (3, 1, 6), 0x8769: (4, 1, 2**31)}), (40, 60)),
        (tiff({ORIENTATION: (3, 1, 6), 0x9C9B: (1, 2**31, 8)}), (40, 60)),
    ],
)
def test_a_picture_is_shown_though_its_exif_is_broken(exif: bytes, size: tuple[int, int]) -> None:
    """Other people's programs write it; it is turned as far as that can be read."""
    image = shown(with_exif(exif))
    assert image.size == size
    assert is_like(image.getpixel((5, 5)), RED)


def test_no_metadata_gets_through() -> None:
    """Where a picture was taken, and with what, is nobody's business."""
    exif = Image.Exif()
    exif[0x010F], exif[ORIENTATION] = "A camera with a number", 6
    content = file_of(halves((60, 40)), "JPEG", exif=exif, comment=b"a comment", icc_profile=b"p")
    (jpeg,) = within([shown(content)], 100_000)
    assert jpeg is not None
    assert [word for word in (b"camera", b"comment", b"Exif", b"ICC") if word in jpeg.content] == []


@pytest.mark.parametrize(("mode", "kind"), [("RGBA", "PNG"), ("LA", "PNG"), ("RGBA", "GIF")])
def test_what_is_transparent_is_white(mode: str, kind: str) -> None:
    """Black would change the work."""
    clear = Image.new("RGBA", (40, 40), (0, 0, 0, 0)).convert(mode)
    assert shown(file_of(clear, kind)).getpixel((20, 20)) == WHITE


@pytest.mark.parametrize(
    ("image", "kind"),
    [
        (Image.new("L", (40, 40), 128), "PNG"),
        (Image.new("RGB", (40, 40), (128,) * 3), "PNG"),
        (Image.new("RGB", (40, 40), (128,) * 3).quantize(), "PNG"),
        (Image.new("CMYK", (40, 40), (127, 127, 127, 0)), "JPEG"),
        (Image.new("I;16", (40, 40), 128 * 257), "PNG"),
    ],
    ids=["grey", "colours", "palette", "inks", "sixteen bits"],
)
def test_every_way_to_store_colours_is_read(image: Image.Image, kind: str) -> None:
    """Middle grey is middle grey."""
    assert is_like(shown(file_of(image, kind)).getpixel((20, 20)), (128, 128, 128))


def test_pictures_keep_within_their_bytes_together() -> None:
    """All of the same quality; one that is missing takes nothing."""
    images = [noise((300, 300), seed) for seed in range(4)]
    jpegs = within([images[0], None, *images[1:]], 60_000)
    assert [jpeg is None for jpeg in jpegs] == [False, True, False, False, False]
    made = [jpeg for jpeg in jpegs if jpeg]
    assert 40_000 < sum(len(jpeg.content) for jpeg in made) <= 60_000
    assert [opened(jpeg.content).size for jpeg in made] == [(one.pix_w, one.pix_h) for one in made]


def test_good_quality_is_kept_where_there_is_room() -> None:
    """Nothing is made worse without need."""
    (jpeg,) = within([halves((500, 300))], 100_000)
    assert jpeg is not None
    assert (jpeg.pix_w, jpeg.pix_h) == (500, 300)
    assert is_like(opened(jpeg.content).getpixel((10, 10)), RED)


def test_where_no_picture_fits_there_is_none() -> None:
    """It ends, whatever it is asked."""
    assert within([noise((300, 100)), None], 10) == [None, None]
    assert within([None], 0) == [None]


def spots(*shades: int) -> bytes:
    """A picture of nine columns, from left to right."""
    image = Image.new("L", (90, 80))
    for column, shade in enumerate(shades):
        image.paste(shade, (column * 10, 0, column * 10 + 10, 80))
    return file_of(image)


def test_a_likeness_says_where_brightness_falls() -> None:
    """Eight comparisons in each of eight rows; one bit each."""
    assert likeness(spots(0, 30, 60, 90, 120, 150, 180, 210, 240)) == 0
    assert likeness(spots(240, 210, 180, 150, 120, 90, 60, 30, 0)) == 2**64 - 1
    assert likeness(spots(0, 0, 0, 200, 0, 0, 0, 0, 0)) == int("00010000" * 8, 2)


def test_copies_are_alike_and_other_pictures_are_not() -> None:
    """Another size, format or quality changes few bits; another picture about half."""
    first, other = (noise((9, 8), seed).resize((900, 800)) for seed in (1, 2))
    copies = [
        file_of(first),
        file_of(first, "JPEG", quality=40),
        file_of(first.resize((200, 178)), "WEBP"),
        file_of(first.convert("L"), "GIF"),
    ]
    hashes = [likeness(content) or 0 for content in copies]
    assert max((a ^ b).bit_count() for a, b in combinations(hashes, 2)) <= 4
    assert (hashes[0] ^ (likeness(file_of(other)) or 0)).bit_count() > 16


@pytest.mark.parametrize("content", [None, b"", b"text", bomb(), file_of(Image.new("L", (9, 9)))])
def test_what_cannot_be_compared_has_no_likeness(content: bytes | None) -> None:
    """All empty pictures would be doubles of each other."""
    assert likeness(content) is None


def test_colours_alone_are_no_contrast() -> None:
    """Only brightness is compared."""
    grey = tuple(sum(GREEN) // 3 for _ in range(3))
    assert likeness(file_of(Image.new("RGB", (50, 50), grey))) is None
