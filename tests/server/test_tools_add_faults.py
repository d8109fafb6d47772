"""`add_images` when something fails: settled by looking, and nothing is ever listed twice."""

import json
from typing import Any

import httpx
import pytest

from fw_mcp.sandbox.faults.plan import Fault, FaultKind
from tests.support.products import covering, first_of
from tests.support.recorder import Sent
from tests.support.studio import HELD, Studio, make_studio, said, text_of
from tests.support.truth import (
    assert_nothing_listed_twice,
    assert_nothing_sent_twice,
    assert_truthful,
    holdings,
    new_image,
    new_images,
    outcomes,
    rows_of,
)

pytestmark = pytest.mark.anyio

MODES = first_of("auto", "legacy")
LOOK = "Do not add it again; search_images shows whether it came."


async def added(studio: Studio, images: object, **arguments: object) -> dict[str, Any]:
    """The truthful result of one call, after which no image is registered twice."""
    async with studio.client() as client:
        result = said(await client.call_tool("add_images", {"images": images, **arguments}))
    await assert_truthful(result, studio)
    await assert_nothing_listed_twice(studio)
    return result


SPOILED = (
    # A fault, whether the work was done all the same, what is true of the chunk then, and how
    # often it was sent: again only after it did not appear, or was certainly not carried out.
    (FaultKind.REJECTED, False, "failed", 1),
    (FaultKind.REJECTED, True, "adopted", 1),
    (FaultKind.SERVER_ERROR, False, "created", 2),
    (FaultKind.SERVER_ERROR, True, "adopted", 1),
    (FaultKind.BAD_GATEWAY, True, "adopted", 1),
    (FaultKind.DROPPED, False, "unknown", 1),
    (FaultKind.DROPPED, True, "adopted", 1),
    (FaultKind.TRUNCATED, True, "adopted", 1),
    (FaultKind.WRONG_TYPES, True, "adopted", 1),
    (FaultKind.RATE_LIMITED, False, "created", 2),
)


@pytest.mark.parametrize(
    ("spoiled", "chunk"), covering({f"{one[0]}-{one[1]}": one for one in SPOILED}, [0, 1, 2])
)
async def test_a_spoiled_chunk_is_settled_by_looking_and_the_others_go_on(
    spoiled: tuple[FaultKind, bool, str, int], chunk: int
) -> None:
    """Promise: nothing is added twice, and what was added behind a lost answer is found."""
    kind, committed, outcome, times = spoiled
    studio = make_studio()
    studio.faults.add(Fault(kind, endpoint="add_images", after=chunk, committed=committed))
    result = await added(studio, new_images(12))
    sizes = (5, 5, 2)
    expected = [
        outcome if number == chunk else "created"
        for number, size in enumerate(sizes)
        for _ in range(size)
    ]
    assert outcomes(result) == expected
    sent = [len(body["images"]) for body in studio.wire.to("add_images")]
    assert sent == [
        size for number, size in enumerate(sizes) for _ in range(times if number == chunk else 1)
    ]
    adopted = [row["guid"] for row in result["images"] if row["outcome"] == "adopted"]
    assert len(set(adopted)) == (sizes[chunk] if outcome == "adopted" else 0)
    is_left = outcome in {"failed", "unknown"}
    assert result["status"] == ("incomplete" if is_left else "completed")
    whole = 12 - (sizes[chunk] if is_left else 0)
    assert len(await holdings(studio)) == HELD + whole


async def test_what_was_lost_is_sent_again_only_after_it_was_looked_for_in_growing_waits(
    studio: Studio,
) -> None:
    """Seven and a half seconds: the service may list an image late."""
    began = studio.clock()
    studio.faults.add(Fault(FaultKind.SERVER_ERROR, endpoint="add_images"))
    result = await added(studio, [new_image(1)])
    on_the_way = [sent.endpoint for sent in studio.wire.sent]
    first, second = (at for at, name in enumerate(on_the_way) if name == "add_images")
    assert on_the_way[first + 1 : second] == ["list_images"] * 5
    assert (outcomes(result), studio.clock() - began) == (["created"], 7.5)


