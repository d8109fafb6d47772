"""Tokens of an OAuth issuer: which are good, by whose keys, and where clients are told of it."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import anyio
import httpx
import httpx2
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, RSAAlgorithm
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from fw_mcp.guard.effects import EFFECTS, Scope
from fw_mcp.server.http import check_exposure, http_app
from fw_mcp.server.oauth import METADATA, Issuer, KeySet
from tests.support.studio import Clock, Studio
from tests.support.truth import unsold

pytestmark = pytest.mark.anyio

ISSUER = "https://login.example.com"
RESOURCE = "https://fw.example.com/mcp"
URL = "http://127.0.0.1:8000"


@cache
def secret(name: str) -> ec.EllipticCurvePrivateKey:
    """A private key."""
    del name
    return ec.generate_private_key(ec.SECP256R1())


@cache
def rsa_secret() -> rsa.RSAPrivateKey:
    """A private key of the other kind."""
    return rsa.generate_private_key(65537, 2048)


@dataclass
class Provider:
    """An issuer that a test turns its keys, and turns off; it counts what it is asked.

    The keys of `unnamed` have no id; it answers at `answers`.
    """

    kids: list[str] = field(default_factory=lambda: ["one"])
    unnamed: list[str] = field(default_factory=list)
    is_down: bool = False
    answers: anyio.Event | None = None
    asked: int = 0

    async def fetch(self, url: str) -> object:
        """The JSON at a URL."""
        if self.answers is not None:
            await self.answers.wait()
        if self.is_down:
            raise httpx.ConnectError("down")
        if url == f"{ISSUER}/.well-known/openid-configuration":
            return {"issuer": ISSUER, "jwks_uri": f"{ISSUER}/keys"}
        assert url == f"{ISSUER}/keys"
        self.asked += 1
        rows = [
            ECAlgorithm.to_jwk(secret(one).public_key(), as_dict=True)
            | ({} if one in self.unnamed else {"kid": one})
            for one in [*self.kids, *self.unnamed]
        ]
        row = RSAAlgorithm.to_jwk(rsa_secret().public_key(), as_dict=True) | {"kid": "rsa"}
        return {"keys": [*rows, row, {"kty": "oct", "k": "c2VjcmV0", "kid": "shared"}, {}]}


@dataclass
class Login:
    """A server that takes an issuer's tokens, and the clock of the keys."""

    provider: Provider = field(default_factory=Provider)
    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        keys = KeySet(ISSUER, self.provider.fetch, self.clock)
        self.issuer = Issuer(ISSUER, RESOURCE, keys, tuple(Scope))


def token(kid: str = "one", key: Any = None, algorithm: str = "ES256", **claims: Any) -> str:  # noqa: ANN401
    """A good token, or one that differs in what is given; None leaves a claim out."""
    now = int(time.time())
    usual = {"iss": ISSUER, "aud": RESOURCE, "sub": "u-1", "iat": now, "exp": now + 300}
    given = {name: one for name, one in (usual | claims).items() if one is not None}
    return jwt.encode(given, key or secret(kid), algorithm, headers={"kid": kid} if kid else {})


def by_hand(header: dict[str, Any], sign: bytes | None = None) -> str:
    """A token that no library would make."""
    claims = {"iss": ISSUER, "aud": RESOURCE, "sub": "u-1", "exp": int(time.time()) + 300}
    parts = [json.dumps(one).encode() for one in (header, claims)]
    text = b".".join(base64.urlsafe_b64encode(one).rstrip(b"=") for one in parts)
    digest = b"" if sign is None else hmac.digest(sign, text, hashlib.sha256)
    return f"{text.decode()}.{base64.urlsafe_b64encode(digest).rstrip(b'=').decode()}"


def public_text() -> bytes:
    """A public key as a text that anybody has."""
    key = rsa_secret().public_key()
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


