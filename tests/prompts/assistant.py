"""An assistant that works by a prompt: it does what the text says, and only that.

A session is scripted, but what it may call is taken from the rendered prompt: a call that the
prompt does not name fails the session, and so does a step that no session of the prompt has played.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from mcp.client import Client
from mcp.types import CallToolResult, ImageContent, TextContent

from fw_mcp.guard.effects import EFFECTS
from tests.support.studio import said

Rows = Sequence[Mapping[str, Any]]

BATCH = 12
"""Pictures that one call shows."""

_CODE = re.compile(r"`([^`]+)`")
_NAME = re.compile(r"\w+")
_SETTING = re.compile(r"(\w+): (.+)")
_STEP = re.compile(r"^\d+\. .*(?:\n {2,}.*)*", re.MULTILINE)
_RESOURCE = re.compile(r"finerworks://\w+")


@dataclass(frozen=True)
class Text:
    """A rendered prompt, as a reader of its words takes it.

    Attributes:
        text: the whole of it, or its numbered steps.
    """

    text: str

    @property
    def steps(self) -> "Text":
        """What is to be done, without the words between."""
        return Text("\n".join(_STEP.findall(self.text)))

    @property
    def names(self) -> list[str]:
        """Every word in backticks, and the name of every setting, in order."""
        named = (_SETTING.fullmatch(code) for code in self._codes)
        return [
            setting[1] if setting else code
            for code, setting in zip(self._codes, named, strict=True)
            if setting or _NAME.fullmatch(code)
        ]

    @property
    def settings(self) -> list[tuple[str, object]]:
        """Every `name: value`, in order, its value as JSON."""
        found = map(_SETTING.fullmatch, self._codes)
        return [(setting[1], json.loads(setting[2])) for setting in found if setting]

    @property
    def tools(self) -> list[str]:
        """The tools that are named, in the order of first mention."""
        return list(dict.fromkeys(name for name in self.names if name in EFFECTS))

    @property
    def resources(self) -> set[str]:
        """The resources that are named, without what stands in for a guid."""
        return set(_RESOURCE.findall(self.text))

    @property
    def _codes(self) -> list[str]:
        return [" ".join(code.split()) for code in _CODE.findall(self.text)]


@dataclass(frozen=True)
class Picture:
    """A picture as a model sees it, with the caption that follows it."""

    mime_type: str
    base64: str
    caption: str


@dataclass
class Assistant:
    """Somebody who works by a prompt.

    Attributes:
        known: every argument that a tool takes, at any depth.
        calls: what was called with what, oldest first.
        said: what the results said, oldest first; `{}` for pictures.
        read: the resources that were read.
    """

    client: Client
    prompt: Text
    known: frozenset[str]
    calls: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    said: list[dict[str, Any]] = field(default_factory=list)
    read: set[str] = field(default_factory=set)

    async def call(self, tool: str, **arguments: object) -> dict[str, Any]:
        """Call a tool in the words of the prompt, and give what it said."""
        result = said(await self.result(tool, **arguments))
        self.said.append(result)
        return result

    async def look(self, guids: Sequence[str], **arguments: object) -> list[Picture]:
        """Look at pictures, so many in a call as the prompt allows."""
        seen: list[Picture] = []
        for first in range(0, len(guids), BATCH):
            batch = list(guids[first : first + BATCH])
            result = await self.result("view_images", guids=batch, **arguments)
            assert not result.is_error, result.content
            assert result.structured_content is None
            seen += pictures(result)
        return seen

    async def result(self, tool: str, **arguments: object) -> CallToolResult:
        """Call a tool in the words of the prompt; it may refuse."""
        unnamed = {tool, *_keys(arguments)} - set(self.prompt.names)
        assert not unnamed, f"the prompt does not name {sorted(unnamed)}"
        self.calls.append((tool, arguments))
        return await self.client.call_tool(tool, arguments)

    async def resource(self, template: str, guid: str) -> dict[str, Any]:
        """Read a resource that the prompt names."""
        assert template in self.prompt.text
        self.read.add(template.partition("/{")[0])
        (content,) = (await self.client.read_resource(template.replace("{guid}", guid))).contents
        text: str = getattr(content, "text", "")
        document: dict[str, Any] = json.loads(text)
        return document


async def assistant(client: Client, prompt: str, **arguments: str) -> Assistant:
    """Somebody who was given `prompt`, filled in."""
    (message,) = (await client.get_prompt(prompt, arguments)).messages
    assert isinstance(message.content, TextContent)
    tools = (await client.list_tools()).tools
    known = frozenset(name for tool in tools for name in _properties(tool.input_schema))
    return Assistant(client, Text(message.content.text), known)


def assert_played(*sessions: Assistant) -> None:
    """Between them, the sessions of a prompt do all that its steps name, in the order of the steps.

    Every tool, every argument, every setting with its value, every status and every resource.
    """
    steps = sessions[0].prompt.steps
    calls = [call for one in sessions for call in one.calls]
    results = [result for one in sessions for result in one.said]
    named = set(steps.names) & (sessions[0].known | set(steps.tools))
    idle = named - {tool for tool, _ in calls} - set(_keys([given for _, given in calls]))
    assert not idle, f"no session uses {sorted(idle)}"
    unset = [one for one in steps.settings if one not in _settings([*calls, *results])]
    assert not unset, f"no session sets {unset}"
    unread = steps.resources.difference(*(one.read for one in sessions))
    assert not unread, f"no session reads {sorted(unread)}"
    for one in sessions:
        order = list(dict.fromkeys(tool for tool, _ in one.calls))
        asked = [tool for tool in steps.tools if tool in order]
        assert order == asked, f"called in this order: {order}, which is not {asked}"


def pictures(result: CallToolResult) -> list[Picture]:
    """The pictures of a result, each with the text that follows it."""
    blocks = result.content
    return [
        Picture(block.mime_type, block.data, caption.text)
        for block, caption in pairwise(blocks)
        if isinstance(block, ImageContent) and isinstance(caption, TextContent)
    ]


def _properties(schema: object) -> Iterator[str]:
    if isinstance(schema, dict):
        yield from schema.get("properties", {})
        for part in schema.values():
            yield from _properties(part)


def _keys(document: object) -> Iterator[str]:
    """The names in a JSON document, at any depth."""
    if isinstance(document, dict):
        yield from document
    parts = document.values() if isinstance(document, dict) else document
    if isinstance(parts, Iterable) and not isinstance(parts, str):
        for part in parts:
            yield from _keys(part)


def _settings(parts: Iterable[object]) -> list[tuple[str, object]]:
    documents = (part[1] if isinstance(part, tuple) else part for part in parts)
    return [pair for one in documents if isinstance(one, dict) for pair in one.items()]