async def test_only_what_did_not_appear_of_a_lost_chunk_is_sent_again(studio: Studio) -> None:
    """Two of five were stored: they are adopted, and three go again."""
    studio.faults.add(
        Fault(FaultKind.SERVER_ERROR, endpoint="add_images", committed=True, commit_first=2)
    )
    result = await added(studio, new_images(5))
    assert outcomes(result) == ["adopted"] * 2 + ["created"] * 3
    again = studio.wire.to("add_images")[1]["images"]
    assert [one["file_name"] for one in again] == [one["file_name"] for one in new_images(5)[2:]]
    assert len(await holdings(studio)) == HELD + 5


async def test_an_image_that_is_listed_late_is_waited_for_and_not_sent_again(
    studio: Studio,
) -> None:
    """The fourth look finds it."""
    studio.faults.add(Fault(FaultKind.DROPPED, endpoint="add_images", committed=True))
    studio.faults.add(Fault(FaultKind.LISTED_LATE, endpoint="add_images", lists=3))
    result = await added(studio, [new_image(1)])
    assert_nothing_sent_twice(studio)
    assert outcomes(result) == ["adopted"]


async def test_a_chunk_the_service_refused_is_told_in_its_words(studio: Studio) -> None:
    """An answer came: it was not lost. Nothing appeared, so the images may be added again."""
    studio.faults.add(Fault(FaultKind.REJECTED, endpoint="add_images"))
    (row,) = (await added(studio, [new_image(1)]))["images"]
    assert row["outcome"] == "failed"
    assert row["detail"].startswith(
        'FinerWorks rejected add_images: "The request could not be completed."'
    )


async def test_an_adopted_image_is_told_as_such(studio: Studio) -> None:
    """The row has its guid, and says why it is no plain success."""
    studio.faults.add(Fault(FaultKind.DROPPED, endpoint="add_images", committed=True))
    (row,) = (await added(studio, [new_image(1)]))["images"]
    assert (await holdings(studio))[row["guid"]].file_name == "NEW_001.jpg"
    assert row["detail"] == "The answer was lost; FinerWorks lists the image."


async def test_a_lost_chunk_that_is_not_listed_says_how_to_find_out(studio: Studio) -> None:
    """Sent once, never seen: unknown is told with the way to know, and until when it may come."""
    studio.faults.add(Fault(FaultKind.DROPPED, endpoint="add_images", times=99))
    (row,) = (await added(studio, [new_image(1)]))["images"]
    assert len(studio.wire.to("add_images")) == 1
    assert row == {
        "file_name": "NEW_001.jpg",
        "title": "New work 1",
        "outcome": "unknown",
        "detail": f"The answer was lost, and it may still be carried out for 53 s. {LOOK}",
        "retry_after_s": 53,
    }


async def test_an_image_that_was_there_before_is_not_adopted(studio: Studio) -> None:
    """The same file registered last week is another image."""
    first = await added(studio, [new_image(1)])
    studio.faults.add(Fault(FaultKind.DROPPED, endpoint="add_images", times=99))
    again = {"images": [new_image(1)], "allow_duplicate": True}
    async with studio.client() as client:
        result = said(await client.call_tool("add_images", again))
    assert outcomes(result) == ["unknown"]
    assert "guid" not in result["images"][0]
    assert first["images"][0]["guid"] in await holdings(studio)


async def test_the_same_file_given_twice_is_refused_and_nothing_is_sent(studio: Studio) -> None:
    """More often a slip than a wish; the way to mean it is named."""
    images = [new_image(2), new_image(1), new_image(1)]
    async with studio.client() as client:
        result = await client.call_tool("add_images", {"images": images})
    assert result.is_error
    assert "images[2] is the same file as images[1]" in text_of(result)
    assert "set allow_duplicate to register it twice" in text_of(result)
    assert studio.wire.sent == []


async def test_the_same_file_given_twice_is_adopted_as_two_images(studio: Studio) -> None:
    """Where that is meant, each listed image settles one of them."""
    studio.faults.add(Fault(FaultKind.DROPPED, endpoint="add_images", committed=True))
    twice = {"images": [new_image(1), new_image(1)], "allow_duplicate": True}
    async with studio.client() as client:
        result = said(await client.call_tool("add_images", twice))
    assert outcomes(result) == ["adopted", "adopted"]
    assert len({row["guid"] for row in result["images"]}) == 2
    assert len(await holdings(studio)) == HELD + 2


