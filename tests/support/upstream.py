"""The service on a loopback port: the sandbox, with a hand on each of its answers."""

import json
import re
import socket
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from typing import Any

import anyio
import httpx
import uvicorn
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from fw_mcp.embedded import SandboxTransport
from fw_mcp.sandbox.app import create_app
from fw_mcp.sandbox.faults.plan import Faults
from fw_mcp.sandbox.keys import SANDBOX_APP_KEY, SANDBOX_WEB_API_KEY

KEYS = {"FINERWORKS_WEB_API_KEY": SANDBOX_WEB_API_KEY, "FINERWORKS_APP_KEY": SANDBOX_APP_KEY}
HALF = "\ud83d"
NEW = {
    "file_name": "dune.tif",
    "file_size": 9,
    "public_thumbnail_uri": "https://img.example/t.jpg",
    "public_preview_uri": "https://img.example/p.jpg",
    "private_hires_uri": "https://img.example/h.tif",
    "pix_w": 4000,
    "pix_h": 3000,
}
"""An image to register."""


def new(name: str) -> dict[str, object]:
    """Another image to register."""
    return {**NEW, "file_name": name, "private_hires_uri": f"https://img.example/{name}"}


Alter = Callable[[str, httpx.Response], httpx.Response]


def _nothing(_: str) -> httpx.Response | None:
    return None


_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Hold:
    """A call whose work is done and whose answer waits.

    Attributes:
        reached: set when the call is there.
        left: set when its caller hung up.
    """

    def __init__(self) -> None:
        self.reached = anyio.Event()
        self.left = anyio.Event()
        self._released = anyio.Event()

    def release(self) -> None:
        """Let the answer go."""
        self._released.set()

    async def wait(self, receive: Receive) -> None:
        """Return when the answer may go, or when nobody is there to take it."""
        self.reached.set()
        async with anyio.create_task_group() as group:
            group.start_soon(self._notice, receive, group.cancel_scope)
            await self._released.wait()
            group.cancel_scope.cancel()

    async def _notice(self, receive: Receive, scope: anyio.CancelScope) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        self.left.set()
        scope.cancel()


class Upstream:
    """The service: an ASGI application around the sandbox.

    Attributes:
        url: where it listens.
        faults: what is to go wrong in the sandbox.
        asked: endpoint → how many calls came.
        alter: gets the endpoint and the answer, and gives the answer that goes out.
        instead: gets the endpoint; what it gives goes out, and the work is not done.
        users: web_api_key → the id of its user, of keys beside the sandbox's own.
    """

    def __init__(self, url: str, alter: Alter | None) -> None:
        self.url = url
        self.faults = Faults()
        self.asked: Counter[str] = Counter()
        self.alter = alter
        self.instead: Callable[[str], httpx.Response | None] = _nothing
        self.users: dict[str, int] = {}
        self._sandbox = SandboxTransport(create_app(faults=self.faults))
        self._holds: dict[str, Hold] = {}

    def renew(self) -> None:
        """Begin anew: as the sandbox was, without faults, and with answers as they are."""
        self.faults.clear()
        self.alter = None
        self._sandbox = SandboxTransport(create_app(faults=self.faults))

    @property
    def settings(self) -> dict[str, str]:
        """The environment of a process that is to use it."""
        return {"FINERWORKS_BASE_URL": self.url, **KEYS}

    @contextmanager
    def holding(self, endpoint: str) -> Iterator[Hold]:
        """Hold the next call of `endpoint`; leaving lets it go."""
        hold = self._holds[endpoint] = Hold()
        try:
            yield hold
        finally:
            hold.release()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one call."""
        request = Request(scope, receive)
        endpoint = request.url.path.rpartition("/")[2]
        self.asked[endpoint] += 1
        answer = self.instead(endpoint)
        if answer is None:
            answer = await self._answer(request)
        hold = self._holds.pop(endpoint, None)
        if hold is not None:
            await hold.wait(receive)
        if self.alter is not None:
            answer = self.alter(endpoint, answer)
        headers = {"content-type": "application/json", **answer.headers}
        headers["content-length"] = str(len(answer.content))
        await Response(answer.content, answer.status_code, headers)(scope, receive, send)

    async def _answer(self, request: Request) -> httpx.Response:
        headers = httpx.Headers(request.headers.raw)
        user = self.users.get(headers.get("web_api_key", ""))
        if user is not None:
            headers["web_api_key"] = SANDBOX_WEB_API_KEY
        answer = await self._sandbox.handle_async_request(
            httpx.Request(
                request.method, str(request.url), headers=headers, content=await request.body()
            )
        )
        await answer.aread()
        return answer if user is None else _of_user(answer, user)


@asynccontextmanager
async def upstream(alter: Alter | None = None) -> AsyncIterator[Upstream]:
    """A fresh service on a free port, until the test is over."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        service = Upstream(f"http://127.0.0.1:{listener.getsockname()[1]}", alter)
        config = uvicorn.Config(service, lifespan="off", log_config=None, access_log=False)
        server = uvicorn.Server(config)
        async with anyio.create_task_group() as group:
            group.start_soon(partial(server.serve, sockets=[listener]))
            try:
                yield service
            finally:
                server.should_exit = True


def _of_user(answer: httpx.Response, user: int) -> httpx.Response:
    document = answer.json()
    if "user_account" not in document:
        return answer
    document["user_account"]["account_id"] = user
    return httpx.Response(answer.status_code, json=document)


def torn(_: str, answer: httpx.Response, *, guids: bool = False) -> httpx.Response:
    """`answer` with half an emoji in every text, key and unknown member of its JSON.

    Args:
        _: the endpoint.
        answer: of the sandbox.
        guids: tear these as well; nothing is found by them any more.
    """
    body = json.dumps(_torn(answer.json(), guids)).encode()
    assert b"\\ud83d" in body
    return httpx.Response(answer.status_code, content=body)


def _torn(value: Any, guids: bool) -> Any:  # noqa: ANN401  JSON
    if isinstance(value, str):
        return value if _GUID.fullmatch(value) and not guids else value + HALF
    if isinstance(value, list):
        return [_torn(one, guids) for one in value]
    if isinstance(value, dict):
        whole = {name: _torn(one, guids) for name, one in value.items()}
        return {**whole, **{name + HALF: one for name, one in whole.items()}, HALF: HALF}
    return value
