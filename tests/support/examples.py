"""docs/tools: a page for each tool, its examples played on the sandbox when the page is made."""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import anyio
from mcp.client import Client
from mcp.types import CallToolResult, Tool

from tests.support.studio import Studio, make_studio
from tests.support.truth import new_image, sold, unsold

TOOL_PAGES = Path(__file__).parents[2] / "docs" / "tools"
_LINES = 9
_LETTERS = 240
_GUID = re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b")
_GUID_IN_SHORT = re.compile(r"\([0-9a-f]{8}\)")
_CHANGE = re.compile(r"\b[0-9a-f]{16}\b")
_DAY = re.compile(r"\b20\d\d-\d\d-\d\d(?:[T ][\d:.]+(?:Z|[+-]\d\d:\d\d)?)?")
_KEY = re.compile(r"\b((?:change_id|plan_id|continue_handle)\"?:?=? \"?)[\w-]{16,}")
_ON_THIS_DAY = "2026-11-28"
_NEXT = (
    "When a person is asked: [safety.md](../safety.md). All tools and pages: "
    "[documentation](../README.md)."
)

Arguments = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Given:
    """What the examples are about: images of the sandbox, and the last change made there."""

    sold: Sequence[str]
    plain: Sequence[str]
    master: str
    change_id: str


@dataclass(frozen=True, slots=True)
class Example:
    """One call, and when somebody makes it."""

    when: str
    arguments: Callable[[Given], Arguments]


EXAMPLES: Mapping[str, Sequence[Example]] = {
    "search_images": (
        Example("Find photos by words", lambda _: {"search_filter": "Milky Way", "per_page": 2}),
        Example(
            "Which are large enough for a print",
            lambda _: {"only": ["large_enough"], "print_size": "24x36 in", "per_page": 2},
        ),
        Example("Count, and see what is wrong", lambda _: {"summary": True}),
    ),
    "search_products": (
        Example("What sells below its cost", lambda _: {"only": ["below_cost"], "per_page": 2}),
        Example("Add it all up", lambda _: {"summary": True}),
        Example("Products of an image", lambda one: {"guid_filter": [one.sold[0]]}),
    ),
    "view_images": (Example("Look at a picture", lambda one: {"guids": [one.plain[0]]}),),
    "inspect_files": (Example("Before a file is added", lambda one: {"files": [one.master]}),),
    "add_images": (
        Example(
            "See first what would happen",
            lambda _: {"images": [new_image(1)], "dry_run": True},
        ),
        Example("Add a photo", lambda _: {"images": [new_image(1)]}),
    ),
    "update_image_metadata": (
        Example(
            "An image without products",
            lambda one: {"images": [{"guid": one.plain[0], "title": "Fog at dawn"}]},
        ),
        Example(
            "An image with products: a person is asked",
            lambda one: {"images": [{"guid": one.sold[0], "title": "Fog at noon"}]},
        ),
    ),
    "delete_images": (
        Example("A person is asked", lambda one: {"guids": [one.sold[0]]}),
        Example(
            "See what would be removed, ask no one",
            lambda one: {"guids": [one.plain[0]], "dry_run": True},
        ),
    ),
    "set_selection": (Example("A new selection", lambda one: {"guids": list(one.plain)}),),
    "list_changes": (Example("What was done", lambda _: {}),),
    "undo_change": (
        Example("See what it would do", lambda one: {"change_id": one.change_id, "dry_run": True}),
        Example("Take it back", lambda one: {"change_id": one.change_id}),
    ),
}


def tool_page(tool: Tool) -> str:
    """The page of a tool: what it is for, and its examples as they were answered."""
    first, _, rest = (tool.description or "").partition("\n\n")
    parts = [f"# {tool.name}", first, rest, *_played()[tool.name]]
    taken = "\n".join(_parameters(tool.input_schema))
    return "\n\n".join([*parts, "## Parameters", taken, _NEXT]) + "\n"


def _parameters(schema: Mapping[str, Any], above: str = "") -> Iterator[str]:
    """One row each; those of the items of a list below it."""
    if not above:
        yield "| parameter | kind | meaning |"
        yield "| --- | --- | --- |"
    for name, one in schema["properties"].items():
        must = ", required" if name in schema.get("required", ()) else ""
        items = one.get("items", {})
        values = one.get("enum") or items.get("enum") or ()
        choices = f": {', '.join(f'`{value}`' for value in values)}" if values else ""
        default = f" Default `{json.dumps(one['default'])}`." if one.get("default") else ""
        meaning = f"{one.get('description', '')}{default}".replace("|", "\\|")
        yield f"| `{above}{name}` | {one['type']}{choices}{must} | {meaning} |"
        if "properties" in items:
            yield from _parameters(items, f"{above}{name}[].")


@cache
def _played() -> Mapping[str, Sequence[str]]:
    return anyio.run(_play_all)


async def _play_all() -> Mapping[str, Sequence[str]]:
    played = {}
    for tool, examples in EXAMPLES.items():
        studio = make_studio(tried=True)
        async with studio.client() as client:
            offered = {one.name for one in (await client.list_tools()).tools}
            if tool in offered:
                given = await _given(studio, client)
                played[tool] = await _play(client, tool, examples, given)
    return played


async def _given(studio: Studio, client: Client) -> Given:
    plain, products = await unsold(studio, 3), await sold(studio, 1)
    texts = [{"guid": plain[2].guid, "title": "A new title"}]
    changed = await client.call_tool("update_image_metadata", {"images": texts})
    return Given(
        [one.guid for one in products],
        [one.guid for one in plain[:2]],
        plain[0].private_hires_uri or "",
        (changed.structured_content or {})["change_id"],
    )


async def _play(
    client: Client, tool: str, examples: Sequence[Example], given: Given
) -> Sequence[str]:
    steady = _Steady()
    pages = []
    for example in examples:
        arguments = example.arguments(given)
        result = await client.call_tool(tool, arguments)
        assert not result.is_error, result
        asked = steady(json.dumps(arguments, indent=1))
        answered = "\n".join(map(_cut, _lines(steady(_text(result)))))
        pages += [f"## {example.when}", f"```json\n{asked}\n```", f"```text\n{answered}\n```"]
    return pages


class _Steady:
    """What is another with each run, the same on each page: guids, keys and days."""

    def __init__(self) -> None:
        self._guids: dict[str, str] = {}

    def __call__(self, text: str) -> str:
        keyed = _CHANGE.sub("…", _KEY.sub(r"\1…", text))
        keyed = _GUID_IN_SHORT.sub("(00000000)", keyed)
        return _DAY.sub(_ON_THIS_DAY, _GUID.sub(lambda found: self._guid(found[0]), keyed))

    def _guid(self, guid: str) -> str:
        number = len(self._guids) + 1
        return self._guids.setdefault(guid, f"00000000-0000-4000-8000-{number:012}")


def _text(result: CallToolResult) -> str:
    return "\n".join(
        block.text if block.type == "text" else f"[{block.type}]" for block in result.content
    )


def _lines(text: str) -> Sequence[str]:
    lines = text.splitlines()
    return lines if len(lines) <= _LINES else [*lines[: _LINES - 1], "…"]


def _cut(line: str) -> str:
    return line if len(line) <= _LETTERS else line[: _LETTERS - 1] + "…"
