"""`FinerWorksClient`: one method per endpoint, typed requests in, typed responses out.

Knows the endpoints and one call path for all of them; the HTTP library is `transport`'s business.
"""

import logging
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Self, TypeVar

import anyio
from pydantic import BaseModel, ValidationError

from fw_mcp.api import failures
from fw_mcp.api.answers import read_answer
from fw_mcp.api.connection import BaseUrl, Keys, Timeouts
from fw_mcp.api.failures import Endpoint
from fw_mcp.api.inventory import ListVirtualInventoryRequest, ListVirtualInventoryResponse
from fw_mcp.api.models import (
    AddImagesRequest,
    AddImagesResponse,
    AnyAnswer,
    CredentialsResponse,
    DeleteImagesRequest,
    FileSelectionResponse,
    ImageLibrary,
    LibraryName,
    ListImagesRequest,
    ListImagesResponse,
    StatusResponse,
    UpdateFileSelectionRequest,
    UpdateImagesRequest,
    normal_guid,
)
from fw_mcp.api.pacing import READS, Traffic, repeated
from fw_mcp.errors import ArgumentsError, ConfigError, Reason, TransportError
from fw_mcp.telemetry import attempted

if TYPE_CHECKING:
    from types import TracebackType

    import httpx

    from fw_mcp.api.transport import Wire

MAX_BODY_BYTES = 20_000_000

_log = logging.getLogger("fw_mcp.api")

R = TypeVar("R", bound=BaseModel)


def _utc_now() -> datetime:
    return datetime.now(UTC)


