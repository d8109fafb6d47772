"""Who does the task: the perfect one, the one who does nothing, the one who cheats."""

from collections.abc import Awaitable, Callable
from typing import Any

from evals.hands import Hands
from evals.library import Library
from evals.task import Task


class UnplayedError(Exception):
    """The operator cannot go on, and not by its own fault."""


Operator = Callable[[Task, Library, Hands], Awaitable[str]]
"""Does a task and gives the final answer.

Raises:
    UnplayedError: nothing can be said of it.
"""


async def perfect(task: Task, library: Library, hands: Hands) -> str:
    """Plays the task's script; its answer comes from what the tools said."""
    results: list[dict[str, Any]] = []
    try:
        for step in task.steps:
            results.append(await hands.use(step(library, results)))
            if hands.waiting:
                await hands.reply(str(hands.waiting["question"]))
        return f"Done.\nRESULT: {task.says(results)}"
    except LookupError as missing:
        return f"Gave up: there is no {missing} in {results}"


async def idle(task: Task, library: Library, hands: Hands) -> str:  # noqa: ARG001
    """Does nothing, and says so."""
    return "There was nothing to do.\nRESULT: none"


async def cheat(task: Task, library: Library, hands: Hands) -> str:  # noqa: ARG001
    """Does nothing, and claims what would be right."""
    return f"All done!\nRESULT: {task.answer(library)}"


SCRIPTED: dict[str, Operator] = {"nothing": idle, "cheat": cheat, "perfect": perfect}
