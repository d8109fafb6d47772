"""What a picture prints at: sizes as people write them, trimming, turning, rounding down."""

from fractions import Fraction
from math import floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fw_mcp.images.print_sizes import PrintSize, largest, largest_prints

PIXELS = st.integers(min_value=1, max_value=100_000)
SIDES = st.integers(min_value=1, max_value=1_000)


@pytest.mark.parametrize(
    "text",
    ["16x20", "16 X 20", "16\u00d720 in", '16" x 20"', "16\u2033 x 20\u2033", "16in x 20in",
     "16in x 20", " 16 by 20 inches ", "16*20 inch", "16,0 x 20.00"],
)  # fmt: skip
def test_a_size_in_inches_is_read_however_it_is_written(text: str) -> None:
    """A person, or a model, writes it as shops do."""
    assert PrintSize.parse(text) == PrintSize(16.0, 20.0)


@pytest.mark.parametrize("text", ["40x60 cm", "400 x 600 mm", "40 cm x 60 cm", "40,0x60,0cm"])
def test_a_metric_size_is_turned_into_inches(text: str) -> None:
    """2.54 cm are an inch."""
    size = PrintSize.parse(text)
    assert (round(size.width_in, 4), round(size.height_in, 4)) == (15.748, 23.622)


@pytest.mark.parametrize(
    "text",
    ["", "16", "16x", "x20", "-16x20", "16x20x2", "16x20 ft", "16cm x 20in", "40 cm x 60",
     "1e3x20", "nanxnan", "\u0661\u0666x20", "16x20; DROP", "16x20" + " " * 40],
)  # fmt: skip
def test_what_is_no_size_is_refused_in_words(text: str) -> None:
    """Nothing is guessed; the words show how it is written."""
    with pytest.raises(ValueError, match="is not a print size such as 16x20 in or 40x60 cm"):
        PrintSize.parse(text)


@pytest.mark.parametrize("text", ["0x20", "16x0", "1001x20", "20x1001"])
def test_a_size_that_no_print_has_is_refused(text: str) -> None:
    """No division by nothing, and no print as long as a street."""
    with pytest.raises(ValueError, match="each side may be up to 1,000 in"):
        PrintSize.parse(text)


@pytest.mark.parametrize(
    ("size", "pix_w", "pix_h", "ppi", "trimmed"),
    [
        ("16x20", 6000, 4000, 250, 17),
        ("20x16", 6000, 4000, 250, 17),
        ("16x20", 4000, 6000, 250, 17),
        ("20x30", 6000, 4000, 200, 0),
        ("20x30", 4500, 4500, 150, 33),
        ("8.3x11.7", 2490, 3510, 300, 0),
        ("16x20", 2400, 3000, 150, 0),
        ("16x20", 2399, 3000, 149, 0),
        ("8x10", 320, 240, 30, 6),
        ("10x10", 10_000, 100, 10, 99),
    ],
)
def test_a_print_is_filled_and_the_picture_turned_if_that_gives_more(
    size: str, pix_w: int, pix_h: int, ppi: int, trimmed: int
) -> None:
    """Promise: trim and rotation are considered."""
    asked = PrintSize.parse(size)
    assert (asked.ppi(pix_w, pix_h), asked.trimmed(pix_w, pix_h)) == (ppi, trimmed)


@given(SIDES, SIDES, PIXELS, PIXELS)
def test_pixels_an_inch_are_those_of_exact_arithmetic(
    width: int, height: int, pix_w: int, pix_h: int
) -> None:
    """Rounded down: 149.9 is not enough for 150."""
    upright = min(Fraction(pix_w, width), Fraction(pix_h, height))
    turned = min(Fraction(pix_w, height), Fraction(pix_h, width))
    size = PrintSize(float(width), float(height))
    assert size.ppi(pix_w, pix_h) == floor(max(upright, turned))
    used = max(upright, turned) ** 2 * width * height / (pix_w * pix_h)
    assert abs(size.trimmed(pix_w, pix_h) - 100 * (1 - used)) <= 0.51


@given(PIXELS, PIXELS, st.sampled_from([300, 200, 150]))
def test_the_largest_print_is_the_last_half_inch_that_the_pixels_reach(
    pix_w: int, pix_h: int, ppi: int
) -> None:
    """Rounded down, never up."""
    for pixels, inches in zip((pix_w, pix_h), largest(pix_w, pix_h, ppi), strict=True):
        assert inches * 2 == int(inches * 2)
        assert inches * ppi <= pixels < (inches + 0.5) * ppi


def test_the_largest_prints_are_told_for_three_qualities() -> None:
    """Promise: at 300, 200 and 150 pixels an inch."""
    assert largest_prints(6000, 4000) == {
        "300": "20x13 in",
        "200": "30x20 in",
        "150": "40x26.5 in",
    }


@pytest.mark.parametrize(
    ("pix_w", "pix_h", "prints"),
    [
        (100, 100, {"200": "0.5x0.5 in", "150": "0.5x0.5 in"}),
        (50, 9000, {}),
        (None, 4000, {}),
        (6000, 0, {}),
        (-6000, 4000, {}),
        (900_000_000, 300, {"300": "3000000x1 in", "200": "4500000x1.5 in", "150": "6000000x2 in"}),
    ],
)
def test_a_print_of_no_width_is_not_offered(
    pix_w: int | None, pix_h: int | None, prints: dict[str, str]
) -> None:
    """Neither of a tiny picture nor of one whose pixels nobody knows."""
    assert largest_prints(pix_w, pix_h) == prints


@pytest.mark.parametrize("text", ["1,000x2,000", "16x1,000 mm"])
def test_a_comma_before_three_digits_is_not_guessed_to_be_a_point(text: str) -> None:
    """Thousands would be read as a thousandth of what is meant."""
    with pytest.raises(ValueError, match="is not a print size such as"):
        PrintSize.parse(text)


@given(PIXELS, PIXELS, st.sampled_from([300, 200, 150]))
def test_the_largest_print_is_one_that_is_large_enough_by_its_own_measure(
    pix_w: int, pix_h: int, ppi: int
) -> None:
    """What one part of a row offers, the other does not take back."""
    width_in, height_in = largest(pix_w, pix_h, ppi)
    if min(width_in, height_in) > 0:
        assert PrintSize(width_in, height_in).ppi(pix_w, pix_h) >= ppi
