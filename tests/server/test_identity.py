"""Who calls over HTTP: one token for each person, what it may do, and how it ends."""

import gc
import json
import logging
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import anyio
import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.types import CallToolResult, Implementation
from starlette.types import Message

from fw_mcp.errors import ConfigError, Reason
from fw_mcp.guard.effects import EFFECTS, Scope, implied_by
from fw_mcp.server.endings import Sleep
from fw_mcp.server.http import BearerOnly, Knows, check_exposure, http_app
from fw_mcp.server.identity import Bearers, Tokens
from fw_mcp.server.parts import is_only_account
from fw_mcp.server.tokens import Token, digest_of, read_tokens
from tests.server.test_http import HELLO
from tests.support.open_files import no_more_open_files
from tests.support.products import exhaustive, first_of
from tests.support.studio import Studio, said
from tests.support.truth import new_images, sold, unsold

pytestmark = pytest.mark.anyio

Era = Literal["auto", "legacy"]
URL = "http://127.0.0.1:8000"
READS = [tool for tool, row in EFFECTS.items() if row.scope is Scope.READ]


def made(name: str, *scopes: Scope, until: float = 1_900_000_000.0) -> Token:
    """A token that is the name of whoever has it, twice."""
    expires = datetime.fromtimestamp(until, UTC)
    digest = digest_of((name * 2).encode())
    return Token(name=name, sha256=digest, scopes=scopes, expires=expires)


@dataclass
class Team:
    """A server with tokens, and the file of them."""

    app: Any
    file: Path

    def write(self, *tokens: Token) -> None:
        """Put these tokens in place of what the file holds."""
        keep(self.file, *(one.line() for one in tokens))

    @asynccontextmanager
    async def client(
        self, name: str, *, mode: Era = "auto", host: str = "host"
    ) -> AsyncIterator[Client]:
        """A client with the token of somebody."""
        bearer = {"Authorization": f"Bearer {name * 2}"}
        transport = httpx2.ASGITransport(self.app)
        async with (
            httpx2.AsyncClient(transport=transport, base_url=URL, headers=bearer) as http,
            Client(
                streamable_http_client(f"{URL}/mcp", http_client=http),
                mode=mode,
                client_info=Implementation(name=host, version="1"),
                cache=None,
            ) as client,
        ):
            yield client


def keep(file: Path, *lines: str) -> None:
    """Write lines into a file that is closed to others."""
    file.touch(mode=0o600)
    file.write_text("\n".join(lines), encoding="utf-8")


@asynccontextmanager
async def team(
    studio: Studio,
    folder: Path,
    *tokens: Token,
    sleep: Sleep = anyio.sleep,
    knows: Knows = is_only_account,
) -> AsyncIterator[Team]:
    """A server over HTTP with a file of these tokens."""

    async def well() -> None:
        """Be ready."""

    file = folder / "tokens.jsonl"
    keep(file, *(one.line() for one in tokens))
    app = http_app(
        studio.server,
        host="127.0.0.1",
        port=8000,
        token=None,
        ready=well,
        tokens=Tokens(file, studio.clock),
        knows=knows,
        sleep=sleep,
    )
    async with app.router.lifespan_context(app):
        yield Team(app, file)


def refusal_of(result: CallToolResult) -> str:
    """The reason of a refusal; "" for none."""
    return str((result.meta or {}).get("fw_mcp/reason", "")) if result.is_error else ""


ANNA = made("anna", Scope.DELETE)
BEN = made("ben", Scope.WRITE)
CARA = made("cara", Scope.READ)


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_plans_and_history_go_by_the_token_and_not_by_the_clients_word(
    studio: Studio, tmp_path: Path, mode: Era
) -> None:
    """What a host calls itself stands beside it."""
    (image,) = await unsold(studio, 1)
    async with (
        team(studio, tmp_path, ANNA, CARA) as served,
        served.client("anna", mode=mode, host="cara") as client,
    ):
        asked = await client.call_tool("delete_images", {"guids": [image.guid]})
        await client.call_tool("set_selection", {"guids": [image.guid]})
        told = await client.call_tool("list_changes", {})
    (plan,) = await studio.plans.pending(studio.clock())
    assert (plan.caller, asked.is_error) == ("token:anna", False)
    assert told.structured_content is not None
    (change,) = told.structured_content["changes"]
    assert change["caller"] == "token:anna via cara"


