"""What a stranger gets: by uvx, from the source archive, on the disk, from `fw-mcp connect`."""

import base64
import json
import os
import shutil
import sys
import time
import tomllib
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import sbom
import yaml  # type: ignore[import-untyped]
from checking import Place, Refused, output, program
from make import ROOT
from mcp.client import Client
from mcp.types import ImageContent
from sessions import asked, lists_its_tools

# Of 10^6 bytes; what the packages hold, without bytecode.
MOST_MB = 58
_JPEG = b"\xff\xd8\xff"
# Those that read most of what the archive has to hold.
_SAMPLE = ("contract", "deploy", "docker", "documents", "links", "lock", "packaging", "promises",
           "stdio_session", "truth", "words", "workflows")  # fmt: skip
_READ: dict[str, Callable[[str], Any]] = {
    "claude-desktop": json.loads,
    "vscode": json.loads,
    "cursor": json.loads,
    "codex": tomllib.loads,
    "goose": yaml.safe_load,
    "zed": json.loads,
}


def demo_from_nothing(place: Place) -> str:
    """As README's first line has it: with an empty cache, and again."""
    if (place.folder / "uv").exists():
        shutil.rmtree(place.folder / "uv")
    seconds = []
    for _ in range(2):
        began = time.monotonic()
        place.ours("demo")
        seconds.append(time.monotonic() - began)
    return "{:.1f} s with an empty cache, {:.1f} s again".format(*seconds)


def source_makes_the_wheel(place: Place) -> str:
    """The archive makes the very wheel that the checkout makes."""
    again = place.folder / "again"
    build = ["-m", "hatchling", "build", "-t", "wheel", "-d", str(again)]
    output([sys.executable, *build], place.environment(), place.unpacked)
    (wheel,) = again.iterdir()
    with zipfile.ZipFile(wheel) as ours, zipfile.ZipFile(place.wheel) as theirs:
        files = ours.namelist()
        if differing := set(files) ^ set(theirs.namelist()):
            raise Refused(f"One of the two lacks {', '.join(sorted(differing))}")
    if wheel.read_bytes() != place.wheel.read_bytes():
        raise Refused("The same files with other contents")
    return f"{len(files)} files, the same bytes"


def source_plays_the_demo(place: Place) -> None:
    """`make demo`, which makes an environment of its own there, and `connect` by it."""
    _made(place, "demo")
    connect = [".venv/bin/python", "-m", "fw_mcp", "connect", "cursor"]
    output(connect, _environment(place), place.unpacked)


def source_has_its_tests(place: Place) -> str:
    """All tests of `make test` are found there; those that read the most files are run."""
    _made(place, ".venv/.ready")
    python, env = place.unpacked / ".venv" / "bin" / "python", _environment(place)
    sample = ("-m", "pytest", "-q", "-m", "not exhaustive", "-p", "no:cacheprovider")
    found = output([python, *sample, "--collect-only"], env, place.unpacked)
    files = [f"tests/test_{name}.py" for name in _SAMPLE]
    ran = output([python, *sample, "-n", "2", *files], env, place.unpacked)
    last = [said.strip().splitlines()[-1].partition(" in ")[0] for said in (found, ran)]
    return f"{last[0]}; of {len(files)} files, a sample of `make test`: {last[1]}"


def _made(place: Place, target: str) -> None:
    place.ours("--version")
    python = Path(sys.base_prefix) / "bin" / "python3"
    output([program("make"), target, f"PYTHON={python}"], _environment(place), place.unpacked)


def _environment(place: Place) -> dict[str, str]:
    """Without the programs of this checkout."""
    path = os.environ["PATH"].split(os.pathsep)
    others = [one for one in path if not Path(one).is_relative_to(ROOT)]
    return {**place.environment(), "PATH": os.pathsep.join(others)}


def size_with_pictures(place: Place) -> str:
    """What an installed wheel takes, while its server shows a picture without any extra."""
    programs = place.installed
    (site,) = programs.parent.glob("lib/python*/site-packages")
    packages, plain = weighed(site, compiled=False)
    kind, picture = asked(
        place, str(programs / "fw-mcp"), ["--sandbox", "--store", ":memory:"], {}, _a_picture
    )
    if kind != "image/jpeg" or not base64.b64decode(picture).startswith(_JPEG):
        raise Refused(f"view_images answers with {kind}")
    _, used = weighed(site)
    compiled = ["-m", "compileall", "-q", str(site)]
    output([programs / "python", *compiled], place.environment())
    return within(packages, plain, used, weighed(site)[1])


def within(packages: int, plain: float, used: float, compiled: float) -> str:
    """What an installed wheel takes, in MB of 10^6 bytes.

    Args:
        packages: their number.
        plain: all files as they are installed.
        used: the same after a session.
        compiled: the same with all bytecode that there can be.

    Raises:
        Refused: it is more than it may be.
    """
    said = (
        f"{packages} packages, {plain:.1f} MB (at most {MOST_MB}); with the bytecode of a session "
        f"that showed a picture {used:.1f} MB, with all bytecode {compiled:.1f} MB. Counted: the "
        "sizes of all files in site-packages, in 10^6 bytes"
    )
    if plain > MOST_MB:
        raise Refused(said)
    return said


def weighed(folder: Path, *, compiled: bool = True) -> tuple[int, float]:
    """How many packages a folder holds, and MB of 10^6 bytes: the sizes of all its files.

    Args:
        folder: such as site-packages.
        compiled: whether bytecode counts.
    """
    files = [
        one.lstat().st_size
        for one in folder.rglob("*")
        if one.is_file() and not one.is_symlink() and (compiled or one.suffix != ".pyc")
    ]
    return len([*folder.glob("*.dist-info")]), sum(files) / 1_000_000


async def _a_picture(client: Client) -> tuple[str, str]:
    found = await client.call_tool("search_images", {"per_page": 1})
    (image,) = (found.structured_content or {})["images"]
    shown = await client.call_tool("view_images", {"guids": [image["guid"]]})
    pictures = [part for part in shown.content if isinstance(part, ImageContent)]
    if not pictures:
        raise Refused(f"view_images shows no picture: {shown.content}")
    return pictures[0].mime_type, pictures[0].data


def bill_of_materials(place: Place) -> str:
    """`make sbom` writes the same bytes twice, and a license for each part."""
    place.ours("--version")
    first, second = (sbom.write(place.folder / name) for name in ("sbom", "sbom-again"))
    if first.read_bytes() != second.read_bytes():
        raise Refused("It was written twice, and differs")
    parts = json.loads(first.read_text(encoding="utf-8"))["components"]
    if unlicensed := [one["name"] for one in parts if not one.get("licenses")]:
        raise Refused(f"No license is known of {', '.join(unlicensed)}")
    return f"{len(parts)} parts, each with its license; twice the same bytes"


def connected(place: Place) -> str:
    """What is shown for a host is read as that host reads it, and started by its own words."""
    ours = place.installed / "fw-mcp"
    for host, read in _READ.items():
        shown = output([ours, "connect", host, "--sandbox"], place.environment(), place.folder)
        entry = _entry(read(shown))
        command = entry.get("command") or entry["cmd"]
        if Path(command) != ours:
            raise Refused(f"{host}: it starts {command}")
        lists_its_tools(place, command, entry["args"], entry.get("env") or {})
    return ", ".join(_READ)


def _entry(read: Any) -> dict[str, Any]:  # noqa: ANN401  JSON, TOML or YAML
    """Our server, however deep a host keeps it."""
    while "finerworks" not in read:
        (read,) = read.values()
    found: dict[str, Any] = read["finerworks"]
    return found
