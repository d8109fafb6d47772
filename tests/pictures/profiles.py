"""Small ICC profiles, made by hand: editors and cameras bring them, no library here does."""

import io
import struct
from collections.abc import Sequence

import pyvips
from PIL import Image, ImageCms

# Red, green and blue at D50, each as X, Y and Z.
ADOBE_RGB = ((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457))
PROPHOTO = ((0.79767, 0.28804, 0.0), (0.13519, 0.71187, 0.0), (0.03134, 0.00009, 0.82491))
_D50 = (0.9642, 1.0, 0.82491)
_RELATIVE, _BLACK_POINT = 1, 0x2000


def of_rgb(primaries: Sequence[tuple[float, float, float]], gamma: float) -> bytes:
    """A profile of three primaries."""
    colours = {
        name: _xyz(one) for name, one in zip((b"rXYZ", b"gXYZ", b"bXYZ"), primaries, strict=True)
    }
    return _profile(b"RGB ", colours | dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), _curve(gamma)))


def of_grey(gamma: float) -> bytes:
    """A profile of shades of grey."""
    return _profile(b"GRAY", {b"kTRC": _curve(gamma)})


def built_in(name: str) -> bytes:
    """A profile that libvips brings: srgb, p3 or cmyk."""
    return bytes(pyvips.Operation.call("profile_load", name))


def in_srgb(image: Image.Image, profile: bytes) -> Image.Image:
    """The image as another library shows it: the judge."""
    shown = ImageCms.profileToProfile(
        image,
        ImageCms.ImageCmsProfile(io.BytesIO(profile)),
        ImageCms.createProfile("sRGB"),
        renderingIntent=ImageCms.Intent(_RELATIVE),
        outputMode="RGB",
        flags=ImageCms.Flags(_BLACK_POINT),
    )
    assert shown is not None
    return shown


def _profile(space: bytes, tags: dict[bytes, bytes]) -> bytes:
    text = b"desc" + bytes(4) + struct.pack(">L", 5) + b"test\0" + bytes(78)
    tags = {b"desc": text, b"cprt": b"text" + bytes(4) + b"none\0", b"wtpt": _xyz(_D50), **tags}
    at, table, content = 128 + 4 + 12 * len(tags), b"", b""
    for name, tag in tags.items():
        table += struct.pack(">4sLL", name, at + len(content), len(tag))
        content += tag.ljust(-(-len(tag) // 4) * 4, b"\0")
    head = struct.pack(">4x4xL4s4s4s", 0x02400000, b"mntr", space, b"XYZ ")
    head += bytes(12) + b"acsp" + bytes(28) + _xyz(_D50)[8:] + bytes(48)
    whole = head + struct.pack(">L", len(tags)) + table + content
    return struct.pack(">L", len(whole)) + whole[4:]


def _xyz(numbers: tuple[float, float, float]) -> bytes:
    return b"XYZ " + bytes(4) + struct.pack(">3l", *(round(one * 65_536) for one in numbers))


def _curve(gamma: float) -> bytes:
    return b"curv" + bytes(4) + struct.pack(">LH", 1, round(gamma * 256))