@pytest.mark.parametrize("mode", ["auto", "legacy"])
@pytest.mark.parametrize(
    ("token", "tools"),
    [
        (CARA, READS),
        (BEN, [tool for tool in EFFECTS if tool != "delete_images"]),
        (ANNA, list(EFFECTS)),
    ],
)
async def test_a_token_is_shown_what_it_may_call(
    studio: Studio, tmp_path: Path, token: Token, tools: list[str], mode: Era
) -> None:
    """Its scopes cannot grow, so the rest is hidden; and nobody else is shown the list of it."""
    async with (
        team(studio, tmp_path, token) as served,
        served.client(token.name, mode=mode) as client,
    ):
        listed = await client.list_tools()
    assert [one.name for one in listed.tools] == tools
    if mode == "auto":
        assert listed.cache_scope == "private"


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_what_is_hidden_is_refused_all_the_same(
    studio: Studio, tmp_path: Path, mode: Era
) -> None:
    """By the guard, in words, with nothing sent."""
    (image,) = await unsold(studio, 1)
    calls: dict[str, dict[str, Any]] = {
        "delete_images": {"guids": [image.guid]},
        "update_image_metadata": {"images": [{"guid": image.guid, "title": "New"}]},
        "set_selection": {"guids": [image.guid]},
        "undo_change": {"change_id": "0123456789abcdef"},
    }
    before = len(studio.wire.writes)
    async with (
        team(studio, tmp_path, CARA) as served,
        served.client("cara", mode=mode) as client,
    ):
        refused = {tool: await client.call_tool(tool, given) for tool, given in calls.items()}
        read = await client.call_tool("search_images", {})
    assert {refusal_of(one) for one in refused.values()} == {"insufficient_scope"}
    assert "needs the scope images:delete" in str(refused["delete_images"].content)
    assert (read.is_error, len(studio.wire.writes)) == (False, before)
    assert await studio.plans.pending(studio.clock()) == []


async def test_a_title_needs_the_widest_scope_where_products_are_at_stake(
    studio: Studio, tmp_path: Path
) -> None:
    """The guard finds out, and makes no plan; without products a write is a write."""
    (free,), (dear,) = await unsold(studio, 1), await sold(studio, 1)
    async with team(studio, tmp_path, BEN) as served, served.client("ben") as client:
        given = [{"images": [{"guid": one.guid, "title": "New"}]} for one in (free, dear)]
        done = await client.call_tool("update_image_metadata", given[0])
        refused = await client.call_tool("update_image_metadata", given[1])
        preview = await client.call_tool("update_image_metadata", given[1] | {"dry_run": True})
    assert said(done)["outcomes"] == {"updated": 1}
    assert refusal_of(refused) == "insufficient_scope"
    assert "images:delete to remove images or products" in str(refused.content)
    assert said(preview)["outcomes"] == {"would_update": 1}
    assert (len(studio.wire.writes), await studio.plans.pending(studio.clock())) == (1, [])


async def test_an_undo_needs_the_scope_of_what_it_does(studio: Studio, tmp_path: Path) -> None:
    """To take back a title is a write; to take back new images is to delete them."""
    (image,) = await unsold(studio, 1)
    titles = {"images": [{"guid": image.guid, "title": "New"}]}
    async with team(studio, tmp_path, BEN) as served, served.client("ben") as client:
        retitled = said(await client.call_tool("update_image_metadata", titles))
        added = said(await client.call_tool("add_images", {"images": new_images(1)}))
        undone = await client.call_tool("undo_change", {"change_id": retitled["change_id"]})
        refused = await client.call_tool("undo_change", {"change_id": added["change_id"]})
    assert said(undone)["outcomes"] == {"updated": 1}
    assert refusal_of(refused) == "insufficient_scope"


