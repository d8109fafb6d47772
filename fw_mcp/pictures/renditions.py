"""Preview and thumbnail of a print master, made in a process of its own."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Renditions:
    """What stands for a print master on a screen: JPEG, upright, sRGB, without metadata."""

    preview: bytes
    thumbnail: bytes
