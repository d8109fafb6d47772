"""Whether the lock installs: with each pip that users have, and for each Python.

`make lock-check` runs it. Nothing is installed but pips, in throw-away environments, and all comes
from where pip is set up to look. A package that is locked but has no wheel that fits, or whose file
has another hash, ends it with 1 and is named, with the case in which that was seen.

One package may come as source: pyvips has no wheel. It holds Python alone, so that no compiler is
asked for; what builds it is locked as well.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

FLAGS = ("--no-deps", "--only-binary=:all:", "--require-hashes")
BUILT = ("--no-binary=pyvips", "--no-build-isolation")
PARTS = ("runtime", "upload", "otel", "postgres", "evals", "dev", "build")
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
# What Python 3.11's first and later releases bring, and others in wide use; with the last Python
# that each runs on.
PIPS = {"22.3.1": "3.11", "23.2.1": "3.13", "24.0": "3.13"}
NEWEST = "newest"
HERE = "here"

_THIS = ".".join(map(str, sys.version_info[:2]))
_BUILDS = Path(__file__).with_name("build.txt")
_AT_ONCE = 2
_LONGEST_S = 300
_QUIET = ("--quiet", "--disable-pip-version-check", "--no-input")
_NAMED = re.compile(
    r"No matching distribution found for (\S+)|^\s+(\S+==\S+) (?:from|--hash)", re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class Case:
    """One way in which the lock is installed.

    Attributes:
        python: the interpreter that runs pip.
        pip: its version.
        target: the Python that the wheels are for.
    """

    python: Path
    pip: str
    target: str

    def __str__(self) -> str:
        """As it is printed."""
        return f"pip {self.pip} for Python {self.target}"


def main() -> int:
    """Try every case; the exit code."""
    given = _arguments()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(_AT_ONCE) as pool:
        pythons = list(pool.map(partial(_with_pip, Path(folder)), given.pip))
        cases = list(_cases(pythons, given.python))
        failures = 0
        for case, failed in zip(cases, pool.map(partial(_tried, given.files), cases), strict=True):
            failures += bool(failed)
            print(f"{'FAIL' if failed else 'ok':<4}  {case}{failed and f': {failed}'}", flush=True)
    print(f"{len(cases)} cases, {failures} failed, {time.monotonic() - began:.0f} s")
    return 1 if failures else 0


def _arguments() -> argparse.Namespace:
    here = Path(__file__).parent
    pips = [pip for pip, last in PIPS.items() if _order(_THIS) <= _order(last)]
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "files", nargs="*", type=Path, default=[here / f"{part}.txt" for part in PARTS]
    )
    parser.add_argument(
        "--pip",
        nargs="+",
        default=[HERE, *pips, NEWEST],
        help=f"versions, {NEWEST}, or {HERE} for the one of this Python; default: %(default)s",
    )
    parser.add_argument(
        "--python",
        nargs="*",
        default=[one for one in PYTHONS if one != _THIS],
        help="others than this one, for which the last pip is asked; default: %(default)s",
    )
    return parser.parse_args()


def _order(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def _with_pip(folder: Path, pip: str) -> Path:
    """An interpreter that has this pip."""
    if pip == HERE:
        return Path(sys.executable)
    place = folder / pip
    venv.create(place, with_pip=False)
    python = place / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    wanted = "pip" if pip == NEWEST else f"pip=={pip}"
    for flags, what in ((FLAGS[:2], [wanted]), (FLAGS, ["-r", str(_BUILDS)])):
        install = ["--python", str(python), "install", *flags, *_QUIET, *what]
        done = _run(Path(sys.executable), install)
        if done.returncode:
            raise SystemExit(
                f"{what[-1]} cannot be installed, to try the lock with it.\n{done.stderr}"
            )
    return python


def _cases(pythons: Sequence[Path], targets: Sequence[str]) -> Iterator[Case]:
    """This Python with every pip, each once; the others with the last of them."""
    versions = {_version(python): python for python in pythons}
    for version, python in versions.items():
        yield Case(python, version, _THIS)
    for target in targets:
        yield Case(pythons[-1], _version(pythons[-1]), target)


def _version(python: Path) -> str:
    return _run(python, ["--version"]).stdout.split()[1]


def _tried(files: Sequence[Path], case: Case) -> str:
    """What failed; nothing when all of it would be installed."""
    with tempfile.TemporaryDirectory() as nowhere:
        other = () if case.target == _THIS else ("--python-version", case.target)
        done = _run(
            case.python,
            [
                *("install", "--dry-run", "--ignore-installed", *_QUIET, *FLAGS, *BUILT),
                *(("--target", nowhere, *other) if other else ()),
                *(part for file in files for part in ("-r", str(file))),
            ],
        )
    return _why(done.stderr) if done.returncode else ""


def _why(said: str) -> str:
    """The packages that pip names, and the first sentence of its last error."""
    names = dict.fromkeys(filter(None, (one for pair in _NAMED.findall(said) for one in pair)))
    errors = [line for line in said.splitlines() if line.startswith("ERROR: ")]
    error = errors[-1].removeprefix("ERROR: ").partition(". ")[0] if errors else said.strip()
    return f"{', '.join(names) or 'no package is named'}: {error}"


def _run(python: Path, arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            [str(python), "-m", "pip", *arguments],
            capture_output=True,
            text=True,
            timeout=_LONGEST_S,
            check=False,
        )
    except subprocess.TimeoutExpired as late:
        return subprocess.CompletedProcess(late.cmd, 1, "", f"ERROR: not done in {_LONGEST_S} s")


if __name__ == "__main__":
    sys.exit(main())
