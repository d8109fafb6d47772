"""Any JSON as the arguments of every tool: valid, or refused in words with nothing sent."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from fw_mcp.api.models import ImageLibrary, ListImagesRequest
from fw_mcp.errors import ArgumentsError
from fw_mcp.server.app import TOOLS
from fw_mcp.server.arguments import DateFrom, DateTo, read_arguments
from fw_mcp.server.tool import library_tool
from tests.fuzz.effort import effort
from tests.fuzz.odd import DATES, GUID, OBJECTS, TEXTS, near_object
from tests.support.studio import Studio, text_of

pytestmark = pytest.mark.anyio

# What keeps a call that happens to be valid from changing anything.
HARMLESS: dict[str, dict[str, Any]] = {
    "search_images": {},
    "search_products": {},
    "view_images": {},
    "inspect_files": {},
    "list_changes": {},
    "add_images": {"dry_run": True},
    "update_image_metadata": {"dry_run": True},
    "delete_images": {"dry_run": True},
    "set_selection": {"unknown": 1},
    "undo_change": {"dry_run": True},
}
DEFINITIONS = {tool.name: tool for tool in (library_tool(fn) for fn in TOOLS)}
PLANNED = ("update_image_metadata", "delete_images")

tools = pytest.mark.parametrize("tool", DEFINITIONS)


def calls(tool: str) -> st.SearchStrategy[dict[str, Any]]:
    """Arguments of a call: any object, or one close to the published schema."""
    return OBJECTS | near_object(DEFINITIONS[tool].parameters)


def test_every_tool_is_tried() -> None:
    """A new one has to be named here, with what makes a call of it harmless."""
    assert set(HARMLESS) == set(DEFINITIONS)


@tools
@effort(0.6)
@given(data=st.data())
def test_any_object_is_valid_arguments_or_one_error(data: st.DataObject, tool: str) -> None:
    """Nothing else of Python's or pydantic's comes out."""
    arguments = data.draw(calls(tool))
    model = DEFINITIONS[tool].fn_metadata.arg_model
    with suppress(ArgumentsError):
        valid = read_arguments(f"{tool} was not run", model, arguments)
        assert set(valid) == set(model.model_fields)


@tools
@effort(0.3)
@given(data=st.data())
async def test_no_call_crashes_a_tool_and_a_refused_one_sends_nothing(
    studio: Studio, data: st.DataObject, tool: str
) -> None:
    """Whatever a model writes, the answer is a result or an error of our words."""
    arguments = data.draw(calls(tool)) | HARMLESS[tool]
    studio.wire.sent.clear()
    async with studio.client() as client:
        result = await client.call_tool(tool, arguments)
    told = "\n".join(block.text for block in result.content if block.type == "text")
    assert "failed in a way it should not" not in told
    if f"{tool} was not run" in told:
        assert studio.wire.sent == []
    assert studio.wire.writes == []


@effort(2)
@given(DATES)
@example("2025-01-01T00:00:00+05:30:15")
def test_any_date_that_is_taken_can_be_sent(text: str) -> None:
    """What the arguments let in, the API's own models take."""
    try:
        given_dates = [TypeAdapter(kind).validate_python(text) for kind in (DateFrom, DateTo)]
    except ValidationError:
        return
    library = ImageLibrary(session_id="0" * 32)
    for sent in given_dates:
        request = ListImagesRequest(library=library, upload_date_from=sent, upload_date_to=sent)
        assert json.loads(request.model_dump_json())["upload_date_from"]


@pytest.mark.parametrize("tool", PLANNED)
@effort(0.3)
@given(plan_id=TEXTS | st.from_regex(r"[0-9a-f]{16}", fullmatch=True))
async def test_no_text_is_taken_for_a_plan(studio: Studio, tool: str, plan_id: str) -> None:
    """An id that was not given out is refused, or means none at all, and nothing is written."""
    what = {"guids": [GUID]} if tool == "delete_images" else {"images": [{"guid": GUID}]}
    studio.wire.sent.clear()
    async with studio.client() as client:
        result = await client.call_tool(tool, what | {"plan_id": plan_id})
    assert studio.wire.writes == []
    if plan_id:
        assert result.is_error, plan_id
        assert "This call sent nothing." in text_of(result) or "Nothing was sent" in text_of(result)
