"""Pictures of the sandbox's images, painted from their guid and written as PNG.

A picture is painted column by column, because a column of a landscape is a handful of runs, and is
turned into rows by slicing with a stride: both happen inside ``bytes``, so a preview takes
milliseconds without an imaging library.
"""

import math
import random
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from fw_mcp.sandbox.series import SERIES, Colour, Look

THUMBNAIL_SIZE = (200, 200)
PREVIEW_SIDE = 1000

_SKY_SHADES = 128
_LAYER_SHADES = 12
_LOOKS = {series.title: series.look for series in SERIES}


def preview_size(pix_w: int, pix_h: int) -> tuple[int, int]:
    """The size in pixels of a preview: the image's own shape, never enlarged."""
    scale = min(1.0, PREVIEW_SIDE / max(pix_w, pix_h))
    return max(1, round(pix_w * scale)), max(1, round(pix_h * scale))


def paint(guid: str, size: tuple[int, int], *, series: str | None = None) -> bytes:
    """A PNG of an image.

    Args:
        guid: decides the shapes.
        size: width and height in pixels.
        series: decides the colours; without a known one the guid does.
    """
    rng = random.Random(guid)  # noqa: S311  the same picture every time is the point
    look = _LOOKS.get(series or "") or rng.choice(SERIES).look
    width, height = size
    columns = b"".join(_columns(rng, look, width, height))
    rows = b"".join(b"\0" + columns[row::height] for row in range(height))
    return _png(size, _palette(look), rows)


def _columns(rng: random.Random, look: Look, width: int, height: int) -> Iterator[bytes]:
    """Every column from left to right, as indexes into the palette."""
    sky = bytes(_SKY_SHADES * y // height for y in range(height))
    fills = [_layer_fill(layer, height) for layer in range(look.layers)]
    edges = [_edge(rng, look, layer, width, height) for layer in range(look.layers)]
    disc = _disc(rng, look, width, height)
    for x, edge in enumerate(zip(*edges, strict=True)):
        tops = [min(edge[layer:]) for layer in range(look.layers)]
        ground = (f[a:b] for f, (a, b) in zip(fills, pairwise([*tops, height]), strict=True))
        yield disc.over(x, sky)[: tops[0]] + b"".join(ground)


def _layer_fill(layer: int, height: int) -> bytes:
    first = _SKY_SHADES + 1 + layer * _LAYER_SHADES
    return bytes(first + _LAYER_SHADES * y // height for y in range(height))


def _edge(rng: random.Random, look: Look, layer: int, width: int, height: int) -> list[int]:
    """How far from the top a layer begins, for every column."""
    middle = height * (0.35 + 0.6 * (layer + rng.uniform(0.2, 0.8)) / look.layers)
    swell = height * 0.16 / math.sqrt(look.layers)
    waves = [
        (swell * (0.5 + look.roughness) / n ** (1.6 - look.roughness), n * rng.uniform(0.8, 1.6),
         rng.uniform(0, math.tau))
        for n in (1, 2, 5, 11)
    ]  # fmt: skip
    step = math.tau / width
    return [
        min(
            height, max(0, round(middle + sum(a * math.sin(f * x * step + p) for a, f, p in waves)))
        )
        for x in range(width)
    ]


@dataclass(frozen=True)
class _Disc:
    """A sun or a moon in the background."""

    x: int
    y: int
    radius: int

    def over(self, column: int, sky: bytes) -> bytes:
        """A column of sky with the part of the disc that falls into it."""
        across = column - self.x
        if abs(across) >= self.radius:
            return sky
        half = round(math.sqrt(self.radius**2 - across**2))
        top, bottom = max(0, self.y - half), min(len(sky), self.y + half)
        return sky[:top] + bytes([_SKY_SHADES]) * (bottom - top) + sky[bottom:]


def _disc(rng: random.Random, look: Look, width: int, height: int) -> _Disc:
    x, y = round(width * rng.uniform(0.2, 0.8)), round(height * rng.uniform(0.18, 0.36))
    return _Disc(x, y, round(min(width, height) * rng.uniform(0.05, 0.11)) if look.sun else 0)


def _palette(look: Look) -> bytes:
    """The sky's shades, the disc's colour, then each layer's shades."""
    colours = [*_shades(*look.sky, _SKY_SHADES), look.sun or look.sky[1]]
    grounds = list(_shades(*look.ground, look.layers))
    for colour in grounds:
        colours += _shades(colour, _darker(colour), _LAYER_SHADES)
    return b"".join(bytes(colour) for colour in colours)


def _shades(first: Colour, last: Colour, count: int) -> Iterator[Colour]:
    for step in range(count):
        share = step / max(1, count - 1)
        red, green, blue = (round(a + (b - a) * share) for a, b in zip(first, last, strict=True))
        yield red, green, blue


def _darker(colour: Colour) -> Colour:
    red, green, blue = colour
    return red * 2 // 3, green * 2 // 3, blue * 2 // 3


def _png(size: tuple[int, int], palette: bytes, rows: bytes) -> bytes:
    header = struct.pack(">IIBBBBB", *size, 8, 3, 0, 0, 0)
    parts = (
        (b"IHDR", header),
        (b"PLTE", palette),
        (b"IDAT", zlib.compress(rows, 1)),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, content) for name, content in parts)


def _chunk(name: bytes, content: bytes) -> bytes:
    checksum = struct.pack(">I", zlib.crc32(name + content))
    return struct.pack(">I", len(content)) + name + content + checksum
