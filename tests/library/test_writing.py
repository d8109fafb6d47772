"""What every write records before it is sent, and what it says when an answer is odd."""

from pathlib import Path

import httpx
import pytest

from fw_mcp.api.models import (
    AddImagesRequest,
    DeleteImagesRequest,
    ImageDetails,
    ImageToUpdate,
    Product,
    UpdateImagesRequest,
)
from fw_mcp.errors import StoreError
from fw_mcp.writes.add import add_images
from fw_mcp.writes.delete import delete_images
from fw_mcp.writes.outcomes import Ended, Outcome, at_stake
from fw_mcp.writes.select import set_selection
from fw_mcp.writes.update import Rewrite, update_images
from tests.library.jobs import Progress, changes, ended_as, entries, job, numbered, to_add
from tests.recorder import Sent
from tests.studio import Studio, make_studio
from tests.truth import holdings, sold, unsold

pytestmark = pytest.mark.anyio

GUID = "3f2b8c1e-0d4a-4e5f-8a6b-7c9d0e1f2a3b"
KEY = "11111111-2222-4333-8444-555555555555"
STATUS = {"success": True, "status_code": 200}


async def test_what_is_about_to_be_written_is_on_record_before_it_is_sent(
    studio: Studio,
) -> None:
    """Promise: the journal holds the intent and the full former record; it is what undo reads."""
    (image,) = await sold(studio, 1)
    before: list[object] = []

    async def look(sent: Sent) -> None:
        if sent.endpoint == "update_images":
            before.extend(await entries(studio))

    studio.wire.on_the_way = look
    rewrite = Rewrite(image, "New title", image.description or "")
    call = job(studio, "update_image_metadata")
    await update_images(studio.account, call, {4: rewrite})
    text = {"guid": image.guid, "title": "New title", "description": image.description}
    entry = {
        "entry_id": 1,
        "change_id": call.change.change_id,
        "kind": "update_images",
        "begun_at": studio.clock(),
        "intent": [{"item": 4, **text}],
        "former": [image.model_dump(mode="json", exclude_none=True)],
        "unknown": 0,
    }
    after = (await holdings(studio))[image.guid].model_dump(mode="json", exclude_none=True)
    updated = {"item": 4, "guid": image.guid, "outcome": "updated", "detail": ""}
    outcome = [{**updated, "after": after, "stored": None, "doubled": False}]
    assert before == [{**entry, "finished_at": None, "outcome": None}]
    assert await entries(studio) == [{**entry, "finished_at": studio.clock(), "outcome": outcome}]
    (change,) = await changes(studio)
    assert (change["tool"], change["caller"]) == ("update_image_metadata", "stdio:tests")


async def test_each_chunk_of_a_write_has_its_own_entry(studio: Studio) -> None:
    """An interrupted job is known to the chunk; an item keeps its place in the call."""
    images = numbered(await unsold(studio, 60))
    progress = Progress()
    call = job(studio, "delete_images", progress)
    await delete_images(studio.account, call, images, "inventory")
    recorded = await entries(studio)
    assert [len(entry["intent"]) for entry in recorded] == [50, 10]
    assert [len(entry["outcome"]) for entry in recorded] == [50, 10]
    places = [one["item"] for entry in recorded for one in entry["intent"]]
    assert places == list(range(60))
    assert places == [one["item"] for entry in recorded for one in entry["outcome"]]
    assert progress.told == [50, 60]


async def test_fifty_images_of_an_add_share_an_entry_and_five_a_request(studio: Studio) -> None:
    """The reference takes five at a time; what an entry says was sent is read back at once."""
    progress = Progress()
    await add_images(studio.account, job(studio, progress=progress), to_add(53), "temporary")
    recorded = await entries(studio)
    assert [len(entry["intent"]) for entry in recorded] == [50, 3]
    assert [len(entry["outcome"]) for entry in recorded] == [50, 3]
    assert {item["library"] for entry in recorded for item in entry["intent"]} == {"temporary"}
    sent = [len(body["images"]) for body in studio.wire.to("add_images")]
    assert sent == [5] * 10 + [3]
    assert progress.told == [*range(5, 55, 5), 53]


