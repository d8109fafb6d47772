"""A person of one account sees nothing of another, and can use up nothing of it."""

from pathlib import Path
from typing import Any

import pytest
from mcp.client import Client, ClientRequestContext
from mcp.shared.exceptions import MCPError
from mcp.types import (
    INVALID_PARAMS,
    CallToolResult,
    ElicitRequestParams,
    ElicitResult,
    InputRequiredResult,
)

from fw_mcp.guard.effects import Scope
from fw_mcp.server.oauth import Issuer
from tests.accounts.served import House, bearer, house, opens
from tests.server.test_identity import Era, keep, refusal_of
from tests.server.test_oauth import RESOURCE, Login, token
from tests.support.products import exhaustive
from tests.support.studio import YES, said
from tests.support.truth import new_images

pytestmark = pytest.mark.anyio

Json = dict[str, Any]
ALICE, BOB = opens("alice", "north"), opens("bob", "south")
ERAS = pytest.mark.parametrize("mode", ["auto", pytest.param("legacy", marks=exhaustive)])


async def guids(client: Client, **search: object) -> list[str]:
    """Images of the library."""
    found = said(await client.call_tool("search_images", search))
    return [row["guid"] for row in found["images"]]


async def unsold(client: Client) -> str:
    """An image without products."""
    found = said(await client.call_tool("search_images", {"only": "no_products", "per_page": 1}))
    guid: str = found["images"][0]["guid"]
    return guid


@ERAS
async def test_what_one_account_wrote_is_unknown_to_the_other(tmp_path: Path, mode: Era) -> None:
    """Promise: neither its plan, handle, change nor selection is of any use on another account."""
    async with (
        house(tmp_path, ALICE, BOB) as served,
        served.client(bearer("alice"), mode=mode) as alice,
        served.client(bearer("bob"), mode=mode) as bob,
    ):
        call: Json = {"guids": [await unsold(alice)]}
        plan = said(await alice.call_tool("delete_images", call))["plan_id"]
        added = said(await alice.call_tool("add_images", {"images": new_images(2)}))
        handle = {"continue_handle": added["change_id"]}
        selected = said(await alice.call_tool("set_selection", call))
        refused = [
            await bob.call_tool("delete_images", call | {"plan_id": plan}),
            await bob.call_tool("add_images", handle),
            await bob.call_tool("undo_change", {"change_id": added["change_id"]}),
            await bob.call_tool("search_images", {"change_id": added["change_id"]}),
            await bob.call_tool("search_images", {"selection_guid": selected["selection_guid"]}),
        ]
        assert [refusal_of(one) for one in refused[:3]] == [
            "plan_unknown",
            "handle_unknown",
            "cannot_undo",
        ]
        assert [one.is_error for one in refused] == [True] * 5
        assert said(await bob.call_tool("list_changes", {}))["changes"] == []
        for uri in (
            f"finerworks://changes/{added['change_id']}",
            f"finerworks://selections/{selected['selection_guid']}",
        ):
            with pytest.raises(MCPError):
                await bob.read_resource(uri)
        told = (await bob.read_resource("finerworks://changes")).contents[0]
        assert added["change_id"] not in str(told)
        # And all of it still is of use where it belongs.
        done = said(await alice.call_tool("delete_images", call | {"plan_id": plan}))
        assert done["outcomes"] == {"deleted": 1}
        assert said(await alice.call_tool("add_images", handle))["outcomes"] == {"created": 2}
        assert call["guids"][0] in await guids(bob, guid_filter=call["guids"])


