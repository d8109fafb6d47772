"""A deletion: what it keeps on record, and what it takes for gone."""

import httpx
import pytest

from fw_mcp.api.models import ImageDetails
from fw_mcp.writes.delete import delete_in_chunks
from fw_mcp.writes.outcomes import Outcome
from tests.support.recorder import Sent
from tests.support.studio import Studio
from tests.support.truth import sold, unsold
from tests.writes.runs import ended_as, items, numbered, run_of

pytestmark = pytest.mark.anyio

STATUS = {"success": True, "status_code": 200}


async def test_a_deletion_keeps_the_full_former_record_with_its_products(studio: Studio) -> None:
    """FinerWorks cannot undo it; what there was is at least known."""
    (image,) = await sold(studio, 1)
    await delete_in_chunks(run_of(studio, "delete_images"), {0: image}, "inventory")
    (deleted,) = await items(studio)
    assert ImageDetails.model_validate(deleted.before) == image
    assert (deleted.item, deleted.guid) == (0, image.guid)
    assert deleted.sent == {"guid": image.guid, "library": "inventory"}


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
    ended = await delete_in_chunks(run_of(studio, "delete_images"), images, "inventory")
    assert ended_as(ended) == [Outcome.UNKNOWN, Outcome.UNKNOWN]
