"""What a picture file is, from its header alone; it knows neither URLs nor paths."""

import io
import re
import struct
from codecs import BOM_UTF8
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import BinaryIO, NamedTuple

UNREADABLE = "It is not a readable picture: JPEG, PNG, TIFF, WebP, GIF, HEIC or AVIF."

_MOST_PIXELS = 2**31 - 1
_MOST_READS = 20_000
_LONGEST_READ = 65_536
_FURTHEST = 2**62
_HEAD = 64
_HTML_WITHIN = 1024
_HTML = re.compile(rb"\s*<(?:.*<)?(?:!doctype html|html|head|body)[\s>]", re.IGNORECASE | re.DOTALL)
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
_EXTENSIONS = MappingProxyType({"JPEG": "jpg", "TIFF": "tif"})
_OF_ANY_CODEC = "image/heif"
_BRANDS = (
    (b"avif", "image/avif"),
    (b"avis", "image/avif"),
    (b"heic", "image/heic"),
    (b"heix", "image/heic"),
    (b"heim", "image/heic"),
    (b"heis", "image/heic"),
    (b"mif1", _OF_ANY_CODEC),
)
_CODECS = MappingProxyType({b"hvcC": "image/heic", b"av1C": "image/avif"})
_JPEG_EXIF = 0xE1
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_PIXELS, _JPEG_END = 0xDA, 0xD9
# Filling, and markers that no length follows.
_JPEG_BARE = frozenset({0x01, *range(0xD0, 0xD8), 0xFF})
_WEBP_HAS_EXIF = 0x08
_EXIF_BEGINS = b"Exif\0\0"
_BYTE_ORDERS = MappingProxyType({b"II": "<", b"MM": ">"})
_BIG_TIFF = 43
_SUBFILE, _WIDTH, _HEIGHT, _ORIENTATION, _DNG = 254, 256, 257, 274, 50706
_TAGS = frozenset({_SUBFILE, _WIDTH, _HEIGHT, _ORIENTATION, _DNG})
# Of a TIFF's types those that are one whole number: short, long, both with a sign, and long8 of
# the large kind.
_INTEGERS = MappingProxyType({3: "H", 4: "L", 8: "h", 9: "l", 16: "Q"})
_BOX_IS_LARGE, _BOX_GOES_TO_THE_END = 1, 0
_BOX_FLAGS = 4
"""Bytes of version and flags, with which some boxes begin."""


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
    def mime_type(self) -> str:
        """What a file of this format is served as."""
        return f"image/{self.format.lower()}"

    @property
    def extension(self) -> str:
        """How the name of a file of this format ends, the dot included."""
        return f".{_EXTENSIONS.get(self.format, self.format.lower())}"

    @property
    def displayed(self) -> tuple[int, int]:
        """Width and height as the picture is displayed, in pixels."""
        return self.pix_w, self.pix_h

    @property
    def stored(self) -> tuple[int, int]:
        """Width and height as the file stores them, in pixels."""
        return turned(self.pix_w, self.pix_h, self.exif_orientation)


def is_html(content: bytes) -> bool:
    """Whether a file is a web page, by its first bytes."""
    return _HTML.match(content[:_HTML_WITHIN].removeprefix(BOM_UTF8)) is not None


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
        stored = _READERS[media_type](frugal)
    except (ValueError, LookupError, ArithmeticError, OSError, struct.error) as broken:
        raise UnreadablePicture from broken
    media_type = stored.media_type or media_type
    if not (0 < stored.pix_w <= _MOST_PIXELS and 0 < stored.pix_h <= _MOST_PIXELS):
        raise UnreadablePicture
    orientation = stored.orientation if stored.orientation in _ORIENTATIONS else _UPRIGHT
    pix_w, pix_h = turned(stored.pix_w, stored.pix_h, orientation)
    return Facts(media_type.removeprefix("image/").upper(), pix_w, pix_h, orientation)


class _Stored(NamedTuple):
    """Pixels as stored, the EXIF orientation if there is one, and what the picture is made of.

    The last is known only to the formats that hold pictures of several kinds.
    """

    pix_w: int
    pix_h: int
    orientation: int = _UPRIGHT
    media_type: str = ""


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


def turned(pix_w: int, pix_h: int, orientation: int) -> tuple[int, int]:
    """A width and a height, once a picture of this EXIF orientation stands upright; and back."""
    return (pix_h, pix_w) if orientation in _SIDEWAYS else (pix_w, pix_h)


