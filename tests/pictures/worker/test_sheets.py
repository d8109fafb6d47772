"""The contact sheet: where pictures and labels stand on it."""

import itertools

import pytest
from PIL import Image, ImageChops

from fw_mcp.pictures.worker.imaging import Layout, contact_sheet
from tests.pictures.painted import BLUE, RED, halves, is_like
from tests.support.products import covering

PAPER = (250, 250, 247)


@pytest.mark.parametrize(
    ("cells", "columns"),
    [(1, 1), (2, 2), (3, 2), (4, 2), (5, 3), (6, 3), (8, 3), (9, 3), (10, 4), (12, 4), (50, 8)],
)
def test_a_sheet_is_a_little_wider_than_high(cells: int, columns: int) -> None:
    """Twelve are four by three."""
    assert Layout.of(cells, 1024).columns == columns


@pytest.mark.parametrize(
    ("cells", "side", "shape"),
    covering(range(1, 13), (64, 200, 1024), ((3, 2), (2, 3), (1, 1), (9, 1))),
)
def test_a_sheet_is_never_larger_than_asked(cells: int, side: int, shape: tuple[int, int]) -> None:
    """Whatever the pictures' shapes, or where one is missing."""
    layout = Layout.of(cells, side)
    image = Image.new("RGB", (layout.box * shape[0], layout.box * shape[1]), RED)
    image.thumbnail((layout.box, layout.box))
    sheet = contact_sheet(
        layout, [*[image] * (cells - 1), None], [f"{n}  52cf3e11" for n in range(cells)]
    )
    assert max(sheet.size) <= side


def test_pictures_stand_side_by_side_over_their_labels() -> None:
    """Even margins, each picture whole, and something written under it."""
    layout = Layout.of(4, 512)
    image = halves((layout.box, layout.box // 2))
    sheet = contact_sheet(layout, [image] * 4, ["1  aaaa", "2  bbbb", "3  cccc", "4  dddd"])
    below = image.height + layout.label + layout.margin
    for left, top in itertools.product((0, layout.step), (0, below)):
        x, y = layout.margin + left, layout.margin + top
        assert is_like(sheet.getpixel((x + 4, y + 4)), RED)
        assert is_like(sheet.getpixel((x + image.width - 4, y + image.height - 4)), BLUE)
        assert sheet.getpixel((x - 4, y)) == PAPER
        foot = y + image.height
        assert _written(sheet.crop((x, foot + 2, x + layout.box, foot + layout.label)))


def test_a_portrait_and_a_landscape_stand_on_one_line() -> None:
    """A label is right under its picture."""
    layout = Layout.of(2, 512)
    wide = Image.new("RGB", (layout.box, layout.box // 2), RED)
    tall = Image.new("RGB", (layout.box // 2, layout.box), BLUE)
    sheet = contact_sheet(layout, [wide, tall], ["", ""])
    foot = layout.margin + layout.box - 2
    assert is_like(sheet.getpixel((layout.margin + layout.box // 2, foot)), RED)
    assert is_like(sheet.getpixel((layout.margin + layout.step + layout.box // 2, foot)), BLUE)
    assert sheet.getpixel((layout.margin + 4, layout.margin + 4)) == PAPER


def test_a_missing_picture_leaves_a_box_that_says_so() -> None:
    """An empty place would be taken for the end."""
    layout = Layout.of(2, 512)
    sheet = contact_sheet(layout, [Image.new("RGB", (layout.box, layout.box), RED), None], ["", ""])
    left = layout.margin + layout.step
    box = sheet.crop((left, layout.margin + layout.box // 3 + 1, left + layout.box, layout.box))
    assert box.getpixel((4, 4)) not in {PAPER, RED}
    assert _written(box)


@pytest.mark.parametrize(
    "label", ["", "1  52cf3e11", "W" * 400, "Düne — 沙丘 \u202e", "\x00\n\x1b"]
)
def test_any_label_is_cut_to_its_cell(label: str) -> None:
    """It neither runs into the next one nor stops the sheet."""
    layout = Layout.of(2, 512)
    white = Image.new("RGB", (layout.box, layout.box), (255, 255, 255))
    sheet = contact_sheet(layout, [white, white], [label, ""])
    under = layout.margin + layout.box + 2
    right = sheet.crop((layout.margin + layout.step, under, sheet.width, sheet.height))
    assert not _written(right)


def _written(image: Image.Image) -> bool:
    """Whether there is anything on an even ground."""
    ground = Image.new("RGB", image.size, image.getpixel((0, 0)))
    return ImageChops.difference(image, ground).getbbox() is not None
