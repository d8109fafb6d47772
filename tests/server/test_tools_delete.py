"""`delete_images`: only what was read, once, and each outcome as listed afterwards."""

from collections.abc import Sequence
from typing import Any

import httpx
import pytest

from fw_mcp.api.models import ImageDetails, ImageToUpdate, UpdateImagesRequest
from fw_mcp.guard.guard import Limits
from fw_mcp.guard.question import products_summary
from fw_mcp.sandbox.endpoints import Switches
from fw_mcp.sandbox.faults.plan import Fault, FaultKind
from fw_mcp.sandbox.seed import INVENTORY_PER_SERIES
from fw_mcp.writes.operation import target_of
from tests.support.products import first_of
from tests.support.recorder import Sent
from tests.support.studio import HELD, NO, Mode, Studio, make_studio, said, text_of
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
ROOMY = Limits(items_per_call=500, deletions_per_hour=500)


async def deleted(studio: Studio, guids: Sequence[str], **arguments: object) -> dict[str, Any]:
    """The truthful result of one call, with somebody there who says yes."""
    async with studio.client(person=studio.person()) as client:
        result = said(await client.call_tool("delete_images", {"guids": guids, **arguments}))
    await assert_truthful(result, studio)
    return result


def guids_of(images: Sequence[ImageDetails]) -> list[str]:
    """Their guids."""
    return [image.guid for image in images]


@pytest.mark.parametrize("mode", MODES)
async def test_a_deleted_image_is_told_with_the_products_that_went(
    studio: Studio, mode: Mode
) -> None:
    """The whole result, in structure and in text."""
    (image,) = await sold(studio, 1)
    async with studio.client(mode=mode, person=studio.person()) as client:
        result = await client.call_tool("delete_images", {"guids": [image.guid]})
    await assert_truthful(said(result), studio)
    removed = [product_told(one, image) for one in image.products or ()]
    (change,) = await changes(studio)
    products = products_summary(target_of(image).products)
    assert said(result) == {
        "status": "completed",
        "message": "Read back from FinerWorks: 1 deleted.",
        "change_id": change.change_id,
        "outcomes": {"deleted": 1},
        "asked": f"asked in the client's dialog: delete 1 image, {products}; answered yes",
        "images": [
            {
                "guid": image.guid,
                "file_name": image.file_name,
                "title": image.title,
                "outcome": "deleted",
                "products_removed": removed,
            }
        ],
    }
    head, _, named, line = text_of(result).split("\n")
    assert named == f"change_id {change.change_id}"
    assert head == "completed: Read back from FinerWorks: 1 deleted."
    assert line.startswith(f'deleted: {image.guid} | "{image.file_name}" | ')
    assert " | products removed: " in line
    assert [one["sku"] for one in removed if str(one["sku"]) not in line] == []


async def test_only_the_images_that_were_read_are_sent_with_their_whole_library(
    studio: Studio,
) -> None:
    """Unknown guids are reported, never sent; the library member is always whole."""
    first, second = await unsold(studio, 2)
    result = await deleted(studio, [second.guid, GUID, first.guid])
    assert outcomes(result) == ["deleted", "not_found", "deleted"]
    assert result["status"] == "completed"
    (body,) = studio.wire.to("delete_images")
    assert body["guids"] == [second.guid, first.guid]
    assert sorted(body["library"]) == ["account_key", "name", "session_id", "site_id"]
    assert len(await holdings(studio)) == HELD - 2


async def test_nobody_is_asked_about_images_that_do_not_exist(studio: Studio) -> None:
    """There is nothing to delete, so nothing is sent."""
    person = studio.person()
    async with studio.client(person=person) as client:
        result = said(await client.call_tool("delete_images", {"guids": [GUID]}))
    assert (outcomes(result), person.asked, studio.wire.writes) == (["not_found"], [], [])


async def test_an_image_of_the_other_library_is_not_found_and_stays(studio: Studio) -> None:
    """The library is part of what is deleted."""
    image = next(iter((await holdings(studio, "temporary")).values()))
    async with studio.client(person=studio.person()) as client:
        result = said(await client.call_tool("delete_images", {"guids": [image.guid]}))
    assert (outcomes(result), studio.wire.writes) == (["not_found"], [])
    assert image.guid in await holdings(studio, "temporary")


