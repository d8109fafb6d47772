"""Accounts on one store: told apart by what FinerWorks says of their keys, and by nothing else."""

import hashlib
import json
import re
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from anyio import to_thread
from mcp.client import Client
from mcp.types import CallToolResult

from fw_mcp.assembly import Assembly, assemble
from fw_mcp.cli.doctor import examine
from fw_mcp.config import load_settings
from fw_mcp.sandbox.faults.plan import Fault, FaultKind
from fw_mcp.sandbox.keys import SANDBOX_APP_KEY
from fw_mcp.server.app import build_server
from tests.support.client import InProcessClient
from tests.support.studio import said, text_of
from tests.support.upstream import NEW, Upstream, new, upstream

pytestmark = pytest.mark.anyio

ONE, OTHER = "web-key-of-one", "web-key-of-another"
ROTATED = "web-key-of-one-renewed"
USERS = {ONE: 1001, ROTATED: 1001, OTHER: 2002}


@pytest.fixture
async def service() -> AsyncIterator[Upstream]:
    """The service, where two users have three keys."""
    async with upstream() as one:
        one.users = USERS
        yield one


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Name the store that all share."""
    return tmp_path / "store"


class Host:
    """A client of a server that was started with certain keys."""

    def __init__(self, assembly: Assembly, client: Client) -> None:
        self.assembly = assembly
        self._client = client

    async def result(self, tool: str, **arguments: object) -> CallToolResult:
        """What a call answers."""
        return await self._client.call_tool(tool, arguments)

    async def call(self, tool: str, **arguments: object) -> dict[str, Any]:
        """What a call that goes well says."""
        return said(await self.result(tool, **arguments))

    async def refused(self, tool: str, **arguments: object) -> str:
        """Why a call is refused."""
        result = await self.result(tool, **arguments)
        assert result.is_error, text_of(result)
        return text_of(result)

    async def newest(self) -> str:
        """The guid of the newest image."""
        return str((await self.call("search_images", per_page=1))["images"][0]["guid"])

    async def planned(self, guid: str) -> str:
        """The id of the plan to delete it."""
        return str((await self.call("delete_images", guids=[guid]))["plan_id"])

    async def changes(self) -> str:
        """What the resource of changes holds."""
        (content,) = (await self._client.read_resource("finerworks://changes")).contents
        return str(getattr(content, "text", ""))

    async def session_id(self) -> str:
        """What scopes its temporary images."""
        client = await self.assembly.parts.account.client()
        return client.library("temporary").session_id


def is_replay(result: dict[str, Any]) -> bool:
    """Whether it is the end of the same call, made before."""
    return bool(result.get("replayed"))


def keys_of(service: Upstream, key: str) -> dict[str, object]:
    """The settings of a server with these keys."""
    return {"web_api_key": key, "app_key": SANDBOX_APP_KEY, "base_url": service.url}


@asynccontextmanager
async def host(store: Path, service: Upstream, key: str, **settings: object) -> AsyncIterator[Host]:
    """A server with these keys, and a client without a dialogue."""
    given = {**keys_of(service, key), "store": store, **settings}
    assembly = assemble(load_settings(given), {})
    try:
        async with InProcessClient(build_server(assembly.parts), cache=None) as client:
            yield Host(assembly, client)
    finally:
        await assembly.aclose()


async def test_two_accounts_on_one_store_have_nothing_in_common(
    store: Path, service: Upstream
) -> None:
    """Neither sees, limits, replays, goes on with, accepts or undoes what the other did."""
    async with (
        host(store, service, ONE, deletions_per_hour=1) as one,
        host(store, service, OTHER, deletions_per_hour=1) as other,
    ):
        guid = await one.newest()
        plan = await one.planned(guid)
        assert "plan_unknown" in await other.refused("delete_images", guids=[guid], plan_id=plan)
        deleted = await one.call("delete_images", guids=[guid], plan_id=plan)
        assert deleted["outcomes"] == {"deleted": 1}
        change = deleted["change_id"]
        assert change in await one.changes()
        assert change not in await other.changes()
        assert "undo" in await other.refused("undo_change", change_id=change)
        for handle in ("delete_images", "add_images"):
            told = await other.refused(handle, continue_handle=change)
            assert "handle_unknown" in told
        # An hour's deletion of one is none of the other's.
        next_guid = await other.newest()
        assert "hourly_limit" in await one.refused("delete_images", guids=[next_guid])
        plan = await other.planned(next_guid)
        done = await other.call("delete_images", guids=[next_guid], plan_id=plan)
        assert done["outcomes"] == {"deleted": 1}
        # The same call of both is two calls.
        added = [await each.call("add_images", images=[NEW]) for each in (one, other)]
        assert [is_replay(result) for result in added] == [False, False]
        assert await one.session_id() != await other.session_id()


async def test_a_terminal_with_other_keys_approves_nothing_of_an_account(
    store: Path, service: Upstream
) -> None:
    """Without keys it means the store's only account."""
    async with host(store, service, ONE, confirm="approve") as one:
        plan = await one.planned(await one.newest())
        found = []
        for keys in (keys_of(service, OTHER), keys_of(service, ONE), {}):
            terminal = assemble(load_settings({**keys, "store": store}), {})
            found.append([each.plan_id for each in await terminal.plans.pending(0.0)])
            await terminal.aclose()
    assert found == [[], [plan], [plan]]


