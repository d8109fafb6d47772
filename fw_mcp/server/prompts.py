"""The prompts: Markdown files with a TOML header, and the values a host offers to fill them in."""

import json
import re
import tomllib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Literal, Self, get_args

from mcp import MCPError
from mcp.types import (
    INVALID_PARAMS,
    Completion,
    CompletionArgument,
    CompletionContext,
    GetPromptResult,
    Prompt,
    PromptArgument,
    PromptMessage,
    PromptReference,
    ResourceTemplateReference,
    TextContent,
)
from pydantic import BaseModel, ConfigDict, Field, StrictBool, model_validator

from fw_mcp.api.models import LibraryName, SortDirection, SortField
from fw_mcp.errors import ConfigError, Reason
from fw_mcp.text import quoted, visible

_PACKAGE = Path(__file__).resolve().parents[1]
_FILE = re.compile(r"\+\+\+\n(?P<header>.*?\n)\+\+\+\n(?P<body>.*)", re.DOTALL)
_PLACEHOLDER = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_NAME = r"^[a-z][a-z0-9_]{0,39}$"
_LONGEST_VALUE = 4_000
_DECLARED = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class Argument(BaseModel):
    """One argument of a prompt, as its file declares it.

    Attributes:
        type: `text`, or `integer` for a whole number from 1.
        choices: the only values taken; empty takes any.
        default: stands in when the argument is not given; "" for none.
    """

    model_config = _DECLARED

    name: str = Field(pattern=_NAME)
    description: str = Field(min_length=1, max_length=200)
    required: StrictBool = False
    type: Literal["text", "integer"] = "text"
    choices: tuple[str, ...] = ()
    default: str = ""

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        if self.required and self.default:
            raise ValueError("a required argument has no default")
        if self.default and self.fault(self.default):
            raise ValueError("the default is not a value that the argument takes")
        return self

    @property
    def usage(self) -> str:
        """The description, with what it takes and what stands in for it."""
        choices = f" One of: {', '.join(self.choices)}." if self.choices else ""
        default = f" Default: {self.default}." if self.default else ""
        return f"{self.description}{choices}{default}"

    def fault(self, value: str) -> str | None:
        """What is wrong with `value`, as a clause; None when it can be used."""
        if len(value) > _LONGEST_VALUE:
            return f"{self.name} has {len(value)} characters, at most {_LONGEST_VALUE} are taken"
        if self.choices and value not in self.choices:
            return f"{self.name} is {quoted(value)}, not one of {', '.join(self.choices)}"
        if self.type == "integer" and not re.fullmatch(r"[1-9][0-9]{0,5}", value):
            return f"{self.name} is {quoted(value)}, not a whole number from 1"
        return None


class Header(BaseModel):
    """What a host shows of a prompt before anybody picks it."""

    model_config = _DECLARED

    title: str = Field(min_length=1, max_length=60)
    description: str = Field(min_length=1, max_length=200)
    arguments: tuple[Argument, ...] = ()


class PromptFile(BaseModel):
    """A prompt as its file has it."""

    model_config = _DECLARED

    name: str = Field(pattern=_NAME)
    header: Header
    body: str = Field(min_length=1, max_length=8_000)

    @model_validator(mode="after")
    def _uses_its_arguments(self) -> Self:
        names = [argument.name for argument in self.header.arguments]
        if len(names) != len(set(names)):
            raise ValueError("two arguments share a name")
        if set(_PLACEHOLDER.findall(self.body)) != set(names):
            raise ValueError("the placeholders of the body are not the arguments of the header")
        return self

    def argument(self, name: str) -> Argument | None:
        """The argument called `name`, if the prompt has it."""
        return next((one for one in self.header.arguments if one.name == name), None)


def load_prompts(folder: Path | None = None) -> tuple[PromptFile, ...]:
    """Read the prompts, by name.

    Args:
        folder: where the files are; None takes the package's own.

    Raises:
        ConfigError: there are none, or one cannot be read as a prompt.
    """
    folder = folder or prompts_folder()
    files = sorted(folder.glob("*.md"))
    if not files:
        raise _unusable("The prompts of fw-mcp are missing.")
    return tuple(parse_prompt(file.stem, file.read_text(encoding="utf-8")) for file in files)


def prompts_folder(package: Path = _PACKAGE) -> Path:
    """Where the prompts are: inside an installed package, beside the package in a checkout."""
    inside = package / "prompts"
    return inside if inside.is_dir() else package.parent / "prompts"


