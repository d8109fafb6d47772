"""Two real servers behind nginx as deploy/ has it: nothing is sticky, and none of it is lost."""

import signal
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import anyio
import httpx
import httpx2
import pytest
from mcp import Client, MCPError
from mcp.client.context import ClientRequestContext
from mcp.client.session import ElicitationFnT
from mcp.client.streamable_http import streamable_http_client
from mcp.types import ElicitRequestParams, ElicitResult

from fw_mcp.guard.effects import Scope
from fw_mcp.sandbox.keys import SANDBOX_APP_KEY, SANDBOX_WEB_API_KEY
from tests.cli.serving import listening, serving
from tests.sandbox.wire import INVENTORY
from tests.server.test_identity import Era, keep, made
from tests.support.nginx import command, configured, program, proxying
from tests.support.postgres import Place, free_port
from tests.support.process import fw_mcp, started
from tests.support.products import exhaustive
from tests.support.studio import YES, said

pytestmark = pytest.mark.anyio

KEYS = {"web_api_key": SANDBOX_WEB_API_KEY, "app_key": SANDBOX_APP_KEY}
CALLERS = 8


@dataclass
class Team:
    """Two servers on one library and one store, and the proxy in front of them."""

    url: str
    sandbox: str
    servers: list[subprocess.Popen[str]]
    done: int = 0
    added: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    over: bool = False
    one_more: anyio.Event = field(default_factory=anyio.Event)

    @asynccontextmanager
    async def client(
        self, person: ElicitationFnT | None = None, mode: Era = "auto"
    ) -> AsyncIterator[Client]:
        """Anna, who knows the proxy alone."""
        bearer = {"Authorization": f"Bearer {'anna' * 2}"}
        async with (
            httpx2.AsyncClient(headers=bearer, trust_env=False, timeout=60) as http,
            Client(
                streamable_http_client(f"{self.url}/mcp", http_client=http),
                mode=mode,
                elicitation_callback=person,
                cache=None,
            ) as client,
        ):
            yield client

    async def keep_calling(self, number: int) -> None:
        """Search and add until it is over."""
        async with self.client() as client:
            while not self.over:
                await self._call(client, f"{number}-{self.done}.tif")
                self.done += 1
                self.one_more.set()
                self.one_more = anyio.Event()

    async def _call(self, client: Client, file_name: str) -> None:
        try:
            if self.done % 8:
                result = await client.call_tool("search_images", {"per_page": 1})
            else:
                self.added.append(file_name)
                result = await client.call_tool("add_images", {"images": [image(file_name)]})
        except MCPError as fault:
            self.lost.append(str(fault))
        else:
            if result.is_error:
                self.lost.append(str(result.content))

    async def until(self, calls: int) -> None:
        """Wait for so many more."""
        wanted = self.done + calls
        while self.done < wanted:
            await self.one_more.wait()

    def slow_down(self) -> None:
        """Let FinerWorks take a second for each page after the first."""
        fault = {"kind": "slow", "endpoint": "list_images", "seconds": 1, "after": 1, "times": 9}
        answer = httpx.post(f"{self.sandbox}/_sandbox/faults", json=fault, trust_env=False)
        assert answer.is_success

    def in_library(self) -> list[str]:
        """The file names of the library, asked of FinerWorks itself."""
        names: list[str] = []
        for number in range(1, 1 + (len(self.added) + 50) // 50):
            page = {
                "library": INVENTORY,
                "page_number": number,
                "per_page": 50,
                "sort_field": "id",
                "sort_direction": "DESC",
            }
            answer = httpx.post(
                f"{self.sandbox}/v3/list_images", json=page, headers=KEYS, trust_env=False
            )
            names += [one["file_name"] for one in answer.json()["images"]]
        return names


def image(file_name: str) -> dict[str, object]:
    """A new image that is nowhere else."""
    at = f"https://images.example.com/{file_name}"
    return {
        "title": file_name,
        "file_name": file_name,
        "file_size": 1_000_000,
        "pix_w": 3000,
        "pix_h": 2000,
        "public_thumbnail_uri": f"{at}.thumb.jpg",
        "public_preview_uri": f"{at}.jpg",
        "private_hires_uri": at,
    }


@contextmanager
def team(folder: Path, store: str = "") -> Iterator[Team]:
    """Everything, each in a process of its own; the store is a file unless it is given."""
    program()
    keep(folder / "keys", "state-key" * 4)
    keep(folder / "tokens.jsonl", made("anna", *Scope, until=4_000_000_000.0).line())
    port = free_port()
    options = {
        "--http": "127.0.0.1:0",
        "--public-url": f"http://127.0.0.1:{port}/mcp",
        "--state-keys-file": str(folder / "keys"),
        "--tokens-file": str(folder / "tokens.jsonl"),
    }
    words = [word for pair in options.items() for word in pair]
    with ExitStack() as left:
        sandbox = left.enter_context(serving("sandbox", "--port", "0", "--faults"))
        env = {
            "FINERWORKS_BASE_URL": sandbox,
            "FINERWORKS_WEB_API_KEY": SANDBOX_WEB_API_KEY,
            "FINERWORKS_APP_KEY": SANDBOX_APP_KEY,
            "FW_MCP_STORE": store or str(folder / "store"),
        }
        servers = [left.enter_context(started(words, env=env, text=True)) for _ in range(2)]
        for server in servers:
            left.callback(server.kill)
        addresses = [listening(server).removeprefix("http://") for server in servers]
        url = left.enter_context(proxying(configured(folder, port, addresses), port))
        yield Team(url, sandbox, servers)


@exhaustive
def test_nginx_takes_its_example(tmp_path: Path) -> None:
    """As it is: no warning, and no name that it does not know."""
    command = configured(tmp_path, free_port(), ["127.0.0.1:1", "127.0.0.1:2"])
    tried = subprocess.run([*command, "-t"], capture_output=True, text=True, check=False)
    told = [line for line in tried.stderr.splitlines() if "[alert]" not in line]
    assert [line.rpartition(" ")[2] for line in told] == ["ok", "successful"], tried.stderr


@exhaustive
@pytest.mark.parametrize("passes", [True, False])
def test_doctor_names_the_setting_of_a_proxy_that_drops_the_keys(
    tmp_path: Path, *, passes: bool
) -> None:
    """It has underscores in its headers; with the setting that it names all is well."""
    program()
    port, passed = free_port(), "underscores_in_headers on;" if passes else ""
    with serving("sandbox", "--port", "0") as sandbox:
        inside = f"listen 127.0.0.1:{port}; {passed} location / {{ proxy_pass {sandbox}; }}"
        with proxying(command(tmp_path, f"server {{ {inside} }}"), port) as url:
            env = {
                "FINERWORKS_BASE_URL": url,
                "FINERWORKS_WEB_API_KEY": SANDBOX_WEB_API_KEY,
                "FINERWORKS_APP_KEY": SANDBOX_APP_KEY,
                "FW_MCP_STORE": str(tmp_path / "store"),
            }
            told = fw_mcp(["doctor"], env=env).stdout
    assert ("accepts the keys" in told, "underscores_in_headers on" in told) == (passes, not passes)


@exhaustive
async def test_a_question_goes_through_the_proxy_and_the_history_names_the_person(
    tmp_path: Path,
) -> None:
    """Promise: asked on one server, answered on the other."""
    asked = []

    async def person(context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
        del context
        asked.append(params.message)
        await anyio.sleep(0.5)  # a person that answers at once is taken for software
        return YES

    with team(tmp_path) as served:
        async with served.client(person) as client:
            page = said(await client.call_tool("search_images", {"per_page": 1}))
            call = {"guids": [page["images"][0]["guid"]]}
            done = said(await client.call_tool("delete_images", call))
            told = said(await client.call_tool("list_changes", {}))
    assert (done["outcomes"], len(asked)) == ({"deleted": 1}, 1)
    assert told["changes"][0]["caller"] == "token:anna via mcp"


@exhaustive
@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_progress_comes_through_the_proxy_before_the_result(
    tmp_path: Path, place: Place, mode: Era
) -> None:
    """Promise: nothing on the way keeps it back until the call is done."""
    told: list[float] = []

    async def tell(progress: float, total: float | None, message: str | None) -> None:
        del progress, total, message
        told.append(anyio.current_time())

    with team(tmp_path, place.url) as served:
        served.slow_down()
        async with served.client(mode=mode) as client:
            await client.list_tools()
            result = await client.call_tool(
                "search_images", {"summary": True}, progress_callback=tell
            )
            ended = anyio.current_time()
    assert (result.is_error, len(told) > 1) == (False, True)
    assert ended - told[0] > 0.5


@exhaustive
async def test_an_older_client_is_served_by_both_on_one_database(
    tmp_path: Path, place: Place
) -> None:
    """Promise: with a store in PostgreSQL no session ties it to one of them."""

    async def person(context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:
        raise AssertionError((context, params))

    with team(tmp_path, place.url) as served:
        async with served.client(person, "legacy") as client:
            page = said(await client.call_tool("search_images", {"per_page": 1}))
            call = {"guids": [page["images"][0]["guid"]]}
            plan_id = said(await client.call_tool("delete_images", call))["plan_id"]
            call["plan_id"] = plan_id
            done = [said(await client.call_tool("delete_images", call)) for _ in range(2)]
            told = said(await client.call_tool("list_changes", {}))
    assert [one["outcomes"] for one in done] == [{"deleted": 1}] * 2
    assert [one.get("replayed", False) for one in done] == [False, True]
    assert told["changes"][0]["caller"].startswith("token:anna")


@exhaustive
@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGKILL])
async def test_a_server_that_ends_under_load_loses_nothing(
    tmp_path: Path, ending: signal.Signals
) -> None:
    """Promise: the proxy takes its calls to the other one; what was added is there once."""
    await ended_under_load(tmp_path, ending)


@exhaustive
async def test_a_replica_that_ends_under_load_loses_nothing(tmp_path: Path, place: Place) -> None:
    """With a store in PostgreSQL."""
    await ended_under_load(tmp_path, signal.SIGTERM, place.url)


async def ended_under_load(tmp_path: Path, ending: signal.Signals, store: str = "") -> None:
    """End one of two servers, and count."""
    with team(tmp_path, store) as served, anyio.fail_after(100):
        async with anyio.create_task_group() as group:
            for number in range(CALLERS):
                group.start_soon(served.keep_calling, number)
            await served.until(100)
            served.servers[0].send_signal(ending)
            await served.until(200)
            served.over = True
        ended = served.servers[0].poll()
        there = served.in_library()
    assert (served.lost, ended) == ([], 0 if ending is signal.SIGTERM else -signal.SIGKILL)
    assert served.done >= 300
    assert sorted(name for name in there if name in served.added) == sorted(served.added)
