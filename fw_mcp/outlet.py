"""Where a command writes an export: a new file of its user alone, or stdout."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from fw_mcp.errors import ConfigError, Reason, quoted

# Windows would translate line ends once more below Python's own translation.
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)


@contextmanager
def new_file(
    path: Path, *, encoding: str = "utf-8", newline: str | None = None
) -> Iterator[TextIO]:
    """A file that did not exist before, readable by its owner; removed again when it fails.

    Args:
        path: where.
        encoding: of the text.
        newline: as for `open`.

    Raises:
        ConfigError: the file exists, or cannot be made.
    """
    try:
        descriptor = os.open(path, _NEW, 0o600)
    except OSError as fault:
        why = "exists already" if isinstance(fault, FileExistsError) else "cannot be made"
        raise ConfigError(
            f"The file {quoted(str(path), 200)} {why}.",
            state="Nothing was written.",
            next_step="Name a new file in a folder that can be written to.",
            reason=Reason.INVALID_ARGUMENTS,
        ) from fault
    try:
        with os.fdopen(descriptor, "w", encoding=encoding, newline=newline) as out:
            yield out
    except BaseException:
        # Half an export looks like a whole one.
        path.unlink(missing_ok=True)
        raise


@contextmanager
def until_the_reader_has_enough() -> Iterator[None]:
    """While stdout is written: that nobody reads on is no error."""
    try:
        yield
    except BrokenPipeError:
        # Closing stdout must not fail over it again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
