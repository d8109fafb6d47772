"""One server over a small sandbox that is new for each cell, and a judge who reads its tables."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import httpx
from mcp.client import Client
from starlette.applications import Starlette

from fw_mcp.api.client import FinerWorksClient
from fw_mcp.api.connection import Keys
from fw_mcp.api.pacing import Traffic
from fw_mcp.embedded import SandboxTransport
from fw_mcp.guard.guard import Guard, Limits
from fw_mcp.images.account import Account
from fw_mcp.pictures.answering import Answering
from fw_mcp.pictures.fetch.fetcher import Fetcher
from fw_mcp.pictures.inspect import Inspector
from fw_mcp.pictures.similarity import Likenesses
from fw_mcp.pictures.view import Viewer
from fw_mcp.pictures.worker.pool import Workshop
from fw_mcp.sandbox.app import create_app
from fw_mcp.sandbox.faults.plan import Faults
from fw_mcp.sandbox.images import Images, StoredImage
from fw_mcp.sandbox.keys import SANDBOX_APP_KEY, SANDBOX_SESSION_ID, SANDBOX_WEB_API_KEY
from fw_mcp.sandbox.requests import ImageLibrary, LibraryName, ListImages
from fw_mcp.sandbox.seed import product
from fw_mcp.server.app import build_server
from fw_mcp.server.parts import Parts
from fw_mcp.store.history import History
from fw_mcp.store.journal import Item, Journal
from fw_mcp.store.plans import PlanStore
from fw_mcp.store.sqlite import Database
from fw_mcp.writes.run import Writes
from fw_mcp.writes.trial import Tried
from tests.support.client import InProcessClient
from tests.support.recorder import Recorder
from tests.support.studio import YES, Clock, Person

MOST_BODY_BYTES = 2**20
SOLD_EVERY = 5
# Three requests of a call are three requests, whether of fifty images or of ten.
CHUNK = 10

_DAY_S = 86_400.0
_MICROSECONDS = 10**6
_LIMITS = Limits(items_per_call=500, deletions_per_hour=100_000)
_INVENTORY = ImageLibrary(LibraryName.INVENTORY, SANDBOX_SESSION_ID, 2)


@dataclass(frozen=True)
class Stored:
    """One image as the service holds it."""

    guid: str
    title: str
    description: str
    file_name: str
    hires_uri: str
    products: frozenset[str]

    @property
    def text(self) -> tuple[str, str]:
        """The title and the description."""
        return self.title, self.description


@dataclass(frozen=True)
class Held:
    """What the service holds, whether or not a list shows it."""

    images: Mapping[str, Stored]
    selection: tuple[str, ...]


@dataclass
class _Service(httpx.AsyncBaseTransport):
    """Passes on to the sandbox of the cell."""

    app: Starlette = field(default_factory=create_app)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return await SandboxTransport(self.app).handle_async_request(request)


class Stage:
    """The server, and what a cell looks into.

    Attributes:
        selection: the key of the one selection that cells use.
        wire: what the server sent in this cell.
        counted: call and endpoint → the requests it makes when nothing goes wrong.
    """

    selection = str(UUID(int=7, version=4))

    def __init__(self) -> None:
        self.counted: dict[tuple[str, str], int] = {}
        self.clock = Clock()
        self.faults = Faults(sleep=self.clock.sleep)
        self._service = _Service()
        self.wire = Recorder(self._service)
        self._database = Database(None)
        journal = Journal(self._database, self.clock)
        self.history = History(self._database)
        self._account = Account(
            self._connect, clock=self.clock, sleep=self.clock.sleep, chunk=CHUNK
        )
        guard = Guard(PlanStore(self._database), _LIMITS, self.clock)
        nothing = Fetcher(is_on=False)
        viewer = Viewer(nothing, Workshop())
        parts = Parts(
            account=self._account,
            guard=guard,
            writes=Writes(
                self._account, guard, journal, self.history, tried=Tried(self.history, always=True)
            ),
            viewer=viewer,
            inspector=Inspector(nothing),
            likenesses=Likenesses(viewer),
            masters=Answering(nothing),
        )
        self._server = build_server(parts)

    async def lay(self, count: int) -> list[str]:
        """A new service with so many images, a new store, and the day after.

        Returns:
            Their guids, oldest first.
        """
        await self._account.aclose()
        self._database.close()
        self.clock.forward(_DAY_S)
        self.faults.clear()
        self.faults.taken.clear()
        self.wire.sent.clear()
        self._service.app = create_app(seed=False, faults=self.faults, clock=self._now)
        images = [_image(number, self._microseconds) for number in range(count)]
        sold = images[::SOLD_EVERY]
        dice = random.Random(count)  # noqa: S311  the same products every time
        products = [product(dice, n, one.guid, one.title or "") for n, one in enumerate(sold)]
        self._tables.stock(images, products)
        return [image.guid for image in images]

    def client(self) -> Client:
        """A client whose person says yes."""
        return InProcessClient(
            self._server, elicitation_callback=Person(self.clock, YES), cache=None
        )

    def held(self) -> Held:
        """What the service holds now."""
        wanted = ListImages(_INVENTORY, per_page=10_000)
        rows, _ = self._tables.matching(wanted, now=self._microseconds)
        products = self._tables.products_of(row["guid"] for row in rows)
        images = {row["guid"]: _stored(row, products[row["guid"]]) for row in rows}
        return Held(images, tuple(self._tables.selection(self.selection)))

    def later(self) -> None:
        """Nothing goes wrong any more, and a minute has passed."""
        self.faults.clear()
        self.clock.forward(60.0)

    async def items(self, after: int = 0) -> list[Item]:
        """What was sent after a place in the journal, in the order of writing."""
        items = [one async for _, items in self.history.everything() for one in items]
        sent = [one for one in items if one.kind and one.place > after]
        return sorted(sent, key=lambda one: one.place)

    @property
    def _tables(self) -> Images:
        # The judge reads the tables: what a list leaves out, or shows twice, must not deceive him.
        images: Images = self._service.app.state.sandbox.images
        return images

    @property
    def _microseconds(self) -> int:
        return int(self.clock() * _MICROSECONDS)

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self.clock(), UTC)

    async def _connect(self) -> FinerWorksClient:
        return FinerWorksClient(
            base_url="http://sandbox.localhost",
            keys=Keys(SANDBOX_WEB_API_KEY, SANDBOX_APP_KEY),
            session_id=SANDBOX_SESSION_ID,
            transport=self.wire,
            max_body_bytes=MOST_BODY_BYTES,
            traffic=Traffic(self.clock, self.clock.sleep),
            sleep=self.clock.sleep,
        )


def _image(number: int, now: int) -> StoredImage:
    name = f"old_{number:03}.jpg"
    return StoredImage(
        guid=str(UUID(int=1000 + number, version=4)),
        title=f"Old {number}",
        description=f"Described {number}",
        file_name=name,
        file_size=1_000_000 + number,
        thumbnail_file_name=name,
        preview_file_name=name,
        hires_file_name=name,
        public_thumbnail_uri=f"https://files.example/thumbnails/{name}",
        public_preview_uri=f"https://files.example/previews/{name}",
        personal_gallery_title=None,
        members_gallery_category=None,
        private_hires_uri=f"https://files.example/masters/{name}",
        pix_w=3000 + number,
        pix_h=2000,
        date_added=now,
        date_expires=None,
        active=True,
        library=LibraryName.INVENTORY,
        session_id=None,
    )


def _stored(row: Mapping[str, Any], products: Sequence[Mapping[str, Any]]) -> Stored:
    return Stored(
        guid=row["guid"],
        title=row["title"] or "",
        description=row["description"] or "",
        file_name=row["file_name"],
        hires_uri=row["private_hires_uri"],
        products=frozenset(one["sku"] for one in products),
    )
