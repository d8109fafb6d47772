"""One file on its way, and how far the files of a call are."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from math import inf

import anyio

from fw_mcp.errors import FwError
from fw_mcp.images.account import Progress
from fw_mcp.store.uploads import Upload
from fw_mcp.text import counted, megabytes
from fw_mcp.writes.print_master import FileToAdd


@dataclass(frozen=True, slots=True)
class HowFar:
    """How far the uploads of a call are; what needs no work counts as done."""

    files_done: int
    files: int
    bytes_done: int
    bytes: int

    def __str__(self) -> str:
        done = megabytes(self.bytes_done).removesuffix(" MB")
        files = counted(self.files, "file")
        return f"{self.files_done} of {files}, {done} of {megabytes(self.bytes)}"


@dataclass(eq=False)
class UploadJob:
    """One file on its way.

    Attributes:
        sent: bytes of it that are there.
        wanted: calls that wait for it.
        goes_on: whether a call answered without it.
        ended: what came of it; None while it is under way.
        crash: what nobody foresaw.
        ended_at: seconds since the epoch; of one that is under way, never.
    """

    file: FileToAdd
    change_id: str
    sent: int = 0
    wanted: int = 0
    goes_on: bool = False
    ended: Upload | FwError | None = None
    crash: Exception | None = None
    ended_at: float = inf
    scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)
    done: anyio.Event = field(default_factory=anyio.Event)

    def tell(self, sent: int) -> None:
        """Know how many bytes are sent; from any thread."""
        self.sent = sent


class Told:
    """How far the files of a call are, for whoever waits for it.

    Args:
        files: all of the call.
        tell: told in files and bytes.
        watched: told the same.
    """

    def __init__(
        self, files: Iterable[FileToAdd], tell: Progress, watched: Callable[[HowFar], None]
    ) -> None:
        self._sizes = [one.file_size for one in files]
        self._tell = tell
        self._watched = watched

    async def so_far(self, jobs: Sequence[UploadJob]) -> None:
        """Tell it."""
        files, size = len(self._sizes), sum(self._sizes)
        left = [one for one in jobs if not one.done.is_set()]
        bytes_left = sum(one.file.file_size - one.sent for one in left)
        share = sum(one.sent / max(one.file.file_size, 1) for one in left)
        far = HowFar(files - len(left), files, size - bytes_left, size)
        self._watched(far)
        await self._tell(far.files_done + share, files, str(far))
