"""Build the files of a release in dist/ (`make artifacts`), twice: the bytes must be the same.

Their times are the day of the release in CHANGELOG.md, so that another machine builds the same.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import bundle
import sbom
from changelog import section
from make import ROOT
from registry import entry

from fw_mcp import __version__

_DIST = ROOT / "dist"
_SUMS = "SHA256SUMS"


def build(folder: Path) -> None:
    """Build wheel, source archive, bundle, list of parts and the registry's entry.

    Args:
        folder: where they are put; made if it is not there.

    Raises:
        OSError: a tool is not there.
        subprocess.CalledProcessError: one of them refuses.
    """
    both = [sys.executable, "-m", "hatchling", "build", "-d", str(folder)]
    subprocess.run(both, cwd=ROOT, check=True, stdout=sys.stderr)
    published = entry(bundle.build(folder))
    sbom.write(folder)
    (folder / "server.json").write_text(json.dumps(published, indent=2) + "\n", encoding="utf-8")


def differing(first: Path, second: Path) -> list[str]:
    """The files of two folders that are not the same in both."""
    sums = [dict(_sums(one)) for one in (first, second)]
    return sorted({name for name, _ in sums[0].items() ^ sums[1].items()})


def sums_of(folder: Path) -> str:
    """What `sha256sum --check` reads of a folder's files."""
    return "".join(f"{digest}  {name}\n" for name, digest in _sums(folder))


def _sums(folder: Path) -> list[tuple[str, str]]:
    files = sorted(folder.iterdir())
    return [(one.name, hashlib.sha256(one.read_bytes()).hexdigest()) for one in files]


def _when() -> str:
    """The day of the release, in seconds of 1970."""
    said = section((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), __version__)
    if not said or not said.day:
        sys.exit(f"CHANGELOG.md has no section {__version__} with a day. Nothing was built.")
    return f"{datetime.fromisoformat(said.day).replace(tzinfo=UTC).timestamp():.0f}"


def main() -> int:
    """Build, compare and put them into dist/, which holds nothing else then."""
    os.environ["SOURCE_DATE_EPOCH"] = _when()
    with tempfile.TemporaryDirectory(prefix="fw-mcp-artifacts-") as name:
        first, second = (Path(name) / one for one in ("first", "second"))
        for folder in (first, second):
            build(folder)
        if other := differing(first, second):
            print(f"Built twice, {', '.join(other)} differ. dist/ is as it was.", file=sys.stderr)
            return 1
        (first / _SUMS).write_text(sums_of(first), encoding="utf-8")
        shutil.rmtree(_DIST, ignore_errors=True)
        shutil.copytree(first, _DIST)
    for file in sorted(_DIST.iterdir()):
        print(f"  {file.stat().st_size:>10,}  {file.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
