"""An environment for one client, made and thrown away, away from the user's home."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from clients import EXAMPLES, Client

_OURS = ("FW_MCP_", "FINERWORKS_")
_BIN = Path(sys.executable).parent
_UV = _BIN / "uv"
_INSTALL_S = 600
_PLAY_S = 180


class NotInstalledError(Exception):
    """A client could not be installed; the text says why."""


class Environment:
    """A folder with a client, its libraries and its example.

    Args:
        client: what is installed.
        folder: where; made here.
    """

    def __init__(self, client: Client, folder: Path) -> None:
        self._client = client
        self._folder = folder
        (folder / "home").mkdir(parents=True)

    def install(self) -> None:
        """Install the packages, and lay the example beside them, where Node looks for them.

        Raises:
            NotInstalledError: a program or the registry is missing.
        """
        packages = self._client.packages
        if self._client.is_node:
            if missing := [one for one in ("node", "npm") if not shutil.which(one)]:
                raise NotInstalledError(f"{' and '.join(missing)}: not on the PATH")
            quiet = ("--no-audit", "--no-fund", "--loglevel=error")
            self._made("npm", "install", "--prefix", self._folder, *quiet, *packages)
        else:
            self._made(_UV, "venv", "--quiet", "--python", sys.executable, self._folder / "env")
            python = ("--python", self._folder / "env")
            self._made(_UV, "pip", "install", "--quiet", *python, *packages)
        shutil.copy(EXAMPLES / self._client.file, self._folder)

    def play(self, server: Sequence[str], answers: Sequence[str]) -> str:
        """Run the example to its end, with a person's answers; what it printed and complained of.

        Raises:
            subprocess.TimeoutExpired: it hangs.
        """
        program = "node" if self._client.is_node else str(self._folder / "env" / "bin" / "python")
        done = subprocess.run(
            [program, self._client.file, *server],
            cwd=self._folder,
            env=self._environ(),
            input="".join(f"{answer}\n" for answer in answers),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_PLAY_S,
            check=False,
        )
        return done.stdout

    def _environ(self) -> Mapping[str, str]:
        """Where the client finds `fw-mcp` and its own programs, and writes what it keeps."""
        programs = (_BIN, self._folder / "node_modules" / ".bin")
        path = os.pathsep.join((*map(str, programs), os.environ["PATH"]))
        return {**neutral_environment(), "PATH": path, "HOME": str(self._folder / "home")}

    def _made(self, *command: str | Path) -> None:
        """Run an installer, which finds its registry and its cache as the user has set them."""
        try:
            done = subprocess.run(
                list(map(str, command)),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=_INSTALL_S,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as fault:
            raise NotInstalledError(f"{command[0]} failed: {fault}") from fault
        if done.returncode:
            said = " ".join(done.stdout.split())
            raise NotInstalledError(f"{Path(command[0]).name} failed: {said}")


def neutral_environment() -> dict[str, str]:
    """Give the environment without settings of fw-mcp: the sandbox is meant, and its defaults."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
