"""How far uploads are: a bar on a terminal, now and then a line elsewhere."""

import shutil
import sys
import time
from collections import deque
from collections.abc import Callable
from typing import TextIO

from fw_mcp.cli.output import tell
from fw_mcp.text import megabytes
from fw_mcp.writes.upload_jobs import HowFar

_WIDTH = 24
_LINE_EVERY_S = 5.0
# Of so many seconds the rate is told.
_OVER_S = 10.0
_MINUTE, _HOUR = 60, 3600


class Bar:
    """Tells how far the uploads of several calls are, as one.

    Args:
        stream: where to; a terminal gets a bar.
        clock: seconds, monotonic.
    """

    def __init__(
        self, stream: TextIO | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._all = HowFar(0, 0, 0, 0)
        self._before = HowFar(0, 0, 0, 0)
        self._stream = stream or sys.stderr
        self._draws = bool(self._stream and self._stream.isatty())
        self._clock = clock
        self._seen: deque[tuple[float, int]] = deque()
        self._said = ""
        self._said_at = clock() - _LINE_EVERY_S
        self._same = ""

    def expect(self, files: int, size: int) -> None:
        """Know how many files all calls have, and how many bytes these are."""
        self._all = HowFar(0, files, 0, size)

    def call_ended(self, files: int, size: int) -> None:
        """Count the files of a call as done, however they ended."""
        before = self._before
        self._before = HowFar(before.files_done + files, 0, before.bytes_done + size, 0)
        # What the next call finds done at its start was not sent in no time.
        self._seen.clear()

    def tell(self, far: HowFar) -> None:
        """Tell how far the call is that is made now."""
        self._same = str(far)
        whole = HowFar(
            self._before.files_done + far.files_done,
            self._all.files,
            self._before.bytes_done + far.bytes_done,
            self._all.bytes,
        )
        now = self._clock()
        self._seen.append((now, whole.bytes_done))
        while len(self._seen) > 2 and self._seen[1][0] < now - _OVER_S:  # noqa: PLR2004  the ends
            self._seen.popleft()
        if self._draws:
            self._draw(self._bar(whole))
        elif now - self._said_at >= _LINE_EVERY_S or whole.files_done == whole.files:
            self._say(str(whole), now)

    async def progress(
        self, progress: float, total: float | None = None, message: str | None = None
    ) -> None:
        """Tell what is no upload."""
        if message != self._same:
            self.clear()
            self._say(message or f"{progress:g} of {total or 0:g}", self._clock())

    def clear(self) -> None:
        """Make room for a line of its own."""
        if self._draws:
            self._draw("")

    def _say(self, text: str, now: float) -> None:
        if text != self._said:
            self._said, self._said_at = text, now
            tell(f"... {text}")

    def _draw(self, text: str) -> None:
        # Over what was there, with spaces: not every console of Windows knows escapes.
        width = shutil.get_terminal_size().columns - 1
        try:
            self._stream.write(f"\r{text[:width]:<{width}}\r")
            self._stream.flush()
        except OSError:
            self._draws = False

    def _bar(self, far: HowFar) -> str:
        share = far.bytes_done / far.bytes if far.bytes else 1.0
        full = int(_WIDTH * share)
        (began, first), (now, last) = self._seen[0], self._seen[-1]
        rate = (last - first) / (now - began) if now > began else 0.0
        left = _spoken((far.bytes - far.bytes_done) / rate) if rate > 0 else ""
        parts = [
            f"[{'#' * full}{'.' * (_WIDTH - full)}]",
            str(far),
            f"{megabytes(int(rate))}/s" if rate > 0 else "",
            f"{left} left" if left and far.bytes_done < far.bytes else "",
        ]
        return "  ".join(filter(None, parts))


def _spoken(seconds: float) -> str:
    """`4:07`, or `1:04:07`."""
    whole = round(seconds)
    hours, minutes, rest = whole // _HOUR, whole % _HOUR // _MINUTE, whole % _MINUTE
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
