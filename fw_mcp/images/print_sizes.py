"""What a picture would print at; computed from its pixels, and said by nobody else."""

import math
import re
from dataclasses import dataclass
from typing import Self

from fw_mcp.text import quoted

PPI_LEVELS = (300, 200, 150)
_LONGEST_IN = 1_000
_LONGEST_TEXT = 40
_STEPS_AN_INCH = 2
_INCHES = {"in": 1.0, "cm": 1 / 2.54, "mm": 1 / 25.4}
_UNIT = r"(in|inch|inches|[\"\u2033\u201d]|cm|mm)"
# No three digits after a comma: they may be thousands.
_SIDE = rf"([0-9]{{1,4}}(?:\.[0-9]{{1,3}}|,[0-9]{{1,2}})?)\s*{_UNIT}?"
_SIZE = rf"\s*{_SIDE}\s*(?:x|\u00d7|by|\*)\s*{_SIDE}\s*"
# Division leaves 300 pixels an inch a hair below 300.
_HAIR = 1e-9


@dataclass(frozen=True, slots=True)
class PrintSize:
    """A print, filled edge to edge; either side may lie along either side of a picture."""

    width_in: float
    height_in: float

    @classmethod
    def parse(cls, text: str) -> Self:
        """The size that a person wrote, such as `16x20`, `16 by 20 in` or `40x60 cm`.

        Args:
            text: two sides in inches unless it says cm or mm.

        Raises:
            ValueError: it is no size, or a side is not above 0 and at most 1,000 inches.
        """
        match = re.fullmatch(_SIZE, text, re.IGNORECASE) if len(text) <= _LONGEST_TEXT else None
        if match is None or (match[2] and _unit(match[2]) != _unit(match[4])):
            raise ValueError(f"{quoted(text, 40)} is not a print size such as 16x20 in or 40x60 cm")
        inches = _INCHES[_unit(match[4])]
        sides = [_number(match[side]) * inches for side in (1, 3)]
        if not all(0 < side <= _LONGEST_IN for side in sides):
            raise ValueError(
                f"{quoted(text, 40)} is not a valid print size; each side may be up to 1,000 in"
            )
        return cls(*sides)

    def ppi(self, pix_w: int, pix_h: int) -> int:
        """Pixels an inch of the print, rounded down.

        The picture covers the whole print, what hangs over is trimmed, and it is turned if that
        gives more.

        Args:
            pix_w: width of the picture, pixels, above 0.
            pix_h: its height.
        """
        return math.floor(self._ppi(pix_w, pix_h) + _HAIR)

    def trimmed(self, pix_w: int, pix_h: int) -> int:
        """Per cent of the picture that hang over the print; args as for `ppi`."""
        used = self.width_in * self.height_in * self._ppi(pix_w, pix_h) ** 2
        return round(100 * (1 - used / (pix_w * pix_h)))

    def _ppi(self, pix_w: int, pix_h: int) -> float:
        upright = min(pix_w / self.width_in, pix_h / self.height_in)
        turned = min(pix_w / self.height_in, pix_h / self.width_in)
        return max(upright, turned)


def largest(pix_w: int, pix_h: int, ppi: int) -> tuple[float, float]:
    """Width and height in inches of the largest untrimmed print, rounded down to half an inch.

    Args:
        pix_w: width of the picture, pixels.
        pix_h: its height.
        ppi: pixels that an inch of the print must have.
    """
    return _stepped(pix_w, ppi), _stepped(pix_h, ppi)


def largest_prints(pix_w: int | None, pix_h: int | None) -> dict[str, str]:
    """Pixels an inch → the largest print, such as `{"300": "20x13 in"}`.

    Args:
        pix_w: width of the picture, pixels; None or 0 when it is not known.
        pix_h: its height.

    Returns:
        an entry for 300, 200 and 150; without those at which a side is under half an inch.
    """
    if not pix_w or not pix_h:
        return {}
    sizes = {ppi: largest(pix_w, pix_h, ppi) for ppi in PPI_LEVELS}
    return {
        str(ppi): f"{_short(width_in)}x{_short(height_in)} in"
        for ppi, (width_in, height_in) in sizes.items()
        if min(width_in, height_in) > 0
    }


def _stepped(pixels: int, ppi: int) -> float:
    return pixels * _STEPS_AN_INCH // ppi / _STEPS_AN_INCH


def _short(inches: float) -> str:
    return f"{inches:.1f}".removesuffix(".0")


def _number(text: str) -> float:
    return float(text.replace(",", "."))


def _unit(text: str | None) -> str:
    unit = (text or "in").lower()
    return unit if unit in _INCHES else "in"
