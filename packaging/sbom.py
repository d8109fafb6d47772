"""Write what a release consists of, with licenses (`make sbom`): CycloneDX JSON in dist/.

It is read from an environment that holds the lock of requirements/runtime.txt alone, by a tool from
one that holds requirements/sbom.txt. The same locks make the same file, on any machine: no serial
number, no address, and a time only where SOURCE_DATE_EPOCH gives one.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from make import PROJECT, ROOT, pins

from fw_mcp import __version__

_LOCK = ROOT / "requirements" / "runtime.txt"
_TOOLS = ROOT / "requirements" / "sbom.txt"
(CYCLONEDX,) = re.findall(r"^cyclonedx-bom==\S+", _TOOLS.read_text("utf-8"), re.MULTILINE)
_ROOT_COMPONENT = "root-component"
_NAME = re.compile(r"[\w.-]+")


def write(folder: Path) -> Path:
    """Write it.

    Args:
        folder: where it is put; made if it is not there.

    Returns:
        The file.

    Raises:
        OSError: uv is not there.
        subprocess.CalledProcessError: a lock cannot be installed, or its tool refuses.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"fw-mcp-{__version__}.cdx.json"
    with tempfile.TemporaryDirectory(prefix="fw-mcp-sbom-") as name:
        python = _installed(_LOCK, Path(name) / "environment")
        tool = _installed(_TOOLS, Path(name) / "tool")
        raw = Path(name) / "raw.json"
        described = ["--output-reproducible", "--pyproject", str(ROOT / "pyproject.toml")]
        read: list[str | Path] = [tool, "-m", "cyclonedx_py", "environment", *described, "-o", raw]
        # Its warning, of dependencies that the project does not name, is answered below.
        quiet = {**os.environ, "PYTHONWARNINGS": "ignore"}
        subprocess.run([*read, python], cwd=name, check=True, env=quiet)
        found = json.loads(raw.read_text(encoding="utf-8"))
    file.write_text(json.dumps(of_release(found), indent=2) + "\n", encoding="utf-8")
    return file


def _installed(lock: Path, environment: Path) -> Path:
    """The Python of an environment that holds a lock alone."""
    python = environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    alone = ["--quiet", "--no-deps", "--only-binary=:all:", "--require-hashes"]
    steps: tuple[list[str | Path], ...] = (
        ["uv", "venv", "--quiet", "--python", sys.executable, environment],
        ["uv", "pip", "install", *alone, "--python", python, "-r", lock],
    )
    for command in steps:
        subprocess.run(command, cwd=environment.parent, check=True)
    return python


def of_release(found: dict[str, Any]) -> dict[str, Any]:
    """What the tool found, with the release's own version and dependencies, without addresses.

    Packages are known by their `purl`; the links of their metadata lead anywhere.

    Raises:
        ValueError: it is not the lock's packages that were found.
    """
    project = found["metadata"]["component"]
    project |= {"version": __version__, "purl": f"pkg:pypi/fw-mcp@{__version__}"}
    for part in (*found["components"], *found["metadata"]["tools"]["components"]):
        part.pop("externalReferences", None)
    versions = {_name_of(one["name"]): one["version"] for one in found["components"]}
    if other := sorted(_unlike_the_lock(versions)):
        raise ValueError(f"Not as the lock has it: {', '.join(other)}")
    known = {_name_of(one["name"]): one["bom-ref"] for one in found["components"]}
    names = [_name_of(one) for one in PROJECT["dependencies"]]
    own = {"ref": _ROOT_COMPONENT, "dependsOn": sorted(known[name] for name in names)}
    others = [one for one in found["dependencies"] if one["ref"] != _ROOT_COMPONENT]
    return {**found, "dependencies": [*others, own]}


def _unlike_the_lock(versions: Mapping[str, str]) -> set[str]:
    """Packages of another version than the lock's, in one alone; another system may need more."""
    locked, always = {}, set()
    for pin in pins():
        exact, _, condition = pin.partition(" ;")
        name = _name_of(exact)
        locked[name] = exact.partition("==")[2]
        always |= set() if condition else {name}
    other = {name for name, version in versions.items() if locked.get(name) != version}
    return other | (always - versions.keys())


def _name_of(requirement: str) -> str:
    named = _NAME.match(requirement)
    assert named  # noqa: S101  a requirement begins with its name
    return named[0].lower().replace("_", "-")


if __name__ == "__main__":
    print(write(ROOT / "dist"))
