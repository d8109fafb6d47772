"""One of our tools: what it is given, how hosts see it, and where errors become text."""

import inspect
import logging
import math
from collections.abc import Awaitable, Callable, Iterator
from collections.abc import Set as AbstractSet
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any, get_args

from mcp.server.auth.middleware.auth_context import get_access_token
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ResourceError, UnexpectedToolError
from mcp.server.mcpserver.tools import Tool
from mcp.server.mcpserver.utilities.func_metadata import ArgModelBase, FuncMetadata
from mcp.shared.exceptions import MCPError
from mcp.types import CallToolResult, InputRequiredResult, TextContent, ToolAnnotations
from pydantic import ConfigDict, create_model
from pydantic.json_schema import GenerateJsonSchema

from fw_mcp.errors import FwError, GuardError, Reason
from fw_mcp.guard.effects import EFFECTS, EVERY_SCOPE, Scope, ToolEffect, implied_by
from fw_mcp.images.account import Progress
from fw_mcp.server.arguments import read_arguments
from fw_mcp.server.parts import Libraries, Parts
from fw_mcp.server.results import ToolResult
from fw_mcp.telemetry import Served, mark, operation, serving
from fw_mcp.writes.operation import ONLY_ACCOUNT, Caller

Call = Context[Libraries]

CALLER, ACCOUNT, MAY_GROW = "caller", "account", "may_grow"
"""Claims of a token: its name here, whose library it opens, the scopes that it can be given."""

_PARTS: ContextVar[Parts] = ContextVar("parts")


def account_meant() -> str:
    """The account that the request is for, which its token alone says."""
    token = get_access_token()
    return token.claims[ACCOUNT] if token is not None and token.claims else ONLY_ACCOUNT


@contextmanager
def answering(libraries: Libraries) -> Iterator[Parts]:
    """The parts behind the request that is being answered; the same ones to its end.

    Raises:
        FwError: the account that it is for does not exist any more, or cannot be opened.
    """
    with ExitStack() as held:
        with foreseen(_not_opened()):
            parts = held.enter_context(libraries.using(account_meant()))
        before = _PARTS.set(parts)
        try:
            yield parts
        finally:
            _PARTS.reset(before)


def _not_opened() -> GuardError:
    return GuardError(
        "The library could not be opened.",
        state="Nothing was sent.",
        next_step="Tell the person to look at the server's log on stderr.",
        reason=Reason.UNEXPECTED,
    )


def parts_of(_: Call) -> Parts:
    """The parts behind a call, of the account that it is for."""
    return _PARTS.get()


def is_local(ctx: Call) -> bool:
    """Whether the caller is at this machine, since it came over stdio and not over HTTP."""
    return ctx.headers is None


def scopes_held() -> AbstractSet[Scope]:
    """What the request that is being answered may do; all where nobody has a token of their own."""
    token = get_access_token()
    return EVERY_SCOPE if token is None else implied_by(token.scopes)


def scopes_shown() -> AbstractSet[Scope]:
    """What the caller may do or be let do: a client asks for more only where it sees what for."""
    token = get_access_token()
    may_grow = token is not None and (token.claims or {}).get(MAY_GROW)
    return scopes_held() | implied_by(may_grow) if may_grow else scopes_held()


def caller_of(ctx: Call) -> Caller:
    """Who calls: whose token it is; without a token of one's own, the transport and the host."""
    params = ctx.session.client_params
    client = params.client_info.name if params else "unnamed"
    progress = _rising(ctx.report_progress)
    token = get_access_token()
    if token is not None and token.claims:
        return Caller(token.claims[CALLER], progress, client, account_meant(), scopes_held())
    return Caller(f"{'stdio' if is_local(ctx) else 'http'}:{client}", progress)


def _rising(tell: Progress) -> Progress:
    """Progress as the protocol wants it: each time more. A file that is sent again is less."""
    most = -math.inf

    async def told(progress: float, total: float | None = None, message: str | None = None) -> None:
        nonlocal most
        if progress > most:
            most = progress
            await tell(progress, total, message)

    return told


def request_of(ctx: Call) -> Served:
    """The request as logs and traces name it."""
    return Served(caller_of(ctx).name, parts_of(ctx).writes.account_name, ctx.request_id)


