"""`Bucket`: where uploaded files lie, whatever store that is."""

from collections.abc import Callable, Sequence
from typing import BinaryIO, Protocol

Sent = Callable[[int], None]
"""Told, from any thread, how many bytes of a file are sent so far."""


class Bucket(Protocol):
    """A place for files that are public at a URL each.

    Attributes:
        place: what a person calls it (`s3://prints/fw`); it never holds a credential.
    """

    place: str

    def url(self, key: str) -> str:
        """The public URL of what is kept under `key`."""

    async def size_of(self, key: str) -> int | None:
        """Bytes of what is kept under `key`; None where nothing is.

        Raises:
            UploadError: the store could not be asked.
        """

    async def put(self, key: str, content: BinaryIO, size: int, mime_type: str, sent: Sent) -> None:
        """Keep `content` under `key`, over what was there; nothing shows before all of it is there.

        Args:
            key: ASCII letters, digits, `-`, `.` and `/`.
            content: at its beginning, open for reading; it stays open.
            size: bytes of it; another number of bytes is refused.
            mime_type: what it is served as.
            sent: told the progress.

        Raises:
            UploadError: it is not there, or it is not known whether it is.
        """

    async def remove(self, keys: Sequence[str]) -> None:
        """Remove what is kept under these keys; one that is not there is no error.

        Raises:
            UploadError: some may still be there.
        """
