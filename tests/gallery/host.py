"""A small host for the gallery: a real client of the real server, behind a page that shows it."""

import asyncio
import json
import socket
import threading
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlencode

import uvicorn
from mcp.client import Client, ClientRequestContext
from mcp.client.session import ElicitationFnT
from mcp.shared.exceptions import MCPError
from mcp.types import ElicitRequestParams, ElicitResult, ErrorData, TextResourceContents
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from fw_mcp.server.gallery import GALLERY_URI
from tests.support.studio import Studio

T = TypeVar("T")


class Dialog:
    """The host's own dialog: what the server asks is answered on the host's page."""

    def __init__(self) -> None:
        self.asked: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.answers: asyncio.Queue[ElicitResult] = asyncio.Queue()

    async def __call__(
        self,
        context: ClientRequestContext,  # noqa: ARG002  the SDK's signature
        params: ElicitRequestParams,
    ) -> ElicitResult | ErrorData:
        """Show the question, and wait for the answer."""
        await self.asked.put(params.model_dump(mode="json", by_alias=True, exclude_none=True))
        return await self.answers.get()


_PAGE = Path(__file__).with_name("host.html")
# As strict as hosts are; the frame inherits it.
_POLICY = (
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:; "
    "connect-src 'self'"
)
_PATIENCE_S = 30.0


@dataclass
class Host:
    """A host that serves its page on loopback.

    Attributes:
        called: each call that reached the server, oldest first: the tool and its arguments.
        probed: how often the address that nobody may reach was reached.
        strict: whether its page has a policy of its own, which the gallery's frame inherits.
    """

    studio: Studio
    person: ElicitationFnT | None = None
    strict: bool = True
    called: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    origin: str = ""
    probed: int = 0
    _client: Client | None = None
    _loop: asyncio.AbstractEventLoop | None = None

    def url(self, tool: str = "search_images", *, page: str = "", **arguments: object) -> str:
        """The address of a chat in which `tool` was called; `page` is more of the query."""
        query = urlencode({"tool": tool, "arguments": json.dumps(arguments)})
        return f"{self.origin}/?{query}&{page}"

    def calls_of(self, tool: str) -> list[dict[str, Any]]:
        """The arguments that `tool` was called with."""
        return [arguments for name, arguments in self.called if name == tool]

    def wait_for(self, work: Coroutine[Any, Any, T]) -> T:
        """Do `work` where the server lives, and give its result."""
        assert self._loop is not None
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_PATIENCE_S)

    def application(self) -> Starlette:
        """The pages, and the way to the tools."""
        return Starlette(
            routes=[
                Route("/", self._host_page),
                Route("/gallery", self._gallery),
                Route("/call", self._call, methods=["POST"]),
                Route("/question", self._question),
                Route("/answer", self._answer, methods=["POST"]),
                Route("/probe", self._probe, methods=["GET", "POST"]),
            ],
            lifespan=self._connected,
        )

    @asynccontextmanager
    async def _connected(self, _: Starlette) -> AsyncIterator[None]:
        self._loop = asyncio.get_running_loop()
        async with self.studio.client(person=self.person) as self._client:
            yield

    async def _host_page(self, _: Request) -> Response:
        headers = {"Content-Security-Policy": _POLICY} if self.strict else {}
        return HTMLResponse(_PAGE.read_text(encoding="utf-8"), headers=headers)

    async def _gallery(self, _: Request) -> Response:
        (content,) = (await self._connection.read_resource(GALLERY_URI)).contents
        assert isinstance(content, TextResourceContents)
        return Response(content.text, media_type="text/plain")

    async def _call(self, request: Request) -> Response:
        asked = await request.json()
        self.called.append((asked["name"], asked["arguments"]))
        try:
            result = await self._connection.call_tool(asked["name"], asked["arguments"])
        except MCPError as error:
            return JSONResponse({"error": {"code": error.code, "message": str(error)}})
        document = result.model_dump(mode="json", by_alias=True, exclude_none=True)
        return JSONResponse({"result": document})

    async def _question(self, _: Request) -> Response:
        return JSONResponse(await self._dialog.asked.get())

    async def _answer(self, request: Request) -> Response:
        await self._dialog.answers.put(ElicitResult.model_validate(await request.json()))
        return Response(status_code=204)

    @property
    def _dialog(self) -> Dialog:
        assert isinstance(self.person, Dialog)
        return self.person

    async def _probe(self, _: Request) -> Response:
        self.probed += 1
        return Response("reached", headers={"Access-Control-Allow-Origin": "*"})

    @property
    def _connection(self) -> Client:
        assert self._client is not None
        return self._client


@contextmanager
def serving(host: Host) -> Iterator[Host]:
    """Serve the host's page from a thread of its own."""
    listener = socket.create_server(("127.0.0.1", 0))
    host.origin = f"http://127.0.0.1:{listener.getsockname()[1]}"
    config = uvicorn.Config(
        host.application(), log_level="warning", ws="none", timeout_graceful_shutdown=5
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield host
    finally:
        server.should_exit = True
        thread.join(_PATIENCE_S)
        listener.close()