async def test_a_good_token_says_who_it_is_and_what_for() -> None:
    """By issuer and subject, with the scopes that are ours, whatever kind its key is of."""
    login = Login()
    scope = "openid images:write images:all"
    for good in (
        token(scope=scope),
        token(scope=scope, aud=["https://other.example", RESOURCE]),
        token("rsa", rsa_secret(), "RS256", scope=scope),
        token(scp=scope),
        token(scp=[1, *scope.split()]),
    ):
        found = await login.issuer.whose(good)
        assert found is not None
        assert found.claims is not None
        assert found.claims["caller"] == "https://login.example.com#u-1"
        assert found.scopes == ["images:read", "images:write"]
        assert found.claims["account"] == "default"


NOW = int(time.time())
HOSTILE = {
    "for another": {"aud": "https://other.example/mcp"},
    "for nobody": {"aud": None},
    "for what begins so": {"aud": RESOURCE[:-1]},
    "for what is below": {"aud": f"{RESOURCE}/x"},
    "of another issuer": {"iss": "https://evil.example"},
    "of an issuer with a slash": {"iss": f"{ISSUER}/"},
    "of no issuer": {"iss": None},
    "expired": {"exp": NOW - 60},
    "for ever": {"exp": None},
    "not yet": {"nbf": NOW + 3600},
    "of nobody": {"sub": None},
    "of a number": {"sub": 1},
}


@pytest.mark.parametrize("claims", HOSTILE.values(), ids=HOSTILE)
async def test_a_token_with_other_claims_opens_nothing(claims: dict[str, Any]) -> None:
    """Though the issuer signed it."""
    assert await Login().issuer.whose(token(**claims)) is None


async def test_a_token_that_the_issuer_did_not_sign_opens_nothing() -> None:
    """The algorithm is that of the key; what is no token is none.

    One of two keys is not guessed for a token that names none.
    """
    login = Login(Provider(["one", "other"]))
    forged = [
        token(key=secret("evil")),
        token("", secret("one")),
        token("", secret("evil")),
        token("two"),
        by_hand({"alg": "none", "kid": "one"}),
        by_hand({"alg": "none"}),
        by_hand({"alg": "HS256", "kid": ["one"]}, b"secret"),
        by_hand({"alg": "HS256", "kid": "shared"}, b"secret"),
        by_hand({"alg": "HS256", "kid": "rsa"}, public_text()),
        by_hand({"alg": ["ES256"], "kid": "one"}, b"x"),
        "a.b.c",
        "",
        "\xff.\xff.\xff",
        token()[:-4],
    ]
    assert [await login.issuer.whose(one) for one in forged] == [None] * len(forged)


@pytest.mark.parametrize("unnamed", [False, True], ids=["named", "unnamed"])
async def test_a_token_that_names_no_key_is_of_the_only_one(unnamed: bool) -> None:
    """For its algorithm: the id of a key may be left out, in the token and in the key alike."""
    login = Login(Provider([], ["one"]) if unnamed else Provider())
    other = rsa.generate_private_key(65537, 2048)
    good = [token("", secret("one")), token("", rsa_secret(), "RS256")]
    bad = [
        token("", secret("evil")),
        token("", other, "RS256"),
        token("", rsa_secret(), "PS256"),
        *([token("one")] if unnamed else []),
        by_hand({"alg": "none"}),
        by_hand({"alg": "HS256"}, b"secret"),
        by_hand({"alg": "HS256"}, public_text()),
        by_hand({"alg": "ES256", "kid": None}, b"x"),
    ]
    assert None not in [await login.issuer.whose(one) for one in good]
    assert [await login.issuer.whose(one) for one in bad] == [None] * len(bad)


async def test_an_only_key_without_a_name_turns_and_is_not_asked_for_at_each_guess() -> None:
    """Within ten seconds: of a signature that is wrong nobody knows why."""
    login = Login(Provider([], ["one"]))
    assert await login.issuer.whose(token("", secret("one"))) is not None
    login.provider.unnamed = ["two"]
    for _ in range(200):
        assert await login.issuer.whose(token("", secret("two"))) is None
    assert login.provider.asked == 1
    login.clock.forward(11)
    assert await login.issuer.whose(token("", secret("two"))) is not None
    assert await login.issuer.whose(token("", secret("one"))) is None
    assert login.provider.asked == 2


