"""`update_image_metadata`: title and description together, read back, with what went."""

from collections.abc import Mapping, Sequence
from typing import Any

import httpx
import pytest

from fw_mcp.api.models import ImageDetails, ImageToUpdate, UpdateImagesRequest
from fw_mcp.sandbox.endpoints import Switches
from fw_mcp.sandbox.faults.plan import Fault, FaultKind
from tests.support.products import first_of
from tests.support.recorder import Sent
from tests.support.studio import NO, Mode, Studio, make_studio, said, text_of
from tests.support.truth import (
    assert_truthful,
    everything,
    holdings,
    outcomes,
    product_told,
    sold,
    unsold,
)
from tests.writes.runs import changes

pytestmark = pytest.mark.anyio

GUID = "3f2b8c1e-0d4a-4e5f-8a6b-7c9d0e1f2a3b"
MODES = first_of("auto", "legacy")
TOOL = "update_image_metadata"


async def updated(
    studio: Studio, images: Sequence[Mapping[str, object]], **arguments: object
) -> dict[str, Any]:
    """The truthful result of one call, with somebody there who says yes."""
    async with studio.client(person=studio.person()) as client:
        result = said(await client.call_tool(TOOL, {"images": images, **arguments}))
    await assert_truthful(result, studio)
    return result


def retitled(images: Sequence[ImageDetails]) -> list[dict[str, object]]:
    """A new title for each, and nothing else."""
    return [{"guid": image.guid, "title": f"Title {n}"} for n, image in enumerate(images)]


@pytest.mark.parametrize("mode", MODES)
async def test_a_retitled_image_is_told_as_it_was_read_back(studio: Studio, mode: Mode) -> None:
    """The whole result, in structure and in text: what it was and what it is."""
    (image,) = await unsold(studio, 1)
    arguments = {"images": [{"guid": image.guid, "title": "Morning fog"}]}
    async with studio.client(mode=mode) as client:
        result = await client.call_tool(TOOL, arguments)
    await assert_truthful(said(result), studio)
    (change,) = await changes(studio)
    assert said(result) == {
        "status": "completed",
        "message": "Read back from FinerWorks: 1 updated.",
        "change_id": change.change_id,
        "outcomes": {"updated": 1},
        "images": [
            {
                "guid": image.guid,
                "file_name": image.file_name,
                "outcome": "updated",
                "title_change": {"before": image.title, "after": "Morning fog"},
            }
        ],
    }
    assert text_of(result) == (
        "completed: Read back from FinerWorks: 1 updated.\n"
        f"change_id {change.change_id}\n"
        f'updated: {image.guid} | "{image.file_name}"'
        f' | title "{image.title}" → "Morning fog"'
    )


@pytest.mark.parametrize("blanking", [False, True])
@pytest.mark.parametrize("field", ["title", "description"])
async def test_title_and_description_always_go_together(blanking: bool, field: str) -> None:
    """The one that is left out is sent as it stands: the service might blank it."""
    studio = make_studio(switches=Switches(omitted_text_is_blanked=blanking))
    image = next(one for one in await unsold(studio, 20) if one.title and one.description)
    result = await updated(studio, [{"guid": image.guid, field: "New words"}])
    text = {"title": image.title, "description": image.description, field: "New words"}
    assert studio.wire.to("update_images") == [
        {"images": [{"guid": image.guid, **text}], "account_key": None}
    ]
    after = (await holdings(studio))[image.guid]
    assert {"title": after.title, "description": after.description} == text
    changed = {name for name in result["images"][0] if name.endswith("_change")}
    assert changed == {f"{field}_change"}


async def test_an_image_of_old_with_an_over_long_description_can_be_retitled(
    studio: Studio,
) -> None:
    """Its description goes back as it stands; no length is documented for an update."""
    held = (await holdings(studio)).values()
    image = next(one for one in held if not one.products and len(one.description or "") > 300)
    result = await updated(studio, [{"guid": image.guid, "title": "Shorter title"}])
    assert outcomes(result) == ["updated"]
    assert (await holdings(studio))[image.guid].description == image.description


async def test_an_image_that_already_has_the_text_is_not_sent(studio: Studio) -> None:
    """An update that changes nothing would still cost its products."""
    (image,) = await sold(studio, 1)
    result = await updated(studio, [{"guid": image.guid, "title": image.title}])
    assert studio.wire.writes == []
    assert outcomes(result) == ["skipped"]
    assert result["images"][0]["detail"] == "It already has this text."
    assert (await holdings(studio))[image.guid].products == image.products


