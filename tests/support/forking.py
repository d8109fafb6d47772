"""What imports `fw_mcp` once and forks for each process that a test starts.

Run as ``python -m tests.support.forking`` with a socket as its standard input: each byte that
comes brings a socket of a process and the descriptors that it begins with. From the socket its
order is read, and to it its id and in the end its exit code are written.
"""

import fcntl
import json
import os
import pkgutil
import runpy
import socket
import sys
from collections.abc import Iterable, Sequence
from importlib import import_module
from typing import TextIO

import fw_mcp
from fw_mcp.server.fast_imports import quick_imports

_MOST = 8
_STDERR = 2
_FREE = 500


def said(number: int) -> bytes:
    """A number on a socket."""
    return number.to_bytes(4, "little", signed=True)


def heard(data: bytes) -> int:
    """The number that was said."""
    return int.from_bytes(data, "little", signed=True)


def serve() -> None:
    """Fork for each order until nobody can give any more; return in each of the forks."""
    orders = socket.socket(fileno=os.dup(0))
    minding: set[int] = set()
    while True:
        _, descriptors, *_ = socket.recv_fds(orders, 1, _MOST)
        if not descriptors:
            break
        if (minder := os.fork()) == 0:
            orders.close()
            _mind(*descriptors)
            return
        _close(descriptors)
        minding = {one for one in minding | {minder} if os.waitpid(one, os.WNOHANG) == (0, 0)}
    for one in minding:
        os.waitpid(one, 0)
    sys.exit()


def _mind(control: int, *descriptors: int) -> None:
    """Fork once more, and return there; here, tell what becomes of it."""
    with socket.socket(fileno=control) as teller:
        with teller.makefile("r") as lines:
            order = json.loads(lines.readline())
        if child := os.fork():
            _close([0, 1, 2, *descriptors])
            teller.sendall(said(child))
            _, status = os.waitpid(child, 0)
            teller.sendall(said(os.waitstatus_to_exitcode(status)))
            os._exit(0)
    _put(descriptors, order["descriptors"])
    os.chdir(order["cwd"])
    os.environ.clear()
    os.environ.update(order["env"])
    sys.argv[1:] = order["arguments"]
    sys.stdin = _stream(0, sys.stdin)
    sys.stdout = _stream(1, sys.stdout)
    sys.stderr = _stream(2, sys.stderr)


def _put(descriptors: Sequence[int], places: Sequence[int]) -> None:
    """Have each in its place, though others were there."""
    away = [fcntl.fcntl(descriptor, fcntl.F_DUPFD, _FREE) for descriptor in descriptors]
    _close(descriptors)
    for descriptor, place in zip(away, places, strict=True):
        os.dup2(descriptor, place)
    _close(away)


def _close(descriptors: Iterable[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)


def _stream(descriptor: int, former: TextIO) -> TextIO:
    """A standard stream as the interpreter makes it, of what the descriptor is now."""
    stream = open(  # noqa: SIM115  it lives as long as the process
        descriptor,
        "w" if descriptor else "r",
        encoding=former.encoding,
        errors=former.errors,
        newline="\n",
        closefd=False,
    )
    stream.reconfigure(line_buffering=descriptor == _STDERR or stream.line_buffering)
    return stream


if __name__ == "__main__":
    with quick_imports():
        for module in pkgutil.walk_packages(fw_mcp.__path__, "fw_mcp."):
            if not module.name.endswith(".__main__"):
                import_module(module.name)
    serve()
    if sys.argv[1:] and sys.argv[1].endswith(".py"):
        del sys.argv[0]
        runpy.run_path(sys.argv[0], run_name="__main__")
    else:
        runpy.run_module("fw_mcp", run_name="__main__", alter_sys=True)
