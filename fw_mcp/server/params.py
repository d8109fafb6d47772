"""The params of a request as programs spell them, before the SDK refuses what it does not know.

The SDK's refusal is an error of the protocol, which no model reads and which names no field.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from mcp.server.context import CallNext, HandlerResult, ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp.types import INVALID_PARAMS
from pydantic_core import from_json

Params = Mapping[str, Any]


async def as_meant(ctx: ServerRequestContext[Any, Any], call_next: CallNext) -> HandlerResult:
    """Let a request through with its params in the protocol's own spelling."""
    if ctx.params is None:
        return await call_next(ctx)
    params = {**ctx.params}
    if "_meta" in params:
        params["_meta"] = _meta(params["_meta"])
    match ctx.method:
        case "tools/call" if "arguments" in params:
            params["arguments"] = _object(params["arguments"])
        case "prompts/get" if "arguments" in params:
            params["arguments"] = _texts(_object(params["arguments"]))
        case "completion/complete":
            params = _completion(params)
    return await call_next(replace(ctx, params=params))


def _meta(meta: Any) -> object:  # noqa: ANN401  any JSON
    """A progress token that is none is none: nobody can be told of progress by it."""
    match meta:
        case None | []:
            return {}
        case {"progressToken": token} if isinstance(token, bool) or not isinstance(
            token, int | str
        ):
            return {key: part for key, part in meta.items() if key != "progressToken"}
    return meta


def _completion(params: Params) -> dict[str, Any]:
    read = {**params}
    if isinstance(argument := params.get("argument"), dict):
        read["argument"] = {"value": "", **_texts(argument)}
    if "context" in params:
        context = _object(params["context"])
        if "arguments" in context:
            context["arguments"] = _texts(_object(context["arguments"]))
        read["context"] = context
    return read


def _object(value: object) -> dict[str, Any]:
    """The object that null, an empty list, no text, or JSON text stands for."""
    read = value
    if isinstance(value, str) and value.strip():
        try:
            read = from_json(value)
        except ValueError:
            read = value
    if isinstance(read, dict):
        return read
    if read is None or read == [] or (isinstance(read, str) and not read.strip()):
        return {}
    raise MCPError(
        code=INVALID_PARAMS,
        message="arguments is not an object: write it as {}, with each argument by its name.",
    )


def _texts(values: Params) -> dict[str, Any]:
    """Texts: a number stands for its digits, null for nothing."""
    return {name: _text(value) for name, value in values.items() if value is not None}


def _text(value: object) -> object:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int) else value
