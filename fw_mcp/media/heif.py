"""How large a HEIC or AVIF is displayed, from the boxes before its picture.

imagesize refuses such a file when it is turned, as a telephone held upright writes it, and would
believe a box of a few bytes that names thousands of millions of places.
"""

import struct
from collections.abc import Iterator

_LARGE, _TO_THE_END = 1, 0
_FULL = 4
"""Bytes of version and flags, with which some boxes begin."""


def displayed_size(head: bytes) -> tuple[int, int]:
    """Width and height in pixels of the picture that is the file's own.

    EXIF is not asked: the format has its own turning, beside which EXIF's counts for nothing.

    Args:
        head: the beginning of the file, up to where the picture begins.

    Raises:
        ValueError: a box cannot be that long.
        LookupError: a box is not there.
        struct.error: a box is too short.
    """
    meta = dict(_boxes(dict(_boxes(head))[b"meta"][_FULL:]))
    parts = dict(_boxes(meta[b"iprp"]))
    properties = list(_boxes(parts[b"ipco"]))
    own = [properties[at - 1] for at in _associated(parts[b"ipma"], _own_item(meta[b"pitm"])) if at]
    pix_w, pix_h = struct.unpack_from(">LL", dict(own)[b"ispe"], _FULL)
    quarter_turns = dict(own).get(b"irot", b"\0")[0]
    return (pix_h, pix_w) if quarter_turns % 2 else (pix_w, pix_h)


def _boxes(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The name and the content of each box; the last may be cut off."""
    at = 0
    while at + 8 <= len(content):
        (size, name), head = struct.unpack_from(">L4s", content, at), 8
        if size == _LARGE:
            (size,), head = struct.unpack_from(">Q", content, at + 8), 16
        elif size == _TO_THE_END:
            size = len(content) - at
        if size < head:
            raise ValueError("a box that ends before it begins")
        yield name, content[at + head : at + size]
        at += size


def _own_item(pitm: bytes) -> int:
    (item,) = struct.unpack_from(">L" if pitm[0] else ">H", pitm, _FULL)
    return int(item)


def _associated(ipma: bytes, item: int) -> list[int]:
    """Which properties an item has, counted from 1."""
    item_form, form = ">L" if ipma[0] else ">H", "H" if ipma[3] & 1 else "B"
    (left,), at = struct.unpack_from(">L", ipma, _FULL), _FULL + 4
    while left:
        (one,), at = struct.unpack_from(item_form, ipma, at), at + struct.calcsize(item_form)
        found = struct.unpack_from(f">{ipma[at]}{form}", ipma, at + 1)
        if one == item:
            # The highest bit says that a reader must know the property.
            return [index & (0x7FFF if form == "H" else 0x7F) for index in found]
        at, left = at + 1 + len(found) * struct.calcsize(form), left - 1
    raise LookupError
