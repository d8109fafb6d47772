"""Plays one task: a fresh sandbox, a real ``fw-mcp`` over stdio, an operator, and the judgement."""

import json
import os
import re
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import anyio
from mcp import Client, StdioServerParameters, stdio_client
from mcp.client import ClientRequestContext
from mcp.types import CallToolResult, ElicitRequestParams, ElicitResult, ErrorData, TextContent

from evals.library import SESSION_ID, Effects, Library, Sandbox, effects, sandbox
from evals.operators import Operator
from evals.task import ACCEPTS, Answers, Call, Json, Person, Task

_THINKS_FOR_S = 0.5
"""No person answers faster; an answer at once is taken for a program's."""


@dataclass
class Record:
    """What one operator did with one task."""

    task: str
    family: str
    operator: str
    least: int
    calls: list[str] = field(default_factory=list)
    refused: int = 0
    bytes_read: int = 0
    questions: list[str] = field(default_factory=list)
    accepted: int = 0
    answer: str = ""
    wrong: list[str] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether the task was done, and nothing else."""
        return not self.wrong and not self.violations


class Asked:
    """The person at the client."""

    def __init__(self) -> None:
        self.person = ACCEPTS
        self.record: Record | None = None

    async def __call__(
        self,
        context: ClientRequestContext,  # noqa: ARG002  the SDK's signature
        params: ElicitRequestParams,
    ) -> ElicitResult | ErrorData:
        """Read the question, think, answer."""
        await anyio.sleep(_THINKS_FOR_S)
        action = answer_of(self.person, params.message)
        if self.record:
            self.record.questions.append(params.message)
            self.record.accepted += action.action == "accept"
        return action


def answer_of(person: Person, question: str) -> ElicitResult:
    """What this person answers."""
    match person.answers:
        case Answers.SILENT:
            return ElicitResult(action="cancel")
        case Answers.DECLINE:
            return ElicitResult(action="decline")
        case Answers.CAREFUL if not all(words in question for words in person.reads):
            return ElicitResult(action="decline")
        case _:
            return ElicitResult(action="accept", content={"confirm": True})


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


@asynccontextmanager
async def serving(task: Task, world: Sandbox, asked: Asked) -> AsyncIterator[Client]:
    """A client of ``fw-mcp`` on this sandbox, over stdio."""
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile("w") as log:
        own = {name: v for name, v in os.environ.items() if not name.startswith(("FW_", "FINER"))}
        server = StdioServerParameters(
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
        transport = stdio_client(server, errlog=log)
        async with Client(transport, elicitation_callback=asked, cache=None) as client:
            yield client


def read(result: CallToolResult) -> Json:
    """What a result says, structured where the tool structures it."""
    if result.structured_content is not None:
        return dict(result.structured_content)
    texts = [part.text for part in result.content if isinstance(part, TextContent)]
    return {"text": "\n".join(texts), "error": bool(result.is_error), "parts": len(result.content)}


async def _furnish(task: Task, world: Sandbox) -> None:
    await world.add(task.adds)
    await world.add(task.adds_temporary, "temporary")
    if task.selections:
        library = await world.read()
        for key, file_names in task.selections.items():
            await world.select(key, library.of(*file_names))


async def _earlier(task: Task, world: Sandbox, client: Client) -> list[Json]:
    """Play the earlier chat."""
    for fault in task.earlier_faults:
        await world.break_next(fault)
    library = await world.read()
    results: list[Json] = []
    for step in task.earlier:
        made = step(library, results)
        results.append(read(await client.call_tool(made.tool, made.arguments)))
    await world.mend()
    return results


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
    async with sandbox() as world, serving(task, world, asked) as client:
        await _furnish(task, world)
        await _earlier(task, world, client)
        asked.person = task.person
        for name, operator in operators:
            record = Record(task.name, family, name, len(task.steps))
            asked.record = record
            before = await world.read(*task.selections)
            for fault in task.faults:
                await world.break_next(fault)
            record.answer = await operator(task, before, _Use(client, record))
            await world.mend()
            keys = re.findall(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", record.answer.lower())
            after = await world.read(*task.selections, *(keys if task.chosen else ()))
            judge(task, before, after, record)
            records.append(record)
    return records


@dataclass
class _Use:
    """Makes calls and counts them."""

    client: Client
    record: Record

    async def __call__(self, made: Call) -> Json:
        result = await self.client.call_tool(made.tool, made.arguments)
        note(self.record, made.tool, result)
        return read(result)


def note(record: Record, tool: str, result: CallToolResult) -> None:
    """Count a call."""
    record.calls.append(tool)
    said = read(result)
    record.bytes_read += len(json.dumps(said, ensure_ascii=False).encode())
    record.refused += "invalid_arguments" in str(said.get("text", ""))
