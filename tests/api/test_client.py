import json
import ssl
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import truststore

from fw_mcp.api.client import FinerWorksClient
from fw_mcp.api.connection import BaseUrl
from fw_mcp.api.models import (
    AddImagesResponse,
    CredentialsResponse,
    FileSelectionResponse,
    ImageDetails,
    ImageLibrary,
    ListImagesResponse,
    Status,
    StatusResponse,
    UpdateImagesRequest,
)
from fw_mcp.api.transport import retry_after_s, tls_for
from fw_mcp.errors import ArgumentsError, ConfigError, Reason
from tests.api import calls
from tests.api.stand_in import (
    EMPTY_PAGE,
    GUID,
    KEYS,
    OTHER_GUID,
    SESSION_ID,
    SUCCESS,
    Call,
    Service,
    client_of,
)

pytestmark = pytest.mark.anyio

STATUS = Status(success=True, status_code=200, message="Success", reference_id="ab" * 16)
INVENTORY = {"name": "inventory", "session_id": SESSION_ID, "account_key": None, "site_id": 2}


@pytest.mark.parametrize(
    ("call", "method", "url", "sent"),
    [
        (
            calls.list_images,
            "POST",
            "/v3/list_images",
            {
                "library": INVENTORY,
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
            },
        ),
        (
            calls.add_images,
            "POST",
            "/v3/add_images",
            {
                "images": [calls.IMAGE.model_dump()],
                "library": INVENTORY | {"name": "temporary"},
            },
        ),
        (
            calls.update_images,
            "PUT",
            "/v3/update_images",
            {
                "images": [{"guid": GUID, "title": "Dunes", "description": ""}],
                "account_key": None,
            },
        ),
        (
            calls.delete_images,
            "DELETE",
            "/v3/delete_images",
            {"guids": [GUID], "library": INVENTORY},
        ),
        (
            calls.update_file_selection,
            "PUT",
            "/v3/update_file_selection",
            {"guids": [GUID], "guid": OTHER_GUID},
        ),
        (calls.list_file_selection, "GET", f"/v3/list_file_selection?guid={OTHER_GUID}", None),
        (calls.check_credentials, "GET", "/v3/test_my_credentials", None),
    ],
)
async def test_each_endpoint_is_called_as_documented(
    call: Call, method: str, url: str, sent: dict[str, Any] | None
) -> None:
    """Verb, path, query and JSON body, also for DELETE; the library is always whole."""
    service = Service(httpx.Response(200, json=EMPTY_PAGE | {"guids": []}))

    async with client_of(service) as client:
        await call(client)

    (request,) = service.requests
    assert request.method == method
    assert str(request.url) == f"https://api.finerworks.com{url}"
    assert (json.loads(request.content) if request.content else None) == sent


@pytest.mark.parametrize(
    ("call", "answer", "read"),
    [
        (
            calls.list_images,
            EMPTY_PAGE,
            ListImagesResponse(status=STATUS, images=[], page_number=1, per_page=0, count=0),
        ),
        (
            calls.add_images,
            {"images": [{"id": 1, "guid": GUID}]},
            AddImagesResponse(status=STATUS, images=[ImageDetails(id=1, guid=GUID)]),
        ),
        (calls.update_images, {}, StatusResponse(status=STATUS)),
        (calls.delete_images, {}, StatusResponse(status=STATUS)),
        (
            calls.update_file_selection,
            {"guids": [GUID]},
            FileSelectionResponse(status=STATUS, guids=[GUID]),
        ),
        (
            calls.list_file_selection,
            {"guids": [GUID]},
            FileSelectionResponse(status=STATUS, guids=[GUID]),
        ),
        (
            calls.check_credentials,
            {"user_account": {"username": "jane", "app_details": {"app_live_mode": True}}},
            CredentialsResponse.model_validate(
                {
                    "status": SUCCESS,
                    "user_account": {"username": "jane", "app_details": {"app_live_mode": True}},
                }
            ),
        ),
    ],
)
@pytest.mark.parametrize("status_code", [200, 201])
async def test_each_endpoint_answers_with_its_model(
    call: Call, answer: dict[str, Any], read: object, status_code: int
) -> None:
    """Any HTTP 2xx with `status.success` true."""
    service = Service(httpx.Response(status_code, json={"status": SUCCESS} | answer))

    async with client_of(service) as client:
        assert await call(client) == read


