"""Build the files of a release in dist/ (`make artifacts`), twice: the bytes must be the same.

Their times are the day of the release in CHANGELOG.md, so that another machine builds the same.
"""

import argparse
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
from checking import Refused
from image import Missing, save
from make import ROOT
from registry import entry

from fw_mcp import __version__

_DIST = ROOT / "dist"
_SUMS = "SHA256SUMS"


class Differing(Exception):  # noqa: N818  a verdict
    """The same input did not make the same bytes."""


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


def add_image(folder: Path) -> str:
    """Add the container image, which `docker load` reads.

    Returns:
        Why it is not there; "" where it is.

    Raises:
        checking.Refused: the build ended with a fault.
    """
    try:
        save(folder / f"fw-mcp-{__version__}.tar")
    except Missing as why:
        return f"container image: skipped: {why}"
    return ""


def differing(first: Path, second: Path) -> list[str]:
    """The files of two folders that are not the same in both."""
    sums = [dict(_sums(one)) for one in (first, second)]
    return sorted({name for name, _ in sums[0].items() ^ sums[1].items()})


def sums_of(folder: Path) -> str:
    """What `sha256sum --check` reads of a folder's files."""
    return "".join(f"{digest}  {name}\n" for name, digest in _sums(folder))


def _sums(folder: Path) -> list[tuple[str, str]]:
    return [(one.name, _sum(one)) for one in sorted(folder.iterdir())]


def _sum(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _when() -> str:
    """The day of the release, in seconds of 1970."""
    said = section((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), __version__)
    if not said or not said.day:
        sys.exit(f"CHANGELOG.md has no section {__version__} with a day. Nothing was built.")
    return f"{datetime.fromisoformat(said.day).replace(tzinfo=UTC).timestamp():.0f}"


def fill(folder: Path, *, with_image: bool) -> str:
    """Build what a release has, twice, and keep the first with its sums.

    Args:
        folder: an empty one.
        with_image: whether the container image is wanted, too.

    Returns:
        What was skipped, and why; "" where nothing was.

    Raises:
        Differing: the second build is not the first.
        checking.Refused: the build of the image ended with a fault.
        OSError: a tool is not there.
        subprocess.CalledProcessError: one of them refuses.
        ValueError: the list of parts is not the lock's.
    """
    first, second = folder / "first", folder / "second"
    for one in (first, second):
        build(one)
    if other := differing(first, second):
        raise Differing(f"Built twice, {', '.join(other)} differ")
    left_out = add_image(first) if with_image else ""
    (first / _SUMS).write_text(sums_of(first), encoding="utf-8")
    shutil.rmtree(_DIST, ignore_errors=True)
    shutil.copytree(first, _DIST)
    return left_out


def main() -> int:
    """Build, and put it into dist/, which holds nothing else then."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--image", action="store_true", help="and the image, if it can be made here"
    )
    given = parser.parse_args()
    os.environ["SOURCE_DATE_EPOCH"] = _when()
    try:
        with tempfile.TemporaryDirectory(prefix="fw-mcp-artifacts-") as folder:
            left_out = fill(Path(folder), with_image=given.image)
    except (Differing, Refused, OSError, subprocess.SubprocessError, ValueError) as why:
        print(f"{str(why).rstrip('.')}. dist/ is as it was.", file=sys.stderr)
        return 1
    for file in sorted(_DIST.iterdir()):
        print(f"  {file.stat().st_size:>13,}  {file.name}")
    if left_out:
        print(left_out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
