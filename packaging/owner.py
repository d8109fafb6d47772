"""Put the account that publishes where its stand-in is: `make owner OWNER=name`.

No release is made while the stand-in is in any file. Nothing is imported that a plain Python lacks.
"""

import argparse
import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).parents[1]
STAND_IN = "OWNER"
_PLACE = re.compile(
    rf"(?P<where>\bgithub(?:usercontent)?\.com/|\bio\.github\.|\bghcr\.io/){STAND_IN}\b"
)
# What GitHub allows: letters, digits and single hyphens between them, 39 characters.
_ACCOUNT = re.compile(r"(?=.{1,39}\Z)[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*")
# Registries of images take lower case only; that of MCP servers takes GitHub's own spelling.
_LOWER = "ghcr.io/"


def tracked(root: Path) -> list[str]:
    """The files of a repository, by git.

    Args:
        root: the folder of the repository.

    Raises:
        OSError: git is not there.
        subprocess.CalledProcessError: it is not a repository.
    """
    listed = ["git", "ls-files", "-z"]
    done = subprocess.run(listed, cwd=root, check=True, capture_output=True, encoding="utf-8")
    return [name for name in done.stdout.split("\0") if (root / name).is_file()]


def unowned(root: Path, names: Iterable[str]) -> list[str]:
    """Those of a folder's files in which the stand-in is."""
    return [name for name in names if _PLACE.search(_text(root / name))]


def owned(text: str, account: str) -> str:
    """A text with the account in every place of the stand-in."""

    def named(place: re.Match[str]) -> str:
        return place["where"] + (account.lower() if place["where"] == _LOWER else account)

    return _PLACE.sub(named, text)


def is_account(name: str) -> bool:
    """Whether GitHub could have an account of that name, and it is not the stand-in."""
    return bool(_ACCOUNT.fullmatch(name)) and name != STAND_IN


def _text(path: Path) -> str:
    """Its text; of a picture, nothing that is searched for."""
    return path.read_bytes().decode("utf-8", errors="replace")


def main() -> int:
    """Write each file in which the stand-in is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("account", help="as GitHub writes it, capitals too")
    account = parser.parse_args().account
    if not is_account(account):
        print(f"{account!r} is not a GitHub account. Nothing was changed.", file=sys.stderr)
        return 1
    names = unowned(ROOT, tracked(ROOT))
    if not names:
        print("No file has the stand-in any longer. Nothing was changed.", file=sys.stderr)
        return 1
    for name in names:
        place = ROOT / name
        place.write_bytes(owned(place.read_bytes().decode("utf-8"), account).encode())
    print(f"{account} publishes now: {', '.join(names)}. `git checkout -- .` undoes it.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
