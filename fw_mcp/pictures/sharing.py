"""What the pictures of all accounts of one process have together: memory, processes, fetches."""

import time
from collections.abc import Callable

from fw_mcp.pictures.fetch.fetcher import FETCHES_AT_ONCE
from fw_mcp.pictures.previews import Kept
from fw_mcp.pictures.turns import Turns
from fw_mcp.pictures.worker.pool import CHILDREN_AT_ONCE

# Each may hold a dozen of the largest files.
_VIEWS_AT_ONCE = 3


class Shared:
    """The limits of one process, however many accounts it serves.

    Args:
        clock: seconds, monotonic.

    Attributes:
        fetches: turns to fetch a file.
        children: turns to start a process that decodes pictures.
        views: turns to hold the pictures of a call.
        kept: the files fetched last.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.fetches = Turns(FETCHES_AT_ONCE)
        self.children = Turns(CHILDREN_AT_ONCE)
        self.views = Turns(_VIEWS_AT_ONCE)
        self.kept = Kept(clock)
