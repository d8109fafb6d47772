"""What registries and hosts read of this release, from one place: `make contract` writes it.

Versions, descriptions and limits come from the code, and the pins from requirements/runtime.txt.
Who publishes it is in pyproject.toml, under `project.urls`.
"""

import json
import sys
import tomllib
from pathlib import Path
from typing import Any

from fw_mcp import __version__
from fw_mcp.api.connection import KEYS_PAGE
from fw_mcp.cli.hosts import NAME
from fw_mcp.config import Settings, option, variable
from fw_mcp.guard.effects import EFFECTS

ROOT = Path(__file__).parents[1]
_COMMAND = "fw-mcp"
_TITLE = "FinerWorks image library"
_KEYS = ("web_api_key", "app_key")
_TRYING = "To try it on a fictional studio, turn on the sandbox and leave both keys empty."
_PUBLISHED = f"{_COMMAND}=={__version__}"
# The schema that the registry of MCP servers publishes for this file.
_SCHEMA = "https://static.modelcontextprotocol.io/schemas/2025-12-11/server.schema.json"
_SERVER = '''\
"""What the bundle starts."""

import sys

from fw_mcp.cli.main import main

sys.exit(main())
'''
_ENTRY = "src/server.py"
ICON = "packaging/icon.png"
ICON_OF_THE_BUNDLE = "icon.png"
_ICON_SIZE = "512x512"


def _project() -> dict[str, Any]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert isinstance(project, dict)  # noqa: S101  a table, by what TOML says
    return project


PROJECT = _project()
_PAGE = str(PROJECT["urls"]["Repository"])
_PUBLISHER = _PAGE.rpartition("/")[0]
_OWNER = _PUBLISHER.rpartition("/")[2]
_AUTHOR = {"name": PROJECT["authors"][0]["name"], "url": _PUBLISHER}


def _meaning(name: str) -> str:
    meaning = str(Settings.model_fields[name].description)
    return f"{meaning} Get it at {KEYS_PAGE}." if name in _KEYS else meaning


def _asked(name: str, title: str, kind: str = "string", **more: object) -> dict[str, object]:
    return {
        "type": kind,
        "title": title,
        "description": _meaning(name),
        **({"sensitive": True} if name in _KEYS else {}),
        "required": False,
        # Without one some hosts hand on the words ${user_config...} themselves.
        "default": "",
        **more,
    }


def _asked_for() -> dict[str, dict[str, object]]:
    """What a host with a form asks, by the setting that it becomes."""
    limit = Settings.model_fields["max_items"].default
    return {
        "web_api_key": _asked("web_api_key", "FinerWorks web_api_key"),
        "app_key": _asked("app_key", "FinerWorks app_key"),
        "sandbox": _asked("sandbox", "Sandbox", "boolean", default=False),
        "read_only": _asked("read_only", "Read only", "boolean", default=False),
        "max_items": _asked(
            "max_items", "Images per deletion", "number", default=limit, min=1, max=500
        ),
        "file_folders": _asked(
            "file_folders",
            "Folder of your pictures",
            "directory",
            description="The assistant may read pictures in this folder, and add them.",
        ),
    }


def _environment() -> dict[str, str]:
    return {variable(name): f"${{user_config.{name}}}" for name in _asked_for()}


def _file(path: str) -> str:
    """Where a file of this release is."""
    return f"{_PAGE.replace('github.com', 'raw.githubusercontent.com')}/v{__version__}/{path}"


def _registered() -> dict[str, Any]:
    """The entry in the registry of MCP servers."""
    confirm = Settings.model_fields["confirm"]
    read_only = {"format": "boolean", "default": "false", "description": _meaning("read_only")}
    return {
        "$schema": _SCHEMA,
        "name": f"io.github.{_OWNER}/{_COMMAND}",
        "title": _TITLE,
        "description": PROJECT["description"],
        "version": __version__,
        "websiteUrl": _PAGE,
        "icons": [{"src": _file(ICON), "mimeType": "image/png", "sizes": [_ICON_SIZE]}],
        "repository": {"url": _PAGE, "source": "github"},
        "packages": [
            {
                "registryType": "pypi",
                "identifier": _COMMAND,
                "version": __version__,
                "runtimeHint": "uvx",
                "transport": {"type": "stdio"},
                "packageArguments": [
                    {
                        "type": "named",
                        "name": option("confirm"),
                        "default": str(confirm.default),
                        "description": _meaning("confirm"),
                    },
                    {
                        "type": "named",
                        "name": option("max_items"),
                        "format": "number",
                        "default": str(Settings.model_fields["max_items"].default),
                        "description": _meaning("max_items"),
                    },
                ],
                "environmentVariables": [
                    *(
                        {
                            "name": variable(name),
                            "description": _meaning(name),
                            "isRequired": True,
                            "isSecret": True,
                        }
                        for name in _KEYS
                    ),
                    {"name": variable("read_only"), **read_only},
                ],
            }
        ],
    }


def _manifest() -> dict[str, Any]:
    """The manifest of the bundle that Claude Desktop and others install by a click."""
    run = ["run", "--quiet", "--no-dev", "--directory", "${__dirname}", _ENTRY]
    return {
        "manifest_version": "0.4",
        "name": _COMMAND,
        "display_name": _TITLE,
        "version": __version__,
        "description": PROJECT["description"],
        "long_description": _TRYING,
        "author": _AUTHOR,
        "repository": {"type": "git", "url": f"{_PAGE}.git"},
        "homepage": _PAGE,
        "documentation": PROJECT["urls"]["Documentation"],
        "support": PROJECT["urls"]["Issues"],
        "icon": ICON_OF_THE_BUNDLE,
        "server": {
            "type": "uv",
            "entry_point": _ENTRY,
            "mcp_config": {"command": "uv", "args": run, "env": _environment()},
        },
        "tools": [{"name": name, "description": one.title} for name, one in EFFECTS.items()],
        "prompts_generated": True,
        "keywords": PROJECT["keywords"],
        "license": PROJECT["license"],
        "compatibility": {
            "platforms": ["darwin", "linux", "win32"],
            "runtimes": {"python": PROJECT["requires-python"]},
        },
        "user_config": _asked_for(),
    }


