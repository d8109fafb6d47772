"""What a command writes and asks: its log, its output, a new file, a question at the terminal.

Nothing here knows what is written or asked.
"""

import io
import json
import logging
import os
import re
import select
import signal
import sys
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, TextIO

from fw_mcp.errors import ConfigError, Reason
from fw_mcp.text import quoted

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_log = logging.getLogger(__name__)

# In place of a file's name.
STDOUT = "-"

_MASK = "***"
# A pipe that is ready takes so much without a wait.
_TAKEN_AT_ONCE = 512
_PATIENCE_S = 0.1
_CHATTY = ("httpx", "httpcore")
# Windows would translate line ends once more below Python's own translation.
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
_ENDING = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
]


class MaskingFormatter(logging.Formatter):
    """Has a record formatted, traceback included, and then masks the secrets in it.

    Args:
        secrets: the texts to mask, in any letter case.
        inner: what formats.
    """

    def __init__(self, secrets: Iterable[str], inner: logging.Formatter | None = None) -> None:
        super().__init__()
        self._inner = inner or logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s")
        self._spelt: set[str] = set()
        self.mask(secrets)

    def mask(self, secrets: Iterable[str]) -> None:
        """Mask these too, from now on."""
        self._spelt |= {way for text in secrets for way in (text, json.dumps(text)[1:-1])}
        # Longest first, so that nothing is left of one that begins with another.
        longest_first = sorted(filter(None, self._spelt), key=len, reverse=True)
        self._secret = re.compile("|".join(map(re.escape, longest_first)), re.IGNORECASE)
        self._folded = [one.casefold() for one in longest_first]

    def format(self, record: logging.LogRecord) -> str:
        """The record as one text without secrets."""
        return self.masked(self._inner.format(record))

    def masked(self, text: str) -> str:
        """The text without secrets."""
        folded = text.casefold()
        # Of thousands, each by itself is looked for faster than all of them.
        if any(one in folded for one in self._folded):
            return self._secret.sub(_MASK, text)
        return text


class _Handler(logging.StreamHandler[TextIO]):
    """Writes records to a stream for as long as that takes any."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  logging's own name
        """Give up a stream that is full or closed at its other end."""
        if isinstance(sys.exc_info()[1], OSError):
            _give_up(self.stream)
        else:
            super().handleError(record)


def log_to_stderr(
    level: str,
    secrets: Iterable[str],
    stream: TextIO | None = None,
    *,
    as_json: bool = False,
    always: Iterable[str] = (),
) -> None:
    """Send every log record to stderr, masked. Call it before the SDK sets up its own.

    Args:
        level: `debug`, `info`, `warning` or `error`.
        secrets: what to mask.
        stream: instead of stderr.
        as_json: a JSON object a line.
        always: the loggers that are heard at level info, whatever `level` is.
    """
    handler = _Handler(stream or sys.stderr)
    handler.setFormatter(MaskingFormatter(secrets, _json() if as_json else None))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    for name in _CHATTY:
        # They write a line a request, with its URL.
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in always:
        logging.getLogger(name).setLevel(logging.INFO)


def mask_in_log(secrets: Iterable[str]) -> None:
    """Mask these in the log too, from now on."""
    kept = list(secrets)
    for handler in logging.getLogger().handlers:
        if isinstance(handler.formatter, MaskingFormatter):
            handler.formatter.mask(kept)


def _json() -> logging.Formatter:
    from fw_mcp.cli.json_log import JsonFormatter  # noqa: PLC0415  most logs are for a person

    return JsonFormatter()


def tell_the_unforeseen(
    kind: type[BaseException], fault: BaseException, trace: TracebackType | None
) -> None:
    """Stand in for `sys.excepthook`: one line through the log, which masks what it shows.

    A traceback tells a person nothing, and its last line may hold a key.
    """
    if not issubclass(kind, Exception):
        return
    places = [f"{Path(one.filename).name}:{one.lineno}" for one in traceback.extract_tb(trace)]
    _log.critical(
        "It failed unexpectedly, with %s at %s: %s. fw-mcp changes lists what was "
        "changed before that. Report this line; --log-level debug shows more. (reason: %s)",
        kind.__name__,
        places[-1] if places else "its start",
        quoted(str(fault), 200),
        Reason.UNEXPECTED,
    )
    _log.debug("what led to it", exc_info=(kind, fault, trace))


class _NeverWaits(io.RawIOBase):
    """What is given what it takes, and else nothing: a pipe that nobody reads, a disk without room.

    Args:
        fd: its descriptor.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._patience_s = _PATIENCE_S

    def writable(self) -> bool:
        """It is."""
        return True

    def fileno(self) -> int:
        """The descriptor."""
        return self._fd

    def write(self, data: "ReadableBuffer", /) -> int:
        """Write what is taken in time; the rest is lost, as is what nobody holds any more."""
        left = bytes(data)
        with suppress(OSError):
            while left and self._takes_some():
                left = left[os.write(self._fd, left[:_TAKEN_AT_ONCE]) :]
        return len(bytes(data))

    def _takes_some(self) -> bool:
        takes = bool(select.select([], [self._fd], [], self._patience_s)[1])
        # Waited for once, not for each line that nobody reads.
        self._patience_s = _PATIENCE_S if takes else 0.0
        return takes


