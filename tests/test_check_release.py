"""`make check-release` says of every check how it ended, and fails when one does."""

import importlib
import os
import runpy
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

PACKAGING = Path(__file__).parents[1] / "packaging"


@pytest.fixture(scope="module")
def check() -> Iterator[ModuleType]:
    """The script, whose parts find each other by their folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(PACKAGING)
        yield importlib.import_module("check")


@pytest.fixture(scope="module")
def checking(check: ModuleType) -> ModuleType:
    """What all of its checks use."""
    return importlib.import_module(check.Check.__module__)


@pytest.fixture(scope="module")
def made(checking: ModuleType) -> Callable[..., object]:
    """A check that ends as it is told."""

    def of(what: str, ending: Exception | str | None = None) -> object:
        def tried(_: object) -> str | None:
            if isinstance(ending, Exception):
                raise ending
            return ending

        return checking.Check(what, "tool@1", tried)

    return of


def test_each_check_ends_in_one_of_three_words_with_the_reason(
    checking: ModuleType, made: Callable[..., object], tmp_path: Path
) -> None:
    """Whatever a tool did, the checks after it are made."""
    endings = {
        "plain": None,
        "figures": "12 packages",
        "missing": checking.Skipped("npm is not on the PATH"),
        "refused": checking.Refused("it said no"),
        "late": subprocess.TimeoutExpired(["tool"], 3),
        "gone": ConnectionResetError(),
        "in a session": ExceptionGroup("two", [ConnectionResetError(), checking.Refused("no")]),
    }
    place = checking.Place(tmp_path)
    ended = [checking.verdict(made(*one), place) for one in endings.items()]
    assert [(one.word, one.why) for one in ended] == [
        ("ok", ""),
        ("ok", "12 packages"),
        ("skipped", "npm is not on the PATH"),
        ("FAILED", "it said no"),
        ("FAILED", "Command '['tool']' timed out after 3 seconds"),
        ("FAILED", "ConnectionResetError"),
        ("FAILED", "ConnectionResetError; no"),
    ]


def test_the_summary_counts_names_what_was_skipped_and_what_no_machine_shows(
    check: ModuleType, checking: ModuleType
) -> None:
    """Whoever reads only the end knows what was not tried."""
    verdicts = [
        checking.Verdict("bundle", "mcpb@2.1.2", "ok", "", 1.26),
        checking.Verdict("image", "buildah 1.28", "skipped", "debootstrap is not here", 0.0),
        checking.Verdict("wheel", "twine@7.0.0", "FAILED", "no description", 3.0),
    ]
    told = "\n".join(check.summary(verdicts, ["size"], 61.4))
    assert told.startswith("| what | by which tool | verdict | seconds |\n")
    assert "| bundle | mcpb@2.1.2 | ok | 1.3 |" in told
    assert "1 ok, 1 skipped, 1 FAILED, in 61 s." in told
    _, _, untried = told.partition("Not tried here, and why:\n")
    assert untried.startswith("- image: debootstrap is not here\n- not asked for: size\n")
    for one in ("GitHub", "macOS, Windows", "Publishing", "One-click", "FinerWorks"):
        assert f"- {one}" in untried


def test_only_a_check_that_failed_decides_the_exit_code(
    check: ModuleType,
    checking: ModuleType,
    made: Callable[..., object],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A machine without a tool is not a fault of the release."""
    every = [
        made("good"),
        made("absent", checking.Skipped("not here")),
        made("bad", checking.Refused("it said no")),
    ]
    assert check.main([], every[:2]) == 0
    assert check.main([], every) == 1
    assert "FAILED     0.0 s  bad (tool@1): it said no\n" in capsys.readouterr().out
    assert check.main(["--only", "GOOD", "abs"], every) == 0
    assert "- not asked for: bad\n" in capsys.readouterr().out


def test_a_word_that_no_name_holds_is_refused(
    check: ModuleType, made: Callable[..., object], capsys: pytest.CaptureFixture[str]
) -> None:
    """A misspelled one would pass for checked."""
    with pytest.raises(SystemExit):
        check.main(["--only", "good", "goood"], [made("good")])
    assert "no check's name holds goood; --list prints them" in capsys.readouterr().err


