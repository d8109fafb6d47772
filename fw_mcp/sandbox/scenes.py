"""The motifs of the sandbox's pictures, one for each subject of its series."""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from fw_mcp.sandbox.canvas import Canvas, Colour, Fill
from fw_mcp.sandbox.elements import (
    DARK,
    between,
    boat,
    clouds,
    conifers,
    flowers,
    mesas,
    ridges,
    sails,
    sky,
    skyline,
    stars,
    streaks,
    sun,
)

Scene = Callable[[Canvas], None]

_SELDOM = 0.25


def _sea(on: Canvas, *, top: Colour, low: Colour, water: Colour, light: Colour) -> None:
    sky(on, top, low)
    sun(on, light, 0.1, 0.36)
    on.mirror(0.52, water, 0.5)
    streaks(on, light, 40, 0.54, 0.8)


def _low_tide(on: Canvas) -> None:
    _sea(on, top=0xF4A46C, low=0xFFE9C4, water=0x4E8296, light=0xFFF6D8)
    ridges(on, 0xB98E63, 0x5A4030, 3, top=0.78, rough=0.1)


def _harbor(on: Canvas) -> None:
    _sea(on, top=0x8FB4D6, low=0xFBD9C0, water=0x2F5F80, light=0xFFE8B0)
    for _ in range(3):
        place = on.rng.uniform(0.12, 0.88), on.rng.uniform(0.58, 0.8)
        size = on.rng.uniform(0.05, 0.1)
        boat(on, place, size, 0x1C3246)
        sails(on, place, size, 0xFFF8EC)


def _swell(on: Canvas) -> None:
    sky(on, 0xBFE0E6, 0xF4F7EE)
    foam = on.flat(0xFFFFFF)
    for layer in range(5):
        edge = on.edge(0.36 + layer * 0.14, 0.07, 0.1)
        on.below(edge, foam)
        blue = between(0x3FA7B0, 0x0A3550, layer / 4)
        lower = [y + 0.012 + 0.012 * math.sin(x / 9) ** 2 for x, y in enumerate(edge)]
        on.below(lower, on.ramp(blue, between(blue, DARK, 0.3), 12))


def _fog(on: Canvas) -> None:
    sky(on, 0xDCE3E4, 0xF3F1EA)
    ridges(on, 0xCBD6D8, 0x6F8A93, 4, top=0.45, rough=0.7)
    streaks(on, 0xF6F6F2, 30, 0.82, 1)


def _pier(on: Canvas) -> None:
    _sea(on, top=0x5D6FA8, low=0xF7B58C, water=0x27395E, light=0xFFE2A8)
    wood, far = on.flat(0x1B1622), 0.5
    on.shape([(0.1, 1), (far - 0.01, 0.53), (far + 0.01, 0.53), (0.62, 1)], wood)
    for post in range(7):
        x, y = 0.1 + (far - 0.11) * post / 7, 1 - 0.47 * post / 7
        for side in (x, 2 * far - x - 0.13 * (1 - post / 7) * 0.5):
            on.box(side, y - 0.2 * (1 - post / 7.5), side + 0.014, y + 0.1, wood)


def _peaks(on: Canvas, *, top: Colour, low: Colour, snow: Colour, rock: Colour) -> None:
    sky(on, top, low)
    white, grey = on.ramp(snow, between(snow, rock, 0.4), 10), on.ramp(rock, DARK, 16)
    on.below(on.edge(0.44, 0.08, 0.8), on.flat(between(rock, low, 0.6)))
    edge = on.edge(0.4, 0.11, 0.85)
    on.below(edge, white)
    broken = on.edge(0, 0.035, 1.0)
    on.below([y + 0.09 + jag + (y - 0.3) * 0.5 for y, jag in zip(edge, broken, strict=True)], grey)


def _alpenglow(on: Canvas) -> None:
    _peaks(on, top=0x40508C, low=0xF2A9A0, snow=0xFF9E86, rock=0x5B4A6E)


def _last_snow(on: Canvas) -> None:
    _peaks(on, top=0x3E7CC2, low=0xCFE4F2, snow=0xFFFFFF, rock=0x5A6675)
    ridges(on, 0x8AA06A, 0x44613C, 2, top=0.78, rough=0.3)


