"""A client of a sandbox whose answers go wrong: in process, or over HTTP on loopback."""

import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import partial

import anyio
import httpx
import uvicorn
from starlette.applications import Starlette

from fw_mcp.api.client import FinerWorksClient
from fw_mcp.api.connection import Keys, Timeouts
from fw_mcp.api.models import ListImagesRequest
from fw_mcp.api.pacing import Traffic
from fw_mcp.embedded import SandboxTransport
from fw_mcp.sandbox.app import create_app
from fw_mcp.sandbox.faults import raw_server
from fw_mcp.sandbox.faults.plan import Faults
from fw_mcp.sandbox.keys import SANDBOX_APP_KEY, SANDBOX_SESSION_ID, SANDBOX_WEB_API_KEY
from tests.api.stand_in import Pauses

CAP_BYTES = 1_000_000
"""What the client reads of an answer at most."""


class Metered(httpx.AsyncBaseTransport):
    """Counts the bytes of bodies that a client takes from another transport."""

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        """Count from none."""
        self._inner = inner
        self.taken = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Pass the answer on, with a meter in its body."""
        response = await self._inner.handle_async_request(request)
        assert isinstance(response.stream, httpx.AsyncByteStream)
        response.stream = _MeteredStream(self, response.stream)
        return response

    async def aclose(self) -> None:
        """Close the other."""
        await self._inner.aclose()


class _MeteredStream(httpx.AsyncByteStream):
    def __init__(self, meter: Metered, inner: httpx.AsyncByteStream) -> None:
        self._meter = meter
        self._inner = inner

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self._inner:
            self._meter.taken += len(piece)
            yield piece

    async def aclose(self) -> None:
        await self._inner.aclose()


@dataclass(frozen=True)
class Hostile:
    """A client, the faults of what it calls, and a meter of what it reads.

    Attributes:
        judge: a client that has time.
    """

    client: FinerWorksClient
    judge: FinerWorksClient
    faults: Faults
    meter: Metered

    async def count(self) -> int:
        """How many images the inventory shows."""
        library = self.judge.library("inventory")
        count = (await self.judge.list_images(ListImagesRequest(library=library))).count
        assert count is not None
        return count

    async def comes_to(self, count: int) -> None:
        """Wait until there are so many: a service that was left may still be at its work."""
        while await self.count() != count:
            await anyio.lowlevel.checkpoint()


@asynccontextmanager
async def in_process(app: Starlette) -> AsyncIterator[tuple[str, httpx.AsyncBaseTransport]]:
    """No network."""
    yield "http://sandbox.localhost", SandboxTransport(app)


@asynccontextmanager
async def over_uvicorn(app: Starlette) -> AsyncIterator[tuple[str, httpx.AsyncBaseTransport]]:
    """The server that `fw-mcp sandbox` runs on."""
    config = uvicorn.Config(app, port=0, lifespan="off", log_level=60)
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    await server.startup()
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}", loopback()
    finally:
        # Its own shutdown would wait a tenth of a second for connections that are closed already.
        server.servers[0].close()


@asynccontextmanager
async def over_bare(app: Starlette) -> AsyncIterator[tuple[str, httpx.AsyncBaseTransport]]:
    """The server that sends what the other refuses to."""
    async with raw_server.serving(app) as base_url:
        yield base_url, loopback()


def loopback() -> httpx.AsyncBaseTransport:
    """The network, without the time it takes to read certificates that nobody shows here."""
    return httpx.AsyncHTTPTransport(verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), trust_env=False)


Way = Callable[[Starlette], AbstractAsyncContextManager[tuple[str, httpx.AsyncBaseTransport]]]

IN_PROCESS: tuple[Way, ...] = (in_process,)
OVER_HTTP: tuple[Way, ...] = (over_uvicorn, over_bare)


@asynccontextmanager
async def calling(
    way: Way, *, faults: Faults | None = None, timeouts: Timeouts | None = None
) -> AsyncIterator[Hostile]:
    """A client of an empty sandbox, reached that way.

    A call that its own time-outs fail to end is ended here.
    """
    faults = faults or Faults()
    async with way(create_app(seed=False, faults=faults)) as (base_url, transport):
        meter, pauses = Metered(transport), Pauses()
        connect = partial(
            FinerWorksClient,
            base_url=base_url,
            keys=Keys(web_api_key=SANDBOX_WEB_API_KEY, app_key=SANDBOX_APP_KEY),
            session_id=SANDBOX_SESSION_ID,
            max_body_bytes=CAP_BYTES,
            traffic=Traffic(pauses, pauses.sleep),
            sleep=pauses.sleep,
        )
        client, judge = connect(transport=meter, timeouts=timeouts), connect(transport=transport)
        with anyio.fail_after(30):
            async with client:
                yield Hostile(client, judge, faults, meter)
