"""What may be written into a call, and how a wrong call is told; nothing of it is ever sent."""

import json
import uuid
from collections.abc import Mapping
from typing import Any

import pytest

from tests.support.studio import Mode, Studio, said, text_of
from tests.support.truth import new_image, new_images, unsold

pytestmark = pytest.mark.anyio

GUID = "3f2b8c1e-0d4a-4e5f-8a6b-7c9d0e1f2a3b"
NOTHING_SENT = "Nothing was sent. Correct the arguments and call it again."

Arguments = Mapping[str, Any]


async def refusal(studio: Studio, tool: str, arguments: Arguments, mode: Mode = "auto") -> str:
    """The words in which a call is refused, having reached nobody."""
    async with studio.client(mode=mode, person=studio.person()) as client:
        result = await client.call_tool(tool, dict(arguments))
    assert (result.is_error, result.structured_content) == (True, None)
    assert studio.wire.sent == []
    return text_of(result)


async def answer(studio: Studio, tool: str, arguments: Arguments) -> dict[str, Any]:
    """What a call gives."""
    async with studio.client() as client:
        return said(await client.call_tool(tool, dict(arguments)))


@pytest.mark.parametrize(
    ("tool", "arguments", "told"),
    [
        ("search_images", {"serch_filter": "fog"}, '"serch_filter" (did you mean search_filter?)'),
        ("search_images", {"guids": [GUID]}, '"guids" (did you mean guid_filter?)'),
        ("search_images", {"title": "fog"}, '"title" (did you mean search_filter?)'),
        ("search_images", {"query": "fog"}, '"query" (did you mean search_filter?)'),
        ("search_images", {"page": 2}, '"page" (did you mean page_number?)'),
        ("search_products", {"limit": 5}, '"limit" (did you mean per_page?)'),
        (
            "search_images",
            {"tags": ["fog"]},
            'no argument "tags"; there are library, search_filter',
        ),
        ("delete_images", {"IDs": [GUID]}, '"IDs" (did you mean guids?)'),
        ("delete_images", {"guids": [GUID], "page": 2}, 'no argument "page"; there are guids'),
        ("search_images", {"perpage": 5}, '"perpage" (did you mean per_page?)'),
        ("delete_images", {"guids": [GUID], "dryrun": True}, '"dryrun" (did you mean dry_run?)'),
        ("delete_images", {"guids": [GUID], "confirm": True}, 'no argument "confirm"'),
        ("set_selection", {"guids": [GUID], "selection": GUID}, "did you mean selection_guid?"),
        (
            "add_images",
            {"images": [new_image(1, pixw=5)]},
            'images[0]: there is no argument "pixw"',
        ),
        ("add_images", {"images": [new_image(1, pixw=5)]}, "did you mean pix_w?"),
        (
            "update_image_metadata",
            {"images": [{"guid": GUID, "title": "A", "descripton": "B"}]},
            '"descripton" (did you mean description?)',
        ),
    ],
)
@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_an_unknown_argument_is_refused_with_the_nearest_real_one(
    studio: Studio, mode: Mode, tool: str, arguments: Arguments, told: str
) -> None:
    """At every level: a misspelt filter would otherwise list, or delete, everything."""
    assert told in await refusal(studio, tool, arguments, mode)


async def test_an_unknown_argument_that_resembles_none_is_told_what_there_is(
    studio: Studio,
) -> None:
    """The model reads the real names at once."""
    told = await refusal(studio, "set_selection", {"guids": [GUID], "zzz": 1})
    assert 'there is no argument "zzz"; there are guids, add, remove, selection_guid' in told


async def test_a_list_that_is_too_long_is_refused_with_both_numbers(studio: Studio) -> None:
    """In our words, as for text."""
    told = await refusal(
        studio, "delete_images", {"guids": [str(uuid.uuid4()) for _ in range(501)]}
    )
    assert "guids: at most 500 items (got 501)." in told


