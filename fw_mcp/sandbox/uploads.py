"""Uploaded files: kept in memory, or in a folder beside the sandbox's own file."""

import re
import secrets
from collections.abc import Iterator
from pathlib import Path
from types import MappingProxyType
from typing import IO

MOST_IN_MEMORY = 512 * 2**20
"""Bytes of all files together, where they are kept in memory."""
MOST_IN_FOLDER = 1_000 * 2**20
"""Bytes of one file, where they are kept in a folder."""

_PIECE = 2**18
_KEY = re.compile(r"(?=.{1,200}\Z)[A-Za-z0-9_-][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_-][A-Za-z0-9_.-]*)*")
_MEDIA_TYPES = MappingProxyType(
    {
        "jpg": "image/jpeg",
        "jpeg": "image/jpeg",
        "png": "image/png",
        "tif": "image/tiff",
        "tiff": "image/tiff",
        "webp": "image/webp",
        "heic": "image/heic",
        "avif": "image/avif",
    }
)


def is_key(text: str) -> bool:
    """Whether a file can be kept under `text`."""
    return _KEY.fullmatch(text) is not None


def media_type(key: str) -> str:
    """What a file is served as, by the end of its key."""
    return _MEDIA_TYPES.get(key.rpartition(".")[2].lower(), "application/octet-stream")


class InMemory:
    """Files that are gone with the process."""

    def __init__(self, most: int = MOST_IN_MEMORY) -> None:
        self._files: dict[str, bytes] = {}
        self._most = most

    def room(self, key: str) -> int:
        """Bytes that a file under `key` may have."""
        others = sum(len(content) for name, content in self._files.items() if name != key)
        return self._most - others

    def size(self, key: str) -> int | None:
        """Bytes of a file; None where there is none."""
        content = self._files.get(key)
        return None if content is None else len(content)

    def pieces(self, key: str, first: int, end: int) -> Iterator[bytes]:
        """The bytes from `first` to before `end`."""
        content = self._files[key]
        yield from (content[at : min(at + _PIECE, end)] for at in range(first, end, _PIECE))

    def draft(self, key: str) -> "Draft":
        """A file that is not there yet."""
        return _DraftInMemory(self._files, key)

    def remove(self, key: str) -> bool:
        """Remove a file; whether there was one."""
        return self._files.pop(key, None) is not None


class InFolder:
    """Files that outlive the process.

    Args:
        folder: made with the first file.
    """

    def __init__(self, folder: Path, most: int = MOST_IN_FOLDER) -> None:
        self._folder = folder
        self._most = most

    def room(self, key: str) -> int:
        """Bytes that a file may have."""
        del key
        return self._most

    def size(self, key: str) -> int | None:
        """Bytes of a file; None where there is none."""
        path = self._folder / key
        return path.stat().st_size if path.is_file() else None

    def pieces(self, key: str, first: int, end: int) -> Iterator[bytes]:
        """The bytes from `first` to before `end`."""
        with (self._folder / key).open("rb") as file:
            file.seek(first)
            for at in range(first, end, _PIECE):
                yield file.read(min(_PIECE, end - at))

    def draft(self, key: str) -> "Draft":
        """A file that is not there yet."""
        return _DraftInFolder(self._folder / key)

    def remove(self, key: str) -> bool:
        """Remove a file; whether there was one."""
        is_there = self.size(key) is not None
        (self._folder / key).unlink(missing_ok=True)
        return is_there


Uploads = InMemory | InFolder


class _DraftInMemory:
    def __init__(self, files: dict[str, bytes], key: str) -> None:
        self._files = files
        self._key = key
        self._content = bytearray()

    def write(self, piece: bytes) -> None:
        """Take a piece more."""
        self._content += piece

    def keep(self) -> None:
        """Make it the file."""
        self._files[self._key] = bytes(self._content)

    def drop(self) -> None:
        """Forget what was not kept."""
        self._content.clear()


class _DraftInFolder:
    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        self._file: IO[bytes] = self._beside.open("xb")

    def write(self, piece: bytes) -> None:
        """Take a piece more."""
        self._file.write(piece)

    def keep(self) -> None:
        """Make it the file."""
        self._file.close()
        self._beside.replace(self._path)

    def drop(self) -> None:
        """Forget what was not kept."""
        self._file.close()
        self._beside.unlink(missing_ok=True)


Draft = _DraftInMemory | _DraftInFolder