async def test_the_question_of_one_account_is_answered_by_nobody_else(tmp_path: Path) -> None:
    """Neither by another person, nor by the same one with the token for another account."""
    login = Login()
    issuer = Issuer(login.issuer.issuer, RESOURCE, login.issuer.keys, tuple(Scope), account="")
    scope = " ".join(Scope)
    async with house(tmp_path, ALICE, BOB, issuer=issuer) as served:
        sealed: list[object] = []
        for at_first, then in (
            (bearer("alice"), bearer("bob")),
            (token(scope=scope, fw_account="north"), token(scope=scope, fw_account="south")),
        ):
            async with (
                served.client(at_first, person=person) as first,
                served.client(then, person=person) as second,
            ):
                call = {"guids": [await unsold(first)]}
                asked = await first.session.call_tool(
                    "delete_images", call, allow_input_required=True
                )
                assert isinstance(asked, InputRequiredResult)
                answer: Json = {
                    "allow_input_required": True,
                    "request_state": asked.request_state,
                    "input_responses": {"confirmation": YES},
                }
                try:
                    sealed.append(await second.session.call_tool("delete_images", call, **answer))
                except MCPError as refused:
                    sealed.append(refused.code)
                assert await guids(second, guid_filter=call["guids"]) == call["guids"]
    assert sealed == [INVALID_PARAMS, INVALID_PARAMS]


async def test_a_session_is_of_one_account(tmp_path: Path) -> None:
    """Promise: neither another token of the person nor a token that was moved goes on with it."""
    login = Login()
    issuer = Issuer(login.issuer.issuer, RESOURCE, login.issuer.keys, tuple(Scope), account="")
    north, south = (token(scope="images:read", fw_account=one) for one in ("north", "south"))
    async with house(tmp_path, ALICE, issuer=issuer) as served:
        of_north, of_alice = [await session(served, one) for one in (north, bearer("alice"))]
        keep(tmp_path / "tokens.jsonl", opens("alice", "south"))
        answers = [
            await served.ping(one, {"Mcp-Session-Id": of})
            for one, of in ((north, of_north), (south, of_north), (bearer("alice"), of_alice))
        ]
    assert [one.status_code for one in answers] == [200, 404, 404]


async def session(served: House, bearer: str) -> str:
    """A session of an older client."""
    told = {"capabilities": {}, "clientInfo": {"name": "old", "version": "1"}}
    asked = await served.ping(bearer, method="initialize", protocolVersion="2025-06-18", **told)
    return asked.headers["Mcp-Session-Id"]


async def person(
    context: ClientRequestContext,  # noqa: ARG001  the SDK's signature
    params: ElicitRequestParams,  # noqa: ARG001  as above
) -> ElicitResult:
    """Somebody who can be asked; the answers of these tests are given by hand."""
    return YES


async def test_another_replica_tells_an_account_no_more(tmp_path: Path) -> None:
    """Promise: on one store, with the keys of its seals; and Alice is known there."""
    keep(tmp_path / "keys", "0" * 64)
    both = {"--state-keys-file": str(tmp_path / "keys")}
    async with (
        house(tmp_path, ALICE, BOB, options=both) as one,
        house(tmp_path, ALICE, BOB, options=both) as two,
        one.client(bearer("alice"), person=person) as alice,
        two.client(bearer("alice"), person=person) as alice_there,
        two.client(bearer("bob"), person=person) as bob,
    ):
        call: Json = {"guids": [await unsold(alice)]}
        change = said(await alice.call_tool("set_selection", call))["change_id"]
        asked = await alice.session.call_tool("delete_images", call, allow_input_required=True)
        assert isinstance(asked, InputRequiredResult)
        answer: Json = {
            "allow_input_required": True,
            "request_state": asked.request_state,
            "input_responses": {"confirmation": YES},
        }
        with pytest.raises(MCPError):
            await bob.session.call_tool("delete_images", call, **answer)
        assert said(await bob.call_tool("list_changes", {}))["changes"] == []
        refused = await bob.call_tool("undo_change", {"change_id": change})
        assert refusal_of(refused) == "cannot_undo"
        done = await alice_there.session.call_tool("delete_images", call, **answer)
        assert isinstance(done, CallToolResult)
        assert said(done)["outcomes"] == {"deleted": 1}


