"""An add: five a request, fifty read back together, and what an odd answer is worth."""

import anyio
import httpx
import pytest

from fw_mcp.api.models import AddImagesRequest
from fw_mcp.images.account import Pace
from fw_mcp.store.journal import Step
from fw_mcp.writes.add import add_in_batches
from fw_mcp.writes.outcomes import Outcome
from tests.images.progress import Progress
from tests.support.recorder import Sent
from tests.support.studio import Studio, make_studio
from tests.support.truth import holdings
from tests.writes.runs import ended_as, items, left_waiting, on_record, run_of, to_add

pytestmark = pytest.mark.anyio

GUID = "3f2b8c1e-0d4a-4e5f-8a6b-7c9d0e1f2a3b"
STATUS = {"success": True, "status_code": 200}


async def test_fifty_images_go_on_record_together_and_five_a_request(studio: Studio) -> None:
    """The reference takes five at a time; what went on record together is read back at once."""
    progress = Progress()
    seen = on_record(studio, "add_images")
    await add_in_batches(run_of(studio, progress=progress), to_add(53), "temporary")
    assert seen == [[None] * 50] * 10 + [["created"] * 50 + [None] * 3]
    recorded = await items(studio)
    assert [(one.item, one.outcome) for one in recorded] == [(n, "created") for n in range(53)]
    assert {one.sent["library"] for one in recorded if one.sent} == {"temporary"}
    sent = [len(body["images"]) for body in studio.wire.to("add_images")]
    assert sent == [5] * 10 + [3]
    assert progress.told == [*range(5, 55, 5), 53]


async def test_an_answer_that_gives_only_id_and_guid_is_settled_by_reading_back(
    studio: Studio,
) -> None:
    """More is not promised of it; which image is which, the records tell."""

    async def tersely(sent: Sent) -> httpx.Response | None:
        if sent.endpoint != "add_images":
            return None
        answer = await studio.api.add_images(AddImagesRequest.model_validate(sent.body))
        terse = [{"id": image.id, "guid": image.guid} for image in reversed(answer.images)]
        return httpx.Response(201, json={"status": STATUS, "images": terse})

    studio.wire.on_the_way = tersely
    images = to_add(3)
    ended = await add_in_batches(run_of(studio), images, "inventory")
    held = await holdings(studio)
    assert ended_as(ended) == [Outcome.CREATED] * 3
    assert {item: held[end.guid or ""].private_hires_uri for item, end in ended.items()} == {
        item: image.private_hires_uri for item, image in images.items()
    }


@pytest.mark.parametrize(
    ("answered", "told"),
    [
        ([], "The response does not mention it."),
        (
            [{"id": 7, "guid": GUID, "file_name": "another.tif"}],
            "FinerWorks returned a guid that it does not list.",
        ),
        (
            [{"id": 7, "guid": GUID, "file_name": to_add(1)[0].file_name}],
            "FinerWorks returned a guid that it does not list.",
        ),
    ],
)
async def test_a_yes_to_an_image_that_is_not_listed_is_unknown(
    studio: Studio, answered: list[dict[str, object]], told: str
) -> None:
    """A success that cannot be seen is not told as one."""

    async def says_yes(sent: Sent) -> httpx.Response | None:
        document = {"status": STATUS, "images": answered}
        return httpx.Response(201, json=document) if sent.endpoint == "add_images" else None

    studio.wire.on_the_way = says_yes
    end = (await add_in_batches(run_of(studio), to_add(1), "inventory"))[0]
    assert end.outcome is Outcome.UNKNOWN
    assert end.detail.startswith(told)


async def test_an_old_image_that_moved_up_is_not_adopted(studio: Studio) -> None:
    """Another one went during the call, so it is among the newest now; it is not the new one."""
    image = to_add(1)[0]
    record = {
        "guid": GUID,
        "id": 1,
        "private_hires_uri": image.private_hires_uri,
        "pix_w": image.pix_w,
        "pix_h": image.pix_h,
        "file_size": image.file_size,
    }
    looks = 0

    async def moved_up(sent: Sent) -> httpx.Response | None:
        nonlocal looks
        if sent.endpoint == "add_images":
            raise httpx.ReadError("the answer was lost")
        looks += 1
        if looks == 1:
            return None
        document = {"status": STATUS, "images": [record], "count": 249}
        return httpx.Response(200, json=document)

    studio.wire.on_the_way = moved_up
    end = (await add_in_batches(run_of(studio), {0: image}, "inventory"))[0]
    assert (end.outcome, end.guid) == (Outcome.UNKNOWN, None)