async def test_only_what_changes_is_sent_and_every_image_has_its_row(studio: Studio) -> None:
    """In the order of the call."""
    first, same, last = [image for image in await unsold(studio, 20) if image.title][:3]
    images: list[dict[str, object]] = [
        {"guid": last.guid, "title": "Last"},
        {"guid": same.guid, "title": same.title},
        {"guid": GUID, "title": "Nobody"},
        {"guid": first.guid, "title": "First"},
    ]
    result = await updated(studio, images)
    (body,) = studio.wire.to("update_images")
    assert [one["guid"] for one in body["images"]] == [last.guid, first.guid]
    assert [row["guid"] for row in result["images"]] == [image["guid"] for image in images]
    assert outcomes(result) == ["updated", "skipped", "not_found", "updated"]


async def test_a_guid_that_names_no_image_is_not_found_and_nothing_is_sent(
    studio: Studio,
) -> None:
    """The service would have said yes to it."""
    result = await updated(studio, [{"guid": GUID, "title": "Nobody"}])
    assert (outcomes(result), studio.wire.writes) == (["not_found"], [])
    assert result["status"] == "completed"


@pytest.mark.parametrize("mode", MODES)
async def test_products_that_went_are_told_as_read_back(studio: Studio, mode: Mode) -> None:
    """Promise: what an update cost is said, by SKU and shop, in structure and in text."""
    image = next(one for one in await sold(studio, 80) if any(p.shops for p in one.products or ()))
    arguments = {"images": [{"guid": image.guid, "title": "Sold no more"}]}
    async with studio.client(mode=mode, person=studio.person()) as client:
        result = await client.call_tool(TOOL, arguments)
    await assert_truthful(said(result), studio)
    removed = said(result)["images"][0]["products_removed"]
    assert removed == [product_told(one, image) for one in image.products or ()]
    assert [one["sku"] for one in removed if one["sku"] not in text_of(result)] == []
    assert "products removed: " in text_of(result)


async def test_products_that_stayed_are_not_said_to_have_gone() -> None:
    """Documented is that they go; told is what was read back."""
    studio = make_studio(switches=Switches(update_keeps_products=True))
    (image,) = await sold(studio, 1)
    result = await updated(studio, [{"guid": image.guid, "title": "Still sold"}])
    assert outcomes(result) == ["updated"]
    assert "products_removed" not in result["images"][0]
    assert (await holdings(studio))[image.guid].products == image.products


@pytest.mark.parametrize("mode", MODES)
async def test_a_dry_run_shows_the_diff_and_the_products_and_sends_nothing(
    studio: Studio, mode: Mode
) -> None:
    """The same rows as afterwards, as they would be."""
    (image,) = await sold(studio, 1)
    arguments = {
        "images": [{"guid": image.guid, "title": "Maybe"}, {"guid": GUID, "title": "Nobody"}],
        "dry_run": True,
    }
    async with studio.client(mode=mode) as client:
        result = await client.call_tool(TOOL, arguments)
    row, nobody = said(result)["images"]
    assert studio.wire.writes == []
    assert said(result)["status"] == "dry_run"
    assert said(result)["message"].startswith("Nothing was sent. 1 image would be updated; ")
    assert (row["outcome"], nobody["outcome"]) == ("would_update", "not_found")
    assert row["title_change"] == {"before": image.title or "", "after": "Maybe"}
    skus = [product["sku"] for product in row["products_at_risk"]]
    assert skus == [product.sku for product in image.products or ()]
    assert [sku for sku in skus if sku not in text_of(result)] == []


@pytest.mark.parametrize("mode", MODES)
async def test_a_declined_update_changes_nothing_and_says_so(studio: Studio, mode: Mode) -> None:
    """The rows say what would have changed."""
    (image,) = await sold(studio, 1)
    before = await everything(studio)
    async with studio.client(mode=mode, person=studio.person(NO)) as client:
        result = said(
            await client.call_tool(TOOL, {"images": [{"guid": image.guid, "title": "No"}]})
        )
    await assert_truthful(result, studio)
    assert (result["status"], outcomes(result)) == ("declined", ["not_attempted"])
    assert (studio.wire.writes, await everything(studio)) == ([], before)


async def test_temporary_images_are_found_and_rewritten_too(studio: Studio) -> None:
    """The service updates by guid, whichever library the image is in."""
    image = next(iter((await holdings(studio, "temporary")).values()))
    (stays,) = await unsold(studio, 1)
    result = await updated(studio, retitled([image, stays]))
    assert outcomes(result) == ["updated", "updated"]
    assert (await holdings(studio, "temporary"))[image.guid].title == "Title 0"


