"""What hosts and people read of this server, kept as reviewed files.

`python -m tests.support.contract` rewrites them; `tests/test_contract.py` fails while one differs.
"""

import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
from mcp.types import Prompt, Resource, ResourceTemplate, Tool
from pydantic import BaseModel

from fw_mcp.guard.effects import EFFECTS
from tests.support.examples import TOOL_PAGES, tool_page
from tests.support.hosts import DOCS
from tests.support.readme import README, SETTINGS, hosts_page, readme, settings_page
from tests.support.studio import make_studio
from tests.support.uploading import Shelf

ROOT = Path(__file__).parents[2]
DEFINITIONS = ROOT / "tests" / "definitions"


@dataclass(frozen=True, slots=True)
class Published:
    """All that a server with every tool on tells a host, as the newest protocol lists it.

    Attributes:
        from_files: how the tool that adds is listed where files can be uploaded.
    """

    instructions: str
    from_files: Tool
    tools: tuple[Tool, ...]
    resources: tuple[Resource, ...]
    templates: tuple[ResourceTemplate, ...]
    prompts: tuple[Prompt, ...]


@dataclass(frozen=True, slots=True)
class Artefact:
    """A file, or a part of one, that is made from what is published.

    Attributes:
        path: the file.
        text: the whole text that the file shall have.
    """

    path: Path
    text: Callable[[Published], str]


def _tool(name: str) -> Artefact:
    return Artefact(
        DEFINITIONS / f"{name}.json",
        lambda published: _json(*(_plain(one) for one in published.tools if one.name == name)),
    )


def _page(name: str) -> Artefact:
    return Artefact(
        TOOL_PAGES / f"{name}.md",
        lambda published: "".join(tool_page(one) for one in published.tools if one.name == name),
    )


ARTEFACTS = (
    *(_tool(name) for name in EFFECTS),
    *(_page(name) for name in EFFECTS),
    Artefact(
        DEFINITIONS / "resources.json", lambda one: _json(_plain_all(one.resources, one.templates))
    ),
    Artefact(DEFINITIONS / "add_images_from_files.json", lambda one: _json(_plain(one.from_files))),
    Artefact(DEFINITIONS / "prompts.json", lambda one: _json(_plain_all(one.prompts))),
    Artefact(README, lambda one: readme(one.tools, one.prompts)),
    Artefact(SETTINGS, lambda _: settings_page()),
    Artefact(DOCS, lambda _: hosts_page()),
    Artefact(DEFINITIONS / "instructions.txt", lambda one: one.instructions + "\n"),
)


def published() -> Published:
    """Ask a server, as a host does."""
    return anyio.run(_published)


async def _published() -> Published:
    from_files = await listed_from_files()
    async with make_studio().client() as client:
        return Published(
            instructions=client.instructions or "",
            from_files=next(tool for tool in from_files if tool.name == "add_images"),
            tools=tuple((await client.list_tools()).tools),
            resources=tuple((await client.list_resources()).resources),
            templates=tuple((await client.list_resource_templates()).resource_templates),
            prompts=tuple((await client.list_prompts()).prompts),
        )


async def listed_from_files() -> list[Tool]:
    """The tools where files can be uploaded."""
    async with make_studio(shelf=Shelf(), folders=[ROOT]).client() as client:
        return (await client.list_tools()).tools


def _plain(definition: BaseModel) -> dict[str, Any]:
    return definition.model_dump(mode="json", by_alias=True, exclude_none=True)


def _plain_all(*definitions: Sequence[BaseModel]) -> list[dict[str, Any]]:
    return [_plain(one) for some in definitions for one in some]


def _json(document: object) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def main() -> None:
    """Rewrite every artefact, and remove the definitions of what is gone."""
    # The SDK would log each request.
    logging.disable(logging.INFO)
    now = published()
    DEFINITIONS.mkdir(exist_ok=True)
    TOOL_PAGES.mkdir(exist_ok=True)
    for gone in set(DEFINITIONS.iterdir()) - {artefact.path for artefact in ARTEFACTS}:
        gone.unlink()
    for artefact in ARTEFACTS:
        artefact.path.write_text(artefact.text(now), encoding="utf-8")


if __name__ == "__main__":
    main()
