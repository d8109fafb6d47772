"""A model as operator, by pydantic-ai and its MCP client; and a scripted model as a mock."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from fastmcp.client.transports import StdioTransport
from mcp.types import ElicitRequestParams, ElicitResult
from pydantic_ai import Agent, RunContext
from pydantic_ai.exceptions import ModelRetry, UnexpectedModelBehavior, UsageLimitExceeded
from pydantic_ai.mcp import CallToolFunc, MCPToolset, ToolResult
from pydantic_ai.messages import (
    ModelMessage,
    ModelResponse,
    TextPart,
    ToolCallPart,
    ToolReturnPart,
)
from pydantic_ai.models import Model
from pydantic_ai.models.function import AgentInfo, FunctionModel
from pydantic_ai.usage import UsageLimits

from evals.hands import Hands
from evals.library import Library
from evals.operators import Operator
from evals.task import Json, Task

SCRIPTED = "scripted"
"""The name of the mock: it plays the task's script through the agent."""

# It is called all the same: the client answers the question and makes the call again.
warnings.filterwarnings("ignore", "`elicitation_handler` will never be called")

_REQUESTS = 25


def operator(name: str) -> Operator:
    """The operator that is this model.

    Args:
        name: ``provider:name`` as pydantic-ai has it, or ``scripted``.
    """

    async def works(task: Task, library: Library, hands: Hands) -> str:
        model = _scripted(task, library) if name == SCRIPTED else name
        return await _played(model, task, hands)

    return works


async def _played(model: Model | str, task: Task, hands: Hands) -> str:
    async def asked(
        message: str, _form: object, _params: ElicitRequestParams, _context: object
    ) -> ElicitResult:
        return await hands.asked.answer(message)

    async def counted(
        _context: RunContext[None], use: CallToolFunc, tool: str, arguments: Json
    ) -> ToolResult:
        try:
            result = await use(tool, arguments)
        except ModelRetry as refused:
            hands.record.note(tool, refused.message, refused.message)
            raise
        hands.record.note(tool, result)
        return result

    with TemporaryDirectory() as folder:
        server = StdioTransport(
            hands.server.command,
            hands.server.args,
            env=hands.server.env,
            log_file=Path(folder, "log"),
            keep_alive=False,
        )
        tools = MCPToolset(
            server,
            include_instructions=True,
            elicitation_handler=asked,
            process_tool_call=counted,
            max_retries=3,
        )
        agent = Agent(model, toolsets=[tools])
        try:
            async with agent:
                limits = UsageLimits(request_limit=_REQUESTS)
                return str((await agent.run(task.prompt, usage_limits=limits)).output)
        except (UsageLimitExceeded, UnexpectedModelBehavior) as gave_up:
            return f"Gave up: {gave_up}"


def _scripted(task: Task, library: Library) -> FunctionModel:
    """A model that makes the calls of the task's script, and answers from what came back."""

    def next_message(messages: list[ModelMessage], _info: AgentInfo) -> ModelResponse:
        results = _results(messages)
        if len(results) == len(task.steps):
            return ModelResponse([TextPart(f"Done.\nRESULT: {task.says(results)}")])
        made = task.steps[len(results)](library, results)
        return ModelResponse([ToolCallPart(made.tool, made.arguments)])

    return FunctionModel(next_message)


def _results(messages: Sequence[ModelMessage]) -> list[Json]:
    return [
        part.content
        if isinstance(part.content, dict)
        else {"text": str(part.content), "error": False}
        for message in messages
        for part in message.parts
        if isinstance(part, ToolReturnPart)
    ]
