"""A file in pieces, on its way to a store."""

from collections.abc import Iterator
from threading import Event
from typing import BinaryIO

from fw_mcp.pictures.upload.bucket import Sent
from fw_mcp.pictures.upload.trouble import Trouble, told


def pieces(
    content: BinaryIO,
    size: int,
    length: int,
    sent: Sent,
    *,
    behind: int = 0,
    cut: Event | None = None,
) -> Iterator[bytes]:
    """The file from its beginning, `length` bytes at a time.

    Args:
        content: open for reading.
        size: what it has to be, in bytes.
        length: of a piece, in bytes.
        sent: told how much is sent: all but the last `behind` pieces, which are on their way.
        behind: how many pieces are sent at a time.
        cut: set when nobody waits for the rest any more.

    Raises:
        UploadError: it cannot be read, or is of another size; or nobody waits for it.
    """
    at = 0
    while at < size:
        if cut and cut.is_set():
            raise told(Trouble.UNREADABLE)
        piece = _read(content, min(length, size - at))
        at += len(piece)
        # What is larger has to be known before the last piece makes it whole.
        if not piece or (at == size and _read(content, 1)):
            raise told(Trouble.CHANGED)
        yield piece
        sent(max(0, at - behind * length))


def _read(content: BinaryIO, length: int) -> bytes:
    try:
        return content.read(length)
    except (OSError, ValueError) as unread:
        # A value error is that of a file which was closed.
        raise told(Trouble.UNREADABLE) from unread
