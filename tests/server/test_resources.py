"""Resources: pages of images, one image, one selection; read fresh, and refused in words."""

import json
from typing import Any

import pytest
from mcp.client import Client
from mcp.shared.exceptions import MCPError
from mcp.types import (
    INVALID_PARAMS,
    ReadResourceResult,
    ResourceTemplateReference,
    TextResourceContents,
)

from fw_mcp.api.models import LibraryName
from fw_mcp.sandbox.faults.plan import Fault, FaultKind
from tests.support.products import first_of
from tests.support.studio import Mode, Studio, make_studio, said
from tests.support.truth import described, holdings, unsold

pytestmark = pytest.mark.anyio

GUID = "3f2b8c1e-0d4a-4e5f-8a6b-7c9d0e1f2a3b"
MODES = first_of("auto", "legacy")
IMAGES = (
    "finerworks://images"
    "{?library,search_filter,active,sort_field,sort_direction,page_number,per_page}"
)
PRODUCTS = "finerworks://products{?search_filter,sort_field,sort_direction,page_number,per_page}"


def document(result: ReadResourceResult) -> dict[str, Any]:
    """The JSON of a resource."""
    (content,) = result.contents
    assert isinstance(content, TextResourceContents)
    assert content.mime_type == "application/json"
    parsed: dict[str, Any] = json.loads(content.text)
    return parsed


async def refusal(client: Client, uri: str) -> MCPError:
    """The protocol error of a read."""
    with pytest.raises(MCPError) as told:
        await client.read_resource(uri)
    return told.value


@pytest.mark.parametrize("mode", MODES)
async def test_the_templates_and_the_first_page_of_each_library_and_of_the_changes_are_listed(
    studio: Studio, mode: Mode
) -> None:
    """Hosts without templates can attach the concrete entries, which read as they stand."""
    async with studio.client(mode=mode) as client:
        templates = (await client.list_resource_templates()).resource_templates
        listed = (await client.list_resources()).resources
        pages = [document(await client.read_resource(entry.uri)) for entry in listed]
    assert [one.uri_template for one in templates] == [
        IMAGES,
        "finerworks://images/{guid}",
        PRODUCTS,
        "finerworks://selections/{guid}{?page_number,per_page}",
        "finerworks://changes{?page_number,per_page}",
        "finerworks://changes/{change_id}{?page_number,per_page}",
    ]
    names = ["inventory-images", "temporary-images", "products", "changes"]
    assert [entry.name for entry in listed] == names
    assert {one.mime_type for one in templates} == {"application/json"}
    assert {one.mime_type for one in listed} == {"application/json"}
    assert all(one.title and one.description for one in templates)
    assert all(one.title and one.description for one in listed)
    held = await holdings(studio)
    sold = sum(len(image.hung) for image in held.values())
    counts = [len(held), len(await holdings(studio, "temporary")), sold, 0]
    assert [page["count"] for page in pages] == counts
    assert [page["per_page"] for page in pages] == [25, 25, 10, 25]


@pytest.mark.parametrize("mode", MODES)
async def test_a_page_says_what_a_search_says(studio: Studio, mode: Mode) -> None:
    """The same rows, with the way forward and back."""
    async with studio.client(mode=mode) as client:
        searched = said(await client.call_tool("search_images", {"page_number": 2, "per_page": 10}))
        page = document(await client.read_resource("finerworks://images?page_number=2&per_page=10"))
    assert page["images"] == searched["images"]
    assert (page["page_number"], page["per_page"], page["count"]) == (2, 10, searched["count"])
    beside = [
        "finerworks://images?library=inventory&sort_field=id&sort_direction=DESC"
        f"&page_number={number}&per_page=10"
        for number in (1, 3)
    ]
    assert [page["previous"], page["next"]] == beside


async def test_a_page_without_a_query_is_the_first_of_the_inventory(studio: Studio) -> None:
    """Each parameter has its default; there is nothing before the first page."""
    async with studio.client() as client:
        page = document(await client.read_resource("finerworks://images"))
    assert (page["page_number"], page["per_page"], "previous" in page) == (1, 25, False)
    assert [row["guid"] for row in page["images"]] == list(await holdings(studio))[:25]


async def test_every_parameter_of_a_page_reaches_the_service(studio: Studio) -> None:
    """Under the API's own names."""
    uri = (
        "finerworks://images?library=temporary&search_filter=a%2Fb%20%C3%BC..%2F&active=false"
        "&sort_field=file_size&sort_direction=ASC&page_number=2&per_page=3"
    )
    async with studio.client() as client:
        await client.read_resource(uri)
    (asked,) = studio.wire.to("list_images")
    assert asked["library"]["name"] == "temporary"
    assert (asked["search_filter"], asked["active"]) == ("a/b ü../", False)
    assert (asked["sort_field"], asked["sort_direction"]) == ("file_size", "ASC")
    assert (asked["page_number"], asked["per_page"]) == (2, 3)