def test_each_check_has_a_name_of_its_own_and_a_tool(check: ModuleType) -> None:
    """The table and `--only` tell them apart by it."""
    names = [one.what for one in check.CHECKS]
    assert len(set(names)) == len(names) >= 16
    assert [one.what for one in check.CHECKS if not one.tool] == []


def test_a_tool_is_shown_with_its_version(checking: ModuleType) -> None:
    """A pinned one has it in its name, a program says it, a script is of this very tree."""
    shown = checking.versioned("python3")
    assert shown.startswith("python3 3.")
    for one in ("twine@7.0.0", "packaging/make.py"):
        assert checking.versioned(one) == one


def test_an_installed_wheel_may_not_outgrow_its_limit(
    check: ModuleType, checking: ModuleType
) -> None:
    """Every client that starts it by uvx fetches all of it first."""
    outside = check.outside
    most = outside.MOST_MB
    assert most <= 58
    assert outside.within(37, most, 63.8, 72.4).startswith(f"37 packages, {most:.1f} MB (at most")
    with pytest.raises(checking.Refused, match="38 packages"):
        outside.within(38, most + 0.1, 63.8, 72.4)


def test_what_is_weighed_is_every_file_once(check: ModuleType, tmp_path: Path) -> None:
    """Bytecode is only there after a session, and a link weighs nothing."""
    for name, size in {"a-1.dist-info/RECORD": 1_000, "a/b.py": 2_000, "a/b.pyc": 4_000}.items():
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(b"x" * size)
    (tmp_path / "link").symlink_to(tmp_path / "a" / "b.py")
    assert check.outside.weighed(tmp_path) == (1, 0.007)
    assert check.outside.weighed(tmp_path, compiled=False) == (1, 0.003)


def test_every_command_of_the_start_page_is_known_to_what_types_them(check: ModuleType) -> None:
    """A new one cannot be taught without being tried, or said to be untried."""
    page = check.page
    text = (PACKAGING.parent / "docs" / "start.md").read_text(encoding="utf-8")
    known = [*page.TYPED, *page.ELSEWHERE, *page.NEVER]
    assert page.commands(text) == set(known)
    assert len(set(known)) == len(known)
    shown = "Then `uvx new --it`, or:\n\nfw-mcp other  # a word\nfw-mcp is a server\n"
    assert page.commands(shown) >= {"uvx new --it", "fw-mcp other"}


def test_a_long_complaint_is_read_whole_and_told_by_its_end(
    checking: ModuleType, made: Callable[..., object], tmp_path: Path
) -> None:
    """What decides between skipped and FAILED may be its first word."""
    long = ["-c", "import sys; sys.exit('FailedDownloadError' + 'x' * 3_000 + ' the end')"]
    with pytest.raises(checking.Refused, match=r"^FailedDownloadError") as told:
        checking.output([sys.executable, *long], os.environ, tmp_path)
    why = checking.verdict(made("long", told.value), checking.Place(tmp_path)).why
    assert (len(why), why[-8:]) == (2_000, " the end")


def test_what_a_check_installs_and_writes_stays_in_its_own_home(
    checking: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`pipx uninstall fw-mcp` would take the one that a person uses, wherever it is told to lie."""
    for name in ("PIPX_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "CLAUDE_CONFIG_DIR", "CODEX_HOME"):
        monkeypatch.setenv(name, "/a/person/s")
    place = checking.Place(tmp_path)
    # Which pip has to be asked for.
    vars(place)["_pip_cache"] = ""
    env = place.environment()
    assert [name for name, value in env.items() if value == "/a/person/s"] == []
    assert (env["HOME"], env["TMPDIR"]) == (str(tmp_path / "home"), str(tmp_path / "tmp"))


# Answers the last of the requests, and ends as it is told when its input does.
SERVER = """
import sys
print('{"id": 2, "result": {"tools": [{"name": "a_tool"}]}}', flush=True)
sys.stdin.read()
sys.exit(int(sys.argv[1]))
"""


def test_a_wheel_whose_server_ends_badly_is_no_good() -> None:
    """Nobody would see it on the systems that are tried by GitHub alone."""
    tools = runpy.run_path(str(PACKAGING / "smoke.py"))["_tools"]
    command = [sys.executable, "-I", "-S", "-c", SERVER]
    assert tools([*command, "0"]) == ["a_tool"]
    with pytest.raises(subprocess.CalledProcessError, match="exit status 3"):
        tools([*command, "3"])
