"""Which uploads images use, and the removal of those that none does.

What is in use, or not known not to be, stays: the whole library is asked first, and asked again
before anything is removed.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import get_args

from fw_mcp.api.models import ImageDetails, LibraryName
from fw_mcp.images.account import Progress
from fw_mcp.images.read import Query
from fw_mcp.images.scan import scan
from fw_mcp.store.uploads import Upload
from fw_mcp.writes.addition import TOOL
from fw_mcp.writes.outcomes import Kind
from fw_mcp.writes.run import Writes
from fw_mcp.writes.uploads import Uploads

# So long a call may still be about to register what it uploaded.
_AT_WORK_S = 3600.0


class UploadState(StrEnum):
    """What became of an upload."""

    REGISTERED = "registered"
    NOT_REGISTERED = "not_registered"
    IMAGE_GONE = "image_gone"
    NOT_KNOWN = "not_known"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Kept:
    """An upload, and whether anything needs it.

    Attributes:
        is_unused: whether it may be removed.
    """

    upload: Upload
    state: UploadState
    is_unused: bool = False


@dataclass(frozen=True, slots=True)
class Looked:
    """Every upload of the account.

    Attributes:
        uploads: the newest first.
        not_reached: which images could not be asked, and why; then nothing is known to be unused.
    """

    uploads: Sequence[Kept]
    not_reached: str = ""


class Unused:
    """The uploads of an account, as its library uses them.

    Args:
        uploads: where they are.
        writes: to the account whose they are.
    """

    def __init__(self, uploads: Uploads, writes: Writes) -> None:
        self._uploads = uploads
        self._writes = writes

    async def look(self, progress: Progress) -> Looked:
        """What became of each upload.

        Args:
            progress: told after each page of the library.

        Raises:
            ApiError: the library could not be read.
            StoreError: the record could not be read.
        """
        await self._writes.identify()
        rows = await self._uploads.store.every()
        open_ = await self._may_be_added()
        used: set[str] = set()
        not_reached = ""
        for library in get_args(LibraryName):
            found, missing = await self._used(rows, library, progress)
            used |= found
            not_reached = not_reached or missing
        return Looked(
            [self._kept(row, used, open_, is_known=not not_reached) for row in rows], not_reached
        )

    async def remove(self, chosen: Collection[Upload], progress: Progress) -> Sequence[Upload]:
        """Remove those of `chosen` that still are unused.

        Args:
            chosen: as a person was asked about them.
            progress: told after each page of the library.

        Returns:
            Those that are gone.

        Raises:
            GuardError: the operator lets nothing be written.
            UploadError: some may still be there; those stay on record.
            ApiError: the library could not be read; nothing was removed.
            StoreError: the record cannot be read or written.
        """
        self._writes.guard.admit(TOOL)
        wanted = {_key(one) for one in chosen}
        looked = (await self.look(progress)).uploads
        gone = [one.upload for one in looked if one.is_unused and _key(one.upload) in wanted]
        masters = {one.master for one in gone}
        stays = {
            key
            for one in looked
            if one.state is not UploadState.REMOVED and one.upload not in gone
            for key in one.upload.parts
        }
        # Of one content under several names, all have to be unused.
        removed: list[Upload] = []
        for master in sorted(masters - stays):
            alike = [one for one in gone if one.master == master]
            former = [one.upload for one in looked if one.upload.master == master]
            if await self._removed(alike, former, stays):
                removed += alike
        return removed

    async def _removed(
        self, alike: Sequence[Upload], former: Sequence[Upload], stays: Collection[str]
    ) -> bool:
        """Remove what is kept of one content, unless a call is about to register it."""
        target, store = self._uploads.target, self._uploads.store
        place, master = alike[0].place, alike[0].master
        if target is None or any(
            [await self._writes.is_under_way(one.change_id) for one in former]
        ):
            return False
        here = [one for one in former if one.place == place]
        if not await store.doubted(place, master, here):
            return False
        await target.remove(sorted({key for one in alike for key in one.parts} - set(stays)))
        await store.removed(place, {master}, self._uploads.now())
        return True

    def _kept(self, row: Upload, used: set[str], open_: set[str], *, is_known: bool) -> Kept:
        if row.removed_at is not None:
            return Kept(row, UploadState.REMOVED)
        target = self._uploads.target
        if target is None or row.place != target.place:
            # Another bucket's: what its addresses are is not known here.
            return Kept(row, UploadState.NOT_KNOWN)
        urls = {target.url(key) for key in row.parts}
        if urls & used:
            return Kept(row, UploadState.REGISTERED)
        if not is_known or urls & open_:
            return Kept(row, UploadState.NOT_KNOWN)
        if row.guids:
            return Kept(row, UploadState.IMAGE_GONE, is_unused=True)
        at_work = row.begun_at > self._uploads.now() - _AT_WORK_S
        return Kept(row, UploadState.NOT_REGISTERED, is_unused=not at_work)

    async def _used(
        self, rows: Sequence[Upload], library: LibraryName, progress: Progress
    ) -> tuple[set[str], str]:
        """The URLs of uploads that images of a library name, and what of it was not reached."""
        target, account = self._uploads.target, self._writes.account
        if target is None:
            return set(), ""
        ours = {target.url(key) for row in rows for key in row.parts}

        def keep(image: ImageDetails) -> frozenset[str] | None:
            return frozenset(filter(None, _urls(image))) & ours or None

        walk = await scan(
            account,
            Query(library=library, list_products=False),
            keep,
            started=account.clock(),
            progress=progress,
        )
        return set().union(*walk.kept), walk.not_reached

    async def _may_be_added(self) -> set[str]:
        """The URLs that calls whose end is not known may still register."""
        urls: set[str] = set()
        for change in await self._writes.journal.unsettled():
            for item in await self._writes.history.items(change.change_id):
                if item.kind == Kind.ADD and item.unsettled:
                    urls |= {str(one) for one in (item.sent or {}).values()}
        return urls


def _key(upload: Upload) -> tuple[str, str, str]:
    return upload.place, upload.path, upload.master


def _urls(image: ImageDetails) -> tuple[str | None, ...]:
    return image.public_thumbnail_uri, image.public_preview_uri, image.private_hires_uri