async def test_a_plan_whose_token_lost_its_scope_is_not_carried_out(
    studio: Studio, tmp_path: Path
) -> None:
    """The scopes of now count, and not those of when the question was asked."""
    (image,) = await sold(studio, 1)
    titles = {"images": [{"guid": image.guid, "title": "New"}]}
    async with team(studio, tmp_path, ANNA) as served, served.client("anna") as client:
        asked = said(await client.call_tool("update_image_metadata", titles))
        served.write(made("anna", Scope.WRITE))
        refused = await client.call_tool(
            "update_image_metadata", titles | {"plan_id": asked["plan_id"]}
        )
    assert (refusal_of(refused), studio.wire.writes) == ("insufficient_scope", [])


async def test_one_person_cannot_answer_the_question_of_another(
    studio: Studio, tmp_path: Path
) -> None:
    """Though the hosts of both call themselves the same."""
    (image,) = await unsold(studio, 1)
    call = {"guids": [image.guid]}
    dora = made("dora", Scope.DELETE)
    async with (
        team(studio, tmp_path, ANNA, dora) as served,
        served.client("anna") as anna,
        served.client("dora") as other,
    ):
        plan_id = said(await anna.call_tool("delete_images", call))["plan_id"]
        stolen = await other.call_tool("delete_images", call | {"plan_id": plan_id})
        rightful = await anna.call_tool("delete_images", call | {"plan_id": plan_id})
    assert refusal_of(stolen) == "plan_mismatch"
    assert said(rightful)["outcomes"] == {"deleted": 1}


async def test_everybody_sees_the_history_of_all(studio: Studio, tmp_path: Path) -> None:
    """It is that of the library."""
    call = {"guids": [(await unsold(studio, 1))[0].guid]}
    async with (
        team(studio, tmp_path, BEN, CARA) as served,
        served.client("ben") as ben,
        served.client("cara") as cara,
    ):
        await ben.call_tool("set_selection", call)
        told = said(await cara.call_tool("list_changes", {}))
    assert [one["caller"] for one in told["changes"]] == ["token:ben via host"]


async def test_finerworks_is_told_of_no_person(studio: Studio, tmp_path: Path) -> None:
    """Neither whose token it was, nor which program."""
    guids = [(await unsold(studio, 1))[0].guid]
    person = made("xanthippe", Scope.DELETE)
    async with (
        team(studio, tmp_path, person) as served,
        served.client(person.name, host="quixote") as client,
    ):
        plan_id = said(await client.call_tool("delete_images", {"guids": guids}))["plan_id"]
        call = {"guids": guids, "plan_id": plan_id}
        done = said(await client.call_tool("delete_images", call))
    told = json.dumps([one.body for one in studio.wire.sent])
    assert (done["outcomes"], guids[0] in told) == ({"deleted": 1}, True)
    assert ("xanthippe" in told, "quixote" in told) == (False, False)


async def status_of(served: Team, name: str) -> int:
    """What a request with the token of somebody is answered with."""
    transport = httpx2.ASGITransport(served.app)
    headers = {"Authorization": f"Bearer {name * 2}", "Accept": "*/*"}
    async with httpx2.AsyncClient(transport=transport, base_url=URL, headers=headers) as http:
        ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
        response = await http.post("/mcp", json=ping)
    assert (response.status_code == 401) is ("WWW-Authenticate" in response.headers)
    return response.status_code


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_scopes_that_are_cut_are_cut_in_the_running_session(
    studio: Studio, tmp_path: Path, mode: Era
) -> None:
    """At the next call."""
    call = {"guids": [(await unsold(studio, 1))[0].guid]}
    async with (
        team(studio, tmp_path, ANNA) as served,
        served.client("anna", mode=mode) as client,
    ):
        before = await client.call_tool("set_selection", call)
        served.write(made("anna", Scope.READ))
        after = await client.call_tool("set_selection", call)
    assert (refusal_of(before), refusal_of(after)) == ("", "insufficient_scope")