async def test_what_one_account_uses_up_is_there_for_the_other(tmp_path: Path) -> None:
    """Promise: the limits of an hour are each account's own, and under the server's."""
    accounts = '[north]\nsandbox_file = "n.db"\ndeletions_per_hour = 900\n'
    accounts += '[south]\nsandbox_file = "s.db"\nread_only = true\n'
    cara = opens("cara", "south")
    async with (
        house(
            tmp_path, ALICE, cara, accounts=accounts, options={"--deletions-per-hour": "1"}
        ) as served,
        served.client(bearer("alice")) as alice,
        served.client(bearer("cara")) as reader,
    ):
        told = []
        for _ in range(2):
            call = {"guids": [await unsold(alice)]}
            asked = await alice.call_tool("delete_images", call)
            if not asked.is_error:
                call["plan_id"] = said(asked)["plan_id"]
                asked = await alice.call_tool("delete_images", call)
            told.append(refusal_of(asked))
        assert told == ["", "hourly_limit"]
        assert "delete_images" not in {tool.name for tool in (await reader.list_tools()).tools}
        assert "delete_images" in {tool.name for tool in (await alice.list_tools()).tools}
        refused = await reader.call_tool("delete_images", {"guids": [await unsold(reader)]})
        assert refusal_of(refused) == "read_only"


async def test_a_token_without_an_account_opens_none(tmp_path: Path) -> None:
    """Promise: 403, without a challenge to log in again, and never a default."""
    login = Login()
    issuer = Issuer(login.issuer.issuer, RESOURCE, login.issuer.keys, tuple(Scope), account="")
    async with house(tmp_path, ALICE, issuer=issuer) as served:
        answers = {}
        for named in ("north", ["north"], None, "", "other", ["north", "south"], 1, {"a": "north"}):
            answers[str(named)] = await served.ping(token(scope="images:read", fw_account=named))
    good = {"north", "['north']"}
    assert {name: one.status_code for name, one in answers.items()} == {
        name: 400 if name in good else 403 for name in answers
    }
    refused = [one for name, one in answers.items() if name not in good]
    assert ["WWW-Authenticate" in one.headers for one in refused] == [False] * len(refused)
    assert answers["other"].text == (
        'The token names the account "other", which is not set up here. Ask the operator.'
    )
    assert answers["None"].text == "The token names no account. Ask the operator."


async def test_an_account_that_is_removed_is_closed_to_running_sessions(tmp_path: Path) -> None:
    """And one that is changed is another from the next call on."""
    async with house(tmp_path, ALICE, BOB) as served, served.client(bearer("bob")) as bob:
        call = {"guids": [await unsold(bob)]}
        served.write('[south]\nsandbox_file = "south.db"\nread_only = true\n')
        assert refusal_of(await bob.call_tool("delete_images", call)) == "read_only"
        served.write('[north]\nsandbox_file = "north.db"\n')
        pings = [await served.ping(bearer(name)) for name in ("alice", "bob")]
        assert [one.status_code for one in pings] == [400, 403]


async def test_pictures_of_one_account_are_fetched_again_for_another(tmp_path: Path) -> None:
    """What is kept in memory for one is there for no other."""
    async with (
        house(tmp_path, ALICE, BOB) as served,
        served.client(bearer("alice")) as alice,
        served.client(bearer("bob")) as bob,
    ):
        looked = {"guids": (await guids(alice))[:1]}
        assert not (await alice.call_tool("view_images", looked)).is_error
        with served.libraries.using("north") as north, served.libraries.using("south") as south:
            assert north.viewer.previews is not south.viewer.previews
            assert len(kept(north)) == 1
            assert kept(north) is kept(south)
            assert not (await bob.call_tool("view_images", looked)).is_error
            assert {account for account, *_ in kept(north)} == {"north", "south"}


def kept(parts: Any) -> Any:  # noqa: ANN401  what no part has a name for
    """The keys of the previews that are kept."""
    return parts.viewer.previews._kept._files  # noqa: SLF001


async def test_the_log_of_a_write_names_the_account_and_the_person(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """As the accounts file and the tokens file do."""
    caplog.set_level("INFO", "fw_mcp.audit")
    async with house(tmp_path, ALICE) as served, served.client(bearer("alice")) as alice:
        await alice.call_tool("set_selection", {"guids": await guids(alice, per_page=1)})
    (line,) = [one.getMessage() for one in caplog.records if one.name == "fw_mcp.audit"]
    assert line.startswith('set_selection by "token:alice" on account north: ')
