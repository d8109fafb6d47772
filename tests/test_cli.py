"""The command line: what it answers, with which exit code, and what it never imports or shows."""

import json
import re
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from mcp.client import Client, ClientRequestContext
from mcp.types import ElicitRequestParams, ElicitResult, ErrorData

from fw_mcp import __version__
from fw_mcp.cli.main import exit_code, main
from fw_mcp.errors import ConfigError, FwError, Reason, ShapeError
from fw_mcp.sandbox.keys import SANDBOX_APP_KEY, SANDBOX_WEB_API_KEY
from tests.process import environment, fw_mcp
from tests.studio import Mode, said

WEB_KEY = "canary-web-key"
APP_KEY = "canary-app-key"
KEYS = {"FINERWORKS_WEB_API_KEY": WEB_KEY, "FINERWORKS_APP_KEY": APP_KEY}
LIST_TOOLS = (
    '{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18",'
    '"capabilities":{},"clientInfo":{"name":"test","version":"0"}}}\n'
    '{"jsonrpc":"2.0","method":"notifications/initialized"}\n'
    '{"jsonrpc":"2.0","id":2,"method":"tools/list"}\n'
)
SEARCH = (
    '{"jsonrpc":"2.0","id":3,"method":"tools/call",'
    '"params":{"name":"search_images","arguments":{"per_page":2}}}\n'
)


def answers(stdout: str) -> dict[int, dict[str, object]]:
    """The protocol's answers by id; every line of stdout must be one."""
    lines = [json.loads(line) for line in stdout.splitlines()]
    return {line["id"]: line["result"] for line in lines if "id" in line}


@pytest.mark.parametrize("argument", ["--version", "--help"])
def test_version_and_help_do_not_import_the_sdk(argument: str) -> None:
    """Promise: `--version` and `--help` answer without the SDK."""
    script = (
        "import sys; from fw_mcp.cli.main import main\n"
        "try:\n    main(sys.argv[1:])\n"
        "except SystemExit:\n    pass\n"
        "print('mcp' in sys.modules, 'httpx' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, argument],
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "False False"


def test_the_version_is_the_package_s(capsys: pytest.CaptureFixture[str]) -> None:
    """`fw-mcp --version` names the version."""
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"fw-mcp {__version__}\n"


def test_a_server_without_keys_lists_its_tools_and_says_what_is_missing(tmp_path: Path) -> None:
    """Promise: without keys it starts and lists; each call names the keys and the sandbox."""
    done = fw_mcp(["--store", str(tmp_path / "store")], text=LIST_TOOLS + SEARCH)
    told = answers(done.stdout)
    assert done.returncode == 0
    tools = told[2]["tools"]
    assert isinstance(tools, list)
    assert len(tools) == 8
    assert told[3]["isError"] is True
    text = json.dumps(told[3])
    for word in ("FINERWORKS_WEB_API_KEY", "FINERWORKS_APP_KEY", "--sandbox"):
        assert word in text


def test_a_sandbox_server_answers_over_a_pipe_and_ends_with_its_input() -> None:
    """Promise: end of input ends the process promptly, after what was asked was answered."""
    done = fw_mcp(["--sandbox"], text=LIST_TOOLS + SEARCH)
    assert done.returncode == 0
    page = answers(done.stdout)[3]["structuredContent"]
    assert isinstance(page, dict)
    assert (len(page["images"]), page["per_page"]) == (2, 2)


def test_a_sandbox_file_keeps_its_images_between_runs(tmp_path: Path) -> None:
    """`--sandbox FILE` is the same library the next time."""
    file = str(tmp_path / "studio.db")
    runs = [fw_mcp(["--sandbox", file], text=LIST_TOOLS + SEARCH) for _ in range(2)]
    first, second = (answers(run.stdout)[3]["structuredContent"] for run in runs)
    assert first == second


@pytest.mark.parametrize(
    ("arguments", "env", "code", "said"),
    [
        (["--nonsense"], {}, 2, "unrecognized arguments: --nonsense"),
        (["--confirm", "maybe"], {}, 2, "--confirm (FW_MCP_CONFIRM)"),
        (["--max-items", "0"], {}, 2, "--max-items (FW_MCP_MAX_ITEMS)"),
        (["--writes", "delete_image"], {}, 2, "delete_image, which is no write tool"),
        (["--http", "8000"], {}, 2, "not HOST:PORT"),
        ([], {"FINERWORKS_SESSION_ID": "short"}, 2, "--session-id (FINERWORKS_SESSION_ID)"),
        (["--sandbox", "--confirm", "approve"], {}, 2, "give store"),
        (["--sandbox"], {"FW_MCP_READONLY": "1"}, 2, "Did you mean FW_MCP_READ_ONLY?"),
        (["--sandbox"], {"FW_MCP_SURPRISE": "1"}, 2, "There is no setting FW_MCP_SURPRISE"),
        (["--base-url", "http://api.finerworks.com"], {}, 6, "plain http"),
        (["--base-url", "https://api.example.com"], {}, 6, "no host of FinerWorks"),
        (["--sandbox", "--http", "0.0.0.0:8000"], {}, 6, "no token is set"),
        (["approve", "0123456789abcdef", "--sandbox"], {}, 1, "Nothing was approved"),
        (["--sandbox", "doctor"], {}, 2, "fw-mcp doctor"),
    ],
)
def test_what_cannot_be_started_is_told_in_one_sentence_with_its_exit_code(
    arguments: list[str], env: dict[str, str], code: int, said: str, tmp_path: Path
) -> None:
    """Promise: usage is 2, unsafe configuration is 6, and the message says what to do."""
    done = fw_mcp(arguments, env={"XDG_STATE_HOME": str(tmp_path), **env}, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        (Reason.INVALID_SETTING, 2),
        (Reason.KEYS_MISSING, 3),
        (Reason.KEYS_REFUSED, 3),
        (Reason.UNREACHABLE, 4),
        (Reason.UNSAFE_SETTING, 6),
        (Reason.UNEXPECTED, 1),
    ],
)
def test_each_reason_has_its_exit_code(reason: Reason, code: int) -> None:
    """Promise: the exit codes of the help text."""
    assert exit_code(ConfigError("a", state="b", next_step="c", reason=reason)) == code


