"""What a picture file is, from its header alone; it knows neither URLs nor paths."""

import io
import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import BinaryIO, NamedTuple

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


UNREADABLE = "It is not a picture that can be read: JPEG, PNG, TIFF, WebP, GIF, HEIC or AVIF."

_MOST_PIXELS = 2**31 - 1
_MOST_READS = 20_000
_LONGEST_READ = 65_536
_FURTHEST = 2**62
_HEAD = 64
_UPRIGHT = 1
_ORIENTATIONS = range(1, 9)
_SIDEWAYS = range(5, 9)
_STARTS = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
    (b"II+\0", "image/tiff"),
    (b"MM\0+", "image/tiff"),
)
_BRANDS = (
    (b"avif", "image/avif"),
    (b"avis", "image/avif"),
    (b"heic", "image/heic"),
    (b"heix", "image/heic"),
)
_WEBP_HAS_EXIF = 0x08
_BYTE_ORDERS = MappingProxyType({b"II": "<", b"MM": ">"})
_BIG_TIFF = 43
_SUBFILE, _WIDTH, _HEIGHT, _ORIENTATION, _DNG = 254, 256, 257, 274, 50706
_TAGS = frozenset({_SUBFILE, _WIDTH, _HEIGHT, _ORIENTATION, _DNG})
# Of a TIFF's types those that are one whole number: short, long, and long8 of the large kind.
_INTEGERS = MappingProxyType({3: "H", 4: "L", 16: "Q"})
_FORMATS = MappingProxyType(
    {
        "image/jpeg": "JPEG",
        "image/png": "PNG",
        "image/gif": "GIF",
        "image/tiff": "TIFF",
        "image/webp": "WEBP",
        "image/heic": "HEIC",
        "image/avif": "AVIF",
    }
)


class UnreadablePicture(ValueError):  # noqa: N818  it says what the file is, as a sentence of ours
    """Bytes that are no picture of a format that is printed, or one whose header is broken."""

    def __init__(self) -> None:
        super().__init__(UNREADABLE)


@dataclass(frozen=True, slots=True)
class Facts:
    """What the header of a picture says.

    Attributes:
        format: JPEG, PNG, TIFF, WEBP, GIF, HEIC or AVIF.
        pix_w: width in pixels as the picture is displayed.
        pix_h: height in pixels as the picture is displayed.
        exif_orientation: 1 to 8; from 5 on the stored width and height are the other way round.
    """

    format: str
    pix_w: int
    pix_h: int
    exif_orientation: int

    @property
    def displayed(self) -> tuple[int, int]:
        """Width and height as the picture is displayed, in pixels."""
        return self.pix_w, self.pix_h

    @property
    def stored(self) -> tuple[int, int]:
        """Width and height as the file stores them, in pixels."""
        return _turned(self.pix_w, self.pix_h, self.exif_orientation)


def picture_type(content: bytes) -> str | None:
    """The media type of a picture by its first bytes, such as `image/jpeg`; None for all else."""
    for start, media_type in _STARTS:
        if content.startswith(start):
            return media_type
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    if content[4:8] == b"ftyp":
        # The brands end with their box; a later word of the file is no brand.
        brands = content[8 : min(int.from_bytes(content[:4]), _HEAD)]
        return next((media_type for brand, media_type in _BRANDS if brand in brands), None)
    return None


def facts_of(source: BinaryIO | io.RawIOBase) -> Facts:
    """What the header of a picture says.

    Args:
        source: the file, which can be sought in.

    Raises:
        UnreadablePicture: it is no picture, or its header is broken.
        Missing: `source` is a `Sparse` that has to be told more.
    """
    frugal = _Frugal(source)
    try:
        media_type = picture_type(frugal.piece(0, _HEAD))
        if media_type is None:
            raise UnreadablePicture
        header = _READERS.get(media_type, _usual)(frugal)
    except (ValueError, LookupError, ArithmeticError, OSError, struct.error) as broken:
        raise UnreadablePicture from broken
    if not (0 < header.pix_w <= _MOST_PIXELS and 0 < header.pix_h <= _MOST_PIXELS):
        raise UnreadablePicture
    orientation = header.orientation if header.orientation in _ORIENTATIONS else _UPRIGHT
    pix_w, pix_h = _turned(header.pix_w, header.pix_h, orientation)
    return Facts(_FORMATS[media_type], pix_w, pix_h, orientation)


class _Header(NamedTuple):
    """Pixels as stored, and the EXIF orientation if there is one."""

    pix_w: int
    pix_h: int
    orientation: int = _UPRIGHT


