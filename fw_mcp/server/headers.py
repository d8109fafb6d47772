"""Requests over HTTP as hosts and proxies write them, turned into what the SDK compares exactly."""

import logging
from collections.abc import Sequence

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Receive, Scope, Send

from fw_mcp.text import quoted

_DEFAULT_PORTS = (":80", ":443")
_SHOWN = 100

_log = logging.getLogger(__name__)


def same_host(host: str) -> str:
    """A `Host` header, or an allowed one, as it is compared: any case, default ports left out."""
    name = host.lower()
    for port in _DEFAULT_PORTS:
        if name.endswith(port) and not name.endswith(f":{port}"):
            return name.removesuffix(port)
    return name


def same_origin(origin: str) -> str:
    """An `Origin` header, or an allowed one, as it is compared."""
    scheme, colon, host = origin.lower().removesuffix("/").partition("://")
    port = {"http": ":80", "https": ":443"}.get(scheme, "")
    return f"{scheme}{colon}{host.removesuffix(port)}"


class AsMeant:
    """Gives each request to `app` in the spelling that the SDK knows.

    Args:
        app: the SDK's application at ``/mcp``.
        allowed_hosts: the `Host` headers it accepts, as `same_host` gives them.
    """

    def __init__(self, app: ASGIApp, allowed_hosts: Sequence[str]) -> None:
        self._app = app
        self._allowed = frozenset(allowed_hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        # Own copies: what wraps this keeps the request as it came.
        scope = {**scope, "headers": [*scope["headers"]]}
        if scope["path"].rstrip("/") == "/mcp":
            # A redirect would lead through a proxy into plain http, or lose the token.
            scope |= {"path": "/mcp", "raw_path": b"/mcp"}
        headers = MutableHeaders(scope=scope)
        if "host" in headers:
            headers["host"] = same_host(headers["host"])
            self._tell(headers["host"])
        if "origin" in headers:
            headers["origin"] = same_origin(headers["origin"])
        if "content-type" in headers:
            kind, semicolon, rest = headers["content-type"].partition(";")
            headers["content-type"] = kind.strip().lower() + semicolon + rest
        headers["accept"] = _accepted(scope["method"], headers)
        await self._app(scope, receive, send)

    def _tell(self, host: str) -> None:
        if host not in self._allowed:
            name = quoted(host, _SHOWN)
            _log.warning(
                "refused a request for the host %s: add --http-allowed-hosts %s", name, name
            )


def _accepted(method: str, headers: Headers) -> str:
    """What a client takes; one that takes streams takes any answer, and no header says all."""
    accepted = headers.get("accept", "").strip() or "*/*"
    if method == "POST" and "text/event-stream" in accepted.lower():
        return f"{accepted}, application/json"
    return accepted
