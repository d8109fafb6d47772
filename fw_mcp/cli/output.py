"""Where a command writes, what it asks at the terminal, and what it logs to stderr."""

import io
import logging
import os
import re
import signal
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from fw_mcp.errors import ConfigError, Reason
from fw_mcp.text import quoted

_MASK = "***"
_CHATTY = ("httpx", "httpcore")


class MaskingFormatter(logging.Formatter):
    """Formats a record, traceback included, and then masks the secrets in it.

    Args:
        secrets: the texts to mask, in any letter case.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s")
        # Longest first, so that nothing is left of one that begins with another.
        longest_first = sorted(filter(None, secrets), key=len, reverse=True)
        # With nothing to mask it matches nothing.
        self._secret = re.compile("|".join(map(re.escape, longest_first)) or "$^", re.IGNORECASE)

    def format(self, record: logging.LogRecord) -> str:
        """The record as one text without secrets."""
        return self._secret.sub(_MASK, super().format(record))


def log_to_stderr(level: str, secrets: Iterable[str], stream: TextIO | None = None) -> None:
    """Send every log record to stderr, masked. Call it before the SDK sets up its own.

    Args:
        level: `debug`, `info`, `warning` or `error`.
        secrets: what to mask.
        stream: instead of stderr.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(MaskingFormatter(secrets))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for name in _CHATTY:
        # They write a line a request, with its URL.
        logging.getLogger(name).setLevel(logging.WARNING)


def typed_yes(question: str) -> bool:
    """Print `question`; whether somebody typed yes. Without a terminal the answer is no."""
    print(question)
    if not sys.stdin.isatty():
        print("The answer is no, since nobody is at a terminal to give one.")
        return False
    with interruptible():
        try:
            return input("Do this? Type yes: ").strip().lower() == "yes"
        except EOFError:
            return False


# Windows would translate line ends once more below Python's own translation.
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
_ENDING = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
]


@contextmanager
def new_file(
    path: Path, *, encoding: str = "utf-8", newline: str | None = None
) -> Iterator[TextIO]:
    """A file that did not exist before, readable by its owner; removed again when it fails.

    A signal that ends the process is such a failure too.

    Args:
        path: where.
        encoding: of the text.
        newline: as for `open`.

    Raises:
        ConfigError: the file exists, cannot be made, or cannot be written to its end.
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
        with interruptible(), os.fdopen(descriptor, "w", encoding=encoding, newline=newline) as out:
            yield out
    except BaseException as fault:
        # Half an export looks like a whole one.
        path.unlink(missing_ok=True)
        if isinstance(fault, OSError):
            raise _full(f"The file {quoted(str(path), 200)}") from fault
        raise


@contextmanager
def interruptible() -> Iterator[None]:
    """While it lasts, each signal that asks the process to end raises `KeyboardInterrupt`.

    Otherwise some end it on the spot, and an event loop that is busy would only note them.
    """
    former = {number: signal.getsignal(number) for number in _ENDING}
    try:
        for number, handler in former.items():
            # A process that was told to ignore one (nohup) goes on ignoring it.
            if handler is not signal.SIG_IGN:
                signal.signal(number, signal.default_int_handler)
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


@contextmanager
def told_to_a_person() -> Iterator[None]:
    """While stdout is written for a person: letters that its encoding lacks are escaped.

    That nobody reads on is no error.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    with until_the_reader_has_enough():
        yield
        sys.stdout.flush()


@contextmanager
def until_the_reader_has_enough() -> Iterator[None]:
    """While stdout is written: that nobody reads on is no error.

    Raises:
        ConfigError: it cannot be written to its end.
    """
    try:
        yield
    except OSError as fault:
        # Closing stdout must not fail over it again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(fault, BrokenPipeError):
            raise _full("The output") from fault


def _full(what: str) -> ConfigError:
    return ConfigError(
        f"{what} cannot be written to its end.",
        state="What was written of it is not whole.",
        next_step="Make room, or name another place.",
        reason=Reason.INVALID_ARGUMENTS,
    )
