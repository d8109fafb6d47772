"""Preview and thumbnail of a print master, made in a process of its own."""

import importlib.util
import io
import json
import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial
from types import MappingProxyType
from typing import BinaryIO

import anyio
from pydantic import BaseModel, ConfigDict

from fw_mcp.errors import Reason, UploadError
from fw_mcp.pictures.formats import facts_of, turned
from fw_mcp.pictures.masters import NOTHING_UPLOADED, master_facts, refused
from fw_mcp.pictures.threads import unwaited
from fw_mcp.pictures.worker.process import heard, kept, own_command, parts, started
from fw_mcp.pictures.worker.rendition import ENVIRON, TOO_LARGE, UNREADABLE, Task

PREVIEW_SIDE = 1600

_TOTAL_S = 120.0
# Each may take 200 MB.
_CHILDREN_AT_ONCE = 1
_MOST_BYTES = 16_000_000
_LIBRARIES = ("pyvips", "_libvips", "cffi", "_cffi_backend", "pycparser")
_SAVE_AGAIN = "If it opens in a picture editor, save it again as TIFF or JPEG and add that file."
_SAVE_OTHERWISE = (
    "Save it as TIFF in strips, as PNG that is not interlaced or as JPEG that is not progressive, "
    "and add that file."
)
_WORDS = MappingProxyType(
    {
        UNREADABLE: (
            "The picture is broken or cut off: it cannot be read completely.",
            _SAVE_AGAIN,
        ),
        TOO_LARGE: ("The picture takes too much memory to read, as it is saved.", _SAVE_OTHERWISE),
    }
)
_DIED = ("The picture cannot be read: what reads it broke down over it.", _SAVE_AGAIN)
_LATE = ("The picture takes too long to read.", _SAVE_AGAIN)

_log = logging.getLogger("fw_mcp.pictures")


@dataclass(frozen=True, slots=True)
class Renditions:
    """What stands for a print master on a screen: JPEG, upright, sRGB, without metadata."""

    preview: bytes
    thumbnail: bytes


class Renderer:
    """Where renditions are made, one file at a time.

    Args:
        environ: the environment; the child gets of it only what a program needs to start.
        command: starts the child, the task is added to it; None for the one of this program.
        available: whether the extra is installed; None to look.
        total_s: seconds for a file, waiting for its turn not included.
    """

    def __init__(
        self,
        *,
        environ: Mapping[str, str] | None = None,
        command: Sequence[str] | None = None,
        available: bool | None = None,
        total_s: float = _TOTAL_S,
    ) -> None:
        self._environ = kept(environ or {}) | ENVIRON
        self._command = command
        self._available = available
        self._total_s = total_s
        self._turns = anyio.Semaphore(_CHILDREN_AT_ONCE)

    @property
    def available(self) -> bool:
        """Whether what makes renditions is installed."""
        if self._available is None:
            found = [importlib.util.find_spec(name) for name in _LIBRARIES[:2]]
            self._available = None not in found
        return self._available

    async def render(self, file: BinaryIO, *, side: int = PREVIEW_SIDE) -> Renditions:
        """The renditions of a print master, which has to be the file's first picture.

        Args:
            file: open for reading, with a descriptor; nobody else may read it meanwhile, and where
                it stands afterwards is not told.
            side: pixels, the most of the preview's width and height; it is never enlarged.

        Raises:
            UploadError: there are none; why, as a sentence that names no file.
        """
        if not self.available:
            raise UploadError(
                "Files cannot be uploaded: the extra upload is not installed.",
                state=NOTHING_UPLOADED,
                next_step="Install fw-mcp[upload] in place of fw-mcp and start it again.",
                reason=Reason.UPLOAD_OFF,
            )
        facts = await unwaited(partial(master_facts, file))
        task = Task.of(facts, side)
        async with self._turns:
            with anyio.move_on_after(self._total_s):
                return _checked(task, await self._run(task, file))
        raise refused(*_LATE)

    async def _run(self, task: Task, file: BinaryIO) -> bytes:
        """What one child says to `task`, as far as it gets."""
        command = (
            *(self._command or own_command("rendering", *_LIBRARIES)),
            json.dumps(asdict(task)),
        )
        with suppress(OSError):
            async with started(command, self._environ, stdin=file) as child:
                return await heard(child, _MOST_BYTES)
        return b""


class _Told(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    sizes: tuple[int, int] | None = None
    refused: str = ""


def _checked(task: Task, said: bytes) -> Renditions:
    """What the child made; it decoded what a stranger made, and may be anybody by now."""
    try:
        header, content = parts(said)
        told = _Told.model_validate_json(header)
        if told.refused in _WORDS:
            raise refused(*_WORDS[told.refused])
        preview, thumbnail = told.sizes or (0, 0)
        made = Renditions(content[:preview], content[preview:])
        _check((len(made.preview), len(made.thumbnail)) == (preview, thumbnail))
        _check(_size_of_jpeg(made.preview) == turned(*task.preview, task.orientation))
        _check(_size_of_jpeg(made.thumbnail) == turned(*task.thumbnail, task.orientation))
    except ValueError as odd:
        _log.info("what makes renditions ended over a picture, after %d bytes", len(said))
        raise refused(*_DIED) from odd
    return made


def _size_of_jpeg(content: bytes) -> tuple[int, int]:
    facts = facts_of(io.BytesIO(content))
    _check((facts.format, facts.exif_orientation) == ("JPEG", 1))
    return facts.displayed


def _check(fits: bool) -> None:
    if not fits:
        raise ValueError("not what was promised")
