"""The locked requirements: what stands in them, how they are installed, what the check refuses."""

import hashlib
import io
import json
import os
import re
import runpy
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

from tests.support.process import environment
from tests.support.products import exhaustive

ROOT = Path(__file__).parents[1]
PARTS = ("runtime", "upload", "otel", "postgres", "evals", "dev", "build")
FLAGS = ["--no-deps", "--only-binary=:all:", "--require-hashes"]
# pyvips has no wheel. Its source is Python alone, so that what builds it compiles nothing.
SOURCE = "pyvips"
BUILT = [f"--no-binary={SOURCE}", "--no-build-isolation"]
PIN = re.compile(
    r"(?P<name>[a-z0-9]+(?:-[a-z0-9]+)*)==(?P<version>[0-9][0-9a-z.]*)"
    r"(?: ; (?P<marker>[^#@;]+?))?(?: --hash=sha256:[0-9a-f]{64})+"
)
NEXT_PYTHON = "3.14" if sys.version_info < (3, 14) else "3.13"


def requirements(part: str) -> list[str]:
    """Each requirement of a file on one line."""
    text = (ROOT / "requirements" / f"{part}.txt").read_text(encoding="utf-8")
    return text.replace(" \\\n    ", " ").splitlines()


def pins(part: str) -> dict[str, str]:
    """The version of each package in one requirements file."""
    found = [PIN.fullmatch(line) for line in requirements(part)]
    return {one["name"]: one["version"] for one in found if one}


@pytest.mark.parametrize("part", [*PARTS, "s3", "uv", "sbom"])
def test_every_line_of_the_lock_is_one_version_of_one_package_with_its_hashes(part: str) -> None:
    """No option, URL or extra: each would make pip look for what is not locked."""
    lines = requirements(part)
    assert [line[:80] for line in lines if not PIN.fullmatch(line)] == []
    assert lines
    assert len(pins(part)) == len(lines)


@pytest.mark.parametrize("part", [*PARTS, "s3"])
def test_no_package_of_the_lock_is_for_some_pythons_only(part: str) -> None:
    """The check reads markers as the Python at hand does, also where it tries another's wheels."""
    found = [PIN.fullmatch(line) for line in requirements(part)]
    markers = [one["marker"] for one in found if one and one["marker"]]
    of_a_python = [one for one in markers if re.search("python_(full_)?version", one)]
    assert [one for one in of_a_python if "'emscripten'" not in one] == []


@pytest.mark.parametrize("part", ["runtime", "upload", "otel", "postgres", "build"])
def test_what_is_shipped_has_the_versions_of_development(part: str) -> None:
    """The container holds what the tests ran against."""
    of_development = pins("dev") | {SOURCE: pins("upload")[SOURCE]}
    assert pins(part).items() <= of_development.items()


def test_what_plays_evals_is_no_second_version_of_anything() -> None:
    """It is beside what the tests run on; only what both have must be the same."""
    of_development = pins("dev") | {SOURCE: pins("upload")[SOURCE]}
    assert pins("runtime").items() <= pins("evals").items()
    both = pins("evals").keys() & of_development.keys()
    assert {name: pins("evals")[name] for name in both} == {n: of_development[n] for n in both}


def test_what_comes_as_source_is_in_one_part_and_what_builds_it_is_locked() -> None:
    """No other part needs to build anything."""
    assert [part for part in PARTS if SOURCE in pins(part)] == ["upload"]
    (line,) = [one for one in requirements("upload") if one.startswith(f"{SOURCE}==")]
    assert line.count("--hash=") == 1
    assert "setuptools" in pins("build")


def test_what_uploads_is_what_runs_and_more() -> None:
    """One file installs all of it."""
    assert pins("runtime").items() <= pins("upload").items()
    more = pins("upload").keys() - pins("runtime").keys()
    assert {"obstore", SOURCE, "pyvips-binary"} <= more


def test_what_sends_traces_and_metrics_is_what_runs_and_more() -> None:
    """One file installs all of it, and the API that is used without it comes with the server."""
    assert pins("runtime").items() <= pins("otel").items()
    more = pins("otel").keys() - pins("runtime").keys()
    assert {"opentelemetry-sdk", "opentelemetry-exporter-otlp-proto-http"} <= more
    assert "opentelemetry-api" in pins("runtime")


def test_what_a_shared_store_needs_is_what_runs_and_more() -> None:
    """One file installs all of it; psycopg brings its own libpq, so that nothing is built."""
    assert pins("runtime").items() <= pins("postgres").items()
    more = pins("postgres").keys() - pins("runtime").keys()
    assert more == {"psycopg", "psycopg-binary", "psycopg-pool"}


