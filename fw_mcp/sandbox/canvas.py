"""What the sandbox's pictures are painted on, and how it becomes a PNG.

A picture is painted column by column, because a column of one is a handful of runs, and is turned
into rows by slicing with a stride: both happen inside ``bytes``, so a preview takes milliseconds
without an imaging library.
"""

import math
import random
import struct
import zlib
from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise

Colour = int
"""0xRRGGBB."""
Fill = bytes
"""A colour for each place of a column, from the top to the bottom."""
Point = tuple[float, float]

_COLOURS = 256


class Canvas:
    """A picture in the making: indexes into a palette that grows with it.

    Lengths are shares of its width and height, 0 to 1; thicknesses are shares of the shorter side.

    Attributes:
        rng: what decides the shapes.
        width: in pixels.
        height: in pixels.
    """

    def __init__(
        self, rng: random.Random, size: tuple[int, int], *, light: Colour, share: float
    ) -> None:
        """Begin a picture.

        Args:
            rng: decides the shapes.
            size: width and height in pixels.
            light: is mixed into every color,
            share: by so much, 0 to 1.
        """
        self.rng = rng
        self.width, self.height = size
        self._side = min(size)
        self._light, self._share = light, share
        self._palette: list[tuple[int, ...]] = []
        self._pixels = bytearray(self.width * self.height)

    def flat(self, colour: Colour) -> Fill:
        """One colour."""
        return self.ramp(colour, colour, 1)

    def ramp(self, top: Colour, bottom: Colour, shades: int = 12) -> Fill:
        """One colour at the top of the picture that turns into another at its bottom."""
        first = min(len(self._palette), _COLOURS - shades)
        start, end = (
            _mixed(_parts(one), _parts(self._light), self._share) for one in (top, bottom)
        )
        steps = max(1, shades - 1)
        self._palette[first:] = [_mixed(start, end, step / steps) for step in range(shades)]
        return bytes(first + shades * y // self.height for y in range(self.height))

    def span(self, x: int, top: float, bottom: float, fill: Fill) -> None:
        """A part of one column, in pixels."""
        if not 0 <= x < self.width:
            return
        # Most pictures are some ten thousand of these.
        height = self.height
        first = int(top + 0.5) if top > 0 else 0
        end = int(bottom + 0.5) if bottom < height else height
        if first < end:
            start = x * height
            self._pixels[start + first : start + end] = fill[first:end]

    def cover(self, fill: Fill) -> None:
        """All of it."""
        self._pixels[:] = fill * self.width

    def below(self, edge: Sequence[float], fill: Fill) -> None:
        """All that is below an edge."""
        for x, top in enumerate(edge):
            self.span(x, top * self.height, self.height, fill)

    def edge(self, middle: float, swell: float, roughness: float) -> list[float]:
        """The upper edge of a ridge, a dune or a wave: 0 is smooth, 1 is broken."""
        waves = [
            (swell * (0.5 + roughness) / n ** (1.6 - roughness), n * self.rng.uniform(0.8, 1.6),
             self.rng.uniform(0, math.tau))
            for n in (1, 2, 5, 11)
        ]  # fmt: skip
        step = math.tau / self.width
        sin, heights = math.sin, [middle] * self.width
        for swing, often, phase in waves:
            turn = often * step
            heights = [y + swing * sin(turn * x + phase) for x, y in enumerate(heights)]
        return heights

    def disc(self, x: float, y: float, radius: float, fill: Fill, flatness: float = 1.0) -> None:
        """A disc, or lying flat an ellipse."""
        across, middle, up = x * self.width, y * self.height, radius * self._side
        for column in self._columns(across - up, across + up):
            half = math.sqrt(max(0.0, up**2 - (column - across) ** 2)) * flatness
            self.span(column, middle - half, middle + half, fill)

    def _columns(self, left: float, right: float) -> range:
        return range(max(0, math.floor(left)), min(self.width, math.ceil(right) + 1))

    def ring(self, x: float, y: float, radius: float, thickness: float, fill: Fill) -> None:
        """The outline of a disc."""
        across, middle, outer = x * self.width, y * self.height, radius * self._side
        inner = outer - max(1.0, thickness * self._side)
        for column in self._columns(across - outer, across + outer):
            far = (column - across) ** 2
            high = math.sqrt(max(0.0, outer**2 - far))
            low = math.sqrt(max(0.0, inner**2 - far))
            self.span(column, middle - high, middle - low, fill)
            self.span(column, middle + low, middle + high, fill)

    def box(self, left: float, top: float, right: float, bottom: float, fill: Fill) -> None:
        """A rectangle, at least one pixel wide and high."""
        first, upper = round(left * self.width), round(top * self.height)
        lower = max(upper + 1, round(bottom * self.height))
        for x in range(first, max(first + 1, round(right * self.width))):
            self.span(x, upper, lower, fill)

    def shape(self, points: Sequence[Point], fill: Fill) -> None:
        """A polygon."""
        corners = [(x * self.width, y * self.height) for x, y in points]
        sides = [*pairwise(corners), (corners[-1], corners[0])]
        crossings: defaultdict[int, list[float]] = defaultdict(list)
        for one, other in sides:
            (x1, y1), (x2, y2) = sorted((one, other))
            for column in range(max(0, round(x1)), min(self.width, round(x2))):
                crossings[column].append(y1 + (y2 - y1) * (column + 0.5 - x1) / (x2 - x1))
        for column, found in crossings.items():
            found.sort()
            for top, bottom in zip(found[::2], found[1::2], strict=False):
                self.span(column, top, bottom, fill)

    def line(self, start: Point, end: Point, thickness: float, fill: Fill) -> None:
        """A stroke."""
        (x1, y1), (x2, y2) = sorted((start, end))
        half = max(1.0, thickness * self._side) / 2
        wide, high = (x2 - x1) * self.width, (y2 - y1) * self.height
        length = math.hypot(wide, high) or 1.0
        across, up = half * high / length / self.width, half * wide / length / self.height
        self.shape(
            [(x1 - across, y1 + up), (x2 - across, y2 + up), (x2 + across, y2 - up),
             (x1 + across, y1 - up)],
            fill,
        )  # fmt: skip

    def mirror(self, horizon: float, water: Colour, share: float) -> None:
        """Still water below a horizon: what is above it, upside down and in its colour."""
        top = round(horizon * self.height)
        depth = min(top, self.height - top)
        known = len(self._palette)
        darker = [_mixed(one, _parts(water), share) for one in self._palette]
        self._palette += darker[: _COLOURS - known]
        table = bytes(min(one + known, _COLOURS - 1) if one < known else one for one in range(256))
        for start in range(0, len(self._pixels), self.height):
            above = self._pixels[start + top - depth : start + top]
            self._pixels[start + top : start + top + depth] = above[::-1].translate(table)
            end = self._pixels[start + top + depth - 1 : start + top + depth]
            self._pixels[start + top + depth : start + self.height] = end * (
                self.height - top - depth
            )

    def png(self) -> bytes:
        """What was painted, as a file."""
        pixels = bytes(self._pixels)
        rows = b"".join(b"\0" + pixels[row :: self.height] for row in range(self.height))
        header = struct.pack(">IIBBBBB", self.width, self.height, 8, 3, 0, 0, 0)
        parts = (
            (b"IHDR", header),
            (b"PLTE", b"".join(bytes(colour) for colour in self._palette)),
            (b"IDAT", zlib.compress(rows, 1)),
            (b"IEND", b""),
        )
        return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, content) for name, content in parts)


def _parts(colour: Colour) -> tuple[int, ...]:
    return tuple(colour.to_bytes(3, "big"))


def _mixed(one: Sequence[int], other: Sequence[int], share: float) -> tuple[int, ...]:
    return tuple(round(a + (b - a) * share) for a, b in zip(one, other, strict=True))


def _chunk(name: bytes, content: bytes) -> bytes:
    checksum = struct.pack(">I", zlib.crc32(name + content))
    return struct.pack(">I", len(content)) + name + content + checksum
