"""The params of a request in the spelling of hosts, in both eras."""

from typing import Any

import pytest

from tests.server.raw import raw_client
from tests.support.studio import Mode, Studio

pytestmark = pytest.mark.anyio

Json = dict[str, Any]


async def answered(studio: Studio, mode: Mode, method: str, params: Json) -> Json:
    """The answer to a request, result or error."""
    async with raw_client(studio.server, mode, {}) as client:
        return await client.request(method, params)


@pytest.mark.parametrize("mode", ["auto", "legacy"])
@pytest.mark.parametrize("nothing", [[], "", " ", None, {}, "{}", "[]", "null"])
async def test_arguments_that_are_nothing_are_none(
    studio: Studio, mode: Mode, nothing: object
) -> None:
    """An empty object is an empty list in some languages, and text in others."""
    params = {"name": "search_images", "arguments": nothing}
    answer = await answered(studio, mode, "tools/call", params)
    assert answer["result"]["structuredContent"]["per_page"] == 25


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_arguments_that_arrive_as_json_text_are_read(studio: Studio, mode: Mode) -> None:
    """The whole object, with all that is in it."""
    params = {"name": "search_images", "arguments": '{"per_page": "2", "only": "inactive"}'}
    answer = await answered(studio, mode, "tools/call", params)
    result = answer["result"]["structuredContent"]
    assert (result["per_page"], {row.get("active") for row in result["images"]}) == (2, {False})


@pytest.mark.parametrize("mode", ["auto", "legacy"])
@pytest.mark.parametrize("method", ["tools/call", "prompts/get"])
@pytest.mark.parametrize("broken", [[1], "per_page=2", '{"a"', 7, True, '"text"'])
async def test_arguments_that_are_something_else_are_refused_by_name(
    studio: Studio, mode: Mode, method: str, broken: object
) -> None:
    """The refusal names the field."""
    params = {"name": "search_images", "arguments": broken}
    answer = await answered(studio, mode, method, params)
    assert answer["error"]["code"] == -32602
    assert answer["error"]["message"].startswith("arguments is not an object")


@pytest.mark.parametrize("mode", ["auto", "legacy"])
@pytest.mark.parametrize("token", [None, 1.5, True, [], {}])
async def test_a_progress_token_that_is_none_costs_nothing_but_progress(
    studio: Studio, mode: Mode, token: object
) -> None:
    """The call itself is right."""
    async with raw_client(studio.server, mode, {}) as client:
        client.envelope = {**client.envelope, "progressToken": token}
        answer = await client.call("search_images", {"per_page": 1})
    assert answer["result"]["structuredContent"]["per_page"] == 1


@pytest.mark.parametrize("meta", [None, []])
async def test_meta_that_is_nothing_is_none(studio: Studio, meta: object) -> None:
    """In the handshake era, where nothing has to stand in it."""
    params = {"name": "search_images", "arguments": {"per_page": 1}, "_meta": meta}
    answer = await answered(studio, "legacy", "tools/call", params)
    assert answer["result"]["structuredContent"]["per_page"] == 1


@pytest.mark.parametrize("mode", ["auto", "legacy"])
@pytest.mark.parametrize("arguments", [[], "", None, {"library": None}, '{"library": ""}'])
async def test_a_prompt_is_read_as_hosts_spell_it(
    studio: Studio, mode: Mode, arguments: object
) -> None:
    """What is left out takes its default."""
    plain = await answered(studio, mode, "prompts/get", {"name": "audit_library"})
    params = {"name": "audit_library", "arguments": arguments}
    spelled = await answered(studio, mode, "prompts/get", params)
    assert spelled["result"] == plain["result"]


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_number_for_a_prompt_is_its_digits(studio: Studio, mode: Mode) -> None:
    """Prompts take texts, and some hosts send numbers."""
    params: Json = {"name": "check_print_sizes", "arguments": {"min_ppi": "200"}}
    text = await answered(studio, mode, "prompts/get", params)
    params["arguments"]["min_ppi"] = 200
    number = await answered(studio, mode, "prompts/get", params)
    assert number["result"] == text["result"]


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_completion_is_read_as_hosts_spell_it(studio: Studio, mode: Mode) -> None:
    """Nothing typed yet, and no context."""
    params: Json = {
        "ref": {"type": "ref/prompt", "name": "audit_library"},
        "argument": {"name": "library", "value": ""},
    }
    plain = await answered(studio, mode, "completion/complete", params)
    params |= {"argument": {"name": "library", "value": None}, "context": {"arguments": []}}
    spelled = await answered(studio, mode, "completion/complete", params)
    assert spelled["result"] == plain["result"]
    assert plain["result"]["completion"]["values"] != []