def never_wait_for_stderr() -> None:
    """Write to stderr only what is taken: a host may never read it, and work shows more."""
    given = sys.stderr
    if os.name != "posix" or not isinstance(given, io.TextIOWrapper) or given.isatty():
        return
    sys.stderr = io.TextIOWrapper(
        io.BufferedWriter(_NeverWaits(given.fileno())),
        encoding=given.encoding,
        errors=given.errors,
        line_buffering=True,
    )


@contextmanager
def told_to_a_person() -> Iterator[None]:
    """While stdout is written: letters that its encoding lacks are escaped, and all is flushed.

    That nobody reads on ends what is done in it, and is no error; nor is a stderr that takes
    nothing.

    Raises:
        ConfigError: stdout cannot be written to its end.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        try:
            yield
        finally:
            _flush()
    except (OSError, BaseExceptionGroup) as raised:
        fault = _alone(raised)
        nobody_reads = isinstance(fault, BrokenPipeError)
        if not isinstance(fault, OSError) or (not nobody_reads and _takes_more()):
            raise
        _give_up(sys.stdout)
        if not nobody_reads:
            raise _full("The output", "The file is incomplete.") from fault


def tell(text: str) -> None:
    """A line on stderr. That nobody can read it, or that there is none, is no error."""
    if sys.stderr is None:
        return
    try:
        print(text, file=sys.stderr, flush=True)
    except OSError:
        _give_up(sys.stderr)


def _alone(raised: BaseException) -> BaseException:
    """What was raised, without the groups around it where it is alone in them."""
    while isinstance(raised, BaseExceptionGroup) and len(raised.exceptions) == 1:
        raised = raised.exceptions[0]
    return raised


def _give_up(stream: TextIO) -> None:
    """Closing a stream that takes nothing must not fail over it again."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _flush() -> None:
    # Without a stdout, as under pythonw, it does nothing.
    print(end="", flush=True)


def _takes_more() -> bool:
    try:
        _flush()
    except OSError:
        return False
    return True


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
            named = f"The file {quoted(str(path), 200)}"
            raise _full(named, "It was removed again.") from fault
        raise


def _full(what: str, state: str) -> ConfigError:
    return ConfigError(
        f"{what} could not be written completely.",
        state=state,
        next_step="Free some space, or name another place.",
        reason=Reason.INVALID_ARGUMENTS,
    )


def typed_yes(question: str) -> bool:
    """Print `question`; whether somebody typed yes. Without a terminal the answer is no."""
    print(question)
    if not sys.stdin.isatty():
        print("Answered no: no terminal is attached.")
        return False
    return answered_yes("Do this?")


def answered_yes(question: str) -> bool:
    """Whether somebody at the terminal answers a short question with yes, spelled out."""
    with interruptible():
        try:
            return input(f"{question} Type yes: ").strip().lower() == "yes"
        except EOFError:
            return False


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
