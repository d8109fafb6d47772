"""Many clients of one server over HTTP at once: each gets its own answer, under its own name."""

from pathlib import Path

import anyio
import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from fw_mcp.guard.effects import Scope
from fw_mcp.server.http import serve_http
from fw_mcp.server.identity import Tokens
from tests.server.test_http import Running, terminate, well
from tests.server.test_identity import Era, keep, made
from tests.support.products import first_of
from tests.support.studio import Studio, said
from tests.support.truth import holdings, stored_in
from tests.writes.runs import changes

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("crowd", first_of(8, 64))
async def test_each_of_many_clients_gets_its_own_answer(
    studio: Studio, tmp_path: Path, crowd: int
) -> None:
    """Of both generations, over real connections, each with a token of its own."""
    guids = list(await holdings(studio))[:crowd]
    names = [f"person-{number}" for number in range(crowd)]
    file = tmp_path / "tokens.jsonl"
    keep(file, *(made(name, Scope.WRITE).line() for name in names))
    server, all_are_there = Running(), anyio.Event()
    arrived: list[str] = []

    async def serve() -> None:
        await serve_http(
            studio.server,
            host="127.0.0.1",
            port=0,
            token=None,
            ready=well,
            tokens=Tokens(file, studio.clock),
            listening=server.listens,
        )

    got: dict[str, list[str]] = {}

    async def come(number: int, name: str) -> None:
        mode: Era = "legacy" if number % 2 else "auto"
        guid = guids[number]
        bearer = {"Authorization": f"Bearer {name * 2}"}
        async with (
            httpx2.AsyncClient(headers=bearer, trust_env=False, timeout=60) as http,
            Client(
                streamable_http_client(server.url, http_client=http), mode=mode, cache=None
            ) as client,
        ):
            arrived.append(name)
            if len(arrived) == crowd:
                all_are_there.set()
            await all_are_there.wait()
            page = said(await client.call_tool("search_images", {"guid_filter": [guid]}))
            put = said(await client.call_tool("set_selection", {"guids": [guid]}))
            got[name] = [guid, *(one["guid"] for one in page["images"]), *stored_in(put)]

    with anyio.fail_after(60):
        async with anyio.create_task_group() as running:
            running.start_soon(serve)
            await server.listening.wait()
            async with anyio.create_task_group() as people:
                for number, name in enumerate(names):
                    people.start_soon(come, number, name)
            terminate()
    assert got == {name: [guids[n]] * 3 for n, name in enumerate(names)}
    assert {one.caller for one in await changes(studio)} == {f"token:{name}" for name in names}