async def test_a_key_that_was_renewed_is_the_same_account(store: Path, service: Upstream) -> None:
    """Promise: what was written under the old key is listed, limited and undone under the new."""
    async with host(store, service, ONE, deletions_per_hour=1) as old:
        guid = await old.newest()
        plan = await old.planned(guid)
        await old.call("delete_images", guids=[guid], plan_id=plan)
        added = await old.call("add_images", images=[new("dune.tif")])
        session = await old.session_id()
    async with host(store, service, ROTATED, deletions_per_hour=1) as renewed:
        assert added["change_id"] in await renewed.changes()
        assert await renewed.session_id() == session
        next_guid = await renewed.newest()
        assert "hourly_limit" in await renewed.refused("delete_images", guids=[next_guid])
        undone = await renewed.call("undo_change", change_id=added["change_id"], dry_run=True)
        assert [row["file_name"] for row in undone["images"]] == ["dune.tif"]


async def test_whose_keys_they_are_is_asked_once_in_the_life_of_a_store(
    store: Path, service: Upstream
) -> None:
    """At the first write, and never by what only searches."""
    for count in (0, 1, 1, 1):
        async with host(store, service, ONE) as one:
            await one.newest()
            assert service.asked["test_my_credentials"] == count
            await one.call("add_images", images=[new("dune.tif")])
            await one.call("add_images", images=[new("dusk.tif")])
            assert service.asked["test_my_credentials"] == 1
    async with host(store, service, ROTATED) as renewed:
        await renewed.call("add_images", images=[new("dawn.tif")])
    assert service.asked["test_my_credentials"] == 2


@pytest.mark.parametrize("spelt", ["{url}/", "{upper}", " {url}"])
async def test_how_the_address_is_spelt_changes_nothing(
    store: Path, service: Upstream, spelt: str
) -> None:
    """A slash at its end, the case of its letters."""
    async with host(store, service, ONE) as one:
        added = await one.call("add_images", images=[NEW])
    upper = service.url.replace("http", "HTTP")
    url = spelt.format(url=service.url, upper=upper)
    async with host(store, service, ONE, base_url=url) as same:
        assert added["change_id"] in await same.changes()
    assert service.asked["test_my_credentials"] == 1


