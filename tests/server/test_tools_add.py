"""`add_images`: in chunks of five, never twice, and each outcome as the service lists it."""

from typing import Any

import httpx
import pytest

from fw_mcp.sandbox.faults import Fault, FaultKind
from fw_mcp.sandbox.switches import Switches
from tests.recorder import Sent
from tests.studio import Mode, Studio, make_studio, said, text_of
from tests.truth import assert_truthful, holdings, new_image, new_images

pytestmark = pytest.mark.anyio

MODES = ("auto", "legacy")
LOOK = "search_images sorted by id shows the newest; look before adding it again."


async def added(studio: Studio, images: object, **arguments: object) -> dict[str, Any]:
    """The truthful result of one call, after which no image is registered twice."""
    async with studio.client() as client:
        result = said(await client.call_tool("add_images", {"images": images, **arguments}))
    await assert_truthful(result, studio)
    await assert_nothing_sent_twice(studio)
    return result


async def assert_nothing_sent_twice(studio: Studio) -> None:
    """No print master went out in two requests, and none is listed twice."""
    sent = [
        one["private_hires_uri"] for body in studio.wire.to("add_images") for one in body["images"]
    ]
    held = [one.private_hires_uri for one in (await holdings(studio)).values()]
    assert len(sent) == len(set(sent))
    assert len(held) == len(set(held))


def outcomes(result: dict[str, Any]) -> list[str]:
    """How each image ended, in order."""
    return [row["outcome"] for row in result["images"]]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("count", [1, 2, 5, 6, 7, 10, 12])
