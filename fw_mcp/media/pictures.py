"""Pictures decoded, made smaller and compared. Only the child process may import it."""

import io
import struct
import warnings
import zlib
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

# Without the plugin of a named format, all the others would be imported in search of it.
from PIL import Image, ImageOps, WebPImagePlugin  # noqa: F401  registers itself

MOST_PIXELS = 50_000_000

_FORMATS = ("JPEG", "PNG", "WEBP", "GIF")
_QUALITIES = (88, 75, 60, 45)
_SMALLER = 0.75
_WHITE = (255, 255, 255)
_ACROSS, _DOWN = 9, 8
_COMPARED_SIDE = 128
# Of 255 shades of grey: pictures without any contrast would all be like each other.
_LEAST_CONTRAST = 8
# What the decoders of these formats raise for content that is broken, a bomb, or too much.
_FAULTS = (
    ArithmeticError,
    EOFError,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
    LookupError,
    MemoryError,
    OSError,
    SyntaxError,
    TypeError,
    ValueError,
    struct.error,
    zlib.error,
)


class Jpeg(NamedTuple):
    """A picture made here."""

    content: bytes
    pix_w: int
    pix_h: int


def decoded(content: bytes | None, side: int) -> Image.Image | None:
    """A picture upright, on white, at most `side` pixels wide and high; None if it is none.

    Only its pixels are kept, no metadata. It is never enlarged.
    """
    if content is None:
        return None
    with suppress(*_FAULTS), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        return _upright(_opened(content, side), side)
    return None


def _opened(content: bytes, side: int) -> Image.Image:
    Image.MAX_IMAGE_PIXELS = MOST_PIXELS
    image = Image.open(io.BytesIO(content), formats=_FORMATS)
    image.draft("RGB", (side, side))
    image.load()
    return image


def _upright(image: Image.Image, side: int) -> Image.Image:
    if image.mode.startswith("I"):
        # Sixteen bits of grey, which a plain conversion would cut off instead of scaling.
        image = image.point(lambda value: value / 256).convert("L")
    small = image.convert("RGBA" if image.has_transparency_data else "RGB")
    small.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=3.0)
    with suppress(*_FAULTS):
        # In place, so that one whose EXIF is broken is turned as far as that can be read.
        ImageOps.exif_transpose(small, in_place=True)
    flat = Image.new("RGB", small.size, _WHITE)
    flat.paste(small, mask=small if small.mode == "RGBA" else None)
    return flat


def within(images: Sequence[Image.Image | None], most_bytes: int) -> list[Jpeg | None]:
    """The images as JPEG, as good as they all can be, in at most so many bytes together."""
    while True:
        for quality in _QUALITIES:
            jpegs = [None if image is None else _jpeg(image, quality) for image in images]
            if sum(len(jpeg.content) for jpeg in jpegs if jpeg) <= most_bytes:
                return jpegs
        if all(max(image.size) == 1 for image in images if image):
            return [None] * len(images)
        images = [image and _smaller(image) for image in images]


def _jpeg(image: Image.Image, quality: int) -> Jpeg:
    made = io.BytesIO()
    image.save(made, "JPEG", quality=quality)
    return Jpeg(made.getvalue(), *image.size)


def _smaller(image: Image.Image) -> Image.Image:
    width, height = (max(1, int(pixels * _SMALLER)) for pixels in image.size)
    return image.resize((width, height), Image.Resampling.LANCZOS)


def likeness(content: bytes | None) -> int | None:
    """64 bits that change little with size and compression: where brightness falls rightwards.

    None for what is no picture, and for one that is too plain to be told from others.
    """
    image = decoded(content, _COMPARED_SIDE)
    if image is None:
        return None
    spots = image.convert("L").resize((_ACROSS, _DOWN), Image.Resampling.BOX).tobytes()
    if max(spots) - min(spots) < _LEAST_CONTRAST:
        return None
    falls = (
        spots[row * _ACROSS + column] > spots[row * _ACROSS + column + 1]
        for row in range(_DOWN)
        for column in range(_ACROSS - 1)
    )
    return int("".join("01"[fall] for fall in falls), 2)
