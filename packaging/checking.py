"""What a check of a release has and gives: a place of its own, the tools, and a verdict."""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from bundle import build
from make import ROOT
from mcp.shared.exceptions import MCPError

OK, SKIPPED, FAILED = "ok", "skipped", "FAILED"
PINNED = {
    "mcpb": "@anthropic-ai/mcpb@2.1.2",
    "claude": "@anthropic-ai/claude-code@2.1.197",
    "gemini": "@google/gemini-cli@0.61.0",
}
LONGEST_S = 300
# Of what a tool says, the end tells what was wrong.
_TOLD = 2_000
# Settings of fw-mcp, and what a make that runs this says to a make that this runs.
_OURS = ("FW_MCP_", "FINERWORKS_", "MAKE", "MFLAGS", "VIRTUAL_ENV", "PYTHONDONTWRITEBYTECODE")
# What leads out of the home: to the user's own settings, stores and installed programs.
_ELSEWHERE = ("XDG_", "PIPX_", "PYTHONPATH", "CLAUDE_", "CODEX_", "GEMINI_")
# What uv says where it did not get what it fetches.
_UNREACHED = re.compile(r"client error \(Connect\)|the network was disabled")


class Refused(Exception):  # noqa: N818  a verdict
    """A tool refused, and what it said."""


class Skipped(Exception):  # noqa: N818  a verdict
    """It cannot be tried here, and why."""


@dataclass(frozen=True)
class Place:
    """Where the checks are made; what several of them need is made once, by the first.

    Attributes:
        folder: for all that is made.
    """

    folder: Path

    @cached_property
    def dist(self) -> Path:
        """The folder of the wheel and the source archive."""
        built = self.folder / "dist"
        output([sys.executable, "-m", "hatchling", "build", "-d", built], self.environment())
        return built

    @cached_property
    def wheel(self) -> Path:
        """The wheel."""
        return next(self.dist.glob("*.whl"))

    @cached_property
    def bundle(self) -> Path:
        """The bundle."""
        return build(self.folder / "bundle")

    @cached_property
    def unpacked(self) -> Path:
        """What the source archive holds."""
        folder = self.folder / "source"
        shutil.unpack_archive(next(self.dist.glob("*.tar.gz")), folder)
        return next(folder.iterdir())

    @cached_property
    def installed(self) -> Path:
        """The programs of an environment that holds the wheel and the lock alone."""
        environment = self.folder / "installed"
        python = environment / "bin" / "python"
        alone = ("pip", "install", "--quiet", "--no-deps", "--python", python)
        self.uv("venv", "--quiet", "--python", sys.executable, environment)
        self.uv(*alone, "--require-hashes", "-r", ROOT / "requirements" / "runtime.txt")
        self.uv(*alone, self.wheel)
        return python.parent

    @cached_property
    def no_npm_tools(self) -> str:
        """Why the pinned tools could not be installed; "" where they are."""
        npm = shutil.which("npm")
        if not npm:
            return "npm is not on the PATH"
        quiet = ("--no-audit", "--no-fund", "--no-save", "--loglevel=error")
        command = [npm, "install", "--prefix", f"{self.folder}/npm", *quiet, *PINNED.values()]
        done = subprocess.run(command, check=False, stdout=sys.stderr)
        return "npm could not install it" if done.returncode else ""

    @cached_property
    def _pip_cache(self) -> str:
        return output([sys.executable, "-m", "pip", "cache", "dir"], os.environ).strip()

    @cached_property
    def _users_cache(self) -> str:
        return output([program("uv"), "cache", "dir"], os.environ).strip()

    def run(self, name: str, *arguments: str | Path) -> str:
        """What a pinned tool of npm says.

        Raises:
            Skipped: it is not here.
            Refused: it ended with another code than 0.
        """
        if self.no_npm_tools:
            raise Skipped(self.no_npm_tools)
        tool = self.folder / "npm" / "node_modules" / ".bin" / name
        return output([tool, *arguments], self.environment())

    def uv(self, *arguments: str | Path) -> str:
        """The same of uv, with what it has fetched for the user before."""
        env = {**self.environment(), "UV_CACHE_DIR": self._users_cache}
        return _fetching([program("uv"), *arguments], env)

    def tool(self, name: str, *arguments: str | Path) -> str:
        """The same of a pinned tool that uv fetches."""
        return self.uv("tool", "run", "--quiet", name, *arguments)

    def ours(self, *arguments: str | Path) -> str:
        """The same of fw-mcp, which uvx runs from the wheel in a folder of its own."""
        elsewhere = self.folder / "elsewhere"
        elsewhere.mkdir(exist_ok=True)
        command = [program("uvx"), "--quiet", "--from", self.wheel, "fw-mcp", *arguments]
        return _fetching(command, self.environment(), elsewhere)

    def environment(self) -> dict[str, str]:
        """The environment without settings of fw-mcp, with homes of its own, nothing kept for uv.

        What pip has fetched for the user before is not fetched again.
        """
        left_out = (*_OURS, *_ELSEWHERE)
        kept = {name: value for name, value in os.environ.items() if not name.startswith(left_out)}
        # The demo leaves a picture among the temporary files.
        homes = {"HOME": str(self.folder / "home"), "TMPDIR": str(self.folder / "tmp")}
        for home in homes.values():
            Path(home).mkdir(exist_ok=True)
        caches = {"PIP_CACHE_DIR": self._pip_cache, "UV_CACHE_DIR": str(self.folder / "uv")}
        return {**kept, **caches, **homes}


