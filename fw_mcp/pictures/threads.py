"""Work that may hang: a name that nobody answers for, a disk that has gone away."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


async def unwaited(work: Callable[[], T]) -> T:
    """What `work` gives, from a thread that nothing waits for, not even the end of the process.

    A caller that is cancelled goes on at once and leaves the thread to itself.

    Args:
        work: blocks; what it raises is raised here.
    """
    future: Future[T] = Future()
    # From now on it cannot be cancelled: an answer that comes too late goes nowhere.
    future.set_running_or_notify_cancel()
    threading.Thread(target=_settle, args=(future, work), name="unwaited", daemon=True).start()
    return await asyncio.wrap_future(future)


def _settle(future: "Future[T]", work: Callable[[], T]) -> None:
    try:
        future.set_result(work())
    except BaseException as error:  # noqa: BLE001  raised where it is waited for
        future.set_exception(error)
