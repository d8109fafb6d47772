"""One call of each endpoint, as tests make it."""

from collections.abc import Awaitable

from fw_mcp.api.client import FinerWorksClient
from fw_mcp.api.inventory import ListVirtualInventoryRequest
from fw_mcp.api.models import (
    AddImagesRequest,
    DeleteImagesRequest,
    ImageToAdd,
    ListImagesRequest,
    UpdateFileSelectionRequest,
    UpdateImagesRequest,
)
from tests.api.stand_in import GUID, OTHER_GUID, Call

IMAGE = ImageToAdd(
    title="Dünen \U0001f600",
    file_name="dunes.jpg",
    file_size=1,
    thumbnail_file_name="t.jpg",
    preview_file_name="p.jpg",
    hires_file_name="h.jpg",
    public_thumbnail_uri="https://example.com/t.jpg",
    public_preview_uri="https://example.com/p.jpg",
    private_hires_uri="https://example.com/h.jpg",
    pix_w=6000,
    pix_h=4000,
)


def list_images(client: FinerWorksClient) -> Awaitable[object]:
    """A read with a body."""
    return client.list_images(ListImagesRequest(library=client.library("inventory")))


def list_file_selection(client: FinerWorksClient) -> Awaitable[object]:
    """A read with a query."""
    return client.list_file_selection(OTHER_GUID.upper())


def list_virtual_inventory(client: FinerWorksClient) -> Awaitable[object]:
    """A read without a library."""
    return client.list_virtual_inventory(ListVirtualInventoryRequest(sku_filter=["AP1"]))


def check_credentials(client: FinerWorksClient) -> Awaitable[object]:
    """A read with neither."""
    return client.test_my_credentials()


def add_images(client: FinerWorksClient) -> Awaitable[object]:
    """A write that is not idempotent."""
    return client.add_images(AddImagesRequest(images=[IMAGE], library=client.library("temporary")))


def update_images(client: FinerWorksClient) -> Awaitable[object]:
    """A write without a library."""
    images = [{"guid": GUID, "title": "Dunes", "description": ""}]
    return client.update_images(UpdateImagesRequest(images=images))


def delete_images(client: FinerWorksClient) -> Awaitable[object]:
    """A DELETE with a body."""
    request = DeleteImagesRequest(guids=[GUID], library=client.library("inventory"))
    return client.delete_images(request)


def update_file_selection(client: FinerWorksClient) -> Awaitable[object]:
    """A write of a selection."""
    return client.update_file_selection(UpdateFileSelectionRequest(guids=[GUID], guid=OTHER_GUID))


READS: tuple[Call, ...] = (
    list_images,
    list_file_selection,
    list_virtual_inventory,
    check_credentials,
)
WRITES: tuple[Call, ...] = (add_images, update_images, delete_images, update_file_selection)
