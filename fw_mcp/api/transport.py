"""One HTTP request and its answer: the only module of the client that touches httpx."""

import os
import re
import socket
import ssl
import urllib.request
from collections.abc import Callable, Generator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpx
import truststore

from fw_mcp.api import failures
from fw_mcp.api.answers import HttpAnswer
from fw_mcp.api.connection import BaseUrl, Keys, Timeouts, named_place
from fw_mcp.api.failures import Endpoint
from fw_mcp.errors import ConfigError, Reason

_NEVER_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.LocalProtocolError,
    httpx.UnsupportedProtocol,
)
# What the library is known to raise, or may, over the address of a proxy.
_UNFIT = (ImportError, ValueError, TypeError, LookupError, OSError, httpx.InvalidURL)
_SECONDS = re.compile(r"[0-9]{1,9}")


class Wire:
    """A pool of connections to one base URL, carrying one pair of keys.

    Args:
        base_url: checked already.
        keys: added to each request as it leaves.
        timeouts: for connecting and reading.
        transport: instead of the network.
        max_body_bytes: an answer is read no further than this.
        now: for a `Retry-After` that is a date.
    """

    def __init__(
        self,
        *,
        base_url: BaseUrl,
        keys: Keys,
        timeouts: Timeouts,
        transport: httpx.AsyncBaseTransport | None,
        max_body_bytes: int,
        now: Callable[[], datetime],
    ) -> None:
        self._base_url = base_url
        self._max_body_bytes = max_body_bytes
        self._now = now
        proxy = None if transport else proxy_for(base_url)
        self._first_host = f"the proxy of {_proxy_variable()}" if proxy else base_url.host
        self._http = _http_client(base_url, keys, timeouts, transport, proxy)
        self._write_timeout = httpx.Timeout(timeouts.write_s, connect=timeouts.connect_s)

    async def send(self, endpoint: Endpoint, content: bytes | None, guid: str | None) -> HttpAnswer:
        """Send one request, once.

        Args:
            endpoint: where to.
            content: JSON, for the endpoints that take a body.
            guid: for the endpoint that takes one in its query.

        Raises:
            TransportError: no whole answer came.
        """
        request = self._http.build_request(
            endpoint.method,
            f"{self._base_url.text}/v3/{endpoint.name}",
            content=content,
            headers={"Content-Type": "application/json"} if content else None,
            params={"guid": guid} if guid else None,
            timeout=self._write_timeout if endpoint.writes else httpx.USE_CLIENT_DEFAULT,
        )
        try:
            return await self._answer(request)
        except _NEVER_SENT as error:
            if _is_from(error, ssl.SSLError):
                raise failures.untrusted(endpoint) from error
            raise failures.never_sent(endpoint, self._why_not(error)) from error
        except httpx.TimeoutException as error:
            raise failures.timed_out(endpoint) from error
        except httpx.RequestError as error:
            raise failures.connection_lost(endpoint) from error

    async def aclose(self) -> None:
        """Close every connection."""
        await self._http.aclose()

    def _why_not(self, error: Exception) -> str:
        host = self._first_host
        if _is_from(error, socket.gaierror):
            return f"{host} has no address (DNS)"
        if _is_from(error, ConnectionRefusedError):
            return f"{host} refused the connection"
        if isinstance(error, httpx.ConnectTimeout):
            return f"{host} did not respond"
        return f"there was no connection to {host}"

    async def _answer(self, request: httpx.Request) -> HttpAnswer:
        response = await self._http.send(request, stream=True)
        try:
            encoding = (response.headers.get("content-encoding") or "identity").lower()
            return HttpAnswer(
                status_code=response.status_code,
                body=await self._body(response) if encoding == "identity" else b"",
                content_encoding=encoding,
                retry_after_s=retry_after_s(response.headers.get("retry-after"), self._now()),
                clock_ahead_s=clock_ahead_s(response.headers.get("date"), self._now()),
            )
        finally:
            await response.aclose()

    async def _body(self, response: httpx.Response) -> bytes | None:
        body = bytearray()
        async for chunk in response.aiter_bytes():
            body += chunk
            if len(body) > self._max_body_bytes:
                return None
        # A body under too short a length would leave its rest as the answer to the next call.
        if not body.rstrip().endswith(b"}"):
            await _hang_up(response)
        return bytes(body)


