"""Pictures made smaller, laid out and compared, by a process that has nothing to lose.

What it answers is checked: it decoded what strangers made, and may be anybody by now.
"""

import importlib.util
import itertools
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Annotated, TypeVar, cast

import anyio
from pydantic import BaseModel, ConfigDict, Field

from fw_mcp.pictures.turns import Turn, Turns
from fw_mcp.pictures.worker.child import ANSWER, LENGTH, LOOKED, Task
from fw_mcp.pictures.worker.process import heard, kept, own_command, parts, started

if TYPE_CHECKING:
    from anyio.abc import ByteSendStream, Process

T = TypeVar("T")

_log = logging.getLogger("fw_mcp.pictures")

_TOTAL_S = 15.0
CHILDREN_AT_ONCE = 2
"""Each may take a gigabyte."""
_MOST_HEADER_BYTES = 20_000


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that a model can be shown; sizes in pixels."""

    content: bytes
    mime_type: str
    pix_w: int
    pix_h: int


@dataclass(frozen=True, slots=True)
class LaidOut:
    """A contact sheet that was made.

    Attributes:
        shown: for each cell, whether its picture is there.
    """

    picture: Picture
    shown: tuple[bool, ...]


class Workshop:
    """Where pictures are worked on.

    Args:
        environ: the environment; the child gets of it only what a program needs to start.
        command: starts the child; None for the one of this program.
        available: whether the imaging library is installed; None to look.
        total_s: seconds for a task, waiting for a turn included.
        turn: gives a turn to start a child; None for turns of its own.
    """

    def __init__(
        self,
        *,
        environ: Mapping[str, str] | None = None,
        command: Sequence[str] | None = None,
        available: bool | None = None,
        total_s: float = _TOTAL_S,
        turn: Turn | None = None,
    ) -> None:
        self._environ = kept(environ or {})
        self._command = command
        self._available = available
        self.total_s = total_s
        self._turn = turn or Turns(CHILDREN_AT_ONCE).taken

    @property
    def available(self) -> bool:
        """Whether the imaging library is installed; without it no method has anything to give."""
        if self._available is None:
            self._available = importlib.util.find_spec("PIL") is not None
        return self._available

    async def fitted(
        self, pictures: Sequence[bytes], *, side: int, most_bytes: int
    ) -> list[Picture | None]:
        """Each picture upright, as JPEG without metadata; None for what is no picture.

        Args:
            pictures: JPEG, PNG, WebP or GIF.
            side: pixels, the most of width and height; smaller pictures are not enlarged.
            most_bytes: of all together.
        """
        if not pictures:
            return []
        task = Task("fitted", _sizes(pictures), side, most_bytes)
        made = await self._done(task, pictures, _pictures_of)
        return made or [None] * len(pictures)

    async def sheet(
        self, cells: Sequence[tuple[bytes | None, str]], *, side: int, most_bytes: int
    ) -> LaidOut | None:
        """A contact sheet; None if it could not be made.

        Args:
            cells: a picture, or None for an empty box, and the label under it (ASCII); at least
                one.
            side: pixels, the most of width and height.
            most_bytes: of the sheet.
        """
        contents = [content for content, _ in cells]
        labels = [label for _, label in cells]
        task = Task("sheet", _sizes(contents), side, most_bytes, labels)
        return await self._done(task, contents, _sheet_of)

    async def likenesses(self, pictures: Sequence[bytes]) -> list[int | None]:
        """64 bits each, which few bits tell apart; None where a picture cannot be compared."""
        task = Task("likenesses", _sizes(pictures))
        found = await self._done(task, pictures, _hashes_of)
        return found or [None] * len(pictures)

    async def _done(
        self,
        task: Task,
        contents: Sequence[bytes | None],
        read: Callable[[Task, bytes], T],
    ) -> T | None:
        """What the child answers; a picture that ended it is left out, and it is asked again."""
        left: list[bytes | None] = list(contents)
        with anyio.move_on_after(self.total_s):
            async with self._turn():
                while True:
                    said = await self._run(replace(task, sizes=_sizes(left)), left)
                    with suppress(ValueError):
                        return read(task, said.lstrip(LOOKED))
                    looked = len(said) - len(said.lstrip(LOOKED))
                    if looked >= len(left) or left[looked] is None:
                        break
                    _log.info("a picture crashed the process that decoded it")
                    left[looked] = None
        _log.info("pictures were abandoned")
        return None

    async def _run(self, task: Task, contents: Sequence[bytes | None]) -> bytes:
        """What one child says to `task`, as far as it gets."""
        header = json.dumps(asdict(task)).encode()
        # Not joined: a dozen large files more would be held.
        asked = [LENGTH.pack(len(header)) + header, *filter(None, contents)]
        most = len(contents) + len(ANSWER) + LENGTH.size + _MOST_HEADER_BYTES + task.most_bytes
        with suppress(OSError):
            command = self._command or own_command("child", "PIL")
            async with started(command, self._environ) as child, anyio.create_task_group() as group:
                group.start_soon(_feed, child, asked)
                said = await heard(child, most)
                group.cancel_scope.cancel()
                return said
        return b""


async def _feed(child: "Process", asked: Sequence[bytes]) -> None:
    """Give the child its task; one that has stopped reading is judged by what it says."""
    stdin = cast("ByteSendStream", child.stdin)
    with suppress(anyio.BrokenResourceError, OSError):
        for piece in asked:
            await stdin.send(piece)
        await stdin.aclose()


def _sizes(contents: Sequence[bytes | None]) -> list[int | None]:
    return [None if content is None else len(content) for content in contents]


_MIME_TYPE = "image/jpeg"
_BEGINS, _ENDS = b"\xff\xd8\xff", b"\xff\xd9"


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class _PictureTold(_Strict):
    size: int = Field(ge=1)
    pix_w: int = Field(ge=1)
    pix_h: int = Field(ge=1)


class _PicturesTold(_Strict):
    pictures: list[_PictureTold | None]


class _SheetTold(_PicturesTold):
    shown: list[bool]


class _HashesTold(_Strict):
    hashes: list[Annotated[int, Field(ge=0, lt=2**64)] | None]


def _pictures_of(task: Task, answer: bytes) -> list[Picture | None]:
    """The pictures that a child made, one for each that it was given.

    Raises:
        ValueError: the answer is not what was asked for.
    """
    header, content = parts(answer)
    made = _cut(task, _PicturesTold.model_validate_json(header), content)
    _check(len(made) == len(task.sizes))
    return made


def _sheet_of(task: Task, answer: bytes) -> LaidOut:
    """The contact sheet that a child made.

    Raises:
        ValueError: the answer is not what was asked for.
    """
    header, content = parts(answer)
    told = _SheetTold.model_validate_json(header)
    _check(len(told.pictures) == 1 and len(told.shown) == len(task.sizes))
    (picture,) = _cut(task, told, content)
    if picture is None:
        raise ValueError("no sheet")
    return LaidOut(picture, tuple(told.shown))


def _hashes_of(task: Task, answer: bytes) -> list[int | None]:
    """The likenesses that a child found.

    Raises:
        ValueError: the answer is not what was asked for.
    """
    header, content = parts(answer)
    found = _HashesTold.model_validate_json(header).hashes
    _check(len(found) == len(task.sizes) and not content)
    return found


def _cut(task: Task, told: _PicturesTold, content: bytes) -> list[Picture | None]:
    """The pictures that stand one after the other in `content`."""
    sizes = [one.size if one else 0 for one in told.pictures]
    _check(len(content) == sum(sizes) <= task.most_bytes)
    ends = itertools.pairwise(itertools.accumulate(sizes, initial=0))
    return [
        None if one is None else _picture(task, one, content[begin:end])
        for one, (begin, end) in zip(told.pictures, ends, strict=True)
    ]


def _picture(task: Task, made: _PictureTold, content: bytes) -> Picture:
    _check(content.startswith(_BEGINS) and content.endswith(_ENDS))
    _check(max(made.pix_w, made.pix_h) <= task.side)
    return Picture(content, _MIME_TYPE, made.pix_w, made.pix_h)


def _check(fits: bool) -> None:
    if not fits:
        raise ValueError("not an answer to the task")
