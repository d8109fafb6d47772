"""Which files may be uploaded as print masters, by their first bytes and their header."""

import re
from os import SEEK_END
from types import MappingProxyType
from typing import BinaryIO

from fw_mcp.errors import Reason, UploadError
from fw_mcp.pictures.formats import Facts, UnreadablePicture, facts_of

MOST_BYTES = 1_000_000_000
MOST_PIXELS = 1_500_000_000
TAKEN = frozenset({"JPEG", "PNG", "TIFF", "WEBP", "AVIF"})

NOTHING_UPLOADED = "Nothing of this file was uploaded."
_SAVE_AS = "Save it as JPEG, PNG or TIFF and add that file."
_EXPORT = "Export it as JPEG or TIFF and add that file."
_HEAD = 4096
_RAW = "a camera's raw file"
# What begins as these do is no picture that is taken, whatever it is called.
_OTHERS = (
    (re.compile(rb"%PDF-"), "a PDF"),
    (re.compile(rb"8BP[SB]"), "a Photoshop document (PSD)"),
    (re.compile(rb"%!PS|\xc5\xd0\xd3\xc6"), "PostScript (EPS)"),
    (re.compile(rb"gimp xcf"), "a GIMP document (XCF)"),
    (re.compile(rb"BM.{4}\0{4}", re.DOTALL), "a BMP"),
    (re.compile(rb"\xff\x0a|\0\0\0\x0cJXL "), "a JPEG XL"),
    (re.compile(rb"\xff\x4f\xff\x51|\0\0\0\x0cjP  "), "a JPEG 2000"),
    (re.compile(rb"II[UR][\0OS]|MMOR|FUJIFILMCCD-RAW|FOVb|.{4}ftypcrx ", re.DOTALL), _RAW),
    (re.compile(rb"(?:\xef\xbb\xbf)?\s*<(?:\?xml|svg|!--|!DOCTYPE svg)"), "an SVG"),
    (
        re.compile(rb"(?:\xef\xbb\xbf)?\s*<(?:!doctype html|html|head|body)", re.IGNORECASE),
        "a web page",
    ),
    (re.compile(rb".{4}ftyp(?:isom|iso[2-9]|mp4|qt  |M4V|avc1)", re.DOTALL), "a video"),
    (re.compile(rb"PK\x03\x04"), "a ZIP archive or a document made of one"),
)
# Their headers are read, but they are not printed from, or not decoded by what is installed.
_NOT_TAKEN = MappingProxyType({"GIF": "a GIF", "HEIC": "a HEIC"})


def master_facts(file: BinaryIO) -> Facts:
    """What the header of a file says that may be uploaded as a print master; nothing is decoded.

    Args:
        file: can be sought in; where it stands afterwards is not told.

    Raises:
        UploadError: it may not, as a sentence that names no file.
    """
    size = file.seek(0, SEEK_END)
    if not size:
        raise refused("The file is empty.", "Add the picture itself; this may be a broken copy.")
    if size > MOST_BYTES:
        what = "The file is larger than the 1,000 MB that FinerWorks takes."
        raise refused(what, "Save it with compression (TIFF with LZW, or JPEG) and add that file.")
    file.seek(0)
    head = file.read(_HEAD)
    other = next((name for begins, name in _OTHERS if begins.match(head)), None)
    if other is not None:
        raise _not_taken(other)
    try:
        facts = facts_of(file)
    except UnreadablePicture as unreadable:
        raise _unreadable(head) from unreadable
    if facts.format in _NOT_TAKEN:
        raise _not_taken(_NOT_TAKEN[facts.format])
    pixels = facts.pix_w * facts.pix_h
    if pixels > MOST_PIXELS:
        what = f"The picture has {pixels / 1e6:,.0f} megapixels; up to 1,500 are taken."
        raise refused(what, "Make it smaller and add that file.")
    return facts


def refused(what: str, next_step: str) -> UploadError:
    """Why a file is not uploaded, in words of ours."""
    return UploadError(
        what, state=NOTHING_UPLOADED, next_step=next_step, reason=Reason.NOT_UPLOADED
    )


def _not_taken(name: str) -> UploadError:
    return refused(f"The file is {name}, whatever its name ends in; that is not taken.", _EXPORT)


def _unreadable(head: bytes) -> UploadError:
    if head[:2] in {b"II", b"MM"}:
        what = f"The file is a TIFF that is broken or cut off, or {_RAW}."
        return refused(what, _EXPORT)
    what = "The file is not a picture that is taken (JPEG, PNG, TIFF, WebP, AVIF), or it is broken."
    return refused(what, f"If it opens in a picture editor: {_SAVE_AS[0].lower()}{_SAVE_AS[1:]}")