@dataclass(frozen=True, slots=True)
class Check:
    """One of the checks.

    Attributes:
        what: is checked.
        tool: by which it is.
        tried: makes the check, and returns what there is to say beside "ok".
    """

    what: str
    tool: str
    tried: Callable[[Place], str | None]


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a check ended.

    Attributes:
        what: was checked.
        tool: with its version.
        word: ``ok``, ``skipped`` or ``FAILED``.
        why: it is so; "" where there is nothing to say.
        seconds: it took.
    """

    what: str
    tool: str
    word: str
    why: str
    seconds: float


def verdict(check: Check, place: Place) -> Verdict:
    """Make a check."""
    began = time.monotonic()
    try:
        word, why = OK, check.tried(place) or ""
    except Skipped as reason:
        word, why = SKIPPED, str(reason)
    # A server that ends in the middle of a session is told in a group.
    except (Refused, OSError, subprocess.SubprocessError, MCPError, ExceptionGroup) as fault:
        word, why = FAILED, _words(fault)
    return Verdict(check.what, versioned(check.tool), word, why, time.monotonic() - began)


def _words(fault: Exception) -> str:
    if isinstance(fault, ExceptionGroup):
        return "; ".join(map(_words, fault.exceptions))
    return str(fault)[-_TOLD:] or type(fault).__name__


def versioned(tool: str) -> str:
    """A tool with the version that is here, where its name has none and it is a program."""
    found = None if "@" in tool else shutil.which(tool)
    if not found:
        return tool
    done = subprocess.run([found, "--version"], check=False, capture_output=True, encoding="utf-8")
    version = re.search(r"\d+(\.\d+)+", done.stdout)
    return f"{tool} {version[0]}" if version else tool


def program(name: str) -> str:
    """Where a program is.

    Raises:
        Skipped: it is not here.
    """
    found = shutil.which(name)
    if not found:
        raise Skipped(f"{name} is not on the PATH")
    return found


def output(
    command: Sequence[str | Path],
    env: Mapping[str, str],
    folder: Path = ROOT,
    longest_s: float = LONGEST_S,
) -> str:
    """What a command says.

    Raises:
        Refused: it ended with another code than 0.
        subprocess.TimeoutExpired: it did not end in time.
    """
    done = subprocess.run(
        command,
        cwd=folder,
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        timeout=longest_s,
        check=False,
    )
    if done.returncode:
        raise Refused((done.stdout + done.stderr).strip())
    return done.stdout


def _fetching(command: Sequence[str | Path], env: Mapping[str, str], folder: Path = ROOT) -> str:
    try:
        return output(command, env, folder)
    except Refused as why:
        if _UNREACHED.search(str(why)):
            raise Skipped("packages cannot be fetched from here") from why
        raise
