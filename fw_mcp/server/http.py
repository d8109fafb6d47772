"""MCP over Streamable HTTP: who may connect, the routes, and how serving ends."""

import asyncio
import ipaddress
import logging
import socket
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

import anyio
import uvicorn
from mcp.server import MCPServer
from mcp.server.auth.middleware.auth_context import AuthContextMiddleware
from mcp.server.auth.middleware.bearer_auth import AuthenticatedUser
from mcp.server.auth.provider import AccessToken
from mcp.server.transport_security import TransportSecuritySettings
from mcp.types import JSONRPCRequest
from starlette.applications import Starlette
from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from fw_mcp.errors import ConfigError, FwError, Reason
from fw_mcp.guard.effects import EFFECTS, implied_by
from fw_mcp.guard.effects import Scope as Permission
from fw_mcp.server.bodies import InTime, OneMessage, Refuse
from fw_mcp.server.calls import Calls, OrderlyEnd
from fw_mcp.server.endings import Interruptible, Sleep, Temporary
from fw_mcp.server.headers import AsMeant, same_host, same_origin
from fw_mcp.server.identity import Bearers, Tokens
from fw_mcp.server.oauth import METADATA, Issuer
from fw_mcp.server.parts import is_only_account
from fw_mcp.server.tool import ACCOUNT, MAY_GROW
from fw_mcp.signals import stop_signals
from fw_mcp.text import quoted
from fw_mcp.writes.operation import ONLY_ACCOUNT

_TOKEN_LENGTH = 16

Knows = Callable[[str], bool]


def check_exposure(host: str, token: str | None, persons: Tokens | Issuer | None = None) -> None:
    """Refuse an address that others can reach without a token, and a token that can be guessed.

    Raises:
        ConfigError: with `Reason.UNSAFE_SETTING`.
    """
    if token is None and persons is None and not _is_loopback(host):
        raise ConfigError(
            f"No token is set, so anyone who can reach {host} could change the image library.",
            state="The server was not started.",
            next_step="Set a token with FW_MCP_HTTP_TOKEN, or one for each person with "
            "--tokens-file, or listen on 127.0.0.1.",
            reason=Reason.UNSAFE_SETTING,
        )
    if token is not None and len(token) < _TOKEN_LENGTH:
        raise ConfigError(
            f"The token in FW_MCP_HTTP_TOKEN is shorter than {_TOKEN_LENGTH} characters.",
            state="The server was not started.",
            next_step='Make one with: python -c "import secrets; print(secrets.token_urlsafe())"',
            reason=Reason.UNSAFE_SETTING,
        )


def who_may_connect(
    host: str, port: int, allowed_hosts: Sequence[str], allowed_origins: Sequence[str]
) -> TransportSecuritySettings:
    """List the `Host` and `Origin` headers to accept, each in full, as `AsMeant` spells them.

    Raises:
        ConfigError: an entry is a pattern, which the SDK would match by its beginning alone, or has
            another form.
    """
    for entry in (*allowed_hosts, *allowed_origins):
        if "*" in entry:
            raise ConfigError(
                f"--http-allowed-hosts or --http-allowed-origins names {quoted(entry)}, which is a "
                "pattern.",
                state="The server was not started.",
                next_step="Name each host and port in full.",
                reason=Reason.UNSAFE_SETTING,
            )
    _check_shape("--http-allowed-hosts", "/", allowed_hosts, "fw.example.com", is_wanted=False)
    _check_shape("--http-allowed-origins", "://", allowed_origins, "https://app.example.com")
    own = [f"{name}:{port}" for name in ("127.0.0.1", "localhost", "[::1]", bracketed(host))]
    origins = [*(f"http://{name}" for name in own), *allowed_origins]
    return TransportSecuritySettings(
        allowed_hosts=[same_host(entry) for entry in (*own, *allowed_hosts)],
        allowed_origins=[same_origin(entry) for entry in origins],
    )


def _check_shape(
    option: str, mark: str, entries: Sequence[str], example: str, *, is_wanted: bool = True
) -> None:
    """Refuse what no header could ever be equal to."""
    wrong = [entry for entry in entries if (mark in entry) is not is_wanted]
    if wrong:
        raise ConfigError(
            f"{option} names {quoted(wrong[0])}, which is not of the form {example}.",
            state="The server was not started.",
            next_step="Correct it.",
            reason=Reason.INVALID_SETTING,
        )


