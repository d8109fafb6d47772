"""A page of images comes through the whole house, in both protocol eras."""

import pytest

from tests.support.studio import Mode, Studio, said

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_search_reaches_the_sandbox_and_comes_back(studio: Studio, mode: Mode) -> None:
    """Promise: everything the API does with images, on both eras."""
    async with studio.client(mode=mode) as client:
        result = said(await client.call_tool("search_images", {"per_page": 2}))
    assert (len(result["images"]), result["per_page"]) == (2, 2)
