"""A release is refused while something is wrong, and else says of itself what is so."""

import hashlib
import os
import re
import runpy
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from fw_mcp import __version__
from tests.support.products import exhaustive

ROOT = Path(__file__).parents[1]
PACKAGING = ROOT / "packaging"
CHANGELOG = """\
# Changelog

What users see.

## [Unreleased]

### Added

- A thing.

## [0.2.0] - 2026-01-02

- Another.

## [0.1.10] - 2025-01-02

First release.
"""


@pytest.fixture(scope="module")
def scripts() -> Iterator[dict[str, Any]]:
    """What the scripts of packaging have, by their names; they find each other beside them."""
    names = ("artifacts", "changelog", "owner", "release", "sbom")
    with pytest.MonkeyPatch.context() as found:
        found.syspath_prepend(PACKAGING)
        yield {
            name: SimpleNamespace(**runpy.run_path(str(PACKAGING / f"{name}.py"))) for name in names
        }


def why(scripts: dict[str, Any], version: str, text: str = CHANGELOG, **tree: Any) -> str:  # noqa: ANN401  of each field
    """The first reason against a release from a tree that is fine but for what is given."""
    release = scripts["release"]
    clean: dict[str, Any] = {"branch": "main", "changes": (), "tags": frozenset(), "unowned": ()}
    rehearse = bool(tree.pop("rehearse", False))
    reasons = release.refusals(version, text, release.Tree(**clean | tree), rehearse=rehearse)
    return next(reasons, "")


@pytest.mark.parametrize("version", ["0.2.1", "0.3.0", "0.10.0", "1.0.0"])
def test_a_newer_version_from_a_clean_tree_is_not_refused(
    scripts: dict[str, Any], version: str
) -> None:
    """Numbers are compared, not letters: 0.10.0 comes after 0.2.0."""
    assert why(scripts, version) == ""


@pytest.mark.parametrize("version", ["", "1", "0.3", "0.3.0rc1", "v0.3.0", "0.03.0", "0.3.0\n"])
def test_what_is_not_three_numbers_is_not_a_version(scripts: dict[str, Any], version: str) -> None:
    """SemVer and the package index write pre-releases in different ways, so that none is taken."""
    assert why(scripts, version).startswith(f"{version!r} is not a version")


@pytest.mark.parametrize(
    ("version", "newest"), [("0.2.0", "0.2.0"), ("0.1.11", "0.2.0"), ("0.0.1", "0.2.0")]
)
def test_a_version_that_is_not_newer_than_each_release_is_refused(
    scripts: dict[str, Any], version: str, newest: str
) -> None:
    """No index takes a version a second time."""
    said = f"{version} is not newer than {newest}, which CHANGELOG.md has: take a newer."
    assert why(scripts, version) == said


@pytest.mark.parametrize(
    ("tree", "said"),
    [
        ({"branch": ""}, "No branch is checked out"),
        ({"changes": (" M a.py", "?? b.py")}, "Not committed are  M a.py, ?? b.py"),
        ({"tags": frozenset({"v0.3.0"})}, "The tag v0.3.0 is there already"),
        ({"unowned": ("Dockerfile",)}, "OWNER is still in Dockerfile"),
    ],
)
def test_a_tree_that_is_not_ready_is_refused_with_what_to_do(
    scripts: dict[str, Any], tree: dict[str, Any], said: str
) -> None:
    """One sentence, which names what is wrong."""
    assert why(scripts, "0.3.0", **tree).startswith(said)


def test_a_rehearsal_goes_without_the_account_and_without_nothing_else(
    scripts: dict[str, Any],
) -> None:
    """Where nobody publishes yet, all else can be tried."""
    assert why(scripts, "0.3.0", unowned=("Dockerfile",), rehearse=True) == ""
    assert why(scripts, "0.3.0", changes=("?? b.py",), rehearse=True) != ""


@pytest.mark.parametrize("left", ["", "\n### Added\n", "\n### Added\n\n### Fixed\n"])
def test_a_release_that_says_nothing_is_refused(scripts: dict[str, Any], left: str) -> None:
    """Headings alone are nothing, and a changelog without the section has nowhere to say it."""
    empty = CHANGELOG.replace("\n### Added\n\n- A thing.\n", left)
    for text in (empty, empty.replace("## [Unreleased]\n", "")):
        assert why(scripts, "0.3.0", text).startswith(
            "CHANGELOG.md says nothing under [Unreleased]"
        )


