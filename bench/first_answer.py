"""Measure from nothing to the first answer: by uvx from the wheel, of the bundle, of the image.

The first start is with an empty cache of uv, and holds what the network takes; "again" is the
median of the starts after it. What each way needs is there before: uv, or the image.
"""

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from boxes import Box, Start, box
from checking import Place, Skipped, program
from checks_hosts import bundle_command
from checks_outside import MOST_MB, weighed
from figures import Effort, Figure, Measure, ratio, report
from image import STARTING, builder
from session import Session

Answered = tuple[float, float]
_OURS = ("--sandbox",)
_ANSWERS = ("tools/list", "a search")


def by_uvx(effort: Effort) -> Iterator[Figure]:
    """`uvx fw-mcp`, with the wheel in place of what is not published yet."""
    with tempfile.TemporaryDirectory(prefix="fw-mcp-first-") as name:
        place = Place(Path(name))
        command = [program("uvx"), "--quiet", "--from", str(place.wheel), "fw-mcp", *_OURS]
        yield from _by_uv("uvx", command, {}, place.folder / "uv", (place, effort))


def by_bundle(effort: Effort) -> Iterator[Figure]:
    """The start command that a host reads in the bundle."""
    with tempfile.TemporaryDirectory(prefix="fw-mcp-first-") as name:
        place = Place(Path(name))
        unpacked = place.folder / "started"
        command, args, env = bundle_command(place.bundle, unpacked)
        yield from _by_uv("bundle", [program(command), *args], env, unpacked, (place, effort))


def _by_uv(
    way: str,
    command: Sequence[str],
    env: Mapping[str, str],
    kept: Path,
    within: tuple[Place, Effort],
) -> Iterator[Figure]:
    """What a way takes, beside starting the program of an environment that is there.

    Args:
        way: its name.
        command: starts the server.
        env: variables for it.
        kept: where uv puts the environment.
        within: a folder whose cache of uv is empty, and how often the server is started.
    """
    place, effort = within
    environ = place.environment()
    installed = [str(place.installed / "fw-mcp"), *_OURS]
    first_answers(installed, environ)
    cold = first_answers(command, {**environ, **env})
    again, bare = [], []
    for _ in range(effort.starts):
        again.append(first_answers(command, {**environ, **env}))
        bare.append(first_answers(installed, environ))
    yield from _seconds(way, cold, again)
    for what, one, other in zip(_ANSWERS, _medians(again), _medians(bare), strict=True):
        yield ratio(f"{way}: again / installed, {what}", one, [other], None, "s")
    site = _site(kept)
    packages, size = weighed(site, compiled=False)
    detail = f"{packages} packages; {weighed(site)[1]:.0f} MB with the bytecode of these sessions"
    yield Figure(f"{way}: on the disk", size, "MB", MOST_MB, detail)


def by_image(effort: Effort) -> Iterator[Figure]:
    """A container of the image, as docs/container.md starts it, without a volume."""
    with builder(STARTING) as buildah, tempfile.TemporaryDirectory() as name:
        image = buildah.image()
        with buildah.mounted(image.base) as base, buildah.mounted(image.name) as root:
            starts = [
                _ended(box(image.config, root, Start(arguments=_OURS), Path(name)))
                for _ in range(1 + effort.starts)
            ]
            yield from _seconds("image", starts[0], starts[1:])
            size, below = weighed(root)[1], weighed(base)[1]
            (site,) = root.glob("opt/fw-mcp/lib/python*/site-packages")
            detail = f"{below:.0f} MB of them its base; {weighed(site)[0]} packages"
            yield Figure("image: on the disk", size, "MB", None, detail)


def _ended(made: Box) -> Answered:
    try:
        return first_answers(made.command, os.environ)
    finally:
        made.end()


def first_answers(command: Sequence[str], environ: Mapping[str, str]) -> Answered:
    """Start a server; give the seconds until its tools are listed, and until images are found."""
    began = time.perf_counter()
    with Session(command, environ) as session:
        session.request("tools/list", {})
        listed = time.perf_counter() - began
        session.request("tools/call", {"name": "search_images", "arguments": {"per_page": 5}})
        return listed, time.perf_counter() - began


def _seconds(way: str, cold: Answered, again: Sequence[Answered]) -> Iterator[Figure]:
    for what, one, other in zip(_ANSWERS, cold, _medians(again), strict=True):
        yield Figure(f"{way}: nothing to {what}", one, "s", None, "")
        yield Figure(f"{way}: again to {what}", other, "s", None, "")


def _medians(starts: Sequence[Answered]) -> Answered:
    listed, found = zip(*starts, strict=True)
    return statistics.median(listed), statistics.median(found)


def _site(folder: Path) -> Path:
    """The site-packages in which the package is with all that it needs."""
    found = {one.parent for one in folder.rglob("fw_mcp-*.dist-info")}
    return max(found, key=lambda one: weighed(one)[0])


def where_it_can_be(way: Measure) -> Measure:
    """The same, or a line that says why it is skipped."""

    def measured(effort: Effort) -> Iterator[Figure]:
        try:
            yield from way(effort)
        except Skipped as why:
            print(f"skipped: {way.__name__}: {why}", flush=True)

    return measured


def main() -> int:
    """Measure, print, and tell whether all targets are met."""
    ways = [where_it_can_be(way) for way in (by_uvx, by_bundle, by_image)]
    return report(ways, __doc__, quick=Effort(1, 0), whole=Effort(5, 0))


if __name__ == "__main__":
    sys.exit(main())
