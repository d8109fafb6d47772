"""Delete images, and say which are gone."""

from collections.abc import Mapping, Sequence

from fw_mcp.api.models import DeleteImagesRequest, ImageDetails, LibraryName
from fw_mcp.errors import ApiError, RejectedError
from fw_mcp.images.account import Account
from fw_mcp.images.read import read_images
from fw_mcp.writes.chunks import in_chunks
from fw_mcp.writes.job import Ends, Items, Job, Write
from fw_mcp.writes.outcomes import Ended, Outcome, why_failed

KIND = "delete_images"
_LOST = "The answer was lost and the image is still listed; search_images shows it later."


async def delete_images(
    account: Account, job: Job, images: Items[ImageDetails], name: LibraryName
) -> Ends:
    """Delete in chunks of 50 and list again.

    Args:
        account: whose.
        job: the call.
        images: records read just before, each with its place in the call; only what was read is
            deleted.
        name: `inventory` or `temporary`.

    Returns:
        The end of each.

    Raises:
        StoreError: the journal could not be written; nothing was sent.
    """
    deletion = _Deletion(account, job, name)
    write = Write(
        kind=KIND,
        image=lambda image: image,
        intent=lambda image: {"guid": image.guid, "library": name},
        read_again=deletion.read,
        request=deletion.request,
        ended=_ended,
    )
    return await in_chunks(account, job, images, write)


class _Deletion:
    """One call's way to delete."""

    def __init__(self, account: Account, job: Job, name: LibraryName) -> None:
        self._account = account
        self._job = job
        self._name = name

    async def read(self, guids: Sequence[str]) -> Mapping[str, ImageDetails]:
        """The images as they stand now."""
        return await read_images(self._account, guids, self._name, started=self._job.started)

    async def request(self, images: Items[ImageDetails]) -> None:
        """Delete them."""
        client = await self._account.client()
        guids = [image.guid for image in images.values()]
        library = client.library(self._name)
        await client.delete_images(DeleteImagesRequest(guids=guids, library=library))


def _ended(before: ImageDetails, after: ImageDetails | None, fault: ApiError | None) -> Ended:
    if after is None:
        return Ended(before.guid, Outcome.DELETED, before=before)
    if fault is not None and not isinstance(fault, RejectedError):
        return Ended(
            before.guid, Outcome.UNKNOWN, _LOST, before=before, after=after, again_after_s=0.0
        )
    why = why_failed(fault) if fault else "The service said yes and still lists the image."
    return Ended(before.guid, Outcome.FAILED, why, before=before, after=after)
