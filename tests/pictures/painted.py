"""Pictures for tests, painted here: good ones, broken ones, and ones that are none."""

import io
import random
import struct
import zlib
from typing import Any

from PIL import Image

RED, GREEN, BLUE = (200, 30, 30), (30, 160, 60), (30, 60, 200)
ORIENTATION = 0x0112


def halves(size: tuple[int, int]) -> Image.Image:
    """Red on the left, blue on the right."""
    image = Image.new("RGB", size, RED)
    image.paste(BLUE, (size[0] // 2, 0, *size))
    return image


def noise(size: tuple[int, int], seed: int = 1) -> Image.Image:
    """What no compression makes small."""
    content = random.Random(seed).randbytes(size[0] * size[1] * 3)  # noqa: S311  the same each time
    return Image.frombytes("RGB", size, content)


def file_of(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:  # noqa: ANN401  Pillow's own
    """The image as a file."""
    made = io.BytesIO()
    image.save(made, kind, **options)
    return made.getvalue()


def turned(image: Image.Image, orientation: int) -> bytes:
    """A JPEG that says how it is to be turned."""
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    return file_of(image, "JPEG", quality=95, exif=exif)


def bomb(side: int = 50_000) -> bytes:
    """A PNG of a few bytes that says it has billions of pixels."""
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(bytes(1000))), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, content) for name, content in chunks)


def slow(side: int = 3000, scans: int = 20_000) -> bytes:
    """A progressive JPEG of half a megabyte that is gone over so many times."""
    content = file_of(Image.new("L", (side, side), 255), "JPEG", progressive=True)
    last = content[content.rfind(b"\xff\xda") : -2]
    return content[:-2] + last * scans + content[-2:]


def with_exif(exif: bytes) -> bytes:
    """A JPEG with this for its EXIF, whatever it is."""
    content, segment = file_of(halves((60, 40)), "JPEG", quality=95), b"Exif\0\0" + exif
    return content[:2] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + content[2:]


def opened(content: bytes) -> Image.Image:
    """The picture in a file, decoded."""
    image = Image.open(io.BytesIO(content))
    image.load()
    return image


def is_like(pixel: object, colour: tuple[int, int, int]) -> bool:
    """Whether a pixel is of a colour, but for what JPEG does to it."""
    assert isinstance(pixel, tuple)
    return all(abs(one - other) < 24 for one, other in zip(pixel, colour, strict=True))


def _chunk(name: bytes, content: bytes) -> bytes:
    checksum = struct.pack(">I", zlib.crc32(name + content))
    return struct.pack(">I", len(content)) + name + content + checksum