async def test_a_temporary_image_is_deleted_from_its_library(studio: Studio) -> None:
    """And listed again there."""
    image = next(iter((await holdings(studio, "temporary")).values()))
    result = await deleted(studio, [image.guid], library="temporary")
    assert outcomes(result) == ["deleted"]
    assert studio.wire.to("delete_images")[0]["library"]["name"] == "temporary"


@pytest.mark.parametrize("mode", MODES)
async def test_a_dry_run_says_what_would_go_and_asks_and_sends_nothing(
    studio: Studio, mode: Mode
) -> None:
    """Products at risk by SKU, in structure and in text."""
    (image,) = await sold(studio, 1)
    person = studio.person()
    async with studio.client(mode=mode, person=person) as client:
        result = await client.call_tool(
            "delete_images", {"guids": [image.guid, GUID], "dry_run": True}
        )
    await assert_truthful(said(result), studio)
    row, nobody = said(result)["images"]
    assert (person.asked, studio.wire.writes) == ([], [])
    assert said(result)["message"].startswith("Nothing was sent. 1 image would be deleted, with")
    assert (said(result)["status"], row["outcome"], nobody["outcome"]) == (
        "dry_run",
        "would_delete",
        "not_found",
    )
    skus = [product["sku"] for product in row["products_at_risk"]]
    assert skus == [product.sku for product in image.products or ()]
    assert [sku for sku in skus if sku not in text_of(result)] == []


@pytest.mark.parametrize("mode", MODES)
async def test_a_declined_deletion_changes_nothing_and_says_so(studio: Studio, mode: Mode) -> None:
    """The library is as it was."""
    (image,) = await sold(studio, 1)
    before = await everything(studio)
    async with studio.client(mode=mode, person=studio.person(NO)) as client:
        result = said(await client.call_tool("delete_images", {"guids": [image.guid]}))
    await assert_truthful(result, studio)
    assert (result["status"], outcomes(result)) == ("declined", ["not_attempted"])
    assert (studio.wire.writes, await everything(studio)) == ([], before)


SPOILED = [
    # A fault, whether the work was done all the same, what is true of the chunk then, and how
    # often it was sent: again only while the images still are listed as they were.
    (FaultKind.REJECTED, False, "failed", 1),
    (FaultKind.REJECTED, True, "deleted", 1),
    (FaultKind.SERVER_ERROR, False, "deleted", 2),
    (FaultKind.SERVER_ERROR, True, "deleted", 1),
    (FaultKind.DROPPED, False, "unknown", 1),
    (FaultKind.DROPPED, True, "deleted", 1),
    (FaultKind.TRUNCATED, True, "deleted", 1),
    (FaultKind.RATE_LIMITED, False, "deleted", 2),
]


@pytest.mark.parametrize(("kind", "committed", "outcome", "times"), SPOILED)
async def test_a_spoiled_deletion_is_settled_by_listing_again(
    studio: Studio, kind: FaultKind, committed: bool, outcome: str, times: int
) -> None:
    """Promise: the outcome is what the service lists, whatever became of the answer."""
    images = await unsold(studio, 2)
    studio.faults.add(Fault(kind, endpoint="delete_images", committed=committed))
    result = await deleted(studio, guids_of(images))
    assert outcomes(result) == [outcome] * 2
    assert len(studio.wire.to("delete_images")) == times
    assert all("detail" in row for row in result["images"] if outcome != "deleted")


@pytest.mark.parametrize(
    ("kind", "outcome", "times", "told"),
    [
        (FaultKind.RATE_LIMITED, "not_attempted", 2, "rate-limited delete_images"),
        (FaultKind.SERVER_ERROR, "failed", 2, "answered delete_images with HTTP 500"),
        (FaultKind.DROPPED, "unknown", 1, "it may still be carried out for 53 s"),
    ],
)
async def test_a_deletion_that_fails_each_time_is_given_up(
    studio: Studio, kind: FaultKind, outcome: str, times: int, told: str
) -> None:
    """The images are still there, and the result says so."""
    images = await unsold(studio, 2)
    studio.faults.add(Fault(kind, endpoint="delete_images", times=99))
    result = await deleted(studio, guids_of(images))
    assert outcomes(result) == [outcome] * 2
    assert len(studio.wire.to("delete_images")) == times
    assert all(told in row["detail"] for row in result["images"])
    assert set(guids_of(images)) <= set(await holdings(studio))


