"""What faults cost: lost and doubled images beside two usual ways to retry, and the journal.

Everything runs in process on the embedded sandbox, faults drawn by a seeded generator. Waits of the
fault runs are counted, not waited; the latency runs are waited for real.
"""

import argparse
import json
import logging
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import httpx
from mcp.client import Client
from starlette.applications import Starlette

from fw_mcp.api.client import FinerWorksClient
from fw_mcp.api.connection import Keys
from fw_mcp.api.models import AddImagesRequest, ImageToAdd, ListImagesRequest
from fw_mcp.embedded import SandboxTransport
from fw_mcp.errors import ApiError
from fw_mcp.guard.guard import Guard, Limits
from fw_mcp.images.account import Account
from fw_mcp.pictures.answering import Answering
from fw_mcp.pictures.fetch.fetcher import Fetcher
from fw_mcp.pictures.inspect import Inspector
from fw_mcp.pictures.similarity import Likenesses
from fw_mcp.pictures.view import Viewer
from fw_mcp.pictures.worker.pool import Workshop
from fw_mcp.sandbox.app import create_app
from fw_mcp.sandbox.faults.plan import Fault, FaultKind, Faults
from fw_mcp.sandbox.keys import SANDBOX_APP_KEY, SANDBOX_SESSION_ID, SANDBOX_WEB_API_KEY
from fw_mcp.server.app import build_server
from fw_mcp.server.parts import Parts
from fw_mcp.store.history import History
from fw_mcp.store.journal import Beside, Change, End, Intent, Journal
from fw_mcp.store.locks import Fence
from fw_mcp.store.plans import PlanStore
from fw_mcp.store.sqlite import Database
from fw_mcp.writes.run import Writes
from fw_mcp.writes.trial import Tried

IMAGES = 400
RATE = 0.2
SEED = 7
LATENCY_S = 0.1
UPDATES = 500
ONE_BY_ONE = 20
SINGLES = 60
ENTRIES = 300
TURNS = 5

# Half of the faults show before the work is done, half after it: a client cannot tell which.
LOST_ANSWERS = [
    Fault(kind, endpoint="add_images", committed=committed)
    for kind in (FaultKind.DROPPED, FaultKind.BAD_GATEWAY, FaultKind.SERVER_ERROR)
    for committed in (False, True)
]
OPEN = {"unknown", "not_attempted"}


@dataclass
class Clock:
    """Seconds that pass when somebody sleeps."""

    seconds: float = 0.0

    def __call__(self) -> float:
        """The time."""
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        """Let time pass."""
        self.seconds += seconds
        await anyio.lowlevel.checkpoint()


