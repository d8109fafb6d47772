"""Serving over HTTP: who gets in, what health checks see, and how it ends."""

import asyncio
import json
import logging
import os
import signal
import socket
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, Literal

import anyio
import httpx
import pytest
import uvicorn
from mcp import Client, MCPError
from mcp.client.context import ClientRequestContext
from mcp.types import ElicitRequestParams, ElicitResult
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.server import ServerState

from fw_mcp.errors import ConfigError, Reason
from fw_mcp.server.bodies import InTime, OneMessage
from fw_mcp.server.endings import Interruptible, Sleep
from fw_mcp.server.http import (
    check_exposure,
    http_app,
    listen_on,
    serve_http,
    who_may_connect,
)
from tests.server.toy_server import build_toy
from tests.support.products import exhaustive

pytestmark = pytest.mark.anyio

Era = Literal["auto", "legacy"]
TOKEN = "a-token-of-some-length"
PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}


async def well() -> None:
    """Be ready."""


@asynccontextmanager
async def application(
    *,
    host: str = "127.0.0.1",
    token: str | None = None,
    ready: Callable[[], Awaitable[None]] = well,
    allowed_hosts: tuple[str, ...] = (),
    allowed_origins: tuple[str, ...] = (),
) -> AsyncIterator[httpx.AsyncClient]:
    """Give a client of the application, in process; the application believes in port 8000."""
    app = http_app(
        build_toy(lambda _: None, well),
        host=host,
        port=8000,
        token=token,
        ready=ready,
        allowed_hosts=allowed_hosts,
        allowed_origins=allowed_origins,
    )
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000") as client,
    ):
        yield client


async def status_of(client: httpx.AsyncClient, headers: dict[str, str]) -> int:
    """Post to ``/mcp``; 400 is the protocol speaking, so the request got in."""
    accept = {"Accept": "application/json, text/event-stream"}
    response = await client.post("/mcp", json=PING, headers=accept | headers)
    return response.status_code


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 400),
        ({"Host": "localhost:8000"}, 400),
        ({"Host": "[::1]:8000"}, 400),
        ({"Host": "prints.example"}, 400),
        ({"Host": "localhost:8001"}, 421),
        ({"Host": "localhost:8000.evil.example"}, 421),
        ({"Host": "evil.example"}, 421),
        ({"Origin": "http://localhost:8000"}, 400),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "http://localhost:8000.evil.example"}, 403),
        ({"Origin": "null"}, 403),
    ],
)
async def test_only_known_hosts_and_origins_get_in(headers: dict[str, str], status: int) -> None:
    """Each is compared in full, so that a web page cannot reach the server by rebinding a name."""
    async with application(allowed_hosts=("prints.example",)) as client:
        assert await status_of(client, headers) == status


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({b"Host": b"localhost:8000"}, 400),
        ({b"Host": b"\xa0localhost:8000"}, 421),
        ({b"Host": b"\x1flocalhost:8000"}, 421),
        ({b"Host": b"pre\xdfe.example"}, 421),
        ({b"Origin": b"http://localhost:8000\x1f"}, 403),
    ],
)
async def test_only_the_white_space_of_http_surrounds_a_name(
    headers: dict[bytes, bytes], status: int
) -> None:
    """No other is taken off, and no letter is taken for two."""
    async with application(allowed_hosts=("presse.example",)) as client:
        response = await client.post("/mcp", json=PING, headers={b"Accept": b"*/*"} | headers)
    assert response.status_code == status


@pytest.mark.parametrize(
    ("entry", "host", "status"),
    [
        ("fw.example.com", "fw.example.com", 400),
        ("fw.example.com", "FW.Example.com:443", 400),
        ("fw.example.com", "fw.example.com:80", 400),
        ("fw.example.com:443", "fw.example.com", 400),
        ("FW.example.com:443", "fw.example.com:443", 400),
        ("fw.example.com:8443", "fw.example.com:8443", 400),
        ("fw.example.com:8443", "fw.example.com", 421),
        ("fw.example.com", "fw.example.com:8443", 421),
        ("fw.example.com", "fw.example.com.evil.example", 421),
        ("fw.example.com", "fw.example.com:443.evil.example", 421),
        ("fw.example.com", "", 421),
        ("[2001:db8::1]:443", "[2001:DB8::1]", 400),
    ],
)
async def test_a_host_is_known_in_any_case_and_with_the_usual_ports(
    entry: str, host: str, status: int
) -> None:
    """A proxy adds or drops the port that goes without saying; any other counts."""
    async with application(allowed_hosts=(entry,)) as client:
        assert await status_of(client, {"Host": host}) == status


