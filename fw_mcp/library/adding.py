"""Register images, five at a time, and say which the service then lists.

`add_images` is not idempotent, so nothing is ever sent twice here. A chunk whose answer was lost is
settled by listing the newest images: what appeared since the call began, and matches, is adopted.
"""

from collections.abc import Mapping, Sequence

from fw_mcp.api.models import (
    AddImagesRequest,
    ImageDetails,
    ImageToAdd,
    LibraryName,
)
from fw_mcp.errors import ApiError
from fw_mcp.library.library import CHUNK, Library, chunked
from fw_mcp.library.outcomes import Ended, Outcome
from fw_mcp.library.reading import Query, read_images, search
from fw_mcp.library.writing import Job, in_chunks, journalled, outcome_of_fault, why_failed

ADD_CHUNK = 5
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
        StoreError: the journal could not be written; nothing of that chunk was sent.
    """
    known = {image.guid for image in await _newest(library, job, name)}

    async def write(chunk: Sequence[ImageToAdd]) -> list[Ended]:
        async with library.writing():
            ended = await _write(library, job, chunk, name, known)
        known.update(end.guid for end in ended if end.guid)
        return ended

    return await in_chunks(library, job, chunked(images, ADD_CHUNK), write, _skipped)


async def _newest(library: Library, job: Job, name: LibraryName) -> tuple[ImageDetails, ...]:
    query = Query(library=name, per_page=CHUNK, list_products=False)
    page = await library.in_time(search(library, query), job.started)
    return page.images


async def _write(
    library: Library, job: Job, chunk: Sequence[ImageToAdd], name: LibraryName, known: set[str]
) -> list[Ended]:
    return await journalled(
        library,
        job,
        intent=[{**image.model_dump(mode="json"), "library": name} for image in chunk],
        former=[],
        write=lambda: _send(library, job, chunk, name, known),
    )


async def _send(
    library: Library, job: Job, chunk: Sequence[ImageToAdd], name: LibraryName, known: set[str]
) -> list[Ended]:
    client = await library.client()
    try:
        answer = await client.add_images(
            AddImagesRequest(images=list(chunk), library=client.library(name))
        )
    except ApiError as fault:
        outcome = outcome_of_fault(fault)
        if outcome is not Outcome.UNKNOWN:
            return [Ended(None, outcome, why_failed(fault)) for _ in chunk]
        return await _adopt(library, job, chunk, name, known)
    claimed = _matched(chunk, answer.images)
    return await _confirm(library, job, claimed, name)


async def _confirm(
    library: Library, job: Job, claimed: Sequence[ImageDetails | None], name: LibraryName
) -> list[Ended]:
    guids = [image.guid for image in claimed if image]
    listed: Mapping[str, ImageDetails] = {}
    detail = f"The service answered with a guid that it does not list. {_FIND_OUT}"
    try:
        listed = await read_images(library, guids, name, started=job.started)
    except ApiError as unread:
        detail = f"It could not be read back: {unread.what} {_FIND_OUT}"
    return [_created(image, listed, detail) for image in claimed]


def _created(image: ImageDetails | None, listed: Mapping[str, ImageDetails], detail: str) -> Ended:
    if image is None:
        return Ended(None, Outcome.UNKNOWN, f"The answer does not name it. {_FIND_OUT}")
    after = listed.get(image.guid)
    if after is None:
        return Ended(image.guid, Outcome.UNKNOWN, detail)
    return Ended(image.guid, Outcome.CREATED, after=after)


async def _adopt(
    library: Library, job: Job, chunk: Sequence[ImageToAdd], name: LibraryName, known: set[str]
) -> list[Ended]:
    try:
        newest = await _newest(library, job, name)
    except ApiError as unread:
        why = f"The answer was lost and looking failed: {unread.what} {_FIND_OUT}"
        return [Ended(None, Outcome.UNKNOWN, why) for _ in chunk]
    appeared = [image for image in newest if image.guid not in known]
    return [_adopted(image) for image in _matched(chunk, appeared)]


def _adopted(image: ImageDetails | None) -> Ended:
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
    """Whether a record may be the image that was sent; what the service left out is no reason."""
    pairs = (
        (sent.private_hires_uri, answered.private_hires_uri),
        (sent.pix_w, answered.pix_w),
        (sent.pix_h, answered.pix_h),
        (sent.file_size, answered.file_size),
    )
    told = [(ours, theirs) for ours, theirs in pairs if theirs is not None]
    return bool(told) and all(ours == theirs for ours, theirs in told)


def _skipped(_: ImageToAdd, why: str) -> Ended:
    return Ended(None, Outcome.NOT_ATTEMPTED, why)
