"""Pictures of the sandbox's images, painted from their guid and written as PNG."""

import random

from fw_mcp.sandbox.canvas import Canvas
from fw_mcp.sandbox.scenes import SCENES
from fw_mcp.sandbox.series import SERIES

THUMBNAIL_SIZE = (200, 200)
PREVIEW_SIDE = 1000

_LIGHTS = (0xFFD8A0, 0xA8C8FF, 0xFFFFFF, 0x503060)
_MOST_LIGHT = 0.16
_SUBJECTS = {series.title: series.subjects for series in SERIES}


def preview_size(pix_w: int, pix_h: int) -> tuple[int, int]:
    """The size in pixels of a preview: the image's own shape, never enlarged."""
    scale = min(1.0, PREVIEW_SIDE / max(pix_w, pix_h))
    return max(1, round(pix_w * scale)), max(1, round(pix_h * scale))


def paint(
    guid: str, size: tuple[int, int], *, series: str | None = None, subject: str | None = None
) -> bytes:
    """A PNG of an image.

    Args:
        guid: decides the shapes and the light.
        size: width and height in pixels.
        series: decides the subject, together with the guid.
        subject: of its series; without a known one the guid decides.
    """
    rng = random.Random(guid)  # noqa: S311  the same picture every time is the point
    of_series = _SUBJECTS.get(series or "") or tuple(SCENES)
    scene = SCENES.get(subject or "") or SCENES[rng.choice(of_series)]
    canvas = Canvas(rng, size, light=rng.choice(_LIGHTS), share=rng.uniform(0, _MOST_LIGHT))
    scene(canvas)
    return canvas.png()
