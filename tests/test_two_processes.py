"""Two servers on one store: an answer counts once, and a call under way is not done twice."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from tests.server.piped import Piped, piped
from tests.support.products import exhaustive
from tests.support.upstream import NEW, upstream

if TYPE_CHECKING:
    from tests.support.postgres import Place

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["in a file", pytest.param("in PostgreSQL", marks=exhaustive)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where a store is that both servers share."""
    if request.param == "in PostgreSQL":
        place: Place = request.getfixturevalue("place")
        return place.url
    return str(tmp_path / "store")


async def newest(server: Piped) -> str:
    """The guid of the newest image."""
    page = await server.call("search_images", per_page=1)
    return str(page["structuredContent"]["images"][0]["guid"])


async def test_of_two_processes_that_race_for_one_plan_one_calls_the_service(store: str) -> None:
    """Promise: exactly one upstream call, whichever process the answer reaches."""
    shared = ["--store", store, "--confirm", "plan"]
    results: list[dict[str, Any]] = []
    async with (
        upstream() as service,
        piped(*shared, env=service.settings) as first,
        piped(*shared, env=service.settings) as second,
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


async def test_the_same_add_in_another_process_waits_for_the_first(store: str) -> None:
    """A host that starts a second server, and asks again, registers nothing twice."""
    shared = ["--store", store]
    async with (
        upstream() as service,
        piped(*shared, env=service.settings) as first,
        piped(*shared, env=service.settings) as second,
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


@exhaustive
async def test_of_two_processes_that_retitle_one_image_the_second_is_told(store: str) -> None:
    """Promise: whoever comes second sends nothing, and learns that the image has changed."""
    shared = ["--store", store]
    async with (
        upstream() as service,
        piped(*shared, env=service.settings) as first,
        piped(*shared, env=service.settings) as second,
    ):
        await first.call("add_images", images=[NEW])
        guid = await newest(first)
        wish = {"guid": guid, "description": "A dune."}
        with service.holding("update_images") as hold:
            await first.start_call("update_image_metadata", images=[{**wish, "title": "First"}])
            await hold.reached.wait()
            late = await second.call("update_image_metadata", images=[{**wish, "title": "Second"}])
            hold.release()
            done = (await first.receive())["result"]
        assert service.asked["update_images"] == 1
        again = await second.call("update_image_metadata", images=[{**wish, "title": "Third"}])
    ends = [one["structuredContent"]["images"][0] for one in (done, late, again)]
    assert [one["outcome"] for one in ends] == ["updated", "not_attempted", "updated"]
    assert "it has changed in the meantime" in ends[1]["detail"]


@exhaustive
async def test_what_a_killed_replica_was_at_is_settled_by_another(place: "Place") -> None:
    """Promise: 20 seconds after the last sign of life it reads; nothing is registered twice."""
    shared = ["--store", place.url]
    async with upstream() as service, piped(*shared, env=service.settings) as second:
        async with piped(*shared, env=service.settings) as first:
            with service.holding("add_images") as hold:
                await first.start_call("add_images", images=[NEW])
                await hold.reached.wait()
                first.process.kill()
                await hold.left.wait()
                hold.release()
            early = await second.call("add_images", images=[NEW])
            place.do("UPDATE names SET seen_at = seen_at - 20")
            late = await second.call("add_images", images=[NEW])
        assert service.asked["add_images"] == 1
    assert "still_running" in early["content"][0]["text"]
    (image,) = late["structuredContent"]["images"]
    assert image["outcome"] == "adopted"