async def test_one_request_to_add_is_under_way_at_a_time(studio: Studio) -> None:
    """Fifty images go on record together, so both calls are; one of them sends."""
    arrived, go_on = anyio.Event(), anyio.Event()

    async def wait(sent: Sent) -> None:
        if sent.endpoint == "add_images":
            arrived.set()
            await go_on.wait()

    async def add(number: int) -> None:
        images = {0: to_add(number)[number - 1]}
        ended = await add_in_batches(run_of(studio), images, "inventory")
        assert ended_as(ended) == [Outcome.CREATED]

    studio.wire.on_the_way = wait
    async with anyio.create_task_group() as group:
        group.start_soon(add, 1)
        group.start_soon(add, 2)
        await arrived.wait()
        await anyio.wait_all_tasks_blocked()
        sent = len(studio.wire.to("add_images"))
        go_on.set()
    assert sent == 1
    assert len(studio.wire.to("add_images")) == 2
    assert studio.wire.most_at_once["add_images"] == 1
    assert await studio.journal.unsettled() == []


@pytest.mark.large_library
async def test_a_call_that_is_left_finishes_the_chunk_that_was_begun(studio: Studio) -> None:
    """Cancelled in the middle of a write: it is carried out, read back, journalled; no more."""
    arrived, go_on, left = anyio.Event(), anyio.Event(), anyio.CancelScope()

    async def wait(sent: Sent) -> None:
        if sent.endpoint == "add_images":
            arrived.set()
            await go_on.wait()

    async def add() -> None:
        with left:
            await add_in_batches(run_of(studio), to_add(12), "inventory")

    studio.wire.on_the_way = wait
    async with anyio.create_task_group() as group:
        group.start_soon(add)
        await arrived.wait()
        left.cancel()
        go_on.set()
    assert left.cancelled_caught
    assert len(studio.wire.to("add_images")) == 1
    assert len(await holdings(studio)) == 248 + 5
    recorded = await items(studio)
    assert [one.outcome for one in recorded] == ["created"] * 5 + ["not_attempted"] * 7
    details = {one.detail for one in recorded[5:]}
    assert details == {"Not sent: the call was canceled before its turn."}


async def test_a_call_to_add_that_is_left_while_it_waits_sends_nothing_and_says_so() -> None:
    """Its images were on record as about to be sent: that none was is on record too."""
    begun = anyio.Event()
    studio = make_studio(reached=lambda step: begun.set() if step is Step.INTENT_RECORDED else None)
    call = add_in_batches(run_of(studio), to_add(2), "inventory")
    await left_waiting(studio, call, begun)
    assert studio.wire.writes == []
    assert [(one.outcome, one.detail) for one in await items(studio)] == [
        ("not_attempted", "Not sent: the call was canceled before its turn.")
    ] * 2


async def test_no_chunk_is_begun_after_the_time_for_it(studio: Studio) -> None:
    """Most hosts give up at 60 s: the rest is told as not attempted, to be called again."""

    async def slow(sent: Sent) -> None:
        studio.clock.forward(10 if sent.endpoint == "add_images" else 0)

    studio.wire.on_the_way = slow
    ended = await add_in_batches(run_of(studio), to_add(25), "inventory")
    assert ended_as(ended) == [Outcome.CREATED] * 15 + [Outcome.NOT_ATTEMPTED] * 10
    assert len(studio.wire.to("add_images")) == 3
    assert ended[24].detail == "Not sent: the call ran out of time."


async def test_the_time_for_a_call_is_the_operators() -> None:
    """A small budget ends a job after its first chunk."""
    studio = make_studio(pace=Pace(start_chunks_s=1, total_s=5))

    async def slow(sent: Sent) -> None:
        studio.clock.forward(2 if sent.endpoint == "add_images" else 0)

    studio.wire.on_the_way = slow
    ended = await add_in_batches(run_of(studio), to_add(6), "inventory")
    assert ended_as(ended) == [Outcome.CREATED] * 5 + [Outcome.NOT_ATTEMPTED]


async def test_reading_back_ends_with_the_calls_time(studio: Studio) -> None:
    """What could not be read back in time is unknown, with its guid."""

    async def very_slow(sent: Sent) -> None:
        studio.clock.forward(50 if sent.endpoint == "add_images" else 0)

    studio.wire.on_the_way = very_slow
    end = (await add_in_batches(run_of(studio), to_add(1), "inventory"))[0]
    assert end.outcome is Outcome.UNKNOWN
    assert end.guid in await holdings(studio)
    assert end.detail.startswith("It could not be read back: The call ran out of time after 45 s.")
