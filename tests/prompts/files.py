"""A host with a seller's new files: print masters, previews and thumbnails, all of them PNG."""

import struct
import zlib
from collections.abc import Sequence
from pathlib import PurePosixPath

import httpx

from fw_mcp.sandbox.pictures import paint

ORIGIN = "https://files.example"

_SIZES = {"previews": (600, 400), "thumbnails": (200, 200)}


def host(pix_w: int, pix_h: int) -> httpx.MockTransport:
    """Answers for `ORIGIN`: every master has so many pixels."""

    def answer(request: httpx.Request) -> httpx.Response:
        path = PurePosixPath(request.url.path)
        size = _SIZES.get(path.parent.name)
        png = paint(path.stem, size) if size else master(path.name, pix_w, pix_h)
        return httpx.Response(200, content=png, headers={"Content-Type": "image/png"})

    return httpx.MockTransport(answer)


def master(name: str, pix_w: int, pix_h: int) -> bytes:
    """A PNG of that size in pixels, as far as its header tells; each name has its own bytes."""
    header = struct.pack(">2I5B", pix_w, pix_h, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in (
            (b"IHDR", header),
            (b"tEXt", b"Title\0" + name.encode() * 40),
            (b"IDAT", zlib.compress(b"")),
            (b"IEND", b""),
        )
    )


def urls(names: Sequence[str], folder: str = "masters") -> list[str]:
    """Where the files of these names are."""
    return [f"{ORIGIN}/{folder}/{name}" for name in names]
