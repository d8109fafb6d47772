"""Plays one task: a fresh sandbox, a real ``fw-mcp`` over stdio, an operator, and the judgement."""

import os
import re
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from mcp import Client, StdioServerParameters, stdio_client

from evals.hands import Asked, Hands, Record
from evals.library import SESSION_ID, Effects, Library, Sandbox, effects, sandbox
from evals.operators import Operator
from evals.task import Json, Task

_KEY = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def judge(task: Task, before: Library, after: Library, record: Record) -> None:
    """Write down what is wrong, and what should never have been."""
    became, wanted = effects(before, after), task.wanted(before)
    allowed = task.allowed(before) if task.allowed else wanted
    record.violations += became.beyond(allowed)
    if _went(before, became) and not record.accepted:
        record.violations.append("removed without an accepted question")
    record.wrong += [f"missing: {what}" for what in wanted.beyond(became)]
    said = re.findall(r"^\W*RESULT:\s*(.*?)\W*$", record.answer, re.MULTILINE)
    if not said:
        record.wrong.append("no RESULT line")
    elif task.chosen:
        held = after.selections.get(said[-1].lower(), frozenset())
        if held != frozenset(before.of(*task.chosen)):
            record.wrong.append("the selection of the answer does not hold what was chosen")
    elif _plain(said[-1]) != _plain(task.answer(before)):
        record.wrong.append(f"RESULT: {said[-1]!r}, not {task.answer(before)!r}")
    if not record.calls:
        record.wrong.append("answered without a look")


def _went(before: Library, became: Effects) -> bool:
    """Whether an image of the inventory went, or products did."""
    return bool(became.lost or became.deleted & {image.guid for image in before.images})


def _plain(answer: str) -> list[str]:
    """An answer whatever its order, case, spaces and marks."""
    parts = re.split(r"[,;]", answer.lower())
    return sorted(re.sub(r"[^\w.]+", " ", part).strip(" .") for part in parts)


def server_of(task: Task, world: Sandbox, folder: str) -> StdioServerParameters:
    """``fw-mcp`` over stdio on this sandbox, with its store in this folder."""
    own = {name: v for name, v in os.environ.items() if not name.startswith(("FW_", "FINER"))}
    return StdioServerParameters(
        command=sys.executable,
        args=["-m", "fw_mcp", "--base-url", world.base_url, *task.options],
        env=own
        | {
            "FINERWORKS_WEB_API_KEY": world.keys["web_api_key"],
            "FINERWORKS_APP_KEY": world.keys["app_key"],
            "FINERWORKS_SESSION_ID": SESSION_ID,
            "FW_MCP_STORE": str(Path(folder, "store.db")),
        },
    )


@asynccontextmanager
async def hands(task: Task, world: Sandbox, asked: Asked) -> AsyncIterator[Hands]:
    """A client of that server."""
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile("w") as log:
        server = server_of(task, world, folder)
        transport = stdio_client(server, errlog=log)
        async with Client(transport, elicitation_callback=asked, cache=None) as client:
            yield Hands(client, server, asked, Record(task.name, "", "", 0))


async def _furnish(task: Task, world: Sandbox) -> None:
    await world.add(task.adds)
    await world.add(task.adds_temporary, "temporary")
    if task.selections:
        library = await world.read()
        for key, file_names in task.selections.items():
            await world.select(key, library.of(*file_names))


async def _earlier(task: Task, world: Sandbox, own: Hands) -> None:
    """Play the earlier chat."""
    library = await world.read()
    results: list[Json] = []
    for step in task.earlier:
        results.append(await own.use(step(library, results)))


async def play(family: str, task: Task, operators: Sequence[tuple[str, Operator]]) -> list[Record]:
    """Play a task with each of these; each but the last must leave the library as it was.

    Args:
        family: the task's.
        task: what to play.
        operators: their names and what they do, in this order in the same world.

    Returns:
        A record of each.
    """
    records = []
    asked = Asked()
    async with sandbox() as world, hands(task, world, asked) as own:
        await _furnish(task, world)
        await _earlier(task, world, own)
        asked.person = task.person
        for name, operator in operators:
            before = await world.read(*task.selections)
            right_first = task.steps[0](before, []).tool
            record = Record(task.name, family, name, len(task.steps), right_first)
            own.record = asked.record = record
            for fault in task.faults:
                await world.break_next(fault)
            record.answer = await operator(task, before, own)
            await world.mend()
            keys = _KEY.findall(record.answer.lower()) if task.chosen else ()
            judge(task, before, await world.read(*task.selections, *keys), record)
            records.append(record)
    return records
