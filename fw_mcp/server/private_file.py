"""A file of the operator's that decides who may do what: read whole, and closed to others."""

import os
import stat
from pathlib import Path

from fw_mcp.errors import ConfigError, Reason
from fw_mcp.text import quoted

_OTHERS = stat.S_IRWXO | stat.S_IWGRP


def read_private(path: Path, kind: str) -> str:
    """The text of a file that others can neither read nor write.

    Args:
        path: the file.
        kind: what it is called: `tokens`, `accounts`.

    Raises:
        ConfigError: it cannot be read, or others can read it.
    """
    try:
        with path.open(encoding="utf-8") as file:
            mode = os.fstat(file.fileno()).st_mode
            text = file.read()
    except (OSError, ValueError) as unread:
        raise unusable(
            path, kind, "cannot be read as text", "Name a text file that this user can read."
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
    except OSError:
        return ()
    return state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns
