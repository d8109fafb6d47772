"""A bucket that is a folder, which a web server or a synchronised drive publishes."""

import errno
import os
import secrets
import stat
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from threading import Event
from typing import BinaryIO, TypeVar

from fw_mcp.pictures.threads import unwaited
from fw_mcp.pictures.upload.bucket import Sent
from fw_mcp.pictures.upload.pieces import pieces
from fw_mcp.pictures.upload.trouble import Trouble, told

T = TypeVar("T")

_PIECE = 2**20
_ABANDONED_S = 86_400
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


class FolderBucket:
    """Files below a folder, each written beside its place and renamed into it.

    Args:
        folder: absolute; it has to be there.
        public_url: what it is published as, without a slash at its end.
    """

    def __init__(self, folder: Path, public_url: str) -> None:
        self.place = f"the folder {folder.name}, public as {public_url}"
        self._folder = folder
        self._public_url = public_url

    def url(self, key: str) -> str:
        """The public URL of a key."""
        return f"{self._public_url}/{key}"

    async def size_of(self, key: str) -> int | None:
        """Bytes of the file, or None."""
        return await _in_a_thread(partial(self._size, key))

    async def put(self, key: str, content: BinaryIO, size: int, mime_type: str, sent: Sent) -> None:
        """Write the file; a call that is cancelled leaves nothing."""
        del mime_type
        cut = Event()
        try:
            await _in_a_thread(partial(self._write, key, content, size, sent, cut))
        finally:
            cut.set()
        if await self.size_of(key) != size:
            raise told(Trouble.LOST)

    async def remove(self, keys: Sequence[str]) -> None:
        """Remove the files."""
        for key in keys:
            await _in_a_thread(partial(self._remove, key))

    def _size(self, key: str) -> int | None:
        self._check()
        try:
            found = (self._folder / key).stat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        return found.st_size if stat.S_ISREG(found.st_mode) else None

    def _write(self, key: str, content: BinaryIO, size: int, sent: Sent, cut: Event) -> None:
        self._check()
        path = self._folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        _clear_up(path)
        beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
        try:
            with beside.open("xb") as file:
                for piece in pieces(content, size, _PIECE, sent, cut=cut):
                    file.write(piece)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)

    def _remove(self, key: str) -> None:
        self._check()
        (self._folder / key).unlink(missing_ok=True)

    def _check(self) -> None:
        if not self._folder.is_dir():
            raise told(Trouble.NO_FOLDER)


def _clear_up(path: Path) -> None:
    """Remove what a process that was killed left beside `path`."""
    for one in path.parent.glob(f".{path.name}.*.part"):
        with suppress(FileNotFoundError):
            if one.stat().st_mtime < time.time() - _ABANDONED_S:
                one.unlink()


async def _in_a_thread(work: Callable[[], T]) -> T:
    try:
        return await unwaited(work)
    except OSError as failed:
        trouble = Trouble.FULL if failed.errno in _FULL else Trouble.NOT_WRITABLE
        raise told(trouble) from failed
