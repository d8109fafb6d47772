"""A library that cannot be opened: its own requests hear so in words, others are not touched."""

from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from mcp.client import Client
from mcp.shared.exceptions import MCPError
from mcp.types import INTERNAL_ERROR

from fw_mcp.assembly import assemble
from fw_mcp.config import Settings
from fw_mcp.server.app import build_server
from fw_mcp.server.parts import Parts, no_account
from tests.accounts.served import bearer, house, opens
from tests.server.test_identity import Era, refusal_of
from tests.support.products import exhaustive

pytestmark = pytest.mark.anyio

ERAS = pytest.mark.parametrize("mode", ["auto", pytest.param("legacy", marks=exhaustive)])


class Closed:
    """Libraries of which none can be opened."""

    def __init__(self, why: Exception) -> None:
        self._why = why

    def using(self, account: str) -> AbstractContextManager[Parts]:  # noqa: ARG002  the same for all
        """None."""
        raise self._why


@ERAS
@pytest.mark.parametrize(
    ("why", "reason"), [(LookupError("canary"), "unexpected"), (no_account("x"), "account_unknown")]
)
async def test_that_no_library_can_be_opened_is_told_in_our_words(
    mode: Era, why: Exception, reason: str
) -> None:
    """To a call, to a list and to a document; what belongs to no account is there all the same."""
    assembly = assemble(Settings(sandbox="true"), {})
    server = build_server(assembly.parts, Closed(why))
    async with Client(server, mode=mode, cache=None) as client:
        assert refusal_of(await client.call_tool("search_images", {})) == reason
        for refused in (client.list_tools(), client.read_resource("finerworks://images")):
            with pytest.raises(MCPError, match=f"Nothing was sent.*reason: {reason}") as told:
                await refused
            assert told.value.code == INTERNAL_ERROR
            assert "canary" not in str(told.value)
        assert (await client.list_prompts()).prompts
    await assembly.aclose()


async def test_a_library_that_cannot_be_read_breaks_no_other(tmp_path: Path) -> None:
    """A sandbox that is none, and a store that is none."""
    (tmp_path / "junk").write_text("no sandbox" * 500, "ascii")
    (tmp_path / "folder").mkdir()
    accounts = '[north]\nsandbox_file = "junk"\n[south]\nsandbox_file = "south.db"\n'
    people = opens("alice", "north"), opens("bob", "south")
    async with (
        house(tmp_path, *people, accounts=accounts) as served,
        served.client(bearer("alice")) as alice,
        served.client(bearer("bob")) as bob,
    ):
        told = [await one.call_tool("search_images", {"per_page": 1}) for one in (alice, bob)]
        assert [refusal_of(one) for one in told] == ["invalid_setting", ""]
    options = {"--store": str(tmp_path / "folder")}
    async with (
        house(tmp_path, *people, accounts=accounts, options=options) as served,
        served.client(bearer("bob")) as bob,
    ):
        told = [await bob.call_tool(name, {}) for name in ("list_changes", "search_images")]
        assert [refusal_of(one) for one in told] == ["store_unavailable", ""]