async def test_a_revoked_token_opens_nothing_any_more(studio: Studio, tmp_path: Path) -> None:
    """Nor one that expired, nor one that never was; and a new one does at once."""
    soon = made("soon", Scope.READ, until=studio.clock() + 60)
    async with team(studio, tmp_path, ANNA, soon) as served:
        names = ("anna", "soon", "new", "")
        first = [await status_of(served, name) for name in names]
        studio.clock.forward(60)
        later = [await status_of(served, name) for name in names]
        served.write(soon, made("new", Scope.READ))
        last = [await status_of(served, name) for name in names]
    assert first == [400, 400, 401, 401]
    assert later == [400, 401, 401, 401]
    assert last == [401, 401, 400, 401]


@pytest.mark.parametrize("fault", first_of("{", "gone", "open", first=1))
async def test_a_file_that_became_nonsense_leaves_what_there_was(
    studio: Studio, tmp_path: Path, caplog: pytest.LogCaptureFixture, fault: str
) -> None:
    """Nobody is locked out by a slip, and nobody let in; the log says it once."""
    async with team(studio, tmp_path, ANNA) as served:
        if fault == "gone":
            served.file.unlink()
        elif fault == "open":
            served.file.chmod(0o644)
        else:
            keep(served.file, fault)
        with caplog.at_level(logging.WARNING):
            statuses = [await status_of(served, name) for name in ("anna", "anna", "new")]
    assert statuses == [400, 400, 401]
    (line,) = [one for one in caplog.messages if "tokens file" in one]
    assert line.endswith("The tokens read before are still valid.")


LINE = json.loads(ANNA.line())


@pytest.mark.parametrize(
    ("lines", "said_of_it"),
    [
        (["{"], "line 1: it is not a JSON object"),
        (["[]"], "line 1: it is not a JSON object"),
        (["# a comment", "", "anna"], "line 3: it is not a JSON object"),
        (['{"name":"a","name":"b"}'], "a member appears twice"),
        ([LINE | {"scopes": ["images:all"]}], "scopes must list one or more of images:read,"),
        ([LINE | {"scopes": []}], "scopes must list one or more of images:read,"),
        ([LINE | {"sha256": "A" * 64}], "sha256 must be 64 hexadecimal digits"),
        ([LINE | {"name": "an na"}], "name must be 1 to 64 letters"),
        ([LINE | {"expires": "soon"}], "expires must be a time such as"),
        ([LINE | {"expires": "2027-02-28T00:00:00"}], "expires must be a time such as"),
        ([LINE | {"account": "no name"}], "account must be the name of an account"),
        ([LINE | {"scope": "images:read"}], 'unknown "scope"'),
        ([{"name": "anna"}], "sha256 is missing; scopes is missing; expires is missing"),
        ([LINE, LINE | {"name": "Anna", "sha256": "0" * 64}], 'the name "Anna" appears twice'),
        ([LINE, LINE | {"name": "ben"}], 'line 2: it is the same token as that of "anna"'),
    ],
)
def test_a_file_that_is_none_is_refused_in_words(
    tmp_path: Path, lines: list[object], said_of_it: str
) -> None:
    """With the line and what is wrong there, and never with a digest."""
    file = tmp_path / "tokens.jsonl"
    keep(file, *(one if isinstance(one, str) else json.dumps(one) for one in lines))
    with pytest.raises(ConfigError) as refused:
        Tokens(file)
    assert said_of_it in str(refused.value)
    assert refused.value.reason is Reason.INVALID_SETTING
    assert ANNA.sha256 not in str(refused.value)