def _jpeg(source: _Frugal) -> _Stored:
    """By its frame; the EXIF stands somewhere before the pixels."""
    pix_w, pix_h, orientation, at = 0, 0, _UPRIGHT, 2
    while True:
        start, marker, length = struct.unpack(">cBH", source.piece(at, 4))
        if start != b"\xff" or marker in _JPEG_BARE:
            at += 1
            continue
        if marker in {_JPEG_PIXELS, _JPEG_END}:
            return _Stored(pix_w, pix_h, orientation)
        if marker in _JPEG_FRAMES:
            pix_h, pix_w = struct.unpack(">HH", source.piece(at + 5, 4))
        elif marker == _JPEG_EXIF and orientation == _UPRIGHT:
            segment = source.piece(at + 4, max(length - 2, 0))
            if segment.startswith(_EXIF_BEGINS):
                # It ends with its segment, wherever it says that its directory begins.
                orientation = _orientation(_Frugal(io.BytesIO(segment[6:])), 0)
        at += 2 + length


def _gif(source: _Frugal) -> _Stored:
    return _Stored(*struct.unpack("<HH", source.piece(6, 4)))


def _png(source: _Frugal) -> _Stored:
    first, pix_w, pix_h = struct.unpack(">4sLL", source.piece(12, 12))
    if first != b"IHDR":
        raise UnreadablePicture
    at, length, name = 8, 0, b""
    while name not in {b"eXIf", b"IDAT"}:
        length, name = struct.unpack(">L4s", source.piece(at, 8))
        start, at = at + 8, at + 12 + length
    orientation = _orientation(source, start) if name == b"eXIf" else _UPRIGHT
    return _Stored(pix_w, pix_h, orientation)


