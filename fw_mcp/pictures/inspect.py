"""What files are, from their headers: behind URLs, or below the operator's folders."""

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from os import SEEK_END
from pathlib import Path, PurePath, PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import anyio

from fw_mcp.errors import FetchError, Reason
from fw_mcp.pictures.fetch.fetcher import Fetcher, refusal
from fw_mcp.pictures.folders import Folders
from fw_mcp.pictures.formats import Facts, UnreadablePicture, facts_of, is_html
from fw_mcp.pictures.share_links import direct_link
from fw_mcp.pictures.threads import unwaited

if TYPE_CHECKING:
    # typeshed's own words for what `readinto` takes; there is nothing to import at run time.
    from _typeshed import WriteableBuffer

    from fw_mcp.pictures.fetch.hops import Fetched

# Of a file of unknown size.
_FURTHEST = 2**62


class Missing(Exception):  # noqa: N818  a wish for bytes, not a fault
    """A piece of a file has to be fetched before reading can go on.

    Attributes:
        offset: where it begins, in bytes.
        length: how much of it is wanted, in bytes.
    """

    def __init__(self, offset: int, length: int) -> None:
        super().__init__(offset, length)
        self.offset = offset
        self.length = length


class SharePage(Exception):  # noqa: N818  what was found, not a fault
    """A web page in place of a file."""


class Sparse(io.RawIOBase):
    """A file of which some pieces are known; reading another one raises `Missing`.

    Args:
        size: of the whole file in bytes; None while that is unknown.
    """

    def __init__(self, size: int | None) -> None:
        super().__init__()
        self._size = _FURTHEST if size is None else size
        self._pieces: list[tuple[int, bytes]] = []
        self._position = 0

    def add(self, offset: int, content: bytes) -> None:
        """Know `content`, which begins at `offset`."""
        self._pieces.append((offset, content))

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to an offset, also beyond the end."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        if start + offset < 0:
            raise ValueError("before the beginning")
        self._position = start + offset
        return self._position

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        """Fill `buffer` up to the end of the file.

        Raises:
            Missing: a part of it is not known; nothing was read.
        """
        view = memoryview(buffer)
        start, end = self._position, min(self._position + len(view), self._size)
        at = start
        while at < end:
            known = self._known_from(at, end)
            view[at - start : at - start + len(known)] = known
            at += len(known)
        self._position = at
        return at - start

    def _known_from(self, at: int, end: int) -> bytes:
        for offset, content in self._pieces:
            if offset <= at < offset + len(content):
                return content[at - offset : end - offset]
        raise Missing(at, end - at)


SHARE_PAGE = "It is a share page, not the file: a web page answers there."
"""Said of what was fetched; it tells no more of a host that is not asked."""

NOT_REACHED = "There was no time left for it; pass fewer files per call."

_NO_PAGE = (
    "Use a URL that answers with the file itself, without a login or a page before the download."
)
_LOCAL_OFF = (
    "Local files are read only over stdio, and only inside folders allowed with --file-folders; "
    "pass a URL instead."
)
_LOCAL_SLOW = "Its disk did not respond in time: try again, or copy the file to this machine."
_FILE_URL = re.compile("file:(?://(?P<host>[^/]*))?(?=/)", re.IGNORECASE)
_DRIVE = re.compile("/[a-zA-Z]:[/\\\\]")
_QUOTED = re.compile("(?P<quote>[\"'])(?P<inside>.+)(?P=quote)")
_AT_A_TIME = 4
_PIECE = 65_536
_MOST_BYTES = 2_097_152


@dataclass(frozen=True, slots=True)
class Inspected:
    """One file, and what its header says, or why that was not read.

    Attributes:
        source: the URL, or the path as given.
        is_url: which of the two.
        file_name: the last part of the path, or of the URL's path; "" if it was not read.
        file_size: in bytes; None if unknown.
        facts: None when `error` says why.
        is_page: whether a web page answered in place of a file.
    """

    source: str
    is_url: bool
    file_name: str = ""
    file_size: int | None = None
    facts: Facts | None = None
    error: str = ""
    is_page: bool = False

    @property
    def is_reached(self) -> bool:
        """Whether there was time to look at it."""
        return self.error != NOT_REACHED


