"""What `fw-mcp doctor` finds, and what it says to do."""

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from anyio import to_thread
from pydantic import SecretStr

from fw_mcp.api.failures import TEST_MY_CREDENTIALS, keys_refused
from fw_mcp.assembly import Assembly
from fw_mcp.cli.doctor import examine, next_step
from fw_mcp.config import Settings
from fw_mcp.pictures.fetch.fetcher import Fetcher
from fw_mcp.store.database import session_id
from fw_mcp.store.journal import End, Intent
from fw_mcp.store.plans import PlanStore
from fw_mcp.store.sqlite import Database
from tests.cli.conftest import InProcess
from tests.cli.test_plans import PLAN
from tests.support.kept import Kept, Write, change
from tests.support.process import fw_mcp
from tests.support.products import first_of
from tests.support.recorder import Sent
from tests.support.studio import make_studio

BEGUN = 1_800_000_000.0
WEB_KEY = "canary-web-key"
APP_KEY = "canary-app-key"
KEYS = {"FINERWORKS_WEB_API_KEY": WEB_KEY, "FINERWORKS_APP_KEY": APP_KEY}


def deletion(
    number: int, outcome: str | None = None, begun_at: float = BEGUN, account: str = ""
) -> Write:
    """Two images; cut off without an outcome."""
    intents = [Intent("a", {"guid": "a"}), Intent("b", {"guid": "b"})]
    ends = None if outcome is None else [End("a", "deleted"), End("b", outcome)]
    return Write(change(number), "delete_images", intents, ends, begun_at=begun_at, account=account)


def named(number: int, items: int = 2) -> str:
    """How a deletion is named."""
    return f"{number:016x} delete_images ({items})"


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
    assert (code, found["found"], found["next_step"]) == (0, "no unfinished writes", "")