async def test_a_chunk_that_never_left_was_not_attempted(studio: Studio) -> None:
    """No connection is no question: it may simply be called again."""

    async def out_of_reach(sent: Sent) -> None:
        if sent.endpoint == "add_images" and "NEW_006.jpg" in json.dumps(sent.body):
            raise httpx.ConnectError("no route")

    studio.wire.on_the_way = out_of_reach
    result = await added(studio, new_images(11))
    assert outcomes(result) == ["created"] * 5 + ["not_attempted"] * 5 + ["created"]
    assert len(studio.wire.to("add_images")) == 1 + 3 + 1
    assert "could not be reached" in rows_of(result)[5]["detail"]
    assert "no route" not in rows_of(result)[5]["detail"]


async def test_three_failures_in_a_row_end_the_call(studio: Studio) -> None:
    """A service that fails is left alone; the rest is not attempted and says so."""
    studio.faults.add(Fault(FaultKind.REJECTED, endpoint="add_images", after=1, times=3))
    result = await added(studio, new_images(25))
    assert outcomes(result) == ["created"] * 5 + ["failed"] * 15 + ["not_attempted"] * 5
    assert len(studio.wire.to("add_images")) == 4
    assert result["images"][-1]["detail"] == "Not sent: the previous 3 chunks failed."
    assert result["continue_handle"] == result["change_id"]


async def test_failures_that_are_not_in_a_row_do_not_end_the_call(studio: Studio) -> None:
    """One success in between starts the count again."""
    for after in (0, 1, 1):
        studio.faults.add(Fault(FaultKind.REJECTED, endpoint="add_images", after=after, times=1))
    result = await added(studio, new_images(30))
    assert len(studio.wire.to("add_images")) == 6
    assert result["outcomes"]["failed"] == 15


async def test_a_service_that_asks_for_fewer_calls_is_told_of(studio: Studio) -> None:
    """Refused means not carried out; the pause is named."""
    studio.faults.add(Fault(FaultKind.RATE_LIMITED, endpoint="add_images", retry_after=17, times=3))
    (row,) = (await added(studio, [new_image(1)]))["images"]
    assert row["outcome"] == "not_attempted"
    assert row["detail"] == ("FinerWorks rate-limited add_images. Wait 17 s, then try again.")


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
    """FinerWorks reported success; that alone is not what the result claims."""
    studio.faults.add(Fault(FaultKind.REJECTED, endpoint="list_images", after=1))
    (row,) = (await added(studio, [new_image(1)]))["images"]
    assert (row["outcome"], row["guid"] in await holdings(studio)) == ("unknown", True)
    assert row["detail"].startswith("It could not be read back: FinerWorks rejected")
    assert row["detail"].endswith(LOOK)


async def test_a_lost_chunk_whose_library_cannot_be_listed_is_unknown(studio: Studio) -> None:
    """Two faults in a row are told as two; nothing is sent again unseen."""
    studio.faults.add(Fault(FaultKind.DROPPED, endpoint="add_images", committed=True))

    async def unreadable(sent: Sent) -> httpx.Response | None:
        unlisted = sent.endpoint == "list_images" and studio.wire.writes
        return httpx.Response(400, json={"Message": "No."}) if unlisted else None

    studio.wire.on_the_way = unreadable
    (row,) = (await added(studio, [new_image(1)]))["images"]
    assert (row["outcome"], "guid" in row) == ("unknown", False)
    assert row["detail"].startswith(
        "The answer was lost, and it may still be carried out for 60 s. Looking for it failed: "
    )
    assert_nothing_sent_twice(studio)


async def test_a_lost_chunk_that_could_not_be_looked_for_at_once_is_found_at_the_end(
    studio: Studio,
) -> None:
    """One more look, when all is sent."""
    studio.faults.add(Fault(FaultKind.DROPPED, endpoint="add_images", committed=True))
    studio.faults.add(Fault(FaultKind.REJECTED, endpoint="list_images", after=1))
    result = await added(studio, new_images(7))
    assert outcomes(result) == ["adopted"] * 5 + ["created"] * 2
    assert_nothing_sent_twice(studio)
