"""Files below the folders that the operator named, and no others.

A path comes from whoever writes to the model. It is walked one name at a time, each opened inside
the one before, so that neither `..` nor a link nor a folder that is swapped meanwhile leads
outside; and only a regular file is opened. One text refuses whatever the cause: two would tell what
exists elsewhere on the machine.
"""

import logging
import os
import re
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from errno import EISDIR, ELOOP, ENOTDIR
from pathlib import Path
from typing import BinaryIO, TypeVar
from unicodedata import normalize

from fw_mcp.errors import FetchError, Reason

NOT_READ = "The file was not read."

_BY_DESCRIPTOR = os.open in os.supports_dir_fd and os.stat in os.supports_dir_fd

_SPACES = re.compile("[\u00a0\u202f]")

_log = logging.getLogger("fw_mcp.pictures")

PICTURES = frozenset({".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ".avif"})
"""How the names of the pictures in a folder end."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Found:
    """A regular file as it stands on the disk.

    Attributes:
        path: absolute, with the names that the disk has for it.
        size: bytes.
        mtime_ns: when it was last written, in nanoseconds since the epoch.
    """

    path: str
    size: int
    mtime_ns: int

    @property
    def name(self) -> str:
        """The name of the file."""
        return Path(self.path).name

    @property
    def folder(self) -> str:
        """The folder that it lies in."""
        return str(Path(self.path).parent)


@dataclass(frozen=True, slots=True)
class Listed:
    """What lies in a folder, not below it.

    Attributes:
        name: of the folder.
        pictures: in the order of their names.
        others: how many more there are, folders and links among them; hidden ones do not count.
    """

    name: str
    pictures: Sequence[Found]
    others: int


class Folders:
    """Folders whose files may be read.

    Args:
        folders: absolute; each may itself be a link, since the operator chose it.
        by_descriptor: walk with descriptors; where a system has none, paths are resolved and
            compared, which a folder that is swapped at that moment outwits.
    """

    def __init__(self, folders: Sequence[Path], *, by_descriptor: bool = _BY_DESCRIPTOR) -> None:
        self._folders = tuple(folders)
        self._opened = _walked if by_descriptor else _resolved

    def __bool__(self) -> bool:
        return bool(self._folders)

    def open(self, path: str) -> BinaryIO:
        """The regular file at `path`, open for reading.

        Args:
            path: absolute, or relative to one of the folders, whose own name may come first; `~` is
                a name like any other. A name that is not there may stand for the only one that
                looks the same.

        Raises:
            FetchError: there is no such file below a folder; the text is the same for every cause.
        """
        return os.fdopen(self._reached(path, self._opened)[0], "rb")

    def look(self, path: str) -> Found:
        """The regular file at `path`, as it stands now.

        Args:
            path: as for `open`.

        Raises:
            FetchError: as for `open`.
        """
        descriptor, where = self._reached(path, self._opened)
        try:
            return found(descriptor, where)
        finally:
            os.close(descriptor)

    def list(self, path: str) -> Listed:
        """The pictures in the folder at `path`.

        Args:
            path: of one of the folders, or of one below it.

        Raises:
            FetchError: there is no such folder; the text is that of a file.
        """
        return self._reached(path, _listed if self._opened is _walked else _listed_resolved)

    def _reached(self, path: str, reach: Callable[[Path, tuple[str, ...]], T]) -> T:
        """What `reach` gives for the first folder that `path` leads to something in."""
        cause = "bad path"
        for folder, names in self._places(path):
            try:
                return reach(folder, names)
            except OSError as unopened:
                cause = unopened.strerror or cause
            except ValueError:
                # A name with a null byte, or with half of a character.
                break
        _log.info("a file was not read: %s", cause)
        raise _refusal()

    def _places(self, path: str) -> Iterator[tuple[Path, tuple[str, ...]]]:
        """Each folder that `path` may be below, and the names on the way there."""
        for folder, names in self._ways(Path(path)):
            if ".." not in names:
                yield folder, names

    def _ways(self, given: Path) -> Iterator[tuple[Path, tuple[str, ...]]]:
        names = given.parts
        if given.anchor:
            for folder in self._folders:
                if _is_below(given, folder):
                    yield folder, names[len(folder.parts) :]
            return
        for folder in self._folders:
            yield folder, names
        for folder in self._folders:
            # As people call it, who are not told where it is.
            if names and _look(names[0]) == _look(folder.name):
                yield folder, names[1:]


def found(descriptor: int, path: str) -> Found:
    """The open file as it stands now."""
    now = os.fstat(descriptor)
    return Found(path, now.st_size, now.st_mtime_ns)


def _is_below(given: Path, folder: Path) -> bool:
    above = given.parts[: len(folder.parts)]
    return list(map(_look, above)) == list(map(_look, folder.parts))


def _look(name: str) -> str:
    """The same for names that nobody can tell apart.

    A disk of Apple's takes letters apart, and its pictures of the screen have a narrow space in
    their names; whoever types a name composes letters and types plain spaces. On Windows case
    does not count: some clients write its drives in lower case.
    """
    return os.path.normcase(normalize("NFC", _SPACES.sub(" ", name)))


def _there(name: str, folder: int) -> str:
    """`name` if it is in the folder, or else the only one there that looks like it."""
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return _alike(name, os.listdir(folder))
    return name


def _alike(name: str, names: Sequence[str]) -> str:
    found = [one for one in names if _look(one) == _look(name)]
    return found[0] if len(found) == 1 else name


def _walked(folder: Path, names: tuple[str, ...]) -> tuple[int, str]:
    """A descriptor of the file that the names lead to, and its path; no link is followed."""
    if not names:
        raise IsADirectoryError(EISDIR, os.strerror(EISDIR))
    at, path = _entered(folder, names[:-1])
    try:
        # Looked at first: to open a device may already do something.
        last = _there(names[-1], at)
        _check_regular(os.stat(last, dir_fd=at, follow_symlinks=False))
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        return _checked(os.open(last, flags, dir_fd=at)), str(path / last)
    finally:
        os.close(at)


def _entered(folder: Path, names: Sequence[str]) -> tuple[int, Path]:
    """A descriptor of the folder that the names lead to, and its path."""
    at, path = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC), folder
    try:
        for name in names:
            flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
            path /= _there(name, at)
            below = os.open(path.name, flags, dir_fd=at)
            os.close(at)
            at = below
    except BaseException:
        os.close(at)
        raise
    return at, path


def _listed(folder: Path, names: tuple[str, ...]) -> Listed:
    at, path = _entered(folder, names)
    try:
        with os.scandir(at) as entries:
            return _pictures(path, list(entries))
    finally:
        os.close(at)


def _listed_resolved(folder: Path, names: tuple[str, ...]) -> Listed:
    """The same where folders cannot be opened."""
    path = _inside(folder, names)
    if stat.S_ISLNK(path.lstat().st_mode) and names:
        raise NotADirectoryError(ENOTDIR, os.strerror(ENOTDIR))
    with os.scandir(path) as entries:
        return _pictures(path, list(entries))


def _pictures(folder: Path, entries: "Sequence[os.DirEntry[str]]") -> Listed:
    """Those of what is there that are pictures by their names; links never are."""
    shown = [entry for entry in entries if not entry.name.startswith(".")]
    named = [entry for entry in shown if Path(entry.name).suffix.lower() in PICTURES]
    pictures = []
    for entry in sorted(named, key=lambda entry: entry.name):
        # One may be gone since it was listed.
        with suppress(FileNotFoundError):
            now = entry.stat(follow_symlinks=False)
            if stat.S_ISREG(now.st_mode):
                pictures.append(Found(str(folder / entry.name), now.st_size, now.st_mtime_ns))
    return Listed(folder.name, pictures, len(shown) - len(pictures))


def _resolved(folder: Path, names: tuple[str, ...]) -> tuple[int, str]:
    """The same where folders cannot be opened."""
    path = _inside(folder, names)
    _check_regular(path.lstat())
    return _checked(os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))), str(path)


def _inside(folder: Path, names: Sequence[str]) -> Path:
    """The path that the names lead to, which no link may lead out of the folder."""
    path = folder
    for name in names:
        is_there = os.path.lexists(path / name)
        path /= name if is_there else _alike(name, [one.name for one in path.iterdir()])
    if not path.resolve(strict=True).is_relative_to(folder.resolve(strict=True)):
        raise OSError(ELOOP, os.strerror(ELOOP))
    return path


def _checked(descriptor: int) -> int:
    """A descriptor of what still is a regular file."""
    try:
        _check_regular(os.fstat(descriptor))
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _check_regular(found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise OSError(EISDIR, "not a regular file")


def _refusal() -> FetchError:
    return FetchError(
        NOT_READ,
        state="This step only read; nothing was changed.",
        next_step="Pass the path of a picture inside a folder allowed with --file-folders, not "
        "through links.",
        reason=Reason.NOT_FETCHED,
    )
