"""`add_images`: in chunks of five, never twice, and each outcome as the service lists it."""

from typing import Any

import anyio
import pytest

from fw_mcp.pictures.fetch.fetcher import Fetcher
from fw_mcp.sandbox.endpoints import Switches
from fw_mcp.sandbox.faults.plan import Fault, FaultKind
from tests.support.products import first_of
from tests.support.recorder import Sent
from tests.support.studio import HELD, Mode, Studio, make_studio, said, text_of
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
from tests.writes.runs import changes, items

pytestmark = pytest.mark.anyio

MODES = first_of("auto", "legacy")
LOOK = "search_images sorted by id shows the newest; check before adding it again."


async def added(studio: Studio, images: object, **arguments: object) -> dict[str, Any]:
    """The truthful result of one call, after which no image is registered twice."""
    async with studio.client() as client:
        result = said(await client.call_tool("add_images", {"images": images, **arguments}))
    await assert_truthful(result, studio)
    assert_nothing_sent_twice(studio)
    await assert_nothing_listed_twice(studio)
    return result


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
    masters = [held[row["guid"]].private_hires_uri for row in rows_of(result)]
    assert masters == [image["private_hires_uri"] for image in new_images(count)]


async def test_a_registered_image_is_told_as_it_was_read_back(studio: Studio) -> None:
    """The whole result, in structure and in text."""
    async with studio.client() as client:
        result = await client.call_tool("add_images", {"images": [new_image(1)]})
    (guid,) = set(await holdings(studio)) & {said(result)["images"][0]["guid"]}
    (change,) = await changes(studio)
    assert said(result) == {
        "status": "completed",
        "message": "Read back from FinerWorks: 1 created.",
        "change_id": change.change_id,
        "outcomes": {"created": 1},
        "images": [
            {
                "guid": guid,
                "file_name": "NEW_001.jpg",
                "title": "New work 1",
                "outcome": "created",
            }
        ],
    }
    assert text_of(result) == (
        "completed: Read back from FinerWorks: 1 created.\n"
        f"change_id {change.change_id}\n"
        f'created: {guid} | "NEW_001.jpg" | "New work 1"'
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
    assert {one.endpoint for one in studio.wire.sent} == {"list_images"}
    assert said(result)["status"] == "dry_run"
    assert said(result)["message"] == "Nothing was sent. 7 images would be registered."
    assert said(result)["outcomes"] == {"would_add": 7}
    assert [row["file_name"] for row in said(result)["images"]] == [
        image["file_name"] for image in new_images(7)
    ]


async def test_one_faulty_image_keeps_all_others_back(studio: Studio) -> None:
    """The call is corrected first: nothing of it is sent."""
    images = [*new_images(6), new_image(7, description="x" * 342)]
    async with studio.client() as client:
        result = await client.call_tool("add_images", {"images": images})
    assert result.is_error
    assert "images[6].description: at most 300 characters (got 342)" in text_of(result)
    assert studio.wire.sent == []


@pytest.mark.parametrize("mode", MODES)
async def test_progress_is_told_after_each_chunk(studio: Studio, mode: Mode) -> None:
    """Promise: large jobs show how far they are."""
    told: list[tuple[float, float | None, str | None]] = []

    async def tell(progress: float, total: float | None = None, message: str | None = None) -> None:
        told.append((progress, total, message))

    async with studio.client(mode=mode) as client:
        await client.call_tool("add_images", {"images": new_images(12)}, progress_callback=tell)
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


@pytest.mark.parametrize("mode", MODES)
async def test_a_call_that_the_host_cancels_finishes_its_chunk_and_sends_no_other(
    studio: Studio, mode: Mode
) -> None:
    """A write in flight is never left half known."""
    arrived, go_on, left = anyio.Event(), anyio.Event(), anyio.CancelScope()

    async def wait(sent: Sent) -> None:
        if sent.endpoint == "add_images":
            arrived.set()
            await go_on.wait()

    async def call() -> None:
        with left:
            await client.call_tool("add_images", {"images": new_images(12)})

    studio.wire.on_the_way = wait
    async with studio.client(mode=mode) as client, anyio.create_task_group() as group:
        group.start_soon(call)
        await arrived.wait()
        left.cancel()
        await anyio.wait_all_tasks_blocked()
        go_on.set()
    assert len(studio.wire.to("add_images")) == 1
    assert len(await holdings(studio)) == HELD + 5
    assert await studio.journal.unsettled() == []
    kept = [item.outcome for item in await items(studio)]
    assert kept == ["created"] * 5 + ["not_attempted"] * 7


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/a.jpg",
        "http://localhost:8000/a.jpg",
        "https://10.0.0.7/a.jpg",
        "https://192.168.1.20/a.jpg",
        "http://[::1]/a.jpg",
        "https://169.254.169.254/a.jpg",
        "http://127.1/a.jpg",
        "http://nas/a.jpg",
        "http://nas.local/a.jpg",
        "https:///a.jpg",
        "https://files.example/my picture.jpg",
    ],
)
async def test_a_url_that_no_stranger_can_reach_is_refused_before_anything_is_sent(
    studio: Studio, url: str
) -> None:
    """Promise: FinerWorks would register what it can never fetch."""
    images = [new_image(1), new_image(2, private_hires_uri=url)]
    for more in ({}, {"dry_run": True}):
        async with studio.client() as client:
            result = await client.call_tool("add_images", {"images": images, **more})
        assert result.is_error
        assert "FinerWorks cannot reach images[1].private_hires_uri" in text_of(result)
    assert studio.wire.sent == []


