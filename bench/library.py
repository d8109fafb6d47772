"""What questions across a whole library cost, and what looking at pictures costs."""

import json
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from figures import Effort, Figure, median_ms, ratio
from session import Session, seconds_of_calls
from slow_sandbox import stock

from fw_mcp.sandbox.keys import SANDBOX_APP_KEY, SANDBOX_WEB_API_KEY

IMAGES = 10_000
PER_PAGE = 50
QUESTION = {"summary": True, "print_size": "16x20 in"}


def scanning(effort: Effort) -> Iterator[Figure]:
    """Ask one question across 10,000 images, and page through them as a model would have to."""
    del effort
    with far_library() as server:
        server.request("tools/call", call("search_images", {"per_page": 1}))
        memory = server.resident_kb()
        began = time.perf_counter()
        summary = text_of(server.request("tools/call", call("search_images", QUESTION)))
        scan_s = time.perf_counter() - began
        grown = (server.resident_kb("VmHWM") - memory) / 1024
        began = time.perf_counter()
        pages = list(paged(server))
        paged_s = time.perf_counter() - began
    yield ratio("scan of 10,000 images / page after page", scan_s, [paged_s], 0.35, "s")
    small, large = len(summary.encode()), sum(len(page.encode()) for page in pages)
    yield ratio("a summary / the model's own paging", small, [large], 0.005, "bytes")
    yield Figure("a summary", small, "bytes", 1_000, "as text")
    yield Figure("memory of the scan", grown, "MB", 16, "resident, at its peak, above a page")


def viewing(effort: Effort) -> Iterator[Figure]:
    """Put twelve previews of the sandbox on one contact sheet."""
    with Session((sys.executable, "-m", "fw_mcp", "--sandbox")) as server:
        found = server.request("tools/call", call("search_images", {"per_page": 12}))
        rows = json.loads(found)["result"]["structuredContent"]["images"]
        arguments = {"guids": [row["guid"] for row in rows], "contact_sheet": True}
        began = time.perf_counter()
        sheet = json.loads(server.request("tools/call", call("view_images", arguments)))
        first_ms = (time.perf_counter() - began) * 1000
        seconds = seconds_of_calls(server, "view_images", arguments, effort.starts)
        yield Figure("a first contact sheet of twelve", first_ms, "ms", 2_500, "pictures painted")
        name = "a contact sheet of twelve"
        yield Figure(name, median_ms(seconds), "ms", 1_500, "pictures already fetched")
    (picture,) = (block for block in sheet["result"]["content"] if block["type"] == "image")
    yield Figure("its picture", len(picture["data"]), "bytes", 1_000_000, "as base64")


@contextmanager
def far_library() -> Iterator[Session]:
    """A server in front of a service of 10,000 images that takes 100 ms for each answer."""
    with tempfile.TemporaryDirectory() as folder, socket.create_server(("127.0.0.1", 0)) as free:
        file, port = Path(folder) / "sandbox.sqlite3", free.getsockname()[1]
        free.close()
        stock(file, IMAGES)
        service = Path(__file__).with_name("slow_sandbox.py")
        process = subprocess.Popen((sys.executable, str(service), str(file), str(port)))
        store = ("--store", str(Path(folder) / "store.sqlite3"))
        url = f"http://127.0.0.1:{port}"
        command = (sys.executable, "-m", "fw_mcp", "--base-url", url, *store)
        try:
            wait_for(port)
            with Session(command, KEYS) as server:
                yield server
        finally:
            process.terminate()
            process.wait()


KEYS = {"FINERWORKS_WEB_API_KEY": SANDBOX_WEB_API_KEY, "FINERWORKS_APP_KEY": SANDBOX_APP_KEY}


def wait_for(port: int) -> None:
    """Wait until somebody listens."""
    for _ in range(200):
        with socket.socket() as knock:
            if knock.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError("the sandbox does not listen")


def paged(server: Session) -> Iterator[str]:
    """Every page, one after another, as text."""
    for number in range(1, IMAGES // PER_PAGE + 1):
        arguments = {"per_page": PER_PAGE, "page_number": number, "list_products": False}
        yield text_of(server.request("tools/call", call("search_images", arguments)))


def call(tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """The parameters of a tool call."""
    return {"name": tool, "arguments": arguments}


def text_of(answer: bytes) -> str:
    """The text of a result."""
    text: str = json.loads(answer)["result"]["content"][0]["text"]
    return text