async def test_while_it_cannot_be_told_whose_keys_they_are_nothing_is_written(
    store: Path, service: Upstream
) -> None:
    """Reading goes on, and the next write asks again."""
    service.faults.add(Fault(FaultKind.REJECTED, endpoint="test_my_credentials", times=2))
    async with host(store, service, ONE) as one:
        told = await one.refused("add_images", images=[NEW])
        assert "It is not known yet which account the keys belong to. Nothing was sent." in told
        assert await one.newest()
        assert '"changes":[]' in (await one.changes()).replace(" ", "")
        assert service.asked["add_images"] == 0
        added = await one.call("add_images", images=[NEW])
        assert added["outcomes"] == {"created": 1}


async def test_the_doctor_of_a_key_that_was_renewed_looks_at_its_account(
    store: Path, service: Upstream, capsys: pytest.CaptureFixture[str]
) -> None:
    """It asks the service anyway; nothing of the account stays out of sight until a write."""
    async with host(store, service, ONE) as one:
        await one.planned(await one.newest())
        account = one.assembly.database.account
    found = []
    for key in (ROTATED, OTHER):
        given = load_settings({**keys_of(service, key), "store": store})
        assert await to_thread.run_sync(examine, assemble(given, {}), {"json": True}) == 0
        checks = {each["check"]: each["found"] for each in json.loads(capsys.readouterr().out)}
        found.append((checks["account"] == account, checks["plans"][-1]))
    assert found == [(True, "1"), (False, "0")]


async def test_the_session_of_an_account_is_taken_up_once_the_store_can_keep_it(
    store: Path, service: Upstream
) -> None:
    """One for this run only would make what is added under it unreachable after a restart."""
    spoil(store)
    async with host(store, service, ONE) as one:
        assert await one.newest()
        for_this_run = await one.session_id()
        assert "store_unavailable" in await one.refused("add_images", images=[NEW])
        make_room(store)
        await one.call("add_images", images=[NEW], library="temporary")
        session = await one.session_id()
        assert session != for_this_run
    async with host(store, service, ROTATED) as renewed:
        await renewed.call("add_images", images=[new("dusk.tif")])
        assert await renewed.session_id() == session
        page = await renewed.call("search_images", library="temporary")
        assert [image["file_name"] for image in page["images"]] == ["dune.tif"]


def spoil(store: Path) -> None:
    """Put a folder where the store should be."""
    store.mkdir()


def make_room(store: Path) -> None:
    """Take it away."""
    store.rmdir()


async def test_a_service_that_names_no_user_has_an_account_for_each_pair_of_keys(
    store: Path, service: Upstream
) -> None:
    """The keys work: nothing else is known of whose they are, and nothing is joined."""

    def nameless(endpoint: str, answer: httpx.Response) -> httpx.Response:
        if endpoint != "test_my_credentials":
            return answer
        return httpx.Response(200, json={**answer.json(), "user_account": None})

    service.alter = nameless
    replayed = []
    for key in (ONE, ONE, OTHER):
        async with host(store, service, key) as each:
            replayed.append(is_replay(await each.call("add_images", images=[NEW])))
    assert replayed == [False, True, False]
    assert service.asked["test_my_credentials"] == 2


async def test_nothing_in_the_store_tells_keys_or_the_user(store: Path, service: Upstream) -> None:
    """Digests, in every table."""
    async with host(store, service, ONE) as one:
        await one.call("add_images", images=[NEW])
        await one.planned(await one.newest())
    with closing(sqlite3.connect(store)) as connection:
        dumped = "\n".join(connection.iterdump())
    # Four digits may stand in a digest by chance.
    for told in (ONE, SANDBOX_APP_KEY, r"\b1001\b", "sandbox-studio", "nobody@"):
        assert re.search(told, dumped) is None