def _timberline(on: Canvas) -> None:
    _peaks(on, top=0x7FA6C9, low=0xF1E4CE, snow=0xF4F6F8, rock=0x6C7686)
    conifers(on, 0x3B5B4C, 40, 0.86)
    conifers(on, 0x1A3029, 26, 0.98)


def _storm(on: Canvas) -> None:
    sky(on, 0x2C3240, 0xD9C08A)
    clouds(on, 0x4A5264, 9, 0.02, 0.24)
    ridges(on, 0x50586A, 0x14181F, 4, top=0.5, rough=0.95)


def _tarn(on: Canvas) -> None:
    _peaks(on, top=0x5E8FC4, low=0xE6EEF0, snow=0xFFFFFF, rock=0x54606E)
    conifers(on, 0x2C4A3E, 34, 0.56)
    on.mirror(0.58, 0x16384E, 0.4)
    streaks(on, 0xC8DCE6, 14, 0.62, 0.95)


def _dunes(on: Canvas) -> None:
    sky(on, 0x5E4276, 0xFAB076)
    sun(on, 0xFFE2A8)
    ridges(on, 0xE2A068, 0x6A2E28, 4, top=0.45, rough=0.15)


def _ocotillo(on: Canvas) -> None:
    sky(on, 0xF0803C, 0xFFE0A0)
    sun(on, 0xFFF3CF, 0.17, 0.5)
    ridges(on, 0xB85A3C, 0x4A1E22, 2, top=0.72, rough=0.3)
    dark = on.flat(0x2A1218)
    for _ in range(4):
        x, high, wide = on.rng.uniform(0.08, 0.92), on.rng.uniform(0.3, 0.55), 0.016
        on.box(x - wide, 0.92 - high, x + wide, 0.95, dark)
        on.disc(x, 0.92 - high, wide * 1.4, dark)
        for side in (-1, 1):
            arm, start = x + side * 0.06, 0.92 - high * on.rng.uniform(0.35, 0.6)
            on.box(min(x, arm), start, max(x, arm), start + 0.03, dark)
            on.box(arm - wide * 0.7, start - 0.12, arm + wide * 0.7, start + 0.03, dark)


def _slot_canyon(on: Canvas) -> None:
    on.cover(on.ramp(0xFFE9BC, 0xF6B26B, 32))
    for side in (0, 1):
        for layer in range(7):
            fill = on.flat(between(0xF08A45, 0x4A1A1E, layer / 6))
            reach = 0.47 - layer * 0.07
            waves = [on.rng.uniform(0, math.tau) for _ in range(2)]
            bend = [
                reach
                + 0.045 * math.sin(n / 40 * 7 + waves[0])
                + 0.02 * math.sin(n / 40 * 17 + waves[1])
                for n in range(41)
            ]
            points = [(x if side == 0 else 1 - x, n / 40) for n, x in enumerate(bend)]
            on.shape([(side, 0), *points, (side, 1)], fill)


def _dry_wash(on: Canvas) -> None:
    sky(on, 0x4F9BD8, 0xF3E3C8)
    clouds(on, 0xF7FAFC, 4, 0.1, 0.24, shade=0.03)
    mesas(on, 0xA8502F, 0.68)
    pale = on.flat(0xE9C79A)
    on.shape([(0.5, 0.68), (0.52, 0.68), (0.72, 0.84), (0.5, 1), (0.2, 1), (0.6, 0.84)], pale)


def _monsoon(on: Canvas) -> None:
    sky(on, 0x25304A, 0xF6B26A)
    rain, left = on.flat(0x8A90A6), on.rng.uniform(0.1, 0.5)
    for drop in range(46):
        x = left + drop * 0.009
        on.line((x, 0.26), (x - 0.05, 0.66), 0.003, rain)
    clouds(on, 0x56607C, 8, 0.0, 0.22)
    mesas(on, 0x6A2C28, 0.7)


def _meadow(on: Canvas, petals: Sequence[Colour], heart: Colour) -> None:
    sky(on, 0x86BDE6, 0xEAF4EE)
    ridges(on, 0xA9C795, 0x5E8B4A, 3, top=0.42, rough=0.25)
    flowers(on, petals, heart, 150)


