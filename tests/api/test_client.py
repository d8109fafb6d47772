import json
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from fw_mcp.api.client import FinerWorksClient
from fw_mcp.api.models import (
    AddImagesRequest,
    CredentialsResponse,
    DeleteImagesRequest,
    FileSelectionResponse,
    ImageDetails,
    ImageLibrary,
    ImageToAdd,
    ListImagesRequest,
    ListImagesResponse,
    Status,
    StatusResponse,
    UpdateFileSelectionRequest,
    UpdateImagesRequest,
)
from fw_mcp.errors import ArgumentsError, ConfigError, Reason
from tests.api.stand_in import (
    EMPTY_PAGE,
    GUID,
    KEYS,
    OTHER_GUID,
    SESSION_ID,
    SUCCESS,
    Service,
    client_of,
)

pytestmark = pytest.mark.anyio

STATUS = Status(success=True, status_code=200, message="Success", reference_id="ab" * 16)
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

Call = Callable[[FinerWorksClient], Awaitable[object]]


def list_images(client: FinerWorksClient) -> Awaitable[object]:
    """A read with a body."""
    return client.list_images(ListImagesRequest(library=client.library("inventory")))


def add_images(client: FinerWorksClient) -> Awaitable[object]:
    """A write that is not idempotent."""
    return client.add_images(AddImagesRequest(images=[IMAGE], library=client.library("temporary")))


def update_images(client: FinerWorksClient) -> Awaitable[object]:
    """A write without a library."""
    images = [{"guid": GUID, "title": "Dunes", "description": ""}]
    return client.update_images(UpdateImagesRequest(images=images))


def delete_images(client: FinerWorksClient) -> Awaitable[object]:
    """A DELETE with a body."""
    return client.delete_images(
        DeleteImagesRequest(guids=[GUID], library=client.library("inventory"))
    )


def update_file_selection(client: FinerWorksClient) -> Awaitable[object]:
    """A write of a selection."""
    return client.update_file_selection(UpdateFileSelectionRequest(guids=[GUID], guid=OTHER_GUID))


def list_file_selection(client: FinerWorksClient) -> Awaitable[object]:
    """A read with a query."""
    return client.list_file_selection(OTHER_GUID.upper())


def test_my_credentials(client: FinerWorksClient) -> Awaitable[object]:
    """A read with nothing."""
    return client.test_my_credentials()


LIBRARY_JSON = {"session_id": SESSION_ID, "account_key": None, "site_id": 2}