def test_what_was_unreleased_becomes_the_versions(scripts: dict[str, Any]) -> None:
    """With its day, below a new and empty section; nothing else changes."""
    changelog = scripts["changelog"]
    text = changelog.released(CHANGELOG, "0.3.0", "2026-03-04")
    added = "\n## [0.3.0] - 2026-03-04\n"
    assert text.replace(added, "", 1) == CHANGELOG
    found = [(one.name, one.day, one.is_empty()) for one in changelog.sections(text)]
    assert found == [
        ("Unreleased", "", True),
        ("0.3.0", "2026-03-04", False),
        ("0.2.0", "2026-01-02", False),
        ("0.1.10", "2025-01-02", False),
    ]
    assert changelog.section(text, "0.3.0").text == "### Added\n\n- A thing."
    assert changelog.section(text, "0.4.0") is None


def test_the_changelog_of_this_tree_has_the_form_that_is_read(scripts: dict[str, Any]) -> None:
    """Each heading of a version is one, and the version of the code has its day."""
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    sections = list(scripts["changelog"].sections(text))
    assert sections[0].name == "Unreleased"
    assert len(sections) == len(re.findall(r"^## ", text, re.MULTILINE))
    assert {one.name for one in sections if one.day} >= {__version__}


@pytest.fixture
def tagged(scripts: dict[str, Any], tmp_path: Path) -> Path:
    """The files of a tag v0.2.0 that may be published."""
    (tmp_path / "fw_mcp").mkdir()
    (tmp_path / "fw_mcp" / "__init__.py").write_text('"""It."""\n\n__version__ = "0.2.0"\n')
    (tmp_path / "CHANGELOG.md").write_text(CHANGELOG)
    page = "https://github.com/Studio/fw-mcp"
    (tmp_path / "pyproject.toml").write_text(f'[project.urls]\nRepository = "{page}"\n')
    (tmp_path / "Dockerfile").write_text(f'LABEL url="{page}"\n')
    assert scripts["owner"].owned(page, "Else") == page
    return tmp_path


def notes(scripts: dict[str, Any], tagged: Path, tag: str = "v0.2.0") -> str:
    """What the workflow puts into the release."""
    files = [one.relative_to(tagged).as_posix() for one in tagged.rglob("*") if one.is_file()]
    said: str = scripts["release"].notes(tag, "Studio/fw-mcp", tagged, files)
    return said


def test_a_tag_publishes_what_the_changelog_says_of_it(
    scripts: dict[str, Any], tagged: Path
) -> None:
    """Its own section alone."""
    assert notes(scripts, tagged) == "- Another."


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        (
            "fw_mcp/__init__.py",
            ("0.2.0", "0.1.10"),
            "The tag is v0.2.0, fw_mcp.__version__ is 0.1.10",
        ),
        ("Dockerfile", ("Studio", "OWNER"), "OWNER still stands for the account that publishes: D"),
        ("pyproject.toml", ("Studio", "studio"), "pyproject.toml names https://github.com/studio/"),
        ("CHANGELOG.md", ("- Another.", ""), "CHANGELOG.md has no section 0.2.0"),
        ("CHANGELOG.md", (" - 2026-01-02", ""), "CHANGELOG.md has no section 0.2.0"),
        ("CHANGELOG.md", ("[0.2.0]", "[0.2.1]"), "CHANGELOG.md has no section 0.2.0"),
    ],
)
def test_a_tag_of_something_else_publishes_nothing(
    scripts: dict[str, Any], tagged: Path, name: str, change: tuple[str, str], said: str
) -> None:
    """What is published cannot be taken back; registries tell capitals of an account apart."""
    place = tagged / name
    place.write_text(place.read_text().replace(*change))
    with pytest.raises(scripts["release"].Refused) as refused:
        notes(scripts, tagged)
    assert str(refused.value).startswith(said)


def test_the_steps_that_are_left_are_commands_to_copy(scripts: dict[str, Any]) -> None:
    """A push alone where it is committed; a tag of what was merged; of a rehearsal, none."""
    release = scripts["release"]
    tree = release.Tree("main", (), frozenset(), ("Dockerfile",))

    def commands(branch: str, *, is_committed: bool) -> list[str]:
        one = release.Tree(branch, (), frozenset(), ())
        lines = release.next_steps("0.3.0", one, rehearse=False, is_committed=is_committed)
        return [line.strip() for line in lines if line.startswith("  ")]

    commit = 'git commit --all --message "chore: release 0.3.0"'
    tag = 'git tag --annotate v0.3.0 --message "fw-mcp 0.3.0"'
    push = "git push --atomic origin main v0.3.0"
    assert commands("main", is_committed=True) == [push]
    assert commands("main", is_committed=False) == [commit, tag, push]
    merged = [
        "git push origin release-0.3.0",
        "# merge it into main, then:",
        "git switch main && git pull",
        tag,
        "git push origin v0.3.0",
    ]
    assert commands("release-0.3.0", is_committed=True) == merged
    assert commands("release-0.3.0", is_committed=False) == [commit, *merged]
    (said,) = release.next_steps("0.3.0", tree, rehearse=True, is_committed=False)
    assert "OWNER is still in Dockerfile" in said
    assert "git checkout -- ." in said