async def test_images_go_in_chunks_of_five_and_come_back_in_order(mode: Mode, count: int) -> None:
    """Promise: a large job in one call, whatever the order of the service's answer."""
    studio = make_studio(switches=Switches(answers_reversed=True))
    async with studio.client(mode=mode) as client:
        result = said(await client.call_tool("add_images", {"images": new_images(count)}))
    await assert_truthful(result, studio)
    chunks = [len(body["images"]) for body in studio.wire.to("add_images")]
    assert chunks == [5] * (count // 5) + [count % 5] * bool(count % 5)
    assert (result["status"], outcomes(result)) == ("completed", ["created"] * count)
    held = await holdings(studio)
    masters = [held[row["guid"]].private_hires_uri for row in result["images"]]
    assert masters == [image["private_hires_uri"] for image in new_images(count)]


async def test_a_registered_image_is_told_as_it_was_read_back(studio: Studio) -> None:
    """The whole result, in structure and in text."""
    async with studio.client() as client:
        result = await client.call_tool("add_images", {"images": [new_image(1)]})
    (guid,) = set(await holdings(studio)) & {said(result)["images"][0]["guid"]}
    assert said(result) == {
        "status": "completed",
        "message": "As read back from the service: 1 created.",
        "outcomes": {"created": 1},
        "images": [{"guid": guid, "file_name": "NEW_001.jpg", "outcome": "created"}],
    }
    assert text_of(result) == (
        f"completed: As read back from the service: 1 created.\ncreated: {guid} | NEW_001.jpg"
    )


async def test_every_field_reaches_the_service_as_given(studio: Studio) -> None:
    """The API's fields under the API's names."""
    image = new_image(
        1,
        thumbnail_file_name="thumb.jpg",
        preview_file_name="preview.jpg",
        hires_file_name="hires.tif",
    )
    await added(studio, [image], library="temporary")
    (body,) = studio.wire.to("add_images")
    assert body["images"] == [image]
    assert body["library"]["name"] == "temporary"


async def test_file_names_are_taken_from_the_addresses(studio: Studio) -> None:
    """Without the query, and decoded."""
    image = new_image(
        1,
        public_thumbnail_uri="https://files.example/a/thumb%20one.jpg?size=200",
        public_preview_uri="https://files.example/preview.jpg#top",
        private_hires_uri="https://files.example/" + "x" * 220 + ".tif",
    )
    await added(studio, [image])
    (sent,) = studio.wire.to("add_images")[0]["images"]
    assert sent["thumbnail_file_name"] == "thumb one.jpg"
    assert sent["preview_file_name"] == "preview.jpg"
    assert sent["hires_file_name"] == "x" * 196 + ".tif"


async def test_a_title_that_is_left_out_becomes_the_file_name(studio: Studio) -> None:
    """The service's own default; null is sent, not an invented title."""
    result = await added(studio, [new_image(1, title=None, description="")])
    (sent,) = studio.wire.to("add_images")[0]["images"]
    assert (sent["title"], sent["description"]) == (None, None)
    assert (await holdings(studio))[result["images"][0]["guid"]].title == "NEW_001.jpg"


async def test_a_file_name_that_comes_back_altered_is_told_as_it_is(studio: Studio) -> None:
    """The service sanitises names; the image is recognised all the same."""
    result = await added(studio, [new_image(1, file_name="Fog & Über.jpg")])
    assert result["images"][0]["file_name"] == "Fog____ber.jpg"
    assert outcomes(result) == ["created"]


@pytest.mark.parametrize("mode", MODES)
async def test_a_dry_run_sends_nothing(studio: Studio, mode: Mode) -> None:
    """It says what would happen, and in which status."""
    async with studio.client(mode=mode) as client:
        result = await client.call_tool("add_images", {"images": new_images(7), "dry_run": True})
    assert studio.wire.sent == []
    assert said(result)["status"] == "dry_run"
    assert said(result)["message"] == "Nothing was sent. 7 images would be registered."
    assert said(result)["outcomes"] == {"not_attempted": 7}
    assert [row["file_name"] for row in said(result)["images"]] == [
        image["file_name"] for image in new_images(7)
    ]


async def test_one_faulty_image_keeps_all_others_back(studio: Studio) -> None:
    """The call is corrected first: nothing of it is sent."""
    images = [*new_images(6), new_image(7, description="x" * 342)]
    async with studio.client() as client:
        result = await client.call_tool("add_images", {"images": images})
    assert result.is_error
    assert "images[6].description: at most 300 characters, 342 were given" in text_of(result)
    assert studio.wire.sent == []


SPOILED = [
    # A fault, whether the work was done all the same, and what is true of the chunk then.
    (FaultKind.REJECTED, False, "failed"),
    (FaultKind.REJECTED, True, "adopted"),
    (FaultKind.SERVER_ERROR, False, "unknown"),
    (FaultKind.SERVER_ERROR, True, "adopted"),
    (FaultKind.BAD_GATEWAY, True, "adopted"),
    (FaultKind.DROPPED, False, "unknown"),
    (FaultKind.DROPPED, True, "adopted"),
    (FaultKind.TRUNCATED, True, "adopted"),
    (FaultKind.WRONG_TYPES, True, "adopted"),
    (FaultKind.RATE_LIMITED, False, "failed"),
]


@pytest.mark.parametrize("chunk", [0, 1, 2])
@pytest.mark.parametrize(("kind", "committed", "outcome"), SPOILED)
async def test_a_spoiled_chunk_is_settled_by_looking_and_the_others_go_on(
    studio: Studio, chunk: int, kind: FaultKind, committed: bool, outcome: str
) -> None:
    """Promise: nothing is added twice, and what was added behind a lost answer is found."""
    studio.faults.add(Fault(kind, endpoint="add_images", after=chunk, committed=committed))
    result = await added(studio, new_images(12))
    sizes = (5, 5, 2)
    expected = [
        outcome if number == chunk else "created"
        for number, size in enumerate(sizes)
        for _ in range(size)
    ]
    assert outcomes(result) == expected
    assert len(studio.wire.to("add_images")) == 3
    adopted = [row["guid"] for row in result["images"] if row["outcome"] == "adopted"]
    assert len(set(adopted)) == (sizes[chunk] if outcome == "adopted" else 0)
    whole = outcome == "adopted"
    assert result["status"] == ("completed" if whole else "incomplete")


async def test_a_chunk_the_service_refused_is_told_in_its_words(studio: Studio) -> None:
    """An answer came: it was not lost. Nothing appeared, so the images may be added again."""
    studio.faults.add(Fault(FaultKind.REJECTED, endpoint="add_images"))
    (row,) = (await added(studio, [new_image(1)]))["images"]
    assert row["outcome"] == "failed"
    assert row["detail"].startswith(
        'FinerWorks did not carry out add_images: "The request could not be completed."'
    )


async def test_an_adopted_image_is_told_as_such(studio: Studio) -> None:
    """The row has its guid, and says why it is no plain success."""
    studio.faults.add(Fault(FaultKind.DROPPED, endpoint="add_images", committed=True))
    (row,) = (await added(studio, [new_image(1)]))["images"]
    assert (await holdings(studio))[row["guid"]].file_name == "NEW_001.jpg"
    assert row["detail"] == "The answer was lost; the service lists the image."


async def test_a_lost_chunk_that_is_not_listed_says_how_to_find_out(studio: Studio) -> None:
    """Unknown is told with the way to know."""
    studio.faults.add(Fault(FaultKind.DROPPED, endpoint="add_images"))
    (row,) = (await added(studio, [new_image(1)]))["images"]
    assert row == {
        "file_name": "NEW_001.jpg",
        "outcome": "unknown",
        "detail": f"The answer was lost. {LOOK}",
    }


async def test_an_image_that_was_there_before_is_not_adopted(studio: Studio) -> None:
    """The same file registered last week is another image."""
    await added(studio, [new_image(1)])
    studio.faults.add(Fault(FaultKind.DROPPED, endpoint="add_images"))
    async with studio.client() as client:
        result = said(await client.call_tool("add_images", {"images": [new_image(1)]}))
    assert outcomes(result) == ["unknown"]


async def test_the_same_file_given_twice_is_adopted_as_two_images(studio: Studio) -> None:
    """Each listed image settles one of them."""
    studio.faults.add(Fault(FaultKind.DROPPED, endpoint="add_images", committed=True))
    async with studio.client() as client:
        result = said(
            await client.call_tool("add_images", {"images": [new_image(1), new_image(1)]})
        )
    assert outcomes(result) == ["adopted", "adopted"]
    assert len({row["guid"] for row in result["images"]}) == 2


async def test_a_chunk_that_never_left_was_not_attempted(studio: Studio) -> None:
    """No connection is no question: it may simply be called again."""

    async def out_of_reach(sent: Sent) -> None:
        if sent.endpoint == "add_images" and len(studio.wire.to("add_images")) == 2:
            raise httpx.ConnectError("no route")

    studio.wire.on_the_way = out_of_reach
    result = await added(studio, new_images(11))
    assert outcomes(result) == ["created"] * 5 + ["not_attempted"] * 5 + ["created"]
    assert "could not be reached" in result["images"][5]["detail"]
    assert "no route" not in result["images"][5]["detail"]


async def test_three_failures_in_a_row_end_the_call(studio: Studio) -> None:
    """A service that fails is left alone; the rest is not attempted and says so."""
    studio.faults.add(Fault(FaultKind.RATE_LIMITED, endpoint="add_images", after=1, times=3))
    result = await added(studio, new_images(25))
    assert outcomes(result) == ["created"] * 5 + ["failed"] * 15 + ["not_attempted"] * 5
    assert len(studio.wire.to("add_images")) == 4
    assert result["images"][-1]["detail"] == (
        "Not sent: the 3 chunks before it failed. Call again for these."
    )


async def test_failures_that_are_not_in_a_row_do_not_end_the_call(studio: Studio) -> None:
    """One success in between starts the count again."""
    for after in (0, 1, 1):
        studio.faults.add(
            Fault(FaultKind.RATE_LIMITED, endpoint="add_images", after=after, times=1)
        )
    result = await added(studio, new_images(30))
    assert len(studio.wire.to("add_images")) == 6
    assert result["outcomes"]["failed"] == 15


async def test_a_service_that_asks_for_fewer_calls_is_told_of(studio: Studio) -> None:
    """Refused means not carried out; the pause is named."""
    studio.faults.add(Fault(FaultKind.RATE_LIMITED, endpoint="add_images", retry_after=17))
    (row,) = (await added(studio, [new_image(1)]))["images"]
    assert row["outcome"] == "failed"
    assert row["detail"] == (
        "FinerWorks asked for fewer calls at add_images. Wait 17 s, then try again."
    )


async def test_nothing_is_sent_when_the_newest_images_cannot_be_listed_first(
    studio: Studio,
) -> None:
    """Without a baseline nothing could be adopted, so nothing is risked."""
    studio.faults.add(Fault(FaultKind.REJECTED, endpoint="list_images"))
    async with studio.client() as client:
        result = await client.call_tool("add_images", {"images": [new_image(1)]})
    assert result.is_error
    assert studio.wire.writes == []


async def test_images_that_cannot_be_read_back_are_unknown_with_their_guid(
    studio: Studio,
) -> None:
    """The service said yes; that alone is not what the result claims."""
    studio.faults.add(Fault(FaultKind.REJECTED, endpoint="list_images", after=1))
    (row,) = (await added(studio, [new_image(1)]))["images"]
    assert (row["outcome"], row["guid"] in await holdings(studio)) == ("unknown", True)
    assert row["detail"].startswith("It could not be read back: FinerWorks did not carry out")
    assert row["detail"].endswith(LOOK)


async def test_a_lost_chunk_whose_library_cannot_be_listed_is_unknown(studio: Studio) -> None:
    """Two faults in a row are told as two."""
    studio.faults.add(Fault(FaultKind.DROPPED, endpoint="add_images", committed=True))
    studio.faults.add(Fault(FaultKind.REJECTED, endpoint="list_images", after=1))
    (row,) = (await added(studio, [new_image(1)]))["images"]
    assert (row["outcome"], "guid" in row) == ("unknown", False)
    assert row["detail"].startswith("The answer was lost and looking failed: ")


@pytest.mark.parametrize("mode", MODES)
async def test_progress_is_told_after_each_chunk(studio: Studio, mode: Mode) -> None:
    """Promise: large jobs show how far they are."""
    told: list[tuple[float, float | None, str | None]] = []

    async def progress(done: float, total: float | None, message: str | None) -> None:
        told.append((done, total, message))

    async with studio.client(mode=mode) as client:
        await client.call_tool("add_images", {"images": new_images(12)}, progress_callback=progress)
    assert told == [
        (5, 12, "5 of 12 images"),
        (10, 12, "10 of 12 images"),
        (12, 12, "12 of 12 images"),
    ]


async def test_temporary_images_are_added_to_and_read_back_from_their_library(
    studio: Studio,
) -> None:
    """They are not looked for in the inventory."""
    result = await added(studio, new_images(2), library="temporary")
    held = await holdings(studio, "temporary")
    assert [row["guid"] in held for row in result["images"]] == [True, True]
    assert set(outcomes(result)) == {"created"}
