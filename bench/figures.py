"""One measurement beside its target, how often things are done, and how figures are told."""

import argparse
import json
import os
import statistics
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass

SMALL = 0.01
FEW = 10


@dataclass(frozen=True)
class Figure:
    """One measurement beside its target.

    Attributes:
        name: what was measured.
        value: in `unit`.
        unit: ``ratio`` or ``bytes``.
        target: the most it may be; None when it is only reported.
        detail: the figures behind it.
        at_least: the target is the least it may be.
    """

    name: str
    value: float
    unit: str
    target: float | None
    detail: str
    at_least: bool = False

    @property
    def met(self) -> bool:
        """Whether the target is met."""
        if self.target is None:
            return True
        return self.value >= self.target if self.at_least else self.value <= self.target


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


Measure = Callable[[Effort], Iterator[Figure]]


def report(measures: Sequence[Measure], about: str | None, quick: Effort, whole: Effort) -> int:
    """Measure as the command line says, print each figure, and tell whether all targets are met.

    Args:
        measures: what gives the figures.
        about: what ``--help`` says of the program.
        quick: the effort with ``--quick``.
        whole: the effort without.
    """
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--quick", action="store_true", help="few repetitions, rough figures")
    options = parser.parse_args()
    # Settings of whoever measures would be those of every server that is started.
    for name in [one for one in os.environ if one.startswith(("FW_MCP_", "FINERWORKS_"))]:
        del os.environ[name]
    write = as_json if options.json else as_row
    all_met = True
    for measure in measures:
        for figure in measure(quick if options.quick else whole):
            print(write(figure), flush=True)
            all_met = all_met and figure.met
    return 0 if all_met else 1


def as_json(figure: Figure) -> str:
    """Write a figure as one line of JSON."""
    return json.dumps({**asdict(figure), "met": figure.met})


def as_row(figure: Figure) -> str:
    """Write a figure as a row for a person."""
    digits = 2 if figure.value >= SMALL else 4
    value = f"{figure.value:.{digits}f}"
    if figure.unit != "ratio":
        digits = 2 if 0 < figure.value < FEW else 0
        value = f"{figure.value:,.{digits}f} {figure.unit}"
    target = verdict = ""
    if figure.target is not None:
        target = f"{'>=' if figure.at_least else '<='} {figure.target:,}"
        verdict = "holds" if figure.met else "missed"
    return f"{figure.name:<46}{value:>14}  {target:<10}{verdict:<8}{figure.detail}".rstrip()
