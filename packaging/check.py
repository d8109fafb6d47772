"""Put what is published before the tools that will read it (`make check-release`).

Each tool is pinned and installed by npm into a folder that is thrown away, with a home of its own.
Exit 1 when one refuses; what cannot be tried here is named as skipped.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import anyio
import jsonschema
from bundle import build
from make import ROOT, files
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from registry import entry

from fw_mcp.config import variable
from fw_mcp.guard.effects import EFFECTS

PINNED = {
    "mcpb": "@anthropic-ai/mcpb@2.1.2",
    "claude": "@anthropic-ai/claude-code@2.1.197",
    "gemini": "@google/gemini-cli@0.61.0",
}
TWINE = "twine@7.0.0"
SCHEMAS = "check-jsonschema@0.39.0"
ZIZMOR = "zizmor@1.32.0"
_STRICTEST = ("--persona", "auditor", "--no-progress")
_OURS = ("FW_MCP_", "FINERWORKS_")
_LONGEST_S = 300
# What check-jsonschema says of a schema that it did not get.
_UNREACHED = re.compile(
    r"(?i)schemafile could not be|connectionerror|max retries|failed to (get|load|download)"
)
_ASKED = re.compile(r"\$\{user_config\.(\w+)\}")


class Refused(Exception):  # noqa: N818  a verdict
    """A tool refused, and what it said."""


class Skipped(Exception):  # noqa: N818  a verdict
    """It cannot be tried here, and why."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the checks are made.

    Attributes:
        folder: for all that is made.
        bundle: the bundle.
        missing: why there are no npm tools; "" where there are.
    """

    folder: Path
    bundle: Path
    missing: str

    def run(self, program: str, *arguments: str | Path) -> str:
        """What a pinned tool says.

        Raises:
            Skipped: it is not here.
            Refused: it ended with another code than 0.
        """
        if self.missing:
            raise Skipped(self.missing)
        return _output(
            [self.folder / "npm" / "node_modules" / ".bin" / program, *arguments],
            self.environment(),
        )

    def environment(self) -> dict[str, str]:
        """The environment without settings of fw-mcp, and with another home."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
        return {**kept, "HOME": str(self.folder / "home")}


def _output(command: Sequence[str | Path], env: Mapping[str, str]) -> str:
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        timeout=_LONGEST_S,
        check=False,
    )
    if done.returncode:
        raise Refused((done.stdout + done.stderr).strip()[-2_000:])
    return done.stdout


def generated(_: Place) -> None:
    """The files of the repository are those that the code makes."""
    for path, text in files().items():
        if (ROOT / path).read_text(encoding="utf-8") != text:
            raise Refused(f"{path} differs; make contract rewrites it")


