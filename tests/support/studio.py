"""The whole server over the sandbox, in memory, with a clock that tests move."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import anyio
import anyio.lowlevel
import httpx
from mcp.client import Client, ClientRequestContext
from mcp.client.session import ElicitationFnT
from mcp.types import CallToolResult, ElicitRequestParams, ElicitResult, ErrorData
from starlette.applications import Starlette

from fw_mcp.api.client import FinerWorksClient
from fw_mcp.api.connection import Keys
from fw_mcp.api.pacing import Traffic
from fw_mcp.assembly import account_name
from fw_mcp.config import IN_MEMORY, Settings
from fw_mcp.embedded import SandboxTransport
from fw_mcp.guard.guard import Guard, Limits
from fw_mcp.images.account import Account, Pace
from fw_mcp.pictures.answering import Answering
from fw_mcp.pictures.fetch.fetcher import Fetcher
from fw_mcp.pictures.folders import Folders
from fw_mcp.pictures.inspect import Inspector
from fw_mcp.pictures.similarity import Likenesses
from fw_mcp.pictures.upload.sandbox import SandboxBucket
from fw_mcp.pictures.view import Viewer
from fw_mcp.pictures.worker.pool import Workshop
from fw_mcp.sandbox.app import create_app
from fw_mcp.sandbox.endpoints import ALL_OFF, Switches
from fw_mcp.sandbox.faults.plan import Faults
from fw_mcp.sandbox.faults.uploads import UploadFaults
from fw_mcp.sandbox.keys import SANDBOX_APP_KEY, SANDBOX_SESSION_ID, SANDBOX_WEB_API_KEY
from fw_mcp.server.app import FwServer, build_server
from fw_mcp.server.parts import Parts
from fw_mcp.store.database import IN_THIS_PROCESS
from fw_mcp.store.history import History
from fw_mcp.store.journal import Journal, Step
from fw_mcp.store.plans import PlanStore
from fw_mcp.store.sqlite import Database
from fw_mcp.store.uploads import UploadStore
from fw_mcp.writes.addition import FromFiles
from fw_mcp.writes.run import Writes
from fw_mcp.writes.trial import Tried
from fw_mcp.writes.uploads import Renderer, UploadLimits, Uploads, UploadStep, public_check
from tests.support.client import InProcessClient
from tests.support.recorder import Recorder
from tests.support.uploading import Painter, Shelf

Mode = Literal["auto", "legacy"]


PER_SERIES = 9
HELD = 72
"""The inventory of a studio in tests: all that the 248 images of the sandbox have, in fewer."""

SANDBOX_URL = "http://sandbox.localhost"
YES = ElicitResult(action="accept", content={"confirm": True})
NO = ElicitResult(action="decline")


@dataclass
class Clock:
    """Seconds since the epoch, moved by hand."""

    seconds: float = 1_800_000_000.0

    def __call__(self) -> float:
        """The time it is."""
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        """Let time pass, in place of waiting."""
        self.forward(seconds)
        await anyio.lowlevel.checkpoint()

    def forward(self, seconds: float) -> None:
        """Let time pass."""
        self.seconds += seconds


@dataclass
class Person:
    """Somebody who answers questions, and remembers what was asked.

    `answer` is what the next questions get; `takes_s` is how long reading takes.
    """

    clock: Clock
    answer: ElicitResult
    takes_s: float = 5.0
    asked: list[str] = field(default_factory=list)
    meanwhile: Callable[[], Awaitable[None]] | None = None

    async def __call__(
        self,
        context: ClientRequestContext,  # noqa: ARG002  the SDK's signature
        params: ElicitRequestParams,
    ) -> ElicitResult | ErrorData:
        """Read the question and answer it."""
        self.asked.append(params.message)
        self.clock.forward(self.takes_s)
        if self.meanwhile is not None:
            await self.meanwhile()
        return self.answer


@dataclass
class Studio:
    """One server, its sandbox behind it, and the parts a test looks into.

    `wire` records what the server sends. `api` is a client of its own on the same sandbox: the
    judge of what the service holds.
    """

    clock: Clock
    app: Starlette
    faults: Faults
    wire: Recorder
    database: Database
    plans: PlanStore
    journal: Journal
    writes: Writes
    account: Account
    guard: Guard
    uploads: Uploads
    parts: Parts
    server: FwServer
    api: FinerWorksClient

    def client(self, *, mode: Mode = "auto", person: ElicitationFnT | None = None) -> Client:
        """A client; without a person it declares no elicitation."""
        return InProcessClient(self.server, mode=mode, elicitation_callback=person, cache=None)

    def person(self, answer: ElicitResult = YES, *, takes_s: float = 5.0) -> Person:
        """Somebody who says yes unless told otherwise."""
        return Person(self.clock, answer, takes_s)


def make_studio(
    *,
    limits: Limits | None = None,
    switches: Switches = ALL_OFF,
    store: Path | None = None,
    kept_for: str = "",
    busy_timeout_s: float = 5.0,
    pace: Pace | None = None,
    show_hires: bool = False,
    fetcher: Fetcher | Literal["sandbox"] = "sandbox",
    folders: Sequence[Path] = (),
    workshop: Workshop | None = None,
    per_series: int = PER_SERIES,
    app: Starlette | None = None,
    faults: Faults | None = None,
    upload_faults: UploadFaults | None = None,
    reached: Callable[[Step], None] = lambda _: None,
    service: httpx.AsyncBaseTransport | None = None,
    clock: Clock | None = None,
    tried: bool = False,
    shelf: Shelf | Literal["sandbox"] | None = None,
    painter: Renderer | None = None,
    upload_limits: UploadLimits | None = None,
    reached_upload: Callable[[UploadStep], None] = lambda _: None,
) -> Studio:
    """A studio on a fresh sandbox, or on `app`, which another studio already serves.

    `per_series` is how many inventory images each of the sandbox's eight series has. `fetcher`
    fetches pictures and files, from the sandbox and nowhere else unless it is given. `kept_for` is
    the account of its store; `reached` is told each step of each write. `service` stands in the
    place of the sandbox; `clock` is its time, too; `tried` where each kind of write was tried on it
    before. Files of `folders` are uploaded to `shelf`, where there is one.
    """
    clock = clock or Clock()
    faults = faults or Faults()
    app = app or create_app(
        per_series=per_series, switches=switches, faults=faults, upload_faults=upload_faults
    )
    database = Database(store, account=kept_for, busy_timeout_s=busy_timeout_s)
    plans, journal = PlanStore(database), Journal(database, clock, reached)

    wire = Recorder(service or SandboxTransport(app))

    async def connect() -> FinerWorksClient:
        return sandbox_client(wire, clock)

    account = Account(connect, pace=pace, clock=clock, sleep=clock.sleep)
    guard = Guard(plans, limits or Limits(), clock)
    history = History(database)
    known = Tried(history, always=tried or service is None)
    writes = Writes(account, guard, journal, history, tried=known)
    if fetcher == "sandbox":
        fetcher = Fetcher(inside={SANDBOX_URL: lambda: SandboxTransport(app)}, resolve=_nowhere)
    viewer = Viewer(fetcher, workshop or Workshop(), clock=clock)
    bucket = sandbox_bucket(app, clock) if shelf == "sandbox" else shelf
    uploads = Uploads(
        UploadStore(database),
        Folders(folders),
        bucket,
        painter or Painter(),
        shelf.check if isinstance(shelf, Shelf) else public_check(fetcher, clock.sleep),
        limits=upload_limits or UploadLimits(),
        now=clock,
        reached=reached_upload,
    )
    parts = Parts(
        account=account,
        guard=guard,
        writes=writes,
        viewer=viewer,
        inspector=Inspector(fetcher, folders),
        likenesses=Likenesses(viewer, clock=clock),
        masters=Answering(fetcher, clock=clock),
        files=FromFiles(uploads, writes),
        show_hires=show_hires,
    )
    return Studio(
        clock=clock,
        app=app,
        faults=faults,
        wire=wire,
        database=database,
        plans=plans,
        journal=journal,
        writes=writes,
        account=account,
        guard=guard,
        uploads=uploads,
        parts=parts,
        server=build_server(parts),
        api=sandbox_client(SandboxTransport(app)),
    )


def on_account(parts: Parts, account: Account) -> Parts:
    """The parts with another way to the service."""
    kept = parts.writes
    writes = Writes(account, parts.guard, kept.journal, kept.history, tried=kept.tried)
    files = parts.files and FromFiles(parts.files.uploads, writes)
    return replace(parts, account=account, writes=writes, files=files)


def sandbox_account(sandbox: Path | str = IN_MEMORY) -> str:
    """What a command with this sandbox calls its account in a store.

    Of one in memory, what a server of this process would; a command that shows the store finds it.
    """
    if sandbox == IN_MEMORY:
        return f"{IN_THIS_PROCESS}tests"
    name = account_name(Settings(sandbox=str(sandbox)))
    assert isinstance(name, str)
    return name


def sandbox_bucket(app: Starlette, clock: Clock) -> SandboxBucket:
    """Where the sandbox keeps what is uploaded to it."""
    return SandboxBucket(
        SANDBOX_URL,
        lambda: Keys(SANDBOX_WEB_API_KEY, SANDBOX_APP_KEY).headers,
        lambda: SandboxTransport(app),
        clock.sleep,
    )


async def _nowhere(_: str) -> Sequence[str]:
    return ()


def sandbox_client(
    transport: httpx.AsyncBaseTransport, clock: Clock | None = None
) -> FinerWorksClient:
    """A client of the API over `transport`, with the keys and the session of the sandbox.

    Its pauses are on `clock`, or on one of its own.
    """
    clock = clock or Clock()
    return FinerWorksClient(
        base_url=SANDBOX_URL,
        keys=Keys(SANDBOX_WEB_API_KEY, SANDBOX_APP_KEY),
        session_id=SANDBOX_SESSION_ID,
        transport=transport,
        traffic=Traffic(clock, clock.sleep),
        sleep=clock.sleep,
    )


def text_of(result: CallToolResult) -> str:
    """The text a host without structured content shows."""
    (block,) = result.content
    assert block.type == "text"
    return block.text


def said(result: CallToolResult) -> dict[str, Any]:
    """The structured content of a result that is no error."""
    assert not result.is_error, text_of(result)
    content = result.structured_content
    assert isinstance(content, dict)
    return content
