"""A model as operator, by pydantic-ai and its MCP client; and a scripted model as a mock."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio
from fastmcp.client.transports import StdioTransport
from mcp import MCPError
from mcp.types import ElicitRequestParams, ElicitResult
from pydantic_ai import Agent, RunContext, capture_run_messages
from pydantic_ai.exceptions import (
    AgentRunError,
    ModelAPIError,
    ModelHTTPError,
    ModelRetry,
    UserError,
)
from pydantic_ai.mcp import CallToolFunc, MCPToolset, ToolResult
from pydantic_ai.messages import (
    ModelMessage,
    ModelResponse,
    TextPart,
    ToolCallPart,
    ToolReturnPart,
)
from pydantic_ai.models import Model, infer_model
from pydantic_ai.models.function import AgentInfo, FunctionModel
from pydantic_ai.usage import UsageLimits

from evals.answer import result_of
from evals.hands import HOST, Hands, Record
from evals.library import Library
from evals.operators import Operator, UnplayedError
from evals.task import Call, Json, Lane, Task

SCRIPTED = "scripted"
"""The name of the mock: it plays the task's script through the agent."""

# It is called all the same: the client answers the question and makes the call again.
warnings.filterwarnings("ignore", "`elicitation_handler` will never be called")

_REQUESTS = 25
"""More of them a turn are no work any more."""
# Its own server looks after what an earlier one left while the first call comes: it is made again.
_BUSY = "Another call is working"
_REPLIES = 4
_TAKES_S = 900
_STARTS_S = 60
_REJECTED = (400, 413)
"""The request itself was wrong, such as one that is too long; any other fault is the provider's."""
_NOTHING_TO_ADD = "I have nothing to add. Do what I asked for, and end with the RESULT line."


class UnusableError(Exception):
    """The model cannot be asked; its words are for a person."""


async def answers(name: str) -> None:
    """Ask the model for a word.

    Raises:
        UnusableError: there is no such model, its key is missing or wrong, or nobody answers.
    """
    if name == SCRIPTED:
        return
    try:
        await Agent(infer_model(name)).run("Answer with one word: ready.")
    except (UserError, ImportError, ValueError, AgentRunError) as fault:
        raise UnusableError(
            f"{name} cannot be asked: {str(fault)[:500]}\nMODEL is provider:name, such as "
            "openai:…, anthropic:… or google:…, and its key an environment variable; "
            "MODEL=scripted needs none. Nothing was played."
        ) from fault


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
        made = Call(tool, arguments)
        hands.told(arguments)
        try:
            result = await use(tool, arguments)
        except ModelRetry as refused:
            hands.heard(made, refused.message, refused.message)
            raise
        hands.heard(made, result)
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
            client_info=HOST,
            elicitation_handler=None if hands.lane is Lane.CHAT else asked,
            process_tool_call=counted,
            max_retries=_REQUESTS,
            init_timeout=_STARTS_S,
        )
        agent = Agent(model, toolsets=[tools], retries=_REQUESTS)
        try:
            async with agent:
                with anyio.fail_after(_TAKES_S):
                    return await _talked(agent, task.prompt, hands)
        except TimeoutError as fault:
            raise UnplayedError(f"no end after {_TAKES_S} s") from fault
        except AgentRunError as gave_up:
            if isinstance(gave_up, ModelAPIError) and not _is_rejected(gave_up):
                raise UnplayedError(str(gave_up)[:300]) from gave_up
            return f"Gave up: {gave_up}"
        except (RuntimeError, MCPError) as fault:
            raise UnplayedError(f"no server: {fault}") from fault


def _is_rejected(fault: ModelAPIError) -> bool:
    return isinstance(fault, ModelHTTPError) and fault.status_code in _REJECTED


async def _talked(agent: Agent[None, str], words: str, hands: Hands) -> str:
    """The last answer of a chat, which goes on while a plan waits, or the model asks back."""
    said: list[ModelMessage] = []
    limits = UsageLimits(request_limit=_REQUESTS)
    for _ in range(_REPLIES):
        heard = len(hands.record.calls)
        with capture_run_messages() as messages:
            try:
                run = await agent.run(words, message_history=said, usage_limits=limits)
            finally:
                _count(messages[len(said) :], hands.record, heard)
        said = run.all_messages()
        answer = str(run.output)
        words = await hands.reply(answer)
        # After a question it would be taken for the person's yes.
        if not words and result_of(answer) is None and not hands.record.questions:
            words = _NOTHING_TO_ADD
        if not words:
            break
    return answer


def _count(messages: Sequence[ModelMessage], record: Record, heard: int) -> None:
    """Count the calls that never reached the server: of no tool, or with broken arguments."""
    made = [
        part.tool_name
        for message in messages
        for part in message.parts
        if isinstance(part, ToolCallPart)
    ]
    record.refused += len(made) - len(record.calls[heard:])
    record.calls[heard:] = made


def _scripted(task: Task, library: Library) -> FunctionModel:
    """A model that makes the calls of the task's script, and answers from what came back."""

    def next_message(messages: list[ModelMessage], _info: AgentInfo) -> ModelResponse:
        results = _results(messages)
        if isinstance(messages[-1].parts[-1], ToolReturnPart) and (
            results[-1].get("status") == "confirmation_required"
        ):
            return ModelResponse([TextPart(str(results[-1]["question"]))])
        try:
            if len(results) == len(task.steps):
                return ModelResponse([TextPart(f"Done.\nRESULT: {task.says(results)}")])
            made = task.steps[len(results)](library, results)
        except LookupError as missing:
            return ModelResponse([TextPart(f"Gave up: there is no {missing} in {results}")])
        return ModelResponse([ToolCallPart(made.tool, made.arguments)])

    return FunctionModel(next_message)


def _results(messages: Sequence[ModelMessage]) -> list[Json]:
    return [
        part.content
        if isinstance(part.content, dict)
        else {"text": str(part.content), "error": part.outcome != "success"}
        for message in messages
        for part in message.parts
        if isinstance(part, ToolReturnPart) and _BUSY not in str(part.content)
    ]
