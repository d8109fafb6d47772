"""What the motifs of the sandbox's pictures are made of: skies, ridges, houses, flowers."""

import math
from collections.abc import Sequence

from fw_mcp.sandbox.canvas import Canvas, Colour, Fill, Point

DARK = 0x0B0D14
_OFTEN = 0.3


def between(one: Colour, other: Colour, share: float) -> Colour:
    """A color on the way from one to another."""
    pairs = zip(one.to_bytes(3, "big"), other.to_bytes(3, "big"), strict=True)
    return int.from_bytes(bytes(round(a + (b - a) * share) for a, b in pairs), "big")


def sky(on: Canvas, top: Colour, bottom: Colour) -> None:
    """A background."""
    on.cover(on.ramp(top, bottom, 64))


def sun(on: Canvas, colour: Colour, radius: float = 0.09, y: float = 0.3) -> None:
    """A sun or a moon somewhere in the sky."""
    on.disc(on.rng.uniform(0.2, 0.8), y + on.rng.uniform(-0.06, 0.06), radius, on.flat(colour))


def ridges(on: Canvas, far: Colour, near: Colour, layers: int, *, top: float, rough: float) -> None:
    """Ridges, dunes or waves, one before the other."""
    colours = [between(far, near, layer / max(1, layers - 1)) for layer in range(layers)]
    for layer, colour in enumerate(colours):
        middle = top + (1 - top) * (layer + on.rng.uniform(0.1, 0.5)) / layers
        edge = on.edge(middle, 0.14 / math.sqrt(layers), rough)
        on.below(edge, on.ramp(colour, between(colour, DARK, 0.3), 10))


def stars(on: Canvas, count: int) -> None:
    """Stars, more towards the top."""
    shades = [on.flat(colour) for colour in (0xFFFFFF, 0xBFD0F5, 0x8C9BD0)]
    for _ in range(count):
        place = on.rng.random(), on.rng.random() ** 1.4 * 0.85
        on.disc(*place, on.rng.choice((0.002, 0.003, 0.006)), on.rng.choice(shades))


def clouds(
    on: Canvas, colour: Colour, count: int, top: float, bottom: float, *, shade: float = 0.12
) -> None:
    """Heaps of cloud."""
    for layer in range(3):
        fill = on.flat(between(colour, DARK, layer * shade))
        for _ in range(count):
            x, y = on.rng.random(), on.rng.uniform(top, bottom) + layer * 0.03
            on.disc(x, y, on.rng.uniform(0.08, 0.24), fill, 0.34)


def conifers(on: Canvas, colour: Colour, count: int, base: float) -> None:
    """A line of firs, down to the bottom."""
    fill = on.flat(colour)
    on.below(on.edge(base, 0.02, 0.5), fill)
    for _ in range(count):
        x, high = on.rng.random(), on.rng.uniform(0.1, 0.26)
        for tier in range(3):
            top = base - high * (1 - tier * 0.27)
            half = 0.014 + 0.013 * tier
            low = top + high * 0.45
            on.shape([(x - half, low), (x, top), (x + half, low)], fill)
        on.box(x - 0.004, base - high * 0.3, x + 0.004, base + 0.05, fill)


def skyline(on: Canvas, colour: Colour, lit: Colour, base: float = 0.8) -> None:
    """Houses, some of whose windows are lit."""
    window = on.flat(lit)
    for row, share in enumerate((0.45, 0.0)):
        wall = on.flat(between(colour, 0x6A6F9A, share))
        x = -0.02
        while x < 1:
            wide, high = on.rng.uniform(0.05, 0.12), on.rng.uniform(0.16, 0.52)
            high *= 1.15 - row * 0.4
            on.box(x, base - high, x + wide, base, wall)
            if on.rng.random() < _OFTEN:
                on.box(x + wide * 0.48, base - high - 0.07, x + wide * 0.52, base - high, wall)
            _windows(on, (x, base - high, wide, high), window)
            x += wide + on.rng.uniform(-0.01, 0.02)


def _windows(on: Canvas, house: tuple[float, float, float, float], fill: Fill) -> None:
    left, top, wide, high = house
    for column in range(1, 6):
        for floor in range(1, int(high / 0.028)):
            if on.rng.random() < _OFTEN:
                x, y = left + wide * column / 6, top + floor * 0.028
                on.box(x - wide * 0.05, y, x + wide * 0.05, y + 0.013, fill)


def streaks(on: Canvas, colour: Colour, count: int, top: float, bottom: float) -> None:
    """Light on water."""
    fill = on.flat(colour)
    for _ in range(count):
        x, y = on.rng.random(), on.rng.uniform(top, bottom)
        long = on.rng.uniform(0.03, 0.16) * (0.3 + y)
        on.box(x - long / 2, y, x + long / 2, y + 0.004, fill)


def flowers(on: Canvas, petals: Sequence[Colour], heart: Colour, count: int) -> None:
    """A meadow, each flower larger the nearer it is."""
    fills, middle, stem = [on.flat(one) for one in petals], on.flat(heart), on.flat(0x3C6B35)
    for number in range(count):
        depth = (number + 1) / count
        x, y, size = on.rng.random(), 0.5 + 0.5 * depth**1.6, 0.006 + 0.04 * depth**2
        on.box(x - size * 0.1, y, x + size * 0.1, y + size * 4, stem)
        turn, fill = on.rng.uniform(0, math.tau), on.rng.choice(fills)
        for petal in range(5):
            way = turn + petal * math.tau / 5
            across, down = 0.8 * size * math.cos(way), 0.8 * size * math.sin(way)
            on.disc(x + across * on.height / on.width, y + down, size * 0.6, fill)
        on.disc(x, y, size * 0.4, middle)


def boat(on: Canvas, place: Point, size: float, colour: Colour) -> None:
    """A hull."""
    _sheet(on, place, size, on.flat(colour), ((-1, -0.18), (1, -0.26), (0.7, 0.12), (-0.75, 0.12)))


def sails(on: Canvas, place: Point, size: float, colour: Colour) -> None:
    """What a boat carries."""
    cloth = on.flat(colour)
    _sheet(on, place, size, cloth, ((0.04, -2.5), (0.9, -0.36), (0.04, -0.36)))
    _sheet(on, place, size, cloth, ((-0.04, -2.2), (-0.6, -0.36), (-0.04, -0.36)))


def _sheet(on: Canvas, place: Point, size: float, fill: Fill, corners: Sequence[Point]) -> None:
    x, y = place
    on.shape([(x + size * across, y + size * down) for across, down in corners], fill)


def mesas(on: Canvas, colour: Colour, base: float) -> None:
    """Flat-topped rocks."""
    for layer in range(2):
        fill = on.ramp(between(colour, 0xE8B48C, 0.35 - layer * 0.35), colour, 10)
        for _ in range(2):
            x, half = on.rng.random(), on.rng.uniform(0.07, 0.17)
            top = base - on.rng.uniform(0.14, 0.3)
            on.shape([(x - half * 1.7, base), (x - half, (top + base) / 2), (x - half * 0.8, top),
                      (x + half * 0.8, top), (x + half, (top + base) / 2), (x + half * 1.7, base)],
                     fill)  # fmt: skip
    on.box(0, base, 1, 1, on.ramp(colour, between(colour, DARK, 0.6), 16))
