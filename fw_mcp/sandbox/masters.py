"""Print masters of the sandbox's images: plain grey JPEGs of the pixels and bytes on record.

All of one is noughts but its head and a mark of two bytes, so that any part of it is made when it
is asked for, however large the file is.
"""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass

_END = b"\xff\xd9"
_BLOCK = 8
# A block without a picture in it: "as bright as the last", "nothing else", a bit for each.
_BLOCKS_PER_BYTE = 4
_PIECE = 65_536
_RANGE = re.compile(r"bytes=(\d{1,18})-(\d{0,18})")


@dataclass(frozen=True)
class Master:
    """The print master of an image.

    Attributes:
        pix_w: width in pixels.
        pix_h: height in pixels.
        file_size: in bytes; what is beyond the picture is padding.
    """

    pix_w: int
    pix_h: int
    file_size: int

    def pieces(self, first: int = 0, end: int | None = None) -> Iterator[bytes]:
        """The bytes from `first` to before `end`, in pieces."""
        stop = self.file_size if end is None else end
        for start in range(first, stop, _PIECE):
            yield self._part(start, min(start + _PIECE, stop))

    def _part(self, first: int, end: int) -> bytes:
        part = bytearray(end - first)
        head = _head(self.pix_w, self.pix_h)
        blocks = -(-self.pix_w // _BLOCK) * -(-self.pix_h // _BLOCK)
        bits = -(-blocks // _BLOCKS_PER_BYTE)
        for place, content in ((0, head), (len(head) + bits, _END)):
            at, until = max(first, place), min(end, place + len(content))
            if at < until:
                part[at - first : until - first] = content[at - place : until - place]
        return bytes(part)


def wanted(range_header: str, size: int) -> tuple[int, int] | None:
    """The first byte that a `Range` header asks for, and the one after the last.

    None for all of it: a range that cannot be served is not looked at, as HTTP allows.

    Args:
        range_header: as it came; "" for none.
        size: of the file in bytes.
    """
    found = _RANGE.fullmatch(range_header.strip())
    if not found:
        return None
    first, last = int(found[1]), int(found[2] or size)
    end = min(last + 1, size)
    return (first, end) if first < end else None


def _head(pix_w: int, pix_h: int) -> bytes:
    """All that stands before the picture's bits."""
    table = bytes([1, *bytes(15), 0])
    return b"\xff\xd8" + b"".join(
        b"\xff" + bytes([marker]) + struct.pack(">H", len(content) + 2) + content
        for marker, content in (
            (0xDB, bytes([0, *[1] * 64])),
            (0xC0, struct.pack(">BHHB", 8, pix_h, pix_w, 1) + bytes([1, 0x11, 0])),
            (0xC4, b"\x00" + table),
            (0xC4, b"\x10" + table),
            (0xDA, bytes([1, 1, 0, 0, 63, 0])),
        )
    )