@pytest.mark.parametrize("name", ["a", "Studio-North", "x" * 39, "7up"])
def test_an_account_takes_the_place_of_its_stand_in_everywhere(
    scripts: dict[str, Any], name: str
) -> None:
    """With its capitals, but in an image's name; the word itself, and other accounts, stay."""
    owner = scripts["owner"]
    assert owner.is_account(name)
    stand_in = owner.STAND_IN
    text = "OWNER io.github.{0}/a github.com/{0}.git githubusercontent.com/{0}/b {1} github.com/mcp"
    assert owner.owned(text.format(stand_in, f"ghcr.io/{stand_in}/c"), name) == text.format(
        name, f"ghcr.io/{name.lower()}/c"
    )


@pytest.mark.parametrize("name", ["", "OWNER", "-a", "a-", "a--b", "a b", "a/b", "é", "x" * 40])
def test_a_name_that_no_account_has_is_refused(scripts: dict[str, Any], name: str) -> None:
    """Also the stand-in itself."""
    assert not scripts["owner"].is_account(name)


def test_the_sums_are_those_that_sha256sum_checks(scripts: dict[str, Any], tmp_path: Path) -> None:
    """And two folders are the same where each file is in both, byte by byte."""
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        folder.mkdir()
        for name in ("b.whl", "a.mcpb", "c.json"):
            (folder / name).write_text(name)
    artifacts = scripts["artifacts"]
    digests = [hashlib.sha256(name.encode()).hexdigest() for name in ("a.mcpb", "b.whl")]
    assert artifacts.sums_of(first).splitlines()[:2] == [
        f"{digests[0]}  a.mcpb",
        f"{digests[1]}  b.whl",
    ]
    assert artifacts.differing(first, second) == []
    (second / "b.whl").write_text("c")
    (second / "c.json").unlink()
    assert artifacts.differing(first, second) == ["b.whl", "c.json"]