def test_an_upstream_error_is_five() -> None:
    """An answer of the service that cannot be used is told apart from its absence."""
    fault: FwError = ShapeError("a", state="b", next_step="c", reason=Reason.UNREADABLE_ANSWER)
    assert exit_code(fault) == 5


def test_no_write_is_left_when_writes_is_none() -> None:
    """`--writes none` lists the reading tools only."""
    done = fw_mcp(["--sandbox"], env={"FW_MCP_WRITES": "none"}, text=LIST_TOOLS)
    tools = answers(done.stdout)[2]["tools"]
    assert isinstance(tools, list)
    assert [tool["name"] for tool in tools] == ["search_images", "view_images", "inspect_files"]


def test_doctor_finds_the_sandbox_well(tmp_path: Path) -> None:
    """`fw-mcp doctor --json` is for programs: every check with its finding."""
    done = fw_mcp(["doctor", "--json", "--sandbox", "--store", str(tmp_path / "store")])
    findings = json.loads(done.stdout)
    assert done.returncode == 0
    assert [one["check"] for one in findings] == [
        "versions",
        "keys",
        "service",
        "clock",
        "store",
        "plans",
        "journal",
    ]
    assert {one["exit_code"] for one in findings} == {0}


def test_doctor_without_keys_says_which_and_stops_asking(tmp_path: Path) -> None:
    """Exit code 3, and what needs the keys is not tried."""
    env = {"XDG_STATE_HOME": str(tmp_path), "FINERWORKS_APP_KEY": APP_KEY}
    done = fw_mcp(["doctor"], env=env)
    assert done.returncode == 3
    assert "These keys are not set: FINERWORKS_WEB_API_KEY." in done.stdout
    assert "not tried: see keys" in done.stdout
    assert APP_KEY not in done.stdout + done.stderr


