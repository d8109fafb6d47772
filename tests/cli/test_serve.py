"""The commands that serve, as processes of their own."""

import argparse
import json
import re
import shlex
import socket
from pathlib import Path

import httpx
import pytest
from mcp.client import Client, ClientRequestContext
from mcp.types import ElicitRequestParams, ElicitResult, ErrorData

from fw_mcp.sandbox.keys import SANDBOX_APP_KEY, SANDBOX_WEB_API_KEY
from tests.cli.serving import LIST_TOOLS, SEARCH, answers, serving
from tests.support.process import fw_mcp
from tests.support.studio import Mode, said

ROOT = Path(__file__).parents[2]


def test_a_server_without_keys_lists_its_tools_and_says_what_is_missing(tmp_path: Path) -> None:
    """Promise: without keys it starts and lists; each call names the keys and the sandbox."""
    done = fw_mcp(["--store", str(tmp_path / "store")], text=LIST_TOOLS + SEARCH)
    told = answers(done.stdout)
    assert done.returncode == 0
    tools = told[2]["tools"]
    assert isinstance(tools, list)
    assert len(tools) == 10
    assert told[3]["isError"] is True
    text = json.dumps(told[3])
    for word in ("FINERWORKS_WEB_API_KEY", "FINERWORKS_APP_KEY", "--sandbox"):
        assert word in text


def test_a_sandbox_server_answers_over_a_pipe_and_ends_with_its_input() -> None:
    """Promise: end of input ends the process promptly, after what was asked was answered."""
    done = fw_mcp(["--sandbox"], text=LIST_TOOLS + SEARCH, fresh=True)
    assert done.returncode == 0
    page = answers(done.stdout)[3]["structuredContent"]
    assert isinstance(page, dict)
    assert (len(page["images"]), page["per_page"]) == (2, 2)


def test_a_sandbox_file_keeps_its_images_between_runs(tmp_path: Path) -> None:
    """`--sandbox-file FILE` is the same library the next time, and so is the former notation."""
    file = str(tmp_path / "studio.db")
    runs = [
        fw_mcp([option, file], text=LIST_TOOLS + SEARCH)
        for option in ("--sandbox-file", "--sandbox")
    ]
    first, second = (answers(run.stdout)[3]["structuredContent"] for run in runs)
    assert first == second


def test_no_write_is_left_when_writes_is_none() -> None:
    """`--writes none` lists the reading tools only."""
    done = fw_mcp(["--sandbox"], env={"FW_MCP_WRITES": "none"}, text=LIST_TOOLS)
    tools = answers(done.stdout)[2]["tools"]
    assert isinstance(tools, list)
    assert [tool["name"] for tool in tools] == [
        "search_images",
        "search_products",
        "view_images",
        "inspect_files",
        "list_changes",
    ]


def test_http_on_loopback_needs_no_token() -> None:
    """`fw-mcp --http` serves, and ends on SIGTERM: at once, since nobody was told it is ready."""
    with serving("--sandbox", "--http", "127.0.0.1:0") as url:
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


def curled(command: str, url: str) -> httpx.Response:
    """What a command of curl gets, sent to the sandbox at `url` wherever the page says it is."""
    given = argparse.ArgumentParser()
    given.add_argument("curl")
    given.add_argument("address")
    given.add_argument("-i", action="store_true")
    given.add_argument("-X", default="GET")
    given.add_argument("-H", action="append", default=[])
    given.add_argument("-d")
    sent = given.parse_intermixed_args(shlex.split(command))
    headers = dict(header.split(": ") for header in sent.H)
    address = sent.address.replace("http://127.0.0.1:8321", url)
    with httpx.Client(trust_env=False) as client:
        return client.request(sent.X, address, headers=headers, content=sent.d)


def test_the_example_of_faults_goes_as_the_page_says() -> None:
    """Promise: with `--faults` the sandbox goes wrong when told, and is well again when told."""
    page = (ROOT / "docs" / "faults.md").read_text(encoding="utf-8")
    example = page.partition("```sh\n")[2].partition("```")[0]
    commands = [line.split("  # ") for line in example.splitlines()]
    with serving("sandbox", "--port", "0", "--faults") as url:
        answers = [curled(command, url) for command, _ in commands]
    assert [str(answer.status_code) for answer in answers] == [code for _, code in commands]
    assert answers[1].headers["retry-after"] == "7"


def test_a_connection_that_is_dropped_as_planned_is_no_news_to_the_sandbox() -> None:
    """The client sees it break off; no traceback is written."""
    keys = {"web_api_key": SANDBOX_WEB_API_KEY, "app_key": SANDBOX_APP_KEY}
    with (
        serving("sandbox", "--port", "0", "--faults") as url,
        httpx.Client(trust_env=False) as http,
    ):
        http.post(f"{url}/_sandbox/faults", json={"kind": "dropped"})
        with pytest.raises(httpx.RemoteProtocolError):
            http.get(f"{url}/v3/test_my_credentials", headers=keys)
        assert http.get(f"{url}/v3/test_my_credentials", headers=keys).status_code == 200


def test_without_the_option_nobody_can_make_the_sandbox_go_wrong() -> None:
    """Both routes are 404, as any other that is not there."""
    with serving("sandbox", "--port", "0") as url, httpx.Client(trust_env=False) as http:
        planned = http.post(f"{url}/_sandbox/faults", json={"kind": "dropped"})
        switched = http.put(f"{url}/_sandbox/switches", json={"selection_merges": True})
    assert (planned.status_code, switched.status_code) == (404, 404)


def test_a_taken_port_is_told() -> None:
    """The sandbox says which port it cannot have."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = fw_mcp(["sandbox", "--port", str(taken.getsockname()[1])])
    assert done.returncode == 2
    assert "Cannot listen on port" in done.stderr


@pytest.mark.anyio
@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_over_http_the_question_is_asked_in_both_eras(mode: Mode) -> None:
    """Promise: agents and teams over Streamable HTTP are asked like anybody else.

    And the operator hears of the write, with no level of the log set.
    """
    questions: list[str] = []
    log: list[str] = []

    async def person(
        context: ClientRequestContext,  # noqa: ARG001  the SDK's signature
        params: ElicitRequestParams,
    ) -> ElicitResult | ErrorData:
        questions.append(params.message)
        return ElicitResult(action="accept", content={"confirm": True})

    with serving("--sandbox", "--http", "127.0.0.1:0", log=log) as url:
        async with Client(f"{url}/mcp", mode=mode, elicitation_callback=person, cache=None) as http:
            page = said(await http.call_tool("search_images", {"per_page": 1}))
            guids = [page["images"][0]["guid"]]
            result = said(await http.call_tool("delete_images", {"guids": guids}))
    assert (result["outcomes"], len(questions)) == ({"deleted": 1}, 1)
    (line,) = log
    who = r' INFO fw_mcp\.audit: delete_images by "http:mcp" on account \S+: 1 deleted \('
    assert re.search(rf"{who}\w+, change {result['change_id']}\)$", line)
