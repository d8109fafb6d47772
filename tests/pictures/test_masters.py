"""Which files may be uploaded as print masters: told by their first bytes and their header."""

import io
import os
import struct
import tempfile
from typing import Any

import pytest

from fw_mcp.errors import Reason, UploadError
from fw_mcp.pictures.masters import MOST_BYTES, MOST_PIXELS, master_facts
from tests.pictures.headers import box, heic, picture, sides, tiff
from tests.pictures.painted import bomb
from tests.pictures.printed import corners, of_libvips, saved
from tests.support.products import first_of

TAKEN: dict[str, tuple[str, dict[str, Any], str, str]] = {
    "JPEG": ("jpg", {}, "image/jpeg", ".jpg"),
    "JPEG of inks": ("jpg", {}, "image/jpeg", ".jpg"),
    "PNG": ("png", {}, "image/png", ".png"),
    "TIFF": ("tif", {}, "image/tiff", ".tif"),
    "TIFF LZW": ("tif", {"compression": "lzw"}, "image/tiff", ".tif"),
    "TIFF deflate": ("tif", {"compression": "deflate"}, "image/tiff", ".tif"),
    "TIFF tiles": ("tif", {"tile": True}, "image/tiff", ".tif"),
    "TIFF pyramid": ("tif", {"tile": True, "pyramid": True}, "image/tiff", ".tif"),
    "BigTIFF": ("tif", {"bigtiff": True}, "image/tiff", ".tif"),
    "TIFF of inks": ("tif", {}, "image/tiff", ".tif"),
    "TIFF 16 bit": ("tif", {}, "image/tiff", ".tif"),
    "WebP": ("webp", {}, "image/webp", ".webp"),
    "AVIF": ("avif", {"effort": 0}, "image/avif", ".avif"),
}
REFUSED = {
    "GIF": ("is a GIF,", picture("GIF")),
    "HEIC": ("is a HEIC,", heic(60, 40)),
    "PDF": ("is a PDF,", b"%PDF-1.7\n%\xe2\xe3"),
    "PSD": ("is a Photoshop document (PSD),", b"8BPS\0\1" + bytes(40)),
    "PSB": ("is a Photoshop document (PSD),", b"8BPS\0\2" + bytes(40)),
    "EPS": ("is PostScript (EPS),", b"%!PS-Adobe-3.0 EPSF-3.0"),
    "XCF": ("is a GIMP document (XCF),", b"gimp xcf v011\0"),
    "BMP": ("is a BMP,", b"BM" + bytes(60)),
    "JPEG XL": ("is a JPEG XL,", b"\xff\x0a" + bytes(40)),
    "JPEG 2000": ("is a JPEG 2000,", b"\0\0\0\x0cjP  \r\n\x87\n"),
    "SVG": ("is an SVG,", b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
    "SVG of an editor": ("is an SVG,", b"\xef\xbb\xbf<?xml version='1.0'?>\n<svg/>"),
    "web page": ("is a web page,", b"\n<!DOCTYPE html><title>Sign in</title>"),
    "Canon's raw": ("is a camera's raw file,", box(b"ftyp", b"crx \0\0\0\1crx isom")),
    "Fuji's raw": ("is a camera's raw file,", b"FUJIFILMCCD-RAW 0201"),
    "Nikon's raw": ("or a camera's raw file.", tiff({254: (4, 1, 1), **sides(160, 120)})),
    "TIFF cut off": ("is a TIFF that is broken or cut off,", b"II*\0\xff\xff\0\0" + bytes(99)),
    "video": ("is a video,", box(b"ftyp", b"isom\0\0\2\0isomavc1")),
    "ZIP": ("is a ZIP archive", b"PK\x03\x04" + bytes(40)),
    "nothing": ("is empty.", b""),
    "text": ("is not a picture that is taken (JPEG, PNG, TIFF, WebP, AVIF)", b"fog.jpg"),
    "JPEG cut off": ("is not a picture that is taken", picture("JPEG")[:100]),
    "bomb": ("has 2,500 megapixels; up to 1,500 are taken.", bomb()),
}


def refused(content: bytes) -> UploadError:
    """Why it is not taken."""
    with pytest.raises(UploadError) as told:
        master_facts(io.BytesIO(content))
    return told.value


@pytest.mark.parametrize("name", TAKEN)
def test_what_is_taken_is_told_by_its_header(name: str) -> None:
    """Pixels, format, how it is served, and how its name ends."""
    kind, options, mime_type, extension = TAKEN[name]
    image = of_libvips(corners((61, 40), "CMYK" if "inks" in name else "RGB"), deep="16" in name)
    facts = master_facts(io.BytesIO(saved(image, kind, **options)))
    assert facts.displayed == (61, 40)
    assert (facts.mime_type, facts.extension) == (mime_type, extension)


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_taken_is_named(name: str) -> None:
    """Whatever its name ends in, with what to do about it, and nothing of it is uploaded."""
    what, content = REFUSED[name]
    told = refused(content)
    assert told.what.startswith("The ")
    assert what in told.what
    assert told.reason is Reason.NOT_UPLOADED
    assert told.state == "Nothing of this file was uploaded."
    assert told.next_step.endswith(".")


@pytest.mark.parametrize("large", first_of(MOST_BYTES + 1, 2 * MOST_BYTES))
def test_a_file_is_refused_by_its_size_before_it_is_read(large: int) -> None:
    """The most that FinerWorks' own uploader takes."""
    with tempfile.TemporaryFile() as file:
        file.write(picture("JPEG"))
        os.truncate(file.fileno(), MOST_BYTES)
        assert master_facts(file).displayed == (30, 20)
        os.truncate(file.fileno(), large)
        with pytest.raises(UploadError, match="larger than the 1,000 MB that FinerWorks takes"):
            master_facts(file)


def test_as_many_pixels_as_are_taken_are_taken() -> None:
    """They are counted by the header, and nothing is decoded."""
    side = MOST_PIXELS // 30_000
    head, rest = picture("PNG")[:16], picture("PNG")[24:]
    facts = master_facts(io.BytesIO(head + struct.pack(">LL", 30_000, side) + rest))
    assert facts.displayed == (30_000, side)
    assert "megapixels" in refused(head + struct.pack(">LL", 30_001, side) + rest).what
