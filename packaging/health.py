"""Whether the server of this container answers: what the image's health check runs.

Over stdio there is nothing to ask. No module of fw-mcp is read, because it runs every half minute.
"""

import http.client
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

_OPTION = "--http"
_VARIABLE = "FW_MCP_HTTP"
_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104  asked for, not listened on
_LONGEST_S = 4
_OK = 200


def address(started: Sequence[str], environment: Mapping[str, str]) -> tuple[str, int] | None:
    """Where the server listens; None over stdio.

    Args:
        started: the command line it was started with.
        environment: its environment.
    """
    told = environment.get(_VARIABLE, "")
    for place, word in enumerate(started):
        if word == _OPTION:
            told = "".join(started[place + 1 : place + 2])
        elif word.startswith(f"{_OPTION}="):
            told = word.partition("=")[2]
    host, _, port = told.strip().rpartition(":")
    host = host.strip("[]")
    return (_ANY.get(host, host), int(port)) if port.isdecimal() else None


def is_healthy(at: tuple[str, int], path: str) -> bool:
    """Whether it answers as it should; proxies are not asked."""
    connection = http.client.HTTPConnection(*at, timeout=_LONGEST_S)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == _OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def main(arguments: Sequence[str]) -> int:
    """Ask the server that is process 1.

    Args:
        arguments: the path to ask, if it is not ``/livez``.

    Returns:
        0 where it is healthy, or speaks over stdio.
    """
    started = Path("/proc/1/cmdline").read_text(encoding="utf-8", errors="replace").split("\0")
    at = address(started, os.environ)
    path = next(iter(arguments), "/livez")
    return 0 if at is None or is_healthy(at, path) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
