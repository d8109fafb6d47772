"""Files behind URLs: from servers that know ranges and from others, and one of 84 MB."""

import struct
from dataclasses import dataclass, field

import httpx

from tests.pictures.fetch.web import Body, page
from tests.pictures.headers import sides, tiff

LARGE = 84_000_000


@dataclass
class Served:
    """What answers with a file, or the piece of it that was asked for.

    Attributes:
        knows_ranges: otherwise it answers with the whole file, whatever was asked.
        says_size: in the answers.
        asked: first and last byte of each piece that was asked for.
    """

    content: bytes
    knows_ranges: bool = True
    says_size: bool = True
    asked: list[tuple[int, int]] = field(default_factory=list)

    @property
    def size(self) -> int:
        """Of the whole file, in bytes."""
        return len(self.content)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer."""
        first, last = map(int, request.headers["range"].removeprefix("bytes=").split("-"))
        self.asked.append((first, last))
        if not self.knows_ranges:
            length = {"Content-Length": str(self.size)} if self.says_size else None
            pieces = (self.piece(at, at + 65_536) for at in range(0, self.size, 65_536))
            return httpx.Response(200, stream=Body(pieces), headers=length)
        content = self.piece(first, min(last + 1, self.size))
        size = self.size if self.says_size else "*"
        named = f"bytes {first}-{first + len(content) - 1}/{size}"
        return page(content, 206, {"Content-Range": named})(request)

    def piece(self, start: int, end: int) -> bytes:
        """The bytes from `start` to before `end`."""
        return self.content[start:end]


@dataclass
class ServedTiff(Served):
    """A TIFF of 84 MB and 6000 x 4000 pixels; its directory stands behind the pixels."""

    content: bytes = b""

    @property
    def size(self) -> int:
        """Of the whole file, in bytes."""
        return LARGE + len(self._directory)

    def piece(self, start: int, end: int) -> bytes:
        """The bytes, of which only the ends are not 0."""
        content = bytearray(end - start)
        for offset, known in ((0, self._head), (LARGE, self._directory)):
            cut = known[max(start - offset, 0) : max(end - offset, 0)]
            at = max(offset - start, 0)
            content[at : at + len(cut)] = cut
        return bytes(content)

    @property
    def _head(self) -> bytes:
        return struct.pack("<2sHL", b"II", 42, LARGE)

    @property
    def _directory(self) -> bytes:
        return tiff(sides(6000, 4000))[8:]
