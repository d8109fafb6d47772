"""The assistant itself: what a prompt does not say is not done, what it says is missed."""

import pytest

from tests.prompts.assistant import Assistant, Text, assert_played, assistant
from tests.support.studio import Studio

pytestmark = pytest.mark.anyio

PROMPT = """Tidy `inventory`. Leave `delete_images` alone.

1. Call `search_images` with `library: "inventory"` and
   `only: ["inactive", "portrait"]`, `search_filter` if given.
2. Read `finerworks://selections/{guid}`, then call `set_selection` with `guids`. A result may
   say `status: "completed"`.

Afterwards call `undo_change`.
"""


def test_steps_are_read_as_tools_names_settings_and_resources() -> None:
    """In their order; what stands between the steps is no step."""
    steps = Text(PROMPT).steps
    assert steps.tools == ["search_images", "set_selection"]
    assert steps.names == [
        "search_images",
        "library",
        "only",
        "search_filter",
        "set_selection",
        "guids",
        "status",
    ]
    assert steps.settings == [
        ("library", "inventory"),
        ("only", ["inactive", "portrait"]),
        ("status", "completed"),
    ]
    assert steps.resources == {"finerworks://selections"}


async def played(studio: Studio, prompt: str, *names: str) -> Assistant:
    """A session that searches with some of the arguments that the prompt names."""
    arguments = {"library": "inventory", "only": ["inactive"], "search_filter": "Fog"}
    async with studio.client() as client:
        one = await assistant(client, "audit_library")
        one = Assistant(client, Text(prompt), one.known)
        await one.call("search_images", **{name: arguments[name] for name in names})
    return one


async def test_a_call_that_the_prompt_does_not_name_fails(studio: Studio) -> None:
    """A tool, or an argument of one."""
    with pytest.raises(ExceptionGroup) as caught:
        await played(studio, "1. Call `search_images` with `only`.", "only", "search_filter")
    assert caught.group_contains(AssertionError, match="does not name .*'search_filter'")


@pytest.mark.parametrize(
    ("prompt", "missed"),
    [
        ("1. Call `search_images` with `only`, then `view_images`.", "view_images"),
        ("1. Call `search_images` with `only` and `search_filter`.", "search_filter"),
        ('1. Call `search_images` with `only: ["expiring"]`.', "expiring"),
        ("1. Read `finerworks://selections/{guid}`, `search_images` and `only`.", "selections"),
    ],
)
async def test_a_step_that_no_session_plays_fails(studio: Studio, prompt: str, missed: str) -> None:
    """A tool, an argument, a value or a resource."""
    one = await played(studio, prompt, "only")
    with pytest.raises(AssertionError, match=missed):
        assert_played(one)


async def test_steps_out_of_order_fail(studio: Studio) -> None:
    """A tool that a step names first is called first."""
    one = await played(studio, "1. Call `set_selection`. 2. Call `search_images` `only`.", "only")
    one.calls.append(("set_selection", {}))
    with pytest.raises(AssertionError, match="called in this order"):
        assert_played(one)
