"""Make a release ready to be pushed: `make release VERSION=x.y.z`.

It does what needs no account: the changelog, the version, all that is generated, the files in dist/
and the checks. It commits only where it is asked to, and never pushes. A workflow asks it what a
tag may publish; so nothing is imported that a plain Python lacks.
"""

import argparse
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from changelog import UNRELEASED, released, section, sections
from owner import STAND_IN, tracked, unowned

ROOT = Path(__file__).parents[1]
_CHANGELOG = "CHANGELOG.md"
_CODE = "fw_mcp/__init__.py"
# The branch that is published; from another one its tag comes after merging.
_RELEASED = "main"
_UNDO = "`git checkout -- .` undoes it"
# What SemVer and the package index write in the same way; their pre-releases differ.
_VERSION = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")
_ASSIGNED = re.compile(r'^__version__ = "(.+)"$', re.MULTILINE)


class Refused(Exception):  # noqa: N818  a verdict
    """Why there is no release, what state the tree is in, and what to do."""


@dataclass(frozen=True, slots=True)
class Tree:
    """What git says of the folder.

    Attributes:
        branch: the one that is checked out; "" where none is.
        changes: files that are not as committed.
        tags: all that there are.
        unowned: files in which the account that publishes is not named yet.
    """

    branch: str
    changes: tuple[str, ...]
    tags: frozenset[str]
    unowned: tuple[str, ...]


def tree_of(root: Path) -> Tree:
    """The folder's.

    Raises:
        Refused: it is not a repository, or git is not there.
    """
    return Tree(
        branch=_git(root, "branch", "--show-current"),
        changes=tuple(_git(root, "status", "--porcelain").splitlines()),
        tags=frozenset(_git(root, "tag").splitlines()),
        unowned=tuple(unowned(root, tracked(root))),
    )


def _git(root: Path, *arguments: str) -> str:
    command = ["git", *arguments]
    try:
        done = subprocess.run(command, cwd=root, check=True, capture_output=True, encoding="utf-8")
    except (OSError, subprocess.CalledProcessError) as fault:
        said = fault.stderr if isinstance(fault, subprocess.CalledProcessError) else str(fault)
        raise Refused(f"git {arguments[0]} failed: {said.strip()}") from fault
    return done.stdout.rstrip()


def refusals(version: str, changelog: str, tree: Tree, *, rehearse: bool) -> Iterator[str]:
    """Why this version cannot be released from this tree, each with what to do."""
    numbers = _numbers(version)
    if not numbers:
        yield f"{version!r} is not a version: give three numbers, as in VERSION=0.2.0."
    if not tree.branch:
        yield "No branch is checked out: git switch to the one that is released."
    if tree.changes:
        yield f"Not committed are {', '.join(tree.changes)}: commit them or put them back."
    for one in sections(changelog):
        if numbers <= _numbers(one.name):
            yield f"{version} is not newer than {one.name}, which {_CHANGELOG} has: take a newer."
    if f"v{version}" in tree.tags:
        yield f"The tag v{version} is there already: take a newer version."
    if tree.unowned and not rehearse:
        where = ", ".join(tree.unowned)
        yield f"{STAND_IN} is still in {where}: run make owner {STAND_IN}=account, and commit."
    unreleased = section(changelog, UNRELEASED)
    if not unreleased or unreleased.is_empty():
        yield f"{_CHANGELOG} says nothing under [{UNRELEASED}]: write what users will see."


def _numbers(version: str) -> tuple[int, ...]:
    """What it is compared by; empty where it is not a version."""
    found = _VERSION.fullmatch(version)
    return tuple(map(int, found.groups())) if found else ()


def notes(tag: str, repository: str, root: Path, files: Iterable[str]) -> str:
    """What a tag's release says of itself.

    Args:
        tag: the one that was pushed.
        repository: whose it is, as GitHub spells it: account/name.
        root: the folder of the tag's files.
        files: their names.

    Raises:
        Refused: it may publish nothing.
    """
    version = _version_of((root / _CODE).read_text(encoding="utf-8"))
    if tag != f"v{version}":
        raise Refused(f"The tag is {tag}, fw_mcp.__version__ is {version}")
    if names := unowned(root, files):
        raise Refused(f"{STAND_IN} still stands for the account that publishes: {', '.join(names)}")
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    page = project["urls"]["Repository"]
    if page != f"https://github.com/{repository}":
        raise Refused(f"pyproject.toml names {page}, the repository is {repository}")
    said = section((root / _CHANGELOG).read_text(encoding="utf-8"), version)
    if not said or not said.day or said.is_empty():
        raise Refused(f"{_CHANGELOG} has no section {version} with a day and a text")
    return said.text


