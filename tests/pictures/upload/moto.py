"""A real S3 server on loopback, in a process of its own, and a line to it that breaks."""

import json
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from fw_mcp.pictures.upload.s3 import Patience, S3Bucket

BUCKET = "prints"
QUICK = Patience(first_s=0.01, most_s=0.05, times=3, part_s=20, ask_s=20)
SLOW_DOWN = b"HTTP/1.1 503 Slow Down\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

_PROGRAM = Path(__file__).parents[3] / ".venv-s3" / "bin" / "moto_server"
_PATIENCE_S = 60
_SIGNED = {
    "Authorization": "AWS4-HMAC-SHA256 Credential=an-id/20260101/us-east-1/s3/aws4_request, "
    "SignedHeaders=host, Signature=none"
}
_POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": "*",
            "Action": "s3:GetObject",
            "Resource": f"arn:aws:s3:::{BUCKET}/*",
        }
    ],
}


@dataclass(frozen=True)
class S3Server:
    """One that runs."""

    url: str

    def bucket(self, name: str = BUCKET, url: str = "", patience: Patience = QUICK) -> S3Bucket:
        """A bucket there, by a way of its own where one is given."""
        environ = {
            "AWS_ACCESS_KEY_ID": "an-id",
            "AWS_SECRET_ACCESS_KEY": "a-secret",
            "AWS_ENDPOINT_URL": url or self.url,
        }
        return S3Bucket(name, "fw", f"{self.url}/{name}/fw", environ, patience)

    def publish(self) -> None:
        """Let everyone read the bucket."""
        self._ask("PUT", f"/{BUCKET}?policy", json.dumps(_POLICY))

    def get(self, key: str) -> httpx.Response:
        """An object, as its owner."""
        return self._ask("GET", f"/{BUCKET}/fw/{key}")

    def reset(self) -> None:
        """Begin anew, with a bucket that is empty and private."""
        self._ask("POST", "/moto-api/reset")
        self._ask("PUT", f"/{BUCKET}")

    def _ask(self, method: str, path: str, body: str = "") -> httpx.Response:
        with httpx.Client(trust_env=False, timeout=_PATIENCE_S) as http:
            return http.request(method, f"{self.url}{path}", content=body, headers=_SIGNED)


@contextmanager
def s3_server() -> Iterator[S3Server]:
    """A server until the tests are done; where it is not installed they fail and say so."""
    if not _PROGRAM.exists():
        pytest.fail("The S3 server is not installed: make rest does that, or make .venv-s3/.ready")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    command = [str(_PROGRAM), "-H", "127.0.0.1", "-p", str(port)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            _wait(port)
            yield S3Server(f"http://127.0.0.1:{port}")
        finally:
            process.kill()


def _wait(port: int) -> None:
    give_up = time.monotonic() + _PATIENCE_S
    while time.monotonic() < give_up:
        with suppress(ConnectionError):
            socket.create_connection(("127.0.0.1", port)).close()
            return
        threading.Event().wait(0.05)
    pytest.fail("The S3 server did not start.")


@dataclass
class Line:
    """The way to a server.

    Attributes:
        url: where it begins.
        cut_after: bytes sent on a connection after which it ends.
        cuts: how many connections end so.
        busy: how many connections are answered with 503 instead.
    """

    url: str
    cut_after: int = 2_000_000
    cuts: int = 0
    busy: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


@contextmanager
def line_to(server: S3Server) -> Iterator[Line]:
    """A line on which all goes well unless it is told otherwise."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        line = Line(f"http://127.0.0.1:{listener.getsockname()[1]}")
        place = ("127.0.0.1", httpx.URL(server.url).port or 0)
        accepting = threading.Thread(target=_accept, args=(listener, line, place))
        accepting.start()
        try:
            yield line
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            accepting.join()


def _accept(listener: socket.socket, line: Line, place: tuple[str, int]) -> None:
    carrying = []
    while True:
        try:
            near, _ = listener.accept()
        except OSError:
            break
        carrying.append(threading.Thread(target=_carry, args=(near, line, place)))
        carrying[-1].start()
    for thread in carrying:
        thread.join(_PATIENCE_S)


def _carry(near: socket.socket, line: Line, place: tuple[str, int]) -> None:
    with near:
        if _is_one(line, "busy"):
            near.recv(65_536)
            near.sendall(SLOW_DOWN)
            return
        with socket.create_connection(place) as far:
            back = threading.Thread(target=_pump, args=(far, near))
            back.start()
            _pump(near, far, line)
            back.join()


def _pump(source: socket.socket, target: socket.socket, line: Line | None = None) -> None:
    sent = 0
    with suppress(OSError):
        while piece := source.recv(65_536):
            target.sendall(piece)
            sent += len(piece)
            if line and sent > line.cut_after and _is_one(line, "cuts"):
                break
    for end in (source, target):
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)


def _is_one(line: Line, of_those: str) -> bool:
    """Whether this connection is one of those that are left to go wrong."""
    with line.lock:
        left = getattr(line, of_those)
        setattr(line, of_those, max(0, left - 1))
        return bool(left)
