"""Measure what the server costs, as ratios within one run; exit 1 when a target is missed."""

import asyncio
import json
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
from figures import Effort, Figure, median_ms, ratio, report
from library import scanning, viewing
from session import Session, seconds_of_calls, seconds_of_run, seconds_to_first_list
from uploads import rendering, uploading

from fw_mcp.sandbox.app import create_app
from fw_mcp.sandbox.keys import SANDBOX_APP_KEY, SANDBOX_WEB_API_KEY

SERVER = (sys.executable, "-m", "fw_mcp", "--sandbox")
VERSION = (sys.executable, "-m", "fw_mcp", "--version")
BARE = (sys.executable, str(Path(__file__).with_name("bare_server.py")))

PAGE = 25
LIST_IMAGES = {
    "library": {
        "name": "inventory",
        "session_id": "0123456789abcdef0123456789abcdef",
        "account_key": None,
        "site_id": 2,
    },
    "page_number": 1,
    "per_page": PAGE,
    "list_products": True,
}


def starting(effort: Effort) -> Iterator[Figure]:
    """Compare start, memory and version, alternating so that all see the same machine."""
    ours, bare, version = [], [], []
    for _ in range(effort.starts):
        ours.append(seconds_to_first_list(SERVER))
        bare.append(seconds_to_first_list(BARE))
        version.append(seconds_of_run(VERSION))
    start, start_bare = median_ms(s for s, _, _ in ours), median_ms(s for s, _, _ in bare)
    yield ratio("start to first tools/list / bare server's", start, [start_bare], 1.05, "ms")
    yield ratio("fw-mcp --version / start", median_ms(version), [start], 0.25, "ms")
    memory, memory_bare = ours[-1][1] / 1024, bare[-1][1] / 1024
    if memory_bare:
        yield ratio("memory / bare server's", memory, [memory_bare], None, "MB")
    size = len(ours[-1][2])
    yield Figure("tools/list", size, "bytes", 26_000, "the whole answer line")


def searching(effort: Effort) -> Iterator[Figure]:
    """Compare a page of images with the bare tool call and the bare HTTP call it stands for."""
    arguments = {"per_page": PAGE}
    ours: list[float] = []
    bare: list[float] = []
    http: list[float] = []
    with Session(SERVER) as server, Session(BARE) as one_tool, asyncio.Runner() as loop:
        client = sandbox_client()
        answer = server.request("tools/call", {"name": "search_images", "arguments": arguments})
        # One of each in turn, so that all are woken from the same pause and meet the same machine.
        for _ in range(effort.calls):
            ours += seconds_of_calls(server, "search_images", arguments, 1)
            bare += seconds_of_calls(one_tool, "echo", {"text": "hello"}, 1)
            http += loop.run(seconds_of_lists(client, 1))
        loop.run(client.aclose())
    # Each turn is its own comparison, so that a machine that changes pace changes no ratio.
    ratios = [one / (call + listing) for one, call, listing in zip(ours, bare, http, strict=True)]
    shown = f"{median_ms(ours):.2f} ms / {median_ms(bare):.2f} + {median_ms(http):.2f} ms"
    name = "search_images / bare call + bare list_images"
    yield Figure(name, statistics.median(ratios), "ratio", 1.10, shown)
    text = json.loads(answer)["result"]["content"][0]["text"]
    yield Figure(f"a page of {PAGE} images", len(text.encode()), "bytes", 10_000, "as text")


def sandbox_client() -> httpx.AsyncClient:
    """Make an HTTP client of a sandbox like the server's own."""
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(create_app()),
        base_url="http://sandbox.localhost",
        headers={"web_api_key": SANDBOX_WEB_API_KEY, "app_key": SANDBOX_APP_KEY},
    )


async def seconds_of_lists(client: httpx.AsyncClient, calls: int) -> list[float]:
    """List a page of images again and again."""
    seconds = []
    for _ in range(calls):
        began = time.perf_counter()
        response = await client.post("/v3/list_images", json=LIST_IMAGES)
        images = response.json()["images"]
        seconds.append(time.perf_counter() - began)
        if len(images) != PAGE:
            raise RuntimeError(f"list_images gave {len(images)} images instead of {PAGE}")
    return seconds


def main() -> int:
    """Measure, print, and tell whether all targets are met."""
    measures = (starting, searching, scanning, viewing, rendering, uploading)
    return report(measures, __doc__, quick=Effort(3, 60), whole=Effort(11, 400))


if __name__ == "__main__":
    sys.exit(main())
