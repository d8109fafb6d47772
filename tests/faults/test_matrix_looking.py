"""Every fault on the request of a search, and of each resource."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from mcp.client import Client
from mcp.shared.exceptions import MCPError
from mcp.types import TextResourceContents

from fw_mcp.sandbox.faults.plan import FaultKind
from tests.faults.matrix import passing, read
from tests.faults.stage import Stage
from tests.support.products import Chosen, covering, one_or_all
from tests.support.studio import said

pytestmark = pytest.mark.anyio

Look = Callable[[Stage, Client, str], Awaitable[Any]]

_IMAGES = 3
_CHOSEN = 2


async def _search(_: Stage, client: Client, __: str) -> Any:  # noqa: ANN401  JSON
    result = await client.call_tool("search_images", {})
    return None if result.is_error else said(result)


async def _read(client: Client, uri: str) -> Any:  # noqa: ANN401  JSON
    try:
        (content,) = (await client.read_resource(uri)).contents
    except MCPError:
        return None
    assert isinstance(content, TextResourceContents)
    return json.loads(content.text)


async def _page(_: Stage, client: Client, __: str) -> Any:  # noqa: ANN401  JSON
    return await _read(client, "finerworks://images")


async def _image(_: Stage, client: Client, guid: str) -> Any:  # noqa: ANN401  JSON
    return await _read(client, f"finerworks://images/{guid}")


async def _selection(stage: Stage, client: Client, _: str) -> Any:  # noqa: ANN401  JSON
    return await _read(client, f"finerworks://selections/{stage.selection}")


_LOOKS = {
    "search_images": ("list_images", _search),
    "images": ("list_images", _page),
    "image": ("list_images", _image),
    "selection": ("list_file_selection", _selection),
}


@one_or_all
@pytest.mark.parametrize(("name", "kind"), covering(list(_LOOKS), FaultKind))
async def test_looking_shows_what_is_there_or_says_that_it_could_not(
    stage: Stage, subtests: pytest.Subtests, name: str, kind: FaultKind, chosen: Chosen
) -> None:
    """Under a fault it gives the right guids or an error; it writes nothing; later it is whole."""
    endpoint, look = _LOOKS[name]
    async with stage.client() as client:
        for fault in chosen((passing(kind), *read(kind)), f"{name} {kind}"):
            with subtests.test(str(fault)):
                guids = await stage.lay(_IMAGES)
                wanted = {"selection_guid": stage.selection, "guids": guids[:_CHOSEN]}
                await client.call_tool("set_selection", wanted)
                whole = _guids(await look(stage, client, guids[0]))
                stage.wire.sent.clear()
                held = stage.held()
                stage.faults.add(replace(fault, endpoint=endpoint))
                shown = await look(stage, client, guids[0])
                assert stage.faults.taken
                assert shown is None or _guids(shown) == whole
                assert shown is not None or fault.times > 1 or kind is FaultKind.REJECTED
                assert stage.wire.writes == []
                stage.later()
                if kind not in {FaultKind.SOMEBODY_ADDS, FaultKind.SOMEBODY_DELETES}:
                    assert stage.held() == held
                    assert _guids(await look(stage, client, guids[0])) == whole


def _guids(shown: dict[str, Any]) -> list[str]:
    """The guids that a result shows, in any order."""
    if "images" in shown:
        assert shown["count"] == len(shown["images"])
        return sorted(image["guid"] for image in shown["images"])
    return sorted(shown.get("guids", [shown["guid"]]))
