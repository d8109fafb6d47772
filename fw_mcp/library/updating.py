"""Rewrite titles and descriptions, and say what the service then holds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fw_mcp.api.models import ImageDetails, ImageToUpdate, UpdateImagesRequest
from fw_mcp.errors import ApiError, RejectedError
from fw_mcp.library.library import CHUNK, Library, chunked
from fw_mcp.library.outcomes import Ended, Outcome
from fw_mcp.library.reading import read_anywhere
from fw_mcp.library.writing import (
    Job,
    in_chunks,
    in_order,
    journalled,
    outcome_of_fault,
    still_as_read,
    why_failed,
)

ALREADY = "It already has this text."
_LOST = "The answer was lost and the text is not the new one yet; search_images shows it later."


@dataclass(frozen=True, slots=True)
class Rewrite:
    """The whole text an image shall have: an omitted field might be blanked by the service."""

    before: ImageDetails
    title: str
    description: str

    @property
    def changes(self) -> bool:
        """Whether the new text differs from the current one."""
        return (self.title, self.description) != _text(self.before)


async def update_images(library: Library, job: Job, rewrites: Sequence[Rewrite]) -> list[Ended]:
    """Send new titles and descriptions, in chunks of 50, and read them back.

    An image that already has the text is not sent: an update that changes nothing would still
    remove its products.

    Args:
        library: whose.
        job: the call.
        rewrites: whole texts, made from records read just before.

    Returns:
        One end a rewrite, in order.

    Raises:
        StoreError: the journal could not be written; nothing was sent.
    """
    due = [rewrite for rewrite in rewrites if rewrite.changes]

    async def read_again(guids: Sequence[str]) -> Mapping[str, ImageDetails]:
        return await read_anywhere(library, guids, started=job.started)

    async def write(chunk: Sequence[Rewrite]) -> list[Ended]:
        async with library.writing() as waited:
            sendable, changed = await still_as_read(
                library, job, [one.before for one in chunk], read_again, waited=waited
            )
            due_now = [one for one in chunk if one.before.guid in sendable]
            ended = await _write(library, job, due_now) if due_now else []
        return in_order([one.before.guid for one in chunk], [*ended, *changed])

    ended = await in_chunks(library, job, chunked(due, CHUNK), write, _skipped)
    by_guid = {end.guid: end for end in ended}
    return [by_guid.get(rewrite.before.guid, _already(rewrite)) for rewrite in rewrites]


async def _write(library: Library, job: Job, chunk: Sequence[Rewrite]) -> list[Ended]:
    images = [
        ImageToUpdate(guid=one.before.guid, title=one.title, description=one.description)
        for one in chunk
    ]
    return await journalled(
        library,
        job,
        intent=[image.model_dump(mode="json") for image in images],
        former=[one.before.model_dump(mode="json") for one in chunk],
        write=lambda: _send(library, job, chunk, images),
    )


async def _send(
    library: Library, job: Job, chunk: Sequence[Rewrite], images: list[ImageToUpdate]
) -> list[Ended]:
    client = await library.client()
    fault: ApiError | None = None
    try:
        await client.update_images(
            UpdateImagesRequest(images=images, account_key=client.account_key)
        )
    except ApiError as raised:
        fault = raised
        if outcome_of_fault(fault) is not Outcome.UNKNOWN:
            return [_untouched(rewrite, fault) for rewrite in chunk]
    return await _settle(library, job, chunk, fault)


async def _settle(
    library: Library, job: Job, chunk: Sequence[Rewrite], fault: ApiError | None
) -> list[Ended]:
    guids = [rewrite.before.guid for rewrite in chunk]
    try:
        now = await read_anywhere(library, guids, started=job.started)
    except ApiError as unread:
        return [
            Ended(
                rewrite.before.guid,
                Outcome.UNKNOWN,
                f"It could not be read back: {unread.what} search_images shows it.",
                before=rewrite.before,
            )
            for rewrite in chunk
        ]
    return [_ended(rewrite, now, fault) for rewrite in chunk]


def _ended(rewrite: Rewrite, now: Mapping[str, ImageDetails], fault: ApiError | None) -> Ended:
    after = now.get(rewrite.before.guid)
    outcome, detail = _verdict(rewrite, after, fault)
    return Ended(rewrite.before.guid, outcome, detail, before=rewrite.before, after=after)


def _verdict(
    rewrite: Rewrite, after: ImageDetails | None, fault: ApiError | None
) -> tuple[Outcome, str]:
    if after is None:
        return Outcome.NOT_FOUND, "The image went away meanwhile."
    if _text(after) == (rewrite.title, rewrite.description):
        return Outcome.UPDATED, ""
    if fault is not None and not isinstance(fault, RejectedError):
        return Outcome.UNKNOWN, _LOST
    if _text(after) == _text(rewrite.before):
        why = why_failed(fault) if fault else "The service said yes and kept the old text."
        return Outcome.FAILED, why
    return Outcome.UPDATED, "The service stored other text than was sent; see after."


def _untouched(rewrite: Rewrite, fault: ApiError) -> Ended:
    return Ended(
        rewrite.before.guid,
        outcome_of_fault(fault),
        why_failed(fault),
        before=rewrite.before,
        after=rewrite.before,
    )


def _skipped(rewrite: Rewrite, why: str) -> Ended:
    return Ended(
        rewrite.before.guid,
        Outcome.NOT_ATTEMPTED,
        why,
        before=rewrite.before,
        after=rewrite.before,
    )


def _already(rewrite: Rewrite) -> Ended:
    return _skipped(rewrite, ALREADY)


def _text(image: ImageDetails) -> tuple[str, str]:
    return image.title or "", image.description or ""