def registered(_: Place) -> None:
    """server.json keeps within what the registry allows."""
    schema = json.loads((ROOT / "packaging" / "server.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft7Validator.check_schema(schema)
    try:
        jsonschema.validate(json.loads(files()["packaging/server.json"]), schema)
    except jsonschema.ValidationError as fault:
        raise Refused(fault.message) from fault


def index_takes(place: Place) -> None:
    """The wheel and the source archive, with their metadata and their description."""
    built = place.folder / "index"
    _output([sys.executable, "-m", "hatchling", "build", "-d", built], place.environment())
    if not shutil.which("uvx"):
        raise Skipped("uvx is not on the PATH")
    _output(["uvx", "--quiet", TWINE, "check", "--strict", *built.iterdir()], place.environment())


def bundle_validates(place: Place) -> None:
    """The manifest of the bundle, packed."""
    unpacked = place.folder / "unpacked"
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
    manifest = json.loads(files()["packaging/bundle/manifest.json"])
    unpacked = place.folder / "started"
    shutil.unpack_archive(place.bundle, unpacked, "zip")
    started = manifest["server"]["mcp_config"]
    args = [one.replace("${__dirname}", str(unpacked)) for one in started["args"]]
    env = _filled_in(started["env"], manifest["user_config"])
    _lists_its_tools(place, started["command"], args, env)


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


def _uvx_starts(place: Place, args: Sequence[str], env: dict[str, str]) -> None:
    unpacked = place.folder / "wheel"
    shutil.unpack_archive(place.bundle, unpacked, "zip")
    (wheel,) = unpacked.glob("*.whl")
    name, *rest = args
    command = [name.partition("==")[0], *rest]
    _lists_its_tools(place, "uvx", ["--quiet", "--from", str(wheel), *command], env)


def _lists_its_tools(place: Place, command: str, args: list[str], env: dict[str, str]) -> None:
    program = shutil.which(command)
    if not program:
        raise Skipped(f"{command} is not on the PATH")
    server = StdioServerParameters(
        command=program, args=args, env={**place.environment(), **env}, cwd=str(place.folder)
    )
    names = anyio.run(_tools_of, server)
    if names != list(EFFECTS):
        raise Refused(f"It lists {', '.join(names)}")


async def _tools_of(server: StdioServerParameters) -> list[str]:
    with anyio.fail_after(_LONGEST_S):
        async with Client(stdio_client(server)) as client:
            return [tool.name for tool in (await client.list_tools()).tools]


def wheel_tried(place: Place) -> None:
    """What the workflows do on three systems, here with the letters of a Windows console."""
    unpacked = place.folder / "tried"
    shutil.unpack_archive(place.bundle, unpacked, "zip")
    if not shutil.which("uvx"):
        raise Skipped("uvx is not on the PATH")
    smoke = ROOT / "packaging" / "smoke.py"
    _output([sys.executable, smoke, unpacked], place.environment() | {"PYTHONIOENCODING": "cp1252"})


def workflows_validate(place: Place) -> None:
    """Everything in .github that GitHub has a schema for."""
    folder = ROOT / ".github"
    kinds = {
        "vendor.github-workflows": sorted((folder / "workflows").glob("*.yml")),
        "vendor.dependabot": [folder / "dependabot.yml"],
        "vendor.github-issue-config": [folder / "ISSUE_TEMPLATE" / "config.yml"],
        "vendor.github-issue-forms": [folder / "ISSUE_TEMPLATE" / "problem.yml"],
    }
    for schema, read in kinds.items():
        _uvx(place, SCHEMAS, "--builtin-schema", schema, *read)


def workflows_audited(place: Place) -> None:
    """The strictest of zizmor's views, without its questions to GitHub."""
    _uvx(place, ZIZMOR, "--offline", "--strict-collection", *_STRICTEST, ROOT / ".github")


def entry_of_a_release(place: Place) -> None:
    """What a release publishes to the registry: server.json with the image and the bundle."""
    schema = json.loads((ROOT / "packaging" / "server.schema.json").read_text(encoding="utf-8"))
    try:
        jsonschema.validate(entry(place.bundle), schema)
    except jsonschema.ValidationError as fault:
        raise Refused(fault.message) from fault


def entry_by_the_registrys_own_schema(place: Place) -> None:
    """The same by the schema that it names, which is fetched."""
    published = place.folder / "server.json"
    published.write_text(json.dumps(entry(place.bundle)), encoding="utf-8")
    try:
        _uvx(place, SCHEMAS, "--schemafile", entry(place.bundle)["$schema"], published)
    except Refused as why:
        if _UNREACHED.search(str(why)):
            raise Skipped("the schema cannot be fetched from here") from why
        raise


def _uvx(place: Place, tool: str, *arguments: str | Path) -> None:
    if not shutil.which("uvx"):
        raise Skipped("uvx is not on the PATH")
    _output(["uvx", "--quiet", tool, *arguments], place.environment())


CHECKS: tuple[tuple[str, str, Callable[[Place], None]], ...] = (
    ("generated files", "packaging/make.py", generated),
    ("server.json", "packaging/server.schema.json", registered),
    ("wheel and source archive", TWINE, index_takes),
    ("bundle, its manifest", PINNED["mcpb"], bundle_validates),
    ("bundle, started", "uv", bundle_starts),
    ("Claude Code plugin, its files", PINNED["claude"], plugin_validates),
    ("Claude Code plugin, installed", PINNED["claude"], plugin_installs),
    ("Claude Code plugin, started", "uvx", plugin_starts),
    ("Gemini CLI extension, its file", PINNED["gemini"], extension_validates),
    ("Gemini CLI extension, started", "uvx", extension_starts),
    ("wheel, tried as by strangers", "packaging/smoke.py", wheel_tried),
    ("workflows, their form", SCHEMAS, workflows_validate),
    ("workflows, audited", ZIZMOR, workflows_audited),
    ("registry entry of a release", "packaging/server.schema.json", entry_of_a_release),
    ("registry entry, the registry's schema", SCHEMAS, entry_by_the_registrys_own_schema),
)


def verdicts(place: Place) -> Iterator[tuple[str, str, str]]:
    """Each check, by what it was made, and how it ended."""
    for what, tool, check in CHECKS:
        try:
            check(place)
        except Skipped as why:
            yield what, tool, f"skipped: {why}"
        except (Refused, OSError, subprocess.TimeoutExpired, TimeoutError) as why:
            yield what, tool, f"FAILED: {why}"
        else:
            yield what, tool, "ok"


def main() -> int:
    """Make each check and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.parse_args()
    failed = 0
    with tempfile.TemporaryDirectory(prefix="fw-mcp-release-") as name:
        folder = Path(name)
        (folder / "home").mkdir()
        place = Place(folder, build(folder / "dist"), _installed(folder / "npm"))
        for what, tool, verdict in verdicts(place):
            print(f"{what} ({tool}): {verdict}", flush=True)
            failed += verdict.startswith("FAILED")
    return 1 if failed else 0


def _installed(folder: Path) -> str:
    """Install the pinned tools; why that was not possible, or ""."""
    npm = shutil.which("npm")
    if not npm:
        return "npm is not on the PATH"
    quiet = ("--no-audit", "--no-fund", "--no-save", "--loglevel=error")
    folder.mkdir()
    command = [npm, "install", "--prefix", str(folder), *quiet, *PINNED.values()]
    done = subprocess.run(command, check=False, stdout=sys.stderr)
    return "npm could not install it" if done.returncode else ""


if __name__ == "__main__":
    sys.exit(main())