def _version_of(code: str) -> str:
    found = _ASSIGNED.search(code)
    return found[1] if found else ""


def prepare(version: str, *, rehearse: bool) -> Tree:
    """Write the version, build and check.

    Raises:
        Refused: something is wrong.
    """
    changelog, code = ROOT / _CHANGELOG, ROOT / _CODE
    text, tree = changelog.read_text(encoding="utf-8"), tree_of(ROOT)
    for why in refusals(version, text, tree, rehearse=rehearse):
        raise Refused(f"{why} Nothing was changed.")
    today = datetime.now(UTC).date().isoformat()
    changelog.write_text(released(text, version, today), encoding="utf-8")
    assigned = f'__version__ = "{version}"'
    code.write_text(_ASSIGNED.sub(assigned, code.read_text(encoding="utf-8")), encoding="utf-8")
    for what, arguments in (
        ("What is generated could not be written", ["-m", "tests.support.contract"]),
        ("What is generated could not be written", ["packaging/make.py"]),
        ("The files of the release could not be built", ["packaging/artifacts.py", "--image"]),
        ("A check failed", ["packaging/check.py"]),
    ):
        if subprocess.run([sys.executable, *arguments], cwd=ROOT, check=False).returncode:
            raise Refused(
                f"{what}, as said above. The tree is that of {version}: {_UNDO}. Then mend what is "
                f"wrong, commit it, and run make release VERSION={version} again."
            )
    return tree


def committed(root: Path, version: str, branch: str) -> None:
    """Commit it, and tag it where that is what will be released.

    Raises:
        Refused: git does not.
    """
    for command in _commands(version, branch):
        try:
            _git(root, *command)
        except Refused as why:
            raise Refused(
                f"{why}\n{version} is built and checked. Mend that and go on with {_shown(command)}"
            ) from why


def _commands(version: str, branch: str) -> tuple[tuple[str, ...], ...]:
    commit = ("commit", "--all", "--message", f"chore: release {version}")
    return (commit, _tag(version)) if branch == _RELEASED else (commit,)


def _tag(version: str) -> tuple[str, ...]:
    return ("tag", "--annotate", f"v{version}", "--message", f"fw-mcp {version}")


def next_steps(version: str, tree: Tree, *, rehearse: bool, is_committed: bool) -> Sequence[str]:
    """What is left for a person, line by line."""
    if rehearse:
        unnamed = f" {STAND_IN} is still in {', '.join(tree.unowned)}." if tree.unowned else ""
        return [f"This was a rehearsal: nothing of it is to be published.{unnamed} {_UNDO}."]
    commands = [] if is_committed else [_shown(one) for one in _commands(version, tree.branch)]
    if tree.branch == _RELEASED:
        commands += [f"git push --atomic origin {_RELEASED} v{version}"]
    else:
        commands += [
            f"git push origin {tree.branch}",
            f"# merge it into {_RELEASED}, then:",
            f"git switch {_RELEASED} && git pull",
            _shown(_tag(version)),
            f"git push origin v{version}",
        ]
    return [
        "Look at what is in dist/, and at the changes: "
        + ("git show" if is_committed else "git diff"),
        "Then:",
        *(f"  {one}" for one in commands),
        "The tag starts .github/workflows/release.yml; docs/releasing.md says what follows.",
    ]


def _shown(command: Sequence[str]) -> str:
    return " ".join(["git", *(f'"{one}"' if " " in one else one for one in command)])


def main() -> int:
    """Prepare a release, or say what a tag's release is."""
    parser = argparse.ArgumentParser(description=__doc__)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("version", nargs="?", help="x.y.z")
    what.add_argument("--notes", metavar="TAG", help="print what the release of a tag says")
    parser.add_argument("--repository", default="", help="of --notes: account/name")
    how = parser.add_mutually_exclusive_group()
    how.add_argument(
        "--rehearse",
        action="store_true",
        help=f"{STAND_IN} may be where it is: nothing is published",
    )
    how.add_argument("--commit", action="store_true", help="commit it as well, and tag it on main")
    given = parser.parse_args()
    try:
        if given.notes:
            print(notes(given.notes, given.repository, ROOT, tracked(ROOT)))
            return 0
        tree = prepare(given.version, rehearse=given.rehearse)
        if given.commit:
            committed(ROOT, given.version, tree.branch)
    except Refused as why:
        print(why, file=sys.stderr)
        return 1
    print(f"\n{given.version} is ready: all checks passed, and what they skipped is named above.")
    for line in next_steps(given.version, tree, rehearse=given.rehearse, is_committed=given.commit):
        print(line)
    return 0


if __name__ == "__main__":
    sys.exit(main())
