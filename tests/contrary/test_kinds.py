"""Each way in which a service may differ, alone, and what must hold all the same."""

from typing import Any

import pytest
from mcp.client import Client

from tests.contrary.sequences import new_image
from tests.contrary.service import Ending, Service, Ways
from tests.support.studio import YES, Clock, Person, Studio, make_studio, said

pytestmark = pytest.mark.anyio

NEW = [new_image(number, f"Work {number}") for number in range(1, 6)]


def contrary(ways: Ways | None = None, *, tried: bool = True) -> tuple[Service, Studio]:
    """A service that differs, and a server on it, whose time is one.

    Args:
        ways: how it differs.
        tried: whether each kind of write was tried on it before.
    """
    clock = Clock()
    service = Service(clock, ways)
    return service, make_studio(service=service, clock=clock, per_series=1, tried=tried)


async def called(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:  # noqa: ANN401  JSON
    """What a call said."""
    return said(await client.call_tool(tool, arguments))


def outcomes(result: dict[str, Any]) -> list[str]:
    """How each image ended."""
    return [row["outcome"] for row in result["images"]]


ALTERED = {
    "a space as %20": Ways(url="spaces"),
    "file_size in bits": Ways(bits=True, url="spaces"),
    "pixels turned": Ways(turned=True),
    "all of it": Ways(url="spaces", bits=True, turned=True, name="numbered", upper_guids=True),
    "nothing but guids": Ways(url="spaces", bits=True, terse=True),
}


@pytest.mark.parametrize("ways", ALTERED.values(), ids=ALTERED)
async def test_a_guid_that_the_answer_gave_is_the_image(ways: Ways) -> None:
    """However its record looks: nothing is sent again by the same call."""
    service, studio = contrary(ways)
    async with studio.client() as client:
        first = await called(client, "add_images", images=NEW)
        await called(client, "add_images", images=NEW)
    assert outcomes(first) == ["created"] * 5
    assert "continue_handle" not in first
    assert len(service.images) == 5


@pytest.mark.parametrize("ways", ALTERED.values(), ids=ALTERED)
async def test_what_a_lost_answer_added_is_adopted_though_it_is_altered(ways: Ways) -> None:
    """When several facts agree and it is new, it is ours."""
    service, studio = contrary(ways)
    service.endings[:] = [Ending("dropped")]
    async with studio.client() as client:
        result = await called(client, "add_images", images=NEW)
    assert outcomes(result) == ["adopted"] * 5
    masters = [service.images[row["guid"]]["master"] for row in result["images"]]
    assert masters == [one["private_hires_uri"] for one in NEW]


async def test_a_slow_service_is_not_asked_again_for_a_minute() -> None:
    """A handle reads until then, and says how long; then it adopts what came."""
    service, studio = contrary()
    service.endings[:] = [Ending("timeout", late_s=55.0)]
    async with studio.client() as client:
        first = await called(client, "add_images", images=NEW)
        assert outcomes(first) == ["unknown"] * 5
        handle = first["continue_handle"]
        again = await called(client, "add_images", continue_handle=handle)
        assert "nothing is sent again before that" in again["images"][0]["detail"].lower()
        studio.clock.forward(60)
        last = await called(client, "add_images", continue_handle=handle)
    assert outcomes(last) == ["adopted"] * 5
    assert (len(service.images), service.too_soon) == (5, [])


async def test_what_did_not_come_within_a_minute_is_sent_again() -> None:
    """Nothing is lost: one continue after it adds what is missing."""
    service, studio = contrary()
    service.endings[:] = [Ending("timeout", commits=False)]
    async with studio.client() as client:
        first = await called(client, "add_images", images=NEW)
        studio.clock.forward(100)
        await called(client, "add_images", continue_handle=first["continue_handle"])
    assert len(service.images) == 5


@pytest.mark.parametrize("status", [400, 403, 404, 409, 413, 422, 429, 500])
async def test_a_status_may_come_after_the_work(status: int) -> None:
    """What it says is read back before it is believed."""
    service, studio = contrary()
    guid = service.lay("Old", products=["SKU"])
    person = Person(studio.clock, YES)
    async with studio.client(person=person) as client:
        service.endings[:] = [Ending(status)]
        added = await called(client, "add_images", images=NEW)
        service.endings[:] = [Ending(status)]
        texts = [{"guid": guid, "title": "New"}]
        updated = await called(client, "update_image_metadata", images=texts)
        service.endings[:] = [Ending(status)]
        deleted = await called(client, "delete_images", guids=[guid])
    assert outcomes(added) == ["adopted"] * 5
    assert (outcomes(updated), outcomes(deleted)) == (["updated"], ["deleted"])
    assert len(service.images) == 5


@pytest.mark.parametrize("status", [400, 404, 422])
async def test_a_status_that_came_instead_of_the_work_is_a_failure(status: int) -> None:
    """It is not sent again."""
    service, studio = contrary()
    service.endings[:] = [Ending(status, commits=False)]
    async with studio.client() as client:
        result = await called(client, "add_images", images=NEW)
    assert outcomes(result) == ["failed"] * 5
    assert len(studio.wire.to("add_images")) == 1


async def test_an_unsettled_call_is_settled_first_however_old() -> None:
    """The same call after twelve minutes finds what it left."""
    service, studio = contrary()
    service.endings[:] = [Ending("timeout", late_s=45.0)]
    async with studio.client() as client:
        await called(client, "add_images", images=NEW)
        studio.clock.forward(720)
        result = await called(client, "add_images", images=NEW)
    assert outcomes(result) == ["adopted"] * 5
    assert len(service.images) == 5


async def test_a_guid_is_looked_up_where_its_products_show() -> None:
    """Listed among the temporary images without its products, it is asked about with them."""
    service, studio = contrary(Ways(ignores_library=True))
    guid = service.lay("Old", products=["SKU-1"])
    person = Person(studio.clock, YES)
    async with studio.client(person=person) as client:
        await called(client, "delete_images", guids=[guid], library="temporary")
    assert "SKU-1" in person.asked[0]


TEXTS = [
    ("entities", "Sea & Sky"),
    ("trimmed", " Fog "),
    ("cut", "Long road " * 12),
    ("line_feeds", "a\r\nb"),
    ("no_emoji", "Dune \N{SUNRISE}"),
]


@pytest.mark.parametrize(("text", "title"), TEXTS)
@pytest.mark.parametrize("how", ["yes", "dropped"])
async def test_stored_is_not_what_was_sent(text: str, title: str, how: Any) -> None:  # noqa: ANN401  a literal
    """It is updated, and said to be altered; it is sent once."""
    service, studio = contrary(Ways(text=text))
    guid = service.lay("Old")
    service.endings[:] = [Ending(how)]
    async with studio.client() as client:
        texts = [{"guid": guid, "title": title}]
        result = await called(client, "update_image_metadata", images=texts)
    assert outcomes(result) == ["updated"]
    assert result["images"][0]["detail"].startswith("FinerWorks stored its text altered")
    assert len(studio.wire.to("update_images")) == 1


LATE = {"old lists": Ways(lag_s={"list_images": 1.0}), "hidden": Ways(hidden_s=1.0)}


@pytest.mark.parametrize("ways", LATE.values(), ids=LATE)
async def test_a_list_that_is_late_is_read_again(ways: Ways) -> None:
    """The old text, or none, is not believed at once."""
    service, studio = contrary(ways)
    guid = service.lay("Old")
    async with studio.client() as client:
        texts = [{"guid": guid, "title": "New"}]
        result = await called(client, "update_image_metadata", images=texts)
    assert outcomes(result) == ["updated"]


async def test_a_selection_that_can_be_read_late_is_read_again() -> None:
    """The old set is not believed at once."""
    service, studio = contrary(Ways(lag_s={"list_file_selection": 1.0}))
    guid = service.lay("Old")
    async with studio.client() as client:
        result = await called(client, "set_selection", guids=[guid])
    assert (result["outcome"], result["stored"]) == ("updated", [guid])


async def test_short_pages_hide_no_image() -> None:
    """Three a page, whatever is asked: seven are deleted."""
    service, studio = contrary(Ways(most_a_page=3))
    guids = [service.lay(f"Old {number}") for number in range(7)]
    async with studio.client(person=Person(studio.clock, YES)) as client:
        result = await called(client, "delete_images", guids=guids)
    assert (outcomes(result), service.images) == (["deleted"] * 7, {})


@pytest.mark.parametrize("value", [6000.5, "", "6000px", [], {}])
@pytest.mark.parametrize("name", ["pix_w", "file_size", "id", "active", "title", "file_name"])
async def test_one_odd_value_hides_no_image(name: str, value: object) -> None:
    """It is none, and its page is read."""
    service, studio = contrary(Ways(odd=(name, value)))
    for number in range(3):
        service.lay(f"Old {number}")
    async with studio.client() as client:
        result = await called(client, "search_images")
    assert len(result["images"]) == 3


@pytest.mark.parametrize("value", [6000.5, "", "6000px", [], {}])
@pytest.mark.parametrize("name", ["sku", "name", "asking_price", "labels", "image_guid"])
async def test_one_odd_value_hides_no_product(name: str, value: object) -> None:
    """Its row is there without it, and every other row is whole."""
    service, studio = contrary(Ways(odd=(name, value)))
    for number in range(3):
        service.lay(f"Old {number}", products=[f"SKU-{number}"])
    async with studio.client() as client:
        result = await called(client, "search_products")
        summary = await called(client, "search_products", summary=True)
    assert len(result["products"]) == summary["summary"]["products"] == 3
    whole = [row.get("sku") for row in result["products"][::2]]
    assert whole == ["SKU-0", "SKU-2"]


@pytest.mark.parametrize(
    "ways",
    [Ways(), Ways(most_a_page=3), Ways(twice=True), Ways(count="high"), Ways(upper_guids=True)],
    ids=["as documented", "short pages", "a row twice", "too high a count", "upper case"],
)
async def test_whatever_its_pages_are_like_each_product_is_counted_once(ways: Ways) -> None:
    """And what a count claims beyond them is said not to have been reached."""
    service, studio = contrary(ways)
    guids = [service.lay(f"Old {n}", products=[f"SKU-{n}", f"ALSO-{n}"]) for n in range(40)]
    async with studio.client() as client:
        told = await called(client, "search_products", summary=True)
        (row, *_) = (await called(client, "search_products", guid_filter=guids[:1]))["products"]
    assert (told["summary"]["products"], row["image_guid"]) == (80, guids[0])
    assert ("not_reached" in told) is (ways.count == "high")
