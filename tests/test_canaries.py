"""No key shows up anywhere: the watch around every test, and the places where one would."""

import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import anyio.to_thread
import httpx
import pytest

from fw_mcp.api.client import FinerWorksClient
from fw_mcp.api.connection import Keys
from fw_mcp.assembly import assemble
from fw_mcp.config import load_settings
from fw_mcp.errors import ApiError
from fw_mcp.sandbox.keys import SANDBOX_APP_KEY, SANDBOX_WEB_API_KEY
from tests.api.calls import delete_images
from tests.conftest import pytest_configure
from tests.server.piped import Piped, ended, piped
from tests.support.canaries import CANARIES, files_in, holds_key
from tests.support.process import fw_mcp
from tests.support.products import Chosen, one_or_all
from tests.support.upstream import KEYS, NEW, upstream

pytest_plugins = ("pytester",)

LEAKS = f"""
    import logging, sys, pytest
    KEY = {SANDBOX_APP_KEY.upper()!r}
    def test_log(): logging.getLogger("x").debug("%s", KEY)
    def test_traceback():
        try: int(KEY)
        except ValueError: logging.exception("x")
    def test_print(): print(KEY)
    def test_stderr(): print(KEY, file=sys.stderr)
    def test_file(tmp_path): (tmp_path / "store-wal").write_bytes(b"\\0" + KEY.encode())
    @pytest.fixture
    def leaky():
        yield
        print(KEY)
    def test_teardown(leaky): pass
    @pytest.mark.shows_keys("to see it pass")
    def test_exempt(): print(KEY)
    def test_harmless(): print("***")
"""


@pytest.mark.shows_keys("it plants keys for the watch to find")
def test_a_key_that_is_logged_printed_or_stored_fails_its_test(pytester: pytest.Pytester) -> None:
    """Promise: the watch sees every test at debug level, unless the test says why not."""
    pytester.makepyfile(LEAKS)
    result = pytester.runpytest_inprocess("-p", "tests.support.canaries", "-p", "no:randomly")
    result.assert_outcomes(passed=8, errors=6)
    result.stdout.fnmatch_lines(
        ["*a key is in captured log call", "*a key is in the file store-wal"]
    )


def test_the_watch_listens_to_this_very_test() -> None:
    """At debug level, whatever the operator's default is."""
    assert logging.getLogger("fw_mcp.api").isEnabledFor(logging.DEBUG)


def test_no_test_finds_the_keys_the_settings_or_the_repository_of_whoever_runs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With them one would read, and one day write, an account's library or a person's work."""
    for name in ("FINERWORKS_APP_KEY", "fw_mcp_store", "GIT_DIR"):
        monkeypatch.setenv(name, "somebody's")
    pytest_configure()
    assert [name for name, value in os.environ.items() if value == "somebody's"] == []


def test_canaries_are_found_in_any_case_and_in_bytes() -> None:
    """And nothing else is."""
    found = [holds_key(text) for key in CANARIES for text in (key, f"<{key.upper()}>".encode())]
    assert found == [True] * 2 * len(CANARIES)
    assert not holds_key("00000000-0000-4000-8000-00000000000c \ud83d")


def test_a_store_that_is_closed_while_the_watch_looks_is_looked_at_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its journal is gone by then, and its file holds what the journal held."""
    file, journal = tmp_path / "store", tmp_path / "store-wal"
    file.write_bytes(b"old")
    journal.write_bytes(b"new")
    read_bytes = Path.read_bytes

    def close(path: Path) -> bytes:
        if path == journal:
            journal.replace(file)
        return read_bytes(path)

    monkeypatch.setattr(Path, "read_bytes", close)
    assert files_in(tmp_path) == {file: b"new"}


def reachable(thing: object, seen: set[int]) -> Iterator[object]:
    """`thing` and all that hangs on it, but for plain text, which a key is."""
    if id(thing) in seen or isinstance(thing, (str, bytes, type)):
        return
    seen.add(id(thing))
    yield thing
    if type(thing).__module__.partition(".")[0] not in {"fw_mcp", "httpx", "pydantic"}:
        return
    names = {*getattr(thing, "__dict__", ()), *getattr(type(thing), "__slots__", ())}
    for name in names:
        yield from reachable(getattr(thing, name, None), seen)


@pytest.mark.anyio
async def test_nothing_that_holds_a_key_shows_it_in_its_repr(tmp_path: Path) -> None:
    """Settings, all parts, the client after a call, its HTTP library's objects."""
    requests: list[httpx.Request] = []

    def refuse(request: httpx.Request) -> httpx.Response:
        requests.append(request)
        raise httpx.ConnectError(f"no route for {SANDBOX_APP_KEY}", request=request)

    keys = Keys(SANDBOX_WEB_API_KEY, SANDBOX_APP_KEY)
    client = FinerWorksClient(
        base_url="http://127.0.0.1",
        keys=keys,
        session_id="0" * 32,
        transport=httpx.MockTransport(refuse),
    )
    settings = load_settings(
        {"web_api_key": SANDBOX_WEB_API_KEY, "app_key": SANDBOX_APP_KEY, "store": tmp_path / "s"}
    )
    with pytest.raises(ApiError) as caught:
        await delete_images(client)
    parts = (keys, client, settings, assemble(settings, {}), caught.value)
    things = [*requests, *(one for part in parts for one in reachable(part, set()))]
    await client.aclose()
    assert {"Keys", "Settings", "Wire", "AsyncClient", "_KeysAuth", "Assembly"} <= {
        type(one).__name__ for one in things
    }
    assert [type(one) for one in things if holds_key(repr(one) + str(one))] == []