class Inspector:
    """Reads headers, four files at a time.

    Args:
        fetcher: fetches pieces of URLs.
        folders: where local files may be read.
        remote_s: seconds for all pieces of a file behind a URL; each has its own limit besides.
        local_s: seconds for a local file, which may lie on another machine.
    """

    def __init__(
        self,
        fetcher: Fetcher,
        folders: Sequence[Path] = (),
        *,
        remote_s: float = 20.0,
        local_s: float = 10.0,
    ) -> None:
        self._fetcher = fetcher
        self._remote_s = remote_s
        self._local_s = local_s
        self._folders = Folders(folders)
        self.own = fetcher.own

    def check(self) -> None:
        """See that URLs can be read.

        Raises:
            FetchError: the operator has turned fetching off.
        """
        self._fetcher.check()

    async def inspect(
        self, files: Sequence[str], *, local: bool, within_s: float
    ) -> list[Inspected]:
        """Each of `files`, in order.

        Args:
            files: URLs, or paths of local files.
            local: whether the caller may name local files.
            within_s: seconds for all of them; what is not reached by then says so.
        """
        found = [_unread(file, NOT_REACHED) for file in files]
        turn = anyio.Semaphore(_AT_A_TIME)

        async def inspect(place: int, file: str) -> None:
            async with turn:
                found[place] = await self._inspected(file, local=local)

        with anyio.move_on_after(within_s):
            async with anyio.create_task_group() as group:
                for place, file in enumerate(files):
                    group.start_soon(inspect, place, file)
        return found

    async def _inspected(self, file: str, *, local: bool) -> Inspected:
        try:
            if _is_url(file):
                return await self._remote(_unquoted(file))
            if local and self._folders:
                return await self._local(file)
        except FetchError as unread:
            # What to do where fetching is off is no matter of one file.
            is_off = unread.reason is Reason.FETCH_OFF
            next_step = "" if is_off else f" {_direct(file) or unread.next_step}"
            return _unread(file, f"{unread.what}{next_step}")
        except SharePage:
            error = f"{SHARE_PAGE} {_direct(file) or _NO_PAGE}"
            return replace(_unread(file, error), is_page=True)
        except UnreadablePicture as unreadable:
            return _unread(file, str(unreadable))
        return _unread(file, _LOCAL_OFF)

    async def _remote(self, url: str) -> Inspected:
        with anyio.move_on_after(self._remote_s):
            facts, size = await remote_facts(self._fetcher, url)
            name = PurePosixPath(unquote(urlsplit(url).path)).name
            return Inspected(url, is_url=True, file_name=name, file_size=size, facts=facts)
        raise refusal()

    async def _local(self, path: str) -> Inspected:
        with anyio.move_on_after(self._local_s):
            return await unwaited(partial(self._read, path))
        return _unread(path, _LOCAL_SLOW)

    def _read(self, path: str) -> Inspected:
        meant = path_meant(path)
        with self._folders.open(meant) as file:
            size, facts = file.seek(0, SEEK_END), facts_of(file)
            name = PurePath(meant).name
            return Inspected(path, is_url=False, file_name=name, file_size=size, facts=facts)


def _direct(file: str) -> str:
    """What to do about a share link; "" for what is none by its text."""
    link = direct_link(_unquoted(file))
    return f"Use its direct link: {link}" if link else ""


def _is_url(file: str) -> bool:
    return "://" in file and not _FILE_URL.match(_unquoted(file))


def path_meant(file: str) -> str:
    """The path that is meant: of a `file:` URL, or in the quotes of a command line.

    That of a URL on another host stays one, which no folder has.
    """
    bare = _unquoted(file)
    url = _FILE_URL.match(bare)
    if url is None:
        return bare
    if (url["host"] or "").lower() not in {"", "localhost"}:
        return file
    path = unquote(bare[url.end() :], errors="surrogateescape")
    return path[1:] if _DRIVE.match(path) else path


def _unquoted(file: str) -> str:
    quoted = _QUOTED.fullmatch(file.strip())
    return quoted["inside"] if quoted else file


def _unread(file: str, why: str) -> Inspected:
    return Inspected(file, _is_url(file), error=why)


async def remote_facts(fetcher: Fetcher, url: str) -> tuple[Facts, int | None]:
    """What the header behind `url` says, and the size of the file in bytes if the server tells it.

    First 64 KB are fetched, then what is missing, in pieces that double, at most 2 MB in all: a
    TIFF's directory may stand at its end.

    Raises:
        FetchError: it was not fetched.
        UnreadablePicture: it is no picture, its header is broken, or lies scattered too far.
        SharePage: it is a web page.
    """
    first = await fetcher.fetch_range(url, 0, _PIECE)
    if is_html(first.content):
        raise SharePage
    remote = _Remote(fetcher, url, first)
    while True:
        try:
            return facts_of(remote.known), remote.size
        except Missing as missing:
            gap = missing
        await remote.learn(gap)


class _Remote:
    """A file behind a URL, as far as it was fetched."""

    def __init__(self, fetcher: Fetcher, url: str, first: "Fetched") -> None:
        self.size = first.size
        self.known = Sparse(first.size)
        self.known.add(first.offset, first.content)
        self._fetcher = fetcher
        self._url = url
        self._length = _PIECE
        self._left = _MOST_BYTES - _PIECE

    async def learn(self, gap: Missing) -> None:
        """Fetch what is missing, and more behind it."""
        if gap.length > self._left:
            raise UnreadablePicture
        length = min(max(self._length, gap.length), self._left)
        piece = await self._fetcher.fetch_range(self._url, gap.offset, length)
        if piece.offset != gap.offset:
            # From a server that knows no ranges: one long look at the beginning has to do.
            length = self._left
            piece = await self._fetcher.fetch_range(self._url, 0, _MOST_BYTES)
        if self.size not in {None, piece.size}:
            # It is being replaced: the pieces would be of two files.
            raise UnreadablePicture
        self.size = piece.size
        self.known.add(piece.offset, piece.content)
        self._length, self._left = 2 * length, self._left - length