async def test_a_deletion_keeps_the_full_former_record_with_its_products(studio: Studio) -> None:
    """FinerWorks cannot undo it; what there was is at least known."""
    (image,) = await sold(studio, 1)
    await delete_images(studio.account, job(studio, "delete_images"), {0: image}, "inventory")
    (entry,) = await entries(studio)
    assert ImageDetails.model_validate(entry["former"][0]) == image
    assert entry["intent"] == [{"item": 0, "guid": image.guid, "library": "inventory"}]


async def test_a_selection_keeps_what_it_held(studio: Studio) -> None:
    """So that it can be set back."""
    one, two = [image.guid for image in await unsold(studio, 2)]
    await set_selection(studio.account, job(studio, "set_selection"), KEY, [one])
    await set_selection(studio.account, job(studio, "set_selection"), KEY, [two])
    last = (await entries(studio))[-1]
    assert last["intent"] == [{"item": 0, "guid": KEY, "guids": [two]}]
    assert last["former"] == [{"guid": KEY, "guids": [one]}]


async def test_nothing_is_sent_when_the_journal_cannot_be_written(tmp_path: Path) -> None:
    """Reads go on; a write refuses and says why."""
    studio = make_studio(store=tmp_path)
    (image,) = await unsold(studio, 1)
    rewrite = Rewrite(image, "New title", "")
    for write in (
        add_images(studio.account, job(studio), to_add(1), "inventory"),
        update_images(studio.account, job(studio), {0: rewrite}),
        delete_images(studio.account, job(studio), {0: image}, "inventory"),
        set_selection(studio.account, job(studio), KEY, [image.guid]),
    ):
        with pytest.raises(StoreError, match=r"Nothing was sent; reading images still works\."):
            await write
    assert studio.wire.writes == []