@pytest.mark.parametrize(
    ("entry", "origin", "status"),
    [
        ("https://App.example", "https://app.example", 400),
        ("https://app.example/", "https://app.example", 400),
        ("https://app.example:443", "https://app.example", 400),
        ("https://app.example", "https://app.example:443", 400),
        ("https://app.example", "http://app.example", 403),
        ("https://app.example", "https://app.example:80", 403),
        ("https://app.example", "https://app.example.evil.example", 403),
    ],
)
async def test_an_origin_is_known_in_any_case_and_with_its_usual_port(
    entry: str, origin: str, status: int
) -> None:
    """The scheme always counts."""
    async with application(allowed_origins=(entry,)) as client:
        assert await status_of(client, {"Origin": origin}) == status


async def test_a_host_that_is_refused_is_told_with_the_option_that_adds_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The operator reads what to do; the name is somebody else's text."""
    async with application() as client:
        await status_of(client, {"Host": "fw.example.com"})
        await status_of(client, {})
    told = [message for message in caplog.messages if "--http-allowed-hosts" in message]
    assert told == [
        'refused a request for the host "fw.example.com": add --http-allowed-hosts "fw.example.com"'
    ]


@pytest.mark.parametrize("path", ["/mcp/", "/mcp//"])
async def test_a_slash_at_the_end_changes_nothing(path: str) -> None:
    """A redirect would lead clients through a proxy into plain http, or lose the token."""
    async with application() as client:
        headers = {"Accept": "application/json, text/event-stream"}
        plain = await client.post("/mcp", json=PING, headers=headers)
        slash = await client.post(path, json=PING, headers=headers)
    assert (slash.status_code, slash.text) == (plain.status_code, plain.text)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Type": "Application/JSON"}, 400),
        ({"Content-Type": "APPLICATION/JSON; Charset=UTF-8"}, 400),
        ({"Content-Type": "text/plain"}, 400),
        ({"Accept": "text/event-stream"}, 400),
        ({"Accept": "Text/Event-Stream;q=0.5"}, 400),
        ({"Accept": "*/*"}, 400),
        ({"Accept": ""}, 400),
        ({"Accept": "text/html"}, 406),
        ({"Accept": "application/json"}, 406),
    ],
)
async def test_headers_are_read_as_clients_write_them(headers: dict[str, str], status: int) -> None:
    """Whoever takes streams takes every answer; to JSON alone the SDK gives no stream."""
    async with application() as client:
        assert await status_of(client, {"Content-Type": "application/json"} | headers) == status


HELLO = {
    "jsonrpc": "2.0",
    "id": 0,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    },
}


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "Application/JSON"},
        {"Accept": "text/event-stream"},
        {"Accept": ""},
        {"Host": "LOCALHOST:8000"},
    ],
)
async def test_hands_are_shaken_whatever_the_spelling(headers: dict[str, str]) -> None:
    """The answer itself comes, not merely another error."""
    usual = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}
    async with application() as client:
        response = await client.post("/mcp/", json=HELLO, headers=usual | headers)
    assert response.status_code == 200
    assert '"protocolVersion":"2025-06-18"' in response.text


HANDS = json.dumps(HELLO).encode()


@pytest.mark.parametrize(
    "body",
    [
        b"\xef\xbb\xbf" + HANDS,
        HANDS + b"\0",
        json.dumps(HELLO, indent=1).encode(),
        HANDS.replace(b'"id": 0', b'"id": 0.0'),
    ],
)
async def test_a_body_is_read_as_clients_write_it(body: bytes) -> None:
    """As a line of a pipe is."""
    headers = {"Accept": "*/*", "Content-Type": "application/json"}
    async with application() as client:
        response = await client.post("/mcp", content=body, headers=headers)
    assert (response.status_code, '"id":0,' in response.text) == (200, True)


ERA = {"MCP-Protocol-Version": "2026-07-28", "Mcp-Method": "tools/list"}


