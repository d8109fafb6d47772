"""What `fw-mcp doctor` says of writes whose outcome is not known."""

import json
from pathlib import Path
from typing import Any

import pytest

from fw_mcp.cli.doctor import examine
from tests.kept import Kept, Write, change, ended
from tests.studio import make_studio

BEGUN = 1_800_000_000.0


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    """A store that does not exist yet, beside a sandbox."""
    return Kept(tmp_path / "store", make_studio())


def deletion(
    number: int, outcome: str | None = None, begun_at: float = BEGUN, account: str = ""
) -> Write:
    """Two images; cut off without an outcome."""
    intent = [{"item": 0, "guid": "a"}, {"item": 1, "guid": "b"}]
    done = None if outcome is None else [ended(0, "a", "deleted"), ended(1, "b", outcome)]
    return Write(
        change(number), "delete_images", intent, outcome=done, begun_at=begun_at, account=account
    )


def journal(kept: Kept, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, Any]]:
    """The exit code and what the check of the journal found."""
    code = examine(kept.assembly(), {"json": True})
    found = json.loads(capsys.readouterr().out)[-1]
    assert found["check"] == "journal"
    assert found["exit_code"] == code
    return code, found


def test_a_journal_without_open_ends_is_well(
    kept: Kept, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 0."""
    kept.write(deletion(1, "failed"))
    code, found = journal(kept, capsys)
    assert (code, found["found"], found["next_step"]) == (0, "every write has its outcome", "")


def test_unfinished_writes_and_unknown_outcomes_are_told_apart(
    kept: Kept, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 7, with the command that settles both."""
    kept.write(deletion(1), deletion(2, "unknown"), *map(deletion, range(3, 9)))
    code, found = journal(kept, capsys)
    assert code == 7
    assert found["found"] == (
        "7 unfinished: #1 delete_images (2), #3 delete_images (2), #4 delete_images (2), "
        "#5 delete_images (2), #6 delete_images (2) and 2 more; "
        "1 of unknown outcome: #2 delete_images (1)"
    )
    assert found["next_step"] == "fw-mcp reconcile settles them by reading."


def test_unknown_outcomes_alone_are_a_finding_too(
    kept: Kept, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is not known whether an image is there."""
    kept.write(deletion(1, "unknown"))
    code, found = journal(kept, capsys)
    assert (code, found["found"]) == (7, "1 of unknown outcome: #1 delete_images (1)")


def test_a_write_under_way_in_a_server_is_no_fault(
    kept: Kept, capsys: pytest.CaptureFixture[str]
) -> None:
    """The doctor may be asked while a server works."""
    kept.write(deletion(1, begun_at=BEGUN + 3590).by_this_process())
    code, found = journal(kept, capsys)
    assert (code, found["next_step"]) == (0, "")
    assert found["found"] == "1 may be under way in another process: #1 delete_images (2)"


def test_an_unknown_outcome_of_a_moment_ago_is_not_under_way(
    kept: Kept, capsys: pytest.CaptureFixture[str]
) -> None:
    """The write has ended, whoever made it."""
    kept.write(deletion(1, "unknown", begun_at=BEGUN + 3590).by_this_process())
    code, found = journal(kept, capsys)
    assert (code, found["found"]) == (7, "1 of unknown outcome: #1 delete_images (1)")


def test_what_was_written_with_another_account_s_keys_is_told_apart(
    kept: Kept, capsys: pytest.CaptureFixture[str]
) -> None:
    """These keys cannot settle it; exit code 7 all the same."""
    kept.write(
        deletion(1), deletion(2, account="another"), deletion(3, "unknown", BEGUN, "another")
    )
    code, found = journal(kept, capsys)
    assert code == 7
    assert found["found"] == (
        "1 unfinished: #1 delete_images (2); "
        "2 made with another account's keys: #2 delete_images (2), #3 delete_images (1)"
    )
    assert found["next_step"] == (
        "fw-mcp reconcile settles them by reading. "
        "It settles another account's with that account's keys."
    )


def test_a_write_of_minutes_ago_is_not_under_way_any_more(
    kept: Kept, capsys: pytest.CaptureFixture[str]
) -> None:
    """Though a process of that id runs."""
    kept.write(deletion(1, begun_at=BEGUN + 3500).by_this_process())
    assert journal(kept, capsys)[0] == 7
