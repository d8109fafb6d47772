"""Pictures decoded, made smaller, compared and laid out. Only the child process may import it."""

import io
import math
import re
import struct
import warnings
import zlib
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple

from PIL import Image, ImageDraw, ImageFont, ImageOps, WebPImagePlugin  # noqa: F401  registers itself

# Without the plugin of a named format, all the others would be imported in search of it.

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


def loaded(content: bytes | None, side: int) -> Image.Image | None:
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
    image = loaded(content, _COMPARED_SIDE)
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


_PAPER = (250, 250, 247)
_INK = (64, 64, 60)
_EDGE = (216, 216, 210)
_EMPTY = (238, 238, 233)
_FAINT = (140, 140, 134)
_LONGEST_LABEL = 40
_NOT_SHOWN = "not shown"


@dataclass(frozen=True, slots=True)
class Layout:
    """Where things go; all in pixels.

    Attributes:
        columns: cells in a row.
        box: width, and most height, of a picture.
        margin: around each cell.
        letters: the size of the labels' letters.
    """

    columns: int
    box: int
    margin: int
    letters: int

    @classmethod
    def of(cls, cells: int, side: int) -> "Layout":
        """The layout of so many cells on a sheet of at most `side` by `side`: twelve are 4 by 3."""
        columns = max(1, round(math.sqrt(cells * 4 / 3)))
        rows = math.ceil(cells / columns)
        margin, letters = max(2, side // 56), max(6, side // 64)
        wide = (side - (columns + 1) * margin) // columns
        high = (side - (rows + 1) * margin) // rows - 2 * letters
        return cls(columns, max(1, min(wide, high)), margin, letters)

    @property
    def label(self) -> int:
        """The height of a label's line."""
        return 2 * self.letters

    @property
    def step(self) -> int:
        """From one cell to the next in its row."""
        return self.box + self.margin


def contact_sheet(
    layout: Layout, images: Sequence[Image.Image | None], labels: Sequence[str]
) -> Image.Image:
    """The images in rows, each over its label; an empty box stands for one that is missing."""
    cells = [
        (image or _empty_box(layout), label) for image, label in zip(images, labels, strict=True)
    ]
    rows = [cells[first : first + layout.columns] for first in range(0, len(cells), layout.columns)]
    heights = [max(image.height for image, _ in row) for row in rows]
    width = layout.columns * layout.step + layout.margin
    height = sum(heights) + len(rows) * (layout.label + layout.margin) + layout.margin
    sheet, top = Image.new("RGB", (width, height), _PAPER), layout.margin
    for row, high in zip(rows, heights, strict=True):
        for column, (image, label) in enumerate(row):
            middle = layout.margin + column * layout.step + layout.box // 2
            _set(sheet, (middle, top + high), image)
            _write(sheet, layout, (middle, top + high + layout.label), label)
        top += high + layout.label + layout.margin
    return sheet


def _set(sheet: Image.Image, foot: tuple[int, int], image: Image.Image) -> None:
    """Stand an image in the middle over `foot`, with an edge that tells a white one from paper."""
    left, top = foot[0] - image.width // 2, foot[1] - image.height
    sheet.paste(image, (left, top))
    edge = (left - 1, top - 1, left + image.width, top + image.height)
    ImageDraw.Draw(sheet).rectangle(edge, outline=_EDGE)


def _write(sheet: Image.Image, layout: Layout, foot: tuple[int, int], label: str) -> None:
    """Write as much of a label as is as wide as a picture, in the middle over `foot`."""
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(layout.letters)
    text = re.sub("[^ -~]", "?", label[:_LONGEST_LABEL])
    while draw.textlength(text, font) > layout.box:
        text = text[:-1]
    x, y = foot
    draw.text((x, y - layout.letters // 2), text, _INK, font, anchor="ms")


def _empty_box(layout: Layout) -> Image.Image:
    width, height = layout.box, max(1, layout.box * 2 // 3)
    box = Image.new("RGB", (width, height), _EMPTY)
    draw, font = ImageDraw.Draw(box), ImageFont.load_default(layout.letters)
    if draw.textlength(_NOT_SHOWN, font) < width:
        draw.text((width // 2, height // 2), _NOT_SHOWN, _FAINT, font, anchor="mm")
    return box