@pytest.mark.parametrize("era", [{}, ERA], ids=["handshake", "2026-07-28"])
@pytest.mark.parametrize(
    ("sent", "request_id", "code"),
    [
        ({"id": None}, None, -32600),
        ({"id": 1.5}, None, -32600),
        ({"id": True}, None, -32600),
        ({"id": [1]}, None, -32600),
        ({"id": 7, "params": [1]}, 7, -32600),
        ({"id": "7", "jsonrpc": "1.0"}, "7", -32600),
    ],
)
async def test_no_body_with_an_id_goes_without_an_answer(
    era: dict[str, str], sent: dict[str, object], request_id: object, code: int
) -> None:
    """The SDK takes some of them for a notification, and says 202."""
    async with application() as client:
        response = await client.post("/mcp", json=PING | sent, headers={"Accept": "*/*"} | era)
        batch = await client.post("/mcp", json=[PING], headers={"Accept": "*/*"} | era)
        strange = await client.post("/mcp", json=PING | sent, headers={"Host": "evil.example"})
    answer = response.json()
    assert (answer["id"], answer["error"]["code"]) == (request_id, code)
    assert (response.status_code, batch.status_code, strange.status_code) == (400, 400, 421)


async def test_a_body_that_does_not_come_is_not_waited_for() -> None:
    """It would hold its connection for ever."""

    async def never(_: Scope, __: Receive, ___: Send) -> None:
        raise AssertionError

    async def nothing() -> Message:
        await anyio.sleep_forever()
        raise AssertionError

    who = who_may_connect("127.0.0.1", 8000, [], [])
    app = OneMessage(never, who, 100, within_s=0)
    headers = [(b"host", b"127.0.0.1:8000"), (b"content-type", b"application/json")]
    (start, _) = await answer_of(
        app, {"type": "http", "method": "POST", "headers": headers}, nothing
    )
    assert start["status"] == 408


class Undone:
    """A task that nobody does."""

    def add_done_callback(self, callback: object) -> None:
        """Never call it."""


class Timers:
    """An event loop whose timers a test lets run out, and which runs nothing."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[], object]] = []

    def call_later(self, delay: float, callback: Callable[[], object]) -> SimpleNamespace:
        """Keep a timer."""
        assert delay <= 60
        self.waiting.append(callback)
        return SimpleNamespace(cancel=lambda: self.waiting.remove(callback))

    def create_task(self, work: Coroutine[Any, Any, None], **_: object) -> Undone:
        """Leave it."""
        work.close()
        return Undone()


class Line(asyncio.Transport):
    """The server's end of a connection."""

    closed = False
    unread = 0

    def close(self) -> None:
        """End it."""
        self.closed = True

    abort = close

    def get_write_buffer_size(self) -> int:
        """How much of an answer nobody has taken yet."""
        return self.unread

    def is_closing(self) -> bool:
        """Whether it has ended."""
        return self.closed

    def write(self, data: object) -> None:
        """Take an answer."""

    def pause_reading(self) -> None:
        """Take no more."""


HEAD = b"POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n"


@pytest.mark.parametrize(
    ("pieces", "ends"),
    [
        ([], True),
        ([HEAD[:9]], True),
        ([HEAD[:9], HEAD[9:20], HEAD[20:30]], True),
        ([HEAD], False),
        ([HEAD[:9], HEAD[9:]], False),
    ],
)
def test_a_connection_without_a_request_ends(pieces: list[bytes], ends: bool) -> None:
    """One that sends half a head, or a byte now and then, like one that sends nothing."""

    async def never(_: Scope, __: Receive, ___: Send) -> None:
        raise AssertionError

    loop, line = Timers(), Line()
    config = uvicorn.Config(never, http=InTime, lifespan="off")
    connection = InTime(config, ServerState(), {}, loop)
    connection.connection_made(line)
    for piece in pieces:
        connection.data_received(piece)
    for run_out in loop.waiting:
        run_out()
    assert line.closed is ends


