"""Completions: which values a host may offer, and where there are none."""

import pytest
from mcp import Client
from mcp.server import MCPServer
from mcp.types import (
    Completion,
    CompletionArgument,
    PromptReference,
    ResourceTemplateReference,
)

from fw_mcp.server.prompts import Argument, Header, PromptFile, completer, load_prompts

pytestmark = pytest.mark.anyio

IMAGES = ResourceTemplateReference(
    uri="finerworks://images{?library,search_filter,active,sort_field,sort_direction}"
)
PRODUCTS = ResourceTemplateReference(uri="finerworks://products{?sort_field,sort_direction}")


def prompt_with_choices(count: int) -> PromptFile:
    """A prompt whose argument `pick` has `count` choices, and whose `note` has none."""
    choices = tuple(f"Choice {number:03}" for number in range(count))
    arguments = (
        Argument(name="pick", description="One of many.", choices=choices),
        Argument(name="note", description="Anything."),
    )
    header = Header(title="Pick", description="Pick one.", arguments=arguments)
    return PromptFile(name="pick", header=header, body="{{pick}} {{note}}")


async def completed(
    ref: PromptReference | ResourceTemplateReference, name: str, typed: str = ""
) -> Completion | None:
    """What is offered for `name` after `typed`, over a prompt with 120 choices."""
    complete = completer(lambda: [prompt_with_choices(120)])
    return await complete(ref, CompletionArgument(name=name, value=typed), None)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("library", ["inventory", "temporary"]),
        ("sort_field", ["id", "title", "file_name", "file_size", "date_added"]),
        ("sort_direction", ["ASC", "DESC"]),
        ("active", ["true", "false"]),
    ],
)
async def test_the_fixed_values_of_an_image_list_are_offered(name: str, values: list[str]) -> None:
    """They are the API's own words."""
    offered = await completed(IMAGES, name)
    assert offered is not None
    assert sorted(offered.values) == sorted(values)


async def test_the_sort_fields_of_a_product_list_are_offered() -> None:
    """The same as of images: products are sorted by what their images are."""
    offered = await completed(PRODUCTS, "sort_field", "file")
    assert offered is not None
    assert offered.values == ["file_name", "file_size"]


@pytest.mark.parametrize("typed", ["des", "DES", "Desc"])
async def test_what_was_typed_is_matched_from_its_beginning_in_either_case(typed: str) -> None:
    """A person does not know that the API writes DESC."""
    assert await completed(IMAGES, "sort_direction", typed) == Completion(
        values=["DESC"], total=1, has_more=False
    )


async def test_nothing_is_offered_for_what_begins_no_value() -> None:
    """An empty list, not every value."""
    assert await completed(IMAGES, "library", "ventory") == Completion(
        values=[], total=0, has_more=False
    )


async def test_at_most_100_values_are_offered_and_the_rest_is_told() -> None:
    """The protocol's limit."""
    offered = await completed(PromptReference(name="pick"), "pick", "choice")
    assert offered is not None
    assert (len(offered.values), offered.total, offered.has_more) == (100, 120, True)


@pytest.mark.parametrize(
    ("ref", "name"),
    [
        (IMAGES, "search_filter"),
        (PRODUCTS, "library"),
        (ResourceTemplateReference(uri="finerworks://images/{guid}"), "library"),
        (ResourceTemplateReference(uri="file:///{library}"), "library"),
        (PromptReference(name="pick"), "note"),
        (PromptReference(name="pick"), "library"),
        (PromptReference(name="no_such_prompt"), "pick"),
    ],
)
async def test_free_text_and_unknown_references_complete_to_nothing(
    ref: PromptReference | ResourceTemplateReference, name: str
) -> None:
    """Hosts ask about every field; that is no error."""
    assert await completed(ref, name) is None


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_clients_of_both_eras_complete_the_shipped_prompts(mode: str) -> None:
    """The choices in a prompt's file are what a host offers."""
    server = MCPServer("completions")
    server.completion()(completer(load_prompts))  # type: ignore[no-untyped-call]
    async with Client(server, mode=mode, cache=None) as client:
        picked = await client.complete(
            PromptReference(name="tidy_up"), {"name": "what", "value": "t"}
        )
        free = await client.complete(
            PromptReference(name="audit_library"), {"name": "focus", "value": ""}
        )
    assert (picked.completion.values, free.completion.values) == (["temporary"], [])