@pytest.mark.parametrize("library", ["inventory", "temporary"])
@pytest.mark.parametrize("mode", MODES)
async def test_following_next_and_then_previous_visits_each_image_exactly_once(
    studio: Studio, mode: Mode, library: LibraryName
) -> None:
    """Promise: from the first page to the last, and the same way back."""
    there: list[str] = []
    back: list[str] = []
    async with studio.client(mode=mode) as client:
        uri = f"finerworks://images?library={library}&per_page=6"
        page = document(await client.read_resource(uri))
        while True:
            there += [row["guid"] for row in page["images"]]
            if "next" not in page:
                break
            page = document(await client.read_resource(page["next"]))
        while True:
            back += reversed([row["guid"] for row in page["images"]])
            if "previous" not in page:
                break
            page = document(await client.read_resource(page["previous"]))
    assert there == list(await holdings(studio, library))
    assert back == there[::-1]


@pytest.mark.parametrize("mode", MODES)
async def test_the_pages_of_products_are_walked_by_their_uris_both_ways(
    studio: Studio, mode: Mode
) -> None:
    """The rows that search_products gives, each exactly once; nothing in them is null."""
    there: list[str] = []
    back: list[str] = []
    async with studio.client(mode=mode) as client:
        tool = said(await client.call_tool("search_products", {"per_page": 7}))
        page = document(await client.read_resource("finerworks://products?per_page=7"))
        assert page["products"] == tool["products"]
        while True:
            there += [row["sku"] for row in page["products"]]
            if "next" not in page:
                break
            page = document(await client.read_resource(page["next"]))
        while True:
            back += reversed([row["sku"] for row in page["products"]])
            if "previous" not in page:
                break
            page = document(await client.read_resource(page["previous"]))
    assert len(set(there)) == len(there) == tool["count"]
    assert back == there[::-1]
    assert None not in page.values()


async def test_every_parameter_of_a_page_of_products_reaches_the_service(studio: Studio) -> None:
    """Under the API's own names."""
    uri = (
        "finerworks://products?search_filter=a%2Fb%20..%2F&sort_field=title&sort_direction=ASC"
        "&page_number=2&per_page=3"
    )
    async with studio.client() as client:
        await client.read_resource(uri)
    (asked,) = studio.wire.to("list_virtual_inventory")
    names = ("search_filter", "sort_field", "sort_direction", "page_number", "per_page")
    assert [asked[name] for name in names] == ["a/b ../", "title", "ASC", 2, 3]


@pytest.mark.parametrize("show_hires", [False, True])
async def test_an_image_is_its_full_record_with_its_products(show_hires: bool) -> None:
    """The print master's address only where the operator allows it."""
    studio = make_studio(show_hires=show_hires)
    image = await described(studio)
    async with studio.client() as client:
        record = document(await client.read_resource(f"finerworks://images/{image.guid.upper()}"))
    assert (record["guid"], record["description"]) == (image.guid, image.description)
    assert [one["sku"] for one in record["products"]] == [one.sku for one in image.products or ()]
    assert ("private_hires_uri" in record) is show_hires
    assert ("/hires" in json.dumps(record)) is show_hires


async def test_a_temporary_image_is_found_by_its_guid(studio: Studio) -> None:
    """An address names an image, not its library."""
    guid = next(iter(await holdings(studio, "temporary")))
    async with studio.client() as client:
        record = document(await client.read_resource(f"finerworks://images/{guid}"))
    assert record["guid"] == guid
    assert "date_expires" in record


