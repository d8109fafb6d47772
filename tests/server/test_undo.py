"""`undo_change`: what a call did is taken back, as far as FinerWorks lets it be taken back."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from mcp.types import CallToolResult

from fw_mcp.api.models import (
    DeleteImagesRequest,
    ImageDetails,
    ImageToUpdate,
    UpdateFileSelectionRequest,
    UpdateImagesRequest,
)
from fw_mcp.guard.guard import Confirm, Limits
from fw_mcp.sandbox.endpoints import Switches
from tests.support.products import first_of
from tests.support.studio import NO, Mode, Studio, make_studio, said, text_of
from tests.support.truth import assert_truthful, holdings, new_images, outcomes, sold, unsold

pytestmark = pytest.mark.anyio

KEY = "11111111-2222-4333-8444-555555555555"
MODES = first_of("auto", "legacy")


async def made(studio: Studio, tool: str, arguments: dict[str, Any]) -> str:
    """Make a change, and give its id."""
    async with studio.client(person=studio.person()) as client:
        return str(said(await client.call_tool(tool, arguments))["change_id"])


async def undone(studio: Studio, change_id: str, **more: object) -> CallToolResult:
    """Undo it, with somebody who says yes."""
    async with studio.client(person=studio.person()) as client:
        return await client.call_tool("undo_change", {"change_id": change_id, **more})


async def retitled_by_somebody(studio: Studio, guid: str) -> None:
    """What happens on the website."""
    image = ImageToUpdate(guid=guid, title="Someone else's", description="Mine.")
    await studio.api.update_images(UpdateImagesRequest(images=[image]))


def texts(images: dict[str, ImageDetails], guids: list[str]) -> list[tuple[str, str]]:
    """Title and description of each; a text that was null can only be cleared again."""
    return [(images[guid].title or "", images[guid].description or "") for guid in guids]


async def test_an_update_gets_its_former_text_back(studio: Studio) -> None:
    """Title and description, as they stood; it is a change of its own."""
    guids = [image.guid for image in await unsold(studio, 2)]
    before = texts(await holdings(studio), guids)
    images = [{"guid": guid, "title": "New", "description": "New too"} for guid in guids]
    change = await made(studio, "update_image_metadata", {"images": images})
    result = said(await undone(studio, change))
    assert texts(await holdings(studio), guids) == before
    assert (result["outcomes"], result["status"]) == ({"updated": 2}, "completed")
    assert result["change_id"] != change
    assert result["images"][0]["title_change"] == {"before": "New", "after": before[0][0]}
    await assert_truthful(result, studio)
    (undoing,) = await studio.writes.history.undoing(change)
    assert (undoing.change_id, undoing.tool) == (result["change_id"], "undo_change")


@pytest.mark.parametrize("mode", MODES)
async def test_undoing_an_update_asks_where_products_would_go(mode: Mode) -> None:
    """The service may have kept them, or somebody hung new ones; a no sends nothing."""
    studio = make_studio(switches=Switches(update_keeps_products=True))
    (image,) = await sold(studio, 1)
    images = [{"guid": image.guid, "title": "New"}]
    change = await made(studio, "update_image_metadata", {"images": images})
    writes = len(studio.wire.writes)
    person = studio.person(NO)
    async with studio.client(mode=mode, person=person) as client:
        result = said(await client.call_tool("undo_change", {"change_id": change}))
    (question,) = person.asked
    assert question.startswith("Undo the change in which texts were changed?\n")
    assert question.endswith(f"\nChange id: {change}")
    assert "product that will be removed: " in question or "products that will be" in question
    assert (result["status"], len(studio.wire.writes)) == ("declined", writes)
    result = said(await undone(studio, change))
    assert (await holdings(studio))[image.guid].title == image.title


async def test_a_deleted_image_is_registered_again_under_a_new_guid(studio: Studio) -> None:
    """Said plainly; the products are listed as what cannot be restored; nobody is asked."""
    images = [image for image in await sold(studio, 9) if image.description][:2]
    change = await made(studio, "delete_images", {"guids": [image.guid for image in images]})
    async with studio.client() as client:
        answer = await client.call_tool("undo_change", {"change_id": change})
    result, held = said(answer), await holdings(studio)
    assert result["outcomes"] == {"created": 2}
    for row, image in zip(result["images"], images, strict=True):
        again = held[row["guid"]]
        assert row["guid"] != image.guid
        assert (again.title, again.description) == (image.title, image.description)
        assert again.private_hires_uri == image.private_hires_uri
        assert (again.pix_w, again.pix_h, again.file_size) == (
            image.pix_w,
            image.pix_h,
            image.file_size,
        )
        assert f"it was {image.guid}." in row["detail"]
        assert "cannot be restored." in row["detail"]
        skus = [product.sku for product in image.products or ()]
        assert [product["sku"] for product in row["products_not_restored"]] == skus
        assert "products_removed" not in row
        assert not again.products


@pytest.mark.parametrize("mode", MODES)
async def test_undoing_an_add_deletes_what_was_added_after_a_yes(
    studio: Studio, mode: Mode
) -> None:
    """With the guard: the images are named, and a no leaves them."""
    change = await made(studio, "add_images", {"images": new_images(7)})
    before = await holdings(studio)
    no, yes = studio.person(NO), studio.person()
    async with studio.client(mode=mode, person=no) as client:
        declined = said(await client.call_tool("undo_change", {"change_id": change}))
    assert (declined["status"], await holdings(studio)) == ("declined", before)
    assert "Delete 7 images from the inventory library?" in no.asked[0]
    async with studio.client(mode=mode, person=yes) as client:
        result = said(await client.call_tool("undo_change", {"change_id": change}))
    assert result["outcomes"] == {"deleted": 7}
    assert len(await holdings(studio)) == len(before) - 7


async def test_without_elicitation_undoing_takes_two_steps(studio: Studio) -> None:
    """The plan first, then the same call with it."""
    change = await made(studio, "add_images", {"images": new_images(1)})
    async with studio.client() as client:
        first = said(await client.call_tool("undo_change", {"change_id": change}))
        arguments = {"change_id": change, "plan_id": first["plan_id"]}
        second = said(await client.call_tool("undo_change", arguments))
    assert (first["status"], second["outcomes"]) == ("confirmation_required", {"deleted": 1})


async def test_a_selection_holds_again_what_it_held(studio: Studio) -> None:
    """The former set; a selection that was new cannot be emptied."""
    guids = [image.guid for image in await unsold(studio, 5)]
    first = await made(studio, "set_selection", {"guids": guids[:3], "selection_guid": KEY})
    second = await made(studio, "set_selection", {"guids": guids[3:], "selection_guid": KEY})
    result = said(await undone(studio, second))
    stored = await studio.api.list_file_selection(KEY)
    assert (set(stored.guids), result["outcomes"]) == (set(guids[:3]), {"updated": 1})
    refused = await undone(studio, first)
    assert "FinerWorks cannot empty a selection" in text_of(refused)
    assert refused.is_error


async def test_what_was_changed_since_is_left_alone_and_the_rest_undone(studio: Studio) -> None:
    """Named in the result; when all was changed, the call is refused."""
    guids = [image.guid for image in await unsold(studio, 3)]
    before = texts(await holdings(studio), guids)
    images = [{"guid": guid, "title": "New"} for guid in guids]
    change = await made(studio, "update_image_metadata", {"images": images})
    await retitled_by_somebody(studio, guids[1])
    library = studio.api.library("inventory")
    await studio.api.delete_images(DeleteImagesRequest(guids=[guids[2]], library=library))
    result = said(await undone(studio, change))
    assert outcomes(result) == ["updated", "skipped", "not_found"]
    assert "someone has changed it since" in result["images"][1]["detail"]
    held = await holdings(studio)
    assert texts(held, guids[:1]) == before[:1]
    assert held[guids[1]].title == "Someone else's"
    studio.clock.forward(700)
    refused = await undone(studio, change)
    assert (refused.is_error, "cannot_undo" in text_of(refused)) == (True, True)


async def test_an_added_image_that_was_retitled_since_is_not_deleted(studio: Studio) -> None:
    """Somebody worked on it."""
    change = await made(studio, "add_images", {"images": new_images(1)})
    (guid,) = [g for g, image in (await holdings(studio)).items() if image.title == "New work 1"]
    await retitled_by_somebody(studio, guid)
    refused = await undone(studio, change)
    assert "someone has changed it since" in text_of(refused)
    assert guid in await holdings(studio)


async def test_a_selection_that_was_stored_anew_since_is_left_alone(studio: Studio) -> None:
    """Somebody chose again."""
    guids = [image.guid for image in await unsold(studio, 5)]
    await made(studio, "set_selection", {"guids": guids[:3], "selection_guid": KEY})
    change = await made(studio, "set_selection", {"guids": guids[3:], "selection_guid": KEY})
    await studio.api.update_file_selection(UpdateFileSelectionRequest(guids=[guids[0]], guid=KEY))
    refused = await undone(studio, change)
    assert "someone has changed it since" in text_of(refused)
    assert (await studio.api.list_file_selection(KEY)).guids == (guids[0],)


async def test_nothing_is_undone_twice(studio: Studio) -> None:
    """A deletion undone again would register the images a second time."""
    images = await sold(studio, 2)
    change = await made(studio, "delete_images", {"guids": [image.guid for image in images]})
    first = said(await undone(studio, change))
    again = said(await undone(studio, change))
    assert (again["change_id"], again["replayed"]) == (first["change_id"], True)
    studio.clock.forward(700)
    late = await undone(studio, change)
    assert f"change {first['change_id']} undid it" in text_of(late)
    files = Counter(one.private_hires_uri for one in (await holdings(studio)).values())
    assert [files[image.private_hires_uri] for image in images] == [1, 1]


async def test_an_undo_is_undone_like_any_change(studio: Studio) -> None:
    """The new text is back, and the image that came back is gone, after a yes."""
    (image,) = await unsold(studio, 1)
    update = {"images": [{"guid": image.guid, "title": "New"}]}
    undo = said(await undone(studio, await made(studio, "update_image_metadata", update)))
    said(await undone(studio, undo["change_id"]))
    assert (await holdings(studio))[image.guid].title == "New"
    deleted = await made(studio, "delete_images", {"guids": [image.guid]})
    back = said(await undone(studio, deleted))
    result = said(await undone(studio, back["change_id"]))
    assert result["outcomes"] == {"deleted": 1}
    assert back["images"][0]["guid"] not in await holdings(studio)


async def test_a_dry_run_says_what_would_be_done_and_sends_nothing(studio: Studio) -> None:
    """For each kind of change."""
    guids = [image.guid for image in await unsold(studio, 3)]
    deleted = [image.guid for image in await sold(studio, 2)]
    update = {"images": [{"guid": guid, "title": "New"} for guid in guids]}
    words = {
        await made(
            studio, "update_image_metadata", update
        ): "3 images would get the former text again.",
        await made(studio, "add_images", {"images": new_images(2)}): "2 images would be deleted",
        await made(studio, "delete_images", {"guids": deleted}): "2 images would be registered",
    }
    writes = len(studio.wire.writes)
    for change, expected in words.items():
        result = said(await undone(studio, change, dry_run=True))
        assert expected in result["message"]
        assert result["status"] == "dry_run"
    assert len(studio.wire.writes) == writes


@pytest.mark.parametrize("change_id", ["0123456789abcdef", "x\u202e\n" * 30])
async def test_an_unknown_change_is_refused(studio: Studio, change_id: str) -> None:
    """In our words, with the way on."""
    refused = await undone(studio, change_id)
    assert "on record" in text_of(refused)
    assert "list_changes" in text_of(refused)
    assert studio.wire.sent == []


@pytest.mark.parametrize(
    "limits",
    [
        Limits(read_only=True),
        Limits(writes=("undo_change",)),
        Limits(writes=("delete_images",)),
    ],
    ids=["read only", "without the tool that it acts as", "without undo_change"],
)
async def test_undoing_lifts_no_limit(tmp_path: Path, limits: Limits) -> None:
    """Undoing an add deletes: both must be on."""
    first = make_studio(store=tmp_path / "store")
    change = await made(first, "add_images", {"images": new_images(1)})
    second = make_studio(app=first.app, store=tmp_path / "store", limits=limits)
    refused = await undone(second, change)
    assert (refused.is_error, second.wire.writes) == (True, [])
    assert ("read_only" in text_of(refused)) or ("write_disabled" in text_of(refused))


async def test_undoing_counts_against_the_operators_ceilings(tmp_path: Path) -> None:
    """Seven images are more than five."""
    first = make_studio(store=tmp_path / "store")
    change = await made(first, "add_images", {"images": new_images(7)})
    limits = Limits(items_per_call=5)
    second = make_studio(app=first.app, store=tmp_path / "store", limits=limits)
    refused = await undone(second, change)
    assert ("too_many_items" in text_of(refused), second.wire.writes) == (True, [])


async def test_under_approve_undoing_waits_for_the_terminal(tmp_path: Path) -> None:
    """As any call that destroys."""
    first = make_studio(store=tmp_path / "store")
    change = await made(first, "add_images", {"images": new_images(1)})
    limits = Limits(confirm=Confirm.APPROVE)
    second = make_studio(app=first.app, store=tmp_path / "store", limits=limits)
    waiting = said(await undone(second, change))
    assert waiting["status"] == "confirmation_required"
    await second.plans.approve(waiting["plan_id"], second.clock())
    result = said(await undone(second, change, plan_id=waiting["plan_id"]))
    assert result["outcomes"] == {"deleted": 1}


async def test_a_record_that_cannot_be_registered_again_is_told(studio: Studio) -> None:
    """A file name that is null is taken from its address; what is missing for good is named."""
    (image,) = await unsold(studio, 1)
    change = await made(studio, "delete_images", {"guids": [image.guid]})
    await lacking(studio, "hires_file_name")
    result = said(await undone(studio, change))
    assert result["outcomes"] == {"created": 1}
    (other,) = await unsold(studio, 1)
    change = await made(studio, "delete_images", {"guids": [other.guid]})
    await lacking(studio, "public_preview_uri", "preview_file_name")
    refused = text_of(await undone(studio, change))
    assert "the stored record is incomplete: preview_file_name, public_preview_uri." in refused


async def lacking(studio: Studio, *members: str) -> None:
    """As if the service had told null for these, when the newest deletion was journalled."""
    paths = ", ".join(f"'$.{member}'" for member in members)
    newest = "place = (SELECT max(place) FROM items)"
    await studio.database.run(
        lambda connection: connection.execute(
            f"UPDATE items SET before = json_remove(before, {paths}) WHERE {newest}"  # noqa: S608  ours
        )
    )


async def test_an_undo_that_is_cut_off_by_time_goes_on_when_called_again() -> None:
    """Seventy deleted images: what the first call brought back is not brought back twice."""
    big = make_studio(limits=Limits(items_per_call=100))
    guids = list(await holdings(big))[:70]
    files = {g: image.private_hires_uri for g, image in (await holdings(big)).items()}
    change = await made(big, "delete_images", {"guids": guids})

    async def slow(sent: Any) -> None:  # noqa: ANN401  a request
        if sent.endpoint == "add_images":
            big.clock.forward(3)

    big.wire.on_the_way = slow
    first = said(await undone(big, change))
    assert (first["status"], "undo_change again" in first["message"]) == ("incomplete", True)
    big.wire.on_the_way = None
    second = said(await undone(big, change))
    created = first["outcomes"]["created"] + second["outcomes"]["created"]
    assert (created, second["outcomes"].get("skipped")) == (70, first["outcomes"]["created"])
    listed = Counter(one.private_hires_uri for one in (await holdings(big)).values())
    assert {listed[files[guid]] for guid in guids} == {1}


async def test_a_selection_whose_former_images_are_partly_gone_says_so(studio: Studio) -> None:
    """It holds what is left of them, and is not complete."""
    guids = [image.guid for image in await unsold(studio, 4)]
    await made(studio, "set_selection", {"guids": guids[:2], "selection_guid": KEY})
    change = await made(studio, "set_selection", {"guids": guids[2:], "selection_guid": KEY})
    library = studio.api.library("inventory")
    await studio.api.delete_images(DeleteImagesRequest(guids=[guids[0]], library=library))
    result = said(await undone(studio, change))
    assert result["status"] == "incomplete"
    assert f"These former images no longer exist: {guids[0]}." in result["images"][0]["detail"]
    assert (await studio.api.list_file_selection(KEY)).guids == (guids[1],)


async def test_products_that_an_update_removed_are_told_as_gone_for_good(studio: Studio) -> None:
    """In the result and in the dry run; the text alone comes back."""
    (image,) = await sold(studio, 1)
    count = len(image.products or ())
    update = {"images": [{"guid": image.guid, "title": "New"}]}
    change = await made(studio, "update_image_metadata", update)
    words = f"{count} product{'s' if count > 1 else ''} cannot be restored"
    assert words in said(await undone(studio, change, dry_run=True))["message"]
    assert words in said(await undone(studio, change))["images"][0]["detail"]


async def test_what_was_undone_and_brought_back_can_be_undone_again(studio: Studio) -> None:
    """A, its undo B, the undo of B: A stands again."""
    (image,) = await unsold(studio, 1)
    update = {"images": [{"guid": image.guid, "title": "New"}]}
    first = await made(studio, "update_image_metadata", update)
    second = said(await undone(studio, first))["change_id"]
    said(await undone(studio, second))
    studio.clock.forward(700)
    result = said(await undone(studio, first))
    assert (result["outcomes"], (await holdings(studio))[image.guid].title) == (
        {"updated": 1},
        image.title,
    )


async def test_a_dry_run_names_products_and_shops_that_cannot_come_back(studio: Studio) -> None:
    """And says nothing of products that would be removed where none would."""
    (image,) = await sold(studio, 1)
    change = await made(studio, "delete_images", {"guids": [image.guid]})
    message = said(await undone(studio, change, dry_run=True))["message"]
    product = next(one for one in image.hung if one.name)
    assert str(product.name)[:50] in message
    assert all(shop in message for shop in product.shops)
    assert "would be removed" not in message


async def test_a_dry_run_says_what_a_selection_holds_and_would_hold(studio: Studio) -> None:
    """In a row of its own: before and after, by guid."""
    one, two = [image.guid for image in await unsold(studio, 2)]
    await made(studio, "set_selection", {"guids": [one], "selection_guid": KEY})
    change = await made(studio, "set_selection", {"guids": [two], "selection_guid": KEY})
    result = await undone(studio, change, dry_run=True)
    assert "it holds 1 image and would hold 1 image" in said(result)["message"]
    (row,) = said(result)["images"]
    holds = {"before": f"1 image ({two})", "after": f"1 image ({one})"}
    assert row == {"guid": KEY, "outcome": "would_set", "images_change": holds}
    assert said(result)["outcomes"] == {"would_set": 1}
    assert f'images "1 image ({two})" → "1 image ({one})"' in text_of(result)


async def test_the_change_of_ours_that_came_between_is_named(studio: Studio) -> None:
    """It was not somebody else."""
    one, two = [image.guid for image in await unsold(studio, 2)]
    images = [{"guid": guid, "title": "New"} for guid in (one, two)]
    change = await made(studio, "update_image_metadata", {"images": images})
    later = {"images": [{"guid": two, "title": "Newer"}]}
    between = await made(studio, "update_image_metadata", later)
    result = said(await undone(studio, change, dry_run=True))
    assert f"Change {between} (update_image_metadata) came after it." in str(result["images"])
