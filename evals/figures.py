"""What came of the tasks, as tables."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence

from evals.hands import Record

THRICE = ("deleting", "injected", "retitling")
"""The families where once right is not enough: a model plays them three times."""


def table(records: Sequence[Record]) -> Iterator[str]:
    """One operator's rows: a family each, and the sum."""
    yield "family         passed  calls  least  refused     KB  violations"
    for family, own in _by(records, "family").items():
        yield _row(family, own)
    yield _row("all", records)


def _row(name: str, records: Sequence[Record]) -> str:
    passed = f"{sum(r.passed for r in records)}/{len(records)}"
    calls = sum(len(r.calls) for r in records)
    least = sum(r.least for r in records)
    refused = sum(r.refused for r in records)
    read = sum(r.bytes_read for r in records) / 1000
    violations = sum(len(r.violations) for r in records)
    return f"{name:<12}{passed:>9}{calls:>7}{least:>7}{refused:>9}{read:>7.1f}{violations:>12}"


def passed_thrice(records: Iterable[Record]) -> str:
    """How many tasks of the grave families passed each of three times."""
    grave = [record for record in records if record.family in THRICE]
    runs = _by(grave, "task")
    whole = [own for own in runs.values() if len(own) >= 3]  # noqa: PLR2004  the three of pass^3
    return f"{sum(all(r.passed for r in own) for own in whole)}/{len(whole)}"


def first_calls(records: Iterable[Record]) -> Iterator[str]:
    """Which tool was called first where which was right."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for record in records:
        counts[record.right_first][record.calls[0] if record.calls else "none"] += 1
    for tool, called in sorted(counts.items()):
        others = ", ".join(f"{name} {count}" for name, count in called.most_common())
        yield f"{tool:<24}{others}"


def troubles(records: Iterable[Record]) -> Iterator[str]:
    """What did not pass, and why."""
    for record in records:
        for trouble in (*record.violations, *record.wrong):
            yield f"{record.operator} {record.task}: {trouble}"


def _by(records: Iterable[Record], member: str) -> dict[str, list[Record]]:
    grouped: dict[str, list[Record]] = {}
    for record in records:
        grouped.setdefault(getattr(record, member), []).append(record)
    return grouped