@pytest.mark.large_library
@pytest.mark.parametrize("mode", MODES)
async def test_120_images_go_in_three_chunks_with_progress(studio: Studio, mode: Mode) -> None:
    """Promise: a large job in one call, at most 50 in a request."""
    told: list[tuple[float, float | None, str | None]] = []

    async def tell(progress: float, total: float | None = None, message: str | None = None) -> None:
        told.append((progress, total, message))

    images = await unsold(studio, 120)
    async with studio.client(mode=mode) as client:
        result = said(
            await client.call_tool(TOOL, {"images": retitled(images)}, progress_callback=tell)
        )
    await assert_truthful(result, studio)
    assert outcomes(result) == ["updated"] * 120
    assert result["guids"] == [image.guid for image in images]
    assert result["images"] == []
    held = await everything(studio)
    assert [held[image.guid].title for image in images] == [f"Title {n}" for n in range(120)]
    assert [len(body["images"]) for body in studio.wire.to("update_images")] == [50, 50, 20]
    assert [done for done, _, _ in told] == [50, 100, 120]
    assert told[-1] == (120, 120, "120 of 120 images")


SPOILED = [
    # A fault, whether the work was done all the same, what is true of the chunk then, and how
    # often it was sent: again only while the images still are as they were.
    (FaultKind.REJECTED, False, "failed", 1),
    (FaultKind.REJECTED, True, "updated", 1),
    (FaultKind.SERVER_ERROR, False, "updated", 2),
    (FaultKind.SERVER_ERROR, True, "updated", 1),
    (FaultKind.DROPPED, False, "unknown", 1),
    (FaultKind.DROPPED, True, "updated", 1),
    (FaultKind.TRUNCATED, True, "updated", 1),
    (FaultKind.RATE_LIMITED, False, "updated", 2),
]


@pytest.mark.parametrize(("kind", "committed", "outcome", "times"), SPOILED)
async def test_a_spoiled_update_is_settled_by_reading_back(
    studio: Studio, kind: FaultKind, committed: bool, outcome: str, times: int
) -> None:
    """Promise: the outcome is what the service holds, whatever became of the answer."""
    images = await unsold(studio, 2)
    studio.faults.add(Fault(kind, endpoint="update_images", committed=committed))
    result = await updated(studio, retitled(images))
    assert outcomes(result) == [outcome] * 2
    assert len(studio.wire.to("update_images")) == times
    assert all("detail" in row for row in result["images"] if outcome != "updated")


@pytest.mark.parametrize(
    ("kind", "outcome", "times", "told"),
    [
        (FaultKind.RATE_LIMITED, "not_attempted", 2, "rate-limited update_images"),
        (FaultKind.SERVER_ERROR, "failed", 2, "answered update_images with HTTP 500"),
        (FaultKind.DROPPED, "unknown", 1, "it may still be carried out for 53 s"),
    ],
)
async def test_an_update_that_fails_each_time_is_given_up(
    studio: Studio, kind: FaultKind, outcome: str, times: int, told: str
) -> None:
    """The images hold what they held, products and all."""
    images = await sold(studio, 2)
    studio.faults.add(Fault(kind, endpoint="update_images", times=99))
    result = await updated(studio, retitled(images))
    assert outcomes(result) == [outcome] * 2
    assert len(studio.wire.to("update_images")) == times
    assert all(told in row["detail"] for row in result["images"])
    held = await holdings(studio)
    assert [held[image.guid] for image in images] == images


@pytest.mark.large_library
@pytest.mark.parametrize("chunk", [0, 1, 2])
async def test_the_chunks_around_a_failed_one_are_updated(studio: Studio, chunk: int) -> None:
    """First, middle or last: each chunk has its own truth."""
    images = await unsold(studio, 120)
    studio.faults.add(Fault(FaultKind.REJECTED, endpoint="update_images", after=chunk))
    result = await updated(studio, retitled(images))
    expected = ["updated"] * 120
    start = chunk * 50
    expected[start : start + 50] = ["failed"] * len(expected[start : start + 50])
    assert outcomes(result) == expected


async def test_an_unknown_update_says_how_to_find_out(studio: Studio) -> None:
    """The old text is still there; whether the new one comes is not known."""
    (image,) = await unsold(studio, 1)
    studio.faults.add(Fault(FaultKind.DROPPED, endpoint="update_images", times=3))
    (row,) = (await updated(studio, retitled([image])))["images"]
    assert row["detail"] == (
        "The answer was lost, and it may still be carried out for 53 s. search_images shows it."
    )


