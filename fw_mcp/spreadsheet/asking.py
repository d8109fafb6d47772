"""A question to the person at the terminal; nobody else may answer it."""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager


def typed_yes(question: str) -> bool:
    """Print `question`; whether somebody typed yes. Without a terminal the answer is no."""
    print(question)
    if not sys.stdin.isatty():
        print("The answer is no, since nobody is at a terminal to give one.")
        return False
    with _interruptible():
        try:
            return input("Do this? Type yes: ").strip().lower() == "yes"
        except EOFError:
            return False


@contextmanager
def _interruptible() -> Iterator[None]:
    """While it lasts, Ctrl-C ends the process; the event loop would only note it."""
    former = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, former)