async def test_plain_http_any_port_and_the_sandbox_s_own_pictures_are_taken(studio: Studio) -> None:
    """FinerWorks fetches them, not this server; the sandbox's own origin is the operator's."""
    for url in ("http://files.example:8080/a.jpg", "https://93.184.216.34/a.jpg#top"):
        result = await added(studio, [new_image(1, private_hires_uri=url)])
        assert result["outcomes"] == {"created": 1}
    own = make_studio(fetcher=Fetcher(loopback=["http://127.0.0.1:8321"]))
    image = new_image(1, private_hires_uri="http://127.0.0.1:8321/a.jpg")
    assert (await added(own, [image]))["outcomes"] == {"created": 1}


async def test_a_dry_run_names_what_is_in_the_library_already(studio: Studio) -> None:
    """Promise: by its URL, or by its name, size and pixels; FinerWorks itself takes it twice."""
    first = await added(studio, [new_image(1), new_image(2)])
    by_url, moved = (row["guid"] for row in first["images"])
    again = [
        new_image(1, file_name="renamed.jpg"),
        new_image(2, private_hires_uri="https://elsewhere.example/b.jpg"),
        new_image(2, private_hires_uri="https://elsewhere.example/c.jpg", pix_w=17),
        new_image(3),
    ]
    studio.wire.sent.clear()
    async with studio.client() as client:
        told = said(await client.call_tool("add_images", {"images": again, "dry_run": True}))
    assert [row.get("detail") for row in told["images"]] == [
        f"Already there as {by_url}: add it only on purpose.",
        f"Already there as {moved}: add it only on purpose.",
        None,
        None,
    ]
    assert "In the library already: 2 images." in told["message"]
    assert {one.endpoint for one in studio.wire.sent} == {"list_images"}


async def test_a_dry_run_says_when_it_could_not_look(studio: Studio) -> None:
    """Not knowing is not the same as not there."""
    studio.faults.add(Fault(FaultKind.SERVER_ERROR, endpoint="list_images", times=9))
    async with studio.client() as client:
        call = {"images": new_images(1), "dry_run": True}
        told = said(await client.call_tool("add_images", call))
    assert "already could not be read" in told["message"]
    assert told["outcomes"] == {"would_add": 1}


async def test_white_space_alone_names_and_describes_no_new_image(studio: Studio) -> None:
    """A blank text can only mean none: the file's name is the title then."""
    texts = {"title": " \n", "description": "\u200b"}
    (row,) = (await added(studio, [new_image(1, **texts)]))["images"]
    stored = (await holdings(studio))[row["guid"]]
    assert (stored.title, stored.description or "") == (stored.file_name, "")