@pytest.mark.parametrize("nothing", ["", None])
async def test_nothing_means_not_given(studio: Studio, nothing: str | None) -> None:
    """Hosts differ in how they leave an argument out."""
    names = ("library", "search_filter", "guid_filter", "page_number", "per_page", "active",
             "upload_date_from", "upload_date_to", "details", "sort_field")  # fmt: skip
    async with studio.client() as client:
        left_out = said(await client.call_tool("search_images", {}))
        given = said(await client.call_tool("search_images", dict.fromkeys(names, nothing)))
    assert given == left_out
    assert studio.wire.sent[0] == studio.wire.sent[1]


@pytest.mark.parametrize("nothing", ["", None])
async def test_nothing_inside_an_item_means_not_given(studio: Studio, nothing: str | None) -> None:
    """A title that is left out stays as it is."""
    (image,) = await unsold(studio, 1)
    item = {"guid": image.guid, "title": nothing, "description": "New words."}
    result = await answer(studio, "update_image_metadata", {"images": [item], "dry_run": True})
    assert "title_change" not in result["images"][0]
    assert result["images"][0]["description_change"]["after"] == "New words."


@pytest.mark.parametrize(
    ("tool", "arguments", "told"),
    [
        (
            "add_images",
            {"images": [new_image(1, file_name="")]},
            "images[0].file_name: is required",
        ),
        ("add_images", {"images": []}, "images: is empty; give at least one"),
        ("add_images", {}, "images is required"),
        ("delete_images", {"guids": ""}, "guids is required"),
        ("update_image_metadata", {}, "images is required"),
        ("update_image_metadata", {"images": [{"guid": GUID}]}, "give a title, a description"),
        ("update_image_metadata", {"images": [{"title": "A"}]}, "images[0].guid: is required"),
        ("set_selection", {}, "guids is required, or add or remove"),
    ],
)
async def test_what_is_required_cannot_be_left_out(
    studio: Studio, tool: str, arguments: Arguments, told: str
) -> None:
    """Giving nothing is no way around it."""
    assert told in await refusal(studio, tool, arguments)


async def test_a_list_that_arrives_as_json_text_is_read(studio: Studio) -> None:
    """Some hosts put lists into strings; that is the same call."""
    first, second = await unsold(studio, 2)
    as_text = f'["{first.guid}", "{second.guid}"]'
    found = await answer(studio, "search_images", {"guid_filter": as_text})
    deleted = await answer(studio, "delete_images", {"guids": as_text, "dry_run": True})
    assert {row["guid"] for row in found["images"]} == {first.guid, second.guid}
    assert [row["guid"] for row in deleted["images"]] == [first.guid, second.guid]


async def test_a_list_of_objects_that_arrives_as_json_text_is_read(studio: Studio) -> None:
    """Its items too mean "not given" by an empty text."""
    (image,) = await unsold(studio, 1)
    as_text = f'[{{"guid": "{image.guid}", "title": "As text", "description": ""}}]'
    result = await answer(studio, "update_image_metadata", {"images": as_text, "dry_run": True})
    assert result["images"][0]["title_change"]["after"] == "As text"
    assert "description" not in result["images"][0]


@pytest.mark.parametrize("text", ["{}", '{"a": 1}', "[" * 100_000, '["a"', "[] x", " [1"])
async def test_text_that_begins_like_json_and_is_no_list_is_no_list(
    studio: Studio, text: str
) -> None:
    """It is refused, not guessed at."""
    told = await refusal(studio, "delete_images", {"guids": text})
    assert "guids: must be a list, with [ ] around it" in told


@pytest.mark.parametrize("title", ["1984", "[1]", '["a"]', '{"a":1}', "true", "null", "5.0"])
async def test_a_title_that_looks_like_json_stays_text(studio: Studio, title: str) -> None:
    """A book is called 1984; only lists are read out of text."""
    (image,) = await unsold(studio, 1)
    images = [{"guid": image.guid, "title": title}]
    result = await answer(studio, "update_image_metadata", {"images": images, "dry_run": True})
    assert result["images"][0]["title_change"]["after"] == title


