"""What an update says when the image is not what a yes promised."""

import httpx
import pytest

from fw_mcp.api.models import (
    DeleteImagesRequest,
    ImageDetails,
    ImageToUpdate,
    UpdateImagesRequest,
)
from fw_mcp.writes.outcomes import Ended, Outcome
from fw_mcp.writes.update import Rewrite, update_in_chunks
from tests.support.recorder import Sent
from tests.support.studio import Studio
from tests.support.truth import unsold
from tests.writes.runs import run_of

pytestmark = pytest.mark.anyio

STATUS = {"success": True, "status_code": 200}


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
    return (await update_in_chunks(run_of(studio), {0: rewrite}))[0]


async def test_a_yes_that_kept_the_old_text_is_failed(studio: Studio) -> None:
    """What is read back counts, not what the service says."""
    (image,) = await unsold(studio, 1)
    end = await updated_meanwhile(studio, image, image.title)
    assert (end.outcome, end.detail) == (
        Outcome.FAILED,
        "FinerWorks reported success but kept the old text.",
    )


async def test_a_yes_that_stored_other_text_is_told_with_that_text(studio: Studio) -> None:
    """The record after is the one that was read."""
    (image,) = await unsold(studio, 1)
    end = await updated_meanwhile(studio, image, "NEW TITLE")
    assert end.after is not None
    assert (end.outcome, end.after.title) == (Outcome.UPDATED, "NEW TITLE")
    assert end.detail == "FinerWorks stored different text; see after."


async def test_an_image_that_goes_while_it_is_updated_is_not_found(studio: Studio) -> None:
    """Somebody else deleted it."""
    (image,) = await unsold(studio, 1)
    end = await updated_meanwhile(studio, image, None)
    assert (end.outcome, end.detail) == (
        Outcome.NOT_FOUND,
        "The image was removed in the meantime.",
    )


async def test_a_rewrite_knows_whether_it_changes_anything(studio: Studio) -> None:
    """No text and an empty text are the same text."""
    (image,) = await unsold(studio, 1)
    bare = image.model_copy(update={"title": None, "description": None})
    assert not Rewrite(bare, "", "").changes
    assert Rewrite(bare, "A", "").changes
    assert Rewrite(bare, "", "A").changes
