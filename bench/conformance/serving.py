"""fw-mcp on its sandbox over HTTP, for as long as a judge looks at it."""

import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.error import URLError

from packages import neutral_environment

_START_S = 30.0


def free_address() -> str:
    """An address of this machine that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        return f"127.0.0.1:{free.getsockname()[1]}"


@contextmanager
def serving(address: str, *options: str) -> Iterator[str]:
    """Serve the sandbox there, and give the URL of its MCP endpoint.

    Args:
        address: to listen on.
        options: of the command, beside those.
    """
    command = ("fw_mcp", "--sandbox", "--http", address, "--log-level", "error", *options)
    print(f"  {' '.join(command)}", flush=True)
    with subprocess.Popen([sys.executable, "-m", *command], env=neutral_environment()) as server:
        try:
            wait_until_ready(f"http://{address}/readyz")
            yield f"http://{address}/mcp"
        finally:
            server.terminate()


def wait_until_ready(url: str) -> None:
    """Wait until somebody answers there.

    Raises:
        URLError: nobody does.
    """
    deadline = time.monotonic() + _START_S
    while True:
        try:
            urllib.request.urlopen(url).close()  # noqa: S310  loopback
        except URLError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return
