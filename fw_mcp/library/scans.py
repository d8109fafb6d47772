"""Walks that were made lately. Started with the server, so it brings in nothing."""

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fw_mcp.library.matching import Asked, Matches

KEPT_S = 600.0
_MOST_KEPT = 4


class Scans:
    """The last few walks, until ten minutes after their last use: one walk serves many pages.

    They outlive what is written meanwhile: who retitles page by page would otherwise skip images.
    """

    def __init__(self) -> None:
        self._kept: dict[object, tuple[float, Matches]] = {}

    def keep(self, asked: "Asked", matches: "Matches", now_s: float) -> None:
        """Keep a walk; `now_s` is on the library's clock, as for `recall`."""
        self._kept.pop(_name(asked), None)
        self._kept[_name(asked)] = (now_s, matches)
        while len(self._kept) > _MOST_KEPT:
            del self._kept[next(iter(self._kept))]

    def recall(self, asked: "Asked", now_s: float) -> "Matches | None":
        """The walk that was made for the same question, whichever page of it is asked for."""
        used_at, matches = self._kept.get(_name(asked), (now_s - KEPT_S, None))
        return matches if now_s - used_at < KEPT_S else None


def _name(asked: "Asked") -> object:
    return replace(asked.query, page_number=1, per_page=1), asked.question
