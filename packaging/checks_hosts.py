"""What hosts install by: bundle, plugin and extension, each read by its own tool and started."""

import json
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from checking import Place, Skipped
from make import ROOT, files
from sessions import lists_its_tools

from fw_mcp.config import variable

_ASKED = re.compile(r"\$\{user_config\.(\w+)\}")


def tools_installed(place: Place) -> None:
    """The pinned tools, in a folder that is thrown away."""
    if place.no_npm_tools:
        raise Skipped(place.no_npm_tools)


def bundle_validates(place: Place) -> None:
    """The manifest of the bundle, packed."""
    unpacked = place.folder / "validated"
    place.run("mcpb", "unpack", place.bundle, unpacked)
    place.run("mcpb", "validate", unpacked / "manifest.json")


def plugin_validates(place: Place) -> None:
    """The plugin, and the marketplace it is in."""
    place.run("claude", "plugin", "validate", ROOT / "packaging" / "claude")
    place.run("claude", "plugin", "validate", ROOT)


def plugin_installs(place: Place) -> None:
    """From the marketplace of this very folder."""
    place.run("claude", "plugin", "marketplace", "add", ROOT)
    place.run("claude", "plugin", "install", "fw-mcp@fw-mcp")


def extension_validates(place: Place) -> None:
    """The extension of Gemini CLI."""
    place.run("gemini", "extensions", "validate", ROOT)


def bundle_starts(place: Place) -> None:
    """Its own start command, with its switch for the sandbox on and all else as it comes."""
    place.ours("--version")
    command, args, env = bundle_command(place.bundle, place.folder / "started")
    lists_its_tools(place, command, args, env)


def bundle_command(bundle: Path, unpacked: Path) -> tuple[str, list[str], dict[str, str]]:
    """What a host starts that installed a bundle, where a person switched its sandbox on.

    Args:
        bundle: the bundle.
        unpacked: the folder that it is unpacked into.

    Returns:
        the command, its arguments, and the variables that it is given.
    """
    shutil.unpack_archive(bundle, unpacked, "zip")
    manifest = json.loads((unpacked / "manifest.json").read_text(encoding="utf-8"))
    started = manifest["server"]["mcp_config"]
    args = [one.replace("${__dirname}", str(unpacked)) for one in started["args"]]
    return started["command"], args, _filled_in(started["env"], manifest["user_config"])


def plugin_starts(place: Place) -> None:
    """Its own start command, with the wheel in place of what is not published yet."""
    plugin = json.loads(files()["packaging/claude/.claude-plugin/plugin.json"])
    (server,) = plugin["mcpServers"].values()
    _uvx_starts(place, server["args"], _filled_in(server["env"], plugin["userConfig"]))


def extension_starts(place: Place) -> None:
    """The same of Gemini CLI, which hands on the variables that are set."""
    (server,) = json.loads(files()["gemini-extension.json"])["mcpServers"].values()
    env = dict.fromkeys(server["env"], "") | {variable("sandbox"): "true"}
    _uvx_starts(place, server["args"], env)


def _filled_in(env: Mapping[str, str], asked: Mapping[str, Any]) -> dict[str, str]:
    """What a host makes of it where a person switches the sandbox on and leaves the rest."""

    def value(found: re.Match[str]) -> str:
        given = asked[found[1]]["default"]
        return str(given).lower() if isinstance(given, bool) else str(given)

    filled = {name: _ASKED.sub(value, text) for name, text in env.items()}
    return filled | {variable("sandbox"): "true"}


def _uvx_starts(place: Place, args: Sequence[str], env: Mapping[str, str]) -> None:
    place.ours("--version")
    name, *rest = args
    command = [name.partition("==")[0], *rest]
    lists_its_tools(place, "uvx", ["--quiet", "--from", str(place.wheel), *command], env)