def pins() -> list[str]:
    """What runs, each package in its one version, without hashes."""
    lines = (ROOT / "requirements" / "runtime.txt").read_text(encoding="utf-8").splitlines()
    return [line.removesuffix(" \\") for line in lines if not line.startswith(" ")]


def wheel_name() -> str:
    """The file of this release that the bundle brings."""
    return f"fw_mcp-{__version__}-py3-none-any.whl"


def _project_of_the_bundle() -> str:
    packages = "".join(f"  {json.dumps(one)},\n" for one in [_COMMAND, *pins()])
    return f"""\
[project]
name = "fw-mcp-bundle"
version = "{__version__}"
requires-python = "{PROJECT["requires-python"]}"
dependencies = [
{packages}]

[tool.uv]
package = false

[tool.uv.sources]
fw-mcp = {{ path = "{wheel_name()}" }}
"""


def _plugin() -> dict[str, Any]:
    """The plugin of Claude Code."""
    taken = {"type", "title", "description", "sensitive", "required", "default", "min", "max"}
    asked = {
        name: {part: value for part, value in one.items() if part in taken}
        for name, one in _asked_for().items()
        if name != "file_folders"
    }
    env = {name: value for name, value in _environment().items() if "file_folders" not in value}
    return {
        "name": _COMMAND,
        "version": __version__,
        "description": PROJECT["description"],
        "author": _AUTHOR,
        "homepage": _PAGE,
        "license": PROJECT["license"],
        "userConfig": asked,
        "mcpServers": {NAME: {"command": "uvx", "args": [_PUBLISHED], "env": env}},
    }


def _marketplace() -> dict[str, Any]:
    description = PROJECT["description"]
    return {
        "name": _COMMAND,
        "owner": _AUTHOR,
        "metadata": {"description": description, "version": __version__},
        "plugins": [
            {
                "name": _COMMAND,
                "source": "./packaging/claude",
                "description": description,
                "category": "productivity",
            }
        ],
    }


def _extension() -> dict[str, Any]:
    """The extension of Gemini CLI."""
    names = {variable(name): name for name in _KEYS}
    return {
        "name": _COMMAND,
        "version": __version__,
        "description": PROJECT["description"],
        "mcpServers": {
            NAME: {
                "command": "uvx",
                "args": [_PUBLISHED],
                "env": {name: f"${name}" for name in names},
            }
        },
        "settings": [
            {
                "name": f"FinerWorks {setting}",
                "description": _meaning(setting),
                "envVar": name,
                "sensitive": True,
            }
            for name, setting in names.items()
        ],
    }


def _catalogued() -> dict[str, Any]:
    """The entry in Docker's catalog, by the names of its `docs/configuration.md`.

    COMMIT is that of a release, which no file in it can know.
    """
    switches = ("sandbox", "read_only")
    return {
        "name": _COMMAND,
        "image": f"mcp/{_COMMAND}",
        "type": "server",
        "meta": {"category": "ecommerce", "tags": PROJECT["keywords"]},
        "about": {
            "title": _TITLE.title().replace("Finerworks", "FinerWorks"),
            "description": PROJECT["description"],
        },
        "source": {"project": _PAGE, "commit": "COMMIT"},
        "run": {"volumes": [f"{_COMMAND}:/var/lib/fw-mcp"]},
        "config": {
            "description": _TRYING,
            "secrets": [
                {"name": f"{_COMMAND}.{key}", "env": variable(key), "example": f"<{key.upper()}>"}
                for key in _KEYS
            ],
            "env": [
                {
                    "name": variable(name),
                    "example": "true",
                    "value": f"{{{{{_COMMAND}.{name}}}}}",
                }
                for name in switches
            ],
            "parameters": {
                "type": "object",
                "properties": {
                    name: {"type": "boolean", "description": _meaning(name), "default": False}
                    for name in switches
                },
            },
        },
    }


def _yaml(value: object, indent: str = "") -> str:
    """The same as YAML, as prettier has it; words and numbers need no quotes."""
    if isinstance(value, dict):
        pairs = ((name, one, _yaml(one, f"{indent}  ")) for name, one in value.items())
        return "".join(
            f"{indent}{name}:{chr(10) if isinstance(one, dict | list) else ' '}{text}"
            for name, one, text in pairs
        )
    if isinstance(value, list):
        return "".join(f"{indent}- {_yaml(one, f'{indent}  ').lstrip()}" for one in value)
    return f"{json.dumps(value)}\n"


def files() -> dict[str, str]:
    """The text of each generated file, by its path in the repository.

    Gemini CLI and Claude Code look for theirs at the top of a repository.
    """
    documents = {
        "packaging/server.json": _registered(),
        "packaging/bundle/manifest.json": _manifest(),
        "packaging/claude/.claude-plugin/plugin.json": _plugin(),
        ".claude-plugin/marketplace.json": _marketplace(),
        "gemini-extension.json": _extension(),
    }
    return {
        **{path: json.dumps(one, indent=2) + "\n" for path, one in documents.items()},
        "packaging/bundle/pyproject.toml": _project_of_the_bundle(),
        f"packaging/bundle/{_ENTRY}": _SERVER,
        "packaging/docker/server.yaml": _yaml(_catalogued()),
    }


def main() -> int:
    """Write each."""
    for path, text in files().items():
        place = ROOT / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