async def test_an_update_that_cannot_be_read_back_is_unknown(studio: Studio) -> None:
    """FinerWorks reported success; that alone is not what the result claims."""
    (image,) = await unsold(studio, 1)
    studio.faults.add(Fault(FaultKind.REJECTED, endpoint="list_images", after=1))
    (row,) = (await updated(studio, retitled([image])))["images"]
    assert row["outcome"] == "unknown"
    assert row["detail"].startswith("It could not be read back: FinerWorks rejected")
    assert row["detail"].endswith("search_images shows it.")


async def test_an_update_that_never_left_was_not_attempted(studio: Studio) -> None:
    """It may simply be called again."""

    async def out_of_reach(sent: Sent) -> None:
        if sent.endpoint == "update_images":
            raise httpx.ConnectError("no route")

    (image,) = await unsold(studio, 1)
    studio.wire.on_the_way = out_of_reach
    (row,) = (await updated(studio, retitled([image])))["images"]
    assert row["outcome"] == "not_attempted"
    assert "could not be reached" in row["detail"]


@pytest.mark.large_library
async def test_three_failed_chunks_in_a_row_end_the_call(studio: Studio) -> None:
    """The images after them are not attempted, with their guids, to be called again."""
    images = (await unsold(studio, 140)) + list((await holdings(studio, "temporary")).values())
    studio.faults.add(Fault(FaultKind.REJECTED, endpoint="update_images", times=3))
    result = await updated(studio, retitled(images))
    assert result["outcomes"] == {"failed": 150, "not_attempted": len(images) - 150}
    assert len(studio.wire.to("update_images")) == 3
    assert {row["outcome"] for row in result["images"]} == {"failed"}
    assert result["not_listed"] == len(images) - len(result["images"])
    assert f"search_images with change_id {result['change_id']}" in result["message"]


async def test_nothing_is_sent_when_the_images_cannot_be_read_first(studio: Studio) -> None:
    """Without the current text none could be kept."""
    (image,) = await unsold(studio, 1)
    studio.faults.add(Fault(FaultKind.REJECTED, endpoint="list_images"))
    async with studio.client() as client:
        result = await client.call_tool(TOOL, {"images": retitled([image])})
    assert (result.is_error, studio.wire.writes) == (True, [])


async def test_a_description_is_emptied_when_that_is_said_in_so_many_words(studio: Studio) -> None:
    """Promise: `clear` empties it, and the title stays; the API takes an empty text as that."""
    held = await holdings(studio)
    image = next(one for one in held.values() if one.description and one.title and not one.hung)
    async with studio.client() as client:
        call = {"images": [{"guid": image.guid, "clear": ["description"]}]}
        result = said(await client.call_tool("update_image_metadata", call))
    assert result["outcomes"] == {"updated": 1}
    now = (await holdings(studio))[image.guid]
    assert (now.title, now.description or "") == (image.title, "")


async def test_a_description_is_not_given_and_cleared_at_once(studio: Studio) -> None:
    """One of the two was a slip."""
    guid = next(iter(await holdings(studio)))
    async with studio.client() as client:
        call = {"images": [{"guid": guid, "clear": ["description"], "description": "Fog"}]}
        result = await client.call_tool("update_image_metadata", call)
    assert result.is_error
    assert "not both" in text_of(result)
    assert studio.wire.sent == []


@pytest.mark.parametrize("blank", first_of(" ", "\u200b", "\u3000\n", "\u2800"))
@pytest.mark.parametrize("field", ["title", "description"])
async def test_white_space_alone_is_not_stored_by_surprise(
    studio: Studio, field: str, blank: str
) -> None:
    """It may be meant to clear a text or to keep it: nothing is sent, and the ways are named."""
    one, two = await unsold(studio, 2)
    texts = [{"guid": one.guid, "title": "New"}, {"guid": two.guid, field: blank}]
    async with studio.client() as client:
        refused = await client.call_tool(TOOL, {"images": texts})
    assert refused.is_error
    assert f"white space alone is given as images[1].{field}." in text_of(refused)
    assert 'To empty a description use clear: ["description"]' in text_of(refused)
    assert studio.wire.writes == []


async def test_white_space_that_is_stored_already_stays_as_it_is(studio: Studio) -> None:
    """What a listing shows may be sent back unchanged."""
    (image,) = await unsold(studio, 1)
    await studio.api.update_images(
        UpdateImagesRequest(images=[ImageToUpdate(guid=image.guid, title=" ", description="x")])
    )
    texts = [{"guid": image.guid, "title": " ", "description": "New words."}]
    async with studio.client() as client:
        result = said(await client.call_tool(TOOL, {"images": texts}))
    assert outcomes(result) == ["updated"]
    assert (await holdings(studio))[image.guid].title == " "
