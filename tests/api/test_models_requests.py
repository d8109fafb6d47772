from typing import Any

import pytest
from pydantic import ValidationError

from fw_mcp.api.models import (
    AddImagesRequest,
    DeleteImagesRequest,
    ImageLibrary,
    ImageToAdd,
    ImageToUpdate,
    ListImagesRequest,
    UpdateFileSelectionRequest,
    UpdateImagesRequest,
)
from tests.api.stand_in import GUID, OTHER_GUID, SESSION_ID

LIBRARY = ImageLibrary(name="inventory", session_id=SESSION_ID, account_key=None, site_id=2)
LIBRARY_JSON = {
    "name": "inventory",
    "session_id": SESSION_ID,
    "account_key": None,
    "site_id": 2,
}
IMAGE_JSON: dict[str, Any] = {
    "title": "Dunes",
    "description": "Sand at dusk",
    "file_name": "dunes.jpg",
    "file_size": 12_345_678,
    "thumbnail_file_name": "dunes_t.jpg",
    "preview_file_name": "dunes_p.jpg",
    "hires_file_name": "dunes_h.jpg",
    "public_thumbnail_uri": "https://example.com/t.jpg",
    "public_preview_uri": "https://example.com/p.jpg",
    "private_hires_uri": "https://example.com/h.jpg",
    "pix_w": 6000,
    "pix_h": 4000,
}


def test_a_listing_is_asked_with_every_documented_parameter() -> None:
    """Field for field as documented, with the documented defaults."""
    actual = ListImagesRequest(library=LIBRARY).model_dump(mode="json")

    assert actual == {
        "library": LIBRARY_JSON,
        "search_filter": None,
        "guid_filter": None,
        "page_number": 1,
        "per_page": 10,
        "sort_field": "id",
        "sort_direction": "DESC",
        "upload_date_from": None,
        "upload_date_to": None,
        "list_products": False,
        "active": None,
    }


def test_dates_to_send_carry_an_offset() -> None:
    """A date without one is US Central time; the service's zone is undocumented."""
    request = ListImagesRequest(
        library=LIBRARY, upload_date_from="2025-10-01", upload_date_to="2025-12-01T08:30:00+01:00"
    )

    actual = request.model_dump(mode="json")

    assert actual["upload_date_from"] == "2025-10-01T00:00:00-05:00"
    assert actual["upload_date_to"] == "2025-12-01T08:30:00+01:00"


def test_an_image_to_add_goes_out_field_for_field() -> None:
    """The documented twelve fields."""
    request = AddImagesRequest(images=[IMAGE_JSON], library=LIBRARY)

    actual = request.model_dump(mode="json")

    assert actual == {"images": [IMAGE_JSON], "library": LIBRARY_JSON}


def test_title_and_description_of_an_image_to_add_may_be_left_out() -> None:
    """The title then defaults to the file name, at the service."""
    given = {key: value for key, value in IMAGE_JSON.items() if key not in {"title", "description"}}

    actual = ImageToAdd(**given).model_dump(mode="json")

    assert actual == IMAGE_JSON | {"title": None, "description": None}


def test_an_update_always_sends_title_and_description() -> None:
    """A left-out one might be blanked; there is no library in an update."""
    request = UpdateImagesRequest(
        images=[ImageToUpdate(guid=GUID.upper(), title="Dunes", description=None)]
    )

    actual = request.model_dump(mode="json")

    assert actual == {
        "images": [{"guid": GUID, "title": "Dunes", "description": None}],
        "account_key": None,
    }


def test_a_deletion_names_guids_and_a_whole_library() -> None:
    """The library is required, although the sample shows null."""
    actual = DeleteImagesRequest(guids=[GUID, OTHER_GUID], library=LIBRARY).model_dump(mode="json")

    assert actual == {"guids": [GUID, OTHER_GUID], "library": LIBRARY_JSON}


def test_a_selection_names_its_guids_and_its_key() -> None:
    """Any number of guids: the whole wanted set goes in one call."""
    actual = UpdateFileSelectionRequest(guids=[GUID] * 300, guid=OTHER_GUID)

    assert actual.model_dump(mode="json") == {"guids": [GUID] * 300, "guid": OTHER_GUID}


@pytest.mark.parametrize(
    "member",
    [
        {"name": "both"},
        {"session_id": "short"},
        {"session_id": "x" * 51},
        {"site_id": 0},
        {"sitE_id": 2},
    ],
)
def test_a_library_outside_the_limits_is_refused(member: dict[str, Any]) -> None:
    """`name` is one of two, `session_id` has 8-50 characters, `site_id` is positive."""
    with pytest.raises(ValidationError):
        ImageLibrary(**LIBRARY_JSON | member)


@pytest.mark.parametrize(
    "member",
    [
        {"page_number": 0},
        {"per_page": 0},
        {"per_page": 51},
        {"sort_field": "rank"},
        {"sort_direction": "down"},
        {"guid_filter": []},
        {"guid_filter": ["5f0c"]},
        {"guid_filter": [GUID] * 51},
        {"upload_date_from": "soon"},
        {"search_filter": "half \ud83d emoji"},
        {"search": "dunes"},
    ],
)
def test_a_listing_outside_the_limits_is_refused(member: dict[str, Any]) -> None:
    """An empty `guid_filter` above all, since it might list everything."""
    with pytest.raises(ValidationError):
        ListImagesRequest(library=LIBRARY, **member)


@pytest.mark.parametrize(
    "member",
    [
        {"description": "x" * 301},
        {"file_name": ""},
        {"file_name": "x" * 201},
        {"hires_file_name": "x" * 201},
        {"private_hires_uri": "x" * 501},
        {"file_size": 0},
        {"pix_w": 0},
        {"pix_h": -1},
        {"title": "half \ud83d emoji"},
        {"artist": "someone"},
    ],
)
def test_an_image_to_add_outside_the_limits_is_refused(member: dict[str, Any]) -> None:
    """The documented lengths, positive sizes, whole characters, no unknown field."""
    with pytest.raises(ValidationError):
        ImageToAdd(**IMAGE_JSON | member)


@pytest.mark.parametrize("count", [0, 6])
def test_an_add_takes_one_to_five_images(count: int) -> None:
    """The documented limit."""
    with pytest.raises(ValidationError):
        AddImagesRequest(images=[IMAGE_JSON] * count, library=LIBRARY)


@pytest.mark.parametrize("guids", [[], [GUID] * 51, ["not a guid"]])
def test_a_deletion_takes_one_to_fifty_guids(guids: list[str]) -> None:
    """Ours, since none is documented; malformed guids are not reported by the service."""
    with pytest.raises(ValidationError):
        DeleteImagesRequest(guids=guids, library=LIBRARY)


def test_a_refused_request_does_not_repeat_what_it_was_given() -> None:
    """A print master's address may be a secret, and validation errors reach logs."""
    with pytest.raises(ValidationError) as caught:
        ImageToAdd(**IMAGE_JSON | {"private_hires_uri": "https://secret.example/" + "x" * 500})

    assert "secret" not in str(caught.value)
