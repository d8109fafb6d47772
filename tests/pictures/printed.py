"""Print masters for tests, made by libvips: every kind of file that sellers have."""

import io
import logging
from typing import Any

import pyvips
from PIL import Image

# It tells each of its steps, which takes longer than the steps do.
logging.getLogger("pyvips").setLevel(logging.WARNING)

COLOURS = ((200, 60, 50), (60, 150, 80), (50, 80, 170), (180, 170, 120))
"""Of the four corners; no profile here makes one that sRGB has not."""


def corners(size: tuple[int, int] = (500, 300), mode: str = "RGB") -> Image.Image:
    """A colour in each quarter of the picture."""
    image = Image.new("RGB", (2, 2))
    image.putdata(COLOURS)
    return image.convert(mode).resize(size, Image.Resampling.NEAREST)


def middles(image: Image.Image) -> list[Any]:
    """The pixel in the middle of each quarter."""
    pix_w, pix_h = image.size
    places = [(x, y) for y in (pix_h // 4, pix_h * 3 // 4) for x in (pix_w // 4, pix_w * 3 // 4)]
    return [image.getpixel(place) for place in places]


def of_libvips(image: Image.Image, *, deep: bool = False, profile: bytes = b"") -> pyvips.Image:
    """The image as libvips has it.

    Args:
        image: L, LA, RGB, RGBA or CMYK.
        deep: with 16 bits instead of 8.
        profile: ICC.
    """
    grey = image.mode.startswith("L")
    made = pyvips.Image.new_from_memory(
        image.tobytes(), *image.size, len(image.getbands()), "uchar"
    )
    shallow = "cmyk" if image.mode == "CMYK" else "b-w" if grey else "srgb"
    made = made.copy(interpretation=shallow)
    if deep:
        kind = "cmyk" if image.mode == "CMYK" else "grey16" if grey else "rgb16"
        made = (made * 257).cast("ushort").copy(interpretation=kind)
    if profile:
        made = made.copy()
        made.set_type(pyvips.GValue.blob_type, "icc-profile-data", profile)
    return made


def saved(image: pyvips.Image, kind: str, **options: Any) -> bytes:  # noqa: ANN401  libvips' own
    """The image as a file of the kind that ends so: tif, jpg, png, webp, avif."""
    return bytes(image.write_to_buffer(f".{kind}", **options))


def opened(content: bytes) -> Image.Image:
    """The picture in a file, decoded."""
    image = Image.open(io.BytesIO(content))
    image.load()
    return image
