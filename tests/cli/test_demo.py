"""`fw-mcp demo`: a session that is checked as it goes."""

import re
from pathlib import Path

import pytest
from PIL import Image

from fw_mcp.cli.demo import play
from fw_mcp.sandbox.app import create_app
from tests.cli.spreadsheet.desk import Desk
from tests.support.process import fw_mcp
from tests.support.products import exhaustive

VIEWED = re.compile(r"^ +\d+\. (\S{36}) ", re.MULTILINE)
SEEDED = create_app()


def series_of(guid: str) -> str:
    """The series of the studio that an image is of."""
    return str(SEEDED.state.sandbox.images.with_guid(guid)["personal_gallery_title"])


def test_the_demo_fails_where_it_cannot_do_what_it_says(tmp_path: Path) -> None:
    """On a read-only server the first write is refused, and the exit code says so."""
    done = fw_mcp(["demo", "--read-only"], env={"TMPDIR": str(tmp_path)})
    assert done.returncode == 1
    assert "The demo failed: " in done.stderr
    assert "this server runs read-only" in done.stderr


@pytest.mark.waits
def test_the_demo_goes_as_it_says(tmp_path: Path) -> None:
    """Promise: `make demo` plays a checked session and exits 0; its picture alone is left."""
    env = {"FW_MCP_LOG_LEVEL": "warning", "TMPDIR": str(tmp_path)}
    done = fw_mcp(["demo"], env=env, fresh=True)
    assert (done.returncode, done.stderr) == (0, "")
    for line in ("The server asks:", "(got 412)", "7 created", "1 updated", "2 deleted"):
        assert line in done.stdout
    for line in ('3 files from the folder "New Work"', "3 created", "3 deleted", "--remove-unused"):
        assert line in done.stdout
    assert "declined: Not confirmed (decline). Nothing was sent" in done.stdout
    assert len(set(map(series_of, re.findall(VIEWED, done.stdout)))) >= 5
    assert "No account was touched; the contact sheet is kept." in done.stdout
    assert done.stdout.splitlines()[-1].startswith("Next: fw-mcp connect ")
    (kept,) = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert f"Open it: {kept}\n" in done.stdout
    with Image.open(kept) as sheet:
        assert min(sheet.size) > 500


@exhaustive
def test_without_the_extra_the_folder_is_left_out_and_that_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rest of the session goes as ever."""
    # The picture that it keeps goes with the test; in this process TMPDIR has been read before.
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert play(Desk(tmp_path, capsys).assembly(), {}, can_upload=False) == 0
    said = capsys.readouterr().out
    assert "skipped because fw-mcp[upload] is not installed" in said
    assert "New Work" not in said
