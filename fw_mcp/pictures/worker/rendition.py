"""What is asked of the process that makes renditions, and why it may have made none."""

from dataclasses import dataclass
from types import MappingProxyType

from fw_mcp.pictures.formats import Facts

THUMBNAIL_SIDE = 200
MOST_HELD = 145_000_000
"""Of 200 MiB what is left beside all the rest."""
ENVIRON = MappingProxyType({"VIPS_CONCURRENCY": "1", "MALLOC_ARENA_MAX": "1"})
"""Each thread would take memory of its own."""
UNREADABLE, TOO_LARGE = "unreadable", "too_large"

Size = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Task:
    """What is asked; sizes are pixels, width and height, before the picture is turned.

    Attributes:
        format: as its header says.
        stored: of the picture.
        orientation: EXIF's, 1 to 8.
        preview: of the preview.
        thumbnail: of the thumbnail.
        most_held: bytes that a decoder may hold.
    """

    format: str
    stored: Size
    orientation: int
    preview: Size
    thumbnail: Size
    most_held: float = MOST_HELD

    @classmethod
    def of(cls, facts: Facts, side: int) -> "Task":
        """The renditions of a picture, the preview at most `side` pixels wide and high."""
        preview = _within(facts.stored, side)
        thumbnail = _within(preview, THUMBNAIL_SIDE)
        return cls(facts.format, facts.stored, facts.exif_orientation, preview, thumbnail)


def _within(size: Size, side: int) -> Size:
    """At most `side` pixels on each side, in the same proportions, and never more than before."""
    scale = min(1, side / max(size))
    pix_w, pix_h = (max(1, round(one * scale)) for one in size)
    return pix_w, pix_h


class Refused(Exception):  # noqa: N818  an answer like any other
    """There are no renditions; the argument says why."""