def _live_oak(on: Canvas) -> None:
    sky(on, 0xBFDDEB, 0xFDF3DA)
    ridges(on, 0x9DBB78, 0x567F3B, 3, top=0.62, rough=0.15)
    x, bark, leaves = on.rng.uniform(0.36, 0.64), on.flat(0x3B2A22), (0x25452A, 0x34603A, 0x4C7F48)
    on.shape([(x - 0.05, 0.82), (x - 0.02, 0.5), (x + 0.02, 0.5), (x + 0.05, 0.82)], bark)
    for side in (-1, 1):
        on.line((x, 0.6), (x + side * 0.2, 0.42), 0.03, bark)
    for depth, leaf in enumerate(leaves):
        fill = on.flat(leaf)
        for _ in range(26):
            way, far = on.rng.uniform(0, math.tau), math.sqrt(on.rng.random())
            across, down = 0.25 * far * math.cos(way), 0.12 * far * math.sin(way)
            y = 0.36 - depth * 0.025 + down
            on.disc(x + across, y, on.rng.uniform(0.03, 0.07), fill)


def _creek(on: Canvas) -> None:
    sky(on, 0x9CCBEA, 0xF6F7E8)
    ridges(on, 0xA8C488, 0x4F7F45, 3, top=0.3, rough=0.3)
    conifers(on, 0x2F5B39, 24, 0.54)
    on.mirror(0.56, 0x2B6160, 0.45)
    stone, top = on.flat(0xC9C0AE), 0.68
    for step in range(7):
        on.disc(0.08 + step * 0.14, top + on.rng.uniform(-0.02, 0.02), 0.06, stone, 0.4)


def _fence(on: Canvas) -> None:
    sky(on, 0xF6C987, 0xFDF0D2)
    sun(on, 0xFFFBEA, 0.08, 0.3)
    ridges(on, 0xC9C27A, 0x7A8B44, 3, top=0.46, rough=0.2)
    wood = on.flat(0x4B3A2C)
    for height in (0.66, 0.74):
        on.line((0, height + 0.05), (1, height - 0.06), 0.008, wood)
    for post in range(9):
        x = 0.05 + post * 0.115
        on.box(x - 0.008, 0.62 + 0.05 - x * 0.11, x + 0.008, 0.9 - x * 0.1, wood)


def _blue_hour(on: Canvas) -> None:
    sky(on, 0x1B2B66, 0xE38A78)
    skyline(on, 0x161A34, 0xFFD27A, 1.0)


def _wet_street(on: Canvas) -> None:
    sky(on, 0x131629, 0x5C3F6E)
    skyline(on, 0x1C1B2E, 0xFFC46B, 0.56)
    on.mirror(0.56, 0x10131F, 0.35)
    pale = on.flat(0xC9CBD6)
    for stripe in range(7):
        x = 0.03 + stripe * 0.145
        on.shape([(x + 0.04, 0.72), (x + 0.1, 0.72), (x + 0.08, 0.96), (x - 0.02, 0.96)], pale)


def _elevated(on: Canvas) -> None:
    sky(on, 0x27406E, 0xF5B07A)
    skyline(on, 0x25294A, 0xFFE09A, 0.86)
    steel, glass = on.flat(0x0E1120), on.flat(0xFFF1C4)
    on.box(0, 0.66, 1, 0.71, steel)
    for post in range(6):
        x = 0.06 + post * 0.18
        on.box(x, 0.7, x + 0.02, 1, steel)
    on.box(0.12, 0.55, 0.8, 0.655, on.flat(0x8C2F3A))
    for window in range(11):
        x = 0.14 + window * 0.06
        on.box(x, 0.575, x + 0.04, 0.61, glass)


def _neon(on: Canvas) -> None:
    on.cover(on.ramp(0x0D0B1C, 0x2A1440, 32))
    pink, blue, x = on.flat(0xFF4F9A), on.flat(0x45E0FF), on.rng.uniform(0.3, 0.5)
    on.box(0.1, 0.42, 0.9, 0.62, on.flat(0x1D1330))
    on.box(0.1, 0.4, 0.9, 0.42, pink)
    for window in range(5):
        on.box(0.14 + window * 0.15, 0.46, 0.25 + window * 0.15, 0.58, on.flat(0xFFD58A))
    for size, fill in ((0.17, blue), (0.13, pink), (0.09, blue)):
        on.ring(x, 0.22, size, 0.014, fill)
    on.line((x + 0.16, 0.3), (x + 0.34, 0.14), 0.016, pink)
    on.mirror(0.62, 0x07060F, 0.4)