Schema = dict[str, Any]


def plain(schema: Schema) -> Schema:
    """A pydantic schema without titles, definitions, references and null alternatives.

    Several hosts refuse `$ref`, `anyOf` with null and type arrays. "Not given" needs no null in the
    schema: the argument is left out, and null is still taken. Only what a result always gives, null
    included, keeps its null.
    """
    definitions = schema.get("$defs", {})
    shrunk = _shrunk({key: part for key, part in schema.items() if key != "$defs"}, definitions)
    return {**shrunk, "additionalProperties": False}


# Each definition costs every conversation: of a row, what programs go by.
_UNNAMED = frozenset({"escaped", "index", "more", "more_products", "more_undos", "retry_after_s"})
_SCALARS = frozenset({"string", "integer", "number", "boolean"})


def outline(schema: Schema) -> Schema:
    """A plain schema of a result, down to what its rows hold; what is deeper says itself there.

    It is open: clients keep definitions, and a later version may tell more.
    """
    left_out = {"additionalProperties", "description"}
    kept = {key: part for key, part in schema.items() if key not in left_out}
    properties = schema["properties"].items()
    return {**kept, "properties": {name: _outlined(part) for name, part in properties}}


def _outlined(schema: Schema) -> Schema:
    if "enum" in schema:
        return {"enum": schema["enum"], "type": schema["type"]}
    row = schema.get("items", {})
    if row.get("type") != "object":
        return schema
    members = {
        name: {"type": part["type"]}
        for name, part in row.get("properties", {}).items()
        if part["type"] in _SCALARS and name not in _UNNAMED
    }
    return {**schema, "items": {"type": "object", **({"properties": members} if members else {})}}


def _shrunk(schema: Schema, definitions: Schema) -> Schema:
    if "$ref" in schema:
        target = definitions[schema["$ref"].rpartition("/")[2]]
        if "enum" in target:
            # Its docstring is for maintainers: the values say themselves.
            target = {key: part for key, part in target.items() if key != "description"}
        schema = {**target, **{key: part for key, part in schema.items() if key != "$ref"}}
    if "anyOf" in schema and "default" in schema:
        schema = _without_null(schema, definitions)
    result = {
        key: part
        for key, part in schema.items()
        if key not in {"title", "properties", "items"} and not (key == "default" and not part)
    }
    if "properties" in schema:
        result["properties"] = {
            name: _shrunk(part, definitions) for name, part in schema["properties"].items()
        }
    if "items" in schema:
        result["items"] = _shrunk(schema["items"], definitions)
    if "const" in result:
        result["enum"] = [result.pop("const")]
    return result


def _without_null(schema: Schema, definitions: Schema) -> Schema:
    (kept,) = (part for part in schema["anyOf"] if part.get("type") != "null")
    rest = {key: part for key, part in schema.items() if key not in {"anyOf", "default"}}
    return {**_shrunk(kept, definitions), **rest}


_log = logging.getLogger(__name__)

_AS_IT_STANDS = frozenset({bool, int, str, type(None)})
_UNSURE = "Whether something was changed is unknown."


@contextmanager
def foreseen(crashed: Exception) -> Iterator[None]:
    """The one boundary: what nobody foresaw goes on without its own words.

    Args:
        crashed: what is raised in its place.
    """
    try:
        yield
    except (FwError, MCPError, ResourceError):
        raise
    except Exception as crash:
        _log.exception("crashed: %s", type(crash).__name__)
        raise crashed from crash


class Schemas(GenerateJsonSchema):
    """Schemas, where a default that is JSON as it stands costs no serializer of its own."""

    def encode_default(self, dft: Any) -> Any:  # noqa: ANN401  pydantic's signature
        """Write a default down."""
        return dft if type(dft) in _AS_IT_STANDS else super().encode_default(dft)


class Arguments(ArgModelBase):
    """The arguments of a call; what the tool does not know is refused."""

    model_config = ConfigDict(extra="forbid")


