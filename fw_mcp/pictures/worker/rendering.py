"""The process that makes renditions: its input is the picture itself, its answer what it made.

It runs as the process beside it does that decodes previews: with limits of its own making, without
the server's environment, and the imaging library is imported after the limits are set.

The task stands in the last argument. The answer is `ANSWER`, a length, a JSON header and the two
pictures, or a header that says why there are none.
"""

import json
import sys
from contextlib import suppress
from types import MappingProxyType
from typing import TYPE_CHECKING, BinaryIO

from fw_mcp.pictures.worker.child import ANSWER, LENGTH, limit
from fw_mcp.pictures.worker.rendition import Refused, Task

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

LIMITS = MappingProxyType(
    {
        "RLIMIT_AS": 400 * 1024**2,
        "RLIMIT_CPU": 120,
        "RLIMIT_NOFILE": 32,
        "RLIMIT_CORE": 0,
        "RLIMIT_FSIZE": 0,
    }
)


def main() -> None:
    """Make the renditions of the picture that stands open as the input."""
    with suppress(ImportError):
        import resource  # noqa: PLC0415  not on Windows

        limit(resource, LIMITS)
    with open(0, "rb", buffering=0) as picture:
        work(sys.argv[-1], picture, sys.stdout.buffer)


def work(task: str, picture: BinaryIO, sink: BinaryIO) -> None:
    """Do `task`, given as JSON, with `picture`, and say what came of it."""
    from fw_mcp.pictures.worker.libvips import rendered  # noqa: PLC0415  after the limits

    made: Sequence[bytes] = ()
    try:
        made = rendered(Task(**json.loads(task)), picture)
        header: Mapping[str, object] = {"sizes": [len(one) for one in made]}
    except Refused as why:
        header = {"refused": str(why)}
    said = json.dumps(header).encode()
    sink.write(ANSWER + LENGTH.pack(len(said)) + said + b"".join(made))
    sink.flush()
