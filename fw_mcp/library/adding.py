"""Register images, five at a time, and say which the service then lists.

`add_images` is not idempotent, so nothing is ever sent twice here. A chunk whose answer was lost is
settled by listing the newest images: what appeared since the call began, and matches, is adopted.
"""

from collections.abc import Mapping, Sequence

from fw_mcp.api.models import (
    ADD_LIMIT,
    AddImagesRequest,
    ImageDetails,
    ImageToAdd,
    LibraryName,
)
from fw_mcp.errors import ApiError, RejectedError
from fw_mcp.library.library import CHUNK, Library, chunked
from fw_mcp.library.outcomes import Ended, Outcome
from fw_mcp.library.reading import Query, read_images, search
from fw_mcp.library.writing import (
    Job,
    in_chunks,
    journalled,
    out_of_time,
    outcome_of_fault,
    why_failed,
)

_FIND_OUT = "search_images sorted by id shows the newest; look before adding it again."


async def add_images(
    library: Library, job: Job, images: Sequence[ImageToAdd], name: LibraryName
) -> list[Ended]:
    """Register `images` in chunks of five.

    Args:
        library: whose.
        job: the call.
        images: metadata and URLs; no bytes are uploaded.
        name: `inventory` or `temporary`.

    Returns:
        One end an image, in order.

    Raises:
        ApiError: the newest images could not be listed first; nothing was sent.
        StoreError: the journal could not be written; nothing was sent.
    """
    adding = _Adding(library, job, name)
    await adding.look_first()
    return await in_chunks(library, job, chunked(images, ADD_LIMIT), adding.write, _skipped)


class _Adding:
    """One call's adds, and the guids that were there before or are accounted for."""

    def __init__(self, library: Library, job: Job, name: LibraryName) -> None:
        self._library = library
        self._job = job
        self._name = name
        self._known: set[str] = set()
        self._last_id = 0

    async def look_first(self) -> None:
        """List what is newest now: what is there already was not added by this call."""
        newest = await self._newest()
        self._known = {image.guid for image in newest}
        self._last_id = max((image.id or 0 for image in newest), default=0)

    async def write(self, chunk: Sequence[ImageToAdd]) -> list[Ended]:
        """Send one chunk, and say how its images ended."""
        intent = [{**image.model_dump(mode="json"), "library": self._name} for image in chunk]
        async with self._library.writing():
            if why := out_of_time(self._library, self._job):
                return [_skipped(image, why) for image in chunk]
            ended = await journalled(
                self._library, self._job, intent, former=[], write=lambda: self._send(chunk)
            )
        self._known.update(end.guid for end in ended if end.guid)
        return ended

    def _is_new(self, image: ImageDetails) -> bool:
        """Ids grow: an old image that moved up, because another went, is not new."""
        return image.guid not in self._known and (image.id is None or image.id > self._last_id)

    async def _newest(self) -> tuple[ImageDetails, ...]:
        query = Query(library=self._name, per_page=CHUNK, list_products=False)
        page = await self._library.in_time(search(self._library, query), self._job.started)
        return page.images

    async def _send(self, chunk: Sequence[ImageToAdd]) -> list[Ended]:
        client = await self._library.client()
        request = AddImagesRequest(images=list(chunk), library=client.library(self._name))
        try:
            answer = await client.add_images(request)
        except ApiError as fault:
            outcome = outcome_of_fault(fault)
            if outcome is Outcome.UNKNOWN:
                return await self._look_for(chunk, fault)
            return [Ended(None, outcome, why_failed(fault)) for _ in chunk]
        return await self._confirm(chunk, answer.images)

    async def _confirm(
        self, chunk: Sequence[ImageToAdd], answered: Sequence[ImageDetails]
    ) -> list[Ended]:
        """Read the answered guids back; an answer need not hold more of an image than its guid."""
        guids = [image.guid for image in answered]
        listed: Mapping[str, ImageDetails] = {}
        detail = f"The service answered with a guid that it does not list. {_FIND_OUT}"
        try:
            listed = await read_images(
                self._library, guids, self._name, started=self._job.started, products=False
            )
        except ApiError as unread:
            detail = f"It could not be read back: {unread.what} {_FIND_OUT}"
        records = [listed.get(image.guid, image) for image in answered]
        return [_created(image, listed, detail) for image in _matched(chunk, records)]

    async def _look_for(self, chunk: Sequence[ImageToAdd], fault: ApiError) -> list[Ended]:
        """Settle a chunk without an answer: what appeared since, and matches, is adopted."""
        try:
            newest = await self._newest()
        except ApiError as unread:
            why = f"The answer was lost and looking failed: {unread.what} {_FIND_OUT}"
            return [Ended(None, Outcome.UNKNOWN, why) for _ in chunk]
        appeared = [image for image in newest if self._is_new(image)]
        return [_adopted(image, fault) for image in _matched(chunk, appeared)]


def _created(image: ImageDetails | None, listed: Mapping[str, ImageDetails], detail: str) -> Ended:
    if image is None:
        return Ended(None, Outcome.UNKNOWN, f"The answer does not name it. {_FIND_OUT}")
    after = listed.get(image.guid)
    if after is None:
        return Ended(image.guid, Outcome.UNKNOWN, detail)
    return Ended(image.guid, Outcome.CREATED, after=after)


def _adopted(image: ImageDetails | None, fault: ApiError) -> Ended:
    if image is None and isinstance(fault, RejectedError):
        return Ended(None, Outcome.FAILED, why_failed(fault))
    if image is None:
        return Ended(None, Outcome.UNKNOWN, f"The answer was lost. {_FIND_OUT}")
    detail = "The answer was lost; the service lists the image."
    return Ended(image.guid, Outcome.ADOPTED, detail, after=image)


def _matched(
    sent: Sequence[ImageToAdd], answered: Sequence[ImageDetails]
) -> list[ImageDetails | None]:
    """For each image sent, the record that is it: order is not promised, names may be altered."""
    left = list(answered)
    matches: list[ImageDetails | None] = []
    for image in sent:
        match = next((one for one in left if _same(image, one)), None)
        if match is not None:
            left.remove(match)
        matches.append(match)
    return matches


def _same(sent: ImageToAdd, answered: ImageDetails) -> bool:
    """Whether a record is the image that was sent; what the service left out decides nothing."""
    sizes = (
        (sent.pix_w, answered.pix_w),
        (sent.pix_h, answered.pix_h),
        (sent.file_size, answered.file_size),
    )
    if any(theirs is not None and ours != theirs for ours, theirs in sizes):
        return False
    if answered.private_hires_uri:
        return sent.private_hires_uri == answered.private_hires_uri
    return _plain(sent.file_name) == _plain(answered.file_name or "")


def _plain(file_name: str) -> str:
    """A file name without what the service may alter in it."""
    return "".join(character for character in file_name.lower() if character.isalnum())


def _skipped(_: ImageToAdd, why: str) -> Ended:
    return Ended(None, Outcome.NOT_ATTEMPTED, why)