@pytest.mark.parametrize(
    ("left", "ends"),
    [
        ([900_000], True),
        ([900_000, 899_999], True),
        ([900_000, 800_000, 800_000], True),
        ([900_000, 800_000, 700_000], False),
    ],
)
def test_a_connection_whose_answer_is_not_read_ends(left: list[int], ends: bool) -> None:
    """A client that takes nothing, or a byte now and then, holds no turn for ever."""

    async def never(_: Scope, __: Receive, ___: Send) -> None:
        raise AssertionError

    loop, line = Timers(), Line()
    connection = InTime(uvicorn.Config(never, http=InTime, lifespan="off"), ServerState(), {}, loop)
    connection.connection_made(line)
    connection.data_received(HEAD)
    line.unread = left[0]
    connection.pause_writing()
    for line.unread in [*left[1:], left[-1]] if ends else left[1:]:
        (run_out,) = loop.waiting
        loop.waiting.clear()
        run_out()
        if line.closed:
            break
    assert line.closed is ends


def test_a_connection_whose_answer_is_read_goes_on() -> None:
    """Nothing is waited for any more."""

    async def never(_: Scope, __: Receive, ___: Send) -> None:
        raise AssertionError

    loop, line = Timers(), Line()
    connection = InTime(uvicorn.Config(never, http=InTime, lifespan="off"), ServerState(), {}, loop)
    connection.connection_made(line)
    connection.data_received(HEAD)
    connection.pause_writing()
    connection.resume_writing()
    assert loop.waiting == []


@pytest.mark.parametrize("token", [None, TOKEN])
async def test_a_page_of_an_allowed_origin_can_use_the_server(token: str | None) -> None:
    """Its browser asks first, without the token, and reads only what names the page."""
    origin = {"Origin": "https://app.example"}
    ask = {
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type,mcp-protocol-version",
    }
    given = {"Authorization": f"Bearer {token}"} if token else {}
    accept = {"Accept": "application/json, text/event-stream"}
    async with application(token=token, allowed_origins=("https://app.example",)) as client:
        asked = await client.options("/mcp", headers=origin | ask)
        used = await client.post("/mcp", json=HELLO, headers=origin | accept | given)
        other = await client.options("/mcp", headers=ask | {"Origin": "https://evil.example"})
    assert (asked.status_code, used.status_code, other.status_code) == (200, 200, 400)
    assert asked.headers["Access-Control-Allow-Origin"] == "https://app.example"
    assert "authorization" in asked.headers["Access-Control-Allow-Headers"]
    assert used.headers["Access-Control-Allow-Origin"] == "https://app.example"
    assert "Mcp-Session-Id" in used.headers["Access-Control-Expose-Headers"]
    assert "Access-Control-Allow-Origin" not in other.headers


async def test_a_wrong_token_is_told_from_none() -> None:
    """With the name of the setting, and never with the token."""
    async with application(token=TOKEN) as client:
        none = await client.post("/mcp", json=PING)
        wrong = await client.post("/mcp", json=PING, headers={"Authorization": "Bearer secret-x"})
    assert none.headers["WWW-Authenticate"] == "Bearer"
    assert wrong.headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'
    assert none.text.startswith("A bearer token is required: the operator's FW_MCP_HTTP_TOKEN")
    assert wrong.text.startswith("The bearer token is another than")
    assert "secret-x" not in wrong.text


@pytest.mark.parametrize(
    "path",
    [
        "/.well-known/oauth-protected-resource",
        "/.well-known/oauth-protected-resource/mcp",
        "/.well-known/oauth-authorization-server",
        "/.well-known/openid-configuration",
        "/register",
        "/authorize",
        "/token",
    ],
)
@pytest.mark.parametrize("token", [None, TOKEN])
async def test_where_oauth_would_be_there_is_none(path: str, token: str | None) -> None:
    """A client that looks for it is told so, rather than failing to sign in."""
    async with application(token=token) as client:
        looked, posted = await client.get(path), await client.post(path, json={})
    assert (looked.status_code, posted.status_code) == (404, 404)