class FinerWorksClient:
    """The image endpoints of one account on one host.

    A read is tried up to three times; a write is sent once. A 429 pauses all calls, and five
    requests in a row without an answer stop them for half a minute. Use it as a context manager,
    or call `aclose` at the end.

    Args:
        base_url: https, or plain http on loopback; maybe with a port and a path.
        keys: of the account and the app.
        session_id: 8-50 characters; the same one on every run, or temporary images are lost.
        account_key: act for another account; None for the app's own.
        site_id: 2 unless FinerWorks says otherwise.
        transport: instead of the network.
        timeouts: in seconds.
        max_body_bytes: a longer answer is unreadable.
        now: the clock for a `Retry-After` that is a date; with an offset.
        traffic: of the account; None for its own.
        sleep: waits so many seconds before a read is tried again.

    Attributes:
        clock_ahead_s: seconds this machine's clock was ahead of the service's at the last answer;
            None while it is not known.

    Raises:
        ConfigError: `base_url`, `session_id` or `site_id` cannot be used.
    """

    def __init__(
        self,
        *,
        base_url: str,
        keys: Keys,
        session_id: str,
        account_key: str | None = None,
        site_id: int = 2,
        transport: "httpx.AsyncBaseTransport | None" = None,
        timeouts: Timeouts | None = None,
        max_body_bytes: int = MAX_BODY_BYTES,
        now: Callable[[], datetime] = _utc_now,
        traffic: Traffic | None = None,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
    ) -> None:
        self._base_url = BaseUrl.parse(base_url)
        self._keys = keys
        self._inventory = _checked_library(session_id, account_key, site_id)
        self._transport = transport
        self._timeouts = timeouts or Timeouts()
        self._max_body_bytes = max_body_bytes
        self._now = now
        self._traffic = traffic or Traffic()
        self._sleep = sleep
        self._wire: Wire | None = None
        self.clock_ahead_s: float | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: "TracebackType | None",
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections."""
        if self._wire is not None:
            await self._wire.aclose()

    @property
    def account_key(self) -> str | None:
        """The account this client acts for; None for the app's own."""
        return self._inventory.account_key

    def take_up(self, session_id: str) -> None:
        """Scope temporary images by another session from the next request on.

        Args:
            session_id: 8-50 characters.

        Raises:
            ConfigError: it cannot be used.
        """
        self._inventory = _checked_library(session_id, self.account_key, self._inventory.site_id)

    def library(self, name: LibraryName) -> ImageLibrary:
        """The `library` member of a request, all four of its members filled in.

        Args:
            name: `inventory` or `temporary`.
        """
        return self._inventory.model_copy(update={"name": name})

    async def list_images(self, request: ListImagesRequest) -> ListImagesResponse:
        """One page of images. Reference page: `list_images`.

        Args:
            request: filters, sorting and the page, 1-50 images from page 1.

        Returns:
            the images and `count`, how many match on all pages; no images past the last page.

        Raises:
            TransportError: no answer came, or nothing was sent since the account is paused.
            StatusError: an HTTP status outside 2xx.
            RejectedError: the service says it did not succeed.
            ShapeError: the answer is not the expected JSON.
        """
        return await self._call(failures.LIST_IMAGES, ListImagesResponse, request)

    async def list_images_as_answered(self, request: ListImagesRequest) -> dict[str, object]:
        """One page of images as it was answered, for who looks what answers are like.

        Args:
            request: as for `list_images`.

        Returns:
            the JSON of the answer, whatever its members are.

        Raises:
            ApiError: as for `list_images`.
        """
        return (await self._call(failures.LIST_IMAGES, AnyAnswer, request)).root

    async def add_images(self, request: AddImagesRequest) -> AddImagesResponse:
        """Register images; not idempotent, and no bytes go up. Reference page: `add_images`.

        Args:
            request: 1-5 images; sizes in bytes and pixels.

        Returns:
            the new images, at least `id` and `guid`, in any order.

        Raises:
            ApiError: as for `list_images`; with `sent` true and `refused` false it is unknown
                which images were added.
        """
        return await self._call(failures.ADD_IMAGES, AddImagesResponse, request)

    async def update_images(self, request: UpdateImagesRequest) -> StatusResponse:
        """Overwrite titles and descriptions. Reference page: `update_images`.

        Removes the virtual-inventory products of every updated `inventory` image (D).

        Args:
            request: 1-50 images; without an `account_key` this client's own is sent.

        Returns:
            the status, and nothing about any single image.

        Raises:
            ApiError: as for `list_images`; with `sent` true and `refused` false it is unknown
                which images were updated.
        """
        account_key = request.account_key or self.account_key
        whole = request.model_copy(update={"account_key": account_key})
        return await self._call(failures.UPDATE_IMAGES, StatusResponse, whole)

    async def delete_images(self, request: DeleteImagesRequest) -> StatusResponse:
        """Delete images and their products for good. Reference page: `delete_images`.

        Args:
            request: 1-50 guids and their library; unknown guids are not reported.

        Returns:
            the status, and nothing about any single image.

        Raises:
            ApiError: as for `list_images`; with `sent` true and `refused` false it is unknown
                which images were deleted.
        """
        return await self._call(failures.DELETE_IMAGES, StatusResponse, request)

    async def update_file_selection(
        self, request: UpdateFileSelectionRequest
    ) -> FileSelectionResponse:
        """Store a selection under its key. Reference page: `update_file_selection`.

        Args:
            request: the whole wanted set and the master key.

        Returns:
            the guids that the service says it stored.

        Raises:
            ApiError: as for `list_images`; with `sent` true and `refused` false it is unknown
                what is stored.
        """
        return await self._call(failures.UPDATE_FILE_SELECTION, FileSelectionResponse, request)

    async def list_file_selection(self, guid: str) -> FileSelectionResponse:
        """What a selection holds. Reference page: `list_file_selection`.

        Args:
            guid: the selection's master key.

        Returns:
            the guids stored under that key.

        Raises:
            ArgumentsError: `guid` is not a guid; nothing was sent.
            ApiError: as for `list_images`.
        """
        key = _checked_guid(guid)
        return await self._call(failures.LIST_FILE_SELECTION, FileSelectionResponse, guid=key)

    async def list_virtual_inventory(
        self, request: ListVirtualInventoryRequest
    ) -> ListVirtualInventoryResponse:
        """One page of products. Reference page: `list_virtual_inventory`.

        Args:
            request: filters, sorting and the page, 1-50 products from page 1; without an
                `account_key` this client's own is sent.

        Returns:
            the products and `count`, how many match on all pages; none past the last page.

        Raises:
            ApiError: as for `list_images`.
        """
        account_key = request.account_key or self.account_key
        whole = request.model_copy(update={"account_key": account_key})
        return await self._call(
            failures.LIST_VIRTUAL_INVENTORY, ListVirtualInventoryResponse, whole
        )

    async def test_my_credentials(self) -> CredentialsResponse:
        """Whether the keys work. Reference page: `test_my_credentials`.

        Returns:
            success, a masked user name, and whether the app is live.

        Raises:
            StatusError: among others, with reason `keys_refused` when they do not work.
            ApiError: as for `list_images`.
        """
        return await self._call(failures.TEST_MY_CREDENTIALS, CredentialsResponse)

    async def _call(
        self,
        endpoint: Endpoint,
        shape: type[R],
        request: BaseModel | None = None,
        guid: str | None = None,
    ) -> R:
        content = request.model_dump_json().encode() if request is not None else None
        attempt = partial(self._attempt, endpoint, shape, content, guid)
        timeouts = self._timeouts
        with anyio.move_on_after(timeouts.write_s if endpoint.writes else timeouts.total_s):
            if endpoint.writes:
                return await attempt(1)
            return await repeated(attempt, READS, named=endpoint.name, sleep=self._sleep)
        self._traffic.lost()
        raise failures.timed_out(endpoint)

    async def _attempt(
        self,
        endpoint: Endpoint,
        shape: type[R],
        content: bytes | None,
        guid: str | None,
        number: int,
    ) -> R:
        traffic = self._traffic
        probes = traffic.troubled and await traffic.admitted(endpoint)
        began = time.perf_counter()
        status_code: int | None = None
        try:
            with attempted(endpoint.name, endpoint.method, number) as attempt:
                answer = await self._connected().send(endpoint, content, guid)
                attempt.status_code = status_code = answer.status_code
            self.clock_ahead_s = answer.clock_ahead_s
            traffic.answered(status_code, answer.retry_after_s)
        except TransportError:
            traffic.lost()
            raise
        finally:
            if probes:
                traffic.probed()
            took_ms = (time.perf_counter() - began) * 1000
            _log.debug("%s %s %.0f ms attempt %d", endpoint.name, status_code, took_ms, number)
        return _typed(endpoint, shape, read_answer(endpoint, answer, self._keys))

    def _connected(self) -> "Wire":
        if self._wire is None:
            from fw_mcp.api.transport import Wire  # noqa: PLC0415  not needed to start a server

            self._wire = Wire(
                base_url=self._base_url,
                keys=self._keys,
                timeouts=self._timeouts,
                transport=self._transport,
                max_body_bytes=self._max_body_bytes,
                now=self._now,
            )
        return self._wire


def _typed(endpoint: Endpoint, shape: type[R], document: dict[str, object]) -> R:
    try:
        return shape.model_validate(document)
    except ValidationError as error:
        raise failures.unreadable(endpoint, "lacks a field or has one of the wrong type") from error


def _checked_library(session_id: str, account_key: str | None, site_id: int) -> ImageLibrary:
    try:
        return ImageLibrary(session_id=session_id, account_key=account_key, site_id=site_id)
    except ValidationError as error:
        raise ConfigError(
            "The session id, account key or site id cannot be used.",
            state="Nothing was sent.",
            next_step="Use a session id of 8-50 characters (32 are best) and a site id from 1.",
            reason=Reason.INVALID_SETTING,
        ) from error


def _checked_guid(guid: str) -> str:
    try:
        return normal_guid(guid)
    except ValueError as error:
        raise ArgumentsError(
            "The selection's key is not a guid.",
            state="Nothing was sent.",
            next_step="Give the key that set_selection returned.",
            reason=Reason.INVALID_ARGUMENTS,
        ) from error