@pytest.mark.parametrize("text", ["1984", "[1]", '{"a":1}'])
async def test_a_search_that_looks_like_json_stays_text(studio: Studio, text: str) -> None:
    """The filter reaches the service as it was given."""
    await answer(studio, "search_images", {"search_filter": text})
    assert studio.wire.to("list_images")[0]["search_filter"] == text


@pytest.mark.parametrize(
    ("tool", "arguments", "told"),
    [
        ("search_images", {"per_page": "five"}, "per_page: must be a number"),
        ("search_images", {"per_page": "5.5"}, "per_page: must be a number"),
        ("search_images", {"per_page": "1e1"}, "per_page: must be a number"),
        ("search_images", {"page_number": "1,000"}, "page_number: must be a number"),
        ("search_images", {"page_number": "\u0662"}, "page_number: must be a number"),
        ("search_images", {"page_number": "9" * 19}, "page_number: must be a number"),
        ("search_images", {"page_number": True}, "page_number: must be a number"),
        ("search_images", {"per_page": 5.5}, "per_page: Input should be a valid integer"),
        ("search_images", {"active": "yes"}, "active: Input should be 'any', 'true' or 'false'"),
        ("search_images", {"active": 1}, "active: Input should be 'any', 'true' or 'false'"),
        ("search_images", {"summary": 1}, "summary: must be true or false"),
        ("search_images", {"summary": "yes"}, "summary: must be true or false"),
        ("delete_images", {"guids": [GUID], "dry_run": "1"}, "dry_run: must be true or false"),
        ("search_images", {"search_filter": 19.5}, "search_filter: Input should be a valid string"),
        ("search_images", {"search_filter": True}, "search_filter: Input should be a valid string"),
        ("search_images", {"search_filter": ["a"]}, "search_filter: Input should be a valid str"),
        ("add_images", {"images": [new_image(1, pix_w="6000px")]}, "pix_w: must be a number"),
        ("add_images", {"images": [new_image(1, file_size=True)]}, "file_size: must be a number"),
        ("add_images", {"images": [new_image(1, title=["A"])]}, "title: Input should be a valid"),
        ("add_images", {"images": ["a.jpg"]}, "images[0]: "),
        ("add_images", {"images": "a.jpg"}, "images: must be a list, with [ ] around it"),
        ("add_images", {"images": ["a.jpg"]}, "images[0]: must be an object, with { } around it"),
        ("add_images", {"images": [{"path": "a.jpg"}]}, "(did you mean file?)"),
        ("delete_images", {"guids": "not json"}, 'guids[0]: "not json" is not a guid'),
        ("delete_images", {"guids": 1984}, 'guids[0]: "1984" is not a guid'),
        ("delete_images", {"guids": True}, "guids[0]: Input should be a valid string"),
        ("set_selection", {"guids": [GUID], "selection_guid": 7}, '"7" is not a guid'),
        ("view_images", {"guids": [GUID], "max_side": True}, "max_side: must be a number"),
        ("view_images", {"guids": [GUID], "max_side": "2000"}, "max_side: Input should be less"),
    ],
)
async def test_a_value_of_another_type_is_refused(
    studio: Studio, tool: str, arguments: Arguments, told: str
) -> None:
    """Nothing is bent into shape: what has no meaning, or two, is a mistake."""
    assert told in await refusal(studio, tool, arguments)


