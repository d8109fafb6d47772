"""A little S3 on loopback, which does as it is told: for what a real one does only now and then."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal
from urllib.parse import parse_qs, urlsplit

Ill = Literal["drop", "hang", "html", "lose"] | int
"""What goes wrong with a request: a status, or something else."""

BUCKET = "prints"
SLOW_DOWN = b"<Error><Code>SlowDown</Code><Message>SECRET-OF-THE-STORE</Message></Error>"
HTML = b"<!DOCTYPE html><html><body>Log in</body></html>"


@dataclass
class Store:
    """What it holds, and what it was asked.

    Attributes:
        objects: path → content and headers.
        ills: what goes wrong with the next requests of a method; `PUT` of a part is `PART`.
        asked: the methods, in order.
        released: lets go of requests that hang.
    """

    url: str = ""
    objects: dict[str, tuple[bytes, dict[str, str]]] = field(default_factory=dict)
    parts: dict[str, dict[int, bytes]] = field(default_factory=dict)
    ills: dict[str, list[Ill]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    released: threading.Event = field(default_factory=threading.Event)

    def environ(self) -> dict[str, str]:
        """The variables that lead to it."""
        keys = {"AWS_ACCESS_KEY_ID": "an-id", "AWS_SECRET_ACCESS_KEY": "a-secret"}
        return {**keys, "AWS_ENDPOINT_URL": self.url}

    def ill(self, method: str) -> Ill | None:
        """What goes wrong with this request."""
        self.asked.append(method)
        ills = self.ills.get(method)
        return ills.pop(0) if ills else None


@contextmanager
def storing() -> Iterator[Store]:
    """The store, until a test is done."""
    store = Store()

    class Handler(_Handler):
        held = store

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        store.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield store
        finally:
            store.released.set()
            server.shutdown()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    held: Store

    def handle(self) -> None:
        """Answer until whoever asks goes away."""
        with suppress(ConnectionError):
            super().handle()

    def do_PUT(self) -> None:
        """Keep an object or a part."""
        body, query = self._body(), self._query()
        method = "PART" if "partNumber" in query else "PUT"
        if self._is_ill(method):
            return
        if method == "PART":
            # One that is taken back has no use for a part that comes late.
            parts = self.held.parts.get(query["uploadId"][0], {})
            parts[int(query["partNumber"][0])] = body
        else:
            self.held.objects[self._path()] = (body, dict(self.headers.items()))
        self._answer(200, headers={"ETag": '"1"'})

    def do_POST(self) -> None:
        """Begin or complete an upload in parts."""
        self._body()
        query, path = self._query(), self._path()
        if self._is_ill("BEGIN" if "uploads" in query else "COMPLETE"):
            return
        if "uploads" in query:
            number = str(len(self.held.parts))
            self.held.parts[number] = {}
            self.held.objects[f"{number} begun"] = (b"", dict(self.headers.items()))
            names = f"<Bucket>{BUCKET}</Bucket><Key>k</Key><UploadId>{number}</UploadId>"
            tag = "InitiateMultipartUploadResult"
        else:
            number = query["uploadId"][0]
            parts = self.held.parts.pop(number)
            _, headers = self.held.objects.pop(f"{number} begun")
            whole = b"".join(parts[one] for one in sorted(parts))
            self.held.objects[path] = (whole, headers)
            names, tag = (
                '<Bucket>b</Bucket><Key>k</Key><ETag>"1"</ETag>',
                ("CompleteMultipartUploadResult"),
            )
        self._answer(200, f"<{tag}>{names}</{tag}>".encode())

    def do_HEAD(self) -> None:
        """Say how large an object is."""
        if self._is_ill("HEAD"):
            return
        found = self.held.objects.get(self._path())
        headers = {"ETag": '"1"', "Last-Modified": "Sat, 28 Nov 2026 10:00:00 GMT"}
        self._answer(200 if found else 404, found[0] if found else b"", headers)

    def do_DELETE(self) -> None:
        """Remove an object or an upload in parts."""
        if self._is_ill("DELETE"):
            return
        query = self._query()
        if "uploadId" in query:
            self.held.parts.pop(query["uploadId"][0], None)
            self.held.objects.pop(f"{query['uploadId'][0]} begun", None)
        self.held.objects.pop(self._path(), None)
        self._answer(204)

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _is_ill(self, method: str) -> bool:
        ill = self.held.ill(method)
        if ill is None:
            return False
        if ill == "hang":
            self.held.released.wait()
        if ill in {"drop", "hang"}:
            self.close_connection = True
        elif ill == "html":
            self._answer(200, HTML)
        elif ill == "lose":
            self._answer(200, headers={"ETag": '"1"'})
        else:
            self._answer(int(ill), SLOW_DOWN)
        return True

    def _answer(
        self, status: int, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> None:
        with suppress(ConnectionError):
            self.send_response(status)
            for name, value in {**(headers or {}), "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length", "0")))

    def _path(self) -> str:
        return re.sub(f"^/{BUCKET}/", "", urlsplit(self.path).path)

    def _query(self) -> dict[str, list[str]]:
        return parse_qs(urlsplit(self.path).query, keep_blank_values=True)
