"""What is asked of the process that makes renditions, and why it may have made none."""

from dataclasses import dataclass
from types import MappingProxyType

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
    """

    format: str
    stored: Size
    orientation: int
    preview: Size
    thumbnail: Size


class Refused(Exception):  # noqa: N818  an answer like any other
    """There are no renditions; the argument says why."""