def test_where_no_image_can_be_made_the_reason_takes_its_place(
    scripts: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A release is the same without it: what is published of it is built by GitHub."""
    monkeypatch.setenv("PATH", "")
    assert scripts["artifacts"].add_image(tmp_path).startswith("container image: skipped: ")
    assert list(tmp_path.iterdir()) == []


def found_by_its_tool(scripts: dict[str, Any]) -> dict[str, Any]:
    """What CycloneDX's tool says of an environment that has the lock, as far as it is read."""
    exact = [one.partition(" ;")[0].partition("==") for one in scripts["sbom"].pins()]
    parts = [
        {"name": name, "version": version, "bom-ref": f"{name}-ref", "externalReferences": ["x"]}
        for name, _, version in exact
    ]
    tools = {"components": [{"name": "cyclonedx-py", "externalReferences": ["x"]}]}
    return {
        "metadata": {"component": {"name": "fw-mcp", "version": "0"}, "tools": tools},
        "components": parts,
        "dependencies": [{"ref": "root-component", "dependsOn": []}, {"ref": "anyio-ref"}],
    }


def test_the_list_of_parts_has_the_lock_the_version_and_no_address(
    scripts: dict[str, Any],
) -> None:
    """What the project itself depends on is what pyproject.toml names."""
    sbom = scripts["sbom"]
    listed = sbom.of_release(found_by_its_tool(scripts))
    assert listed["metadata"]["component"] == {
        "name": "fw-mcp",
        "version": __version__,
        "purl": f"pkg:pypi/fw-mcp@{__version__}",
    }
    assert "externalReferences" not in str(listed)
    own = listed["dependencies"][-1]
    assert own["ref"] == "root-component"
    assert len(own["dependsOn"]) == len(sbom.PROJECT["dependencies"])
    assert {"anyio-ref", "pyjwt-ref", "typing-extensions-ref"} <= set(own["dependsOn"])


def test_a_list_of_other_parts_than_the_locks_is_refused(scripts: dict[str, Any]) -> None:
    """One that is missing, one of another version, one too many; not what another system needs."""
    sbom, found = scripts["sbom"], found_by_its_tool(scripts)
    parts = {one["name"]: one for one in found["components"]}
    found["components"] = [one for name, one in parts.items() if name != "pywin32"]
    sbom.of_release(found)
    parts["anyio"]["version"] = "0"
    left = [one for name, one in parts.items() if name != "httpx"]
    found = found_by_its_tool(scripts)
    found["components"] = [*left, {"name": "Extra", "version": "1", "bom-ref": "e"}]
    with pytest.raises(ValueError, match=r"Not as the lock has it: anyio, extra, httpx$"):
        sbom.of_release(found)


def git(folder: Path, *arguments: str) -> None:
    """Git, with nothing of this machine's settings."""
    env = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    who = ("-c", "user.name=a", "-c", "user.email=a@b.invalid")
    command = ["git", *who, *arguments]
    subprocess.run(command, cwd=folder, env=env, check=True, capture_output=True)


@exhaustive
def test_a_release_reads_the_tree_from_git_and_leaves_it_where_it_refuses(tagged: Path) -> None:
    """The script itself, in a repository: each refusal, then a failed step and how it is undone."""
    for name in ("changelog.py", "owner.py", "release.py"):
        (tagged / "packaging").mkdir(exist_ok=True)
        (tagged / "packaging" / name).write_bytes((PACKAGING / name).read_bytes())
    (tagged / ".gitignore").write_bytes((ROOT / ".gitignore").read_bytes())
    git(tagged, "init", "--initial-branch", "main")
    git(tagged, "add", ".")
    git(tagged, "commit", "--message", "a")
    git(tagged, "tag", "v0.3.0")

    def said(*arguments: str) -> str:
        command = [sys.executable, "-B", "packaging/release.py", *arguments]
        done = subprocess.run(command, cwd=tagged, capture_output=True, text=True, check=False)
        assert done.returncode == 1
        return done.stderr

    assert said("0.3.0").startswith("The tag v0.3.0 is there already")
    assert said("0.4.0", "--rehearse").endswith(
        "What is generated could not be written, as said above. The tree is that of 0.4.0: "
        "`git checkout -- .` undoes it. Then mend what is wrong, commit it, and run "
        "make release VERSION=0.4.0 again.\n"
    )
    assert '"0.4.0"' in (tagged / "fw_mcp" / "__init__.py").read_text()
    assert said("0.4.0").startswith("Not committed are  M CHANGELOG.md,  M fw_mcp/__init__.py: ")
    git(tagged, "checkout", "--", ".")
    git(tagged, "checkout", "--detach")
    assert said("0.4.0").startswith("No branch is checked out")
    assert (tagged / "CHANGELOG.md").read_text() == CHANGELOG


@exhaustive
def test_what_git_refuses_is_named_and_the_rest_is_tagged_on_main_alone(
    scripts: dict[str, Any], tagged: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After minutes of checks nothing has to be made again; what is not merged gets no tag."""
    for name in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{name}_NAME", "a")
        monkeypatch.setenv(f"GIT_{name}_EMAIL", "a@b.invalid")
    git(tagged, "init", "--initial-branch", "main")
    git(tagged, "add", ".")
    git(tagged, "commit", "--message", "a")
    release = scripts["release"]

    def done() -> list[str]:
        command = ["git", "log", "-1", "--format=%s%n%D"]
        return subprocess.check_output(command, cwd=tagged, encoding="utf-8").splitlines()

    def change() -> None:
        (tagged / "CHANGELOG.md").write_text((tagged / "CHANGELOG.md").read_text() + "\n")

    change()
    git(tagged, "config", "tag.gpgSign", "true")
    git(tagged, "config", "gpg.program", "false")
    with pytest.raises(release.Refused, match=r"^git tag failed") as refused:
        release.committed(tagged, "0.3.0", "main")
    left = 'go on with git tag --annotate v0.3.0 --message "fw-mcp 0.3.0"'
    assert str(refused.value).endswith(left)
    assert done() == ["chore: release 0.3.0", "HEAD -> main"]
    git(tagged, "config", "--unset", "tag.gpgSign")
    change()
    release.committed(tagged, "0.4.0", "main")
    assert done() == ["chore: release 0.4.0", "HEAD -> main, tag: v0.4.0"]
    git(tagged, "switch", "--create", "release-0.5.0")
    change()
    release.committed(tagged, "0.5.0", "release-0.5.0")
    assert done() == ["chore: release 0.5.0", "HEAD -> release-0.5.0"]
