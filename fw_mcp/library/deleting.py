"""Delete images, and say which are gone."""

from collections.abc import Mapping, Sequence

from fw_mcp.api.models import DeleteImagesRequest, ImageDetails, LibraryName
from fw_mcp.errors import ApiError, RejectedError
from fw_mcp.library.library import CHUNK, Library, chunked
from fw_mcp.library.outcomes import Ended, Outcome
from fw_mcp.library.reading import read_images
from fw_mcp.library.writing import (
    Job,
    in_chunks,
    in_order,
    journalled,
    outcome_of_fault,
    still_as_read,
    why_failed,
)

_LOST = "The answer was lost and the image is still listed; search_images shows it later."


async def delete_images(
    library: Library, job: Job, images: Sequence[ImageDetails], name: LibraryName
) -> list[Ended]:
    """Delete in chunks of 50 and list again.

    Args:
        library: whose.
        job: the call.
        images: records read just before; only what was read is deleted.
        name: `inventory` or `temporary`.

    Returns:
        One end an image, in order.

    Raises:
        StoreError: the journal could not be written; nothing was sent.
    """

    async def read_again(guids: Sequence[str]) -> Mapping[str, ImageDetails]:
        return await read_images(library, guids, name, started=job.started)

    async def write(chunk: Sequence[ImageDetails]) -> list[Ended]:
        async with library.writing() as waited:
            sendable, changed = await still_as_read(library, job, chunk, read_again, waited=waited)
            due = [image for image in chunk if image.guid in sendable]
            ended = await _write(library, job, due, name) if due else []
        return in_order([image.guid for image in chunk], [*ended, *changed])

    return await in_chunks(library, job, chunked(images, CHUNK), write, _skipped)


async def _write(
    library: Library, job: Job, chunk: Sequence[ImageDetails], name: LibraryName
) -> list[Ended]:
    return await journalled(
        library,
        job,
        intent=[{"guid": image.guid, "library": name} for image in chunk],
        former=[image.model_dump(mode="json") for image in chunk],
        write=lambda: _send(library, job, chunk, name),
    )


async def _send(
    library: Library, job: Job, chunk: Sequence[ImageDetails], name: LibraryName
) -> list[Ended]:
    client = await library.client()
    guids = [image.guid for image in chunk]
    fault: ApiError | None = None
    try:
        await client.delete_images(DeleteImagesRequest(guids=guids, library=client.library(name)))
    except ApiError as raised:
        fault = raised
        if outcome_of_fault(fault) is not Outcome.UNKNOWN:
            outcome, why = outcome_of_fault(fault), why_failed(fault)
            return [Ended(one.guid, outcome, why, before=one, after=one) for one in chunk]
    return await _settle(library, job, chunk, name, fault)


async def _settle(
    library: Library,
    job: Job,
    chunk: Sequence[ImageDetails],
    name: LibraryName,
    fault: ApiError | None,
) -> list[Ended]:
    guids = [image.guid for image in chunk]
    try:
        left = await read_images(library, guids, name, started=job.started)
    except ApiError as unread:
        why = f"It could not be read back: {unread.what} search_images shows it."
        return [Ended(one.guid, Outcome.UNKNOWN, why, before=one) for one in chunk]
    return [_ended(image, left.get(image.guid), fault) for image in chunk]


def _ended(before: ImageDetails, after: ImageDetails | None, fault: ApiError | None) -> Ended:
    if after is None:
        return Ended(before.guid, Outcome.DELETED, before=before)
    if fault is not None and not isinstance(fault, RejectedError):
        return Ended(before.guid, Outcome.UNKNOWN, _LOST, before=before, after=after)
    why = why_failed(fault) if fault else "The service said yes and still lists the image."
    return Ended(before.guid, Outcome.FAILED, why, before=before, after=after)


def _skipped(image: ImageDetails, why: str) -> Ended:
    return Ended(image.guid, Outcome.NOT_ATTEMPTED, why, before=image, after=image)