def test_doctor_cannot_reach_a_closed_port_and_never_shows_a_key(tmp_path: Path) -> None:
    """Exit code 4; the keys are in no output, at debug level either."""
    done = fw_mcp(
        ["doctor", "--base-url", "http://127.0.0.1:9", "--log-level", "debug"],
        env={"XDG_STATE_HOME": str(tmp_path), **KEYS},
    )
    assert done.returncode == 4
    assert "could not be reached" in done.stdout
    assert WEB_KEY not in done.stdout + done.stderr
    assert APP_KEY not in done.stdout + done.stderr


def test_doctor_finds_a_store_that_cannot_be_written(tmp_path: Path) -> None:
    """The store's path is a folder: named, with what to do."""
    done = fw_mcp(["doctor", "--sandbox", "--store", str(tmp_path)])
    assert done.returncode == 1
    assert "cannot be used" in done.stdout
    assert "not tried: see store" in done.stdout


def test_doctor_finds_writes_without_an_outcome(tmp_path: Path) -> None:
    """Exit code 7: a process ended during a write."""
    store = tmp_path / "store"
    fw_mcp(["plans", "--sandbox", "--store", str(store)])
    with sqlite3.connect(store) as connection:
        connection.execute(
            "INSERT INTO changes (change_id, tool, caller, account, arguments, arguments_digest,"
            " seen, owner, begun_at)"
            " VALUES ('1f', 'delete_images', 'stdio:test', '', '{}', '', '{}', '', 1.0)"
        )
        connection.execute(
            "INSERT INTO journal (change_id, kind, begun_at, intent, former)"
            " VALUES ('1f', 'delete_images', 1.0, '[{}]', '[]')"
        )
    connection.close()
    done = fw_mcp(["doctor", "--sandbox", "--store", str(store)])
    assert done.returncode == 7
    assert "#1 delete_images (1)" in done.stdout


def listening(process: subprocess.Popen[str]) -> str:
    """The address a serving process says it listens on."""
    assert process.stderr is not None
    line = process.stderr.readline()
    found = re.search(r"http://127\.0\.0\.1:\d+", line)
    assert found is not None, line
    return found[0]


@contextmanager
def serving(*arguments: str, env: dict[str, str] | None = None) -> Iterator[str]:
    """`fw-mcp` serving HTTP until the test is done, then ended by SIGTERM with exit code 0."""
    with subprocess.Popen(
        [sys.executable, "-m", "fw_mcp", *arguments],
        env=environment(env),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield listening(process)
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=20) in {0, -signal.SIGTERM}
        finally:
            process.kill()


def test_http_on_loopback_needs_no_token_and_is_ready() -> None:
    """`fw-mcp --http` serves, and ends on SIGTERM."""
    with serving("--sandbox", "--http", "127.0.0.1:0") as url:
        assert httpx.get(f"{url}/readyz", trust_env=False).status_code == 200
        assert httpx.get(f"{url}/livez", trust_env=False).status_code == 200


def test_http_without_keys_lives_and_is_not_ready(tmp_path: Path) -> None:
    """A balancer must not send traffic to a server that cannot do its work."""
    env = {"XDG_STATE_HOME": str(tmp_path)}
    with serving("--http", "127.0.0.1:0", env=env) as url:
        assert httpx.get(f"{url}/livez", trust_env=False).status_code == 200
        answer = httpx.get(f"{url}/readyz", trust_env=False)
    assert (answer.status_code, answer.json()["reason"]) == (503, "keys_missing")


def test_the_sandbox_is_served_over_http_to_another_process(tmp_path: Path) -> None:
    """`fw-mcp sandbox` is the service for a client that only knows HTTP."""
    keys = {
        "FINERWORKS_WEB_API_KEY": SANDBOX_WEB_API_KEY,
        "FINERWORKS_APP_KEY": SANDBOX_APP_KEY,
        "XDG_STATE_HOME": str(tmp_path),
    }
    with serving("sandbox", "--port", "0") as url:
        done = fw_mcp(["doctor", "--base-url", url], env=keys)
        assert httpx.get(f"{url}/openapi.json", trust_env=False).status_code == 200
    assert done.returncode == 0, done.stdout
    assert "within 120 s" in done.stdout


