"""Pictures of images, fit to be seen by a model: few, small, and of known kinds."""

import io
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType

import anyio

from fw_mcp.errors import ArgumentsError, FetchError, Reason
from fw_mcp.pictures.fetch.fetcher import Fetcher
from fw_mcp.pictures.formats import UnreadablePicture, facts_of, picture_type
from fw_mcp.pictures.previews import (
    Content,
    NotShown,
    Previewed,
    Previews,
    preview_first,
    thumbnail,
    thumbnail_first,
)
from fw_mcp.pictures.sharing import Shared
from fw_mcp.pictures.worker.pool import Picture, Workshop

# As base64 and with captions under the million characters that hosts take.
MOST_BYTES_SHOWN = 735_000

_THUMBNAIL_SIDE = 200
# What the formats that every model takes end with: half a file ends many a conversation.
_ENDS = MappingProxyType({"image/jpeg": b"\xff\xd9", "image/png": b"IEND\xaeB`\x82"})

View = Picture | NotShown


@dataclass(frozen=True, slots=True)
class ContactSheet:
    """Many images on one picture, numbered from 1.

    Attributes:
        picture: None when there would be only empty boxes on it.
        not_shown: for each image, why its box is empty, if it is.
    """

    picture: Picture | None
    not_shown: tuple[NotShown | None, ...]


class Viewer:
    """Shows images.

    Args:
        fetcher: fetches previews.
        workshop: makes pictures smaller.
        clock: seconds, monotonic.
        shared: what it shares with the viewers of other accounts; None for nothing.
        account: whose images are shown.
    """

    def __init__(
        self,
        fetcher: Fetcher,
        workshop: Workshop,
        *,
        clock: Callable[[], float] = time.monotonic,
        shared: Shared | None = None,
        account: str = "",
    ) -> None:
        self.workshop = workshop
        shared = shared or Shared(clock)
        self.previews = Previews(fetcher, shared.kept, account)
        self._fetcher = fetcher
        self._turn = partial(shared.views.taken, account)

    @property
    def is_on(self) -> bool:
        """Whether the operator lets pictures be fetched."""
        return self._fetcher.is_on

    def check(self, pillow_for: str | None = None) -> None:
        """Refuse, before anything is read, what cannot be done here.

        Args:
            pillow_for: what the imaging library is needed for, if it is; begins the sentence.

        Raises:
            FetchError: the operator turned fetching off.
            ArgumentsError: the imaging library is not installed.
        """
        self._fetcher.check()
        if pillow_for and not self.workshop.available:
            raise _pillow_is_missing(pillow_for)

    async def views(self, images: Sequence[Previewed], *, side: int, within_s: float) -> list[View]:
        """A picture of each image, or why there is none; together at most `MOST_BYTES_SHOWN`.

        Args:
            images: a dozen or so.
            side: pixels, the most of width and height.
            within_s: seconds for all of it.

        Raises:
            FetchError: the operator turned fetching off.
        """
        async with self._fetched(images, side, within_s) as contents:
            if not self.workshop.available:
                return await self._unchanged(images, contents, side)
            files = [one for one in contents if isinstance(one, bytes)]
            made = iter(await self.workshop.fitted(files, side=side, most_bytes=MOST_BYTES_SHOWN))
            return [
                next(made) or NotShown.UNREADABLE if isinstance(one, bytes) else one
                for one in contents
            ]

    async def contact_sheet(
        self, images: Sequence[Previewed], *, side: int, within_s: float
    ) -> ContactSheet:
        """All images on one picture of at most `MOST_BYTES_SHOWN`, numbered in their order.

        Args:
            images: a dozen or so.
            side: pixels, the most of width and height.
            within_s: seconds for all of it.

        Raises:
            FetchError: the operator turned fetching off, or no sheet could be made.
            ArgumentsError: the imaging library is not installed.
        """
        self.check("A contact sheet")
        async with self._fetched(images, side, within_s) as contents:
            if not any(isinstance(one, bytes) for one in contents):
                return ContactSheet(None, tuple(map(_reason, contents)))
            cells = [
                (one if isinstance(one, bytes) else None, f"{number}.  {image.guid[:8]}")
                for number, (image, one) in enumerate(zip(images, contents, strict=True), 1)
            ]
            sheet = await self.workshop.sheet(cells, side=side, most_bytes=MOST_BYTES_SHOWN)
        if sheet is None:
            raise _no_sheet()
        told = zip(contents, sheet.shown, strict=True)
        return ContactSheet(sheet.picture, tuple(_reason(one, shown=shown) for one, shown in told))

    @asynccontextmanager
    async def _fetched(
        self, images: Sequence[Previewed], side: int, within_s: float
    ) -> AsyncIterator[list[Content]]:
        """What could be fetched in time for the workshop to have its own, held while in use."""
        until = anyio.current_time() + within_s - self.workshop.total_s
        uris = thumbnail_first if side <= _THUMBNAIL_SIDE else preview_first
        async with AsyncExitStack() as held:
            with anyio.CancelScope(deadline=until):
                await held.enter_async_context(self._turn())
            # Whose turn did not come has no time left either.
            yield await self.previews.of(images, uris, within_s=until - anyio.current_time())

    async def _unchanged(
        self, images: Sequence[Previewed], contents: Sequence[Content], side: int
    ) -> list[View]:
        """What can be shown as it is; the thumbnail of what is too large."""
        views = list(_as_they_are(contents, side, MOST_BYTES_SHOWN))
        large = [place for place, view in enumerate(views) if view is NotShown.NO_ROOM]
        wanted = [images[place] for place in large]
        smaller = await self.previews.of(wanted, thumbnail, within_s=self.workshop.total_s)
        room = MOST_BYTES_SHOWN - sum(
            len(view.content) for view in views if isinstance(view, Picture)
        )
        for place, view in zip(large, _as_they_are(smaller, side, room), strict=True):
            views[place] = view if isinstance(view, Picture) else NotShown.NO_ROOM
        return views