async def test_whoever_comes_while_the_keys_are_asked_for_waits_for_them() -> None:
    """At the start, and when they were turned; nobody with a good token is refused for it."""
    login = Login()
    found: list[object] = []

    async def come(kid: str) -> None:
        found.append(await login.issuer.whose(token(kid)))

    for kid in ("one", "two"):
        login.provider.kids, login.provider.answers = [kid], anyio.Event()
        login.clock.forward(11)
        async with anyio.create_task_group() as group:
            for _ in range(3):
                group.start_soon(come, kid)
                await anyio.wait_all_tasks_blocked()
            login.provider.answers.set()
    assert (len(found), None in found, login.provider.asked) == (6, False, 2)


async def test_invented_keys_do_not_make_the_server_ask() -> None:
    """Two hundred of them cost one question at most."""
    login = Login()
    assert await login.issuer.whose(token()) is not None
    for number in range(200):
        assert await login.issuer.whose(token(f"invented-{number}", secret("one"))) is None
    login.clock.forward(11)
    for number in range(200):
        assert await login.issuer.whose(token(f"invented-{number}", secret("one"))) is None
    assert login.provider.asked == 2


async def test_keys_turn_and_outlive_an_outage_of_a_day() -> None:
    """A new key is found at once; with the issuer away the former keys serve, but not for ever."""
    login = Login()
    assert await login.issuer.whose(token()) is not None
    login.provider.kids = ["two"]
    login.clock.forward(11)
    assert await login.issuer.whose(token("two")) is not None
    assert await login.issuer.whose(token()) is None
    login.provider.is_down = True
    login.clock.forward(86_000)
    assert await login.issuer.whose(token("two")) is not None
    login.clock.forward(500)
    assert await login.issuer.whose(token("two")) is None


@asynccontextmanager
async def served(studio: Studio, login: Login) -> AsyncIterator[Any]:
    """The server over HTTP, which takes the issuer's tokens."""

    async def well() -> None:
        """Be ready."""

    check_exposure("0.0.0.0", None, login.issuer)  # noqa: S104  nothing listens
    app = http_app(
        studio.server, host="127.0.0.1", port=8000, token=None, ready=well, issuer=login.issuer
    )
    async with app.router.lifespan_context(app):
        yield app


async def test_a_client_is_told_where_to_log_in_and_what_to_ask_for(studio: Studio) -> None:
    """Every scope at once, since some clients ask but once."""
    async with (
        served(studio, Login()) as app,
        httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url=URL) as http,
    ):
        none = await http.post("/mcp", json={})
        wrong = await http.post("/mcp", json={}, headers={"Authorization": "Bearer x"})
        told = await http.get(METADATA, headers={"Origin": "https://app.example"})
        before = await http.options(METADATA, headers={"Origin": "https://app.example"})
        away = await http.get("/.well-known/openid-configuration")
    challenge = (
        'scope="images:read images:write images:delete", '
        f'resource_metadata="https://fw.example.com{METADATA}"'
    )
    assert (none.status_code, none.headers["WWW-Authenticate"]) == (401, f"Bearer {challenge}")
    assert wrong.headers["WWW-Authenticate"] == f'Bearer error="invalid_token", {challenge}'
    assert told.headers["Access-Control-Allow-Origin"] == "*"
    assert (before.status_code, before.headers["Access-Control-Allow-Headers"]) == (200, "*")
    assert wrong.text.startswith(f"The bearer token is another than one of {ISSUER},")
    assert (away.status_code, METADATA in away.text) == (404, True)
    assert told.json() == {
        "resource": RESOURCE,
        "authorization_servers": [ISSUER],
        "scopes_supported": list(Scope),
        "bearer_methods_supported": ["header"],
    }


