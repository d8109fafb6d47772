"""A file of which only some pieces are known, and which asks for the next one that it needs."""

import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    # typeshed's own words for what `readinto` takes; there is nothing to import at run time.
    from _typeshed import WriteableBuffer

# Of a file of unknown size.
_FURTHEST = 2**62


class Missing(Exception):  # noqa: N818  a wish for bytes, not a fault
    """A piece of a file has to be fetched before reading can go on.

    Attributes:
        offset: where it begins, in bytes.
        length: how much of it is wanted, in bytes.
    """

    def __init__(self, offset: int, length: int) -> None:
        super().__init__(offset, length)
        self.offset = offset
        self.length = length


class Sparse(io.RawIOBase):
    """A file of which some pieces are known; reading another one raises `Missing`.

    Args:
        size: of the whole file in bytes; None while that is unknown.
    """

    def __init__(self, size: int | None) -> None:
        super().__init__()
        self._size = _FURTHEST if size is None else size
        self._pieces: list[tuple[int, bytes]] = []
        self._position = 0

    def add(self, offset: int, content: bytes) -> None:
        """Know `content`, which begins at `offset`."""
        self._pieces.append((offset, content))

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to an offset, also beyond the end."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        if start + offset < 0:
            raise ValueError("before the beginning")
        self._position = start + offset
        return self._position

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        """Fill `buffer` up to the end of the file.

        Raises:
            Missing: a part of it is not known; nothing was read.
        """
        view = memoryview(buffer)
        start, end = self._position, min(self._position + len(view), self._size)
        at = start
        while at < end:
            known = self._known_from(at, end)
            view[at - start : at - start + len(known)] = known
            at += len(known)
        self._position = at
        return at - start

    def _known_from(self, at: int, end: int) -> bytes:
        for offset, content in self._pieces:
            if offset <= at < offset + len(content):
                return content[at - offset : end - offset]
        raise Missing(at, end - at)
