"""A client of the SDK logs in at a small provider, is let in, and asks for more when it must."""

import secrets
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2
import pytest
from mcp import Client
from mcp.client.auth import AuthorizationCodeResult, OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import OAuthClientInformationFull, OAuthClientMetadata, OAuthToken
from pydantic import AnyUrl
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from fw_mcp.guard.effects import Scope
from fw_mcp.server.http import http_app
from fw_mcp.server.oauth import Issuer, KeySet
from tests.server.test_oauth import ISSUER, RESOURCE, Provider, token
from tests.support.studio import Clock, Mode, Studio, said
from tests.support.truth import unsold

pytestmark = pytest.mark.anyio

BACK = "http://127.0.0.1:9/callback"


@dataclass
class Door:
    """A provider with pages: it registers anybody, and grants at most these scopes at a time."""

    grants: list[set[str]]
    asked: list[str] = field(default_factory=list)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def app(self) -> Starlette:
        """Its pages."""
        return Starlette(
            routes=[
                Route("/.well-known/openid-configuration", self.metadata),
                Route("/.well-known/oauth-authorization-server", self.metadata),
                Route("/register", self.register, methods=["POST"]),
                Route("/authorize", self.authorize),
                Route("/token", self.exchange, methods=["POST"]),
            ]
        )

    async def metadata(self, _: Request) -> Response:
        """Where what is."""
        pages = {"authorization": "authorize", "token": "token", "registration": "register"}
        return JSONResponse(
            {f"{name}_endpoint": f"{ISSUER}/{page}" for name, page in pages.items()}
            | {
                "issuer": ISSUER,
                "response_types_supported": ["code"],
                "code_challenge_methods_supported": ["S256"],
            }
        )

    async def register(self, request: Request) -> Response:
        """Register whoever asks."""
        return JSONResponse(await request.json() | {"client_id": "c-1"}, 201)

    async def authorize(self, request: Request) -> Response:
        """Say yes at once."""
        asked = dict(request.query_params)
        assert asked["resource"] == RESOURCE
        self.asked.append(asked.get("scope", ""))
        code = secrets.token_hex(8)
        self.codes[code] = asked
        back = urlencode({"code": code, "state": asked["state"]})
        return RedirectResponse(f"{BACK}?{back}", 302)

    async def exchange(self, request: Request) -> Response:
        """Give a token for a code, to the one who began."""
        form = await request.form()
        asked = self.codes.pop(str(form["code"]))
        digest = sha256(str(form["code_verifier"]).encode()).digest()
        assert urlsafe_b64encode(digest).rstrip(b"=").decode() == asked["code_challenge"]
        granted = self.grants.pop(0) & set(asked["scope"].split())
        scope = " ".join(sorted(granted))
        access = token(scope=scope)
        return JSONResponse({"access_token": access, "token_type": "Bearer", "scope": scope})


class Kept:
    """What a client keeps of its login, for as long as it runs."""

    def __init__(self) -> None:
        self.tokens: OAuthToken | None = None
        self.client: OAuthClientInformationFull | None = None

    async def get_tokens(self) -> OAuthToken | None:
        """The tokens."""
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        """Keep tokens."""
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        """The registration."""
        return self.client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        """Keep a registration."""
        self.client = client_info


class Internet(httpx2.AsyncBaseTransport):
    """Two hosts in this process."""

    def __init__(self, **apps: Any) -> None:  # noqa: ANN401  ASGI applications
        self._apps = {name: httpx2.ASGITransport(app) for name, app in apps.items()}

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Answer as the host that is asked, though for no stream: it would wait for its end."""
        if request.method == "GET" and str(request.url) == RESOURCE:
            return httpx2.Response(405)
        name = request.url.host.partition(".")[0]
        return await self._apps[name].handle_async_request(request)


@asynccontextmanager
async def logged_in(studio: Studio, door: Door, mode: Mode = "auto") -> AsyncIterator[Client]:
    """A client that knows nothing but the URL, with somebody who logs in when sent to."""

    async def well() -> None:
        """Be ready."""

    issuer = Issuer(ISSUER, RESOURCE, KeySet(ISSUER, Provider().fetch, Clock()), tuple(Scope))
    app = http_app(
        studio.server,
        host="127.0.0.1",
        port=8000,
        token=None,
        ready=well,
        issuer=issuer,
        allowed_hosts=["fw.example.com"],
    )
    internet = Internet(fw=app, login=door.app())
    sent_to: list[str] = []

    async def browse(url: str) -> None:
        sent_to.append(url)

    async def came_back() -> AuthorizationCodeResult:
        async with httpx2.AsyncClient(transport=internet) as browser:
            answer = await browser.get(sent_to[-1])
        back = parse_qs(urlsplit(answer.headers["Location"]).query)
        return AuthorizationCodeResult(code=back["code"][0], state=back["state"][0])

    login = OAuthClientProvider(
        RESOURCE,
        OAuthClientMetadata(client_name="test", redirect_uris=[AnyUrl(BACK)]),
        Kept(),
        browse,
        came_back,
    )
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=internet, auth=login) as http,
        Client(streamable_http_client(RESOURCE, http_client=http), mode=mode, cache=None) as client,
    ):
        yield client


async def test_a_client_that_knows_only_the_url_logs_in_and_deletes(studio: Studio) -> None:
    """It asks for every scope at once, and the history names the person."""
    call = {"guids": [(await unsold(studio, 1))[0].guid]}
    door = Door([set(Scope)])
    async with logged_in(studio, door) as client:
        plan_id = said(await client.call_tool("delete_images", call))["plan_id"]
        done = said(await client.call_tool("delete_images", call | {"plan_id": plan_id}))
        told = said(await client.call_tool("list_changes", {}))
    assert (done["outcomes"], door.asked) == ({"deleted": 1}, [" ".join(Scope)])
    assert told["changes"][0]["caller"] == "https://login.example.com#u-1 via mcp"


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_client_with_too_little_is_sent_to_ask_for_more(studio: Studio, mode: Mode) -> None:
    """And goes on by itself with what it is given then, in the same session."""
    call = {"guids": [(await unsold(studio, 1))[0].guid]}
    door = Door([{Scope.READ}, set(Scope)])
    async with logged_in(studio, door, mode) as client:
        read = await client.call_tool("search_images", {})
        asked = said(await client.call_tool("delete_images", call))
    assert (read.is_error, asked["status"]) == (False, "confirmation_required")
    assert (len(door.asked), Scope.DELETE in door.asked[1].split()) == (2, True)