class _Frugal:
    """A file that ends in an error when too much is read of it: headers are short."""

    def __init__(self, source: BinaryIO | io.RawIOBase) -> None:
        self._source = source
        self._reads_left = _MOST_READS

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to an offset that a file may have."""
        if abs(offset) > _FURTHEST:
            raise UnreadablePicture
        return self._source.seek(offset, whence)

    def read(self, size: int = -1) -> bytes:
        """Read so many bytes, fewer only at the end."""
        self._reads_left -= 1
        if self._reads_left < 0 or not 0 <= size <= _LONGEST_READ:
            raise UnreadablePicture
        return self._source.read(size) or b""

    def piece(self, offset: int, size: int) -> bytes:
        """The bytes from `offset` on."""
        self.seek(offset)
        return self.read(size)


def _turned(pix_w: int, pix_h: int, orientation: int) -> tuple[int, int]:
    return (pix_h, pix_w) if orientation in _SIDEWAYS else (pix_w, pix_h)


def _usual(source: _Frugal) -> _Header:
    """The header as `imagesize` reads it."""
    # It brings an HTTP client and XML, which few calls need.
    import imagesize  # type: ignore[import-untyped]  # noqa: PLC0415

    # A file object and never a text: that would be opened, be it a path or a URL.
    found = imagesize.get_info(source, dpi=False, colors=False, channels=False, exif_rotation=False)
    return _Header(int(found.width), int(found.height), found.rotation)


def _gif(source: _Frugal) -> _Header:
    # imagesize takes the sides for signed.
    return _Header(*struct.unpack("<HH", source.piece(6, 4)))


def _heif(source: _Frugal) -> _Header:
    return _Header(*displayed_size(source.piece(0, _LONGEST_READ)))


def _png(source: _Frugal) -> _Header:
    at, length, name = 8, 0, b""
    while name not in {b"eXIf", b"IDAT"}:
        length, name = struct.unpack(">L4s", source.piece(at, 8))
        start, at = at + 8, at + 12 + length
    orientation = _orientation(source, start) if name == b"eXIf" else _UPRIGHT
    return _usual(source)._replace(orientation=orientation)


def _webp(source: _Frugal) -> _Header:
    found, first = _usual(source), source.piece(12, 9)
    if first.startswith(b"VP8 "):
        # The two highest bits of a side are a wish for enlarging.
        return _Header(found.pix_w & 0x3FFF, found.pix_h & 0x3FFF)
    if first.startswith(b"VP8X") and first[8] & _WEBP_HAS_EXIF:
        return found._replace(orientation=_webp_orientation(source))
    return found


def _webp_orientation(source: _Frugal) -> int:
    """EXIF stands behind the picture itself; a file that ends before it has none."""
    at, name = 12, b""
    try:
        while name != b"EXIF":
            name, length = struct.unpack("<4sL", source.piece(at, 8))
            start, at = at + 8, at + 8 + length + length % 2
    except struct.error:
        return _UPRIGHT
    # Some writers keep the words that begin EXIF in a JPEG.
    return _orientation(source, start + 6 * (source.piece(start, 6) == b"Exif\0\0"))


def _tiff(source: _Frugal) -> _Header:
    """By its first directory; imagesize knows fewer kinds of it, and nothing of raw pictures."""
    fields = _directory(source, 0)
    if fields.get(_SUBFILE, 0) & 1 or _DNG in fields or source.piece(8, 2) == b"CR":
        # A camera's raw file begins with a small preview, or with what is no finished picture.
        raise UnreadablePicture
    return _Header(fields[_WIDTH], fields[_HEIGHT], fields.get(_ORIENTATION, _UPRIGHT))


def _orientation(source: _Frugal, start: int) -> int:
    """What the EXIF that begins at `start` says; a broken one says nothing."""
    try:
        return _directory(source, start).get(_ORIENTATION, _UPRIGHT)
    except (ValueError, LookupError, struct.error):
        return _UPRIGHT


def _directory(source: _Frugal, start: int) -> Mapping[int, int]:
    """The numbers in the first directory of a TIFF or an EXIF that begins at `start`.

    A list of numbers counts as 0.
    """
    head = source.piece(start, 16)
    order = _BYTE_ORDERS[head[:2]]
    big = struct.unpack_from(f"{order}H", head, 2) == (_BIG_TIFF,)
    (offset,) = struct.unpack_from(f"{order}Q" if big else f"{order}L", head, 8 if big else 4)
    length, entry = ("Q", "HHQ8s") if big else ("H", "HHL4s")
    at = start + offset
    (count,) = struct.unpack(order + length, source.piece(at, struct.calcsize(order + length)))
    entries = source.piece(
        at + struct.calcsize(order + length), count * struct.calcsize(order + entry)
    )
    return {
        tag: _number(order, kind, value) if number == 1 else 0
        for tag, kind, number, value in struct.iter_unpack(order + entry, entries)
        if tag in _TAGS
    }


def _number(order: str, kind: int, value: bytes) -> int:
    (number,) = struct.unpack_from(f"{order}{_INTEGERS[kind]}", value)
    return int(number)


_READERS: Mapping[str, Callable[[_Frugal], _Header]] = MappingProxyType(
    {
        "image/gif": _gif,
        "image/heic": _heif,
        "image/avif": _heif,
        "image/png": _png,
        "image/tiff": _tiff,
        "image/webp": _webp,
    }
)
