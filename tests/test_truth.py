"""The judge of what the service holds, judged."""

import pytest

from fw_mcp.api.models import ImageDetails, LibraryName, ListImagesRequest
from tests.support.studio import Studio
from tests.support.truth import holdings

pytestmark = pytest.mark.anyio


async def pages(studio: Studio, name: LibraryName) -> list[ImageDetails]:
    """The images of every page of a library."""
    images: list[ImageDetails] = []
    library = studio.api.library(name)
    while True:
        request = ListImagesRequest(
            library=library, page_number=len(images) // 50 + 1, per_page=50, list_products=True
        )
        page = (await studio.api.list_images(request)).images
        images += page
        if len(page) < 50:
            return images


@pytest.mark.parametrize("name", ["inventory", "temporary"])
async def test_the_tables_hold_what_the_pages_list(studio: Studio, name: LibraryName) -> None:
    """Each image with each product, in the same order: the judge and the service agree."""
    held = await holdings(studio, name)
    assert held
    assert list(held.values()) == await pages(studio, name)
