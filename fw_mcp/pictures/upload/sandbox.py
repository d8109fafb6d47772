"""The sandbox as a bucket: it keeps files beside its pictures, and needs no account."""

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, BinaryIO

import anyio

from fw_mcp.pictures.threads import unwaited
from fw_mcp.pictures.upload.bucket import Sent
from fw_mcp.pictures.upload.pieces import pieces
from fw_mcp.pictures.upload.trouble import Trouble, told

if TYPE_CHECKING:
    import httpx

_PIECE = 2**18
_PAUSES_S = (0.5, 1.0, 2.0)
_TIMEOUT_S = 60
_OK, _CREATED, _NO_CONTENT, _MISSING = 200, 201, 204, 404
_BY_STATUS = {
    400: Trouble.DENIED,
    401: Trouble.DENIED,
    403: Trouble.DENIED,
    404: Trouble.NO_BUCKET,
    405: Trouble.NO_BUCKET,
    413: Trouble.TOO_LARGE,
    429: Trouble.BUSY,
    503: Trouble.BUSY,
    507: Trouble.FULL,
}
_SERVER_ERROR = 500


class SandboxBucket:
    """Files in a sandbox, in this process or served on this machine.

    Args:
        base_url: of the sandbox, without a slash at its end.
        headers: gives its keys as it wants them.
        transport: gives the transport that answers for it in this process; None for the network.
        sleep: waits for so many seconds.
    """

    def __init__(
        self,
        base_url: str,
        headers: Callable[[], Mapping[str, str]],
        transport: "Callable[[], httpx.AsyncBaseTransport] | None" = None,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
    ) -> None:
        self.place = "the sandbox"
        self._base_url = base_url
        self._headers = headers
        self._transport = transport
        self._sleep = sleep

    def url(self, key: str) -> str:
        """The URL of a key; public as far as a sandbox is."""
        return f"{self._base_url}/uploads/{key}"

    async def size_of(self, key: str) -> int | None:
        """Bytes of the file, or None."""
        answer = await self._asked("HEAD", key)
        if answer.status_code == _MISSING:
            return None
        _check(answer, _OK)
        return int(answer.headers.get("content-length", "-1"))

    async def put(self, key: str, content: BinaryIO, size: int, mime_type: str, sent: Sent) -> None:
        """Send the file; what the sandbox then has decides."""

        def body() -> AsyncIterator[bytes]:
            content.seek(0)
            return _read(pieces(content, size, _PIECE, sent))

        headers = {"Content-Type": mime_type, "Content-Length": str(size)}
        _check(await self._asked("PUT", key, headers, body), _CREATED)
        if await self.size_of(key) != size:
            raise told(Trouble.LOST)

    async def remove(self, keys: Sequence[str]) -> None:
        """Delete the files."""
        for key in keys:
            answer = await self._asked("DELETE", key)
            if answer.status_code != _MISSING:
                _check(answer, _NO_CONTENT)

    async def _asked(
        self,
        method: str,
        key: str,
        headers: Mapping[str, str] | None = None,
        body: Callable[[], AsyncIterator[bytes]] | None = None,
    ) -> "httpx.Response":
        """The answer to one request, which is sent again while the sandbox is too busy for it."""
        ask = partial(self._sent, method, key, {**self._headers(), **(headers or {})}, body)
        for pause_s in _PAUSES_S:
            answer = await ask()
            if _BY_STATUS.get(answer.status_code) is not Trouble.BUSY:
                return answer
            await self._sleep(pause_s)
        return await ask()

    async def _sent(
        self,
        method: str,
        key: str,
        headers: Mapping[str, str],
        body: Callable[[], AsyncIterator[bytes]] | None,
    ) -> "httpx.Response":
        import httpx  # noqa: PLC0415  the HTTP library, which a server that only lists does without

        async with httpx.AsyncClient(
            transport=self._transport() if self._transport else _network(),
            timeout=_TIMEOUT_S,
        ) as client:
            content = body() if body else None
            try:
                return await client.request(method, self.url(key), headers=headers, content=content)
            except httpx.HTTPError:
                # It holds the URL.
                raise told(Trouble.NO_ANSWER) from None


def _network() -> "httpx.AsyncBaseTransport":
    import httpx  # noqa: PLC0415  as above

    # On this machine nothing is encrypted, and no proxy is asked.
    return httpx.AsyncHTTPTransport(verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), trust_env=False)


async def _read(parts: Iterator[bytes]) -> AsyncIterator[bytes]:
    while piece := await unwaited(partial(next, parts, b"")):
        yield piece


def _check(answer: "httpx.Response", expected: int) -> None:
    status = answer.status_code
    is_page = answer.headers.get("content-type", "").startswith("text/html")
    if status == expected and not is_page:
        return
    if status in {_OK, expected}:
        raise told(Trouble.NO_STORE)
    other = Trouble.FAILING if status >= _SERVER_ERROR else Trouble.REFUSED
    raise told(_BY_STATUS.get(status, other))
