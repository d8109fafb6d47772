"""The judges: pinned npm packages in a folder of their own, away from the user's home."""

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

PINNED = (
    "@modelcontextprotocol/conformance@0.2.0-alpha.12",
    "@modelcontextprotocol/inspector@2.12.0",
    # The suite calls `fs.globSync`, which Node 20 does not have.
    "node@22.23.3",
    "oidc-provider@9.13.3",
    "mcp-remote@0.15.1",
)
_OURS = ("FW_MCP_", "FINERWORKS_")


@dataclass(frozen=True)
class Packages:
    """Installed judges.

    Attributes:
        folder: where npm put them.
        home: stands in for the user's home, because the Inspector writes there.
    """

    folder: Path
    home: Path

    def run(self, name: str, arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
        """Run a package's program to its end.

        Raises:
            subprocess.TimeoutExpired: it hangs.
        """
        return subprocess.run(
            [self.program(name), *arguments],
            env=self.environment(),
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def program(self, name: str) -> Path:
        """Where a package's program is."""
        return self._programs / name

    def environment(self) -> dict[str, str]:
        """What it runs in."""
        return {
            **neutral_environment(),
            "PATH": f"{self._programs}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(self.home),
            "MCP_INSPECTOR_SECRET_STORE": "memory",
        }

    @property
    def _programs(self) -> Path:
        return self.folder / "node_modules" / ".bin"


def install(folder: Path, home: Path) -> Packages:
    """Install the pinned packages; quick where they are already there.

    Raises:
        subprocess.CalledProcessError: npm failed; it has said why.
    """
    quiet = ("--no-audit", "--no-fund", "--no-save", "--loglevel=error")
    subprocess.run(["npm", "install", "--prefix", folder, *quiet, *PINNED], check=True)  # noqa: S607  wherever the contributor has it
    return Packages(folder, home)


def neutral_environment() -> dict[str, str]:
    """Give the environment without settings of fw-mcp: the sandbox is meant, and its defaults."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
