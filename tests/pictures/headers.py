"""Small real picture files, made by Pillow, and headers made by hand that no writer makes."""

import io
import struct
from collections.abc import Mapping

from PIL import Image, ImageOps

ORIENTATION = 0x0112
WIDTH, HEIGHT = 256, 257

Tags = Mapping[int, tuple[int, int, int]]
"""Tag → type, count, value."""


def picture(format_: str, size: tuple[int, int] = (30, 20), orientation: int = 1) -> bytes:
    """A picture as Pillow writes it; without EXIF when it stands upright."""
    file = io.BytesIO()
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    beside = {} if orientation == 1 else {"exif": exif}
    Image.new("RGB", size, "teal").save(file, format_, **beside)
    return file.getvalue()


def displayed(content: bytes) -> tuple[int, int]:
    """Width and height as Pillow would display the picture: the judge."""
    with Image.open(io.BytesIO(content)) as image:
        return ImageOps.exif_transpose(image).size


def tiff(tags: Tags, *, order: str = "<", big: bool = False, at: int | None = None) -> bytes:
    """A TIFF of one directory, which begins at `at`; without one right behind the header."""
    mark = {"<": b"II", ">": b"MM"}[order]
    start = at or (16 if big else 8)
    if big:
        head = mark + struct.pack(f"{order}HHHQ", 43, 8, 0, start)
        rows = [struct.pack(f"{order}HHQ", tag, *row[:2]) + _inline(order, row, 8)
                for tag, row in tags.items()]  # fmt: skip
        directory = struct.pack(f"{order}Q", len(rows)) + b"".join(rows) + bytes(8)
    else:
        head = mark + struct.pack(f"{order}HL", 42, start)
        rows = [struct.pack(f"{order}HHL", tag, *row[:2]) + _inline(order, row, 4)
                for tag, row in tags.items()]  # fmt: skip
        directory = struct.pack(f"{order}H", len(rows)) + b"".join(rows) + bytes(4)
    return head.ljust(start, b"\0") + directory


def sides(pix_w: int, pix_h: int, kind: int = 4) -> Tags:
    """The two tags that a TIFF cannot be without."""
    return {WIDTH: (kind, 1, pix_w), HEIGHT: (kind, 1, pix_h)}


def box(name: bytes, content: bytes) -> bytes:
    """A box of an ISO media file."""
    return struct.pack(">L4s", 8 + len(content), name) + content


def heic(
    pix_w: int,
    pix_h: int,
    *,
    turns: int = 0,
    beside: bytes = b"",
    wide: bool = False,
    before: bytes = b"",
    brands: bytes = b"heic\0\0\0\0mif1heic",
    more: bytes = b"",
) -> bytes:
    """The boxes of a HEIC up to where the picture would begin.

    Args:
        pix_w: before it is turned.
        pix_h: before it is turned.
        turns: quarter turns against the clock.
        beside: more boxes.
        wide: with the larger of the two forms that numbers and lengths may have; a preview of
            16 x 12 pixels stands before the picture, and the last box goes to the end.
        before: boxes between the brands and what describes the picture.
        brands: what the file says that it is.
        more: one more property of the picture.
    """
    size, turn = struct.pack(">LLL", 0, pix_w, pix_h), box(b"irot", bytes([turns]))
    properties = box(b"ispe", struct.pack(">LLL", 0, 16, 12)) + box(b"ispe", size) + turn + more
    form = ">LLLBHLBHHH" if wide else ">LLHBBHBBBB"
    flag = 1 << 24 | 1 if wide else 0
    associations = struct.pack(form, flag, 2, 7, 1, 1, 8, 3, 2, 3, 4 if more else 0)
    own = struct.pack(">LL" if wide else ">LH", wide << 24, 8)
    parts = box(b"ipco", properties) + box(b"ipma", associations)
    content = bytes(4) + box(b"pitm", own) + beside + box(b"iprp", parts)
    head = box(b"ftyp", brands) + before
    if not wide:
        return head + box(b"meta", content)
    free = struct.pack(">L4sQ", 1, b"free", 16)
    return head + free + struct.pack(">L4s", 0, b"meta") + content


def _inline(order: str, row: tuple[int, int, int], length: int) -> bytes:
    kind, _, value = row
    form = {1: "B", 3: "H", 4: "L", 8: "h", 9: "l", 16: "Q"}.get(kind, "L")
    return struct.pack(order + form, value).ljust(length, b"\0")
