"""What adding files would do, from their headers alone; nothing of them leaves the machine."""

from dataclasses import dataclass, field

from fw_mcp.api.models import ImageToAdd
from fw_mcp.images.account import Account
from fw_mcp.images.print_sizes import largest_prints
from fw_mcp.pictures.formats import Facts
from fw_mcp.pictures.inspect import Inspector
from fw_mcp.text import counted, megabytes
from fw_mcp.writes.outcomes import Ended, Ends, Items, Outcome
from fw_mcp.writes.print_master import FileToAdd
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


async def seen(
    account: Account, inspector: Inspector, uploads: Uploads, files: Items[FileToAdd]
) -> FilesSeen:
    """What the files of a call are, and what of them would be uploaded.

    Raises:
        StoreError: the record cannot be read.
        UploadError: this server uploads nothing.
    """
    known = await uploads.known(files.values())
    paths = [one.path for one in files.values()]
    within_s = account.pace.start_chunks_s
    looks = await inspector.inspect(paths, local=True, within_s=within_s)
    images: dict[int, ImageToAdd] = {}
    unread: Ends = {}
    found: dict[int, str] = {}
    for (item, one), look in zip(files.items(), looks, strict=True):
        row = known.get(one.same)
        if look.facts is None:
            unread[item] = Ended(
                None, Outcome.FAILED, look.error, name=one.file_name, called=one.title
            )
            continue
        is_up = row is not None and row.is_up
        images[item] = uploads.image(one, row) if row else _unplaced(one, look.facts)
        found[item] = _told(one, look.facts, is_up=is_up)
    due = [
        one
        for item, one in files.items()
        if item in images and not ((row := known.get(one.same)) and row.is_up)
    ]
    return FilesSeen(images, unread, found, await _sum(uploads, due))


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
