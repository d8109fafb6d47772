"""What the first SIGTERM or SIGINT does to work in flight, whoever runs it."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def stop_signals(stop: Callable[[], None]) -> Iterator[None]:
    """Call `stop` on the first SIGTERM or SIGINT; a second one ends the process at once.

    Args:
        stop: begins an orderly end; runs on the event loop.
    """
    if sys.platform == "win32":  # pragma: no cover
        yield  # its event loop has no signal handlers: Ctrl-C arrives as KeyboardInterrupt
        return
    loop = asyncio.get_running_loop()
    signals = (signal.SIGTERM, signal.SIGINT)

    def first() -> None:
        for number in signals:
            loop.add_signal_handler(number, os._exit, 128 + number)
        stop()

    for number in signals:
        loop.add_signal_handler(number, first)
    try:
        yield
    finally:
        for number in signals:
            loop.remove_signal_handler(number)
