"""The process that decodes pictures: one task in, one answer out, and nothing else.

What it decodes may come from anybody, so it runs with limits of its own making and without the
server's environment. A fault that is not foreseen ends it; the parent goes on without the picture
at fault. The imaging library is imported here alone, after the limits are set.

A task is a length (four bytes, the largest first), a JSON header and the pictures. The answer is a
`LOOKED` for each picture looked at, then `ANSWER`, a length, a JSON header and the pictures made.
"""

import json
import signal
import struct
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import MappingProxyType, ModuleType
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from fw_mcp.pictures.worker.imaging import Jpeg

LOOKED = b"."
ANSWER = b"="
LENGTH = struct.Struct(">I")

# Bytes, seconds of processor time, open files, bytes of a core dump, bytes of any file written.
LIMITS = MappingProxyType(
    {
        "RLIMIT_AS": 1024**3,
        "RLIMIT_CPU": 20,
        "RLIMIT_NOFILE": 32,
        "RLIMIT_CORE": 0,
        "RLIMIT_FSIZE": 0,
    }
)
PICTURE_S = 3.0
"""Seconds of processor time for one picture: a slow one would cost the others theirs."""

_Made = tuple[Mapping[str, object], Sequence[bytes]]
Ration = Callable[[float], None]


@dataclass(frozen=True, slots=True)
class Task:
    """What is asked.

    Attributes:
        name: `fitted`, `sheet` or `likenesses`.
        sizes: bytes of each picture; None where there is none.
        side: pixels, the longest side of what is made.
        most_bytes: of all that is made together.
        labels: a sheet's, one a picture.
    """

    name: str
    sizes: Sequence[int | None]
    side: int = 0
    most_bytes: int = 0
    labels: Sequence[str] = ()


def main() -> None:
    """Do the task that comes in on stdin."""
    with suppress(ImportError):
        import resource  # noqa: PLC0415  not on Windows

        limit(resource)
    work(sys.stdin.buffer, sys.stdout.buffer, ration)


def ration(seconds: float) -> None:
    """End this process after so many more seconds of processor time; 0 lets it go on."""
    with suppress(AttributeError):  # not on Windows, where the parent's clock has to do
        signal.setitimer(signal.ITIMER_PROF, seconds)


def limit(resource: ModuleType, limits: Mapping[str, int] = LIMITS) -> None:
    """Set this process its limits, by the module of that name."""
    for name, most in limits.items():
        # Some systems refuse a limit, or lack it; the parent's clock holds all the same.
        with suppress(AttributeError, ValueError, OSError):
            resource.setrlimit(getattr(resource, name), (most, most))


def work(source: BinaryIO, sink: BinaryIO, ration: Ration) -> None:
    """Read one task, look at each of its pictures, and answer.

    Args:
        source: where the task comes from.
        sink: where the answer goes.
        ration: told the seconds that each picture gets, and 0 after the last.
    """
    task = Task(**json.loads(source.read(*LENGTH.unpack(source.read(LENGTH.size)))))
    header, made = _TASKS[task.name](task, _contents(task, source, sink, ration))
    answer = json.dumps(header).encode()
    sink.write(ANSWER + LENGTH.pack(len(answer)) + answer + b"".join(made))
    sink.flush()


def _contents(
    task: Task, source: BinaryIO, sink: BinaryIO, ration: Ration
) -> Iterator[bytes | None]:
    """Each picture; it counts as looked at when the next one is asked for."""
    for size in task.sizes:
        ration(PICTURE_S)
        yield None if size is None else source.read(size)
        sink.write(LOOKED)
        sink.flush()
    ration(0)


def _fit(task: Task, contents: Iterator[bytes | None]) -> _Made:
    from fw_mcp.pictures.worker.imaging import loaded, within  # noqa: PLC0415  after the limits

    images = [loaded(content, task.side) for content in contents]
    return _told(within(images, task.most_bytes))


def _lay_out(task: Task, contents: Iterator[bytes | None]) -> _Made:
    from fw_mcp.pictures.worker.imaging import (  # noqa: PLC0415  after the limits
        Layout,
        contact_sheet,
        loaded,
        within,
    )

    layout = Layout.of(len(task.sizes), task.side)
    images = [loaded(content, layout.box) for content in contents]
    header, made = _told(within([contact_sheet(layout, images, task.labels)], task.most_bytes))
    return {**header, "shown": [image is not None for image in images]}, made


def _liken(_: Task, contents: Iterator[bytes | None]) -> _Made:
    from fw_mcp.pictures.worker.imaging import likeness  # noqa: PLC0415  after the limits

    return {"hashes": [likeness(content) for content in contents]}, ()


_TASKS = MappingProxyType({"fitted": _fit, "sheet": _lay_out, "likenesses": _liken})


def _told(jpegs: "Sequence[Jpeg | None]") -> _Made:
    pictures = [
        jpeg and {"size": len(jpeg.content), "pix_w": jpeg.pix_w, "pix_h": jpeg.pix_h}
        for jpeg in jpegs
    ]
    return {"pictures": pictures}, [jpeg.content for jpeg in jpegs if jpeg]
