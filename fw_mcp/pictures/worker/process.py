"""Processes that decode what strangers made: how one is started, heard out, and ended."""

import importlib.util
import json
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from subprocess import DEVNULL, PIPE
from typing import IO, TYPE_CHECKING, cast

import anyio

from fw_mcp.pictures.worker.child import ANSWER, LENGTH

if TYPE_CHECKING:
    from anyio.abc import ByteReceiveStream, Process

# Isolated, it does not look at PYTHONPATH, by which this program may have been found.
_START = """\
import json, sys
sys.path += json.loads(sys.argv.pop(1))
from fw_mcp.pictures.worker.{} import main
main()
"""
# Without these some systems cannot start a program at all.
_KEPT_OF_THE_ENVIRONMENT = ("SYSTEMROOT", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
_TO_END_S = 1.0
_HEAD = len(ANSWER) + LENGTH.size


def own_command(module: str, *libraries: str) -> Sequence[str]:
    """Starts a module of this folder, which finds what it imports where this process does.

    Args:
        module: its name.
        libraries: the packages of others that it imports.
    """
    found = [importlib.util.find_spec(one) for one in (__name__.partition(".")[0], *libraries)]
    homes = [_home(Path(one.origin).absolute()) for one in found if one and one.origin]
    start = _START.format(module)
    return (sys.executable, "-I", "-c", start, json.dumps(list(dict.fromkeys(homes))))


def _home(origin: Path) -> str:
    """The folder from which a package, or a single module, is imported."""
    return str(origin.parents[1] if origin.stem == "__init__" else origin.parent)


def kept(environ: Mapping[str, str]) -> dict[str, str]:
    """Of an environment only what a program needs to start."""
    return {name: environ[name] for name in _KEPT_OF_THE_ENVIRONMENT if name in environ}


@asynccontextmanager
async def started(
    command: Sequence[str], environ: Mapping[str, str], stdin: IO[bytes] | int = PIPE
) -> "AsyncIterator[Process]":
    """A child that is gone, and waited for, in the end."""
    child = await anyio.open_process(command, env=environ, stdin=stdin, stderr=DEVNULL)
    try:
        yield child
    finally:
        if child.returncode is None:
            with suppress(ProcessLookupError):
                child.kill()
        with anyio.CancelScope(shield=True):
            # Before anyio 4.15, one with more to say than anybody reads is waited for without end.
            with anyio.move_on_after(_TO_END_S):
                async for _ in cast("ByteReceiveStream", child.stdout):
                    pass
            await child.aclose()


async def heard(child: "Process", most_bytes: int) -> bytes:
    """What a child says until it ends, or has said too much."""
    said = bytearray()
    async for piece in cast("ByteReceiveStream", child.stdout):
        said += piece
        if len(said) > most_bytes:
            return bytes(said)
    # One that is killed while it ends by itself is waited for twice, and logged.
    with anyio.move_on_after(_TO_END_S):
        await child.wait()
    return bytes(said)


def parts(answer: bytes) -> tuple[bytes, bytes]:
    """The header of an answer and what follows it.

    Raises:
        ValueError: it does not begin as an answer does.
    """
    if not answer.startswith(ANSWER) or len(answer) < _HEAD:
        raise ValueError("not an answer")
    (length,) = LENGTH.unpack_from(answer, len(ANSWER))
    return answer[_HEAD : _HEAD + length], answer[_HEAD + length :]
