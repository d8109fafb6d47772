"""Rules over every tool definition: what hosts refuse, and what a model needs to read."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from mcp.types import Tool
from pydantic import BaseModel, Field

from fw_mcp.guard.effects import EFFECTS, Effect
from fw_mcp.sandbox.seed import INVENTORY_PER_SERIES
from fw_mcp.server.tool import plain
from tests.support.contract import Published, published
from tests.support.studio import Mode, make_studio, said, text_of
from tests.support.uploading import Shelf

Schema = Mapping[str, Any]

KEYWORDS = {
    "additionalProperties",
    "default",
    "description",
    "enum",
    "items",
    "maxItems",
    "maxLength",
    "maximum",
    "minItems",
    "minLength",
    "minimum",
    "properties",
    "required",
    "type",
}
TOOLS = tuple(EFFECTS)
# Limits beyond what anybody writes, or that a file's own name and address keep by themselves.
ROOMY = {
    "search_filter",
    "search_any[]",
    "file_name_contains[]",
    "files[]",
    "file_name",
    "thumbnail_file_name",
    "preview_file_name",
    "hires_file_name",
    "public_thumbnail_uri",
    "public_preview_uri",
    "private_hires_uri",
}

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def tools() -> dict[str, Tool]:
    """Every tool by name, as listed."""
    listed: Published = published()
    return {tool.name: tool for tool in listed.tools}


def schemas_in(schema: Schema, path: str = "$") -> Iterator[tuple[str, Schema]]:
    """A schema and every schema inside it, with its place."""
    yield path, schema
    for name, part in schema.get("properties", {}).items():
        yield from schemas_in(part, f"{path}.{name}")
    if "items" in schema:
        yield from schemas_in(schema["items"], f"{path}[]")


def properties_in(schema: Schema) -> Iterator[tuple[str, Schema]]:
    """Every property, at any depth, with its place."""
    return ((path, part) for path, part in schemas_in(schema) if path.rpartition(".")[0])


def test_the_tools_are_those_of_the_table_of_effects(tools: dict[str, Tool]) -> None:
    """The guard knows each tool that is listed, and no other; ten at most."""
    assert tuple(tools) == TOOLS
    assert len(tools) <= 10


@pytest.mark.parametrize("name", TOOLS)
def test_an_input_schema_is_a_closed_object(tools: dict[str, Tool], name: str) -> None:
    """What a tool does not know it refuses, at every level."""
    objects = [
        path
        for path, schema in schemas_in(tools[name].input_schema)
        if schema["type"] == "object" and schema.get("additionalProperties") is not False
    ]
    assert (tools[name].input_schema["type"], objects) == ("object", [])


@pytest.mark.parametrize("name", TOOLS)
def test_an_input_schema_uses_only_plain_keywords(tools: dict[str, Tool], name: str) -> None:
    """Codex, Cursor, Gemini and the Claude API each refuse some of the others."""
    used = {word for _, schema in schemas_in(tools[name].input_schema) for word in schema}
    assert used <= KEYWORDS


BELONGS_TO = {
    "additionalProperties": {"object"},
    "enum": {"string"},
    "items": {"array"},
    "maxItems": {"array"},
    "maxLength": {"string"},
    "maximum": {"integer", "number"},
    "minItems": {"array"},
    "minLength": {"string"},
    "minimum": {"integer", "number"},
    "properties": {"object"},
    "required": {"object"},
}
PYTHON_TYPES = {"string": str, "integer": int, "boolean": bool, "array": list}


@pytest.mark.parametrize("name", TOOLS)
def test_every_keyword_fits_its_type(tools: dict[str, Tool], name: str) -> None:
    """A length on a list is said to nobody, and strict validators complain of it to people."""
    schemas = [*schemas_in(tools[name].input_schema), *schemas_in(tools[name].output_schema or {})]
    astray = [
        (path, word)
        for path, schema in schemas
        if isinstance(schema.get("type"), str)
        for word in schema
        if schema["type"] not in BELONGS_TO.get(word, {schema["type"]})
    ]
    assert astray == []


@pytest.mark.parametrize("name", TOOLS)
def test_every_default_is_of_its_type(tools: dict[str, Tool], name: str) -> None:
    """And of its enumeration: some clients send the default for what is left out."""
    for path, schema in schemas_in(tools[name].input_schema):
        if "default" in schema:
            assert type(schema["default"]) is PYTHON_TYPES[schema["type"]], path
            assert schema["default"] in schema.get("enum", [schema["default"]]), path


@pytest.mark.parametrize("name", TOOLS)
def test_what_may_be_left_out_has_a_value_that_says_so(tools: dict[str, Tool], name: str) -> None:
    """A client that requires every argument and knows no null finds one in the schema.

    Text has "", a boolean says its default in words, a list has [] or a word of its own.
    """
    schema = tools[name].input_schema
    optional = schema["properties"].keys() - set(schema.get("required", []))
    left = [
        key
        for key in optional
        if (part := schema["properties"][key])["type"] == "integer" or "enum" in part
        if "default" not in part
    ]
    assert left == []


LIMITS = ("maximum", "maxItems", "maxLength")


@pytest.mark.parametrize("name", TOOLS)
def test_a_limit_that_calls_run_into_is_said_in_words(tools: dict[str, Tool], name: str) -> None:
    """Some hosts strip these keywords before a model reads them."""
    whole = tools[name].description or ""
    unsaid = [
        path
        for path, schema in properties_in(tools[name].input_schema)
        for word in LIMITS
        if word in schema and path.rpartition(".")[2] not in ROOMY
        if str(schema[word]) not in f"{schema.get('description')} {whole}".replace(",", "")
    ]
    assert unsaid == []


@pytest.mark.parametrize("name", TOOLS)
def test_every_argument_has_one_type_and_a_description(tools: dict[str, Tool], name: str) -> None:
    """A model fills in what it can read."""
    bare = [
        path
        for path, schema in properties_in(tools[name].input_schema)
        if not isinstance(schema.get("type"), str)
        or (not path.endswith("[]") and not schema.get("description"))
    ]
    assert bare == []


@pytest.mark.parametrize("name", TOOLS)
def test_every_list_says_what_its_items_are(tools: dict[str, Tool], name: str) -> None:
    """An array without typed items is refused by Gemini."""
    schema = tools[name].input_schema
    lists = [part for _, part in schemas_in(schema) if part["type"] == "array"]
    assert [part for part in lists if "type" not in part.get("items", {})] == []


@pytest.mark.parametrize("name", TOOLS)
def test_a_list_of_objects_says_in_words_what_each_needs(tools: dict[str, Tool], name: str) -> None:
    """Some clients drop nested schemas before a model reads them."""
    unsaid = [
        (path, needed)
        for path, part in properties_in(tools[name].input_schema)
        for needed in part.get("items", {}).get("required", [])
        if needed not in part["description"]
        if not (needed.endswith("_uri") and "URIs" in part["description"])
    ]
    assert unsaid == []


# What sellers' assistants asked themselves, and no description answered.
SAID = {
    "search_images.search_filter": ("Phrase", "case-insensitive"),
    "search_images.file_name_contains": ("case-insensitive",),
    "search_images.active": ("inactive ones too",),
    "search_images.print_size": ("either way up",),
    "search_images.only": ("missing_title: none, or file_name",),
    "search_images.list_products": ("no tool changes them",),
    "update_image_metadata.images[].guid": ("either library",),
    "add_images.verify": ("Refuse differing",),
    "set_selection": ("a FinerWorks.com page opened with it",),
}


@pytest.mark.parametrize("place", SAID)
def test_what_models_wondered_about_is_said_where_they_ask(
    tools: dict[str, Tool], place: str
) -> None:
    """One clause each."""
    name, _, path = place.partition(".")
    properties = dict(properties_in(tools[name].input_schema))
    whole = tools[name].description or ""
    said: str = properties[f"$.{path}"]["description"] if path else whole
    assert [words for words in SAID[place] if words not in said] == []


@pytest.mark.parametrize("name", TOOLS)
def test_an_output_schema_has_no_references(tools: dict[str, Tool], name: str) -> None:
    """Hosts that resolve none still see the whole shape."""
    schema = json.dumps(tools[name].output_schema)
    assert [word for word in ("$ref", "$defs") if f'"{word}":' in schema] == []


@pytest.mark.parametrize("name", TOOLS)
def test_a_name_and_a_description_fit_every_host(tools: dict[str, Tool], name: str) -> None:
    """Names of at most 40 characters; descriptions of 30 to 90 words under 2,048 characters."""
    description = tools[name].description or ""
    assert re.fullmatch(r"[a-z_]{1,40}", name)
    assert 30 <= len(description.split()) <= 90
    assert len(description) <= 2048


@pytest.mark.parametrize("name", TOOLS)
def test_the_four_hints_are_those_of_the_table_of_effects(
    tools: dict[str, Tool], name: str
) -> None:
    """A host that trusts the hints and the guard that enforces them read one table."""
    hints, effect = tools[name].annotations, EFFECTS[name]
    assert hints is not None
    assert (tools[name].title, hints.title) == (effect.title, effect.title)
    assert hints.read_only_hint is effect.read_only
    assert hints.destructive_hint is effect.destructive
    assert hints.idempotent_hint is effect.idempotent
    assert hints.open_world_hint is effect.open_world


def test_what_each_tool_may_do_is_told_to_hosts(tools: dict[str, Tool]) -> None:
    """Read-only, destructive: the two hints that decide whether a host asks."""
    told = {
        name: (tool.annotations.read_only_hint, tool.annotations.destructive_hint)
        for name, tool in tools.items()
        if tool.annotations
    }
    assert told == {
        "search_images": (True, False),
        "search_products": (True, False),
        "view_images": (True, False),
        "inspect_files": (True, False),
        "list_changes": (True, False),
        "add_images": (False, False),
        "update_image_metadata": (False, True),
        "delete_images": (False, True),
        "set_selection": (False, True),
        "undo_change": (False, True),
    }


@pytest.mark.parametrize("name", TOOLS)
def test_hosts_that_hide_tools_are_told_when_to_show_them(
    tools: dict[str, Tool], name: str
) -> None:
    """And keep "always allow" off what may destroy."""
    hints = tools[name].meta or {}
    assert 3 <= len(hints["anthropic/searchHint"].split()) <= 15
    asks = EFFECTS[name].effect is Effect.DESTROYS
    assert hints.get("anthropic/requiresUserInteraction", False) is asks


def test_the_limits_that_are_enforced_are_published(tools: dict[str, Tool]) -> None:
    """A model that can read a limit does not run into it."""
    search = tools["search_images"].input_schema["properties"]
    assert (search["page_number"]["minimum"], search["per_page"]["minimum"]) == (1, 1)
    assert search["per_page"]["maximum"] == 50
    assert (search["guid_filter"]["minItems"], search["guid_filter"]["maxItems"]) == (1, 50)
    added = tools["add_images"].input_schema["properties"]["images"]
    assert (added["minItems"], added["maxItems"]) == (1, 500)
    image = added["items"]["properties"]
    assert (image["description"]["maxLength"], image["file_name"]["maxLength"]) == (300, 200)
    assert [image[name]["minimum"] for name in ("file_size", "pix_w", "pix_h")] == [1, 1, 1]


@pytest.mark.parametrize("shelf", [None, Shelf()], ids=["by URL", "from files"])
@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_the_whole_list_of_tools_stays_small(
    mode: Mode, shelf: Shelf | None, tmp_path: Path
) -> None:
    """Promise: what a model reads is at most 14,500 bytes, and the whole list at most 26,000."""
    studio = make_studio(shelf=shelf, folders=[tmp_path])
    async with studio.client(mode=mode) as client:
        listed = await client.list_tools()
    document = listed.model_dump_json(by_alias=True, exclude_none=True)
    # Hosts hand on a tool's name, description and input schema; programs read the rest.
    members = {"name", "description", "input_schema"}
    read = (tool.model_dump_json(by_alias=True, include=members) for tool in listed.tools)
    assert sum(len(one.encode()) for one in read) <= 14_500
    assert len(document.encode()) <= 26_000


async def test_a_page_of_25_images_stays_small() -> None:
    """Promise: at most 6,900 bytes, whether a host shows the text or the structured content.

    A model takes 2.7 bytes of it for a token, guids and all: some 2,500.
    """
    async with make_studio(per_series=INVENTORY_PER_SERIES).client() as client:
        for number in range(1, 10):
            result = await client.call_tool("search_images", {"page_number": number})
            structured = json.dumps(said(result), separators=(",", ":"))
            assert len(said(result)["images"]) == 25
            assert len(text_of(result).encode()) <= 6_900
            assert len(structured.encode()) <= 6_900


class Inner(BaseModel):
    """An inner object."""

    word: str


class Outer(BaseModel):
    """An outer object."""

    inner: Inner
    maybe: Inner | None = None
    many: list[Inner] = Field(default=[], description="Many.")
    fixed: bool = False


def test_a_schema_is_flattened_and_its_empty_defaults_are_left_out() -> None:
    """References are inlined and null alternatives go; the meaning stays."""
    inner = {
        "description": "An inner object.",
        "type": "object",
        "required": ["word"],
        "properties": {"word": {"type": "string"}},
    }
    assert plain(Outer.model_json_schema()) == {
        "description": "An outer object.",
        "type": "object",
        "required": ["inner"],
        "additionalProperties": False,
        "properties": {
            "inner": inner,
            "maybe": inner,
            "many": {"description": "Many.", "type": "array", "items": inner},
            "fixed": {"type": "boolean"},
        },
    }


def test_a_single_allowed_value_is_an_enumeration() -> None:
    """`const` is refused by some hosts; an enumeration of one says the same."""
    schema = {"properties": {"kind": {"const": "inventory", "type": "string"}}}
    assert plain(schema)["properties"] == {"kind": {"enum": ["inventory"], "type": "string"}}
