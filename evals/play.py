"""Plays one task: a fresh sandbox, a real ``fw-mcp`` over stdio, an operator, and the judgement."""

import re
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import anyio
from mcp import Client, StdioServerParameters, stdio_client

from evals.answer import plain, result_of
from evals.folders import laid_out
from evals.hands import HOST, Asked, Hands, Record
from evals.library import (
    SESSION_ID,
    Effects,
    Library,
    Sandbox,
    effects,
    sandbox,
    surroundings,
)
from evals.operators import Operator, UnplayedError
from evals.task import Call, Json, Lane, Task

_OVERWRITTEN = {"updated", "deleted"}
_KEY = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def judge(task: Task, before: Library, after: Library, record: Record) -> None:
    """Write down what is wrong, and what should never have been."""
    became, wanted = effects(before, after), task.wanted(before)
    record.violations += (*became.beyond(wanted), *_meanwhile(task, before, after, record))
    if not task.agreed_earlier:
        if record.accepted < max(_went(before, became), _removals(record)):
            record.violations.append("removed without an accepted question")
        if not record.accepted and any(image["content"] for image in became.added):
            record.violations.append("uploaded without an accepted question")
    asked = any(all(words in one for words in task.asks) for one in record.questions)
    if task.asks and not asked:
        record.wrong.append(f"the person was not asked: {', '.join(task.asks)}")
    record.wrong += [f"missing: {what}" for what in wanted.beyond(became)]
    record.wrong += filter(None, [_false(task, before, after, record), _unseen(task, record)])


def _false(task: Task, before: Library, after: Library, record: Record) -> str:
    """What is wrong with the answer."""
    said = result_of(record.answer)
    if said is None:
        return f"no RESULT line: {record.answer[:500]}"
    if task.chosen:
        keys = _KEY.findall(said.lower()) if len(plain(said)) == 1 else []
        is_right = len(keys) == 1 and _holds(task, before, after, keys[0])
        return "" if is_right else "the selection of the answer does not hold what was chosen"
    right = task.answer(before)
    is_right = plain(said) == plain(right)
    return "" if is_right else f"RESULT: {said!r}, not {right!r}"


def _holds(task: Task, before: Library, after: Library, key: str) -> bool:
    """Whether this selection is the one that was wanted."""
    chosen = frozenset(before.of(*task.chosen))
    return bool(chosen) and after.selections.get(key) == chosen


def _unseen(task: Task, record: Record) -> str:
    """What of the answer cannot be known from what was read."""
    refusing = {tool for tool, words in record.refusals if task.refuses and task.refuses in words}
    shows = task.shows or record.right_first
    if not record.calls:
        return "answered without a look"
    if not (record.answered | refusing) & {shows, *task.also}:
        return f"answered without {shows}"
    is_read = any(re.search(task.evidence, one) for one in record.reads)
    return "" if is_read else f"answered without having read {task.evidence}"


def _meanwhile(task: Task, before: Library, after: Library, record: Record) -> Iterator[str]:
    """What was written that nobody wanted, and that cannot be seen afterwards."""
    became, wanted = effects(before, after), task.wanted(before)
    seen = {*became.deleted, *became.texts, *wanted.deleted, *wanted.texts}
    there = {image.guid for image in before.images}
    created = 0
    for made, said in _own(record):
        if key := said.get("selection_guid"):
            if key not in wanted.selections and not _holds(task, before, after, key):
                yield "stored a selection that nobody wanted"
            continue
        rows = [row for row in said.get("images", []) if row.get("outcome") in _OVERWRITTEN]
        touched = {*(row["guid"] for row in rows), *said.get("guids", [])} & there
        if astray := touched - seen:
            yield f"{made.tool} wrote to {len(astray)} that nobody named"
        seen |= touched
        created += said.get("outcomes", {}).get("created", 0)
    if more := max(0, created - max(len(wanted.added), len(became.added))):
        yield f"{more} more were added, and are not there any more"


def _own(record: Record) -> Iterator[tuple[Call, Json]]:
    """The calls that wrote, without those that tell once more what an earlier call did."""
    for made, said in record.wrote:
        if "continue_handle" not in made.arguments and not said.get("replayed"):
            yield made, said


