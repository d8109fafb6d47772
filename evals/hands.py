"""What an operator works with: tools on a real server, a person who is asked, and the record."""

import json
from dataclasses import dataclass, field

import anyio
from mcp import Client, StdioServerParameters
from mcp.client import ClientRequestContext
from mcp.types import CallToolResult, ElicitRequestParams, ElicitResult, ErrorData, TextContent

from evals.task import ACCEPTS, Answers, Call, Json, Person

_THINKS_FOR_S = 0.5
"""No person answers faster; an answer at once is taken for a program's."""


@dataclass
class Record:
    """What one operator did with one task."""

    task: str
    family: str
    operator: str
    least: int
    right_first: str = ""
    calls: list[str] = field(default_factory=list)
    refused: int = 0
    bytes_read: int = 0
    accepted: int = 0
    answer: str = ""
    wrong: list[str] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether the task was done, and nothing else."""
        return not self.wrong and not self.violations

    def note(self, tool: str, said: object, refusal: str = "") -> None:
        """Count a call and what came of it."""
        self.calls.append(tool)
        self.bytes_read += len(json.dumps(said, ensure_ascii=False, default=repr).encode())
        self.refused += "invalid_arguments" in refusal


class Asked:
    """The person at the client."""

    def __init__(self) -> None:
        self.person = ACCEPTS
        self.record: Record | None = None

    async def answer(self, question: str) -> ElicitResult:
        """Read the question, think, answer."""
        await anyio.sleep(_THINKS_FOR_S)
        answer = answer_of(self.person, question)
        if self.record and answer.action == "accept":
            self.record.accepted += 1
        return answer

    async def __call__(
        self,
        context: ClientRequestContext,  # noqa: ARG002  the SDK's signature
        params: ElicitRequestParams,
    ) -> ElicitResult | ErrorData:
        """Answer what the SDK's client is asked."""
        return await self.answer(params.message)


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


@dataclass
class Hands:
    """The tools, for one operator and one task.

    Attributes:
        client: is connected.
        server: how to start one more server on the same library and store.
    """

    client: Client
    server: StdioServerParameters
    asked: Asked
    record: Record

    async def use(self, made: Call) -> Json:
        """Make a call."""
        said = read(await self.client.call_tool(made.tool, made.arguments))
        self.record.note(made.tool, said, str(said.get("text", "")))
        return said


def read(result: CallToolResult) -> Json:
    """What a result says, structured where the tool structures it."""
    if result.structured_content is not None:
        return dict(result.structured_content)
    texts = [part.text for part in result.content if isinstance(part, TextContent)]
    return {"text": "\n".join(texts), "error": bool(result.is_error), "parts": len(result.content)}