@dataclass
class Latent(httpx.AsyncBaseTransport):
    """Answers late, and counts."""

    service: httpx.AsyncBaseTransport
    latency_s: float = 0.0
    calls: Counter[str] = field(default_factory=Counter)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Wait, then answer."""
        self.calls[request.url.path.rpartition("/")[2]] += 1
        if self.latency_s:
            await anyio.sleep(self.latency_s)
        return await self.service.handle_async_request(request)


class NoJournal(Journal):
    """Keeps nothing: what a write costs without a journal."""

    async def begin(self, *_: object, **__: object) -> Beside:
        """Keep nothing."""
        return {}

    async def finish(self, *_: object) -> None:
        """Keep nothing."""

    async def end(self, *_: object) -> bool:
        """Keep nothing."""
        return False


async def at_once(_seconds: float) -> None:
    """Let a pause pass in no time."""


def api_client(transport: httpx.AsyncBaseTransport) -> FinerWorksClient:
    """A client of the sandbox, which tries a read again without a pause."""
    return FinerWorksClient(
        base_url="http://sandbox.localhost",
        keys=Keys(SANDBOX_WEB_API_KEY, SANDBOX_APP_KEY),
        session_id=SANDBOX_SESSION_ID,
        transport=transport,
        sleep=at_once,
    )


def mcp_client(
    transport: httpx.AsyncBaseTransport,
    store: Path | None = None,
    *,
    clock: Clock | None = None,
    journal: type[Journal] = Journal,
) -> Client:
    """A host in front of a server in front of `transport`."""
    database = Database(store)

    async def connect() -> FinerWorksClient:
        return api_client(transport)

    kept = journal(database, clock or time.time)
    account = Account(connect, clock=clock, sleep=clock.sleep) if clock else Account(connect)
    guard = Guard(PlanStore(database), Limits(), time.time)
    history = History(database)
    writes = Writes(account, guard, kept, history, tried=Tried(history, always=True))
    nothing = Fetcher(is_on=False)
    viewer = Viewer(nothing, Workshop())
    seen = viewer, Inspector(nothing), Likenesses(viewer), Answering(nothing)
    parts = Parts(account, guard, writes, *seen)
    return Client(build_server(parts), cache=None)


def new_image(number: int) -> dict[str, Any]:
    """An image that the sandbox does not hold; each number is another."""
    base = f"https://studio.example/{number:04}"
    return {
        "title": f"New work {number}",
        "file_name": f"work_{number:04}.tif",
        "file_size": 80_000_000 + number,
        "public_thumbnail_uri": f"{base}/thumbnail.jpg",
        "public_preview_uri": f"{base}/preview.jpg",
        "private_hires_uri": f"{base}/work_{number:04}.tif",
        "pix_w": 7200,
        "pix_h": 4800,
    }


def to_add(number: int) -> ImageToAdd:
    """The same, as the API takes it."""
    names = ("thumbnail_file_name", "preview_file_name", "hires_file_name")
    return ImageToAdd.model_validate({**dict.fromkeys(names, "a.tif"), **new_image(number)})


async def held(app: Starlette) -> list[Any]:
    """Every image that the sandbox holds."""
    client = api_client(SandboxTransport(app))
    images: list[Any] = []
    while True:
        page = await client.list_images(
            ListImagesRequest(
                library=client.library("inventory"),
                page_number=len(images) // 50 + 1,
                per_page=50,
            )
        )
        images += page.images
        if len(images) >= (page.count or 0) or not page.images:
            return images


@dataclass(frozen=True)
class Added:
    """What became of adds under faults."""

    name: str
    duplicates: int
    losses: int
    unreported: int
    calls: int
    waited_s: float


async def judged(
    name: str, app: Starlette, claimed: Sequence[bool], calls: int, waited: float
) -> Added:
    """Compare what the service holds with what was asked and claimed.

    Args:
        name: of the strategy.
        app: the sandbox.
        claimed: for each image, whether the strategy took it for added.
        calls: requests that were sent.
        waited: seconds that were slept.
    """
    times = Counter(image.private_hires_uri for image in await held(app))
    listed = [times[new_image(number)["private_hires_uri"]] for number in range(IMAGES)]
    return Added(
        name=name,
        duplicates=sum(max(count - 1, 0) for count in listed),
        losses=listed.count(0),
        unreported=sum(bool(n) != said for n, said in zip(listed, claimed, strict=True)),
        calls=calls,
        waited_s=waited,
    )


async def by_hand(attempts: int) -> Added:
    """Five at a time, each request sent up to `attempts` times, answers believed."""
    app, faults = faulty()
    client = api_client(SandboxTransport(app))
    claimed = [False] * IMAGES
    calls = 0
    for start in range(0, IMAGES, 5):
        request = AddImagesRequest(
            images=[to_add(number) for number in range(start, start + 5)],
            library=client.library("inventory"),
        )
        for _ in range(attempts):
            calls += 1
            try:
                await client.add_images(request)
            except ApiError:
                continue
            claimed[start : start + 5] = [True] * 5
            break
    faults.clear()
    name = "blind retry, three times" if attempts > 1 else "no retry"
    return await judged(name, app, claimed, calls, 0.0)


async def by_fw_mcp() -> Added:
    """One call, gone on with while it gives a handle."""
    app, faults = faulty()
    clock = Clock()
    wire = Latent(SandboxTransport(app))
    arguments: dict[str, Any] = {"images": [new_image(number) for number in range(IMAGES)]}
    claimed = [False] * IMAGES
    async with mcp_client(wire, clock=clock) as client:
        while True:
            result = await client.call_tool("add_images", arguments)
            if result.is_error:
                raise RuntimeError(result.content)
            content = result.structured_content or {}
            # Whatever has no row, or a good one, is told as done; what went wrong is never cut.
            bad = {
                row["index"]
                for row in content["images"]
                if row["outcome"] not in {"created", "adopted"}
            }
            claimed = [place not in bad for place in range(IMAGES)]
            if "continue_handle" not in content:
                break
            # What may still be carried out is not sent again for a minute.
            clock.seconds += 60
            arguments = {"continue_handle": content["continue_handle"]}
    faults.clear()
    return await judged("fw-mcp", app, claimed, wire.calls["add_images"], clock.seconds)


def faulty() -> tuple[Starlette, Faults]:
    """A sandbox that loses one answer in five."""
    faults = Faults()
    faults.sometimes(RATE, LOST_ANSWERS, seed=SEED)
    return create_app(faults=faults), faults


async def updating() -> dict[str, float]:
    """Five hundred updates in one call, against one call an image."""
    app = create_app()
    wire = Latent(SandboxTransport(app))
    client = api_client(wire.service)
    for start in range(0, UPDATES, 5):
        await client.add_images(
            AddImagesRequest(
                images=[to_add(number) for number in range(start, start + 5)],
                library=client.library("inventory"),
            )
        )
    new = {new_image(number)["private_hires_uri"] for number in range(UPDATES)}
    guids = [image.guid for image in await held(app) if image.private_hires_uri in new]
    wire.latency_s = LATENCY_S
    async with mcp_client(wire) as host:
        began = time.perf_counter()
        images = [{"guid": guid, "title": f"Together {guid[:8]}"} for guid in guids]
        result = await host.call_tool("update_image_metadata", {"images": images})
        together_s = time.perf_counter() - began
        together = sum(wire.calls.values())
        outcomes = (result.structured_content or {})["outcomes"]
        wire.calls.clear()
        began = time.perf_counter()
        for guid in guids[:ONE_BY_ONE]:
            one = [{"guid": guid, "title": f"Alone {guid[:8]}"}]
            await host.call_tool("update_image_metadata", {"images": one})
        each_s = (time.perf_counter() - began) / ONE_BY_ONE
        each = sum(wire.calls.values()) / ONE_BY_ONE
    return {
        "updated": outcomes.get("updated", 0),
        "calls_together": together,
        "seconds_together": together_s,
        "calls_one_by_one": each * UPDATES,
        "seconds_one_by_one": each_s * UPDATES,
    }


async def settling() -> dict[str, float]:
    """Seconds until a lost answer is settled: when the work was done, and when it was not."""
    seconds: dict[str, float] = {}
    for committed in (True, False):
        faults, clock = Faults(), Clock()
        faults.add(Fault(FaultKind.DROPPED, endpoint="add_images", committed=committed))
        wire = SandboxTransport(create_app(faults=faults))
        async with mcp_client(wire, clock=clock) as host:
            await host.call_tool("add_images", {"images": [new_image(1)]})
        seconds["done" if committed else "not_done"] = clock.seconds
    return seconds


async def journalling(folder: Path) -> dict[str, float]:
    """Entries a second, and a single update with the journal against one without."""
    database = Database(folder / "entries.sqlite3")
    journal = Journal(database, time.time)
    began = time.perf_counter()
    for number in range(ENTRIES):
        change = Change(f"{number:016x}", "bench", "bench", "{}", "")
        intent = Intent("g", {"guid": "g"}, {"title": "a" * 200})
        await journal.begin(change, "update_images", {0: intent}, Fence())
        await journal.finish(change.change_id, {0: End("g", "updated")})
    writes = 2 * ENTRIES / (time.perf_counter() - began)
    database.close()
    with_it, without = [], []
    for turn in range(TURNS):
        # Turn by turn, so that both see the same machine.
        with_it.append(await single(folder / f"with_{turn}.sqlite3", Journal))
        without.append(await single(folder / f"without_{turn}.sqlite3", NoJournal))
    with_it_s, without_s = min(with_it), min(without)
    return {
        "writes_per_second": writes,
        "single_ms": with_it_s * 1000,
        "ratio": with_it_s / without_s,
    }


async def single(store: Path, journal: type[Journal]) -> float:
    """Median seconds of an update of one image."""
    app = create_app()
    guid = next(image.guid for image in await held(app) if not image.products)
    took = []
    async with mcp_client(SandboxTransport(app), store, journal=journal) as host:
        for number in range(SINGLES):
            image = {"guid": guid, "title": f"Title {number}"}
            began = time.perf_counter()
            await host.call_tool("update_image_metadata", {"images": [image]})
            took.append(time.perf_counter() - began)
    return sorted(took)[SINGLES // 2]


async def measured() -> dict[str, Any]:
    """Every figure."""
    with tempfile.TemporaryDirectory() as folder:
        return {
            "added": [
                asdict(one) for one in (await by_hand(1), await by_hand(3), await by_fw_mcp())
            ],
            "updating": await updating(),
            "settling_s": await settling(),
            "journal": await journalling(Path(folder)),
        }


def told(figures: dict[str, Any]) -> str:
    """The figures as a table."""
    lines = [f"{IMAGES} adds, {RATE:.0%} of the answers lost, half of them after the work was done"]
    lines += [
        "  {name:<25} {duplicates:>4} doubled {losses:>4} lost {unreported:>4} wrongly reported, "
        "{calls} calls, {waited_s:.0f} s of waits".format(**one)
        for one in figures["added"]
    ]
    updating, settling, journal = (figures[name] for name in ("updating", "settling_s", "journal"))
    ratio = updating["seconds_together"] / updating["seconds_one_by_one"]
    lines.append(
        f"{UPDATES} updates at {LATENCY_S * 1000:.0f} ms: {updating['updated']} updated, "
        f"{updating['calls_together']:.0f} calls in {updating['seconds_together']:.1f} s; one by "
        f"one {updating['calls_one_by_one']:.0f} calls in {updating['seconds_one_by_one']:.0f} s "
        f"(from {ONE_BY_ONE}); ratio {ratio:.3f}"
    )
    lines.append(
        f"a lost answer is settled after {settling['done']:.1f} s when the work was done, "
        f"{settling['not_done']:.1f} s when it was not and is sent again"
    )
    lines.append(
        f"journal: {journal['writes_per_second']:.0f} writes a second; a single update takes "
        f"{journal['single_ms']:.1f} ms, {journal['ratio']:.2f} of one without a journal"
    )
    return "\n".join(lines)


def main() -> int:
    """Measure and tell; 1 when an image was lost, doubled or wrongly reported."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="for a program")
    arguments = parser.parse_args()
    logging.disable()
    figures = anyio.run(measured)
    print(json.dumps(figures, indent=2) if arguments.json else told(figures))
    ours = figures["added"][-1]
    return int(bool(ours["duplicates"] or ours["losses"] or ours["unreported"]))


if __name__ == "__main__":
    sys.exit(main())
