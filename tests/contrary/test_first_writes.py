"""The first write of each kind on an account: one image, and no more before it was looked at."""

from pathlib import Path
from typing import Any

import pytest
from mcp.client import Client

from tests.contrary.sequences import new_image
from tests.contrary.service import Ending, Service, Ways
from tests.contrary.test_kinds import called, contrary, outcomes
from tests.support.recorder import Sent
from tests.support.studio import YES, Clock, Person, Studio, make_studio

pytestmark = pytest.mark.anyio

UNEXPECTED = "The first write of this kind on the account did not end as expected"
HELD_BACK = "Not sent: the first image did not end as expected; see its detail."
TOOLS = ("add_images", "update_image_metadata", "delete_images")
ENDPOINTS = {
    "add_images": "add_images",
    "update_image_metadata": "update_images",
    "delete_images": "delete_images",
}
GOOD = {
    "add_images": "created",
    "update_image_metadata": "updated",
    "delete_images": "deleted",
}


def arguments(service: Service, tool: str, count: int = 7) -> dict[str, Any]:
    """A call for so many images."""
    if tool == "add_images":
        return {"images": [new_image(number, f"Work {number}") for number in range(1, count + 1)]}
    guids = [service.lay(f"Old {number}", products=[f"SKU-{number}"]) for number in range(count)]
    if tool == "delete_images":
        return {"guids": guids}
    return {"images": [{"guid": guid, "title": "New"} for guid in guids]}


def sizes(studio: Studio, tool: str) -> list[int]:
    """How many images each request was for."""
    bodies = studio.wire.to(ENDPOINTS[tool])
    return [len(body.get("guids") or body["images"]) for body in bodies]


def open_to(studio: Studio) -> Client:
    """A client with a person who says yes."""
    return studio.client(person=Person(studio.clock, YES))


@pytest.mark.parametrize("tool", TOOLS)
async def test_the_first_of_a_kind_goes_alone_and_never_again(tool: str) -> None:
    """As expected, the rest follows in the same call, and the next call is whole."""
    service, studio = contrary(tried=False)
    async with open_to(studio) as client:
        first = await called(client, tool, **arguments(service, tool))
        alone = sizes(studio, tool)
        again = arguments(service, tool)
        if tool == "add_images":
            again["images"] = [new_image(number, "More") for number in range(20, 25)]
        second = await called(client, tool, **again)
    assert outcomes(first) == [GOOD[tool]] * 7
    assert alone == ([1, 5, 1] if tool == "add_images" else [1, 6])
    assert second["status"] == "completed"
    assert len(sizes(studio, tool)) == len(alone) + 1


UNLIKE = [
    *((tool, Ways(text="capitals"), "its text differs") for tool in TOOLS[:2]),
    *((tool, Ways(count="zero"), "FinerWorks counted 0 images before it and 0 after it")
      for tool in (TOOLS[0], TOOLS[2])),
    (TOOLS[1], Ways(products_go="more"), "products of 1 more images were removed"),
]  # fmt: skip


@pytest.mark.parametrize(("tool", "ways", "why"), UNLIKE)
async def test_what_ends_otherwise_than_expected_stops_the_call_once(
    tool: str, ways: Ways, why: str
) -> None:
    """One image was written; the row says what is odd; the handle goes on with the others."""
    service, studio = contrary(ways, tried=False)
    asked = arguments(service, tool)
    async with open_to(studio) as client:
        first = await called(client, tool, **asked)
        alone = sizes(studio, tool)
        repeated = await called(client, tool, **asked) if tool != "add_images" else first
        last = await called(client, tool, continue_handle=first["continue_handle"])
    assert (alone, outcomes(first)) == ([1], [GOOD[tool], *["not_attempted"] * 6])
    assert first["images"][0]["detail"].endswith(f"{UNEXPECTED}: {why}.")
    assert {row["detail"] for row in first["images"][1:]} == {HELD_BACK}
    assert f"{UNEXPECTED}: see its detail, and continue only if" in first["message"]
    assert outcomes(repeated) == outcomes(first)
    assert outcomes(last).count("not_attempted") == (ways.products_go == "more")


