"""An add that was given up as lost, and is carried out after it was sent again."""

from collections import Counter

import httpx
import pytest

from fw_mcp.api.models import AddImagesRequest
from tests.support.recorder import Sent
from tests.support.studio import Studio, said
from tests.support.truth import holdings, new_images, rows_of

pytestmark = pytest.mark.anyio


async def test_more_images_than_were_asked_for_end_the_job_and_are_named(studio: Studio) -> None:
    """Promise: stop and say so when more appeared than was sent."""
    lost: list[AddImagesRequest] = []

    async def late(sent: Sent) -> httpx.Response | None:
        if sent.endpoint == "add_images" and not lost:
            lost.append(AddImagesRequest.model_validate(sent.body))
            return httpx.Response(500)
        if sent.endpoint == "add_images" and len(lost) == 1:
            # The service gets round to the first request only now.
            await studio.api.add_images(lost[0])
            lost.append(lost[0])
        return None

    studio.wire.on_the_way = late
    async with studio.client() as client:
        result = said(await client.call_tool("add_images", {"images": new_images(60)}))
    files = Counter(one.private_hires_uri for one in (await holdings(studio)).values())
    doubled = [image for image in new_images(60) if files[str(image["private_hires_uri"])] == 2]
    assert len(doubled) == 5
    guids = set(await holdings(studio))
    for row in rows_of(result)[:5]:
        assert "FinerWorks lists 2 images of" in row["detail"]
        assert sum(guid in row["detail"] for guid in guids) == 2
    assert "Delete the extra ones." in rows_of(result)[0]["detail"]
    assert {row["outcome"] for row in rows_of(result)[5:]} == {"not_attempted"}
    assert "in FinerWorks more than once" in result["message"]
    assert result["status"] == "incomplete"
    assert max(files.values()) == 2


async def test_images_that_the_service_stored_twice_by_itself_are_named_too(
    studio: Studio,
) -> None:
    """A proxy may send a request again, which nobody here did."""
    twice: list[AddImagesRequest] = []

    async def doubled(sent: Sent) -> httpx.Response | None:
        if sent.endpoint == "add_images" and not twice:
            twice.append(AddImagesRequest.model_validate(sent.body))
            await studio.api.add_images(twice[0])
            await studio.api.add_images(twice[0])
            raise httpx.ReadTimeout("no answer")
        return None

    studio.wire.on_the_way = doubled
    async with studio.client() as client:
        result = said(await client.call_tool("add_images", {"images": new_images(7)}))
    assert [row["outcome"] for row in result["images"]] == ["adopted"] * 5 + ["not_attempted"] * 2
    assert all("FinerWorks lists 2 images of" in row["detail"] for row in rows_of(result)[:5])
    assert result["status"] == "incomplete"
