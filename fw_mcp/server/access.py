"""Who may connect over HTTP: addresses, tokens, `Host` and `Origin` headers."""

import hmac
import ipaddress
from collections.abc import Sequence

from mcp.server.transport_security import TransportSecuritySettings
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from fw_mcp.errors import ConfigError, Reason

_TOKEN_LENGTH = 16


def check_exposure(host: str, token: str | None) -> None:
    """Refuse an address that others can reach without a token, and a token that can be guessed.

    Raises:
        ConfigError: with `Reason.UNSAFE_SETTING`.
    """
    if token is None and not _is_loopback(host):
        raise ConfigError(
            f"Anyone who reaches {host} could change the image library: no token is set.",
            state="The server was not started.",
            next_step="Set a token, or listen on 127.0.0.1.",
            reason=Reason.UNSAFE_SETTING,
        )
    if token is not None and len(token) < _TOKEN_LENGTH:
        raise ConfigError(
            f"The token is shorter than {_TOKEN_LENGTH} characters.",
            state="The server was not started.",
            next_step='Make one with: python -c "import secrets; print(secrets.token_urlsafe())"',
            reason=Reason.UNSAFE_SETTING,
        )


def who_may_connect(
    host: str, port: int, allowed_hosts: Sequence[str], allowed_origins: Sequence[str]
) -> TransportSecuritySettings:
    """List the `Host` and `Origin` headers to accept, each in full.

    Raises:
        ConfigError: an entry is a pattern, which the SDK would match by its beginning alone.
    """
    for entry in (*allowed_hosts, *allowed_origins):
        if "*" in entry:
            raise ConfigError(
                f"The allowed host or origin {entry!r} is a pattern.",
                state="The server was not started.",
                next_step="Name each host and port in full.",
                reason=Reason.UNSAFE_SETTING,
            )
    own = [f"{name}:{port}" for name in ("127.0.0.1", "localhost", "[::1]", bracketed(host))]
    return TransportSecuritySettings(
        allowed_hosts=[*own, *allowed_hosts],
        allowed_origins=[*(f"http://{name}" for name in own), *allowed_origins],
    )


class BearerOnly:
    """Lets a request through to `app` only with the right bearer token.

    Args:
        app: what the token opens.
        token: the token.
    """

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._token = token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 401."""
        if self._knows(Headers(scope=scope).get("authorization", "")):
            await self._app(scope, receive, send)
            return
        refusal = PlainTextResponse(
            "A bearer token is required.", 401, headers={"WWW-Authenticate": "Bearer"}
        )
        await refusal(scope, receive, send)

    def _knows(self, authorization: str) -> bool:
        scheme, _, token = authorization.partition(" ")
        # Starlette decodes headers as Latin-1: this gives back the bytes that were sent.
        same = hmac.compare_digest(token.strip().encode("latin-1"), self._token)
        return same and scheme.lower() == "bearer"


def bracketed(host: str) -> str:
    """Give `host` as it stands in a URL."""
    return f"[{host.strip('[]')}]" if ":" in host else host


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