def _bridge(on: Canvas) -> None:
    sky(on, 0x0F1C46, 0xC96A86)
    ridges(on, 0x3A3560, 0x1B1B3C, 2, top=0.46, rough=0.5)
    steel, lamp = on.flat(0x080B1C), on.flat(0xFFE3A0)
    left, right = on.rng.uniform(0.2, 0.3), on.rng.uniform(0.7, 0.8)
    for tower in (left, right):
        on.box(tower - 0.014, 0.18, tower + 0.014, 0.6, steel)
    on.box(0, 0.53, 1, 0.555, steel)
    for n in range(61):
        x = n / 60
        near = min(((x - left) / (right - left) * 2 - 1) ** 2, 1.0 + abs(x - 0.5))
        inside = left <= x <= right
        gap = min(abs(x - left), abs(x - right)) / left
        y = 0.5 - 0.31 * near if inside else 0.19 + 0.33 * min(1.0, gap)
        on.box(x - 0.001, y, x + 0.001, 0.53, steel)
        on.disc(x, y, 0.007, lamp)
    on.mirror(0.6, 0x0A1230, 0.35)


def _mist(on: Canvas) -> None:
    sky(on, 0xDDE6E2, 0xF7F3E6)
    ridges(on, 0xC6D3CF, 0x7F9A98, 4, top=0.24, rough=0.4)
    on.mirror(0.6, 0xE8EEEA, 0.35)
    streaks(on, 0xFBFBF7, 26, 0.56, 0.68)


def _first_ice(on: Canvas) -> None:
    on.cover(on.ramp(0xD7E8F0, 0x8DB4C8, 40))
    for shade in (0xFFFFFF, 0xBCD6E2, 0xEAF4F8):
        fill = on.flat(shade)
        for _ in range(7):
            x, y, size = on.rng.random(), on.rng.random(), on.rng.uniform(0.06, 0.2)
            turns = sorted(on.rng.uniform(0, math.tau) for _ in range(6))
            on.shape([(x + size * math.cos(t), y + size * 0.7 * math.sin(t)) for t in turns], fill)
    crack = on.flat(0x5F8CA3)
    for _ in range(9):
        x, y = on.rng.random(), on.rng.random()
        for _ in range(4):
            to = x + on.rng.uniform(-0.16, 0.16), y + on.rng.uniform(-0.12, 0.12)
            on.line((x, y), to, 0.004, crack)
            x, y = to


def _lilies(on: Canvas) -> None:
    on.cover(on.ramp(0x1E4A4C, 0x0B2A33, 40))
    greens, petal, heart = (0x4E8F52, 0x7DB45E, 0x35704A), on.flat(0xF7B6CC), on.flat(0xFFE08A)
    places = [(on.rng.random(), on.rng.random()) for _ in range(34)]
    for x, y in sorted(places, key=lambda place: place[1]):
        size = 0.05 + 0.07 * y
        on.disc(x, y + 0.008, size, on.flat(0x0A2228), 0.5)
        on.disc(x, y, size, on.flat(on.rng.choice(greens)), 0.5)
        if on.rng.random() < _SELDOM:
            for way in range(7):
                on.disc(
                    x + 0.02 * (way - 3) / 1.6, y - 0.014 - 0.006 * (3 - abs(way - 3)), 0.022, petal
                )
            on.disc(x, y - 0.012, 0.014, heart)


def _rowboat(on: Canvas) -> None:
    sky(on, 0xF0C9A0, 0xFBEBD2)
    ridges(on, 0xB9A58E, 0x5E6B5C, 3, top=0.3, rough=0.45)
    on.mirror(0.5, 0x3E5F68, 0.35)
    streaks(on, 0xF4DDBE, 24, 0.55, 0.95)
    x = on.rng.uniform(0.34, 0.66)
    boat(on, (x, 0.76), 0.16, 0x6B2A24)
    on.line((x - 0.06, 0.72), (x - 0.24, 0.82), 0.01, on.flat(0x3A2A20))


def _reeds(on: Canvas) -> None:
    sky(on, 0xE8924E, 0xFCE3B0)
    sun(on, 0xFFF6DC, 0.15, 0.42)
    on.mirror(0.62, 0x5A3A3A, 0.35)
    for colour in (0x6A4430, 0x2C1A1A):
        blade = on.flat(colour)
        for _ in range(34):
            x, lean, high = on.rng.random(), on.rng.uniform(0.02, 0.12), on.rng.uniform(0.25, 0.62)
            knee = x + lean * 0.3, 1 - high * 0.6
            tip = x + lean, 1 - high
            on.line((x, 1.02), knee, 0.008, blade)
            on.line(knee, tip, 0.006, blade)
            on.disc(*tip, 0.012, blade, 2.6)


