"""A seller's own files, and pictures to put among them."""

import struct
import zlib
from collections.abc import Mapping
from pathlib import Path


def painted(pix_w: int, pix_h: int, color: tuple[int, int, int]) -> bytes:
    """A PNG of one color."""
    row = b"\0" + bytes(color) * pix_w
    header = struct.pack(">IIBBBBB", pix_w, pix_h, 8, 2, 0, 0, 0)
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(row * pix_h)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(name, content) for name, content in parts)


def pixels(content: bytes) -> dict[str, int]:
    """How large a PNG is, as a record has it."""
    pix_w, pix_h = struct.unpack(">II", content[16:24])
    return {"pix_w": pix_w, "pix_h": pix_h}


def _chunk(name: bytes, content: bytes) -> bytes:
    return (
        struct.pack(">I", len(content))
        + name
        + content
        + struct.pack(">I", zlib.crc32(name + content))
    )


def laid_out(files: Mapping[str, bytes], root: Path) -> None:
    """Write these files below this folder."""
    for name, content in files.items():
        place = root / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