async def test_the_same_addition_made_again_goes_on() -> None:
    """It resumes, as ever; the odd image stays as it was told."""
    service, studio = contrary(Ways(text="capitals"), tried=False)
    asked = arguments(service, "add_images")
    async with studio.client() as client:
        first = await called(client, "add_images", **asked)
        again = await called(client, "add_images", **asked)
    assert outcomes(first).count("not_attempted") == 6
    assert outcomes(again) == ["created"] * 7
    assert len(service.images) == 7


async def test_a_yes_that_did_nothing_stops_the_call() -> None:
    """The image is still listed: the other six are not sent after it."""
    service, studio = contrary(tried=False)
    service.endings[:] = [Ending(commits=False)]
    async with open_to(studio) as client:
        result = await called(client, "delete_images", **arguments(service, "delete_images"))
    assert outcomes(result) == ["failed", *["not_attempted"] * 6]
    assert result["images"][0]["detail"].startswith(
        "FinerWorks reported success but still lists the image"
    )
    assert f"{UNEXPECTED}: it ended as failed; FinerWorks counted" in result["images"][0]["detail"]
    assert sizes(studio, "delete_images") == [1]


@pytest.mark.parametrize("ending", [Ending(422, commits=False), Ending("dropped", commits=False)])
async def test_a_failure_tells_nothing_of_the_kind(ending: Ending) -> None:
    """The next image goes alone, too, until one is answered."""
    service, studio = contrary(tried=False)
    service.endings[:] = [ending]
    async with open_to(studio) as client:
        await called(client, "delete_images", **arguments(service, "delete_images"))
    assert sizes(studio, "delete_images") == [1, 1, 5]
    assert len(service.images) == 1


@pytest.mark.parametrize("ways", [Ways(), Ways(text="capitals")])
async def test_the_store_knows_what_was_tried_before(ways: Ways, tmp_path: Path) -> None:
    """Also what was told to be odd; another kind is still untried."""
    clock = Clock()
    service = Service(clock, ways)
    store = tmp_path / "store"
    kept = [make_studio(service=service, clock=clock, per_series=1, store=store) for _ in range(2)]
    for studio in kept:
        async with open_to(studio) as client:
            images = arguments(service, "update_image_metadata")
            await called(client, "update_image_metadata", **images)
        await studio.database.aclose()
    assert sizes(kept[0], "update_image_metadata")[0] == 1
    assert sizes(kept[1], "update_image_metadata") == [7]
    async with open_to(kept[1]) as client:
        await called(client, "delete_images", **arguments(service, "delete_images"))
    assert sizes(kept[1], "delete_images") == [1, 6]


async def test_late_lists_are_not_odd() -> None:
    """What shows a little later is waited for."""
    service, studio = contrary(Ways(lag_s={"list_images": 1.0}, hidden_s=1.0), tried=False)
    async with open_to(studio) as client:
        for tool in TOOLS:
            result = await called(client, tool, **arguments(service, tool))
            assert UNEXPECTED not in result["message"]
            assert outcomes(result) == [GOOD[tool]] * 7


async def test_a_call_whose_time_is_over_after_the_first_goes_on_whole() -> None:
    """What the first image showed stays known."""
    service, studio = contrary(tried=False)

    async def slow(sent: Sent) -> None:
        studio.clock.forward(26 if sent.endpoint == "delete_images" else 0)

    studio.wire.on_the_way = slow
    async with open_to(studio) as client:
        first = await called(client, "delete_images", **arguments(service, "delete_images"))
        last = await called(client, "delete_images", continue_handle=first["continue_handle"])
    assert outcomes(first) == ["deleted", *["not_attempted"] * 6]
    assert first["images"][1]["detail"] == "Not sent: the call ran out of time."
    assert outcomes(last) == ["deleted"] * 6
    assert sizes(studio, "delete_images") == [1, 6]


@pytest.mark.parametrize("tool", TOOLS)
async def test_progress_counts_the_first_image_too(tool: str) -> None:
    """It grows, and ends at all of them."""
    service, studio = contrary(tried=False)
    told: list[tuple[float, float | None]] = []

    async def hear(progress: float, total: float | None, message: str | None) -> None:
        assert message == f"{progress:g} of {total:g} images"
        told.append((progress, total))

    async with open_to(studio) as client:
        asked = arguments(service, tool)
        assert not (await client.call_tool(tool, asked, progress_callback=hear)).is_error
    expected = [(1, 7), (6, 7), (7, 7)] if tool == "add_images" else [(1, 7), (7, 7)]
    assert told == expected
