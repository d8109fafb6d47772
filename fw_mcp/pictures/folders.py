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
from collections.abc import Iterator, Sequence
from errno import EISDIR, ELOOP
from pathlib import Path
from typing import BinaryIO
from unicodedata import normalize

from fw_mcp.errors import FetchError, Reason

NOT_READ = "The file was not read."

_BY_DESCRIPTOR = os.open in os.supports_dir_fd and os.stat in os.supports_dir_fd

_SPACES = re.compile("[\u00a0\u202f]")

_log = logging.getLogger("fw_mcp.pictures")


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
            path: absolute, or relative to one of the folders; `~` is a name like any other. A name
                that is not there may stand for the only one that looks the same.

        Raises:
            FetchError: there is no such file below a folder; the text is the same for every cause.
        """
        cause = "bad path"
        for folder, names in self._places(path):
            try:
                return os.fdopen(self._opened(folder, names), "rb")
            except OSError as unopened:
                cause = unopened.strerror or cause
            except ValueError:
                # A name with a null byte, or with half of a character.
                break
        _log.info("a file was not read: %s", cause)
        raise _refusal()

    def _places(self, path: str) -> Iterator[tuple[Path, tuple[str, ...]]]:
        """Each folder that `path` may be below, and the names on the way there."""
        given = Path(path)
        for folder in self._folders:
            if not given.anchor:
                below = given
            elif _is_below(given, folder):
                below = Path(*given.parts[len(folder.parts) :])
            else:
                continue
            if below.parts and ".." not in below.parts:
                yield folder, below.parts


def _is_below(given: Path, folder: Path) -> bool:
    above = given.parts[: len(folder.parts)]
    return list(map(_look, above)) == list(map(_look, folder.parts))


def _look(name: str) -> str:
    """The same for names that nobody can tell apart.

    A disk of Apple's takes letters apart, and its pictures of the screen have a narrow space in
    their names; whoever types a name composes letters and types plain spaces.
    """
    return normalize("NFC", _SPACES.sub(" ", name))


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


def _walked(folder: Path, names: Sequence[str]) -> int:
    """A descriptor of the file that the names lead to; no link is followed."""
    at = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for name in names[:-1]:
            flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
            below = os.open(_there(name, at), flags, dir_fd=at)
            os.close(at)
            at = below
        # Looked at first: to open a device may already do something.
        last = _there(names[-1], at)
        _check_regular(os.stat(last, dir_fd=at, follow_symlinks=False))
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        return _checked(os.open(last, flags, dir_fd=at))
    finally:
        os.close(at)


def _resolved(folder: Path, names: Sequence[str]) -> int:
    """The same where folders cannot be opened."""
    path = folder
    for name in names:
        is_there = os.path.lexists(path / name)
        path /= name if is_there else _alike(name, [one.name for one in path.iterdir()])
    if not path.resolve(strict=True).is_relative_to(folder.resolve(strict=True)):
        raise OSError(ELOOP, os.strerror(ELOOP))
    _check_regular(path.lstat())
    return _checked(os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0)))


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
