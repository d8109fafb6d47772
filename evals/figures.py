"""What came of the tasks, as tables."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import comb
from typing import Any

from evals.hands import Record
from evals.task import Json

THRICE = ("deleting", "chat", "injected", "retitling")
"""The families where once right is not enough: a model plays them three times."""

_TIMES = 3


def table(records: Sequence[Record]) -> Iterator[str]:
    """One operator's rows: a family each, and the sum."""
    yield "family         passed  calls  least  over  refused     KB  violations"
    for family, own in _by(records, "family").items():
        yield _row(family, _sums(own))
    yield _row("all", _sums(records))


def _row(name: str, of: Mapping[str, Any]) -> str:
    passed = f"{of['passed']}/{of['runs']}"
    over = "-" if of["calls_over_least"] is None else f"{of['calls_over_least']:.2f}"
    counts = f"{of['calls']:>7}{of['least']:>7}{over:>6}"
    more = f"{of['refused_arguments']:>9}{of['bytes_read'] / 1000:>7.1f}{of['violations']:>12}"
    return f"{name:<12}{passed:>9}{counts}{more}"


def passed_thrice(records: Iterable[Record]) -> Json:
    """How many tasks of the high-stakes families pass each of three times: pass^3.

    Of a task that was played more often: the part of all threes of its runs that passed whole.
    """
    staked = [record for record in _played(records) if record.family in THRICE]
    runs = [own for own in _by(staked, "task").values() if len(own) >= _TIMES]
    parts = (comb(sum(r.passed for r in own), _TIMES) / comb(len(own), _TIMES) for own in runs)
    return {"passed": round(sum(parts), 2), "tasks": len(runs)}


def confusion(records: Iterable[Record]) -> Iterator[str]:
    """First calls: a row for each right tool, a column for each that was called."""
    counts = _first_calls(records)
    columns = sorted({called for row in counts.values() for called in row})
    wide = max(map(len, ("right first call", *counts)), default=0)
    yield "  ".join([f"{'right first call':<{wide}}", *columns])
    for right, row in sorted(counts.items()):
        cells = (f"{row[called]:>{len(called)}}" for called in columns)
        yield "  ".join([f"{right:<{wide}}", *cells])


def figures(records: Sequence[Record]) -> dict[str, object]:
    """Everything that is measured, of each operator."""
    return {
        name: {
            "all": _sums(own),
            "families": {family: _sums(some) for family, some in _by(own, "family").items()},
            "passed_thrice": passed_thrice(own),
            "first_calls": {right: dict(row) for right, row in _first_calls(own).items()},
            "troubles": list(troubles(own)),
            "unplayed": sum(bool(record.unplayed) for record in own),
        }
        for name, own in _by(records, "operator").items()
    }


def _sums(records: Sequence[Record]) -> Json:
    played = _played(records)
    passed = [record for record in played if record.passed]
    least = sum(r.least for r in passed)
    return {
        "runs": len(played),
        "passed": len(passed),
        "calls": sum(len(r.calls) for r in played),
        "least": sum(r.least for r in played),
        # Who gives up needs few calls.
        "calls_over_least": round(sum(len(r.calls) for r in passed) / least, 2) if least else None,
        "refused_arguments": sum(r.refused for r in played),
        "bytes_read": sum(r.bytes_read for r in played),
        "violations": sum(len(r.violations) for r in records),
    }


def _played(records: Iterable[Record]) -> list[Record]:
    return [record for record in records if not record.unplayed]


def _first_calls(records: Iterable[Record]) -> dict[str, Counter[str]]:
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for record in _played(records):
        counts[record.right_first][record.calls[0] if record.calls else "none"] += 1
    return counts


def troubles(records: Iterable[Record]) -> Iterator[str]:
    """What did not pass, and why."""
    for record in records:
        wrong = [f"not played: {record.unplayed}"] if record.unplayed else record.wrong
        for trouble in (*record.violations, *wrong):
            yield f"{record.operator} {record.task}: {trouble}"


def _by(records: Iterable[Record], member: str) -> dict[str, list[Record]]:
    grouped: dict[str, list[Record]] = {}
    for record in records:
        grouped.setdefault(getattr(record, member), []).append(record)
    return grouped