@pytest.mark.parametrize("path", ["/", "/mcp", "/mcp/", "/other"])
async def test_nothing_else_is_open_without_the_token(path: str) -> None:
    """The token guards whatever may come to stand there."""
    async with application(token=TOKEN) as client:
        assert (await client.get(path)).status_code == 401


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_connections_send_without_delay(host: str) -> None:
    """Head and body of an answer go out apart: the second waits for nobody."""
    with listen_on(host, 0) as listener, socket.create_connection(listener.getsockname()):
        accepted, _ = listener.accept()
        with accepted:
            assert accepted.proto == socket.IPPROTO_TCP
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        (f"Bearer {TOKEN}", 400),
        (f"bearer {TOKEN}", 400),
        (f"Bearer {TOKEN}x", 401),
        (f"Basic {TOKEN}", 401),
        ("Bearer t\xf6ken", 401),
        ("Bearer", 401),
        ("", 401),
    ],
)
async def test_with_a_token_set_only_its_bearer_gets_in(authorization: str, status: int) -> None:
    """Also on loopback, and before anything else is looked at."""
    async with application(token=TOKEN) as client:
        headers = {b"Authorization": authorization.encode("latin-1")}
        response = await client.post("/mcp", json=PING, headers=headers)
    assert response.status_code == status
    assert ("WWW-Authenticate" in response.headers) == (status == 401)


async def test_health_checks_need_no_token() -> None:
    """They are answered to anyone, under any name, and say nothing but their status."""
    async with application(host="0.0.0.0", token=TOKEN) as client:  # noqa: S104  with a token
        alive = await client.get("/livez", headers={"Host": "10.0.0.7"})
        ready = await client.get("/readyz", headers={"Host": "10.0.0.7"})
    assert (alive.status_code, alive.json()) == (200, {"status": "alive"})
    assert (ready.status_code, ready.json()) == (200, {"status": "ready"})


async def unreachable() -> None:
    """Not be ready, with a reason that holds a secret."""
    raise ConfigError("The key is s3cret.", state="", next_step="", reason=Reason.KEYS_REFUSED)


async def too_slow() -> None:
    """Not be ready in time."""
    raise TimeoutError


async def broken() -> None:
    """Not be ready, for a reason nobody thought of."""
    raise RuntimeError("s3cret")


@pytest.mark.parametrize(
    ("ready", "status", "body"),
    [
        (unreachable, 503, '{"status":"unready","reason":"keys_refused"}'),
        (too_slow, 503, '{"status":"unready","reason":"timed_out"}'),
        (broken, 500, "Internal Server Error"),
    ],
)
async def test_an_unready_server_gives_a_reason_and_no_detail(
    ready: Callable[[], Awaitable[None]], status: int, body: str
) -> None:
    """The reason is a word from the closed list."""
    async with application(ready=ready) as client:
        response = await client.get("/readyz")
    assert (response.status_code, response.text) == (status, body)


@exhaustive
async def test_a_server_whose_store_hangs_says_in_time_that_it_is_unready() -> None:
    """A thread cannot be cancelled: whoever asks does not wait for it."""
    end = threading.Event()

    async def stuck() -> None:
        await anyio.to_thread.run_sync(end.wait, 120)

    async with application(ready=stuck) as client:
        try:
            with anyio.fail_after(60):
                response = await client.get("/readyz")
        finally:
            end.set()
    assert response.json() == {"status": "unready", "reason": "timed_out"}


async def test_a_huge_body_is_refused() -> None:
    """Four megabytes hold any call."""
    async with application() as client:
        response = await client.post("/mcp", content=b" " * (4 * 1024 * 1024 + 1))
    assert response.status_code == 413


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "localhost", "::1", "[::1]"])
def test_loopback_needs_no_token(host: str) -> None:
    """Nobody else reaches it."""
    check_exposure(host, None)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "prints.example", ""])  # noqa: S104
def test_any_other_address_needs_a_token(host: str) -> None:
    """Without one the server refuses to start."""
    with pytest.raises(ConfigError) as refusal:
        check_exposure(host, None)
    assert refusal.value.reason == Reason.UNSAFE_SETTING
    check_exposure(host, TOKEN)


def test_a_short_token_is_refused() -> None:
    """Even where none is needed: whoever set one relies on it."""
    with pytest.raises(ConfigError) as refusal:
        check_exposure("127.0.0.1", "x" * 15)
    assert refusal.value.reason == Reason.UNSAFE_SETTING


