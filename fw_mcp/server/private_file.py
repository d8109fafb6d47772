"""A file of the operator's that decides who may do what: read whole, and closed to others."""

import logging
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

from fw_mcp.errors import ConfigError, Reason
from fw_mcp.text import quoted

T = TypeVar("T")

_log = logging.getLogger(__name__)

_OTHERS = stat.S_IRWXO | stat.S_IWGRP
# A pipe that nobody writes to would never open; as text, Windows ends a file at Ctrl-Z.
_READ = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_MOST_BYTES = 4_000_000


def read_private(path: Path, kind: str) -> str:
    """The text of a file that others can neither read nor write.

    Args:
        path: the file.
        kind: what it is called: `tokens`, `accounts`.

    Raises:
        ConfigError: it cannot be read, or others can read it.
    """
    try:
        text, mode = read_text(path, _MOST_BYTES)
    except (OSError, ValueError) as unread:
        raise unusable(
            path,
            kind,
            "cannot be read as text",
            f"Name a text file of at most {_MOST_BYTES:,} bytes that this user can read.",
        ) from unread
    if os.name == "posix" and mode & _OTHERS:
        raise unusable(
            path,
            kind,
            "can be read by other users of this machine, or written by its group",
            "Close it to them with chmod 600.",
            Reason.UNSAFE_SETTING,
        )
    return text


def read_text(path: Path, most_bytes: int) -> tuple[str, int]:
    """The text of a file and its mode; of what is no file, nothing is waited for.

    Args:
        path: the file.
        most_bytes: a longer one is not read to its end.

    Raises:
        OSError: it cannot be opened or read.
        ValueError: it is no regular file, too long, or not UTF-8.
    """
    descriptor = os.open(path, _READ)
    try:
        mode = os.fstat(descriptor).st_mode
        if not stat.S_ISREG(mode):
            raise ValueError("no regular file")
        with open(descriptor, "rb", closefd=False) as file:
            content = file.read(most_bytes + 1)
    finally:
        os.close(descriptor)
    if len(content) > most_bytes:
        raise ValueError("too long")
    # Some editors begin a text with a mark.
    return content.decode("utf-8-sig"), mode


def unusable(
    path: Path, kind: str, why: str, next_step: str, reason: Reason = Reason.INVALID_SETTING
) -> ConfigError:
    """What is told of a file that cannot be used."""
    return ConfigError(
        f"The {kind} file {quoted(str(path), 200)} {why}.",
        state="Nothing was started.",
        next_step=next_step,
        reason=reason,
    )


def state_of(path: Path) -> tuple[int, ...]:
    """What differs once the file is another; nothing where there is none."""
    try:
        state = os.stat(path)  # noqa: PTH116  on the way of each request
    except (OSError, ValueError):
        return ()
    return state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns


def may_pass(fault: BaseException | None) -> bool:
    """Whether the machine may be able to read it in a moment, with the file as it is."""
    while fault is not None and not isinstance(fault, OSError):
        fault = fault.__cause__
    return fault is not None


class Watched(Generic[T]):
    """What a file says, which may change while it is in use.

    Args:
        path: the file.
        read: reads it.
        still: what the log says of what was read before.

    Attributes:
        found: as last read.

    Raises:
        ConfigError: it cannot be used; once it could, a later fault leaves what there was.
    """

    def __init__(self, path: Path, read: Callable[[Path], T], still: str) -> None:
        self._path = path
        self._read = read
        self._still = still
        self._is_due = False
        self._seen = state_of(path)
        self.found = read(path)

    def now(self) -> T:
        """What it says now."""
        state = state_of(self._path)
        if state != self._seen or self._is_due:
            self._read_again(is_other=state != self._seen)
            self._seen = state
        return self.found

    def _read_again(self, *, is_other: bool) -> None:
        try:
            self.found = self._read(self._path)
        except ConfigError as fault:
            self._is_due = may_pass(fault)
            if is_other:
                _log.warning("%s %s", fault.what, self._still)
        else:
            self._is_due = False
            _log.info("read %s again", quoted(str(self._path), 200))