def parse_prompt(name: str, text: str) -> PromptFile:
    """Read one prompt file.

    Args:
        name: the prompt's name, which is the file's name without its suffix.
        text: the whole file.

    Raises:
        ConfigError: the header is missing, unreadable or does not fit the body.
    """
    parts = _FILE.fullmatch(text)
    if parts is None:
        raise _unusable(f"The prompt {name} does not open with a header between two +++ lines.")
    try:
        header = tomllib.loads(parts["header"])
        return PromptFile.model_validate(
            {"name": name, "header": header, "body": parts["body"].strip()}
        )
    except ValueError as fault:
        raise _unusable(f"The prompt {name} cannot be read as a prompt.") from fault


def listed_prompts(prompts: Sequence[PromptFile]) -> list[Prompt]:
    """The answer to ``prompts/list``."""
    return [
        Prompt(
            name=prompt.name,
            title=prompt.header.title,
            description=prompt.header.description,
            arguments=[
                PromptArgument(
                    name=argument.name, description=argument.usage, required=argument.required
                )
                for argument in prompt.header.arguments
            ],
        )
        for prompt in prompts
    ]


def render_prompt(
    prompts: Sequence[PromptFile], name: str, arguments: Mapping[str, str] | None
) -> GetPromptResult:
    """The answer to ``prompts/get``: one message in the person's name.

    Args:
        prompts: the prompts there are.
        name: the prompt asked for.
        arguments: the person's values; a blank one counts as not given.

    Raises:
        MCPError: invalid parameters, naming every fault and what would be right.
    """
    prompt = next((one for one in prompts if one.name == name), None)
    if prompt is None:
        raise _refused(
            f"There is no prompt {quoted(name)}.",
            f"The prompts are {', '.join(one.name for one in prompts)}.",
        )
    given = {key: value.strip() for key, value in (arguments or {}).items()}
    if faults := _faults(prompt, given):
        usage = " ".join(f"{one.name}: {one.usage}" for one in prompt.header.arguments)
        raise _refused(
            f"Invalid arguments for the prompt {prompt.name}: {'; '.join(faults)}.",
            usage or "It takes no arguments.",
        )
    text = TextContent(type="text", text=_filled(prompt, given))
    return GetPromptResult(
        description=prompt.header.description, messages=[PromptMessage(role="user", content=text)]
    )


def _faults(prompt: PromptFile, given: Mapping[str, str]) -> list[str]:
    names = [name for name in given if prompt.argument(name) is None]
    unknown = [f"unknown argument {quoted(name)}" for name in names]
    checked = [_fault(argument, given.get(argument.name)) for argument in prompt.header.arguments]
    return unknown + [fault for fault in checked if fault]


def _fault(argument: Argument, value: str | None) -> str | None:
    if value:
        return argument.fault(value)
    return f"{argument.name} is missing" if argument.required else None


def _filled(prompt: PromptFile, given: Mapping[str, str]) -> str:
    texts = {
        argument.name: _as_quoted_text(given.get(argument.name) or argument.default)
        for argument in prompt.header.arguments
    }
    # One pass: braces inside a value are never read as a placeholder.
    return _PLACEHOLDER.sub(lambda placeholder: texts[placeholder[1]], prompt.body)


def _as_quoted_text(value: str) -> str:
    return visible(json.dumps(value, ensure_ascii=False)) if value else "(not given)"


def _refused(what: str, next_step: str) -> MCPError:
    return MCPError(code=INVALID_PARAMS, message=f"{what} Nothing was rendered. {next_step}")


def _unusable(what: str) -> ConfigError:
    return ConfigError(
        what,
        state="Prompts are unavailable; tools still work.",
        next_step="Install fw-mcp again; in a checkout, correct the file.",
        reason=Reason.UNEXPECTED,
    )


Reference = PromptReference | ResourceTemplateReference
Complete = Callable[
    [Reference, CompletionArgument, CompletionContext | None], Awaitable[Completion | None]
]

_MOST = 100  # the protocol's own limit
_PAGES_TEMPLATES = ("finerworks://images{?", "finerworks://products{?")
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
        is_asked = ref.uri.startswith(_PAGES_TEMPLATES) and name in ref.uri
        return _QUERY_VALUES.get(name, ()) if is_asked else ()
    arguments = [one.argument(name) for one in prompts() if one.name == ref.name]
    return arguments[0].choices if arguments and arguments[0] else ()


def _beginning_with(typed: str, values: Sequence[str]) -> Completion:
    found = [value for value in values if value.casefold().startswith(typed.casefold())]
    return Completion(values=found[:_MOST], total=len(found), has_more=len(found) > _MOST)