async def test_a_tool_outside_the_scope_is_shown_and_leads_to_asking_for_more(
    studio: Studio,
) -> None:
    """Before the body is read, where the head names the tool."""
    bearer = {"Authorization": f"Bearer {token(scope='images:read')}"}
    login = Login()
    async with (
        served(studio, login) as app,
        httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app), base_url=URL, headers=bearer
        ) as http,
    ):
        named = {"Mcp-Method": "tools/call", "Mcp-Name": "delete_images", "Accept": "*/*"}
        refused = await http.post("/mcp", json={}, headers=named)
        none = await http.post(
            "/mcp", json={}, headers={"Authorization": f"Bearer {token()}", "Accept": "*/*"}
        )
        async with Client(
            streamable_http_client(f"{URL}/mcp", http_client=http), mode="legacy", cache=None
        ) as client:
            tools = [one.name for one in (await client.list_tools()).tools]
    told = refused.headers["WWW-Authenticate"]
    assert (refused.status_code, none.status_code) == (403, 403)
    assert told.startswith('Bearer error="insufficient_scope", scope="images:delete", resource')
    assert 'scope="images:read"' in none.headers["WWW-Authenticate"]
    assert tools == list(EFFECTS)


async def test_what_the_operator_does_not_offer_is_neither_shown_nor_asked_for(
    studio: Studio,
) -> None:
    """Promise: whatever the provider grants; and without a scope nothing is read, either."""
    (image,) = await unsold(studio, 1)
    login = Login()
    login.issuer = replace(login.issuer, scopes=(Scope.READ, Scope.WRITE))
    named = {"Mcp-Method": "tools/call", "Mcp-Name": "delete_images", "Accept": "*/*"}
    every = {"Authorization": f"Bearer {token(scope=' '.join(Scope))}"}
    async with (
        served(studio, login) as app,
        httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app), base_url=URL, headers=every
        ) as http,
    ):
        passed = await http.post("/mcp", json={}, headers=named)
        login.issuer = replace(login.issuer, scopes=())
        async with Client(
            streamable_http_client(f"{URL}/mcp", http_client=http), mode="legacy", cache=None
        ) as client:
            tools = [one.name for one in (await client.list_tools()).tools]
            result = await client.call_tool("delete_images", {"guids": [image.guid]})
    async with (
        served(studio, login) as app,
        httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app), base_url=URL, headers=every
        ) as http,
    ):
        none = await http.post("/mcp", json={}, headers=named | {"Mcp-Name": "search_images"})
    assert (passed.status_code, none.status_code) == (400, 403)
    assert tools == [tool for tool in EFFECTS if tool != "delete_images"]
    assert (result.meta or {})["fw_mcp/reason"] == "insufficient_scope"


def call_of(tool: object) -> dict[str, object]:
    """A call, as a body."""
    return {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": tool}}


INSIDE = {"Mcp-Method": "tools/call", "Mcp-Name": "search_images"}


@pytest.mark.parametrize(
    ("scope", "body", "headers", "wanted"),
    [
        ("images:read", call_of("delete_images"), {}, "images:delete"),
        ("images:read", call_of("add_images"), {}, "images:write"),
        ("images:write", call_of("delete_images"), {}, "images:delete"),
        ("images:read", call_of("delete_images") | {"id": 1.0}, {}, "images:delete"),
        ("images:read", call_of("delete_images"), INSIDE, "images:delete"),
        ("images:delete", call_of("delete_images"), {}, ""),
        ("images:read", call_of("search_images"), {}, ""),
        ("images:read", call_of("none_of_ours"), {}, ""),
        ("images:read", call_of(["delete_images"]), {}, ""),
        ("images:read", call_of("delete_images") | {"method": "ping"}, {}, ""),
    ],
)
async def test_of_an_older_client_the_body_names_the_tool(
    studio: Studio, scope: str, body: object, headers: dict[str, str], wanted: str
) -> None:
    """What is let through is without a session here, and the SDK says so: 400."""
    given = {"Authorization": f"Bearer {token(scope=scope)}", "Accept": "*/*"}
    async with (
        served(studio, Login()) as app,
        httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url=URL) as http,
    ):
        answer = await http.post("/mcp", json=body, headers=given | headers)
    told = answer.headers.get("WWW-Authenticate", "")
    assert answer.status_code == (403 if wanted else 400)
    assert (f'error="insufficient_scope", scope="{wanted}", resource' in told) is bool(wanted)
