"""A place for uploads in memory, and pictures that tests upload."""

import hashlib
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from fw_mcp.errors import Reason, UploadError
from fw_mcp.pictures.renditions import Renditions
from fw_mcp.pictures.upload.bucket import Sent
from tests.pictures.headers import picture as painted

ADDRESS = "https://pictures.example"


async def _nothing(_: str) -> None:
    """Nothing happens."""


@dataclass
class Shelf:
    """A bucket in memory that fails where a test wants it to.

    Attributes:
        kept: key → what is there.
        put_keys: each put that was begun, in order.
        before: happens before each put and each look, which is named with its key.
    """

    place: str = "memory://shelf"
    kept: dict[str, bytes] = field(default_factory=dict)
    put_keys: list[str] = field(default_factory=list)
    before: Callable[[str], Awaitable[None]] = _nothing

    def url(self, key: str) -> str:
        """The public URL of a key."""
        return f"{ADDRESS}/fw/{key}"

    async def size_of(self, key: str) -> int | None:
        """Bytes of what is there."""
        await self.before(f"size_of {key}")
        return len(self.kept[key]) if key in self.kept else None

    async def put(self, key: str, content: BinaryIO, size: int, mime_type: str, sent: Sent) -> None:
        """Keep it; `mime_type` is what the key says."""
        self.put_keys.append(key)
        await self.before(f"put {key}")
        assert mime_type == {"jpg": "image/jpeg", "png": "image/png"}[key.rpartition(".")[2]]
        whole = content.read()
        if len(whole) != size:
            raise failed("It has another size.")
        sent(size)
        self.kept[key] = whole
        await self.before(f"kept {key}")

    async def remove(self, keys: Sequence[str]) -> None:
        """Remove them."""
        await self.before(f"remove {' '.join(keys)}")
        for key in keys:
            self.kept.pop(key, None)

    async def check(self, sizes: Mapping[str, int]) -> None:
        """See that each URL gives so many bytes."""
        await self.before("check")
        kept = {url: self.kept.get(url.removeprefix(self.url(""))) for url in sizes}
        if any(one is None or len(one) != sizes[url] for url, one in kept.items()):
            raise failed("Its public address does not give it.")


def failed(what: str) -> UploadError:
    """What a bucket raises."""
    return UploadError(
        what, state="Nothing is known.", next_step="Try it again.", reason=Reason.NOT_UPLOADED
    )


@dataclass
class Painter:
    """Makes renditions that are none, of any file.

    Attributes:
        rendered: how many were made.
    """

    available: bool = True
    rendered: int = 0

    async def render(self, file: BinaryIO, *, side: int) -> Renditions:
        """Two that differ, the same for the same file; read as a child does that shares it."""
        self.rendered += 1
        file.seek(0)
        file.read(1)
        size = os.lseek(file.fileno(), 0, os.SEEK_END)
        told = hashlib.sha256(os.pread(file.fileno(), size, 0)).hexdigest()
        return Renditions(f"preview {side} of {told}".encode(), f"thumbnail of {told}".encode())


def picture(folder: Path, name: str, side: int = 40, more: bytes = b"") -> Path:
    """A PNG of the folder with that many pixels, which `more` tells from others."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / name
    file.write_bytes(painted("PNG", (side, 30)) + (more or os.fsencode(name)))
    return file