@pytest.mark.parametrize("spelt", ["{url}", "{url}/"])
async def test_what_stands_under_the_keys_is_the_account_s_once_that_is_known(
    store: Path, service: Upstream, spelt: str
) -> None:
    """An older version named accounts by a digest of the keys: nothing of theirs is lost."""
    async with host(store, service, OTHER) as other:
        theirs = await other.call("add_images", images=[NEW])
    async with host(store, service, ONE) as one:
        added = await one.call("add_images", images=[NEW])
        session, account = await one.session_id(), one.assembly.database.account
    older = json.dumps([spelt.format(url=service.url), ONE, None])
    name_again(store, account, hashlib.sha256(older.encode()).hexdigest()[:16])
    async with host(store, service, ONE, base_url=f"{service.url}/") as again:
        assert await again.session_id() == session
        assert added["change_id"] in await again.changes()
        assert theirs["change_id"] not in await again.changes()
        assert is_replay(await again.call("add_images", images=[NEW]))
        assert await again.session_id() == session
        assert again.assembly.database.account == account
    names = rows(store, "SELECT count(DISTINCT account) FROM changes")
    assert names == rows(store, "SELECT count(DISTINCT account) FROM items") == [(2,)]


def rows(store: Path, statement: str) -> list[tuple[Any, ...]]:
    """What the file holds."""
    with closing(sqlite3.connect(store)) as connection:
        return connection.execute(statement).fetchall()


def name_again(store: Path, account: str, former: str) -> None:
    """Name an account in the file as an older version did, and let go of what it did not keep."""
    with closing(sqlite3.connect(store)) as connection, connection:
        connection.execute("DELETE FROM facts WHERE name = 'account' AND value = ?", (account,))
        for table in ("facts", "plans", "changes", "items"):
            named = f"UPDATE {table} SET account = ? WHERE account = ?"  # noqa: S608  ours
            connection.execute(named, (former, account))


async def test_a_sandbox_in_memory_shares_with_no_other_process(store: Path) -> None:
    """Promise: whatever store it is given, a second run has its images and nothing of the first."""
    guids = []
    for _ in range(2):
        assembly = assemble(load_settings({"sandbox": ":memory:", "store": store}), {})
        async with InProcessClient(build_server(assembly.parts), cache=None) as client:
            run = Host(assembly, client)
            guid = await run.newest()
            plan = await run.planned(guid)
            deleted = await run.call("delete_images", guids=[guid], plan_id=plan)
            assert (deleted["outcomes"], is_replay(deleted)) == ({"deleted": 1}, False)
            assert await run.newest() != guid
            guids.append(guid)
        # As a process that is killed leaves it.
        await assembly.parts.account.aclose()
        assembly.database.close()
    assert guids[0] == guids[1]


async def test_what_a_sandbox_in_memory_kept_in_a_store_goes_with_it(store: Path) -> None:
    """Nobody can ask for it any more; a terminal finds it as long as it runs."""
    given = load_settings({"sandbox": ":memory:", "store": store})
    killed = assemble(given, {})
    async with InProcessClient(build_server(killed.parts), cache=None) as client:
        left = await Host(killed, client).planned(await Host(killed, client).newest())
    killed.database.close()
    assembly = assemble(given, {})
    async with InProcessClient(build_server(assembly.parts), cache=None) as client:
        run = Host(assembly, client)
        plan = await run.planned(await run.newest())
        terminal = assemble(given, {})
        terminal.mean_the_stores_account()
        assert [each.plan_id for each in await terminal.plans.pending(0.0)] == [plan]
        await terminal.aclose()
        assert [each.plan_id for each in await assembly.plans.pending(0.0)] == [plan]
    await assembly.aclose()
    with closing(sqlite3.connect(store)) as connection:
        assert connection.execute("SELECT plan_id FROM plans").fetchall() == [(left,)]


async def test_a_sandbox_in_a_file_is_the_same_by_whatever_path(
    tmp_path: Path, store: Path
) -> None:
    """Another process on it goes on where this one ended."""
    (tmp_path / "deeper").mkdir()
    found = []
    for file in (tmp_path / "studio", tmp_path / "deeper" / ".." / "studio"):
        assembly = assemble(load_settings({"sandbox": str(file), "store": store}), {})
        async with InProcessClient(build_server(assembly.parts), cache=None) as client:
            run = Host(assembly, client)
            found.append(is_replay(await run.call("add_images", images=[NEW])))
        await assembly.aclose()
    assert found == [False, True]
