"""`fw-mcp doctor --contract FILE`: its file, what it prints, and how it ends."""

import json
from pathlib import Path

import httpx
import pytest

from fw_mcp.assembly import Assembly, assemble
from fw_mcp.cli.contract import compare
from fw_mcp.cli.doctor import examine
from fw_mcp.cli.main import exit_code, main
from fw_mcp.config import Settings
from fw_mcp.errors import ApiError, FwError
from fw_mcp.pictures.fetch.fetcher import Fetcher
from tests.contrary.service import Ways
from tests.contrary.test_kinds import contrary
from tests.support.recorder import Sent
from tests.support.studio import Studio


def on(studio: Studio) -> Assembly:
    """The parts of a command on a studio."""
    nothing = Fetcher(is_on=False)
    return Assembly(
        Settings(), studio.database, studio.plans, studio.parts, studio.uploads, nothing
    )


def test_a_report_is_a_new_file_for_its_owner_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A difference is a finding, and no failure; what is there already is left alone."""
    service, studio = contrary(Ways(count="low"))
    service.lay("Old")
    file = tmp_path / "report.json"
    assert compare(on(studio), file) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Images read: 1 inventory, 0 temporary. Nothing was written to the library."
    assert "differs from what fw-mcp expects: count: zero, not exact" in lines
    assert lines[-1] == f"Report, without any text of the library: {file}"
    assert file.stat().st_mode & 0o777 == 0o600
    report = file.read_text("utf-8")
    assert json.loads(report)["findings"]["count"] == {"expected": "exact", "seen": "zero"}
    assert main(["doctor", "--sandbox", "--contract", str(file)]) == 2
    assert "exists already. Nothing was written." in capsys.readouterr().err
    assert file.read_text("utf-8") == report


@pytest.mark.parametrize(("key", "code"), [("", 3), ("canary-web-key", 4)])
@pytest.mark.waits
def test_without_keys_or_a_way_there_is_no_file(key: str, code: int, tmp_path: Path) -> None:
    """The exit codes are those of the doctor's other checks; no store is made for looking."""
    given = {"base_url": "http://127.0.0.1:9", "store": tmp_path / "store"}
    keys = {"web_api_key": key, "app_key": "canary-app-key"}
    assembly = assemble(Settings.model_validate({**given, **keys}), {})
    with pytest.raises(FwError) as told:
        examine(assembly, {"json": False, "contract": str(tmp_path / "report.json")})
    assert exit_code(told.value) == code
    assert list(tmp_path.iterdir()) == []


def test_a_service_that_fails_half_way_leaves_no_file(tmp_path: Path) -> None:
    """Half a report looks like a whole one."""
    service, studio = contrary()
    service.lay("Old")

    async def fails(sent: Sent) -> httpx.Response | None:
        is_late = sent.body.get("library", {}).get("name") == "temporary"
        return httpx.Response(404, json={"Message": "No."}) if is_late else None

    studio.wire.on_the_way = fails
    with pytest.raises(ApiError) as told:
        compare(on(studio), tmp_path / "report.json")
    assert exit_code(told.value) == 5
    assert list(tmp_path.iterdir()) == []


def test_what_the_service_refuses_is_a_finding(tmp_path: Path) -> None:
    """A question that it does not answer is told as that, and the others are asked."""
    service, studio = contrary()
    service.lay("Old")

    async def refuses(sent: Sent) -> httpx.Response | None:
        is_asked = sent.endpoint == "list_file_selection" or sent.body.get("guid_filter")
        return httpx.Response(400, json={"Message": "No."}) if is_asked else None

    studio.wire.on_the_way = refuses
    file = tmp_path / "report.json"
    assert compare(on(studio), file) == 0
    findings = json.loads(file.read_text("utf-8"))["findings"]
    refused = {name for name, one in findings.items() if one["seen"] == "refused"}
    assert refused == {"rows_by_guid", "guid_of_nobody", "unknown_selection"}
    assert findings["word_of_nobody"] == {"expected": 0, "seen": 0}
