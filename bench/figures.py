"""One measurement beside its target, and how often things are done."""

import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One measurement beside its target.

    Attributes:
        name: what was measured.
        value: in `unit`.
        unit: ``ratio`` or ``bytes``.
        target: the most it may be; None when it is only reported.
        detail: the figures behind it.
    """

    name: str
    value: float
    unit: str
    target: float | None
    detail: str

    @property
    def met(self) -> bool:
        """Whether the target is met."""
        return self.target is None or self.value <= self.target


@dataclass(frozen=True)
class Effort:
    """How often each thing is done.

    Attributes:
        starts: times that each server is started.
        calls: times that each server is called.
    """

    starts: int
    calls: int


def median_ms(seconds: Sequence[float] | Iterator[float]) -> float:
    """Give the median in milliseconds."""
    return statistics.median(seconds) * 1000


def ratio(name: str, value: float, parts: list[float], target: float | None, unit: str) -> Figure:
    """Set a value beside the sum of `parts`."""
    shown = " + ".join(f"{part:.2f}" for part in parts)
    return Figure(name, value / sum(parts), "ratio", target, f"{value:.2f} {unit} / {shown} {unit}")
