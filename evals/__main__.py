"""``make evals``: play every task with the scripted operators, or with a model."""

import argparse
import json
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import anyio

from evals.figures import THRICE, confusion, figures, passed_thrice, table, troubles
from evals.hands import Record
from evals.operators import SCRIPTED, Operator
from evals.play import play
from evals.task import Task
from evals.tasks import FAMILIES


async def played(
    tasks: Sequence[tuple[str, Task]],
    operators: Sequence[tuple[str, Operator]],
    at_once: int,
    records: list[Record],
) -> None:
    """Play these tasks, some at a time, with each of these operators; `records` is filled."""
    room = anyio.CapacityLimiter(at_once)

    async def one(family: str, task: Task) -> None:
        async with room:
            records.extend(await play(family, task, operators))

    async with anyio.create_task_group() as group:
        for family, task in tasks:
            group.start_soon(one, family, task)


def main() -> int:
    """Play, print, and say whether all is as it must be."""
    parser = argparse.ArgumentParser(prog="make evals", description=__doc__)
    parser.add_argument("--model", default="", help="provider:name, or scripted for a mock")
    parser.add_argument("--only", default="", help="tasks whose name begins so")
    parser.add_argument("--sample", action="store_true", help="a task of each family")
    parser.add_argument("--at-once", type=count, default=3, help="tasks; default 3")
    parser.add_argument(
        "--repeats",
        type=count,
        default=0,
        help="of each task by a model; default: 3 of high-stakes families",
    )
    parser.add_argument("--json", type=Path, help="a file for the figures")
    chosen = parser.parse_args()
    if chosen.json and not chosen.json.parent.is_dir():
        parser.error(f"there is no folder {chosen.json.parent}")
    tasks = [
        (family, task)
        for family, own in FAMILIES.items()
        for task in own[: 1 if chosen.sample else None]
        if task.name.startswith(chosen.only)
    ]
    if not tasks:
        parser.error(f"no task's name begins with {chosen.only}")
    # Whatever stops it, the processes that it has started end with it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda _number, _frame: signal.raise_signal(signal.SIGINT))
    try:
        return _with_model(chosen, tasks) if chosen.model else _scripted(chosen, tasks)
    except KeyboardInterrupt:
        return 130


def count(text: str) -> int:
    """A number of the command line; with none or less nothing would be played."""
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def _scripted(chosen: argparse.Namespace, tasks: Sequence[tuple[str, Task]]) -> int:
    started = time.monotonic()
    records: list[Record] = []
    anyio.run(played, tasks, list(SCRIPTED.items()), chosen.at_once, records)
    _sort(records, tasks)
    for name in SCRIPTED:
        print(f"\n{name}")
        print("\n".join(table([record for record in records if record.operator == name])))
    print(f"\n{len(tasks)} tasks in {time.monotonic() - started:.0f} s")
    wrong = as_it_must_not_be(records)
    print("\n".join(wrong))
    _keep(chosen.json, records)
    # Two of them through the engine of a model, that it works: a question, and one in the chat.
    mocked = [once for once in tasks if once[1].name in {"delete-one", "chat-delete"}]
    return 1 if wrong or (mocked and _mocked(mocked)) else 0


def _mocked(tasks: Sequence[tuple[str, Task]]) -> bool:
    from evals.model import SCRIPTED as MOCK  # noqa: PLC0415  as below
    from evals.model import operator  # noqa: PLC0415

    records: list[Record] = []
    anyio.run(played, tasks, [("a mock model", operator(MOCK))], len(tasks), records)
    print("\na mock model")
    print("\n".join([*table(records), *troubles(records)]))
    return not all(record.passed for record in records)


def _with_model(chosen: argparse.Namespace, tasks: Sequence[tuple[str, Task]]) -> int:
    """Play with a model, the high-stakes families three times; tell what was played in any case.

    Harm ends with 1; that not all could be played with 3.
    """
    # Its libraries take seconds to import.
    from evals.model import UnusableError, answers, operator  # noqa: PLC0415

    try:
        anyio.run(answers, chosen.model)
    except UnusableError as fault:
        print(fault, file=sys.stderr)
        return 2
    times = list(repeated(tasks, chosen.repeats))
    operators = [(chosen.model, operator(chosen.model))]
    records: list[Record] = []
    try:
        anyio.run(played, times, operators, chosen.at_once, records)
    finally:
        _sort(records, tasks)
        print("\n".join(_told(records, len(times))))
        _keep(chosen.json, records)
    if any(record.violations for record in records):
        return 1
    return 3 if any(record.unplayed for record in records) else 0


def _told(records: Sequence[Record], wanted: int) -> Iterator[str]:
    yield from table(records)
    thrice = passed_thrice(records)
    yield f"\npass^3 of {', '.join(THRICE)}: {thrice['passed']:g}/{thrice['tasks']}\n"
    yield from confusion(records)
    yield from troubles(records)
    if missing := wanted - sum(not record.unplayed for record in records):
        yield f"{missing} of {wanted} were not played to their end, and are in none of the figures."


def _sort(records: list[Record], tasks: Sequence[tuple[str, Task]]) -> None:
    """In the order of the tasks, whichever ended first."""
    names = [task.name for _, task in tasks]
    records.sort(key=lambda record: names.index(record.task))


def repeated(tasks: Sequence[tuple[str, Task]], repeats: int) -> Iterator[tuple[str, Task]]:
    """Each task as often as is wanted; with 0 those of the high-stakes families three times."""
    for family, task in tasks:
        for _ in range(repeats or (3 if family in THRICE else 1)):
            yield family, task


def _keep(file: Path | None, records: Sequence[Record]) -> None:
    if file:
        file.write_text(json.dumps(figures(records), indent=2) + "\n", encoding="utf-8")


def as_it_must_not_be(records: Sequence[Record]) -> list[str]:
    """All of the perfect one's pass in the least calls; none of the others', and none does harm."""
    perfect = [record for record in records if record.operator == "perfect"]
    others = [record for record in records if record.operator != "perfect"]
    return [
        *troubles(perfect),
        *(
            f"{r.task}: {len(r.calls)} calls, not {r.least}"
            for r in perfect
            if len(r.calls) != r.least
        ),
        *(f"{r.task}: refused arguments" for r in perfect if r.refused),
        *(f"{r.task}: passed for {r.operator}" for r in others if r.passed),
        *(f"{r.task}: {r.operator} did harm" for r in others if r.violations),
    ]


if __name__ == "__main__":
    sys.exit(main())
