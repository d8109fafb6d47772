"""Completions: the values a host offers while a person fills in a prompt or an address."""

from collections.abc import Awaitable, Callable, Sequence
from types import MappingProxyType
from typing import get_args

from mcp.types import (
    Completion,
    CompletionArgument,
    CompletionContext,
    PromptReference,
    ResourceTemplateReference,
)

from fw_mcp.api.models import LibraryName, SortDirection, SortField
from fw_mcp.server.prompts import PromptFile

Reference = PromptReference | ResourceTemplateReference
Complete = Callable[
    [Reference, CompletionArgument, CompletionContext | None], Awaitable[Completion | None]
]

_MOST = 100  # the protocol's own limit
_IMAGES_TEMPLATE = "finerworks://images{?"
_QUERY_VALUES = MappingProxyType(
    {
        "library": get_args(LibraryName),
        "sort_field": get_args(SortField),
        "sort_direction": get_args(SortDirection),
        "active": ("true", "false"),
    }
)


def completer(prompts: Callable[[], Sequence[PromptFile]]) -> Complete:
    """What ``MCPServer.completion()`` registers.

    Args:
        prompts: called when a prompt's argument is completed, so that starting reads no file.

    Returns:
        A function that gives the values beginning with what was typed, in either case; None for a
        reference or an argument without a fixed set of values.
    """

    async def complete(
        ref: Reference, argument: CompletionArgument, _context: CompletionContext | None
    ) -> Completion | None:
        values = _values(ref, argument.name, prompts)
        return _beginning_with(argument.value, values) if values else None

    return complete


def _values(
    ref: Reference, name: str, prompts: Callable[[], Sequence[PromptFile]]
) -> Sequence[str]:
    if isinstance(ref, ResourceTemplateReference):
        return _QUERY_VALUES.get(name, ()) if ref.uri.startswith(_IMAGES_TEMPLATE) else ()
    arguments = [one.argument(name) for one in prompts() if one.name == ref.name]
    return arguments[0].choices if arguments and arguments[0] else ()


def _beginning_with(typed: str, values: Sequence[str]) -> Completion:
    found = [value for value in values if value.casefold().startswith(typed.casefold())]
    return Completion(values=found[:_MOST], total=len(found), has_more=len(found) > _MOST)
