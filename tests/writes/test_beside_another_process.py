"""Writes to an image that another process on the same store is writing to, or has written to."""

from dataclasses import replace

import pytest

from fw_mcp.api.models import ImageDetails, ImageToUpdate, UpdateImagesRequest
from fw_mcp.store.journal import Change, End, Intent
from fw_mcp.writes.outcomes import CHANGED, Ended, Outcome
from fw_mcp.writes.run import name_of
from fw_mcp.writes.update import Rewrite, update_in_chunks
from tests.support.studio import Studio
from tests.support.truth import unsold
from tests.writes.runs import run_of

pytestmark = pytest.mark.anyio

THEIRS = Change("theirs", "update_image_metadata", "http:other", "{}", "theirs")


async def begun_elsewhere(studio: Studio, image: ImageDetails) -> None:
    """Another process has put on record that it is about to retitle an image."""
    intent = Intent(image.guid, {"guid": image.guid, "title": "Theirs"})
    async with studio.journal.database.exclusive("theirs") as fence:
        await studio.journal.begin(THEIRS, "update_images", {0: intent}, fence)


async def retitled(studio: Studio, image: ImageDetails) -> Ended:
    """What becomes of our own retitling of it, which read it a second ago."""
    run = replace(run_of(studio), is_under_way=studio.writes.is_under_way)
    studio.clock.forward(1)
    ended = await update_in_chunks(run, {0: Rewrite(image, "Ours", image.description or "")})
    return ended[0]


async def retitled_by_them(studio: Studio, image: ImageDetails) -> None:
    """What the other process sends."""
    text = ImageToUpdate(guid=image.guid, title="Theirs", description=image.description)
    await studio.api.update_images(UpdateImagesRequest(images=(text,)))


async def test_what_another_process_is_writing_to_is_left_alone(studio: Studio) -> None:
    """Promise: of two replicas that write to one image, the second is told that it changed."""
    (image,) = await unsold(studio, 1)
    await begun_elsewhere(studio, image)
    async with studio.journal.database.exclusive(name_of("theirs")):
        end = await retitled(studio, image)
    assert (end.outcome, end.detail) == (Outcome.NOT_ATTEMPTED, CHANGED)
    assert studio.wire.to("update_images") == []
    (item,) = await studio.writes.history.items("theirs")
    assert item.outcome is None


async def test_what_another_process_has_just_written_is_read_again(studio: Studio) -> None:
    """However fresh our reading is: theirs came after it."""
    (image,) = await unsold(studio, 1)
    await begun_elsewhere(studio, image)
    await retitled_by_them(studio, image)
    await studio.journal.finish("theirs", {0: End(image.guid, "updated")})
    end = await retitled(studio, image)
    assert (end.outcome, end.detail) == (Outcome.NOT_ATTEMPTED, CHANGED)
    assert studio.wire.to("update_images") == []


async def test_what_a_process_that_ended_left_open_is_read_again(studio: Studio) -> None:
    """Nobody is at it any more: as long as it is as it was, it is written to."""
    (image,) = await unsold(studio, 1)
    await begun_elsewhere(studio, image)
    end = await retitled(studio, image)
    assert (end.outcome, end.after and end.after.title) == (Outcome.UPDATED, "Ours")
    assert len(studio.wire.to("update_images")) == 1


async def test_what_was_written_before_the_reading_is_not_read_again(studio: Studio) -> None:
    """One request less, in the usual case."""
    (image,) = await unsold(studio, 1)
    await begun_elsewhere(studio, image)
    await studio.journal.finish("theirs", {0: End(image.guid, "updated")})
    studio.clock.forward(1)
    before = len(studio.wire.to("list_images"))
    end = await retitled(studio, image)
    # Read back, and not before.
    assert (end.outcome, len(studio.wire.to("list_images"))) == (Outcome.UPDATED, before + 1)
