"""What may still be carried out: how long, and what a handle does before and after that."""

from collections import Counter
from math import ceil
from typing import Any

import httpx
import pytest

from tests.contrary.sequences import new_image
from tests.contrary.service import MAY_STILL_COMMIT_S, Ending, Service
from tests.contrary.test_kinds import called, contrary, outcomes
from tests.support.studio import YES, Person, Studio, said, text_of

pytestmark = pytest.mark.anyio

NEW = [new_image(number, f"Work {number}") for number in range(1, 13)]


def rows_open_for(result: dict[str, Any]) -> set[int]:
    """The seconds that the rows tell."""
    return {row["retry_after_s"] for row in result["images"] if "retry_after_s" in row}


def slow(late_s: float | None) -> tuple[Service, Studio]:
    """A service whose first write gets no answer, and is carried out so much later, or never."""
    service, studio = contrary()
    service.endings[:] = [Ending("timeout", commits=late_s is not None, late_s=late_s or 0.0)]
    return service, studio


@pytest.mark.parametrize("late_s", [55.0, None])
async def test_only_what_is_open_waits_and_the_rest_is_added(late_s: float | None) -> None:
    """A handle called at once sends the seven that never were, and settles five in their time."""
    service, studio = slow(late_s)
    sent_at = studio.clock()
    async with studio.client() as client:
        first = await called(client, "add_images", images=NEW)
        assert outcomes(first) == ["unknown"] * 5 + ["not_attempted"] * 7
        left_s = ceil(sent_at + MAY_STILL_COMMIT_S - studio.clock())
        assert (first["retry_after_s"], rows_open_for(first)) == (left_s, {left_s})
        studio.clock.forward(2)
        handle = first["continue_handle"]
        second = await called(client, "add_images", continue_handle=handle)
        left_s = ceil(sent_at + MAY_STILL_COMMIT_S - studio.clock())
        assert outcomes(second) == ["unknown"] * 5 + ["created"] * 7
        # Whole seconds of whole seconds: rounded up twice.
        assert second["retry_after_s"] - left_s in {0, 1}
        assert rows_open_for(second) == {second["retry_after_s"]}
        assert second["continue_handle"] == handle
        studio.clock.forward(second["retry_after_s"])
        third = await called(client, "add_images", continue_handle=handle)
    arrived = "adopted" if late_s else "created"
    assert outcomes(third) == [arrived] * 5
    became = "5 had been carried out." if late_s else "5 had not been, and were sent again."
    assert f"Of 5 whose outcome was unknown: {became}" in third["message"]
    assert third["outcomes"] == Counter([arrived] * 5 + ["created"] * 7)
    assert ("retry_after_s" in third, "continue_handle" in third) == (False, False)
    assert (len(service.images), service.too_soon) == (12, [])


@pytest.mark.parametrize("tool", ["update_image_metadata", "delete_images"])
async def test_an_update_and_a_deletion_go_on_beside_what_is_open(tool: str) -> None:
    """What comes in the meantime is told as what it is, and not as somebody's change."""
    service, studio = contrary()
    studio.account.chunk = 2
    guids = [service.lay(f"Old {number}") for number in range(6)]
    service.endings[:] = [Ending("timeout", late_s=40.0)]
    texts = {"images": [{"guid": guid, "title": "New"} for guid in guids]}
    asked: dict[str, Any] = texts if tool != "delete_images" else {"guids": guids}
    good = "updated" if tool != "delete_images" else "deleted"
    async with studio.client(person=Person(studio.clock, YES)) as client:
        first = await called(client, tool, **asked)
        handle = first["continue_handle"]
        assert outcomes(first) == ["unknown"] * 2 + ["not_attempted"] * 4
        studio.clock.forward(1)
        second = await called(client, tool, continue_handle=handle)
        assert outcomes(second) == ["unknown"] * 2 + [good] * 4
        assert 0 < second["retry_after_s"] < first["retry_after_s"]
        studio.clock.forward(second["retry_after_s"])
        last = await called(client, tool, continue_handle=handle)
    assert outcomes(last) == [good] * 2
    assert last["outcomes"] == {good: 6}
    assert "retry_after_s" not in last
    assert "continue_handle" not in last


async def test_a_text_says_what_the_structure_says() -> None:
    """The seconds of the call and of each row, and what the handle does until then."""
    _, studio = slow(None)
    async with studio.client() as client:
        result = await client.call_tool("add_images", {"images": NEW[:1]})
    told, text = said(result), text_of(result)
    seconds = told["retry_after_s"]
    assert f"retry_after_s {seconds}" in text.splitlines()
    assert f"may still be carried out for {seconds} s." in text
    assert "What may still be carried out is only read until retry_after_s is over." in text


async def test_a_selection_tells_its_seconds_too() -> None:
    """It has no handle; reading it shows what it holds."""
    service, studio = contrary()
    guid = service.lay("Old")
    service.endings[:] = [Ending("timeout", late_s=50.0)]
    async with studio.client() as client:
        result = await client.call_tool("set_selection", {"guids": [guid]})
    told = said(result)
    assert told["outcome"] == "unknown"
    assert f"retry_after_s {told['retry_after_s']}" in text_of(result).splitlines()


async def test_what_could_not_be_read_back_may_still_come_too() -> None:
    """The answer is lost and the looking fails: both are told, with the seconds."""
    service, studio = contrary()
    guid = service.lay("Old")
    service.endings[:] = [Ending("timeout", late_s=50.0)]
    sent_at = studio.clock()
    async with studio.client() as client:

        async def then_nothing(sent: Any) -> None:  # noqa: ANN401  a request
            if sent.endpoint == "list_images" and studio.wire.writes:
                message = "cut off"
                raise httpx.ReadError(message)

        studio.wire.on_the_way = then_nothing
        texts = [{"guid": guid, "title": "New"}]
        told = await called(client, "update_image_metadata", images=texts)
    assert outcomes(told) == ["unknown"]
    assert "It could not be read back" in told["images"][0]["detail"]
    assert told["retry_after_s"] == ceil(sent_at + MAY_STILL_COMMIT_S - studio.clock())
