"""What fuzzing found, one fact each."""

import pytest
from mcp.shared.exceptions import MCPError
from mcp.types import INVALID_PARAMS

from tests.support.studio import Mode, Studio, text_of

pytestmark = pytest.mark.anyio

modes = pytest.mark.parametrize("mode", ["auto", "legacy"])


@modes
@pytest.mark.parametrize("argument", ["upload_date_from", "upload_date_to"])
async def test_a_date_with_seconds_in_its_offset_is_refused_in_words(
    studio: Studio, mode: Mode, argument: str
) -> None:
    """Python reads such a date and the API's models do not: it crashed the tool."""
    async with studio.client(mode=mode) as client:
        result = await client.call_tool("search_images", {argument: "2025-01-01T00:00:00+05:30:15"})
    assert result.is_error
    assert "has seconds in its offset" in text_of(result)
    assert studio.wire.sent == []


@modes
@pytest.mark.parametrize("uri", ["finerworks://[", "http://[::1", "finerworks://images]?page=1"])
async def test_a_uri_that_cannot_be_taken_apart_is_blamed_on_the_caller(
    studio: Studio, mode: Mode, uri: str
) -> None:
    """It was an error of the server's own, and to older clients one in Python's words."""
    async with studio.client(mode=mode) as client:
        with pytest.raises(MCPError) as told:
            await client.read_resource(uri)
    assert told.value.code == INVALID_PARAMS
    assert told.value.message == f'"{uri}" is not a URI. Nothing was read.'
    assert studio.wire.sent == []


async def test_a_page_number_beyond_the_services_integers_is_blamed_on_the_caller(
    studio: Studio,
) -> None:
    """The service refused it, which looked like a failure of the server."""
    async with studio.client() as client:
        with pytest.raises(MCPError) as told:
            await client.read_resource(f"finerworks://images?page_number={2**31}")
    assert told.value.code == INVALID_PARAMS
    assert "page_number" in told.value.message
    assert studio.wire.sent == []