def _reason(content: Content, *, shown: bool = False) -> NotShown | None:
    if shown:
        return None
    return content if isinstance(content, NotShown) else NotShown.UNREADABLE


def _as_they_are(contents: Sequence[Content], side: int, room: int) -> Iterator[View]:
    """Each file as a picture, if it is small enough for its share of the room that is left."""
    for place, content in enumerate(contents):
        view = content if isinstance(content, NotShown) else _as_it_is(content, side)
        if isinstance(view, Picture) and len(view.content) > room // (len(contents) - place):
            view = NotShown.NO_ROOM
        room -= len(view.content) if isinstance(view, Picture) else 0
        yield view


def _as_it_is(content: bytes, side: int) -> View:
    """A whole JPEG or PNG that is not too wide or high, as far as its header can be believed."""
    mime_type = picture_type(content) or ""
    if mime_type not in _ENDS:
        return NotShown.NO_ROOM
    try:
        facts = facts_of(io.BytesIO(content))
    except UnreadablePicture:
        return NotShown.UNREADABLE
    if _ENDS[mime_type] not in content[-64:]:
        return NotShown.UNREADABLE
    if max(facts.pix_w, facts.pix_h) > side:
        return NotShown.NO_ROOM
    return Picture(content, mime_type, facts.pix_w, facts.pix_h)


def _pillow_is_missing(purpose: str) -> ArgumentsError:
    return ArgumentsError(
        f"{purpose} needs Pillow, which is missing: reinstall this server with all its "
        f"dependencies.",
        state="Nothing was sent.",
        next_step="Without it view_images shows pictures one by one, and duplicates: content "
        "compares file_size and pixels.",
        reason=Reason.INVALID_ARGUMENTS,
    )


def _no_sheet() -> FetchError:
    return FetchError(
        "The contact sheet could not be made.",
        state="Nothing was changed.",
        next_step="Call view_images without contact_sheet, or with fewer images.",
        reason=Reason.NOT_FETCHED,
    )
