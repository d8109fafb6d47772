"""fw-mcp on a sandbox in a file, started so that what a client says to it is heard as well."""

import socket
import socketserver
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path

from environments import neutral_environment

_LISTENS_S = 60
_HERE = "127.0.0.1"


def over_stdio(library: Path, heard: Path) -> Sequence[str]:
    """Give the command with which a client starts the server itself, as often as it likes."""
    listening = f'tee -a "$0" | exec "{sys.executable}" -m fw_mcp --sandbox-file "$1"'
    return ("sh", "-c", listening, str(heard), str(library))


@contextmanager
def over_http(library: Path, heard: Path) -> Iterator[Sequence[str]]:
    """Serve, and give the address of a relay before the server.

    Raises:
        TimeoutError: the server does not listen.
    """
    port = _free_port()
    with _Relay(port, heard) as relay:
        threading.Thread(target=relay.serve_forever, daemon=True).start()
        address = f"{_HERE}:{relay.server_address[1]}"
        options = ("--sandbox-file", str(library), "--http", f"{_HERE}:{port}")
        server = subprocess.Popen(
            [sys.executable, "-m", "fw_mcp", *options, "--http-allowed-hosts", address],
            env=neutral_environment(),
            stderr=subprocess.DEVNULL,
        )
        try:
            _wait_for(port)
            yield (f"http://{address}/mcp",)
        finally:
            server.terminate()
            server.wait()
            relay.shutdown()


class _Relay(socketserver.ThreadingTCPServer):
    """Carries bytes both ways, and keeps those of the client."""

    daemon_threads = True

    def __init__(self, port: int, heard: Path) -> None:
        super().__init__((_HERE, 0), _Connection)
        self.port = port
        self.heard = heard


class _Connection(socketserver.BaseRequestHandler):
    server: _Relay

    def handle(self) -> None:
        """Carry one connection until the client ends it."""
        with (
            socket.create_connection((_HERE, self.server.port)) as upstream,
            self.server.heard.open("ab", buffering=0) as heard,
        ):
            back = threading.Thread(target=_carry, args=(upstream, self.request), daemon=True)
            back.start()
            _carry(self.request, upstream, heard)


def _carry(source: socket.socket, sink: socket.socket, heard: FileIO | None = None) -> None:
    """Pass on what comes, and its end, until one of the two is gone."""
    with suppress(OSError):
        while said := source.recv(65_536):
            if heard:
                heard.write(said)
            sink.sendall(said)
        sink.shutdown(socket.SHUT_WR)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_HERE, 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_for(port: int) -> None:
    until = time.monotonic() + _LISTENS_S
    while time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex((_HERE, port)) == 0:
                return
        time.sleep(0.1)
    raise TimeoutError(f"the server does not listen on port {port}")