class _KeysAuth(httpx.Auth):
    """Puts the keys into a request as it leaves, so that no client or URL holds them."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response]:
        request.headers.update(self._keys.headers)
        yield request


async def _hang_up(response: httpx.Response) -> None:
    stream = response.extensions.get("network_stream")
    if stream is not None:
        await stream.aclose()


def _is_from(error: BaseException | None, kind: type[BaseException]) -> bool:
    """Whether `error`, or what it came from, is of this kind."""
    while error is not None and not isinstance(error, kind):
        if isinstance(error, BaseExceptionGroup):
            return any(_is_from(one, kind) for one in error.exceptions)
        error = error.__cause__ or error.__context__
    return error is not None


def _http_client(
    base_url: BaseUrl,
    keys: Keys,
    timeouts: Timeouts,
    transport: httpx.AsyncBaseTransport | None,
    proxy: str | None,
) -> httpx.AsyncClient:
    verify = True if transport else tls_for(base_url)
    try:
        named_place(proxy or "")
        return httpx.AsyncClient(
            auth=_KeysAuth(keys),
            headers={
                "Accept": "application/json",
                "Accept-Encoding": "identity",
                "User-Agent": "fw-mcp",
            },
            timeout=httpx.Timeout(timeouts.read_s, connect=timeouts.connect_s),
            follow_redirects=False,
            # A cookie would make one answer spoil all the requests after it.
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
            transport=transport,
            verify=verify,
            proxy=proxy,
            # Read above: the library's own reading of NO_PROXY fails over an IPv6 address in it.
            trust_env=False,
        )
    except _UNFIT as error:
        raise ConfigError(
            f"The proxy that {_proxy_variable()} names cannot be used.",
            state="Nothing was sent.",
            next_step=f"Set {_proxy_variable()} to the http:// or https:// address of a proxy, or "
            "unset it.",
            reason=Reason.INVALID_SETTING,
        ) from error


def proxy_for(base_url: BaseUrl) -> str | None:
    """The proxy that the environment or the system names for this host; None to go straight."""
    # A proxy tunnels https unread; plain http, which is loopback, it would read.
    if base_url.is_loopback:
        return None
    named = urllib.request.getproxies()
    address = (named.get("https") or named.get("all") or "").strip()
    if not address or urllib.request.proxy_bypass(base_url.host):
        return None
    return address if "://" in address else f"http://{address}"


def proxy_variable(environ: Mapping[str, str]) -> str:
    """The variable that names a proxy for https, if one does."""
    names = (name for name in environ if name.lower() in {"https_proxy", "all_proxy"})
    return max((name for name in names if environ[name]), key=str.lower, default="")


def _proxy_variable() -> str:
    return proxy_variable(os.environ) or "this system"


def tls_for(base_url: BaseUrl) -> ssl.SSLContext:
    """The operating system's trust store; plain http gets a context that trusts nobody."""
    kind = truststore.SSLContext if base_url.text.startswith("https") else ssl.SSLContext
    return kind(ssl.PROTOCOL_TLS_CLIENT)


def retry_after_s(header: str | None, now: datetime) -> float | None:
    """Seconds to wait by a `Retry-After` header in either of its forms; None when it says nothing.

    Args:
        header: seconds or an HTTP date.
        now: with an offset.
    """
    if header is None:
        return None
    if _SECONDS.fullmatch(header):
        return float(header)
    moment = _http_date(header)
    return None if moment is None else max(0.0, (moment - now).total_seconds())


def clock_ahead_s(date: str | None, now: datetime) -> float | None:
    """How far this machine's clock is ahead of the service's, in seconds; None when not told."""
    moment = _http_date(date) if date else None
    return None if moment is None else (now - moment).total_seconds()


def _http_date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    # An HTTP date is GMT, also when it forgets to say so.
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
