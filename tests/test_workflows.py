"""What GitHub runs for this repository; `make check-release` holds each file's form."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from tests.support.products import exhaustive

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


def test_no_job_takes_what_another_run_left_in_a_cache() -> None:
    """Who writes there once would be in each release; these three do so unless they are told."""
    switches = {
        "astral-sh/setup-uv": "enable-cache",
        "docker/setup-buildx-action": "cache-binary",
        "docker/setup-qemu-action": "cache-image",
    }
    steps = [step for name in NAMES for step in steps_of(name) if "uses" in step]
    named = [(switches.get(one["uses"].partition("@")[0]), one) for one in steps]
    given = [(switch, one["with"][switch]) for switch, one in named if switch]
    assert {value for _, value in given} == {False}
    assert {switch for switch, _ in given} == {*switches.values()}
    assert [one for one in steps if "/cache" in one["uses"] or "cache-from" in str(one)] == []


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


@exhaustive
@pytest.mark.parametrize(
    ("tag", "account", "said"),
    [
        ("v0.2.0", "Studio", ""),
        ("v0.3.0", "Studio", "The tag is v0.3.0, fw_mcp.__version__ is 0.2.0\n"),
        ("v0.2.0", "studio", "pyproject.toml names https://github.com/Studio/fw-mcp, "),
    ],
)
def test_a_tag_is_refused_before_anything_is_built(
    tmp_path: Path, tag: str, account: str, said: str
) -> None:
    """The step as GitHub runs it; tests/test_release.py has each reason."""
    (step,) = [one for one in steps_of("release") if one.get("id") == "version"]
    files = {
        "fw_mcp/__init__.py": '__version__ = "0.2.0"\n',
        "CHANGELOG.md": "## [Unreleased]\n\n## [0.2.0] - 2026-01-02\n\n- A thing.\n",
        "pyproject.toml": '[project.urls]\nRepository = "https://github.com/Studio/fw-mcp"\n',
    }
    scripts = ("changelog", "owner", "release")
    files |= {
        f"packaging/{one}.py": (ROOT / "packaging" / f"{one}.py").read_text() for one in scripts
    }
    for name, text in files.items():
        place = tmp_path / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    for arguments in (["init", "--quiet"], ["add", "."]):
        git = ["git", *arguments]
        subprocess.run(git, cwd=tmp_path, check=True)
    written = tmp_path / "output"
    written.touch()
    env = {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), "/usr/bin", "/bin"]),
        "GITHUB_REF_NAME": tag,
        "GITHUB_REPOSITORY": f"{account}/fw-mcp",
        "GITHUB_OUTPUT": str(written),
    }
    # The shell that GitHub starts for it.
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
    done = subprocess.run(
        command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False
    )
    assert done.stderr.startswith(said)
    assert done.returncode == (1 if said else 0)
    assert written.read_text() == ("" if said else "version=0.2.0\n")
    assert (tmp_path / "notes.md").read_text() == ("" if said else "- A thing.\n")


def test_a_release_has_the_files_that_make_release_builds() -> None:
    """One script builds them here and there, and what it says of itself is what a tag may say."""
    steps = {one["name"]: one for one in steps_of("release")}
    assert steps["Build"]["run"] == "make artifacts"
    assert steps["Hand on what else is published"]["with"]["path"].split() == ["dist", "notes.md"]
    runs = [one.get("run", "") for one in steps_of("release")]
    (created,) = [run for run in runs if run.startswith("gh release create ")]
    assert created.endswith("--notes-file notes.md dist/*")


def test_nothing_is_published_before_it_was_built_and_tried() -> None:
    """The index takes no file twice: it comes after the image, and the registry reads both."""
    jobs = workflow("release")["jobs"]
    needed = {name: job.get("needs", []) for name, job in jobs.items()}
    assert needed == {
        "build": [],
        "smoke": "build",
        "image": ["build", "smoke"],
        "attest": ["build", "image"],
        "pypi": "attest",
        "assets": ["build", "pypi"],
        "registry": ["assets"],
    }
    assert {name for name, job in jobs.items() if "environment" in job} == {
        "pypi",
        "image",
        "registry",
    }


def test_no_job_that_can_sign_runs_what_others_wrote() -> None:
    """The registry of servers takes an entry from any job of the account that has such a token."""
    able = {
        f"{name}/{job}": read["steps"]
        for name in NAMES
        for job, read in workflow(name)["jobs"].items()
        if "id-token" in read["permissions"]
    }
    assert list(able) == ["release/attest", "release/pypi", "release/registry"]
    steps = [step for job in able.values() for step in job]
    assert [one for one in steps if "/checkout@" in one.get("uses", "")] == []
    lines = [line for one in steps for line in one.get("run", "").splitlines()]
    assert [line.split()[0] for line in lines] == [
        "curl",
        "echo",
        "tar",
        "./mcp-publisher",
        "./mcp-publisher",
    ]


def test_each_output_and_artifact_is_of_a_job_that_is_waited_for() -> None:
    """Another one is empty or not there yet, which GitHub says in the middle of a release."""
    jobs = workflow("release")["jobs"]
    waited: dict[str, set[str]] = {}
    made: dict[str, set[str]] = {}
    for name, job in jobs.items():
        needs = [job["needs"]] if isinstance(job.get("needs"), str) else job.get("needs", [])
        waited[name] = {*needs, *(before for one in needs for before in waited[one])}
        named = re.findall(r"needs\.(\w+)\.outputs\.(\w+)", str(job))
        assert [one for one, output in named if output not in jobs[one]["outputs"]] == []
        assert {one for one, _ in named} <= set(needs)
        for step in job.get("steps", ()):
            if "/download-artifact@" in step.get("uses", ""):
                assert step["with"]["name"] in {one for job in waited[name] for one in made[job]}
        made[name] = {
            step["with"]["name"]
            for step in job.get("steps", ())
            if "/upload-artifact@" in step.get("uses", "")
        }


def test_no_job_of_a_release_is_skipped() -> None:
    """GitHub would skip whatever needs it, at any distance: nothing would be published."""
    jobs = {**workflow("release")["jobs"], **workflow("smoke")["jobs"]}
    assert [name for name, job in jobs.items() if "if" in job] == []
    built = [one["if"] for one in workflow("smoke")["jobs"]["build"]["steps"]]
    assert built == ["${{ !inputs.built }}"] * 4
