import pytest

from fw_mcp.sandbox.app import create_app
from fw_mcp.sandbox.keys import SANDBOX_APP_KEY
from tests.sandbox.wire import Json, calling, listed

pytestmark = pytest.mark.anyio

ROUTES = {
    ("/v3/list_images", "post"),
    ("/v3/add_images", "post"),
    ("/v3/update_images", "put"),
    ("/v3/delete_images", "delete"),
    ("/v3/update_file_selection", "put"),
    ("/v3/list_file_selection", "get"),
    ("/v3/list_virtual_inventory", "post"),
    ("/v3/test_my_credentials", "get"),
}


async def document() -> Json:
    """The document, fetched without keys."""
    async with calling(create_app(), {}) as stranger:
        return dict((await stranger.get("/openapi.json")).json())


async def test_the_document_covers_exactly_the_routes_of_the_reference() -> None:
    """Eight endpoints, each under its own verb, none that is not served."""
    paths = (await document())["paths"]
    assert {(path, verb) for path, operations in paths.items() for verb in operations} == ROUTES
    async with calling(create_app()) as caller:
        for path, verb in ROUTES:
            answer = await caller.request(verb, path, content=b"{}")
            assert answer.status_code in {200, 400}, path


async def test_the_document_says_where_it_is_and_what_keys_it_takes() -> None:
    """OpenAPI 3.1, with both keys in headers, and what the sandbox's are."""
    found = await document()
    assert found["openapi"] == "3.1.0"
    assert found["servers"] == [{"url": "http://sandbox.localhost"}]
    assert found["components"]["securitySchemes"]["app_key"] == {
        "type": "apiKey",
        "in": "header",
        "name": "app_key",
        "description": f"The sandbox's: {SANDBOX_APP_KEY}",
    }


async def test_the_document_states_the_limits_that_are_checked() -> None:
    """Required members, lengths, numbers and enumerations."""
    operation = (await document())["paths"]["/v3/list_images"]["post"]
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    members = schema["properties"]
    assert schema["required"] == ["library"]
    assert members["library"]["required"] == ["name", "session_id", "site_id"]
    assert members["library"]["properties"]["session_id"] == {
        "type": "string",
        "minLength": 8,
        "maxLength": 50,
    }
    assert members["per_page"] == {"type": "integer", "minimum": 1, "maximum": 50}
    assert members["sort_direction"]["enum"] == ["ASC", "DESC"]
    assert members["active"] == {"type": "boolean"}


async def test_a_query_is_described_as_parameters() -> None:
    """``list_file_selection`` takes its guid there, ``test_my_credentials`` nothing."""
    paths = (await document())["paths"]
    assert paths["/v3/list_file_selection"]["get"]["parameters"] == [
        {
            "name": "guid",
            "in": "query",
            "required": True,
            "schema": {"type": "string", "format": "uuid"},
        }
    ]
    assert "parameters" not in paths["/v3/test_my_credentials"]["get"]


async def test_the_document_describes_the_answers_that_are_given() -> None:
    """The members of a real page, and of a real image, are those of the document."""
    found = await document()
    responses = found["paths"]["/v3/list_images"]["post"]["responses"]
    schema = responses["200"]["content"]["application/json"]["schema"]
    async with calling(create_app()) as caller:
        page = await listed(caller)
    assert list(page) == schema["required"]
    described = found["components"]["schemas"]["image_details"]["properties"]
    assert set(page["images"][0]) == set(described)
    assert set(page["status"]) == set(found["components"]["schemas"]["status"]["properties"])