class LibraryTool(Tool):
    """A tool on the library, published with a plain schema and refusing what it does not know."""

    async def run(
        self,
        arguments: dict[str, Any],
        context: Context[Any, Any],
        convert_result: bool = False,  # noqa: ARG002  the SDK's signature
    ) -> CallToolResult | InputRequiredResult:
        """Run the tool; whatever is raised on purpose comes out as an error result of our words."""
        with operation("tools/call", self.name) as call:
            try:
                libraries = context.request_context.lifespan_context
                with answering(libraries), serving(request_of(context)):
                    result = await self._told(arguments, context)
            except FwError as error:
                # No library was opened.
                result = _refusal(error)
            if isinstance(result, CallToolResult) and result.is_error:
                call.error = "tool_error"
            return result

    async def _told(
        self, arguments: dict[str, Any], context: Call
    ) -> CallToolResult | InputRequiredResult:
        try:
            with foreseen(UnexpectedToolError(_crashed(self.name))):
                given = read_arguments(
                    f"{self.name} was not run", self.fn_metadata.arg_model, arguments
                )
                result = await self.fn(ctx=context, **given)
        except FwError as error:
            return _refusal(error)
        except UnexpectedToolError as crash:
            return _failed(str(crash), Reason.UNEXPECTED, _UNSURE, None)
        if isinstance(result, InputRequiredResult | CallToolResult):
            return result
        return _answer(result)


@cache
def library_tool(fn: Callable[..., Awaitable[Any]]) -> Tool:
    """The tool that `fn` is, named after it; title and hints come from the table of effects.

    It is made once: a definition never changes, and its schemas take long to make. The SDK's own
    `from_function` would make each of them three times.
    """
    effect = EFFECTS[fn.__name__]
    signature = inspect.signature(fn, eval_str=True)
    arguments = _arguments(fn.__name__, signature)
    return LibraryTool(
        fn=fn,
        name=fn.__name__,
        title=effect.title,
        description=inspect.getdoc(fn) or "",
        parameters=plain(arguments.model_json_schema(schema_generator=Schemas)),
        fn_metadata=FuncMetadata(arg_model=arguments, output_schema=_output_schema(signature)),
        is_async=True,
        annotations=_hints(effect),
    )


def _arguments(tool: str, signature: inspect.Signature) -> type[Arguments]:
    fields: dict[str, Any] = {
        name: (
            parameter.annotation,
            ... if parameter.default is inspect.Parameter.empty else parameter.default,
        )
        for name, parameter in signature.parameters.items()
        if parameter.annotation is not Call
    }
    return create_model(f"{tool}Arguments", __base__=Arguments, **fields)


def _output_schema(signature: inspect.Signature) -> Schema | None:
    """The schema of a structured result; None where a tool gives content alone."""
    given = signature.return_annotation
    for one in get_args(given) or (given,):
        if issubclass(one, ToolResult):
            return outline(plain(one.model_json_schema(schema_generator=Schemas)))
    return None


def _hints(effect: ToolEffect) -> ToolAnnotations:
    return ToolAnnotations(
        title=effect.title,
        read_only_hint=effect.read_only,
        destructive_hint=effect.destructive,
        idempotent_hint=effect.idempotent,
        open_world_hint=effect.open_world,
    )


def _answer(result: ToolResult) -> CallToolResult:
    return CallToolResult(
        content=[TextContent(type="text", text=result.text())],
        structured_content=result.structured(),
    )


def _refusal(error: FwError) -> CallToolResult:
    _log.info("refused: %s", error.reason)
    return _failed(str(error), error.reason, error.state, error.retry_after_s)


def _failed(text: str, reason: Reason, state: str, retry_after_s: float | None) -> CallToolResult:
    """An error in words, and in `_meta` for programs."""
    mark({"fw_mcp.reason": reason.value})
    meta: dict[str, Any] = {"fw_mcp/reason": reason.value, "fw_mcp/state": state}
    if retry_after_s is not None:
        meta["fw_mcp/retry_after_s"] = math.ceil(retry_after_s)
    content = [TextContent(type="text", text=text)]
    return CallToolResult(content=content, is_error=True, _meta=meta)


def _crashed(tool: str) -> str:
    return (
        f"{tool} failed unexpectedly. {_UNSURE} "
        "search_images shows the library as it is. Tell the person to look at the server's log on "
        f"stderr. (reason: {Reason.UNEXPECTED})"
    )