async def test_an_image_that_changed_behind_a_lost_answer_is_not_deleted_again(
    studio: Studio,
) -> None:
    """The person agreed to lose what it was."""
    (image,) = await unsold(studio, 1)

    async def retitled_meanwhile(sent: Sent) -> None:
        if sent.endpoint == "delete_images":
            text = ImageToUpdate(guid=image.guid, title="Newer", description="")
            await studio.api.update_images(UpdateImagesRequest(images=(text,)))
            raise httpx.ReadError("the answer was lost")

    studio.wire.on_the_way = retitled_meanwhile
    assert outcomes(await deleted(studio, [image.guid])) == ["unknown"]
    assert len(studio.wire.to("delete_images")) == 1
    assert (await holdings(studio))[image.guid].title == "Newer"


@pytest.mark.parametrize("chunk", [0, 1, 2])
async def test_the_chunks_around_a_failed_one_are_deleted(chunk: int) -> None:
    """First, middle or last: each chunk of 50 has its own truth."""
    studio = make_studio(per_series=INVENTORY_PER_SERIES, limits=ROOMY)
    images = await unsold(studio, 110)
    studio.faults.add(Fault(FaultKind.REJECTED, endpoint="delete_images", after=chunk))
    result = await deleted(studio, guids_of(images))
    expected = ["deleted"] * 110
    start = chunk * 50
    expected[start : start + 50] = ["failed"] * len(expected[start : start + 50])
    assert outcomes(result) == expected
    assert [len(body["guids"]) for body in studio.wire.to("delete_images")] == [50, 50, 10]


async def test_three_failed_chunks_in_a_row_end_the_call() -> None:
    """What was not attempted is still there, and says so."""
    studio = make_studio(per_series=INVENTORY_PER_SERIES, limits=ROOMY)
    images = await unsold(studio, 140) + await sold(studio, 20)
    studio.faults.add(Fault(FaultKind.REJECTED, endpoint="delete_images", times=3))
    result = await deleted(studio, guids_of(images))
    assert result["outcomes"] == {"failed": 150, "not_attempted": 10}
    assert {row["outcome"] for row in result["images"]} == {"failed"}


async def test_a_service_that_refuses_unknown_guids_is_never_sent_one() -> None:
    """Whether the service would fail on them is undocumented."""
    studio = make_studio(switches=Switches(unknown_guids_fail=True))
    (image,) = await unsold(studio, 1)
    assert outcomes(await deleted(studio, [GUID, image.guid])) == ["not_found", "deleted"]


async def test_a_deletion_that_cannot_be_listed_again_is_unknown(studio: Studio) -> None:
    """FinerWorks reported success; that alone is not what the result claims."""
    (image,) = await unsold(studio, 1)
    studio.faults.add(Fault(FaultKind.DROPPED, endpoint="delete_images"))
    listings = 0

    async def unreadable(sent: Sent) -> httpx.Response | None:
        nonlocal listings
        listings += sent.endpoint == "list_images" and bool(studio.wire.writes)
        return httpx.Response(400, json={"Message": "No."}) if listings else None

    studio.wire.on_the_way = unreadable
    (row,) = (await deleted(studio, [image.guid]))["images"]
    assert row["outcome"] == "unknown"
    assert row["detail"].startswith(
        "The answer was lost, and it may still be carried out for 60 s. It could not be read back: "
    )
    assert row["detail"].endswith("search_images shows it.")


async def test_a_deletion_that_never_left_was_not_attempted(studio: Studio) -> None:
    """The image is still there, and it may simply be called again."""

    async def out_of_reach(sent: Sent) -> None:
        if sent.endpoint == "delete_images":
            raise httpx.ConnectError("no route")

    (image,) = await unsold(studio, 1)
    studio.wire.on_the_way = out_of_reach
    assert outcomes(await deleted(studio, [image.guid])) == ["not_attempted"]


async def test_a_service_that_says_yes_and_deletes_nothing_is_found_out(studio: Studio) -> None:
    """What is still listed is not said to be gone."""
    (image,) = await unsold(studio, 1)

    async def says_yes(sent: Sent) -> httpx.Response | None:
        yes = {"status": {"success": True, "status_code": 200}}
        return httpx.Response(200, json=yes) if sent.endpoint == "delete_images" else None

    studio.wire.on_the_way = says_yes
    (row,) = (await deleted(studio, [image.guid]))["images"]
    assert (row["outcome"], row["detail"]) == (
        "failed",
        "FinerWorks reported success but still lists the image.",
    )
