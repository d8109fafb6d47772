"""The command line as a process of its own."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.support.canaries import holds_key

DEBUG = {"FW_MCP_LOG_LEVEL": "debug"}
KEPT = ("PATH", "HOME", "LANG", "SYSTEMROOT", "COVERAGE_PROCESS_CONFIG", "COVERAGE_PROCESS_START")


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """An environment without settings of this machine's user, plus `extra`."""
    return {name: os.environ[name] for name in KEPT if name in os.environ} | dict(extra or {})


def fw_mcp(
    arguments: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    text: str = "",
    cwd: Path | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run `python -m fw_mcp` to its end, at debug level, and see that it wrote no key.

    Args:
        arguments: after the program's name.
        env: variables beside the kept ones.
        text: its standard input.
        cwd: its working folder.
    """
    done = subprocess.run(
        [sys.executable, "-m", "fw_mcp", *arguments],
        env=environment({**DEBUG, **(env or {})}),
        input=text,
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert not holds_key(done.stdout + done.stderr)
    return done
