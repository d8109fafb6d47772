"""What every tool shares: text and structure agree, crashes and missing keys are told in words."""

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from mcp.client import Client
from mcp.shared.exceptions import MCPError
from mcp.types import INVALID_PARAMS, CallToolResult

from fw_mcp.api.client import FinerWorksClient
from fw_mcp.assembly import assemble
from fw_mcp.config import load_settings
from fw_mcp.guard.effects import WRITES
from fw_mcp.guard.guard import Limits
from fw_mcp.images.account import Account
from fw_mcp.sandbox.faults.plan import Fault, FaultKind
from fw_mcp.server.app import build_server
from tests.support.products import first_of
from tests.support.studio import NO, Mode, Studio, make_studio, on_account, said, text_of
from tests.support.truth import new_image, new_images, sold, unsold

pytestmark = pytest.mark.anyio

GUID = "3f2b8c1e-0d4a-4e5f-8a6b-7c9d0e1f2a3b"
MODES = first_of("auto", "legacy")
CALLS: Mapping[str, dict[str, Any]] = {
    "search_images": {},
    "search_products": {},
    "view_images": {"guids": [GUID]},
    "add_images": {"images": [new_image(1)]},
    "update_image_metadata": {"images": [{"guid": GUID, "title": "A"}]},
    "delete_images": {"guids": [GUID]},
    "set_selection": {"guids": [GUID]},
}
RESOURCES = (
    "finerworks://images?library=temporary",
    "finerworks://products",
    f"finerworks://images/{GUID}",
    f"finerworks://selections/{GUID}",
)
SECRET = "the password is hunter2"


@pytest.fixture
def broken() -> Client:
    """A client of a server whose way to the library fails as nobody foresaw."""
    studio = make_studio()

    async def connect() -> FinerWorksClient:
        raise RuntimeError(SECRET)

    account = Account(connect)
    parts = on_account(studio.parts, account)
    return Client(build_server(parts), cache=None)


@pytest.fixture
def without_keys(tmp_path: Path) -> Iterator[Client]:
    """A client of a server that was started without keys."""
    settings = load_settings(
        {"web_api_key": None, "app_key": None, "sandbox": None, "store": tmp_path / "store.sqlite3"}
    )
    assembly = assemble(settings, {})
    yield Client(build_server(assembly.parts), cache=None)
    assembly.database.close()


@pytest.mark.parametrize("tool", CALLS)
async def test_what_nobody_foresaw_is_told_without_its_own_words(broken: Client, tool: str) -> None:
    """An exception's text may hold anything: the model reads ours, and the state of the world."""
    async with broken as client:
        result = await client.call_tool(tool, CALLS[tool])
    assert result.is_error
    assert text_of(result) == (
        f"{tool} failed unexpectedly. Whether something was changed is unknown. "
        "search_images shows the library as it is. Tell the person to look at the server's log on "
        "stderr. (reason: unexpected)"
    )


@pytest.mark.parametrize("uri", RESOURCES)
async def test_a_resource_that_crashes_tells_nothing_of_it(broken: Client, uri: str) -> None:
    """The same holds for what is read."""
    async with broken as client:
        with pytest.raises(MCPError) as told:
            await client.read_resource(uri)
    assert SECRET not in str(told.value.error)


@pytest.mark.parametrize("tool", CALLS)
async def test_without_keys_every_tool_says_what_is_missing(
    without_keys: Client, tool: str
) -> None:
    """Promise: the server starts, lists its tools, and says how to try it without an account."""
    async with without_keys as client:
        listed = {one.name for one in (await client.list_tools()).tools}
        result = await client.call_tool(tool, CALLS[tool])
    assert listed == {*CALLS, "inspect_files", "list_changes", "undo_change"}
    assert result.is_error
    assert text_of(result).startswith(
        "These keys are not set: FINERWORKS_WEB_API_KEY, FINERWORKS_APP_KEY. Nothing was sent. "
    )
    assert "fw-mcp --sandbox" in text_of(result)
    assert text_of(result).endswith("(reason: keys_missing)")


@pytest.mark.parametrize("uri", RESOURCES)
async def test_without_keys_every_resource_says_what_is_missing(
    without_keys: Client, uri: str
) -> None:
    """In the same words."""
    async with without_keys as client:
        with pytest.raises(MCPError) as told:
            await client.read_resource(uri)
    assert (
        "These keys are not set: FINERWORKS_WEB_API_KEY, FINERWORKS_APP_KEY." in told.value.message
    )
    assert "--sandbox" in told.value.message


async def test_a_protocol_error_stays_one() -> None:
    """What the protocol itself raises in the middle of a tool is for the host, not the model."""
    studio = make_studio()

    async def connect() -> FinerWorksClient:
        raise MCPError(INVALID_PARAMS, "No way to ask.")

    account = Account(connect)
    parts = on_account(studio.parts, account)
    async with Client(build_server(parts), cache=None) as client:
        with pytest.raises(MCPError, match="No way to ask"):
            await client.call_tool("search_images", {})


