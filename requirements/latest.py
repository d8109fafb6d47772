"""Whether it works on the newest and on the lowest allowed versions of what it depends on.

`make latest` runs it. Whoever installs the package without the lock gets the newest. For each of
the two, an environment is made and thrown away; the demo is played there, and the tests are run. At
the end the lock is held against the known advisories, where their list can be reached.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
UV = Path(sys.executable).with_name("uv")
RESOLUTIONS = ("highest", "lowest-direct")
EXTRAS = ("upload", "otel", "postgres")
# Beside these it would hold others back; it has an environment of its own.
EXTRA_OF_EVALS = "evals"
# Two calls by the scripts, and the same by a mock model.
_EVALS = ("-m", "evals", "--only", "delete-one")
_SILENT_S = 300
_AUDITED = "upload.txt"


def main() -> int:
    """Try each; the exit code."""
    given = _arguments()
    failed = []
    for resolution in given.resolution:
        with tempfile.TemporaryDirectory(prefix="fw-mcp-latest-") as folder:
            # Tests run as a user without rights, too.
            Path(folder).chmod(0o755)
            failed += [f"{resolution}: {what}" for what in _tried(resolution, Path(folder), given)]
    if not given.no_audit:
        failed += _audited()
    for one in failed:
        print(f"FAIL  {one}")
    return 1 if failed else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--resolution", nargs="*", choices=RESOLUTIONS, default=RESOLUTIONS)
    parser.add_argument("--workers", default="2", help="of the tests; default: %(default)s")
    parser.add_argument("--no-audit", action="store_true", help="leave the advisories out")
    parser.add_argument("tests", nargs="*", help="which; default: those of make test")
    return parser.parse_args()


def _tried(resolution: str, folder: Path, given: argparse.Namespace) -> list[str]:
    """What failed."""
    began = time.monotonic()
    pins, python = folder / "pins.txt", folder / "bin" / "python"
    if failed := _installed(resolution, EXTRAS, folder):
        return [failed]
    print(f"{resolution}: {' '.join(_direct(pins))}", flush=True)
    if _run([python, "-m", "fw_mcp", "demo"], quiet=True):
        return ["the demo"]
    print(f"{resolution}: the demo went as said, {time.monotonic() - began:.0f} s", flush=True)
    # What tests it may be the newest, as long as it leaves what is tested as it is.
    tools = [
        "pip",
        "install",
        "--quiet",
        "--python",
        python,
        "--constraint",
        pins,
        "--group",
        "dev",
    ]
    if _run([UV, *tools]):
        return ["the tools of the tests cannot be installed beside it"]
    tests = given.tests or ["-m", "not exhaustive"]
    failed = _run([python, "-m", "pytest", "-q", "-n", given.workers, *tests])
    return [*(["the tests"] if failed else []), *_with_a_model(resolution, folder / "evals")]


def _with_a_model(resolution: str, folder: Path) -> list[str]:
    """What failed of the engine of models."""
    if failed := _installed(resolution, (EXTRA_OF_EVALS,), folder):
        return [f"{EXTRA_OF_EVALS}: {failed}"]
    if _run([folder / "bin" / "python", *_EVALS], quiet=True):
        return ["a task of evals"]
    print(f"{resolution}: a task of evals went as it must, by scripts and by a mock model")
    return []


def _installed(resolution: str, extras: Sequence[str], folder: Path) -> str:
    """Make an environment with these extras; the step that failed, or ""."""
    pins, python = folder / "pins.txt", folder / "bin" / "python"
    folder.mkdir(exist_ok=True)
    named = [word for extra in extras for word in ("--extra", extra)]
    resolved = ["pip", "compile", "--quiet", "--resolution", resolution, "--no-header"]
    for step in (
        [UV, *resolved, "--python", sys.executable, *named, "pyproject.toml", "-o", pins],
        [UV, "venv", "--quiet", "--seed", "--python", sys.executable, folder, "--allow-existing"],
        [UV, "pip", "install", "--quiet", "--python", python, "-r", pins],
        [UV, "pip", "install", "--quiet", "--python", python, "--no-deps", "--editable", "."],
    ):
        if _run(step):
            return f"{step[1]} {step[2]}"
    return ""


def _direct(pins: Path) -> list[str]:
    lines = pins.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if "==" in line and not line.startswith((" ", "#"))]


def _audited() -> list[str]:
    """Known advisories of what is shipped; said to be skipped where nobody can be asked."""
    audit = ["tool", "run", "pip-audit", "--disable-pip", "--no-deps", "--format", "json"]
    try:
        done = subprocess.run(
            [str(UV), *audit, "-r", str(Path(__file__).with_name(_AUDITED))],
            capture_output=True,
            text=True,
            timeout=_SILENT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as fault:
        print(f"skipped: pip-audit did not run ({type(fault).__name__})")
        return []
    said, failed = audit_told(done.stdout)
    print("\n".join(said))
    return failed


def audit_told(report: str) -> tuple[list[str], list[str]]:
    """What is to be said of a report of pip-audit, and what failed.

    Args:
        report: JSON; anything else is the word of one that reached nothing.
    """
    try:
        packages = json.loads(report)["dependencies"]
    except (ValueError, LookupError, TypeError):
        return ["skipped: pip-audit, whose data cannot be reached from here"], []
    asked = [one for one in packages if "vulns" in one]
    if not asked:
        return ["skipped: pip-audit, whose data cannot be reached from here"], []
    known = [
        f"{one['name']} {one['version']}: {found['id']}" for one in asked for found in one["vulns"]
    ]
    left_out = [one["name"] for one in packages if "vulns" not in one]
    said = [f"{len(asked)} packages were held against the known advisories: {len(known)} found"]
    if left_out:
        said.append(f"skipped: of these nothing could be asked: {', '.join(left_out)}")
    return said + known, [f"pip-audit: {one}" for one in known]


def _run(command: Sequence[str | Path], *, quiet: bool = False) -> int:
    done = subprocess.run(
        list(map(str, command)),
        cwd=ROOT,
        env={name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"},
        stdout=subprocess.PIPE if quiet else None,
        stderr=subprocess.STDOUT if quiet else None,
        text=True,
        check=False,
    )
    if done.returncode and quiet:
        print(done.stdout)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