@pytest.mark.parametrize(
    ("hosts", "origins", "said"),
    [
        (
            ["https://fw.example.com/mcp"],
            [],
            '--http-allowed-hosts names "https://fw.example.com/m',
        ),
        (["fw.example.com"], ["app.example.com"], '--http-allowed-origins names "app.example.com"'),
    ],
)
def test_what_no_header_could_equal_is_refused(
    hosts: list[str], origins: list[str], said: str
) -> None:
    """It would allow nobody, without a word."""
    with pytest.raises(ConfigError) as refused:
        who_may_connect("0.0.0.0", 8000, hosts, origins)  # noqa: S104  nothing listens
    assert str(refused.value).startswith(said)


def test_a_pattern_of_hosts_is_refused() -> None:
    """The SDK would let ``localhost:1.evil.example`` in for ``localhost:*``."""
    with pytest.raises(ConfigError) as refusal:
        who_may_connect("127.0.0.1", 8000, ["localhost:*"], [])
    assert refusal.value.reason == Reason.UNSAFE_SETTING


async def test_an_address_in_use_is_named() -> None:
    """As a setting to change, not as a traceback."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        server = build_toy(lambda _: None, well)
        with pytest.raises(ConfigError, match=f"Cannot listen on 127.0.0.1:{port}"):
            await serve_http(server, host="127.0.0.1", port=port, token=None, ready=well)


@dataclass
class Running:
    """A server that listens, and what its tools report."""

    url: str = ""
    reports: list[str] = field(default_factory=list)
    listening: anyio.Event = field(default_factory=anyio.Event)
    changed: anyio.Event = field(default_factory=anyio.Event)
    released: anyio.Event = field(default_factory=anyio.Event)

    def listens(self, url: str) -> None:
        """Take the address."""
        self.url = url
        self.listening.set()

    def report(self, what: str) -> None:
        """Take a report."""
        self.reports.append(what)
        self.changed.set()
        self.changed = anyio.Event()

    async def until(self, what: str) -> None:
        """Wait for a report."""
        while what not in self.reports:
            await self.changed.wait()

    async def call(self, mode: Era, tool: str) -> None:
        """Call a tool whose answer may never come."""
        try:
            async with Client(self.url, mode=mode) as client:
                # Or it would list them after the call, to see that the answer is as they say.
                await client.list_tools()
                await client.call_tool(tool, {})
        except* (MCPError, anyio.BrokenResourceError, anyio.ClosedResourceError):
            self.report("no answer")


async def no_time(_: float) -> None:
    """Wait for nobody."""


@asynccontextmanager
async def running(sleep: Sleep = no_time) -> AsyncIterator[Running]:
    """Serve the toy; leaving sends SIGTERM if nothing did before, and waits for the end."""
    running = Running()
    server = build_toy(running.report, running.released.wait)

    async def serve() -> None:
        await serve_http(
            server,
            host="127.0.0.1",
            port=0,
            token=None,
            ready=well,
            sleep=sleep,
            listening=running.listens,
        )

    with anyio.fail_after(30):
        async with anyio.create_task_group() as group:
            group.start_soon(serve)
            await running.listening.wait()
            yield running


def terminate() -> None:
    """Send this process, which serves, a SIGTERM."""
    os.kill(os.getpid(), signal.SIGTERM)


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_clients_of_both_eras_are_served(mode: Era) -> None:
    """By the SDK's own client, over a real socket."""
    async with running() as server:
        async with Client(server.url, mode=mode) as client:
            result = await client.call_tool("echo", {"text": "hi"})
        terminate()
    assert result.structured_content == {"result": "hi"}
    assert server.reports == ["closed"]


