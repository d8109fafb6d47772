"""Access tokens of an OAuth issuer: signed by it for this server, and checked with its own keys."""

import logging
import ssl
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import anyio
import httpx
import jwt
import truststore
from mcp.server.auth.provider import AccessToken

from fw_mcp.guard.effects import Scope, implied_by
from fw_mcp.server.tool import ACCOUNT, CALLER, MAY_GROW
from fw_mcp.text import quoted
from fw_mcp.writes.operation import ONLY_ACCOUNT

METADATA = "/.well-known/oauth-protected-resource/mcp"

_LEEWAY_S = 30
_FRESH_S = 300.0
_PAUSE_S = 10.0
_STALE_S = 86_400.0
_FETCH_S = 5.0
_MOST_BYTES = 1_000_000
_ALGORITHMS = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}) | frozenset(
    {"ES256", "ES384", "ES512", "EdDSA"}
)
_PLACES = ("/.well-known/openid-configuration", "/.well-known/oauth-authorization-server")

UNREADABLE = (
    *(httpx.HTTPError, httpx.InvalidURL),
    *(ValueError, LookupError, TypeError, AttributeError, RecursionError),
)

_log = logging.getLogger(__name__)

Fetch = Callable[[str], Awaitable[Any]]


class KeySet:
    """The keys of an issuer, asked for when they are needed and not at every guess.

    They are asked for again after five minutes, or for a token whose key is not among them or not
    named, though never within ten seconds of the last time; where that fails, the former ones serve
    for a day.

    Args:
        issuer: its URL.
        fetch: gives the JSON at a URL; raises one of `UNREADABLE`.
        clock: monotonic seconds.
    """

    def __init__(
        self, issuer: str, fetch: Fetch, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._issuer = issuer
        self._fetch = fetch
        self._clock = clock
        self._turn = anyio.Lock()
        self._keys: Sequence[jwt.PyJWK] = ()
        self._got_at = self._asked_at = -_STALE_S

    async def key(self, kid: str | None, algorithm: object) -> jwt.PyJWK | None:
        """The only key for an algorithm that has that id; None names no id."""
        if self._is_due(kid, algorithm) or self._only(kid, algorithm) is None:
            # Somebody may be asking already.
            async with self._turn:
                if self._is_due(kid, algorithm):
                    await self._ask()
        return self._only(kid, algorithm)

    def _only(self, kid: str | None, algorithm: object) -> jwt.PyJWK | None:
        if self._clock() - self._got_at > _STALE_S:
            return None
        fitting = [
            key
            for key in self._keys
            if key.algorithm_name == algorithm and (kid is None or kid == key.key_id)
        ]
        return fitting[0] if len(fitting) == 1 else None

    def _is_due(self, kid: str | None, algorithm: object) -> bool:
        now = self._clock()
        # Nothing in a token without an id shows that the key was turned.
        fresh_s = _PAUSE_S if kid is None else _FRESH_S
        is_old = self._only(kid, algorithm) is None or now - self._got_at > fresh_s
        return is_old and now - self._asked_at > _PAUSE_S

    async def read(self) -> Sequence[jwt.PyJWK]:
        """The keys that the issuer tells now.

        Raises:
            UNREADABLE: it does not answer, or with something else.
        """
        return _usable(await self._fetch(await self._place()))

    async def _ask(self) -> None:
        self._asked_at = self._clock()
        try:
            self._keys = await self.read()
            self._got_at = self._clock()
        except UNREADABLE as fault:
            kind = type(fault).__name__
            _log.warning("the keys of %s could not be read: %s", quoted(self._issuer, 200), kind)

    async def _place(self) -> str:
        for place in _PLACES:
            try:
                told = await self._fetch(f"{self._issuer.rstrip('/')}{place}")
            except httpx.HTTPStatusError:
                continue
            if told["issuer"] != self._issuer:
                raise ValueError("another issuer")
            return _same_safety(self._issuer, str(told["jwks_uri"]))
        raise ValueError("no metadata")


def _same_safety(issuer: str, url: str) -> str:
    if urlsplit(url).scheme not in {"https", urlsplit(issuer).scheme}:
        raise ValueError("keys over plain http")
    return url


def _usable(found: Any) -> Sequence[jwt.PyJWK]:  # noqa: ANN401  JSON of any shape
    keys = []
    for one in found["keys"]:
        if one.get("use", "sig") != "sig" or not isinstance(one.get("kid", ""), str):
            continue
        try:
            key = jwt.PyJWK(one)
        except jwt.PyJWTError:
            continue
        if key.algorithm_name in _ALGORITHMS:
            keys.append(key)
    return keys


async def fetched(url: str) -> Any:  # noqa: ANN401  JSON of any shape
    """The JSON at a URL of the issuer.

    Raises:
        httpx.HTTPError: no answer, or not 200.
        ValueError: no JSON.
    """
    trusted = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    async with httpx.AsyncClient(timeout=_FETCH_S, verify=trusted) as client:
        response = await client.get(url, headers={"Accept": "application/json"})
        if response.status_code != httpx.codes.OK:
            raise httpx.HTTPStatusError("", request=response.request, response=response)
        if len(response.content) > _MOST_BYTES:
            raise ValueError("too long")
        return response.json()


@dataclass(frozen=True, slots=True)
class Issuer:
    """Who issues tokens, and for whom.

    Attributes:
        issuer: its URL, as the tokens have it.
        resource: the URL of this server, which the tokens must be for.
        keys: its keys.
        scopes: what can be asked for here.
        account_claim: the claim that names the account of a token.
        account: the account of a token that names none; "" for none.
    """

    issuer: str
    resource: str
    keys: KeySet
    scopes: tuple[Scope, ...]
    account_claim: str = "fw_account"
    account: str = ONLY_ACCOUNT

    @property
    def metadata(self) -> str:
        """Where it is told who issues tokens for this server."""
        parts = urlsplit(self.resource)
        return f"{parts.scheme}://{parts.netloc}{METADATA}"

    async def whose(self, token: str) -> AccessToken | None:
        """The principal of a token; None where it is not good, or not for this server."""
        try:
            head = jwt.get_unverified_header(token)
            key = await self.keys.key(head.get("kid"), head.get("alg"))
            if key is None:
                return None
            claims = jwt.decode(
                token,
                key,
                # Of the key, and never of the token.
                algorithms=[key.algorithm_name],
                audience=self.resource,
                issuer=self.issuer,
                leeway=_LEEWAY_S,
                options={"require": ["exp", "iss", "aud", "sub"]},
            )
        except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
            return None
        # Some providers have their own name for it, and a list.
        scopes = _listed(claims.get("scope", claims.get("scp")))
        account = _account(claims.get(self.account_claim, self.account))
        return AccessToken(
            token="",
            # A session, and a sealed question, are of one account too.
            client_id=account,
            scopes=[one for one in self.scopes if one in implied_by(_known(scopes))],
            subject=claims["sub"],
            claims={
                "iss": self.issuer,
                ACCOUNT: account,
                CALLER: f"{self.issuer}#{claims['sub']}",
                MAY_GROW: list(self.scopes),
            },
        )


def _listed(given: object) -> list[str]:
    if isinstance(given, list):
        return [one for one in given if isinstance(one, str)]
    return given.split() if isinstance(given, str) else []


def _known(scopes: list[str]) -> list[str]:
    return [one for one in scopes if one in list(Scope)]


def _account(named: object) -> str:
    """The one account that a claim names; "" where it names none, or several."""
    if isinstance(named, list) and len(named) == 1:
        named = named[0]
    return named if isinstance(named, str) else ""