_PAPER = 0xF3EAD8
_PAINTS = (0xCC5E40, 0x1E3E5C, 0xE2AC6E, 0x3F7A74, 0x2B2430, 0xE9D9B6)


def _field(on: Canvas) -> None:
    on.cover(on.flat(0xC98A3C))
    colours = on.rng.sample((0xE9B25A, 0x8A3B24, 0xF0D9A0, 0x3B2A2E, 0xD9653B), 3)
    top = 0.07
    for colour, high in zip(colours, on.rng.sample((0.2, 0.28, 0.36), 3), strict=True):
        for blur in range(5):
            inset = 0.075 + blur * 0.006
            fill = on.flat(between(0xC98A3C, colour, 0.35 + blur * 0.16))
            on.box(inset, top + blur * 0.006, 1 - inset, top + high - blur * 0.006, fill)
        top += high + 0.012


def _interval(on: Canvas) -> None:
    on.cover(on.flat(_PAPER))
    fills, x = [on.flat(one) for one in _PAINTS], 0.0
    while x < 1:
        wide = on.rng.choice((0.012, 0.03, 0.06, 0.11))
        on.box(x, on.rng.choice((0.0, 0.0, 0.12, 0.3)), x + wide, on.rng.choice((1.0, 1.0, 0.84)),
               on.rng.choice(fills))  # fmt: skip
        x += wide + on.rng.choice((0.0, 0.012, 0.03))


def _undertow(on: Canvas) -> None:
    on.cover(on.flat(_PAPER))
    fills = [on.flat(one) for one in on.rng.sample(_PAINTS, 4)]
    x, y = on.rng.uniform(0.1, 0.9), on.rng.uniform(0.5, 1.0)
    for ring in range(15):
        on.disc(x, y, 1.25 - ring * 0.085, fills[ring % len(fills)])


def _drift(on: Canvas) -> None:
    on.cover(on.flat(_PAPER))
    across = 5 if on.width > on.height else 4
    down = max(2, round(across * on.height / on.width))
    fills = [on.flat(one) for one in _PAINTS]
    for column in range(across):
        for row in range(down):
            _tile(on, (column / across, row / down, 1 / across, 1 / down), on.rng.sample(fills, 2))


def _tile(on: Canvas, place: tuple[float, float, float, float], fills: Sequence[Fill]) -> None:
    x, y, wide, high = place
    on.box(x, y, x + wide, y + high, fills[0])
    match on.rng.randrange(4):
        case 0:
            on.shape([(x, y), (x + wide, y), (x, y + high)], fills[1])
        case 1:
            on.disc(
                x + wide / 2,
                y + high / 2,
                0.36 * wide * on.width / min(on.width, on.height),
                fills[1],
            )
        case 2:
            on.shape([(x + wide / 2, y), (x + wide, y + high / 2), (x + wide / 2, y + high),
                      (x, y + high / 2)], fills[1])  # fmt: skip
        case _:
            on.box(x, y + high / 2, x + wide, y + high, fills[1])


def _threshold(on: Canvas) -> None:
    first, *others = on.rng.sample(_PAINTS, 5)
    on.cover(on.flat(first))
    x = on.rng.uniform(0.4, 0.6)
    for arch, colour in enumerate(others):
        fill, radius = on.flat(colour), 0.4 - arch * 0.09
        half = radius * min(on.width, on.height) / on.width
        on.disc(x, 0.5, radius, fill)
        on.box(x - half, 0.5, x + half, 1, fill)


def _night(on: Canvas, count: int = 260) -> None:
    sky(on, 0x070B20, 0x2C3A70)
    stars(on, count)


def _milky_way(on: Canvas) -> None:
    _night(on)
    glow = [on.flat(one) for one in (0x3B3A70, 0x6A5A8E, 0xA88FAE, 0xF1E4E4)]
    lean, foot = on.rng.uniform(-0.5, 0.5), on.rng.uniform(0.35, 0.65)
    for depth, fill in enumerate(glow):
        for _ in range(170):
            along = on.rng.random()
            x = foot + lean * (1 - along) + on.rng.gauss(0, 0.085 - depth * 0.02)
            on.disc(x, along * 0.8, on.rng.uniform(0.002, 0.022 - depth * 0.005), fill)
    ridges(on, 0x14182C, 0x05060C, 2, top=0.72, rough=0.8)


