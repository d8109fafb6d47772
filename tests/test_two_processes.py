"""Two servers on one store: an answer counts once, and a call under way is not done twice."""

from pathlib import Path
from typing import Any

import anyio
import pytest

from tests.server.piped import Piped, piped
from tests.support.upstream import NEW, upstream

pytestmark = pytest.mark.anyio


async def newest(server: Piped) -> str:
    """The guid of the newest image."""
    page = await server.call("search_images", per_page=1)
    return str(page["structuredContent"]["images"][0]["guid"])


async def test_of_two_processes_that_race_for_one_plan_one_calls_the_service(
    tmp_path: Path,
) -> None:
    """Promise: exactly one upstream call, whichever process the answer reaches."""
    store = ["--store", str(tmp_path / "store"), "--confirm", "plan"]
    results: list[dict[str, Any]] = []
    async with (
        upstream() as service,
        piped(*store, env=service.settings) as first,
        piped(*store, env=service.settings) as second,
    ):
        guid = await newest(first)
        plan = await first.call("delete_images", guids=[guid])
        arguments = {"guids": [guid], "plan_id": plan["structuredContent"]["plan_id"]}

        async def race(server: Piped) -> None:
            results.append(await server.call("delete_images", **arguments))

        with service.holding("delete_images") as hold:
            async with anyio.create_task_group() as racers:
                racers.start_soon(race, first)
                racers.start_soon(race, second)
                await hold.reached.wait()
                hold.release()
        assert service.asked["delete_images"] == 1
        told = [await server.call("delete_images", **arguments) for server in (first, second)]
        assert service.asked["delete_images"] == 1
    assert [one.get("isError", False) for one in results].count(False) >= 1
    assert {one["structuredContent"]["images"][0]["outcome"] for one in told} == {"deleted"}
    assert [one["structuredContent"]["replayed"] for one in told] == [True, True]


async def test_the_same_add_in_another_process_waits_for_the_first(tmp_path: Path) -> None:
    """A host that starts a second server, and asks again, registers nothing twice."""
    store = ["--store", str(tmp_path / "store")]
    async with (
        upstream() as service,
        piped(*store, env=service.settings) as first,
        piped(*store, env=service.settings) as second,
    ):
        with service.holding("add_images") as hold:
            await first.start_call("add_images", images=[NEW])
            await hold.reached.wait()
            early = await second.call("add_images", images=[NEW])
            hold.release()
            done = (await first.receive())["result"]
        late = await second.call("add_images", images=[NEW])
        assert service.asked["add_images"] == 1
    assert "still_running" in early["content"][0]["text"]
    (created,) = done["structuredContent"]["images"]
    (again,) = late["structuredContent"]["images"]
    assert (created["outcome"], again["guid"]) == ("created", created["guid"])
    assert late["structuredContent"]["replayed"] is True