async def test_a_truth_that_cannot_be_recorded_is_told_all_the_same(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What was read back stays true; the log says that the entry stays open."""
    store = tmp_path / "store.sqlite3"
    studio = make_studio(store=store)

    async def lose_the_store(sent: Sent) -> None:
        if sent.endpoint == "add_images":
            studio.database.close()
            store.unlink()
            store.mkdir()

    studio.wire.on_the_way = lose_the_store
    end = (await add_images(studio.account, job(studio), to_add(1), "inventory"))[0]
    assert (end.outcome, end.guid in await holdings(studio)) == (Outcome.CREATED, True)
    assert "the outcome of journal entry 1 could not be recorded" in caplog.text


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
    ended = await add_images(studio.account, job(studio), images, "inventory")
    held = await holdings(studio)
    assert ended_as(ended) == [Outcome.CREATED] * 3
    assert {item: held[end.guid or ""].private_hires_uri for item, end in ended.items()} == {
        item: image.private_hires_uri for item, image in images.items()
    }


@pytest.mark.parametrize(
    ("answered", "told"),
    [
        ([], "The answer does not name it."),
        ([{"id": 7, "guid": GUID, "file_name": "another.tif"}], "The answer does not name it."),
        (
            [{"id": 7, "guid": GUID, "file_name": to_add(1)[0].file_name}],
            "The service answered with a guid that it does not list.",
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
    end = (await add_images(studio.account, job(studio), to_add(1), "inventory"))[0]
    assert end.outcome is Outcome.UNKNOWN
    assert end.detail.startswith(told)


async def updated_meanwhile(studio: Studio, image: ImageDetails, title: str | None) -> Ended:
    """An update that the service says yes to, while the image gets `title`, or goes with None."""

    async def meanwhile(sent: Sent) -> httpx.Response | None:
        if sent.endpoint != "update_images":
            return None
        if title is None:
            library = studio.api.library("inventory")
            await studio.api.delete_images(
                DeleteImagesRequest(guids=(image.guid,), library=library)
            )
        elif title != image.title:
            text = ImageToUpdate(guid=image.guid, title=title, description=image.description)
            await studio.api.update_images(UpdateImagesRequest(images=(text,)))
        return httpx.Response(200, json={"status": STATUS})

    studio.wire.on_the_way = meanwhile
    rewrite = Rewrite(image, "New title", image.description or "")
    return (await update_images(studio.account, job(studio), {0: rewrite}))[0]


async def test_a_yes_that_kept_the_old_text_is_failed(studio: Studio) -> None:
    """What is read back counts, not what the service says."""
    (image,) = await unsold(studio, 1)
    end = await updated_meanwhile(studio, image, image.title)
    assert (end.outcome, end.detail) == (
        Outcome.FAILED,
        "The service said yes and kept the old text.",
    )


async def test_a_yes_that_stored_other_text_is_told_with_that_text(studio: Studio) -> None:
    """The record after is the one that was read."""
    (image,) = await unsold(studio, 1)
    end = await updated_meanwhile(studio, image, "NEW TITLE")
    assert end.after is not None
    assert (end.outcome, end.after.title) == (Outcome.UPDATED, "NEW TITLE")
    assert end.detail == "The service stored other text than was sent; see after."


async def test_an_image_that_goes_while_it_is_updated_is_not_found(studio: Studio) -> None:
    """Somebody else deleted it."""
    (image,) = await unsold(studio, 1)
    end = await updated_meanwhile(studio, image, None)
    assert (end.outcome, end.detail) == (Outcome.NOT_FOUND, "The image went away meanwhile.")


async def test_a_rewrite_knows_whether_it_changes_anything(studio: Studio) -> None:
    """No text and an empty text are the same text."""
    (image,) = await unsold(studio, 1)
    bare = image.model_copy(update={"title": None, "description": None})
    assert not Rewrite(bare, "", "").changes
    assert Rewrite(bare, "A", "").changes
    assert Rewrite(bare, "", "A").changes


def product(number: int) -> Product:
    """One of several products."""
    return Product(sku=f"AP{number}", product_guid=f"{GUID[:-1]}{number}")


def test_the_products_that_went_are_those_that_were_not_read_back() -> None:
    """Told apart by guid, or by SKU on a host that gives no guid."""
    before = ImageDetails(guid=GUID, products=(product(1), product(2), Product(sku="AP3")))
    after = ImageDetails(guid=GUID, products=(product(2), Product(sku="AP4")))
    end = Ended(GUID, Outcome.UPDATED, before=before, after=after)
    assert [one.sku for one in end.products_gone] == ["AP1", "AP3"]


@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.UNKNOWN, Outcome.NOT_ATTEMPTED])
def test_of_an_image_that_was_not_read_back_no_product_is_said_to_be_gone(
    outcome: Outcome,
) -> None:
    """Nothing is claimed that was not seen."""
    before = ImageDetails(guid=GUID, products=(product(1),))
    assert Ended(GUID, outcome, before=before).products_gone == ()


def test_a_failed_update_still_tells_which_products_it_cost() -> None:
    """The text is the old one and the product is gone: both were read back."""
    before = ImageDetails(guid=GUID, products=(product(1),))
    after = ImageDetails(guid=GUID, products=())
    end = Ended(GUID, Outcome.FAILED, before=before, after=after)
    assert [one.sku for one in end.products_gone] == ["AP1"]


def test_products_without_any_name_can_be_compared() -> None:
    """Older hosts leave out most fields."""
    nameless = (Product(), Product(name="Canvas"), Product())
    assert at_stake(ImageDetails(guid=GUID, products=nameless)) is not None


async def test_an_image_that_is_only_left_out_of_the_page_is_not_told_as_deleted(
    studio: Studio,
) -> None:
    """The service says that it holds more than it listed: what is missing may still be there."""
    images = numbered(await unsold(studio, 2))

    async def cut_short(sent: Sent) -> httpx.Response | None:
        if sent.endpoint != "list_images":
            return None
        document = {"status": STATUS, "images": [], "count": 2}
        return httpx.Response(200, json=document)

    studio.wire.on_the_way = cut_short
    ended = await delete_images(studio.account, job(studio, "delete_images"), images, "inventory")
    assert ended_as(ended) == [Outcome.UNKNOWN, Outcome.UNKNOWN]


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
    end = (await add_images(studio.account, job(studio), {0: image}, "inventory"))[0]
    assert (end.outcome, end.guid) == (Outcome.UNKNOWN, None)