@pytest.mark.parametrize(
    ("spelled", "meant"),
    [
        ({"per_page": "2"}, {"per_page": 2}),
        ({"per_page": " 2 "}, {"per_page": 2}),
        ({"per_page": "2.0", "page_number": "+3"}, {"per_page": 2, "page_number": 3}),
        ({"list_products": "false"}, {"list_products": False}),
        ({"print_sizes": "TRUE"}, {"print_sizes": True}),
        ({"summary": "True"}, {"summary": True}),
        ({"active": "true"}, {"active": True}),
        ({"active": "True"}, {"active": "true"}),
        ({"active": False}, {"active": "false"}),
        ({"library": "Inventory"}, {"library": "inventory"}),
        ({"library": "TEMPORARY "}, {"library": "temporary"}),
        ({"sort_field": "Title", "sort_direction": "asc"},
         {"sort_field": "title", "sort_direction": "ASC"}),
        ({"search_filter": 1984}, {"search_filter": "1984"}),
        ({"file_name_contains": 7}, {"file_name_contains": "7"}),
        ({"only": "inactive"}, {"only": ["inactive"]}),
        ({"only": '["Inactive"]'}, {"only": ["inactive"]}),
        ({"only": ["LANDSCAPE", "Inactive"]}, {"only": ["landscape", "inactive"]}),
        ({"duplicates": "Content"}, {"duplicates": "content"}),
        ({"print_size": "16x20", "min_ppi": "200", "only": "too_small"},
         {"print_size": "16x20", "min_ppi": 200, "only": ["too_small"]}),
    ],
)  # fmt: skip
async def test_a_search_is_read_as_hosts_spell_it(
    studio: Studio, spelled: Arguments, meant: Arguments
) -> None:
    """Numbers, booleans and words as text, digits as a number, one value for a list."""
    assert await answer(studio, "search_images", spelled) == await answer(
        studio, "search_images", meant
    )
    sent = studio.wire.to("list_images")
    assert sent[: len(sent) // 2] == sent[len(sent) // 2 :]


NEUTRAL = {
    "library": "inventory",
    "search_filter": "",
    "guid_filter": ["any"],
    "page_number": 1,
    "per_page": 25,
    "sort_field": "id",
    "sort_direction": "DESC",
    "upload_date_from": "",
    "upload_date_to": "",
    "list_products": True,
    "active": "any",
    "details": False,
    "file_name_contains": "",
    "only": [],
    "print_size": "",
    "min_ppi": 150,
    "search_any": [],
    "max_trim_percent": 100,
    "duplicates": "none",
    "summary": False,
    "summary_by": "none",
    "print_sizes": False,
    "change_id": "",
    "selection_guid": "",
}


async def test_every_argument_of_a_search_has_a_value_that_means_not_given(studio: Studio) -> None:
    """Some clients make every argument required and know no null: they too can plainly list."""
    async with studio.client() as client:
        (tool,) = [one for one in (await client.list_tools()).tools if one.name == "search_images"]
    assert NEUTRAL.keys() == tool.input_schema["properties"].keys()
    assert await answer(studio, "search_images", NEUTRAL) == await answer(
        studio, "search_images", {}
    )
    assert studio.wire.sent[0] == studio.wire.sent[1]


@pytest.mark.parametrize("every", [["any"], ["Any "], "any", '["ANY"]'])
async def test_every_image_can_be_said_in_a_filter_of_guids(studio: Studio, every: object) -> None:
    """An empty list stays refused: it is more often a slip than a wish."""
    found = await answer(studio, "search_images", {"guid_filter": every, "per_page": 1})
    assert found["count"] > 50


@pytest.mark.parametrize("mixed", [["any", GUID], ["all"], []])
async def test_nothing_else_widens_a_filter_of_guids(studio: Studio, mixed: object) -> None:
    """Only the one word alone."""
    assert "guid_filter" in await refusal(studio, "search_images", {"guid_filter": mixed})


async def test_one_guid_for_a_list_is_a_list_of_one(studio: Studio) -> None:
    """It can mean nothing else."""
    (image,) = await unsold(studio, 1)
    result = await answer(studio, "delete_images", {"guids": image.guid, "dry_run": "true"})
    assert [row["guid"] for row in result["images"]] == [image.guid]


@pytest.mark.parametrize("as_text", [False, True])
@pytest.mark.parametrize("in_list", [False, True])
async def test_items_are_read_as_hosts_spell_them(
    studio: Studio, *, as_text: bool, in_list: bool
) -> None:
    """A year as a title, one object for a list, an object as JSON text."""
    (image,) = await unsold(studio, 1)
    item: object = {"guid": image.guid, "title": 1984}
    item = json.dumps(item) if as_text else item
    images = [item] if in_list else item
    result = await answer(studio, "update_image_metadata", {"images": images, "dry_run": True})
    assert result["images"][0]["title_change"]["after"] == "1984"


async def test_numbers_inside_items_may_be_text(studio: Studio) -> None:
    """At every depth, and what is sent is a number."""
    item = new_image(1, file_size="1000", pix_w="300.0", pix_h=" 200", title=7)
    await answer(studio, "add_images", {"images": [item]})
    (sent,) = studio.wire.to("add_images")[0]["images"]
    assert (sent["file_size"], sent["pix_w"], sent["pix_h"], sent["title"]) == (1000, 300, 200, "7")


@pytest.mark.parametrize("nothing", [[], "[]", "", None])
async def test_an_empty_list_beside_a_continue_handle_is_not_given(
    studio: Studio, nothing: object
) -> None:
    """A handle stands alone, whatever a host has to send in the place of the rest."""
    told = await refusal(
        studio,
        "delete_images",
        {"guids": nothing, "continue_handle": "no-such", "library": "inventory", "plan_id": ""},
    )
    assert "invalid_arguments" not in told
    assert "no-such" in told


async def test_a_whole_number_may_be_written_with_a_point(studio: Studio) -> None:
    """JSON knows one kind of number: 5.0 is 5."""
    result = await answer(studio, "search_images", {"per_page": 5.0})
    assert (result["per_page"], len(result["images"])) == (5, 5)


@pytest.mark.parametrize(
    ("tool", "arguments", "told"),
    [
        ("search_images", {"guid_filter": ["42"]}, 'guid_filter[0]: "42" is not a guid of 8-4-4'),
        ("delete_images", {"guids": [GUID, "x"]}, 'guids[1]: "x" is not a guid'),
        ("delete_images", {"guids": [""]}, "guids[0]: (none) is not a guid"),
        ("set_selection", {"guids": [GUID], "selection_guid": "key"}, '"key" is not a guid'),
        ("update_image_metadata", {"images": [{"guid": "7", "title": "A"}]}, '"7" is not a guid'),
        ("search_images", {"library": "temp"}, "library: Input should be 'inventory' or 'tempo"),
        ("search_images", {"sort_field": "date"}, "sort_field: Input should be 'id', 'title'"),
        ("search_images", {"sort_direction": "down"}, "sort_direction: Input should be 'DESC'"),
        ("add_images", {"images": [new_image(1)], "library": "x"}, "library: Input should be"),
        ("search_images", {"per_page": 51}, "per_page: Input should be less than or equal to 50"),
        ("search_images", {"per_page": 0}, "per_page: Input should be greater than or equal to 1"),
        ("search_images", {"page_number": 0}, "page_number: Input should be greater than or equal"),
        ("search_images", {"guid_filter": [GUID[:-2] + f"{n:02}" for n in range(51)]}, "most 50"),
        ("set_selection", {"guids": [GUID[:-3] + f"{n:03}" for n in range(501)]}, "at most 500"),
        ("add_images", {"images": new_images(501)}, "images: "),
        ("add_images", {"images": [new_image(1, pix_h=0)]}, "pix_h: Input should be greater than"),
        ("add_images", {"images": [new_image(1, file_name="x" * 201)]}, "at most 200 characters"),
        (
            "add_images",
            {"images": [new_image(1, private_hires_uri="ftp://files.example/a.jpg")]},
            "images[0].private_hires_uri: must be an http or https URL that FinerWorks can reach",
        ),
        (
            "add_images",
            {"images": [new_image(1, private_hires_uri="https://a.example/" + "x" * 500)]},
            "private_hires_uri: at most 500 characters (got 518)",
        ),
        (
            "add_images",
            {"images": [new_image(1, public_preview_uri="https://files.example/")]},
            "preview_file_name cannot be derived from the URI; provide it",
        ),
    ],
)
async def test_a_value_outside_its_limits_is_refused(
    studio: Studio, tool: str, arguments: Arguments, told: str
) -> None:
    """Guids, enumerations, sizes: what the service would refuse, or silently ignore."""
    assert told in await refusal(studio, tool, arguments)


@pytest.mark.parametrize("date", ["yesterday", "2025-02-30", "27/10/2025", "2025-10-27T25:00", "7"])
@pytest.mark.parametrize("name", ["upload_date_from", "upload_date_to"])
async def test_a_date_that_is_none_is_refused(studio: Studio, name: str, date: str) -> None:
    """A wrong date would silently widen or empty the search."""
    told = await refusal(studio, "search_images", {name: date})
    assert f'{name}: "{date}" is not an ISO 8601 date or date-time' in told


async def test_dates_in_the_wrong_order_are_refused(studio: Studio) -> None:
    """An empty page would read as "no such images"."""
    dates = {"upload_date_from": "2025-10-28", "upload_date_to": "2025-10-27"}
    told = await refusal(studio, "search_images", dates)
    assert "upload_date_from is after upload_date_to. Nothing was sent." in told


async def test_all_faults_of_a_call_are_told_in_one_message(studio: Studio) -> None:
    """One correction, not five."""
    told = await refusal(
        studio,
        "search_images",
        {"librari": "x", "per_page": 90, "guid_filter": ["1", "2"], "active": "yes"},
    )
    faults = ("librari", "per_page", "guid_filter[0]", "guid_filter[1]", "active")
    assert [fault for fault in faults if fault not in told] == []
    assert told.startswith("search_images was not run: ")
    assert told.endswith(f"{NOTHING_SENT} (reason: invalid_arguments)")


async def test_a_message_names_twenty_faults_and_counts_the_rest(studio: Studio) -> None:
    """500 wrong guids do not fill a context window."""
    told = await refusal(studio, "delete_images", {"guids": [f"no {n}" for n in range(25)]})
    assert (told.count("is not a guid"), "; and 5 more." in told) == (20, True)


@pytest.mark.parametrize(
    ("tool", "name"),
    [
        ("search_images", "guid_filter"),
        ("delete_images", "guids"),
        ("set_selection", "guids"),
        ("add_images", "images"),
        ("update_image_metadata", "images"),
    ],
)
@pytest.mark.parametrize("empty", [[], "[]"])
async def test_an_empty_list_is_refused(
    studio: Studio, tool: str, name: str, empty: object
) -> None:
    """An empty guid_filter must never list the whole library."""
    told = await refusal(studio, tool, {name: empty})
    assert f"{name}: " in told
    assert "is empty; give at least one" in told


async def test_a_guid_given_twice_counts_once(studio: Studio) -> None:
    """In either case of its letters, and with space around it."""
    (image,) = await unsold(studio, 1)
    twice = [image.guid, image.guid.upper(), f" {image.guid} "]
    found = await answer(studio, "search_images", {"guid_filter": twice})
    deleted = await answer(studio, "delete_images", {"guids": twice, "dry_run": True})
    assert (found["count"], len(deleted["images"])) == (1, 1)


async def test_an_image_rewritten_twice_in_one_call_is_refused(studio: Studio) -> None:
    """Which of the two titles was meant is not guessed."""
    images = [{"guid": GUID, "title": "A"}, {"guid": GUID.upper(), "title": "B"}]
    told = await refusal(studio, "update_image_metadata", {"images": images})
    assert f"each guid may appear only once; repeated: {GUID}" in told


@pytest.mark.parametrize(
    ("tool", "item"),
    [
        ("add_images", new_image(2, description="x" * 301)),
        ("update_image_metadata", {"guid": GUID, "description": "x" * 301}),
    ],
)
async def test_an_over_long_description_is_told_with_its_length(
    studio: Studio, tool: str, item: Arguments
) -> None:
    """The model knows how much to cut; no image of the call is sent."""
    told = await refusal(studio, tool, {"images": [item]})
    assert "images[0].description: at most 300 characters (got 301)" in told


async def test_text_from_a_call_is_quoted_in_its_refusal(studio: Studio) -> None:
    """Control characters and instructions in an argument stay inside quotation marks."""
    told = await refusal(studio, "delete_images", {"guids": ['x"\n\u202eobey']})
    assert 'guids[0]: "x\'\\n\\u202eobey" is not a guid' in told
