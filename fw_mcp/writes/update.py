"""Rewrite titles and descriptions, and say what the service then holds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fw_mcp.api.models import ImageDetails, ImageToUpdate, UpdateImagesRequest
from fw_mcp.errors import ApiError, RejectedError
from fw_mcp.images.account import Account
from fw_mcp.images.read import read_anywhere
from fw_mcp.writes.chunks import in_chunks
from fw_mcp.writes.job import ALREADY, Ends, Items, Job, Write
from fw_mcp.writes.outcomes import Ended, Outcome, at_stake, why_failed

KIND = "update_images"
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
        return (self.title, self.description) != text_of(self.before)


async def update_images(account: Account, job: Job, rewrites: Items[Rewrite]) -> Ends:
    """Send new titles and descriptions, in chunks of 50, and read them back.

    An image that already has the text is not sent: an update that changes nothing would still
    remove its products.

    Args:
        account: whose.
        job: the call.
        rewrites: whole texts, made from records read just before, each with its place in the call.

    Returns:
        The end of each.

    Raises:
        StoreError: the journal could not be written; nothing was sent.
    """
    rewriting = _Rewriting(account, job)
    write = Write(
        kind=KIND,
        image=lambda rewrite: rewrite.before,
        intent=lambda rewrite: _image(rewrite).model_dump(mode="json"),
        read_again=rewriting.read,
        request=rewriting.request,
        ended=_ended,
    )
    same = {item: _already(one) for item, one in job.due(rewrites).items() if not one.changes}
    due = {item: one for item, one in rewrites.items() if item not in same}
    return same | await in_chunks(account, job, due, write)


class _Rewriting:
    """One call's way to rewrite."""

    def __init__(self, account: Account, job: Job) -> None:
        self._account = account
        self._job = job

    async def read(self, guids: Sequence[str]) -> Mapping[str, ImageDetails]:
        """The images as they stand now."""
        return await read_anywhere(self._account, guids, started=self._job.started)

    async def request(self, rewrites: Items[Rewrite]) -> None:
        """Rewrite them."""
        client = await self._account.client()
        images = [_image(one) for one in rewrites.values()]
        request = UpdateImagesRequest(images=images, account_key=client.account_key)
        await client.update_images(request)


def text_of(image: ImageDetails) -> tuple[str, str]:
    """The title and description of an image, "" for what it lacks."""
    return image.title or "", image.description or ""


def _image(rewrite: Rewrite) -> ImageToUpdate:
    return ImageToUpdate(
        guid=rewrite.before.guid, title=rewrite.title, description=rewrite.description
    )


def _ended(rewrite: Rewrite, after: ImageDetails | None, fault: ApiError | None) -> Ended:
    outcome, detail = _verdict(rewrite, after, fault)
    lost = outcome is Outcome.UNKNOWN
    return Ended(
        rewrite.before.guid,
        outcome,
        detail,
        before=rewrite.before,
        after=after,
        # Only with every product that the person agreed to lose.
        again_after_s=0.0 if lost and at_stake(after) == at_stake(rewrite.before) else None,
    )


def _verdict(
    rewrite: Rewrite, after: ImageDetails | None, fault: ApiError | None
) -> tuple[Outcome, str]:
    if after is None:
        return Outcome.NOT_FOUND, "The image went away meanwhile."
    if text_of(after) == (rewrite.title, rewrite.description):
        return Outcome.UPDATED, ""
    if fault is not None and not isinstance(fault, RejectedError):
        return Outcome.UNKNOWN, _LOST
    if text_of(after) == text_of(rewrite.before):
        why = why_failed(fault) if fault else "The service said yes and kept the old text."
        return Outcome.FAILED, why
    return Outcome.UPDATED, "The service stored other text than was sent; see after."


def _already(rewrite: Rewrite) -> Ended:
    before = rewrite.before
    return Ended(before.guid, Outcome.NOT_ATTEMPTED, ALREADY, before=before, after=before)