def _webp(source: _Frugal) -> _Stored:
    first = source.piece(12, 18)
    if first.startswith(b"VP8 "):
        # The two highest bits of a side are a wish for enlarging.
        return _Stored(*(side & 0x3FFF for side in struct.unpack_from("<HH", first, 14)))
    if first.startswith(b"VP8L"):
        (bits,) = struct.unpack_from("<L", first, 9)
        return _Stored((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
    if not first.startswith(b"VP8X"):
        raise UnreadablePicture
    low_w, high_w, low_h, high_h = struct.unpack_from("<HBHB", first, 12)
    orientation = _webp_orientation(source) if first[8] & _WEBP_HAS_EXIF else _UPRIGHT
    return _Stored((high_w << 16 | low_w) + 1, (high_h << 16 | low_h) + 1, orientation)


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
    return _orientation(source, start + 6 * (source.piece(start, 6) == _EXIF_BEGINS))


def _tiff(source: _Frugal) -> _Stored:
    """By its first directory."""
    fields = _directory(source, 0)
    if fields.get(_SUBFILE, 0) & 1 or _DNG in fields or source.piece(8, 2) == b"CR":
        # A camera's raw file begins with a small preview, or with what is no finished picture.
        raise UnreadablePicture
    return _Stored(fields[_WIDTH], fields[_HEIGHT], fields.get(_ORIENTATION, _UPRIGHT))


def _orientation(source: _Frugal, start: int) -> int:
    """What the EXIF that begins at `start` says; a broken one says nothing."""
    try:
        return _directory(source, start).get(_ORIENTATION, _UPRIGHT)
    except (ValueError, LookupError, struct.error):
        return _UPRIGHT


def _directory(source: _Frugal, start: int) -> Mapping[int, int]:
    """The numbers in the first directory of a TIFF or an EXIF that begins at `start`.

    A list of numbers counts as 0, and so does what is no whole number.
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
        tag: _number(order, kind, value) if number == 1 and kind in _INTEGERS else 0
        for tag, kind, number, value in struct.iter_unpack(order + entry, entries)
        if tag in _TAGS
    }


def _number(order: str, kind: int, value: bytes) -> int:
    (number,) = struct.unpack_from(f"{order}{_INTEGERS[kind]}", value)
    return int(number)


class _Box(NamedTuple):
    """Where the content of a box stands in its file."""

    name: bytes
    start: int
    end: int


def _heif(source: _Frugal) -> _Stored:
    """By the properties of the picture that is the file's own, as it is displayed.

    EXIF is not asked: the format has its own turning, beside which EXIF's counts for nothing.
    Boxes are passed over by their sizes: some cameras put what describes the picture behind it,
    and a profile of colours may be longer than all the rest.
    """
    meta = _box(_boxes(source, 0, _FURTHEST), b"meta")
    parts = list(_boxes(source, meta.start + _BOX_FLAGS, meta.end))
    iprp = _box(parts, b"iprp")
    inside = list(_boxes(source, iprp.start, iprp.end))
    ipco = _box(inside, b"ipco")
    properties = list(_boxes(source, ipco.start, ipco.end))
    item = _own_item(_short(source, _box(parts, b"pitm")))
    lists = [_short(source, box) for box in inside if box.name == b"ipma"]
    places = (at for ipma in lists for at in _associated(ipma, item) if at)
    own = {box.name: box for box in (properties[at - 1] for at in places)}
    pix_w, pix_h = _cropped(source, own)
    turned = b"irot" in own and _short(source, own[b"irot"])[0] % 2
    size = (pix_h, pix_w) if turned else (pix_w, pix_h)
    return _Stored(*size, media_type=_codec(source, properties))


def _codec(source: _Frugal, properties: Sequence[_Box]) -> str:
    """What the picture is by its own properties, where its file does not say it by a brand."""
    if picture_type(source.piece(0, _HEAD)) != _OF_ANY_CODEC:
        return ""
    return [_CODECS[box.name] for box in properties if box.name in _CODECS][0]  # noqa: RUF015  none is a fault


def _cropped(source: _Frugal, own: Mapping[bytes, _Box]) -> tuple[int, int]:
    """The sides of a picture of which maybe only a part is displayed."""
    pix_w, pix_h = struct.unpack_from(">LL", _short(source, own[b"ispe"]), _BOX_FLAGS)
    if b"clap" in own:
        w, per_w, h, per_h = struct.unpack_from(">4L", _short(source, own[b"clap"]))
        pix_w, pix_h = min(pix_w, w // per_w), min(pix_h, h // per_h)
    return pix_w, pix_h


def _boxes(source: _Frugal, at: int, end: int) -> Iterator[_Box]:
    """Each box from `at` on; the last may be cut off."""
    while at + 8 <= end and len(first := source.piece(at, 8)) == 8:  # noqa: PLR2004  size and name
        (size, name), head = struct.unpack(">L4s", first), 8
        if size == _BOX_IS_LARGE:
            (size,), head = struct.unpack(">Q", source.piece(at + 8, 8)), 16
        elif size == _BOX_GOES_TO_THE_END:
            size = end - at
        if size < head:
            raise ValueError("a box that ends before it begins")
        yield _Box(name, at + head, min(at + size, end))
        at += size


def _box(boxes: Iterable[_Box], name: bytes) -> _Box:
    found = next((box for box in boxes if box.name == name), None)
    if found is None:
        raise LookupError
    return found


def _short(source: _Frugal, box: _Box) -> bytes:
    """The content of a box, or the beginning of a long one."""
    return source.piece(box.start, min(box.end - box.start, _LONGEST_READ))


def _own_item(pitm: bytes) -> int:
    (item,) = struct.unpack_from(">L" if pitm[0] else ">H", pitm, _BOX_FLAGS)
    return int(item)


def _associated(ipma: bytes, item: int) -> list[int]:
    """Which properties an item has, counted from 1."""
    item_form, form = ">L" if ipma[0] else ">H", "H" if ipma[3] & 1 else "B"
    (left,), at = struct.unpack_from(">L", ipma, _BOX_FLAGS), _BOX_FLAGS + 4
    while left:
        (one,), at = struct.unpack_from(item_form, ipma, at), at + struct.calcsize(item_form)
        found = struct.unpack_from(f">{ipma[at]}{form}", ipma, at + 1)
        if one == item:
            # The highest bit says that a reader must know the property.
            return [index & (0x7FFF if form == "H" else 0x7F) for index in found]
        at, left = at + 1 + len(found) * struct.calcsize(form), left - 1
    return []


_READERS: Mapping[str, Callable[[_Frugal], _Stored]] = MappingProxyType(
    {
        "image/jpeg": _jpeg,
        "image/png": _png,
        "image/gif": _gif,
        "image/tiff": _tiff,
        "image/webp": _webp,
        "image/heic": _heif,
        "image/avif": _heif,
        _OF_ANY_CODEC: _heif,
    }
)
