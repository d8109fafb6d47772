"""Any text as the URI of a resource: its document, or a refusal that blames the URI."""

import json
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from mcp.client import Client
from mcp.shared.exceptions import MCPError
from mcp.types import INVALID_PARAMS, ReadResourceResult, TextResourceContents

from tests.fuzz.effort import effort
from tests.fuzz.odd import TEXTS
from tests.support.studio import Mode, Studio

pytestmark = pytest.mark.anyio

# What the specification gave a resource that is not there before -32602 took its place.
NOT_FOUND = -32002
NAMES = ("library", "search_filter", "active", "sort_field", "sort_direction", "page_number",
         "per_page", "guid")  # fmt: skip
ROOTS = ("finerworks://images", "finerworks://images/", "finerworks://selections/", "finerworks://",
         "finerworks://products", "FINERWORKS://IMAGES", "file:///", "http://[",
         "finerworks:")  # fmt: skip
SMALL = st.integers(-1, 60).map(str)
ESCAPED = TEXTS.map(quote) | st.binary(max_size=6).map(quote)
PAIRS = st.tuples(st.sampled_from(NAMES) | TEXTS | ESCAPED, SMALL | TEXTS | ESCAPED)
QUERIES = st.lists(PAIRS.map("=".join), max_size=4).map("&".join)
URIS = st.one_of(
    TEXTS,
    st.tuples(st.sampled_from(ROOTS), TEXTS | ESCAPED).map("".join),
    st.tuples(st.sampled_from(ROOTS), QUERIES).map("?".join),
)


@pytest.mark.parametrize("mode", ["auto", "legacy"])
@effort(2)
@given(uri=URIS)
@example(uri="finerworks://[")
@example(uri="http://[::1")
@example(uri="finerworks://images?page_number=99999999999999999999")
@example(uri="finerworks://images?search_filter=%ed%a0%80")
async def test_any_uri_is_read_or_refused_for_what_it_is(
    studio: Studio, mode: Mode, uri: str
) -> None:
    """Never an error of the server's own, and never a write."""
    async with studio.client(mode=mode) as client:
        outcome = await _outcome(client, uri)
    if isinstance(outcome, MCPError):
        assert outcome.code in {INVALID_PARAMS, NOT_FOUND}, str(outcome)
    else:
        (content,) = outcome.contents
        assert isinstance(content, TextResourceContents)
        json.loads(content.text)
    assert studio.wire.writes == []


async def _outcome(client: Client, uri: str) -> ReadResourceResult | MCPError:
    try:
        return await client.read_resource(uri)
    except MCPError as error:
        return error