@pytest.mark.parametrize("mode", MODES)
async def test_a_selection_is_what_the_service_holds(studio: Studio, mode: Mode) -> None:
    """Read fresh, by its key: the rows that search_images gives of it."""
    guids = [image.guid for image in await unsold(studio, 3)]
    async with studio.client(mode=mode) as client:
        key = said(await client.call_tool("set_selection", {"guids": guids}))["selection_guid"]
        uri = f"finerworks://selections/{key}"
        whole = document(await client.read_resource(uri))
        first = document(await client.read_resource(f"{uri}?per_page=2"))
        second = document(await client.read_resource(first["next"]))
        found = said(await client.call_tool("search_images", {"selection_guid": key}))
    assert [row["guid"] for row in whole["images"]] == guids
    assert [*first["images"], *second["images"]] == whole["images"] == found["images"]
    assert (whole["guid"], whole["count"], first["count"]) == (key, 3, 3)
    assert second["previous"] == f"{uri}?page_number=1&per_page=2"
    assert "next" not in second


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("uri", "told"),
    [
        (f"finerworks://images/{GUID}", f"There is no image {GUID}. search_images lists them."),
        (
            f"finerworks://selections/{GUID}",
            f"There is no selection {GUID}. set_selection makes one.",
        ),
    ],
)
async def test_an_unknown_guid_is_the_protocols_resource_not_found(
    studio: Studio, mode: Mode, uri: str, told: str
) -> None:
    """`-32602` with the address in `data.uri`."""
    async with studio.client(mode=mode) as client:
        error = await refusal(client, uri)
    assert (error.code, error.message, error.data) == (INVALID_PARAMS, told, {"uri": uri})


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("uri", "told"),
    [
        ("finerworks://images?libary=temporary", '"libary" (did you mean library?)'),
        ("finerworks://images?guid_filter=x", 'there is no argument "guid_filter"'),
        ("finerworks://images?per_page=51", "per_page: Input should be less than or equal to 50"),
        ("finerworks://images?page_number=0", "page_number: Input should be greater than or equal"),
        ("finerworks://images?page_number=two", "page_number: Input should be a valid integer"),
        ("finerworks://images?active=maybe", "active: Input should be a valid boolean"),
        ("finerworks://images?library=attic", "library: Input should be 'inventory' or 'tempo"),
        ("finerworks://products?library=inventory", 'there is no argument "library"'),
        ("finerworks://products?per_page=51", "per_page: Input should be less than or equal to"),
        ("finerworks://images?sort_field=price", "sort_field: Input should be 'id', 'title'"),
        ("finerworks://images/not-a-guid", '"not-a-guid" is not a guid of 8-4-4-4-12'),
        ("finerworks://selections/7", '"7" is not a guid of 8-4-4-4-12'),
    ],
)
async def test_an_address_that_cannot_be_read_as_meant_is_refused(
    studio: Studio, mode: Mode, uri: str, told: str
) -> None:
    """Invalid parameters, with the address as it was asked for; nothing is sent."""
    async with studio.client(mode=mode) as client:
        error = await refusal(client, uri)
    assert (error.code, error.data) == (INVALID_PARAMS, {"uri": uri})
    assert told in error.message
    assert studio.wire.sent == []


@pytest.mark.parametrize("empty", ["search_filter=", "page_number=&per_page=", "active="])
async def test_an_empty_parameter_means_not_given(studio: Studio, empty: str) -> None:
    """A host that fills in a template leaves fields empty."""
    async with studio.client() as client:
        page = document(await client.read_resource(f"finerworks://images?{empty}"))
    assert (page["page_number"], page["per_page"]) == (1, 25)


@pytest.mark.parametrize(
    "uri", ["finerworks://prints", "finerworks://images/a/b", f"finerworks://images/{GUID}?size=1"]
)
async def test_an_address_of_nothing_is_not_found(studio: Studio, uri: str) -> None:
    """The protocol's own error; nothing is sent."""
    async with studio.client() as client:
        error = await refusal(client, uri)
    assert (error.code, error.data, studio.wire.sent) == (INVALID_PARAMS, {"uri": uri}, [])


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("uri", "endpoint"),
    [
        ("finerworks://images", "list_images"),
        ("finerworks://products", "list_virtual_inventory"),
        (f"finerworks://images/{GUID}", "list_images"),
        (f"finerworks://selections/{GUID}", "list_file_selection"),
    ],
)
async def test_an_error_of_the_service_is_told_in_our_words(
    studio: Studio, mode: Mode, uri: str, endpoint: str
) -> None:
    """What happened, what state, what next; the service's words only quoted."""
    studio.faults.add(Fault(FaultKind.REJECTED, endpoint=endpoint))
    async with studio.client(mode=mode) as client:
        error = await refusal(client, uri)
    assert error.message.startswith(
        f'FinerWorks rejected {endpoint}: "The request could not be completed."'
    )
    assert error.message.endswith("Nothing was changed. Change what the message names, then try "
                                  "again. (reason: rejected)")  # fmt: skip


async def test_what_is_read_may_be_kept_privately_and_shortly(studio: Studio) -> None:
    """Images are one seller's own, and the library moves."""
    async with studio.client() as client:
        read = await client.read_resource("finerworks://images")
        listed = await client.list_resources()
        templates = await client.list_resource_templates()
    assert (read.cache_scope, read.ttl_ms) == ("private", 5_000)
    assert (listed.cache_scope, listed.ttl_ms) == ("private", 5_000)
    assert (templates.cache_scope, templates.ttl_ms) == ("public", 300_000)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("name", "typed", "offered"),
    [
        ("library", "", ["inventory", "temporary"]),
        ("sort_field", "file", ["file_name", "file_size"]),
        ("sort_direction", "a", ["ASC"]),
    ],
)
async def test_the_values_of_a_pages_parameters_are_completed(
    studio: Studio, mode: Mode, name: str, typed: str, offered: list[str]
) -> None:
    """From the template as it is listed, on both eras."""
    async with studio.client(mode=mode) as client:
        completed = await client.complete(
            ResourceTemplateReference(uri=IMAGES), {"name": name, "value": typed}
        )
    assert completed.completion.values == offered