def commands(name: str) -> list[str]:
    """The lines of a file that are carried out, variables of a Makefile filled in."""
    text = (ROOT / name).read_text(encoding="utf-8").replace("\\\n", " ")
    variables = dict(re.findall(r"^([A-Z]+) [?:]?= (.*)$", text, re.MULTILINE))
    for _ in variables:
        text = re.sub(r"\$\(([A-Z]+)\)", lambda one: variables.get(one[1], one[0]), text)
    lines = [part.strip() for line in text.splitlines() for part in line.split("&&")]
    return [line for line in lines if not re.match("#|[A-Z]+ [?:]?=", line)]


def test_only_the_demo_does_without_what_uploads() -> None:
    """Where it has no wheel, that is said; the tests need it."""
    (demo, tests) = [line for line in commands("Makefile") if "--silent uploading" in line]
    assert "|| echo" in demo
    assert "the demo leaves out its folder of pictures" in demo
    assert tests.endswith("uploading")


def installs(name: str) -> list[list[str]]:
    """What each command that installs packages is given."""
    form = r"\bpip (?:--python \S+ )?(?:install|wheel) (.*)"
    found = [re.search(form, line) for line in commands(name)]
    return [one[1].split() for one in found if one]


def test_what_shows_pictures_is_installed_with_it() -> None:
    """Contact sheets and look-alikes need no extra, in no way of installing it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert [one for one in project["dependencies"] if one.startswith("pillow")] != []
    assert "pillow" in pins("runtime")


@pytest.mark.parametrize(
    ("name", "files"),
    [
        ("Makefile", ["runtime", "build", "upload", "dev", "s3", "evals", "uv"]),
        ("Dockerfile", ["build", "upload", "postgres"]),
        (".ci/run", []),
    ],
)
def test_whoever_installs_the_lock_resolves_and_builds_nothing(name: str, files: list[str]) -> None:
    """Promise: `make demo` works on a fresh machine, whatever was released since."""
    locked = [given for given in installs(name) if "-r" in given]
    assert [given[-1] for given in locked] == [f"requirements/{part}.txt" for part in files]
    assert [[one for one in given if one in FLAGS] for given in locked] == [FLAGS] * len(files)
    # The one exception, and nowhere else.
    built = [[one for one in given if one in BUILT or "no-binary" in one] for given in locked]
    assert built == [BUILT if part == "upload" else [] for part in files]


@pytest.mark.parametrize(
    ("name", "others"),
    [("Makefile", ["."]), ("Dockerfile", ["wheels/*.whl", "dist/*.whl"]), (".ci/run", [])],
)
def test_nothing_else_is_installed_but_the_project(name: str, others: list[str]) -> None:
    """And that without what they depend on."""
    given = [one for one in installs(name) if "-r" not in one]
    assert [one[-1] for one in given] == others
    assert [one for one in given if "--no-deps" not in one] == []


def test_what_builds_a_release_is_locked_too() -> None:
    """A tool that is fetched as it was released a minute ago could change what is published."""
    scripts = ("artifacts", "bundle", "image", "registry", "sbom")
    texts = [(ROOT / "packaging" / f"{one}.py").read_text(encoding="utf-8") for one in scripts]
    assert [text for text in texts if re.search(r"\buvx\b", text)] == []
    assert "cyclonedx-bom" in pins("sbom")


@exhaustive
def test_what_make_demo_installs_is_found_from_any_folder(tmp_path: Path) -> None:
    """Promise: `fw-mcp connect` writes what starts the server; a client runs it elsewhere."""
    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", venv], check=True)
    make = ["make", "findable", f"VENV={venv}"]
    subprocess.run(make, cwd=ROOT, check=True)
    asked = "from importlib.util import find_spec; print(find_spec('fw_mcp').origin)"
    python = venv / "bin" / "python"
    found = subprocess.check_output([python, "-c", asked], cwd=tmp_path, encoding="utf-8")
    assert Path(found.strip()) == ROOT / "fw_mcp" / "__init__.py"


def test_a_clone_may_lie_in_a_folder_of_any_name() -> None:
    """One with a space or an apostrophe ends a recipe that does not quote it."""
    recipes = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert re.findall(r'[^"]\$\(CURDIR\)', recipes) == []


# the check


def wheel(folder: Path, name: str, tag: str) -> Path:
    """A package that holds nothing."""
    file = folder / f"{name}-1.0-{tag}.whl"
    about = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(
            f"{about}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n"
        )
        archive.writestr(
            f"{about}/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n"
        )
        archive.writestr(f"{about}/RECORD", "")
    return file


def source(folder: Path, name: str) -> Path:
    """A package that would have to be built."""
    file = folder / f"{name}-1.0.tar.gz"
    about = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n".encode()
    with tarfile.open(file, "w:gz") as archive:
        member = tarfile.TarInfo(f"{name}-1.0/PKG-INFO")
        member.size = len(about)
        archive.addfile(member, io.BytesIO(about))
    return file


def checked(folder: Path, *locked: tuple[str, str]) -> tuple[int, str]:
    """Check a lock of these packages, with nothing to be had but what lies in `folder`.

    Args:
        folder: the files of packages.
        locked: name and hash.
    """
    lock = folder / "lock.txt"
    lines = [f"{name}==1.0 --hash=sha256:{digest}\n" for name, digest in locked]
    lock.write_text("".join(lines), encoding="utf-8")
    check = ROOT / "requirements" / "check.py"
    # At a space pip takes the next folder to begin.
    links = folder.as_uri()
    only = {"PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": links}
    done = subprocess.run(
        [sys.executable, str(check), str(lock), "--pip", "here", "--python", NEXT_PYTHON],
        env=environment(only),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stderr == ""
    return done.returncode, done.stdout


def sha256(file: Path) -> str:
    """A file's hash."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


@exhaustive
def test_a_lock_of_wheels_that_fit_every_python_passes(tmp_path: Path) -> None:
    """One line a case, and what all of it took."""
    code, said = checked(tmp_path, ("any", sha256(wheel(tmp_path, "any", "py3-none-any"))))
    assert (code, [line.split()[0] for line in said.splitlines()]) == (0, ["ok", "ok", "2"])


def test_a_package_without_a_wheel_is_refused_by_name(tmp_path: Path) -> None:
    """A user's machine need not be able to build it."""
    good, bad = wheel(tmp_path, "any", "py3-none-any"), source(tmp_path, "source-only")
    code, said = checked(tmp_path, ("any", sha256(good)), ("source-only", sha256(bad)))
    assert (code, said.count("FAIL"), said.count(": source-only==1.0: ")) == (1, 2, 2)


@exhaustive
def test_a_package_without_a_wheel_for_one_python_is_refused_with_that_python(
    tmp_path: Path,
) -> None:
    """The others have theirs."""
    this = f"cp{sys.version_info[0]}{sys.version_info[1]}-none-any"
    code, said = checked(tmp_path, ("some", sha256(wheel(tmp_path, "some", this))))
    (failed,) = [line for line in said.splitlines() if line.startswith("FAIL")]
    assert (code, f" for Python {NEXT_PYTHON}: some==1.0: " in failed) == (1, True)


@exhaustive
def test_a_file_with_another_hash_is_refused_by_name(tmp_path: Path) -> None:
    """It is not what was locked."""
    wheel(tmp_path, "any", "py3-none-any")
    code, said = checked(tmp_path, ("any", "0" * 64))
    assert (code, said.count(": any==1.0: THESE PACKAGES DO NOT MATCH THE HASHES")) == (1, 2)


# the advisories


AUDITED = {"name": "good", "version": "1.0", "vulns": []}
ADVISED = {"name": "bad", "version": "2.0", "vulns": [{"id": "GHSA-1"}, {"id": "GHSA-2"}]}
UNKNOWN = {"name": "odd", "skip_reason": "Dependency not found and could not be audited"}
OUT_OF_REACH = ["skipped: pip-audit, whose data cannot be reached from here"]


@pytest.mark.parametrize(
    ("report", "said", "failed"),
    [
        ([AUDITED], ["1 packages were held against the known advisories: 0 found"], []),
        (
            [AUDITED, ADVISED, UNKNOWN],
            [
                "2 packages were held against the known advisories: 2 found",
                "skipped: of these nothing could be asked: odd",
                "bad 2.0: GHSA-1",
                "bad 2.0: GHSA-2",
            ],
            ["pip-audit: bad 2.0: GHSA-1", "pip-audit: bad 2.0: GHSA-2"],
        ),
        ([UNKNOWN], OUT_OF_REACH, []),
        (None, OUT_OF_REACH, []),
    ],
)
def test_a_locked_package_with_a_known_advisory_is_named(
    report: list[object] | None, said: list[str], failed: list[str]
) -> None:
    """And where nobody can be asked, that is said; one that cannot be asked hides no other."""
    text = "ConnectionError" if report is None else json.dumps({"dependencies": report})
    told = runpy.run_path(str(ROOT / "requirements" / "latest.py"))["audit_told"](text)
    assert told == (said, failed)


def test_the_newest_and_the_lowest_are_tried_with_every_extra() -> None:
    """One that is left out breaks unseen."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = {name for name, brings in project["optional-dependencies"].items() if brings}
    latest = runpy.run_path(str(ROOT / "requirements" / "latest.py"))
    assert {*latest["EXTRAS"], latest["EXTRA_OF_EVALS"]} == extras
