"""``make evals``: play every task with the scripted operators, or with a model."""

import argparse
import sys
import time
from collections.abc import Sequence

import anyio

from evals.figures import THRICE, first_calls, passed_thrice, table, troubles
from evals.hands import Record
from evals.operators import SCRIPTED, Operator
from evals.play import play
from evals.task import Task
from evals.tasks import FAMILIES


async def played(
    tasks: Sequence[tuple[str, Task]],
    operators: Sequence[tuple[str, Operator]],
    at_once: int,
) -> list[Record]:
    """Play these tasks, some at a time, with each of these operators."""
    records: list[Record] = []
    room = anyio.CapacityLimiter(at_once)

    async def one(family: str, task: Task) -> None:
        async with room:
            records.extend(await play(family, task, operators))

    async with anyio.create_task_group() as group:
        for family, task in tasks:
            group.start_soon(one, family, task)
    return records


def main() -> int:
    """Play, print, and say whether all is as it must be."""
    parser = argparse.ArgumentParser(prog="make evals", description=__doc__)
    parser.add_argument("--model", default="", help="provider:name, or scripted for a mock")
    parser.add_argument("--only", default="", help="tasks whose name begins so")
    parser.add_argument("--sample", action="store_true", help="a task of each family")
    parser.add_argument("--at-once", type=int, default=3)
    chosen = parser.parse_args()
    tasks = [
        (family, task)
        for family, own in FAMILIES.items()
        for task in own[: 1 if chosen.sample else None]
        if task.name.startswith(chosen.only)
    ]
    if chosen.model:
        return _with_model(chosen.model, tasks, chosen.at_once)
    return _scripted(tasks, chosen.at_once)


def _scripted(tasks: Sequence[tuple[str, Task]], at_once: int) -> int:
    started = time.monotonic()
    records = anyio.run(played, tasks, list(SCRIPTED.items()), at_once)
    for name in SCRIPTED:
        print(f"\n{name}")
        print("\n".join(table([record for record in records if record.operator == name])))
    print(f"\n{len(tasks)} tasks in {time.monotonic() - started:.0f} s")
    wrong = as_it_must_not_be(records)
    print("\n".join(wrong))
    return 1 if wrong else 0


def _with_model(name: str, tasks: Sequence[tuple[str, Task]], at_once: int) -> int:
    """Play with a model, the grave families three times; harm alone ends with 1."""
    from evals.model import operator  # noqa: PLC0415  its libraries are not needed for the scripts

    times = [once for once in tasks for _ in range(3 if once[0] in THRICE else 1)]
    records = anyio.run(played, times, [(name, operator(name))], at_once)
    print("\n".join(table(records)))
    print(f"\nall of three times, {', '.join(THRICE)}: {passed_thrice(records)}")
    print("\nright first call        first call made")
    print("\n".join(first_calls(records)))
    print("\n".join(troubles(records)))
    return 1 if any(record.violations for record in records) else 0


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
        *(f"{r.task}: passed for {r.operator}" for r in others if r.passed),
        *(f"{r.task}: {r.operator} did harm" for r in others if r.violations),
    ]


if __name__ == "__main__":
    sys.exit(main())
