"""A print master on this machine: what it is known by, and the keys that it gets in a bucket."""

import hashlib
import hmac
import io
from dataclasses import dataclass
from pathlib import PurePath
from types import MappingProxyType
from typing import BinaryIO
from unicodedata import normalize

from fw_mcp.api.models import FILE_NAME_LIMIT
from fw_mcp.pictures.folders import found
from fw_mcp.pictures.formats import Facts
from fw_mcp.pictures.masters import master_facts, refused
from fw_mcp.store.uploads import SameFile

KINDS = MappingProxyType(
    {
        "JPEG": (".jpg", "image/jpeg"),
        "PNG": (".png", "image/png"),
        "TIFF": (".tif", "image/tiff"),
        "WEBP": (".webp", "image/webp"),
        "AVIF": (".avif", "image/avif"),
    }
)
"""Format → how its key ends, and what it is served as."""
SHOWN_AS = "JPEG"
UNREAD = ("It could not be read completely.", "Try it again.")
"""Of a file that its disk does not give."""


@dataclass(frozen=True, slots=True)
class FileToAdd:
    """A file to upload and register, as it stood when the call was made.

    Attributes:
        path: absolute.
        file_size: bytes.
        mtime_ns: when it was last written, in nanoseconds since the epoch.
        title: FinerWorks takes the file name when None.
    """

    path: str
    file_size: int
    mtime_ns: int
    title: str | None = None
    description: str | None = None

    @property
    def file_name(self) -> str:
        """Its name as FinerWorks gets it: letters composed, and not too long."""
        name = normalize("NFC", PurePath(self.path).name)
        return name.encode("utf-8", "replace").decode()[-FILE_NAME_LIMIT:]

    @property
    def folder(self) -> str:
        """The folder that it lies in."""
        return str(PurePath(self.path).parent)

    @property
    def same(self) -> SameFile:
        """What it is known again by."""
        return SameFile(self.path, self.file_size, self.mtime_ns)


def read(file: BinaryIO) -> tuple[Facts, str]:
    """What a file is, and the digest of what it holds."""
    facts = master_facts(file)
    file.seek(0)
    return facts, hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]


def rewind(file: BinaryIO) -> None:
    """Go to the beginning; who shares its descriptor moved it behind the back of its buffer."""
    file.seek(0, io.SEEK_END)
    file.seek(0)


def key_of(secret: bytes, role: str, content: str, kind: str) -> str:
    """A name that nobody can guess, and the same for the same bytes in the same role."""
    told = hmac.new(secret, f"{role}:{content}".encode(), hashlib.sha256).hexdigest()
    return told + KINDS[kind][0]


def check_same(file: FileToAdd, opened: BinaryIO) -> None:
    """See that a file is what it was when the call was made."""
    now = found(opened.fileno(), file.path)
    if (now.size, now.mtime_ns) != (file.file_size, file.mtime_ns):
        raise refused("It was written to in the meantime.", "Call again once it is complete.")