async def test_keys_are_added_to_a_request_as_it_leaves() -> None:
    """Two headers of each request; never the URL, never the client."""
    service = Service(httpx.Response(200, json=EMPTY_PAGE))

    async with client_of(service) as client:
        await calls.list_images(client)
        shown = repr(client)

    (request,) = service.requests
    assert request.headers["web_api_key"] == KEYS.web_api_key
    assert request.headers["app_key"] == KEYS.app_key
    assert "canary" not in str(request.url) + request.content.decode() + shown


async def test_nothing_but_plain_json_is_accepted() -> None:
    """Identity encoding, so that the cap counts what is read."""
    service = Service(httpx.Response(200, json=EMPTY_PAGE))

    async with client_of(service) as client:
        await calls.list_images(client)

    headers = service.requests[0].headers
    assert headers["accept"] == "application/json"
    assert headers["accept-encoding"] == "identity"
    assert headers["content-type"] == "application/json"


async def test_a_path_in_the_base_url_stays_in_front() -> None:
    """The in-process sandbox and gateways are called the same way."""
    service = Service(httpx.Response(200, json=EMPTY_PAGE))

    async with client_of(service, base_url="http://sandbox.localhost/prints/") as client:
        await calls.list_images(client)

    assert str(service.requests[0].url) == "http://sandbox.localhost/prints/v3/list_images"


def test_the_library_always_has_all_four_members() -> None:
    """Peers leave two of them out; the session id is made once and kept."""
    client = client_of(Service(httpx.Response(200)), account_key="other-account")

    assert client.library("temporary") == ImageLibrary(
        name="temporary", session_id=SESSION_ID, account_key="other-account", site_id=2
    )
    assert client.library("temporary").model_fields_set >= {"name", "session_id", "site_id"}


@pytest.mark.parametrize(("given", "sent"), [(None, "other-account"), ("third", "third")])
async def test_an_update_acts_for_the_client_s_account(given: str | None, sent: str) -> None:
    """An update has no library, so a left-out account key would hit the app's own account."""
    service = Service(httpx.Response(200, json={"status": SUCCESS}))
    images = [{"guid": GUID, "title": None, "description": None}]

    async with client_of(service, account_key="other-account") as client:
        await client.update_images(UpdateImagesRequest(images=images, account_key=given))

    assert json.loads(service.requests[0].content)["account_key"] == sent


async def test_a_selection_s_key_must_be_a_guid() -> None:
    """It is refused before anything is sent."""
    service = Service(httpx.Response(200))

    async with client_of(service) as client:
        with pytest.raises(ArgumentsError):
            await client.list_file_selection("../list_images")

    assert service.requests == []


@pytest.mark.parametrize("session_id", ["", "short", "x" * 51])
def test_a_session_id_outside_the_limits_is_a_setting_s_fault(session_id: str) -> None:
    """8-50 characters, told when the client is made."""
    with pytest.raises(ConfigError) as caught:
        FinerWorksClient(base_url="https://api.finerworks.com", keys=KEYS, session_id=session_id)

    assert caught.value.reason is Reason.INVALID_SETTING


def test_a_base_url_is_checked_when_the_client_is_made() -> None:
    """Not at the first call."""
    with pytest.raises(ConfigError):
        client_of(Service(httpx.Response(200)), base_url="http://api.finerworks.com")


async def test_a_client_that_was_never_used_closes() -> None:
    """Nothing was opened."""
    async with client_of(Service(httpx.Response(200))):
        pass


def test_https_trusts_what_the_operating_system_trusts() -> None:
    """Companies install their own authorities there."""
    actual = tls_for(BaseUrl.parse("https://api.finerworks.com"))

    assert isinstance(actual, truststore.SSLContext)
    assert actual.verify_mode is ssl.CERT_REQUIRED


NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("9" * 400, None),
        ("Thu, 01 Jan 99999999999 12:00:00 GMT", None),
        ("0", 0),
        ("17", 17),
        ("Thu, 01 Jan 2026 12:00:30 GMT", 30),
        ("Thu, 01 Jan 2026 12:00:30 -0000", 30),
        ("Thu, 01 Jan 2026 11:00:00 GMT", 0),
    ],
)
def test_a_retry_after_is_read_in_both_its_forms(header: str | None, seconds: float | None) -> None:
    """Seconds or an HTTP date; a past date means now."""
    assert retry_after_s(header, NOW) == seconds