def test_unfinished_writes_and_unknown_outcomes_are_told_apart(
    kept: Kept, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 7, with the command that settles both."""
    kept.write(deletion(1), deletion(2, "unknown"), *map(deletion, range(3, 9)))
    code, found = journal(kept, capsys)
    assert code == 7
    assert found["found"] == (
        f"7 unfinished: {', '.join(map(named, (1, 3, 4, 5, 6)))} and 2 more; "
        f"1 with unknown outcome: {named(2, 1)}"
    )
    assert found["next_step"] == "fw-mcp reconcile resolves them (reads only)."


def test_unknown_outcomes_alone_are_a_finding_too(
    kept: Kept, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is not known whether an image is there."""
    kept.write(deletion(1, "unknown"))
    code, found = journal(kept, capsys)
    assert (code, found["found"]) == (7, f"1 with unknown outcome: {named(1, 1)}")


def test_what_other_accounts_left_open_is_counted_and_not_named(
    kept: Kept, capsys: pytest.CaptureFixture[str]
) -> None:
    """What this account is not shown is there all the same; a sandbox in memory is nobody."""
    kept.write(deletion(1, "failed"), deletion(2, account="one"), deletion(3, account="one"))
    kept.write(deletion(4, "deleted", account="two"), deletion(5, account="process-0"))
    code = examine(kept.assembly(), {"json": True})
    (found,) = [one for one in json.loads(capsys.readouterr().out) if one["check"] == "account"]
    assert (code, found["found"], found["next_step"]) == (
        0,
        f"{kept.account}; other accounts on this store: 2; their unfinished changes: 2",
        "Run this with their keys too.",
    )


def test_the_only_account_of_a_store_is_named_by_its_digest(
    kept: Kept, capsys: pytest.CaptureFixture[str]
) -> None:
    """So that two hosts can see whether they work on one."""
    kept.write(deletion(1, "failed"))
    assert examine(kept.assembly(), {"json": True}) == 0
    (found,) = [one for one in json.loads(capsys.readouterr().out) if one["check"] == "account"]
    assert (found["found"], found["next_step"]) == (f"{kept.account}", "")


def test_a_write_under_way_in_a_server_is_no_fault(
    kept: Kept, capsys: pytest.CaptureFixture[str]
) -> None:
    """The doctor may be asked while a server works, and no longer waits for one that ended."""
    write = deletion(1)
    kept.write(write)

    async def meanwhile() -> tuple[int, dict[str, Any]]:
        async with kept.at(write):
            return await to_thread.run_sync(journal, kept, capsys)

    code, found = anyio.run(meanwhile)
    assert (code, found["next_step"]) == (0, "")
    assert found["found"] == f"1 running: {named(1)}"
    assert journal(kept, capsys)[0] == 7


def test_what_was_written_on_another_account_is_its_own_affair(
    kept: Kept, capsys: pytest.CaptureFixture[str]
) -> None:
    """These keys cannot settle it."""
    kept.write(
        deletion(1), deletion(2, account="another"), deletion(3, "unknown", BEGUN, "another")
    )
    code, found = journal(kept, capsys)
    assert (code, found["found"]) == (7, f"1 unfinished: {named(1)}")


def test_doctor_finds_the_sandbox_well(tmp_path: Path) -> None:
    """`fw-mcp doctor --json` is for programs: every check with its finding."""
    done = fw_mcp(["doctor", "--json", "--sandbox", "--store", str(tmp_path / "store")], fresh=True)
    findings = json.loads(done.stdout)
    assert done.returncode == 0
    assert [one["check"] for one in findings] == [
        "versions",
        "settings",
        "limits",
        "encoding",
        "folders",
        "pictures",
        "proxy",
        "keys",
        "service",
        "clock",
        "tokens",
        "login",
        "store",
        "account",
        "plans",
        "journal",
    ]
    assert {one["exit_code"] for one in findings} == {0}


def test_doctor_without_keys_says_which_and_stops_asking(
    in_process: InProcess, tmp_path: Path
) -> None:
    """Exit code 3, and what needs the keys is not tried."""
    env = {"XDG_STATE_HOME": str(tmp_path), "FINERWORKS_APP_KEY": APP_KEY}
    done = in_process(["doctor"], env=env)
    assert done.returncode == 3
    assert "These keys are not set: FINERWORKS_WEB_API_KEY." in done.stdout
    assert "Get both at https://finerworks.com/MyAccount/MyWebApi.aspx" in done.stdout
    assert "skipped: keys failed" in done.stdout
    assert APP_KEY not in done.stdout + done.stderr


@pytest.mark.waits
def test_doctor_cannot_reach_a_closed_port_and_never_shows_a_key(
    in_process: InProcess, tmp_path: Path
) -> None:
    """Exit code 4; the keys are in no output, at debug level either."""
    done = in_process(
        ["doctor", "--base-url", "http://127.0.0.1:9", "--log-level", "debug"],
        env={"XDG_STATE_HOME": str(tmp_path), **KEYS},
    )
    assert done.returncode == 4
    assert "could not be reached" in done.stdout
    assert WEB_KEY not in done.stdout + done.stderr
    assert APP_KEY not in done.stdout + done.stderr


def test_doctor_finds_a_store_that_cannot_be_written(in_process: InProcess, tmp_path: Path) -> None:
    """The store's path is a folder: named, with what to do."""
    done = in_process(["doctor", "--sandbox", "--store", str(tmp_path)])
    assert done.returncode == 1
    assert "Cannot use the store" in done.stdout
    assert "skipped: store failed" in done.stdout


def test_doctor_finds_writes_without_an_outcome(in_process: InProcess, kept: Kept) -> None:
    """Exit code 7: a process ended during a write."""
    kept.write(deletion(1))
    done = in_process(["doctor", *kept.options])
    assert done.returncode == 7
    assert named(1) in done.stdout


@pytest.mark.parametrize(("live", "mode"), [(True, "live"), (False, "test"), (None, "unknown")])
def test_doctor_shows_the_mode_of_the_app(
    live: bool | None, mode: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Promise: that nobody takes a test for a rehearsal, or live orders for one."""
    studio = make_studio()

    async def answers(sent: Sent) -> httpx.Response | None:
        account = {"username": "jane", "app_details": {"app_live_mode": live}}
        said = {"status": {"success": True, "status_code": 200}, "user_account": account}
        is_asked = sent.endpoint == TEST_MY_CREDENTIALS.name
        return httpx.Response(200, json=said) if is_asked else None

    studio.wire.on_the_way = answers
    settings = Settings(web_api_key=SecretStr(WEB_KEY), app_key=SecretStr(APP_KEY))
    assembly = Assembly(
        settings, studio.database, studio.plans, studio.parts, studio.uploads, Fetcher(is_on=False)
    )
    examine(assembly, {"json": True})
    found = {one["check"]: one["found"] for one in json.loads(capsys.readouterr().out)}
    assert found["keys"] == "both are set"
    assert f"app mode {mode} (image writes are real in either mode)" in found["service"]


def test_plans_journal_and_session_id_are_all_in_the_file_that_doctor_names(
    in_process: InProcess, kept: Kept, tmp_path: Path
) -> None:
    """Promise: a copy of that file alone holds them."""
    kept.write(deletion(1))
    database = Database(kept.path, account=kept.account)
    anyio.run(PlanStore(database).add, PLAN)
    made = anyio.run(session_id, database)
    database.close()
    copy = tmp_path / "elsewhere" / "store"
    copy.parent.mkdir()
    shutil.copyfile(kept.path, copy)
    told = in_process(
        ["doctor", "--json", "--sandbox-file", str(kept.sandbox), "--store", str(copy)]
    )
    found = {one["check"]: one["found"] for one in json.loads(told.stdout)}
    assert found["store"].startswith(f"{copy} can be written")
    assert found["journal"] == f"1 unfinished: {named(1)}"
    assert found["plans"] == "pending plans: 1"
    database = Database(copy, account=kept.account)
    assert anyio.run(session_id, database) == made
    database.close()


def findings_of(
    arguments: Sequence[str], env: Mapping[str, str] | None = None, cwd: Path | None = None
) -> dict[str, tuple[int, str]]:
    """What each check found, with its exit code."""
    done = fw_mcp(["doctor", "--json", *arguments], env=env, cwd=cwd)
    assert "Traceback" not in done.stderr
    return {one["check"]: (one["exit_code"], one["found"]) for one in json.loads(done.stdout)}


def test_doctor_says_what_is_set_and_what_is_allowed(tmp_path: Path) -> None:
    """Variables by name only, those of the account that nobody reads too; the operator's limits."""
    env = {"FW_MCP_SANDBOX": "true", "FINERWORKS_WEBHOOK": "x", "FW_MCP_NO_FETCH": "yes"}
    found = findings_of(
        ["--writes", "add_images", "--max-items", "7"],
        {**env, **KEYS, "XDG_STATE_HOME": str(tmp_path)},
    )
    assert found["settings"][1] == (
        "set in the environment: FINERWORKS_APP_KEY, FINERWORKS_WEB_API_KEY, FW_MCP_LOG_LEVEL, "
        "FW_MCP_NO_FETCH, FW_MCP_SANDBOX; not read: FINERWORKS_WEBHOOK"
    )
    assert found["limits"] == (
        0,
        "writes add_images; 7 images per call; 200 deletions per hour; confirm auto; fetching off",
    )
    assert found["pictures"][1].startswith("Pillow ")
    assert found["encoding"][1].startswith("stdin ")


@pytest.mark.waits
def test_doctor_makes_nothing_only_to_look(tmp_path: Path) -> None:
    """Neither a store nor a sandbox, nor a folder for either."""
    state, home = {"XDG_STATE_HOME": str(tmp_path / "state")}, tmp_path / "here"
    home.mkdir()
    for arguments in (
        ["--base-url", "http://127.0.0.1:9"],
        ["--sandbox-file", str(home / "studio.db")],
        ["--sandbox-file", str(home / "none" / "studio.db")],
        ["--sandbox", "--store", str(home / "none" / "s.db")],
    ):
        found = findings_of(arguments, {**state, **KEYS})
        assert found["store"][1].endswith("does not exist yet and can be made")
        assert (list(tmp_path.iterdir()), list(home.iterdir())) == ([home], [])


@pytest.mark.parametrize(
    ("env", "arguments", "said"),
    first_of(
        ({}, ["--base-url", "http://127.0.0.1:9"], "127.0.0.1 refused the connection"),
        (
            {},
            ["--base-url", "https://none.invalid", "--allow-other-host"],
            "none.invalid has no address (DNS)",
        ),
        (
            {"HTTPS_PROXY": "http://127.0.0.1:9"},
            [],
            "the proxy of HTTPS_PROXY refused the connection",
        ),
        (
            {"NO_PROXY": "::1/128,finerworks.com", "HTTPS_PROXY": "http://proxy:PORT"},
            ["--base-url", "http://127.0.0.1:9"],
            "127.0.0.1 refused the connection",
        ),
        (
            {"HTTPS_PROXY": "http://proxy:PORT"},
            [],
            "The proxy that HTTPS_PROXY names cannot be used",
        ),
    ),
)
@pytest.mark.waits
def test_doctor_tells_the_ways_apart_in_which_nothing_is_reached(
    env: dict[str, str], arguments: list[str], said: str, tmp_path: Path
) -> None:
    """With the host that was tried; and it does not send a person to itself."""
    done = fw_mcp(["doctor", *arguments], env={"XDG_STATE_HOME": str(tmp_path), **KEYS, **env})
    assert said in done.stdout
    assert "fw-mcp doctor" not in done.stdout
    assert "Traceback" not in done.stderr
    assert done.returncode in {2, 4}


def test_keys_that_a_proxy_may_have_dropped_are_not_blamed_on_the_person() -> None:
    """Where the base URL is FinerWorks' own there is none, and no word of it."""
    refused = keys_refused(TEST_MY_CREDENTIALS, 401)
    through = next_step(refused, "http://127.0.0.1:8322")
    assert through.startswith(refused.next_step)
    assert "A proxy at FINERWORKS_BASE_URL" in through
    assert "underscores_in_headers on" in through
    assert next_step(refused, "https://api.finerworks.com") == refused.next_step


def test_doctor_names_placeholders_and_folders_that_are_away(tmp_path: Path) -> None:
    """What a host did not fill in, and a drive that is not there."""
    env = {"FINERWORKS_WEB_API_KEY": "${user_config.key}", "FINERWORKS_APP_KEY": "YOUR_APP_KEY"}
    found = findings_of(
        ["--file-folders", str(tmp_path / "away")], {**env, "XDG_STATE_HOME": str(tmp_path)}
    )
    assert found["keys"][0] == 3
    assert "placeholders that were not filled in: FINERWORKS_WEB_API_KEY" in found["keys"][1]
    assert found["folders"] == (1, f'cannot be read: "{tmp_path}/away"')


@pytest.mark.shows_keys("what broke quotes one, to see it masked")
@pytest.mark.parametrize("fault", [RuntimeError, TypeError, KeyError, AssertionError])
def test_a_check_that_breaks_is_a_finding(
    kept: Kept, capsys: pytest.CaptureFixture[str], fault: type[Exception]
) -> None:
    """However it breaks, without the key that it quotes; and the others are still made."""
    assembly = kept.assembly(web_api_key=WEB_KEY)

    class Broken:
        @property
        def workshop(self) -> None:
            raise fault(f"no such luck with {WEB_KEY}")

    object.__setattr__(assembly.parts, "viewer", Broken())
    assert examine(assembly, {"json": True}) == 1
    found = {one["check"]: one for one in json.loads(capsys.readouterr().out)}
    assert found["pictures"]["found"].startswith(f"could not be checked: {fault.__name__}: ")
    assert "no such luck with ***" in found["pictures"]["found"]
    assert found["journal"]["exit_code"] == 0
