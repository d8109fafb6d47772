"""Where the sandbox keeps its tables: in memory, or in a file it made itself."""

import sqlite3
import weakref
from collections.abc import Callable
from pathlib import Path

from fw_mcp.errors import ConfigError, Reason
from fw_mcp.sandbox.images import SCHEMA, Images

_APPLICATION_ID = 0x46575342
_MAGIC = b"SQLite format 3\0"
_APPLICATION_ID_BYTES = slice(68, 72)


def check_file(path: Path) -> None:
    """Refuse a file that the sandbox cannot use, before anything is opened.

    Raises:
        ConfigError: its folder is missing, or it holds something that is not a sandbox.
    """
    if not path.parent.is_dir() or path.is_dir():
        raise _unusable("is not in an existing folder")
    if not path.exists():
        return
    with path.open("rb") as file:
        head = file.read(_APPLICATION_ID_BYTES.stop)
    ours = head.startswith(_MAGIC) and head[_APPLICATION_ID_BYTES] == _APPLICATION_ID.to_bytes(4)
    if head and not ours:
        raise _unusable("holds something else")


def open_images(path: Path | None, *, furnish: Callable[[Images], None]) -> Images:
    """Open the tables, making them first when they are not there.

    The connection closes when the result is no longer used: an application in process has no
    lifespan that could close it. Each write is on disk when it returns.

    Args:
        path: the file, or None for memory.
        furnish: fills tables that never held an image.
    """
    connection = sqlite3.connect(path or ":memory:", check_same_thread=False)
    images = Images(connection)
    weakref.finalize(images, connection.close)
    connection.execute("PRAGMA foreign_keys = ON")
    connection.executescript(f"BEGIN; {SCHEMA} PRAGMA application_id = {_APPLICATION_ID}; COMMIT")
    if images.never_held_any():
        furnish(images)
    return images


def _unusable(why: str) -> ConfigError:
    return ConfigError(
        f"The sandbox file {why}.",
        state="Nothing was opened or changed.",
        next_step="Name a new file, or one that a sandbox made.",
        reason=Reason.INVALID_SETTING,
    )