def _moonrise(on: Canvas) -> None:
    sky(on, 0x1A2148, 0xD98A6A)
    stars(on, 70)
    x, y = on.rng.uniform(0.3, 0.7), on.rng.uniform(0.38, 0.5)
    on.disc(x, y, 0.2, on.flat(0xF8E7C2))
    shade = on.flat(0xE3CCA0)
    for dx, dy, size in ((-0.05, -0.06, 0.04), (0.05, 0.02, 0.055), (-0.03, 0.07, 0.03)):
        on.disc(x + dx, y + dy, size, shade)
    ridges(on, 0x4A3350, 0x120C18, 3, top=0.58, rough=0.6)


def _star_trails(on: Canvas) -> None:
    sky(on, 0x0A1028, 0x24406A)
    x, y = on.rng.uniform(0.3, 0.7), on.rng.uniform(0.35, 0.6)
    shades = [on.flat(one) for one in (0x9FB6E8, 0xE8ECF8, 0x55699C, 0xF2D9B0)]
    for ring in range(2, 30):
        on.ring(x, y, ring * 0.035 + on.rng.uniform(0, 0.012), 0.003, on.rng.choice(shades))
    conifers(on, 0x05080F, 22, 0.92)


def _perseids(on: Canvas) -> None:
    _night(on, 200)
    fill = on.flat(0xF6F1DC)
    for _ in range(8):
        x, y, long = on.rng.uniform(0.1, 0.9), on.rng.uniform(0.05, 0.5), on.rng.uniform(0.06, 0.2)
        on.line((x, y), (x - long, y + long * 0.8), 0.005, fill)
        on.disc(x - long, y + long * 0.8, 0.006, fill)
    on.mirror(0.68, 0x0A1024, 0.3)
    conifers(on, 0x04060C, 8, 1.02)


def _zodiacal(on: Canvas) -> None:
    sky(on, 0x0B1030, 0x6C5A7A)
    x = on.rng.uniform(0.35, 0.65)
    for depth in range(8):
        fill = on.flat(between(0x262B56, 0x84749A, depth / 7))
        on.shape([(x - 0.3 + depth * 0.034, 0.9), (x + 0.08 - depth * 0.006, 0.1 + depth * 0.08),
                  (x + 0.3 - depth * 0.034, 0.9)], fill)  # fmt: skip
    stars(on, 160)
    mesas(on, 0x1A1220, 0.8)


SCENES: Mapping[str, Scene] = {
    "Low Tide": _low_tide,
    "Harbor at First Light": _harbor,
    "Breaking Swell": _swell,
    "Sea Fog": _fog,
    "The Old Pier": _pier,
    "Alpenglow": _alpenglow,
    "Last Snow": _last_snow,
    "Timberline": _timberline,
    "Storm over the Range": _storm,
    "Still Tarn": _tarn,
    "Dunes before Dusk": _dunes,
    "Ocotillo": _ocotillo,
    "Slot Canyon": _slot_canyon,
    "Dry Wash": _dry_wash,
    "Monsoon Sky": _monsoon,
    "Bluebonnets": partial(_meadow, petals=(0x3F55B5, 0x5C74D6, 0x2C3C8C), heart=0xFFFFFF),
    "Indian Paintbrush": partial(_meadow, petals=(0xE2472E, 0xF27A3A, 0xC22A3A), heart=0xFFD65A),
    "Live Oak": _live_oak,
    "Creek Crossing": _creek,
    "Fence Line": _fence,
    "Blue Hour": _blue_hour,
    "Wet Crosswalk": _wet_street,
    "Elevated Line": _elevated,
    "Neon Diner": _neon,
    "Bridge Lights": _bridge,
    "Mist": _mist,
    "First Ice": _first_ice,
    "Lily Pads": _lilies,
    "Rowboat": _rowboat,
    "Reeds in Wind": _reeds,
    "Ochre Field": _field,
    "Interval": _interval,
    "Undertow": _undertow,
    "Drift": _drift,
    "Threshold": _threshold,
    "Milky Way": _milky_way,
    "Moonrise": _moonrise,
    "Star Trails": _star_trails,
    "Perseids": _perseids,
    "Zodiacal Light": _zodiacal,
}
