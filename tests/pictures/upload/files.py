"""Files to upload, and how far an upload has come."""

import io
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

MIB = 2**20


@dataclass
class Progress:
    """What an upload told of its progress, in bytes."""

    told: list[int] = field(default_factory=list)

    def __call__(self, sent: int) -> None:
        """Take one number."""
        self.told.append(sent)

    def is_of(self, size: int) -> bool:
        """Whether it only ever rose, to all of it."""
        return self.told == sorted(self.told) and self.told[-1:] == [size]


def file_of(size: int) -> BinaryIO:
    """A file of so many bytes, of which no two megabytes are alike."""
    block = bytes(range(256)) * (MIB // 256 - 1)
    whole = b"".join(bytes([number]) * 256 + block for number in range(size // MIB + 1))
    return io.BytesIO(whole[:size])


class Shrinking(io.BytesIO):
    """A file that ends before its size."""

    def read(self, size: int | None = -1, /) -> bytes:
        """Half of what was asked for, and then nothing."""
        return b"" if self.tell() else super().read((size or 0) // 2)


class Growing(io.BytesIO):
    """A file to which somebody adds."""

    def read(self, size: int | None = -1, /) -> bytes:
        """What was asked for, always."""
        return super().read(size) or bytes(size or 0)


class Vanishing(io.BytesIO):
    """A file whose disk goes away."""

    def read(self, size: int | None = -1, /) -> bytes:
        """Fail as the disk does."""
        del size
        raise OSError(5, os.strerror(5), "/somewhere/secret.tif")


def names_in(folder: Path) -> list[str]:
    """The paths of all files below a folder."""
    return sorted(one.relative_to(folder).as_posix() for one in folder.rglob("*") if one.is_file())


def folders_in(folder: Path) -> list[str]:
    """The names of what is in a folder and is no file."""
    return sorted(one.name for one in folder.iterdir() if not one.is_file())