def facts(value: object) -> Iterator[str]:
    """What a structured result names: guids, keys, messages, SKUs, shops."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for name, part in value.items():
            if name not in {"title", "description", "date_added", "date_expires", "name"}:
                yield from facts(part)
    elif isinstance(value, list):
        for part in value:
            yield from facts(part)


def assert_same_facts(result: CallToolResult) -> None:
    """The text names each fact of the structure, and each outcome as often as it is counted."""
    text, structure = text_of(result), said(result)
    assert [fact for fact in facts(structure) if fact not in text] == []
    lines = text.split("\n")
    told = Counter(line.split(": ")[0] for line in lines if ": " in line)
    for outcome, count in structure.get("outcomes", {}).items():
        assert told[outcome] in {count, count - len(structure.get("guids", []))}
    if "page_number" in structure:
        assert f"of {structure['count']}." in lines[0]


@pytest.mark.parametrize("mode", MODES)
async def test_text_and_structure_of_reads_and_previews_carry_the_same_facts(
    studio: Studio, mode: Mode
) -> None:
    """Some hosts give the model only the one, some only the other."""
    hung = [image.guid for image in await sold(studio, 7)]
    rewrites = [{"guid": guid, "title": "New"} for guid in [*hung, GUID]]
    calls: list[tuple[str, dict[str, Any]]] = [
        ("search_images", {"per_page": 50, "details": True}),
        ("search_images", {"library": "temporary", "per_page": 3}),
        ("add_images", {"images": new_images(6), "dry_run": True}),
        ("update_image_metadata", {"images": rewrites, "dry_run": True}),
        ("delete_images", {"guids": [*hung, GUID], "dry_run": True}),
        ("set_selection", {"guids": [*hung, GUID]}),
    ]
    async with studio.client(mode=mode) as client:
        for tool, arguments in calls:
            assert_same_facts(await client.call_tool(tool, arguments))


@pytest.mark.parametrize("mode", MODES)
async def test_text_and_structure_of_writes_carry_the_same_facts(
    studio: Studio, mode: Mode
) -> None:
    """Successes, failures, lost answers and products that went."""
    free = [image.guid for image in await unsold(studio, 3)]
    hung = [image.guid for image in await sold(studio, 7)]
    studio.faults.add(Fault(FaultKind.DROPPED, endpoint="add_images", committed=True))
    studio.faults.add(Fault(FaultKind.RATE_LIMITED, endpoint="add_images"))
    async with studio.client(mode=mode, person=studio.person()) as client:
        for tool, arguments in (
            ("add_images", {"images": new_images(12)}),
            ("update_image_metadata", {"images": [{"guid": g, "title": "A"} for g in free]}),
            ("update_image_metadata", {"images": [{"guid": hung[0], "title": "A"}]}),
            ("delete_images", {"guids": [*hung, GUID]}),
        ):
            assert_same_facts(await client.call_tool(tool, arguments))


@pytest.mark.parametrize("mode", MODES)
async def test_text_and_structure_of_what_was_not_done_carry_the_same_facts(
    studio: Studio, mode: Mode
) -> None:
    """A question that waits, with its plan, and a question that was declined."""
    hung = [image.guid for image in await sold(studio, 7)]
    rewrites = [{"guid": guid, "title": "New"} for guid in [*hung, GUID]]
    for person in (None, studio.person(NO)):
        async with studio.client(mode=mode, person=person) as client:
            assert_same_facts(await client.call_tool("delete_images", {"guids": [*hung, GUID]}))
            assert_same_facts(await client.call_tool("update_image_metadata", {"images": rewrites}))


@pytest.mark.parametrize("tool", ["add_images", "update_image_metadata", "delete_images"])
async def test_a_dry_run_is_allowed_where_nothing_may_be_written(tool: str) -> None:
    """It reads, and sends nothing."""
    studio = make_studio(limits=Limits(read_only=True))
    async with studio.client() as client:
        result = said(await client.call_tool(tool, {**CALLS[tool], "dry_run": True}))
    assert (result["status"], studio.wire.writes) == ("dry_run", [])


@pytest.mark.parametrize("tool", [tool for tool in CALLS if tool in WRITES])
async def test_a_tool_that_is_off_sends_nothing_though_it_is_called(tool: str) -> None:
    """The operator's limits hold at call time, not only in the list."""
    studio = make_studio(limits=Limits(read_only=True))
    async with studio.client() as client:
        result = await client.call_tool(tool, CALLS[tool])
    assert (result.is_error, studio.wire.sent) == (True, [])
    assert "(reason: read_only)" in text_of(result)
