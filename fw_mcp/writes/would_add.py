"""What adding files would do, from their headers alone; nothing of them leaves the machine."""

from dataclasses import dataclass, field
from functools import partial

import anyio

from fw_mcp.api.models import ImageToAdd
from fw_mcp.errors import FetchError, UploadError
from fw_mcp.images.account import Account
from fw_mcp.images.print_sizes import largest_prints
from fw_mcp.pictures.folders import Folders
from fw_mcp.pictures.formats import Facts
from fw_mcp.pictures.inspect import NOT_REACHED
from fw_mcp.pictures.masters import master_facts
from fw_mcp.pictures.threads import unwaited
from fw_mcp.text import counted, megabytes
from fw_mcp.writes.outcomes import Ended, Ends, Items, Outcome
from fw_mcp.writes.print_master import UNREAD, FileToAdd, check_same
from fw_mcp.writes.uploads import Uploads

# Of a file that has no address yet; nothing in a library has this one.
_NOWHERE = "not uploaded"


@dataclass(frozen=True, slots=True)
class FilesSeen:
    """What the files of a call are.

    Attributes:
        images: as they would be registered, of those that could be read.
        unread: why the others could not be.
        found: what each is, in words.
        told: what would be uploaded in all, in sentences.
    """

    images: Items[ImageToAdd] = field(default_factory=dict)
    unread: Ends = field(default_factory=dict)
    found: Items[str] = field(default_factory=dict)
    told: str = ""


async def seen(account: Account, uploads: Uploads, files: Items[FileToAdd]) -> FilesSeen:
    """What the files of a call are, and what of them would be uploaded.

    Raises:
        StoreError: the record cannot be read.
        UploadError: this server uploads nothing.
    """
    known = await uploads.known(files.values())
    looks = await _looks(uploads.folders, files, account.pace.start_chunks_s)
    images: dict[int, ImageToAdd] = {}
    unread: Ends = {}
    found: dict[int, str] = {}
    for item, one in files.items():
        look, row = looks.get(item, NOT_REACHED), known.get(one.same)
        if isinstance(look, str):
            unread[item] = Ended(None, Outcome.FAILED, look, name=one.file_name, called=one.title)
            continue
        is_up = row is not None and row.is_up
        images[item] = uploads.image(one, row) if row else _unplaced(one, look)
        found[item] = _told(one, look, is_up=is_up)
    due = [
        one
        for item, one in files.items()
        if item in images and not ((row := known.get(one.same)) and row.is_up)
    ]
    return FilesSeen(images, unread, found, await _sum(uploads, due))


async def _looks(folders: Folders, files: Items[FileToAdd], within_s: float) -> Items[Facts | str]:
    """What each file is, or why it would not be uploaded; those for which there was time."""
    looks: dict[int, Facts | str] = {}
    with anyio.move_on_after(within_s):
        for item, one in files.items():
            try:
                looks[item] = await unwaited(partial(_look, folders, one))
            except (FetchError, UploadError) as refused:
                looks[item] = f"{refused.what} {refused.next_step}"
            except OSError:
                looks[item] = " ".join(UNREAD)
    return looks


def _look(folders: Folders, file: FileToAdd) -> Facts:
    with folders.open(file.path) as opened:
        check_same(file, opened)
        return master_facts(opened)


async def _sum(uploads: Uploads, due: list[FileToAdd]) -> str:
    if not due:
        return "Nothing is left to upload."
    size = sum(one.file_size for one in due)
    allowed = uploads.limits.mb_per_hour
    told = [
        f"To upload to {uploads.public_address}: {counted(len(due), 'file')}, {megabytes(size)}."
    ]
    if await uploads.to_ask(due):
        told.append("A person is asked first, because they become public.")
    if size + await uploads.store.spent(uploads.now()) > allowed * 1_000_000:
        told.append(f"The operator allows {allowed:,} MB per hour.")
    return " ".join(told)


def _told(file: FileToAdd, facts: Facts, *, is_up: bool) -> str:
    prints = largest_prints(facts.pix_w, facts.pix_h)
    parts = [
        f"{facts.format} {facts.pix_w}x{facts.pix_h}, {megabytes(file.file_size)}",
        "prints " + ", ".join(f"{size} at {ppi} ppi" for ppi, size in prints.items())
        if prints
        else "too small to print",
        "uploaded before" if is_up else "",
    ]
    return "; ".join(filter(None, parts)) + "."


def _unplaced(file: FileToAdd, facts: Facts) -> ImageToAdd:
    """The image, as far as it is known before it is uploaded."""
    return ImageToAdd(
        title=file.title,
        description=file.description,
        file_name=file.file_name,
        file_size=file.file_size,
        thumbnail_file_name=_NOWHERE,
        preview_file_name=_NOWHERE,
        hires_file_name=_NOWHERE,
        public_thumbnail_uri=_NOWHERE,
        public_preview_uri=_NOWHERE,
        private_hires_uri=_NOWHERE,
        pix_w=facts.pix_w,
        pix_h=facts.pix_h,
    )