async def test_a_client_of_the_older_era_can_be_asked() -> None:
    """Its session stays open, so that a question reaches the person in the middle of a call."""

    async def decline(context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
        del context, params
        return ElicitResult(action="decline")

    async with running() as server:
        async with Client(server.url, mode="legacy", elicitation_callback=decline) as client:
            result = await client.call_tool("ask", {})
        terminate()
    assert result.structured_content == {"result": "decline"}


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_signal_lets_a_write_in_flight_finish(
    mode: Era, caplog: pytest.LogCaptureFixture
) -> None:
    """Other work is cancelled, the write ends when it ends, and only then what it needs closes."""
    async with running() as server, anyio.create_task_group() as calls:
        calls.start_soon(server.call, mode, "wait_forever")
        calls.start_soon(server.call, mode, "shielded_write")
        await server.until("waiting")
        await server.until("writing")
        terminate()
        await server.until("cancelled")
        server.released.set()
        await server.until("closed")
    order = [what for what in server.reports if what in ("cancelled", "written", "closed")]
    assert order == ["cancelled", "written", "closed"]
    assert [record.name for record in caplog.records if record.levelno > logging.WARNING] == []


@dataclass
class Waited:
    """Time that passes when a test lets it."""

    url: str = ""
    told: list[float] = field(default_factory=list)
    asked: anyio.Event = field(default_factory=anyio.Event)
    over: anyio.Event = field(default_factory=anyio.Event)

    async def sleep(self, seconds: float) -> None:
        """Wait to be let go on."""
        self.told.append(seconds)
        self.asked.set()
        await self.over.wait()
        self.asked, self.over = anyio.Event(), anyio.Event()

    async def until(self, seconds: float) -> None:
        """Wait until that long is waited for."""
        await self.asked.wait()
        assert self.told[-1] == seconds


ACCEPT = {"Accept": "application/json, text/event-stream"}


async def test_a_signal_is_seen_then_refuses_calls_and_lets_those_there_finish() -> None:
    """Promise: a proxy hears of it first, and no call that was taken is lost."""
    time = Waited()
    async with (
        running(time.sleep) as server,
        httpx.AsyncClient(base_url=server.url.removesuffix("/mcp"), trust_env=False) as proxy,
        anyio.create_task_group() as calls,
    ):
        assert (await proxy.get("/readyz")).status_code == 200
        calls.start_soon(server.call, "auto", "shielded_write")
        await server.until("writing")
        terminate()
        await time.until(5.0)
        unready = await proxy.get("/readyz")
        taken = await proxy.post("/mcp", json=HELLO, headers=ACCEPT)
        time.over.set()
        await anyio.lowlevel.checkpoint()
        await time.until(45.0)
        refused = await proxy.post("/mcp", json=HELLO, headers=ACCEPT)
        alive = await proxy.get("/livez")
        server.released.set()
        await server.until("closed")
    assert (unready.status_code, unready.json()["reason"]) == (503, "stopping")
    assert (taken.status_code, alive.status_code) == (200, 200)
    assert (refused.status_code, refused.headers["Connection"]) == (503, "close")
    assert [what for what in server.reports if what != "writing"] == ["written", "closed"]


async def test_a_call_that_takes_too_long_is_canceled_at_the_end() -> None:
    """And where nobody asks whether the server is ready, nobody is given time to see it."""
    time = Waited()
    async with running(time.sleep) as server, anyio.create_task_group() as calls:
        calls.start_soon(server.call, "auto", "wait_forever")
        await server.until("waiting")
        terminate()
        await time.until(45.0)
        assert "cancelled" not in server.reports
        time.over.set()
        await server.until("closed")
    assert time.told == [45.0]
    assert sorted(server.reports) == ["cancelled", "closed", "no answer", "waiting"]


GET: Scope = {"type": "http", "method": "GET", "headers": []}


async def answer_of(
    app: ASGIApp, scope: Scope = GET, receive: Receive | None = None
) -> list[Message]:
    """Send a request to `app`, and collect what it answers."""
    messages: list[Message] = []

    async def empty() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        messages.append(message)

    await app(scope, receive or empty, send)
    return messages


async def test_a_request_that_comes_after_the_stop_is_refused() -> None:
    """It could keep the server from ending."""

    async def never(_: Scope, __: Receive, ___: Send) -> None:
        raise AssertionError

    app = Interruptible(never)
    app.stop()
    assert (await answer_of(app))[0]["status"] == 503


@pytest.mark.parametrize(
    ("said", "added"),
    [
        ([{"type": "http.response.start", "status": 200, "headers": []}], 1),
        ([{"type": "http.response.body", "body": b"x", "more_body": True}], 1),
        ([{"type": "http.response.body", "body": b"x"}], 0),
    ],
)
async def test_an_interrupted_answer_is_brought_to_its_end(said: list[Message], added: int) -> None:
    """Once, and only if it is not there yet."""

    async def stuck(_: Scope, __: Receive, send: Send) -> None:
        for message in said:
            await send(message)
        app.stop()
        await anyio.sleep_forever()

    app = Interruptible(stuck)
    assert len(await answer_of(app)) == len(said) + added
