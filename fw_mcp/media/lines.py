"""Connections, kept apart by origin: what was opened for one name never serves another."""

import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cached_property

import anyio
import httpx
import truststore

Dial = Callable[[str], httpx.AsyncBaseTransport]
"""A new transport for one origin."""

_MOST_LINES = 8
_LIMITS = httpx.Limits(max_connections=8, max_keepalive_connections=4, keepalive_expiry=10)


def transport_with(context: ssl.SSLContext) -> httpx.AsyncHTTPTransport:
    """A transport on the network: no proxy, nothing from the environment."""
    return httpx.AsyncHTTPTransport(verify=context, trust_env=False, limits=_LIMITS)


class Dialler:
    """Dials by the operating system's trust store, which is read when it is first needed."""

    def __call__(self, origin: str) -> httpx.AsyncBaseTransport:
        """A transport for `origin`."""
        return transport_with(
            self._trusting if origin.startswith("https:") else self._trusts_nobody
        )

    @cached_property
    def _trusting(self) -> ssl.SSLContext:
        return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

    @cached_property
    def _trusts_nobody(self) -> ssl.SSLContext:
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@dataclass
class _Line:
    transport: httpx.AsyncBaseTransport
    users: int = 0


class Lines:
    """The transports in use and the last few that were.

    Args:
        dial: makes a transport for an origin.
    """

    def __init__(self, dial: Dial) -> None:
        self._dial = dial
        self._lines: dict[str, _Line] = {}

    @asynccontextmanager
    async def to(self, origin: str) -> AsyncIterator[httpx.AsyncBaseTransport]:
        """The transport of `origin`, which stays open while it is used."""
        line = self._lines.pop(origin, None) or _Line(self._dial(origin))
        # As the last one: the first are those that have been idle for longest.
        self._lines[origin] = line
        line.users += 1
        try:
            yield line.transport
        finally:
            line.users -= 1
            await self._close(keeping=_MOST_LINES)

    async def aclose(self) -> None:
        """Close every connection that is not in use."""
        await self._close(keeping=0)

    async def _close(self, *, keeping: int) -> None:
        idle = [origin for origin, line in self._lines.items() if not line.users]
        surplus = idle[: max(0, len(self._lines) - keeping)]
        transports = [self._lines.pop(origin).transport for origin in surplus]
        with anyio.CancelScope(shield=True):
            for transport in transports:
                await transport.aclose()
