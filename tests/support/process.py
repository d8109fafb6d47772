"""The command line as a process of its own."""

import atexit
import json
import os
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import IO, Any

from tests.support.canaries import holds_key
from tests.support.forking import heard

DEBUG = {"FW_MCP_LOG_LEVEL": "debug"}
KEPT = (
    "PATH",
    "HOME",
    "TMPDIR",
    "LANG",
    "SYSTEMROOT",
    "COVERAGE_PROCESS_CONFIG",
    "COVERAGE_PROCESS_START",
)
ROOT = Path(__file__).parents[2]

_INHERITED = -1
_LONGEST_S = 60


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """An environment without settings of this machine's user, plus `extra`."""
    return {name: os.environ[name] for name in KEPT if name in os.environ} | dict(extra or {})


class Forked(subprocess.Popen[Any]):
    """`fw-mcp` as a fork of a process that has imported it, which is most of what a start costs.

    The first argument may be a script in its place.

    Attributes:
        control: readable when it has ended.
    """

    def __init__(self, arguments: Sequence[str], **given: Any) -> None:  # noqa: ANN401  the library's
        """Start it as :class:`subprocess.Popen` would."""
        self.control, self._theirs = socket.socketpair()
        super().__init__(list(arguments), **given)

    def _execute_child(self, *given: Any) -> None:  # noqa: ANN401  as the library has it
        arguments, passed, cwd, env = given[0], given[4], given[5], given[6]
        pipes = given[10:16]
        standard = [_place(pipes[at], number) for number, at in enumerate((0, 3, 5))]
        order = {
            "arguments": arguments,
            "cwd": str(cwd or Path.cwd()),
            "env": dict(env),
            "descriptors": [0, 1, 2, *passed],
        }
        with self._theirs:
            socket.send_fds(_forks(), [b"!"], [self._theirs.fileno(), *standard, *passed])
        self._close_pipe_fds(*pipes)  # type: ignore[attr-defined]
        self.control.sendall(json.dumps(order).encode() + b"\n")
        self.pid = heard(self.control.recv(4))
        self._child_created = True

    def _internal_poll(self, *_: object, **__: object) -> int | None:
        try:
            return self._wait(0)
        except subprocess.TimeoutExpired:
            return None

    def _wait(self, timeout: float | None) -> int:
        if self.returncode is None:
            self.control.settimeout(timeout)
            try:
                code = self.control.recv(4)
            except (BlockingIOError, TimeoutError) as error:
                raise subprocess.TimeoutExpired(self.args, timeout or 0) from error
            assert code
            self.returncode = heard(code)
            self.control.close()
        return self.returncode


def started(
    arguments: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    stdin: int | IO[Any] | None = None,
    stdout: int | IO[Any] | None = subprocess.PIPE,
    stderr: int | IO[Any] | None = subprocess.PIPE,
    text: bool = False,
    cwd: Path | None = None,
    fresh: bool = False,
) -> subprocess.Popen[Any]:
    """`fw-mcp` as a process, mostly a fork.

    Args:
        arguments: after the program's name.
        env: variables beside the kept ones.
        stdin: as for :class:`subprocess.Popen`, and so all below.
        stdout: a pipe unless given.
        stderr: a pipe unless given.
        text: whether the pipes take and give text.
        cwd: its working folder.
        fresh: whether it is an interpreter of its own, because the start is the point; so it is
            with variables that an interpreter reads when it starts, too.
    """
    whole = environment(env)
    given: dict[str, Any] = {
        "env": whole,
        "stdin": stdin,
        "stdout": stdout,
        "stderr": stderr,
        "text": text,
        "cwd": cwd,
    }
    if fresh or any(value for name, value in whole.items() if name.startswith("PYTHON")):
        return subprocess.Popen([sys.executable, "-m", "fw_mcp", *arguments], **given)
    return Forked(arguments, **given)


def fw_mcp(
    arguments: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    text: str = "",
    cwd: Path | None = None,
    fresh: bool = False,
) -> subprocess.CompletedProcess[str]:
    """Run `fw-mcp` to its end, at debug level, and see that it wrote no key.

    Args:
        arguments: after the program's name.
        env: variables beside the kept ones.
        text: its standard input.
        cwd: its working folder.
        fresh: whether it is an interpreter of its own, because the start is the point.
    """
    whole = {**DEBUG, **(env or {})}
    with started(
        arguments, env=whole, stdin=subprocess.PIPE, text=True, cwd=cwd, fresh=fresh
    ) as process:
        try:
            stdout, stderr = process.communicate(text, timeout=_LONGEST_S)
        finally:
            process.kill()
    assert not holds_key(stdout + stderr)
    return subprocess.CompletedProcess(process.args, process.returncode, stdout, stderr)


@cache
def _forks() -> socket.socket:
    """What forks, for as long as this process lives."""
    ours, theirs = socket.socketpair()
    program = [sys.executable, "-m", "tests.support.forking"]
    with theirs:
        process = subprocess.Popen(
            program,
            cwd=ROOT,
            env=environment(),
            stdin=theirs.fileno(),
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )

    def end() -> None:
        ours.close()
        process.wait()

    atexit.register(end)
    return ours


def _place(descriptor: int, standard: int) -> int:
    return standard if descriptor == _INHERITED else descriptor