class BearerOnly:
    """Lets a request through to `app` only with a bearer token, and says there whose it is.

    Args:
        app: what the token opens.
        bearers: tells whose a token is.
        issuer: where clients are sent to log in; None where nobody can.
        knows: whether there is an account of a name.
        sleep: waits for so many seconds before a stream's token is looked at again.
    """

    def __init__(
        self,
        app: ASGIApp,
        bearers: Bearers,
        issuer: Issuer | None = None,
        knows: Knows = is_only_account,
        sleep: Sleep = anyio.sleep,
    ) -> None:
        self._knows = knows
        self._app = AuthContextMiddleware(app)
        self._bearers = bearers
        self._issuer = issuer
        self._sleep = sleep

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 401; 404 where OAuth would be, for there is none."""
        headers = Headers(scope=scope)
        authorization = headers.get("authorization", "")
        scheme, _, token = authorization.partition(" ")
        refusal = _refusal(scope["path"], authorization, self._bearers.what, self._issuer)
        if scheme.lower() == "bearer":
            # Starlette decodes headers as Latin-1: this gives back the bytes that were sent.
            sent = token.strip().encode("latin-1")
            found = await self._bearers.whose(sent)
            if found is not None:
                called = headers.get("mcp-method") == "tools/call"
                tool = headers.get("mcp-name", "") if called else ""
                answer: ASGIApp | None = self._no_account(found) or _outside(
                    self._issuer, found, tool
                )
                if answer is None and _is_stream(scope["method"], headers):
                    holds = partial(self._holds, sent, found)
                    answer = Temporary(self._app, holds, refusal, self._sleep)
                scope = {**scope, "user": AuthenticatedUser(found)}
                await (answer or self._app)(scope, receive, send)
                return
        await refusal(scope, receive, send)

    async def _holds(self, token: bytes, found: AccessToken) -> bool:
        return await self._bearers.whose(token) == found and self._no_account(found) is None

    def _no_account(self, token: AccessToken) -> Response | None:
        """No challenge: no other scope would open an account, and there is none by default."""
        name = str((token.claims or {}).get(ACCOUNT, ONLY_ACCOUNT))
        if self._knows(name):
            return None
        which = (
            f"the account {quoted(name, 40)}, which is not set up here" if name else "no account"
        )
        return PlainTextResponse(f"The token names {which}. Ask the operator.", 403)


def _is_stream(method: str, headers: Headers) -> bool:
    """Whether the server tells on it what happens, until the client goes; no call is on it."""
    return method == "GET" or headers.get("mcp-method") == "subscriptions/listen"


_OAUTH = ("/register", "/authorize", "/token")
_HEADER = "as the header Authorization: Bearer TOKEN."


def _outside(issuer: Issuer | None, token: AccessToken, tool: str) -> Response | None:
    """What a token that can be given more is told where it lacks the scope of `tool`, if any."""
    needed = EFFECTS[tool].scope if tool in EFFECTS else Permission.READ
    may_grow = (token.claims or {}).get(MAY_GROW, ())
    # What cannot be asked for, the guard refuses in words; what only reads, it does not see.
    is_ours = needed in may_grow or needed is Permission.READ
    if issuer is None or not is_ours or needed in implied_by(token.scopes):
        return None
    told = _challenge(issuer, [needed], "insufficient_scope")
    words = f"This needs the scope {needed}."
    return PlainTextResponse(words, 403, headers={"WWW-Authenticate": told})


def _calls_outside(issuer: Issuer | None) -> Refuse:
    """Refuse by the body: older clients name the tool nowhere else."""

    def refuse(scope: Scope, request: JSONRPCRequest) -> Response | None:
        match request:
            case JSONRPCRequest(method="tools/call", params={"name": str(tool)}) if issuer:
                return _outside(issuer, scope["user"].access_token, tool)
        return None

    return refuse


def _challenge(issuer: Issuer, scopes: Sequence[str], error: str = "") -> str:
    """What a client logs in by; the first one names every scope, since some ask but once."""
    parts = [
        f'error="{error}"' if error else "",
        f'scope="{" ".join(scopes)}"',
        f'resource_metadata="{issuer.metadata}"',
    ]
    return f"Bearer {', '.join(filter(None, parts))}"


def _refusal(path: str, authorization: str, wanted: str, issuer: Issuer | None) -> Response:
    """A 401 alone sends clients to look for OAuth, and any 401 there is taken for a broken one."""
    if issuer is not None and path.startswith("/.well-known/"):
        return PlainTextResponse(f"{METADATA} names where to log in.", 404)
    if path.startswith("/.well-known/") or path in _OAUTH:
        return PlainTextResponse(f"There is no OAuth here. Send {wanted} {_HEADER}", 404)
    if authorization.lower().startswith("bearer "):
        words = f"The bearer token is another than {wanted}, expired or revoked."
        told = 'Bearer error="invalid_token"'
    else:
        words = f"A bearer token is required: {wanted}, {_HEADER}"
        told = "Bearer"
    if issuer is not None:
        error = "invalid_token" if authorization.lower().startswith("bearer ") else ""
        told = _challenge(issuer, issuer.scopes, error)
    return PlainTextResponse(words, 401, headers={"WWW-Authenticate": told})


def bracketed(host: str) -> str:
    """Give `host` as it stands in a URL."""
    return f"[{host.strip('[]')}]" if ":" in host else host


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"


Ready = Callable[[], Awaitable[None]]

_BODY_LIMIT = 4 * 1024 * 1024
_READY_S = 5.0

logger = logging.getLogger(__name__)


async def serve_http(
    server: MCPServer,
    *,
    host: str,
    port: int,
    token: str | None,
    ready: Ready,
    tokens: Tokens | None = None,
    issuer: Issuer | None = None,
    knows: Knows = is_only_account,
    allowed_hosts: Sequence[str] = (),
    allowed_origins: Sequence[str] = (),
    stateless: bool = False,
    calls: Calls | None = None,
    sleep: Sleep = anyio.sleep,
    listening: Callable[[str], None] = logger.info,
) -> None:
    """Serve until SIGTERM or SIGINT; calls that take too long then are cancelled.

    Shielded work finishes all the same.

    Args:
        server: what to serve.
        host: address to listen on.
        port: port to listen on; 0 takes a free one.
        token: what clients must present; needed on any address but loopback.
        ready: raises `FwError` while the server cannot do its work.
        tokens: tokens of one person each; with them `token` is not needed.
        issuer: issues tokens to persons who log in there; with it neither is needed.
        knows: whether there is an account of a name.
        allowed_hosts: further `Host` headers to accept, as ``name`` or ``name:port``; the default
            ports of HTTP and HTTPS are none.
        allowed_origins: further `Origin` headers to accept, as ``https://name[:port]``.
        stateless: whether each request is answered for itself, so that any replica can; older
            clients are not asked in the middle of a call then.
        calls: how many are worked on at a time.
        sleep: waits for so many seconds at the end.
        listening: is told the URL as soon as connections are accepted.

    Raises:
        ConfigError: the address is exposed without a token, or cannot be listened on.
    """
    check_exposure(host, token, tokens or issuer)
    end = OrderlyEnd(calls or Calls(), sleep)
    with listen_on(host, port) as listener:
        port = listener.getsockname()[1]
        app = http_app(
            server,
            host=host,
            port=port,
            token=token,
            ready=ready,
            tokens=tokens,
            issuer=issuer,
            knows=knows,
            allowed_hosts=allowed_hosts,
            allowed_origins=allowed_origins,
            stateless=stateless,
            end=end,
        )
        listening(f"http://{bracketed(host)}:{port}/mcp")
        await _Uvicorn(Interruptible(app), end).serve(sockets=[listener])


def http_app(
    server: MCPServer,
    *,
    host: str,
    port: int,
    token: str | None,
    ready: Ready,
    tokens: Tokens | None = None,
    issuer: Issuer | None = None,
    knows: Knows = is_only_account,
    allowed_hosts: Sequence[str] = (),
    allowed_origins: Sequence[str] = (),
    stateless: bool = False,
    end: OrderlyEnd | None = None,
    sleep: Sleep = anyio.sleep,
) -> Starlette:
    """Build the application: MCP at ``/mcp``, and ``/livez`` and ``/readyz``, which are open.

    Takes the arguments of `serve_http`, with the real `port`, and how it will end.

    Raises:
        ConfigError: the address is exposed without a token.
    """
    check_exposure(host, token, tokens or issuer)
    who = who_may_connect(host, port, allowed_hosts, allowed_origins)
    sdk = server.streamable_http_app(
        host=host,
        max_request_body_size=_BODY_LIMIT,
        stateless_http=stateless,
        transport_security=who,
    )
    end = end or OrderlyEnd(Calls())
    messages = OneMessage(sdk, who, _BODY_LIMIT, _calls_outside(issuer), calls=end.calls.of(sdk))
    mcp: ASGIApp = AsMeant(messages, who.allowed_hosts)
    # A browser asks first, without a token, and reads no answer that does not name its page.
    guarded = CORSMiddleware(
        BearerOnly(mcp, Bearers(token, tokens, issuer), issuer, knows, sleep)
        if token or tokens or issuer
        else mcp,
        allow_origins=who.allowed_origins,
        allow_methods=["GET", "POST", "DELETE"],
        allow_headers=["*"],
        expose_headers=["Mcp-Session-Id", "WWW-Authenticate"],
    )
    return Starlette(
        routes=[
            Route("/livez", _livez),
            Route("/readyz", _readyz(ready, end)),
            *([Route(METADATA, _metadata(issuer), methods=["GET", "OPTIONS"])] if issuer else ()),
            Mount("/", guarded),
        ],
        lifespan=lambda _: server.session_manager.run(),
    )


class _Uvicorn(uvicorn.Server):
    """Uvicorn, quiet, ending on a signal as on any other orderly end."""

    def __init__(self, app: Interruptible, end: OrderlyEnd) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                access_log=False,
                http=InTime,
                lifespan="on",
                log_config=None,
                log_level="warning",
                proxy_headers=False,
                server_header=False,
                ws="none",
            )
        )
        self._app = app
        self._end = end

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        with stop_signals(self._end.begin):
            yield

    async def main_loop(self) -> None:
        """Serve until there is nothing more to wait for."""
        async with anyio.create_task_group() as beside:
            beside.start_soon(self._end_in_order)
            await super().main_loop()
            beside.cancel_scope.cancel()

    async def _end_in_order(self) -> None:
        await self._end.wait()
        self.should_exit = True
        self._app.stop()


_FOR_EVERY_PAGE = {"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Headers": "*"}


def _metadata(issuer: Issuer) -> Callable[[Request], Awaitable[Response]]:
    async def metadata(_: Request) -> Response:
        told = {
            "resource": issuer.resource,
            "authorization_servers": [issuer.issuer],
            "scopes_supported": list(issuer.scopes),
            "bearer_methods_supported": ["header"],
        }
        return JSONResponse(told, headers=_FOR_EVERY_PAGE)

    return metadata


async def _livez(_: Request) -> Response:
    return JSONResponse({"status": "alive"})


def _readyz(ready: Ready, end: OrderlyEnd) -> Callable[[Request], Awaitable[Response]]:
    async def readyz(_: Request) -> Response:
        if end.has_begun:
            return _unready(Reason.STOPPING)
        try:
            await _in_time(ready)
        except FwError as error:
            return _unready(error.reason)
        except TimeoutError:
            return _unready(Reason.TIMED_OUT)
        end.told_ready = True
        return JSONResponse({"status": "ready"})

    return readyz


async def _in_time(ready: Ready) -> None:
    """Whether it is ready, or `TimeoutError`: a thread that is stuck cannot be waited for."""
    look = asyncio.ensure_future(ready())
    # What comes of it after that is nobody's business.
    look.add_done_callback(lambda done: done.cancelled() or done.exception())
    try:
        await asyncio.wait({look}, timeout=_READY_S)
        if not look.done():
            raise TimeoutError
        look.result()
    finally:
        look.cancel()


def _unready(reason: Reason) -> Response:
    return JSONResponse({"status": "unready", "reason": reason}, 503)


def listen_on(host: str, port: int) -> socket.socket:
    """A socket that listens there, and whose connections send without delay.

    Raises:
        ConfigError: with `Reason.INVALID_SETTING`.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        made = socket.create_server((host.strip("[]"), port), family=family)
    except OSError as error:
        raise ConfigError(
            f"Cannot listen on {bracketed(host)}:{port}.",
            state="The server was not started.",
            next_step="Choose an address of this machine and a free port.",
            reason=Reason.INVALID_SETTING,
        ) from error
    # asyncio sends at once only where the socket says that it speaks TCP, which this one does not
    # say; head and body of an answer go out apart, and the second would wait for the client's word.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP, made.detach())
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener
