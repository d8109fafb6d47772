"""What GitHub runs for this repository; `make check-release` holds each file's form."""

import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from fw_mcp import __version__

ROOT = Path(__file__).parents[1]
WORKFLOWS = ROOT / ".github" / "workflows"
NAMES = ("checks", "codeql", "release", "smoke")
PINNED = re.compile(r"uses: [\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$")


def text_of(name: str) -> str:
    """The file of one workflow."""
    return (WORKFLOWS / f"{name}.yml").read_text(encoding="utf-8")


def workflow(name: str) -> dict[str, Any]:
    """The same, read."""
    read = yaml.safe_load(text_of(name))
    assert isinstance(read, dict)
    return read


def steps_of(name: str) -> list[dict[str, Any]]:
    """Every step of its jobs."""
    return [step for job in workflow(name)["jobs"].values() for step in job.get("steps", ())]


def test_the_workflows_are_those_that_are_tested_here() -> None:
    """A new one is held by the tests below too."""
    assert {path.name for path in WORKFLOWS.iterdir()} == {f"{name}.yml" for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_each_action_is_pinned_by_its_commit_with_its_version_beside_it(name: str) -> None:
    """A tag can be moved to other code, and a bare hash says nothing to the one who reviews."""
    used = [line.strip() for line in text_of(name).splitlines() if "uses:" in line]
    foreign = [line.removeprefix("- ") for line in used if "uses: ./" not in line]
    assert foreign
    assert [line for line in foreign if not PINNED.search(line)] == []


def test_an_action_has_one_version_in_all_workflows() -> None:
    """Two of them drift apart where they are brought up to date by hand."""
    used = {step["uses"] for name in NAMES for step in steps_of(name) if "uses" in step}
    assert len(used) == len({one.partition("@")[0] for one in used})


@pytest.mark.parametrize("name", NAMES)
def test_a_job_has_only_the_rights_it_names_and_ends_in_time(name: str) -> None:
    """The token of a run can do nothing that a job does not ask for, and no checkout keeps it."""
    read = workflow(name)
    assert read["permissions"] == {}
    for job in read["jobs"].values():
        assert "permissions" in job
        assert "timeout-minutes" in job or "uses" in job
    checkouts = [one for one in steps_of(name) if "/checkout@" in one.get("uses", "")]
    assert all(one["with"]["persist-credentials"] is False for one in checkouts)


def test_the_wheel_is_tried_on_every_python_and_system_that_it_names() -> None:
    """A classifier is a promise; the matrix is what keeps it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = project["classifiers"]
    pythons = [one.rpartition(" ")[2] for one in named if " :: Python :: 3." in one]
    matrix = workflow("smoke")["jobs"]["smoke"]["strategy"]["matrix"]
    assert matrix["python"] == pythons
    systems = {"ubuntu": "Linux", "macos": "MacOS", "windows": "Windows"}
    tried = {systems[one.partition("-")[0]] for one in matrix["system"]}
    assert tried == {one.rpartition(" ")[2] for one in named if "Operating System" in one}


NO_OWNER = "OWNER still stands for the account that publishes\n"
NAMING = ("pyproject.toml", "Dockerfile", ".github/ISSUE_TEMPLATE/config.yml")


@pytest.mark.parametrize(
    ("tag", "left", "code", "said"),
    [
        (f"v{__version__}", "", 0, ""),
        ("v99.0.0", "", 1, f"The tag is v99.0.0, fw_mcp.__version__ is {__version__}\n"),
        *((f"v{__version__}", name, 1, NO_OWNER) for name in NAMING),
    ],
)
def test_a_release_is_refused_under_another_version_or_for_nobodys_account(
    tmp_path: Path, tag: str, left: str, code: int, said: str
) -> None:
    """What is published cannot be taken back: the tag is the version, or nothing is built."""
    (step,) = [one for one in steps_of("release") if one.get("id") == "version"]
    (tmp_path / "fw_mcp").mkdir()
    (tmp_path / "fw_mcp" / "__init__.py").write_bytes(
        (ROOT / "fw_mcp" / "__init__.py").read_bytes()
    )
    for name in NAMING:
        text = (ROOT / name).read_text(encoding="utf-8")
        place = tmp_path / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text if name == left else text.replace("OWNER/", "studio/"))
    written = tmp_path / "output"
    written.touch()
    env = {"PATH": "/usr/bin:/bin", "GITHUB_REF_NAME": tag, "GITHUB_OUTPUT": str(written)}
    # The shell that GitHub starts for it.
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
    done = subprocess.run(
        command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (code, said)
    assert written.read_text() == ("" if code else f"version={__version__}\n")


def test_nothing_is_published_before_it_was_built_and_tried() -> None:
    """The registry reads the package, the image and the bundle, so that it comes last."""
    jobs = workflow("release")["jobs"]
    needed = {name: set(job.get("needs", ())) for name, job in jobs.items()}
    assert jobs["smoke"]["needs"] == "build"
    for published in ("pypi", "image"):
        assert needed[published] == {"build", "smoke"}
    assert needed["assets"] == {"build", "pypi", "image"}
    assert needed["registry"] == {"assets"}
    assert {name for name, job in jobs.items() if "environment" in job} == {
        "pypi",
        "image",
        "registry",
    }
