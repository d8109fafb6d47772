"""What docs/start.md says to type is typed, in an unpacked source archive and a home of its own."""

import re
import shlex
from pathlib import Path

from checking import Place, Refused, output, program
from make import ROOT

PIPX = "pipx@1.18.4"
# In the order in which a person would type them; with the sandbox switched on instead of keys.
TYPED = (
    "uvx --from . fw-mcp demo",
    "uvx --from . fw-mcp connect cursor",
    "python3 -m venv env",
    "env/bin/pip install .",
    "env/bin/fw-mcp demo",
    "env/bin/fw-mcp connect cursor",
    "pipx install .",
    "fw-mcp demo",
    "fw-mcp connect cursor --sandbox",
    "fw-mcp connect cursor --sandbox --write",
    "fw-mcp doctor",
    "fw-mcp uploads",
    "pipx install --force .",
    "pipx uninstall fw-mcp",
    "uv cache clean fw-mcp",
)
# What other checks and tests have.
ELSEWHERE = (
    "uvx fw-mcp demo",
    "make demo",
    ".venv/bin/python -m fw_mcp connect cursor",
    "fw-mcp reconcile --adopt ACCOUNT",
)
# What needs a release, Docker's engine or Windows, or takes what other checks have cached.
NEVER = (
    "uvx fw-mcp@latest --version",
    "docker build -t fw-mcp .",
    "docker run --rm fw-mcp demo",
    "docker rmi fw-mcp",
    "docker volume rm fw-mcp",
    "py -m venv env",
    "uv cache prune",
)
_PROGRAMS = r"(?:uvx|uv|pipx|fw-mcp|make|docker|python3|py|\.?v?env/bin/[\w-]+)"
_COMMANDS = re.compile(rf"`({_PROGRAMS} [^`]+)`|^({_PROGRAMS} [^#\n]+)", re.MULTILINE)


def commands(text: str) -> set[str]:
    """What a page says to type."""
    return {(one[1] or one[2]).strip() for one in _COMMANDS.finditer(text)}


def _found(name: str, programs: Path, place: Place) -> str:
    """What a shell would start there, and nothing of this checkout in place of it."""
    if "/" in name:
        return str(place.unpacked / name)
    return str(programs / name) if name == "fw-mcp" else program(name)


def typed(place: Place) -> str:
    """Each command of the page that needs neither an account nor Docker's engine."""
    page = (ROOT / "docs" / "start.md").read_text(encoding="utf-8")
    if unknown := commands(page) ^ {*TYPED, *ELSEWHERE, *NEVER}:
        raise Refused(f"It is not known how to try, or no longer there: {', '.join(unknown)}")
    place.ours("--version")
    programs = Path(place.environment()["HOME"]) / ".local" / "bin"
    env = {**place.environment(), "FW_MCP_SANDBOX": "true"}
    for command in TYPED:
        name, *arguments = shlex.split(command)
        if name == "pipx":
            words = [program("uv"), "tool", "run", "--quiet", PIPX, *arguments]
        else:
            words = [_found(name, programs, place), *arguments]
        try:
            output(words, env, place.unpacked)
        except Refused as why:
            raise Refused(f"{command}: {why}") from why
    if (programs / "fw-mcp").exists():
        raise Refused("pipx uninstall left the program behind")
    return (
        f"{len(TYPED)} commands; not typed here (no release, Docker, Windows; a shared cache): "
        f"{', '.join(NEVER)}"
    )