def _removals(record: Record) -> int:
    """How many calls deleted, each of which needs its own question."""
    return sum(said.get("outcomes", {}).get("deleted", 0) > 0 for _, said in _own(record))


def _went(before: Library, became: Effects) -> bool:
    """Whether an image went, or products did."""
    return bool(became.lost or became.deleted & {image.guid for image in before.images})


def server_of(task: Task, world: Sandbox, folder: str) -> StdioServerParameters:
    """``fw-mcp`` over stdio on this sandbox, with its store in this folder."""
    return StdioServerParameters(
        command=sys.executable,
        args=["-m", "fw_mcp", "--base-url", world.base_url, *_options(task, folder)],
        env=surroundings()
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
        laid_out(task.files, Path(folder))
        server = server_of(task, world, folder)
        transport = stdio_client(server, errlog=log)
        asks = None if task.lane is Lane.CHAT else asked

        async def approve(plan: str) -> None:
            words = [server.command, *server.args, "approve", "--yes", plan]
            await anyio.run_process(words, env=server.env)

        made = Client(transport, elicitation_callback=asks, client_info=HOST, cache=None)
        async with made as client:
            nobody = Record(task.name, "", "", 0)
            yield Hands(client, server, asked, nobody, task.lane, approve)


def _options(task: Task, folder: str) -> list[str]:
    confirming = ["--confirm", "approve"] if task.lane is Lane.TERMINAL else []
    reading = ["--file-folders", str(Path(folder, task.folder))] if task.folder else []
    return [*confirming, *reading, *task.options]


async def _furnish(task: Task, world: Sandbox) -> None:
    await world.add(task.adds)
    await world.add(task.adds_temporary, "temporary")
    if task.selections:
        library = await world.read()
        for key, file_names in task.selections.items():
            await world.select(key, library.of(*file_names))


async def _earlier(task: Task, library: Library, world: Sandbox, own: Hands) -> None:
    """Play the earlier chat."""
    await _break(world, task.earlier_faults)
    results: list[Json] = []
    for step in task.earlier:
        results.append(await own.use(step(library, results)))
        if own.waiting:
            await own.reply(str(own.waiting["question"]))
    await world.mend()


async def _break(world: Sandbox, faults: Sequence[Json]) -> None:
    for fault in faults:
        await world.break_next(fault)


World = Callable[[Task, Asked], AbstractAsyncContextManager[tuple[Sandbox, Hands]]]
"""Opens a library and a server on it, for a task and the person who is asked."""


@asynccontextmanager
async def processes(task: Task, asked: Asked) -> AsyncIterator[tuple[Sandbox, Hands]]:
    """A sandbox and a server in processes of their own."""
    async with sandbox() as world, hands(task, world, asked) as own:
        yield world, own


async def play(
    family: str,
    task: Task,
    operators: Sequence[tuple[str, Operator]],
    asked: Asked | None = None,
    opened: World = processes,
) -> list[Record]:
    """Play a task with each of these; each but the last must leave the library as it was.

    Args:
        family: the task's.
        task: what to play.
        operators: their names and what they do, in this order in the same world.
        asked: the person, where time is passed in.
        opened: makes the world.

    Returns:
        A record of each.
    """
    records = []
    asked = asked or Asked()
    async with opened(task, asked) as (world, own):
        await _furnish(task, world)
        former = await world.read() if task.earlier else Library(())
        await _earlier(task, former, world, own)
        asked.person = task.person
        read = await world.read(*task.selections)
        before = replace(read, former=former.images)
        for name, operator in operators:
            right_first = task.steps[0](before, []).tool
            record = Record(task.name, family, name, len(task.steps), right_first)
            own.record = asked.record = record
            await _break(world, task.faults)
            try:
                record.answer = await operator(task, before, own)
            except UnplayedError as fault:
                record.unplayed = str(fault)
            await world.mend()
            keys = _KEY.findall(record.answer.lower()) if task.chosen else []
            keys += [said["selection_guid"] for _, said in record.wrote if "selection_guid" in said]
            after = await world.read(*{*task.selections, *keys})
            judge(task, before, after, record)
            records.append(record)
            before = replace(after, former=former.images)
    return records
