"""What the files and folders stand for that a call names; it reads names and sizes alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import anyio

from fw_mcp.api.models import LibraryName
from fw_mcp.errors import ArgumentsError, FetchError, Reason
from fw_mcp.pictures.folders import Found, Listed
from fw_mcp.pictures.inspect import path_meant
from fw_mcp.pictures.threads import unwaited
from fw_mcp.store.uploads import SameFile
from fw_mcp.text import counted, quoted
from fw_mcp.writes.print_master import FileToAdd
from fw_mcp.writes.uploads import Uploads

MOST = 500
"""Images of a call."""

_LOOK_S = 20.0


@dataclass(frozen=True, slots=True)
class Named:
    """A file or a folder that a call names.

    Attributes:
        path: as given; that of a folder ends in `/`.
        title, description: of each image made of it.
    """

    path: str
    title: str | None = None
    description: str | None = None


@dataclass(frozen=True, slots=True)
class Stood:
    """The files that a call stands for.

    Attributes:
        files: by the place of the item that names them; a folder's have the place of the folder.
        told: what is left out, in sentences.
    """

    files: Mapping[int, Sequence[FileToAdd]]
    told: str = ""


async def stand(
    uploads: Uploads, named: Mapping[int, Named], library: LibraryName, room: int
) -> Stood:
    """What the files and folders of a call stand for.

    Of a folder with more pictures than there is room for, those come first that were not added yet,
    so that the same call made again goes on.

    Args:
        uploads: whose folders; it knows what was added before.
        named: files and folders, by their places in the call.
        library: that they are added to.
        room: how many images the call may have beside its URLs.

    Raises:
        ArgumentsError: something named is not there, or not to be read.
        UploadError: this server uploads nothing.
        StoreError: the record cannot be read.
    """
    place = uploads.bucket.place
    looks = await _looked_at(uploads, named)
    files = {item: [one] for item, one in looks.items() if isinstance(one, Found)}
    room -= len(files)
    seen = {one.path for (one,) in files.values()}
    told = []
    for item, folder in looks.items():
        if isinstance(folder, Found):
            continue
        pictures = [one for one in folder.pictures if one.path not in seen]
        seen |= {one.path for one in pictures}
        if not pictures and not folder.pictures:
            raise _refused(item, f"no pictures are in the folder {quoted(folder.name)}")
        chosen = pictures
        if len(pictures) > room:
            same = {one.path: SameFile(one.path, one.size, one.mtime_ns) for one in pictures}
            known = await uploads.store.known(place, same.values())
            new = [
                one
                for one in pictures
                if (row := known.get(same[one.path])) is None or library not in row.guids
            ]
            chosen = (new or pictures)[: max(room, 0)]
            if (left := len(new) - len(chosen)) > 0:
                told.append(
                    f"{counted(left, 'more picture')} of {quoted(folder.name)} "
                    f"{'is' if left == 1 else 'are'} left: make the same call again afterwards."
                )
        if folder.others:
            told.append(
                f"{counted(folder.others, 'other file')} in {quoted(folder.name)} "
                f"{'was' if folder.others == 1 else 'were'} left out."
            )
        room -= len(chosen)
        files[item] = chosen
    return Stood(
        {
            item: [
                FileToAdd(
                    one.path, one.size, one.mtime_ns, named[item].title, named[item].description
                )
                for one in some
            ]
            for item, some in files.items()
        },
        " ".join(told),
    )


async def _looked_at(uploads: Uploads, named: Mapping[int, Named]) -> Mapping[int, Found | Listed]:
    """Each of them, or the first that is not there."""

    def look() -> dict[int, Found | Listed]:
        found: dict[int, Found | Listed] = {}
        for item, one in named.items():
            path = path_meant(one.path)
            try:
                is_folder = path.endswith(("/", "\\"))
                found[item] = (
                    uploads.folders.list(path) if is_folder else uploads.folders.look(path)
                )
            except FetchError as unread:
                raise _refused(item, "it was not read") from unread
        return found

    with anyio.move_on_after(_LOOK_S):
        return await unwaited(partial(look))
    raise _refused(next(iter(named)), "its disk did not respond in time")


def _refused(item: int, why: str) -> ArgumentsError:
    return ArgumentsError(
        f"add_images was not run: images[{item}].file: {why}.",
        state="Nothing was sent.",
        next_step="Name pictures inside a folder allowed with --file-folders, not through links; "
        "the path of a folder ends in /.",
        reason=Reason.INVALID_ARGUMENTS,
    )
