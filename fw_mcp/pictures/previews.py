"""Previews and thumbnails, fetched from where the service says they are. They are not decoded."""

from collections import OrderedDict
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Protocol

import anyio

from fw_mcp.errors import FetchError
from fw_mcp.pictures.fetch.fetcher import MOST_BYTES, Fetcher
from fw_mcp.pictures.formats import picture_type

SHOWN = frozenset({"image/jpeg", "image/png", "image/webp", "image/gif"})

_KEPT_BYTES = 32_000_000
_KEPT_S = 300.0


class NotShown(StrEnum):
    """Why there is no picture of an image."""

    NO_PREVIEW = "the library has no preview for it"
    NOT_FETCHED = "its preview could not be fetched"
    NO_PICTURE = "its preview is not a JPEG, PNG, WebP or GIF"
    UNREADABLE = "its preview is broken, has too many pixels, or takes too long to read"
    NO_ROOM = "its preview is too large to show unchanged; try fewer images"
    NO_TIME = "there was no time to load its preview; try again"


class Previewed(Protocol):
    """An image record, as far as a picture of it needs one."""

    @property
    def guid(self) -> str:
        """Names the image."""

    @property
    def public_thumbnail_uri(self) -> str | None:
        """Where the thumbnail is."""

    @property
    def public_preview_uri(self) -> str | None:
        """Where the preview is."""


Content = bytes | NotShown
Uris = Callable[[Previewed], Sequence[str | None]]


def preview_first(image: Previewed) -> Sequence[str | None]:
    """The preview, or else the thumbnail."""
    return image.public_preview_uri, image.public_thumbnail_uri


def thumbnail_first(image: Previewed) -> Sequence[str | None]:
    """The thumbnail, or else the preview."""
    return image.public_thumbnail_uri, image.public_preview_uri


def thumbnail(image: Previewed) -> Sequence[str | None]:
    """The thumbnail alone."""
    return (image.public_thumbnail_uri,)


class Kept:
    """The files fetched last, for minutes: a gallery pages to and fro.

    Args:
        clock: seconds, monotonic.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._files: OrderedDict[tuple[str, ...], tuple[float, bytes]] = OrderedDict()
        self._bytes = 0

    def get(self, *key: str) -> bytes | None:
        """A file, if it is still here and not too old."""
        fetched_at, content = self._files.get(key, (0.0, None))
        if content is None or self._clock() - fetched_at > _KEPT_S:
            return None
        self._files.move_to_end(key)
        return content

    def add(self, content: bytes, *key: str) -> None:
        """Keep a file, in place of those not asked for longest."""
        self._bytes -= len(self._files.pop(key, (0.0, b""))[1])
        self._files[key] = (self._clock(), content)
        self._bytes += len(content)
        while self._bytes > _KEPT_BYTES:
            self._bytes -= len(self._files.popitem(last=False)[1][1])


class Previews:
    """Fetches what images look like; what was just fetched is not fetched again.

    Args:
        fetcher: it decides which URLs are asked, how many at a time, and for how long.
        kept: the files fetched last, of all accounts.
        account: whose images they are; what was fetched for another is fetched again.
    """

    def __init__(self, fetcher: Fetcher, kept: Kept, account: str = "") -> None:
        self._fetcher = fetcher
        self._kept = kept
        self._account = account

    async def of(
        self,
        images: Sequence[Previewed],
        uris: Uris,
        *,
        within_s: float,
        most_bytes: int = MOST_BYTES,
        keep: bool = True,
    ) -> list[Content]:
        """A picture file of each image, or why there is none.

        Args:
            images: whose.
            uris: the addresses of an image, the best first.
            within_s: seconds for all.
            most_bytes: of a file; a larger one is not fetched.
            keep: for the next call; not for what is only compared.

        Raises:
            FetchError: the operator turned fetching off.
        """
        self._fetcher.check()
        # What was tried and not had says so, even when there was no time for what is next best.
        contents: list[Content] = [
            NotShown.NO_TIME if any(uris(image)) else NotShown.NO_PREVIEW for image in images
        ]

        async def settle(place: int, image: Previewed) -> None:
            for uri in filter(None, uris(image)):
                contents[place] = await self._one(image.guid, uri, most_bytes, keep=keep)
                if isinstance(contents[place], bytes):
                    return

        with anyio.move_on_after(within_s):
            async with anyio.create_task_group() as group:
                for place, image in enumerate(images):
                    group.start_soon(settle, place, image)
        return contents

    async def _one(self, guid: str, uri: str, most_bytes: int, *, keep: bool) -> Content:
        kept = self._kept.get(self._account, guid, uri)
        if kept is not None:
            return kept
        content = await self._fetched(uri, most_bytes)
        if keep and isinstance(content, bytes):
            self._kept.add(content, self._account, guid, uri)
        return content

    async def _fetched(self, uri: str, most_bytes: int) -> Content:
        try:
            content = (await self._fetcher.fetch(uri, most_bytes=most_bytes)).content
        except FetchError:
            return NotShown.NOT_FETCHED
        return content if picture_type(content) in SHOWN else NotShown.NO_PICTURE
