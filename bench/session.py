"""A client of bare JSON lines, so that what is measured is the server."""

import json
import os
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self, cast

INITIALIZE = {
    "protocolVersion": "2025-06-18",
    "capabilities": {},
    "clientInfo": {"name": "bench", "version": "1"},
}


class Session:
    """One server process and the conversation with it; leaving ends the process.

    Args:
        command: starts the server over stdio.
        environ: variables to set for it, beside those that are set.
    """

    def __init__(self, command: Sequence[str], environ: Mapping[str, str] | None = None) -> None:
        self._next_id = 0
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, **(environ or {})},
        )
        # Popen types its pipes as optional, for those who asked for none.
        self._requests = cast("IO[bytes]", self._process.stdin)
        self._answers = cast("IO[bytes]", self._process.stdout)

    def __enter__(self) -> Self:
        self.request("initialize", INITIALIZE)
        self._send({"jsonrpc": "2.0", "method": "notifications/initialized"})
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.communicate()

    def request(self, method: str, params: object) -> bytes:
        """Send a request and wait for its answer.

        Raises:
            RuntimeError: the server answered with an error, or not at all.
        """
        self._next_id += 1
        message = {"jsonrpc": "2.0", "id": self._next_id, "method": method, "params": params}
        self._send(message)
        answer = self._answers.readline()
        if b'"result"' not in answer:
            raise RuntimeError(f"{method} was answered with {answer.decode()!r}")
        return answer

    def resident_kb(self, line: str = "VmRSS") -> int:
        """Give the memory that the process holds, in kB; 0 where ``/proc`` does not say.

        Args:
            line: of what ``/proc`` says; ``VmHWM`` is the most that it ever held.
        """
        return resident_kb(self._process.pid, line)

    def _send(self, message: object) -> None:
        self._requests.write(json.dumps(message).encode() + b"\n")
        self._requests.flush()


def resident_kb(pid: int, line: str = "VmRSS") -> int:
    """Give the memory that a process holds, as `Session.resident_kb` does."""
    status = Path(f"/proc/{pid}/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return sum(int(one.split()[1]) for one in lines if one.startswith(line))


def cpu_seconds(pid: int) -> float:
    """Give the time that a process has worked; 0 where ``/proc`` does not say."""
    stat = Path(f"/proc/{pid}/stat")
    # The name in parentheses may hold spaces; user and system time are the 14th and 15th fields.
    fields = stat.read_text().rpartition(")")[2].split()[11:13] if stat.exists() else []
    return sum(map(int, fields)) / os.sysconf("SC_CLK_TCK")


def seconds_to_first_list(command: Sequence[str]) -> tuple[float, int, bytes]:
    """Start a server; give the seconds to its first `tools/list`, its memory in kB, the list."""
    began = time.perf_counter()
    with Session(command) as session:
        listed = session.request("tools/list", {})
        return time.perf_counter() - began, session.resident_kb(), listed


def seconds_of_calls(
    session: Session, tool: str, arguments: dict[str, Any], calls: int
) -> Iterator[float]:
    """Call a tool again and again; give the seconds that each call takes."""
    for _ in range(calls):
        began = time.perf_counter()
        session.request("tools/call", {"name": tool, "arguments": arguments})
        yield time.perf_counter() - began


def seconds_of_run(command: Sequence[str]) -> float:
    """Give the seconds that a command takes from start to end."""
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began
