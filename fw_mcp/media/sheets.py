"""The contact sheet: pictures in rows, each over its label. Only the child may import it."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont

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
