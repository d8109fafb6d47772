"""Print masters decoded, made small, and brought to sRGB. Only the child process may import it.

Line by line as far as their formats allow it, so that memory does not grow with the picture. Of
libvips only the one decoder that is needed can be reached.
"""

from collections.abc import Sequence
from os import SEEK_SET
from types import MappingProxyType
from typing import BinaryIO

import pyvips

from fw_mcp.pictures.worker.rendition import TOO_LARGE, UNREADABLE, Refused, Size, Task

_QUALITY = 82
_DECODERS = MappingProxyType(
    {"JPEG": "jpeg", "PNG": "png", "TIFF": "tiff", "WEBP": "webp", "AVIF": "heif"}
)
# What decoders hold, as measured: bytes a pixel of those that decode all at once, lines of others.
_AVIF, _WEBP, _PROGRESSIVE, _PROGRESSIVE_WITH_LESS_COLOUR = 15, 4, 6, 3
_LINES, _ROWS_OF_TILES, _INTERLACED = 800, 2.5, 1.1
_PROFILE = "icc-profile-data"
_CMYK = "cmyk"
_WHITES = MappingProxyType({"uchar": 255, "ushort": 65_535})


def rendered(task: Task, picture: BinaryIO) -> Sequence[bytes]:
    """Preview and thumbnail of a picture.

    Raises:
        Refused: it cannot be read to its end, or not in so much memory.
    """
    pyvips.cache_set_max(0)
    pyvips.block_untrusted_set(True)
    pyvips.operation_block_set("VipsForeignLoad", True)
    pyvips.operation_block_set(f"VipsForeignLoad{_DECODERS[task.format].title()}Source", False)
    file = _File(picture)
    try:
        preview = _in_srgb(_small(_opaque(_opened(task, file)), task.preview))
        if file.ended:
            raise Refused(UNREADABLE)
        made = (preview, _scaled(preview, task.thumbnail))
        return [_jpeg(_upright(one, task.orientation)) for one in made]
    except pyvips.Error as broken:
        raise Refused(UNREADABLE) from broken


class _File:
    """A file as libvips reads it.

    Attributes:
        ended: something was wanted behind its end since it was last opened: of a TIFF in tiles,
            libvips paints black what is missing, and says nothing.
    """

    def __init__(self, picture: BinaryIO) -> None:
        self._picture = picture
        # The library calls back, and keeps none of them from being collected.
        self._sources: list[pyvips.SourceCustom] = []
        self.ended = False

    def opened(self, decoder: str, **options: float) -> pyvips.Image:
        """Its first picture, to be read from its first line to its last."""
        source = pyvips.SourceCustom()
        source.on_read(self._read)
        source.on_seek(self._picture.seek)
        self._sources.append(source)
        self._picture.seek(0, SEEK_SET)
        how = {"access": "sequential", "fail_on": "error", **options}
        image = pyvips.Operation.call(f"{decoder}load_source", source, **how)
        self.ended = False
        return image

    def _read(self, size: int) -> bytes:
        content = self._picture.read(size)
        self.ended = self.ended or not content
        return content


def _opened(task: Task, file: _File) -> pyvips.Image:
    """The picture; a JPEG or a WebP already smaller, but at least twice as large as is wanted."""
    decoder = _DECODERS[task.format]
    image = file.opened(decoder)
    if (image.width, image.height) != tuple(task.stored):
        raise Refused(UNREADABLE)
    if _held(task.format, image) > task.most_held:
        raise Refused(TOO_LARGE)
    times = max(task.stored) / max(task.preview)
    if task.format == "JPEG":
        shrink = next((one for one in (8, 4, 2) if times >= one * 2), 1)
        return file.opened(decoder, shrink=shrink)
    if task.format == "WEBP":
        return file.opened(decoder, scale=min(1, 2 / times))
    return image


def _held(format_: str, image: pyvips.Image) -> float:
    """Bytes that a decoder holds before it gives the first line."""
    pixels: int = image.width * image.height
    samples = image.bands * (2 if image.format == "ushort" else 1)
    if format_ in {"AVIF", "WEBP"}:
        return pixels * (_AVIF if format_ == "AVIF" else _WEBP)
    if image.get_typeof("interlaced") and format_ == "JPEG":
        less = image.get("jpeg-chroma-subsample") == "4:2:0"
        return pixels * (_PROGRESSIVE_WITH_LESS_COLOUR if less else _PROGRESSIVE)
    if image.get_typeof("interlaced"):
        return float(pixels * samples * _INTERLACED)
    tile = image.get("tile-height") if image.get_typeof("tile-height") else 0
    return float(image.width * samples * max(_LINES, tile * _ROWS_OF_TILES))


def _opaque(image: pyvips.Image) -> pyvips.Image:
    """On white, and without channels that are no colours."""
    white = _WHITES.get(image.format, 1)
    if image.hasalpha():
        paper = 0 if image.interpretation == _CMYK else white
        image = image.flatten(background=[paper], max_alpha=white)
    colours = {1: 1, 2: 1}.get(image.bands, 4 if image.interpretation == _CMYK else 3)
    return image.extract_band(0, n=colours) if image.bands > colours else image


def _small(image: pyvips.Image, size: Size) -> pyvips.Image:
    """Of this size, and in memory.

    First it is made narrower, since many of its lines are held at once.
    """
    narrower = image.width // (2 * size[0])
    return _scaled(image.shrinkh(narrower) if narrower > 1 else image, size).copy_memory()


def _scaled(image: pyvips.Image, size: Size) -> pyvips.Image:
    return image.resize(size[0] / image.width, vscale=size[1] / image.height)


def _in_srgb(image: pyvips.Image) -> pyvips.Image:
    """In sRGB with its profile, by the file's own profile, or by what it is without one."""
    if image.get_typeof(_PROFILE) or image.interpretation == _CMYK:
        # Where its own is broken, or of another kind of picture, a usual one stands in.
        how = {"embedded": True, "intent": "relative", "black_point_compensation": True}
        return image.icc_transform("srgb", **how).copy_memory()
    plain = image.colourspace("srgb").copy()
    plain.set_type(pyvips.GValue.blob_type, _PROFILE, pyvips.Operation.call("profile_load", "srgb"))
    return plain


def _upright(image: pyvips.Image, orientation: int) -> pyvips.Image:
    """Turned as the header was read, which told the sizes that are promised."""
    said = image.copy()
    said.set_type(pyvips.GValue.gint_type, "orientation", orientation)
    return said.autorot()


def _jpeg(image: pyvips.Image) -> bytes:
    """Without metadata but the profile."""
    return bytes(image.jpegsave_buffer(Q=_QUALITY, optimize_coding=True, keep="icc"))