def test_a_taken_port_is_told() -> None:
    """The sandbox says which port it cannot have."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = fw_mcp(["sandbox", "--port", str(taken.getsockname()[1])])
    assert done.returncode == 2
    assert "cannot be listened on" in done.stderr


def test_no_plan_waits_in_a_new_store(tmp_path: Path) -> None:
    """`fw-mcp plans` says so."""
    done = fw_mcp(["plans", "--sandbox", "--store", str(tmp_path / "store")])
    assert (done.returncode, done.stdout) == (0, "No plan waits for an answer.\n")


def test_the_demo_fails_where_it_cannot_do_what_it_says() -> None:
    """On a read-only server the first write is refused, and the exit code says so."""
    done = fw_mcp(["demo", "--read-only"])
    assert done.returncode == 1
    assert "The demo failed: " in done.stderr
    assert "this server runs read-only" in done.stderr


def test_the_demo_goes_as_it_says() -> None:
    """Promise: `make demo` plays a checked session and exits 0."""
    done = fw_mcp(["demo"], env={"FW_MCP_LOG_LEVEL": "warning"})
    assert (done.returncode, done.stderr) == (0, "")
    for line in ("The server asks:", "412 were given", "7 created", "1 updated", "2 deleted"):
        assert line in done.stdout
    assert "declined: Not confirmed (decline). Nothing was sent" in done.stdout
    assert done.stdout.endswith("the contact sheet stays where it is.\n")


@pytest.mark.anyio
@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_over_http_the_question_is_asked_in_both_eras(mode: Mode) -> None:
    """Promise: agents and teams over Streamable HTTP are asked like anybody else."""
    questions: list[str] = []

    async def person(
        context: ClientRequestContext,  # noqa: ARG001  the SDK's signature
        params: ElicitRequestParams,
    ) -> ElicitResult | ErrorData:
        questions.append(params.message)
        return ElicitResult(action="accept", content={"confirm": True})

    with serving("--sandbox", "--http", "127.0.0.1:0") as url:
        async with Client(f"{url}/mcp", mode=mode, elicitation_callback=person, cache=None) as http:
            page = said(await http.call_tool("search_images", {"per_page": 1}))
            guids = [page["images"][0]["guid"]]
            result = said(await http.call_tool("delete_images", {"guids": guids}))
    assert (result["outcomes"], len(questions)) == ({"deleted": 1}, 1)


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["changes"], "Nothing was changed yet.\n"),
        (["export-changes"], ""),
        (["reconcile"], "Open writes settled: 0; nothing is left open.\n"),
    ],
)
def test_the_journal_of_a_new_store_is_empty(command: list[str], said: str, tmp_path: Path) -> None:
    """`fw-mcp changes`, `export-changes` and `reconcile` have nothing to tell, and say so."""
    done = fw_mcp([*command, "--sandbox", "--store", str(tmp_path / "store")])
    assert (done.returncode, done.stdout) == (0, said)


def test_a_circuit_that_is_open_is_a_service_out_of_reach() -> None:
    """Exit code 4, as when it could not be reached at once."""
    fault = ConfigError("a", state="b", next_step="c", reason=Reason.CIRCUIT_OPEN)
    assert exit_code(fault) == 4


@pytest.mark.parametrize("days", ["0", "-1", "many", "36501"])
def test_the_journal_is_kept_for_a_number_of_days(
    days: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """From a day to a century; anything else is a wrong usage."""
    assert main(["changes", "--sandbox", f"--journal-days={days}"]) == 2
    assert "--journal-days (FW_MCP_JOURNAL_DAYS)" in capsys.readouterr().err


def test_an_export_that_would_overwrite_a_file_is_a_wrong_usage(tmp_path: Path) -> None:
    """Exit code 2, and what was there stays."""
    (tmp_path / "mine").write_text("kept")
    done = fw_mcp(["export-changes", "mine", "--sandbox"], cwd=tmp_path)
    assert (done.returncode, (tmp_path / "mine").read_text()) == (2, "kept")
    assert "exists already. Nothing was written." in done.stderr
