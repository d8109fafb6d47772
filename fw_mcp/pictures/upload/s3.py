"""A bucket of an S3-compatible store."""

import asyncio
import atexit
import re
import time
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from ipaddress import ip_address
from threading import Event
from typing import TYPE_CHECKING, BinaryIO
from urllib.parse import urlsplit

import anyio

from fw_mcp.errors import UploadError
from fw_mcp.pictures.threads import unwaited
from fw_mcp.pictures.upload.bucket import Sent
from fw_mcp.pictures.upload.pieces import pieces
from fw_mcp.pictures.upload.trouble import Trouble, told

if TYPE_CHECKING:
    from obstore import Attributes
    from obstore.store import S3Config, S3Store

PART = 5 * 2**20
"""Bytes of a part; what is not larger is sent in one request."""

_AT_A_TIME = 4
_PARTING_S = 0.05
_TAKEN_BACK_S = 2
_CACHED = "public, max-age=31536000, immutable"
_STATUS = re.compile(r"status code: ([0-9]{3})")
_SERVER_ERROR = 500
_BY_STATUS = {
    401: Trouble.DENIED,
    403: Trouble.DENIED,
    404: Trouble.NO_BUCKET,
    429: Trouble.BUSY,
    503: Trouble.BUSY,
}
_BY_WORDS = (
    ("redirect", Trouble.WRONG_REGION),
    ("Unable to extract metadata", Trouble.NO_STORE),
    ("Got invalid", Trouble.NO_STORE),
)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a store is waited for, in seconds.

    Attributes:
        first_s: the first pause before a request is sent again; each is twice the one before.
        most_s: the longest pause.
        times: how often a request is sent again.
        within_s: after that it is not sent again.
        part_s: for sending one part.
        ask_s: for any other request.
    """

    first_s: float = 0.5
    most_s: float = 10
    times: int = 5
    within_s: float = 90
    part_s: float = 300
    ask_s: float = 45


class S3Bucket:
    """Files in a bucket, by its store's own protocol.

    Args:
        name: of the bucket.
        prefix: what all keys are below; "" for nothing.
        public_url: what the prefix is reachable as, without a slash at its end.
        environ: credentials, region and endpoint, in the variables of the store's own tools.
        patience: how long to wait.
    """

    def __init__(
        self,
        name: str,
        prefix: str,
        public_url: str,
        environ: Mapping[str, str],
        patience: Patience = Patience(),
    ) -> None:
        store = f"s3://{name}/{prefix}".rstrip("/")
        self.place = f"{store}, public as {public_url}"
        self._name = name
        self._prefix = prefix
        self._public_url = public_url
        self._environ = environ
        self._patience = patience

    def url(self, key: str) -> str:
        """The public URL of a key."""
        return f"{self._public_url}/{key}"

    async def size_of(self, key: str) -> int | None:
        """Bytes of the object, or None."""
        store, failures = self._store, self._failures
        with anyio.move_on_after(self._patience.ask_s):
            try:
                return (await store.head_async(key))["size"]
            except FileNotFoundError:
                return None
            except failures as failed:
                raise told(_trouble(failed)) from None
        raise told(Trouble.NO_ANSWER)

    async def put(self, key: str, content: BinaryIO, size: int, mime_type: str, sent: Sent) -> None:
        """Send the file, in parts if it is large; what the store then has decides."""
        store, failures = self._store, self._failures
        try:
            await _send(store, key, content, size, mime_type=mime_type, sent=sent)
        except failures as failed:
            trouble = _trouble(failed)
            # The answer may be lost of a put that was carried out.
            if not await self._has(key, size):
                raise told(trouble) from None
        else:
            if await self.size_of(key) != size:
                raise told(Trouble.LOST)
        sent(size)

    async def remove(self, keys: Sequence[str]) -> None:
        """Delete the objects."""
        for key in keys:
            await self._remove(key)

    async def _remove(self, key: str) -> None:
        store, failures = self._store, self._failures
        with anyio.move_on_after(self._patience.ask_s):
            try:
                await store.delete_async(key)
            except FileNotFoundError:
                # Some stores say of what is not there that it is not, others nothing.
                return
            except failures as failed:
                raise told(_trouble(failed)) from None
            return
        raise told(Trouble.NO_ANSWER)

    async def _has(self, key: str, size: int) -> bool:
        try:
            return await self.size_of(key) == size
        except UploadError:
            return False

    @cached_property
    def _failures(self) -> tuple[type[Exception], ...]:
        try:
            from obstore.exceptions import BaseError  # noqa: PLC0415  an extra
        except ImportError:
            raise told(Trouble.NO_EXTRA) from None
        return (BaseError, FileNotFoundError)

    @cached_property
    def _store(self) -> "S3Store":
        try:
            from obstore.store import S3Store  # noqa: PLC0415  an extra
        except ImportError:
            raise told(Trouble.NO_EXTRA) from None
        # Once, whatever the number of buckets.
        atexit.unregister(_part)
        atexit.register(_part)
        patience, config = self._patience, _config(self._environ)
        endpoint = config.get("aws_endpoint_url_s3", "")
        return S3Store(
            self._name,
            prefix=self._prefix or None,
            config=config,
            client_options={
                "allow_http": endpoint.startswith("http:"),
                "timeout": timedelta(seconds=patience.part_s),
            },
            retry_config={
                "max_retries": patience.times,
                "retry_timeout": timedelta(seconds=patience.within_s),
                "backoff": {
                    "init_backoff": timedelta(seconds=patience.first_s),
                    "max_backoff": timedelta(seconds=patience.most_s),
                    "base": 2,
                },
            },
        )


def _part() -> None:
    """Let the client's threads hand over their last answer before Python ends.

    One that does so later aborts the process, about one in four times.
    """
    time.sleep(_PARTING_S)


async def _send(
    store: "S3Store", key: str, content: BinaryIO, size: int, *, mime_type: str, sent: Sent
) -> None:
    attributes: Attributes = {"Content-Type": mime_type, "Cache-Control": _CACHED}
    if size > PART:
        cut = Event()
        sending = store.put_async(
            key,
            pieces(content, size, PART, sent, behind=_AT_A_TIME, cut=cut),
            attributes=attributes,
            chunk_size=PART,
            max_concurrency=_AT_A_TIME,
        )
        await _ended(sending, cut)
    else:
        parts = pieces(content, size, PART, sent, behind=1)
        whole = await unwaited(lambda: b"".join(parts))
        await store.put_async(key, whole, attributes=attributes, use_multipart=False)


async def _ended(sending: Awaitable[object], cut: Event) -> None:
    """Wait for the parts; where that is cancelled, let the client take back those it sent."""
    put = asyncio.ensure_future(sending)
    try:
        await asyncio.shield(put)
    except asyncio.CancelledError:
        cut.set()
        with anyio.CancelScope(shield=True):
            await asyncio.wait([put], timeout=_TAKEN_BACK_S)
        if not put.cancel():
            # Told to nobody: the cancellation is.
            put.exception()
        raise


def _config(environ: Mapping[str, str]) -> "S3Config":
    """What the environment says; nothing else is asked, such as a cloud's metadata service."""
    given: S3Config = {
        # Not every store knows the request that removes several.
        "disable_bulk_delete": True,
        "access_key_id": environ.get("AWS_ACCESS_KEY_ID", ""),
        "secret_access_key": environ.get("AWS_SECRET_ACCESS_KEY", ""),
        "region": environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or "us-east-1",
    }
    if not (given["access_key_id"] and given["secret_access_key"]):
        raise told(Trouble.NO_CREDENTIALS)
    if token := environ.get("AWS_SESSION_TOKEN"):
        given["session_token"] = token
    if endpoint := _endpoint(environ):
        given["aws_endpoint_url_s3"] = endpoint
    return given


def _endpoint(environ: Mapping[str, str]) -> str:
    """Where the store is; "" for Amazon's own."""
    text = environ.get("AWS_ENDPOINT_URL_S3") or environ.get("AWS_ENDPOINT_URL") or ""
    if not text:
        return ""
    try:
        parts = urlsplit(text)
        host = parts.hostname or ""
    except ValueError:
        raise told(Trouble.UNSAFE_ENDPOINT) from None
    is_plain = host and "@" not in parts.netloc and not parts.query and not parts.fragment
    if not is_plain or not (parts.scheme == "https" or _is_here(host)):
        raise told(Trouble.UNSAFE_ENDPOINT)
    return text.rstrip("/")


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _trouble(failed: Exception) -> Trouble:
    """What a failure of the store's client means; its text holds URLs and is only searched."""
    text = str(failed)
    if isinstance(failed, FileNotFoundError):
        return Trouble.NO_BUCKET
    if found := _STATUS.search(text):
        status = int(found[1])
        other = Trouble.FAILING if status >= _SERVER_ERROR else Trouble.REFUSED
        return _BY_STATUS.get(status, other)
    return next((trouble for word, trouble in _BY_WORDS if word in text), Trouble.NO_ANSWER)
