"""Which images look alike, as far as their thumbnails tell."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeVar

import anyio

from fw_mcp.images.account import chunked
from fw_mcp.pictures.previews import Content, NotShown, Previewed, thumbnail
from fw_mcp.pictures.view import Viewer

_CHUNK = 50
# A thumbnail has 200 pixels a side; a hundred files of the usual limit would fill the memory.
_MOST_BYTES = 500_000
# While one chunk is compared, the next is fetched.
_CHUNKS_AT_ONCE = 2
_TO_COMPARE_S = 2.0
_MOST_KNOWN = 100_000

V = TypeVar("V")
_Key = tuple[str, str | None]


class Likenesses:
    """Knows of each image 64 bits that change little with its size and its compression.

    Two images look alike when few of their bits differ.

    Args:
        viewer: fetches the thumbnails.
        clock: seconds, monotonic; `until` is read on it.
        most_known: how many images are remembered.
    """

    def __init__(
        self,
        viewer: Viewer,
        *,
        clock: Callable[[], float] = time.monotonic,
        most_known: int = _MOST_KNOWN,
    ) -> None:
        self._viewer = viewer
        self._clock = clock
        self._most_known = most_known
        self._known: dict[_Key, int] = {}
        self._tried: dict[_Key, None] = {}

    def check(self) -> None:
        """Refuse, before anything is read, what cannot be done here.

        Raises:
            FetchError: the operator turned fetching off.
            ArgumentsError: the imaging library is not installed.
        """
        self._viewer.check("Finding similar images")

    async def of(self, images: Sequence[Previewed], *, until: float) -> Mapping[str, int]:
        """The likeness of each image whose thumbnail could be fetched and compared in time.

        Args:
            images: any number.
            until: when to stop, on the clock.

        Returns:
            guid → 64 bits. What is missing could not be compared: it has no thumbnail, one that
            is broken or too plain, or its turn did not come. The same call again goes on there.

        Raises:
            FetchError: the operator turned fetching off.
            ArgumentsError: the imaging library is not installed.
        """
        self.check()
        unknown = [image for image in images if _key(image) not in self._known]
        # What was tried in vain comes last: a host that hangs would hold up the others each time.
        unknown.sort(key=lambda image: _key(image) in self._tried)
        chunks = iter(chunked(unknown, _CHUNK))
        with anyio.move_on_after(until - self._clock()):
            async with anyio.create_task_group() as group:
                for _ in range(_CHUNKS_AT_ONCE):
                    group.start_soon(self._compare, chunks, until)
        known = {image.guid: self._known.get(_key(image)) for image in images}
        return {guid: bits for guid, bits in known.items() if bits is not None}

    async def _compare(self, chunks: Iterator[Sequence[Previewed]], until: float) -> None:
        previews, workshop = self._viewer.previews, self._viewer.workshop
        for chunk in chunks:
            within_s = until - self._clock() - _TO_COMPARE_S
            contents = await previews.of(
                chunk, thumbnail, within_s=within_s, most_bytes=_MOST_BYTES, keep=False
            )
            fetched = dict(zip(map(_key, chunk), contents, strict=True))
            self._note_tried(fetched)
            files = {key: one for key, one in fetched.items() if isinstance(one, bytes)}
            found = await workshop.likenesses(list(files.values())) if files else []
            for key, bits in zip(files, found, strict=True):
                self._keep(key, bits)

    def _note_tried(self, fetched: Mapping[_Key, Content]) -> None:
        for key, content in fetched.items():
            if content is not NotShown.NO_TIME:
                _add(self._tried, key, None, self._most_known)

    def _keep(self, key: _Key, bits: int | None) -> None:
        if bits is not None:
            _add(self._known, key, bits, self._most_known)


def _add(remembered: dict[_Key, V], key: _Key, value: V, most: int) -> None:
    """Remember `value`, in place of what has been remembered for longest."""
    remembered[key] = value
    if len(remembered) > most:
        del remembered[next(iter(remembered))]


def _key(image: Previewed) -> _Key:
    return image.guid, image.public_thumbnail_uri