def test_a_file_that_others_can_read_or_that_is_away_is_refused(tmp_path: Path) -> None:
    """Whoever can write it is whoever they want to be."""
    file = tmp_path / "tokens.jsonl"
    with pytest.raises(ConfigError) as away:
        Tokens(file)
    assert away.value.reason is Reason.INVALID_SETTING
    keep(file, ANNA.line())
    assert read_tokens(file) == (ANNA,)
    for mode in (0o604, 0o620, 0o666):
        file.chmod(mode)
        with pytest.raises(ConfigError) as refused:
            Tokens(file)
        assert refused.value.reason is Reason.UNSAFE_SETTING


def test_tokens_of_persons_are_enough_for_any_address(tmp_path: Path) -> None:
    """One token for all is not needed beside them."""
    file = tmp_path / "tokens.jsonl"
    keep(file, ANNA.line())
    check_exposure("0.0.0.0", None, Tokens(file))  # noqa: S104  nothing listens


def test_a_wider_scope_implies_the_narrower_ones() -> None:
    """Nobody has to list all three."""
    assert implied_by([]) == set()
    assert implied_by(["images:read"]) == {Scope.READ}
    assert implied_by(["images:write"]) == {Scope.READ, Scope.WRITE}
    assert implied_by(["images:delete", "images:read"]) == set(Scope)


LIST = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}


async def test_a_session_is_of_the_one_who_began_it_and_ends_with_the_token(
    studio: Studio, tmp_path: Path
) -> None:
    """Its id alone opens nothing, neither to others nor after the token's time."""
    brief = made("brief", Scope.READ, until=studio.clock() + 60)
    transport_of = httpx2.ASGITransport
    async with team(studio, tmp_path, ANNA, brief) as served:

        async def answered(name: str, body: object, session: str = "") -> httpx2.Response:
            headers = {"Authorization": f"Bearer {name * 2}", "Accept": "*/*"}
            if session:
                headers["Mcp-Session-Id"] = session
            async with httpx2.AsyncClient(transport=transport_of(served.app)) as http:
                return await http.post(f"{URL}/mcp", json=body, headers=headers)

        session = (await answered("brief", HELLO)).headers["Mcp-Session-Id"]
        own = await answered("brief", LIST, session)
        other = await answered("anna", LIST, session)
        studio.clock.forward(60)
        late = await answered("brief", LIST, session)
    assert ("search_images" in own.text, "delete_images" in own.text) == (True, False)
    assert (own.status_code, other.status_code, late.status_code) == (200, 404, 401)
    assert "expired or revoked" in late.text


@exhaustive
async def test_requests_that_are_refused_leave_nothing_behind(tmp_path: Path) -> None:
    """Ten thousand guesses need no more memory than one thousand."""

    async def never(_: object, __: object, ___: object) -> None:
        raise AssertionError

    async def sent(_: object) -> None:
        """Take the answer."""

    async def nothing() -> Message:
        raise AssertionError

    file = tmp_path / "tokens.jsonl"
    keep(file, ANNA.line())
    door = BearerOnly(never, Bearers(None, Tokens(file)))

    async def guess(number: int) -> None:
        headers = [(b"authorization", f"Bearer guess-{number}".encode())]
        await door({"type": "http", "path": "/mcp", "headers": headers}, nothing, sent)

    sizes = []
    tracemalloc.start()
    try:
        for count in (1_000, 10_000):
            for number in range(count):
                await guess(number)
            gc.collect()
            sizes.append(tracemalloc.get_traced_memory()[0])
    finally:
        tracemalloc.stop()
    assert sizes[1] - sizes[0] < 50_000


def test_a_token_revoked_while_the_file_could_not_be_opened_ends(tmp_path: Path) -> None:
    """Promise: it ends as soon as the machine can read the file, which does not change again."""
    file, anna = tmp_path / "tokens", made("anna", Scope.READ)
    keep(file, anna.line())
    tokens = Tokens(file)
    keep(file, made("otto", Scope.READ).line())
    with no_more_open_files():
        assert tokens.find(b"annaanna") == anna
    assert tokens.find(b"annaanna") is None