@dataclass(frozen=True)
class Echo:
    """A service that says the keys it was given back, in one of its ways of saying no."""

    status_code: int
    body: object
    location: str = ""

    def to_a_write(self, endpoint: str, answer: httpx.Response) -> httpx.Response:
        """Answer a write with it, which was carried out; reads go on."""
        return answer if endpoint.startswith(("list_", "test_")) else self(endpoint)

    def to_a_selection(self, endpoint: str) -> httpx.Response | None:
        """Answer whatever concerns a selection with it, and do nothing."""
        return self(endpoint) if "selection" in endpoint else None

    def __call__(self, _: str, __: httpx.Response | None = None) -> httpx.Response:
        """Answer with it."""
        headers = {"location": self.location} if self.location else {}
        return httpx.Response(self.status_code, json=self.body, headers=headers)


BOTH = f"web_api_key={SANDBOX_WEB_API_KEY.upper()}&app_key={SANDBOX_APP_KEY}"
REFUSED = {"success": False, "message": f"No: {BOTH}", "reference_id": BOTH, "debug": BOTH}
ECHOES = {
    "bad request": Echo(400, {"Message": BOTH, "ModelState": {BOTH: [BOTH]}}),
    "not found": Echo(404, {"Message": BOTH}),
    "rejected": Echo(200, {"status": REFUSED}),
    "server error": Echo(500, {"Message": BOTH}),
    "elsewhere": Echo(302, {"Message": BOTH}, f"http://127.0.0.1:1/?{BOTH}"),
    "no envelope": Echo(200, {BOTH: BOTH}),
}


async def fail_writes(server: Piped, guid: str, *, deletes: bool) -> str:
    """Call the tools that write; what they said. A deletion that is denied is waited for."""
    results = [
        await server.call("add_images", images=[NEW]),
        await server.call("set_selection", guids=[guid]),
    ]
    if deletes:
        plan = await server.call("delete_images", guids=[guid])
        plan_id = plan["structuredContent"]["plan_id"]
        results.append(await server.call("delete_images", guids=[guid], plan_id=plan_id))
    return str(results)


@one_or_all
@pytest.mark.anyio
@pytest.mark.waits
async def test_a_service_that_says_the_keys_back_is_told_without_them(
    chosen: Chosen, tmp_path: Path
) -> None:
    """Promise: not in results, on stderr at debug level, or in the store, also while it is open."""
    store = tmp_path / "store"
    deleted = chosen(list(ECHOES), "deletions")
    async with (
        upstream() as service,
        piped("--store", str(store), env=service.settings) as server,
    ):
        page = await server.call("search_images", per_page=len(ECHOES))
        rows = page["structuredContent"]["images"]
        said: dict[str, str] = {}
        for row, (name, echo) in zip(rows, ECHOES.items(), strict=True):
            # What was carried out all the same is told without the service's words.
            service.alter, service.instead = echo.to_a_write, echo.to_a_selection
            said[name] = await fail_writes(server, row["guid"], deletes=name in deleted)
        open_files = await anyio.to_thread.run_sync(files_in, tmp_path)
        await server.hang_up()
        assert await ended(server) == 0
    assert [name for name, text in said.items() if holds_key(text)] == []
    assert {name for name, text in said.items() if "***" in text} >= {"bad request", "not found"}
    assert [name for name, held in open_files.items() if holds_key(held)] == []
    assert {"store", "store-wal"} <= {path.name for path in open_files}
    assert not holds_key(store.read_bytes())
    assert b"DEBUG" in server.errors


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["plans"], 0),
        (["approve", "0" * 16], 1),
        (["--help"], 0),
        (["doctor", "--help"], 0),
    ],
)
def test_no_command_shows_a_key_that_is_set(
    arguments: list[str], code: int, tmp_path: Path
) -> None:
    """Promise: `plans`, `approve` and `--help` show none."""
    done = fw_mcp(arguments, env={**KEYS, "FW_MCP_STORE": str(tmp_path / "store")})
    assert (done.returncode, holds_key(done.stdout), holds_key(done.stderr)) == (code, False, False)


@pytest.mark.parametrize("arguments", [["doctor"], ["doctor", "--json"]])
@pytest.mark.anyio
async def test_doctor_shows_no_key_that_the_service_says_back(
    arguments: list[str], tmp_path: Path
) -> None:
    """The words of the service are quoted, and the keys in them are not."""
    env = {"FW_MCP_STORE": str(tmp_path / "store")}
    async with upstream(ECHOES["not found"]) as service:
        whole = {**service.settings, **env}
        done = await anyio.to_thread.run_sync(lambda: fw_mcp(arguments, env=whole))
    assert holds_key(done.stdout + done.stderr) is False
    assert "***" in done.stdout


@pytest.mark.parametrize(
    "settings",
    [
        {"FINERWORKS_BASE_URL": f"https://{SANDBOX_APP_KEY}@api.finerworks.com"},
        {"FINERWORKS_BASE_URL": f"https://api.finerworks.com?{BOTH}"},
        {"FINERWORKS_SITE_ID": SANDBOX_APP_KEY},
        {"FINERWORKS_WEB_API_KEY": f"{SANDBOX_WEB_API_KEY} {SANDBOX_APP_KEY}"},
        {"FW_MCP_CONFIRM": SANDBOX_APP_KEY},
        {"FW_MCP_WEB_API_KEY": SANDBOX_WEB_API_KEY},
    ],
)
def test_a_key_in_the_wrong_place_is_refused_without_being_shown(
    settings: dict[str, str], tmp_path: Path
) -> None:
    """Whoever mixes settings up reads which one, and the host's log holds no key."""
    env = {**KEYS, "FW_MCP_STORE": str(tmp_path / "store"), **settings}
    done = fw_mcp(["doctor"], env=env)
    assert done.returncode in {2, 6}
    assert not holds_key(done.stdout + done.stderr)
