"""The server in a process of its own: over a pipe, or over HTTP until a test is done."""

import json
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.process import started

LIST_TOOLS = (
    '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18",'
    '"capabilities":{},"clientInfo":{"name":"test","version":"0"}}}\n'
    '{"jsonrpc":"2.0","method":"notifications/initialized"}\n'
    '{"jsonrpc":"2.0","id":2,"method":"tools/list"}\n'
)
SEARCH = (
    '{"jsonrpc":"2.0","id":3,"method":"tools/call",'
    '"params":{"name":"search_images","arguments":{"per_page":2}}}\n'
)


def answers(stdout: str) -> dict[int, dict[str, object]]:
    """The protocol's answers by id; every line of stdout must be one."""
    lines = [json.loads(line) for line in stdout.splitlines()]
    return {line["id"]: line["result"] for line in lines if "id" in line}


def listening(process: subprocess.Popen[str]) -> str:
    """The address a serving process says it listens on."""
    assert process.stderr is not None
    line = process.stderr.readline()
    found = re.search(r"http://127\.0\.0\.1:\d+", line)
    assert found is not None, line
    return found[0]


@contextmanager
def serving(
    *arguments: str, env: dict[str, str] | None = None, log: list[str] | None = None
) -> Iterator[str]:
    """`fw-mcp` serving HTTP until the test is done, then ended by SIGTERM with exit code 0.

    The lines that it logged meanwhile are added to `log`.
    """
    with started(arguments, env=env, text=True) as process:
        try:
            yield listening(process)
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=20) in {0, -signal.SIGTERM}
            assert process.stderr is not None
            written = process.stderr.read()
            assert "Traceback" not in written
            if log is not None:
                log += written.splitlines()
        finally:
            process.kill()
