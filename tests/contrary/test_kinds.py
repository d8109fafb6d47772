"""Each way in which a service may differ, alone, and what must hold all the same."""

from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp.client import Client

from fw_mcp.store.journal import Step
from tests.contrary.sequences import new_image
from tests.contrary.service import Ending, Service, Ways
from tests.support.products import covering, first_of
from tests.support.recorder import Sent
from tests.support.studio import YES, Clock, Person, Studio, make_studio, said
from tests.support.truth import rows_of, stored_in

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
    return [row["outcome"] for row in rows_of(result)]


ALTERED = {
    "a tilde as %7E": Ways(url="escaped"),
    "file_size in bits": Ways(bits=True, url="escaped"),
    "pixels turned": Ways(turned=True),
    "all of it": Ways(url="escaped", bits=True, turned=True, name="numbered", upper_guids=True),
    "nothing but guids": Ways(url="escaped", bits=True, terse=True),
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
    assert result["images"][0]["detail"].startswith("FinerWorks altered its text")
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
    assert (result["outcome"], stored_in(result)) == ("created", [guid])


async def test_short_pages_hide_no_image() -> None:
    """Three a page, whatever is asked: seven are deleted."""
    service, studio = contrary(Ways(most_a_page=3))
    guids = [service.lay(f"Old {number}") for number in range(7)]
    async with studio.client(person=Person(studio.clock, YES)) as client:
        result = await called(client, "delete_images", guids=guids)
    assert (outcomes(result), service.images) == (["deleted"] * 7, {})


@pytest.mark.parametrize(
    ("name", "value"),
    covering(
        ["pix_w", "file_size", "id", "active", "title", "file_name"], [6000.5, "", "6000px", [], {}]
    ),
)
async def test_one_odd_value_hides_no_image(name: str, value: object) -> None:
    """It is none, and its page is read."""
    service, studio = contrary(Ways(odd=(name, value)))
    for number in range(3):
        service.lay(f"Old {number}")
    async with studio.client() as client:
        result = await called(client, "search_images")
    assert len(result["images"]) == 3


@pytest.mark.parametrize("count", first_of(*["low", "high", "zero", "negative", "text"]))
@pytest.mark.parametrize("most_a_page", [50, 3])
async def test_a_count_that_is_wrong_hides_no_product(count: Any, most_a_page: int) -> None:  # noqa: ANN401  a literal
    """Rows are believed: pages follow to an empty one."""
    service, studio = contrary(Ways(count=count, most_a_page=most_a_page))
    for number in range(11):
        service.lay(f"Old {number}", products=[f"SKU-{number}"])
    found: set[str] = set()
    async with studio.client() as client:
        page = await called(client, "search_products", per_page=2)
        while following := page.get("next_page_number"):
            found |= {row["sku"] for row in page["products"]}
            page = await called(client, "search_products", per_page=2, page_number=following)
        summary = await called(client, "search_products", summary=True)
    found |= {row["sku"] for row in page["products"]}
    assert found == {f"SKU-{number}" for number in range(11)}
    assert summary["summary"]["products"] == len(found)


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


ODD_TEXT = [("title", 6000.5), ("title", {}), ("description", [])]


@pytest.mark.parametrize(("name", "value"), first_of(*ODD_TEXT))
async def test_a_text_that_cannot_be_read_is_not_written_over(name: str, value: object) -> None:
    """It could not be given back, and would go where only the other one is meant."""
    service, studio = contrary(Ways(odd=(name, value)))
    odd, whole = service.lay("One"), service.lay("Two")
    async with studio.client() as client:
        texts = [{"guid": guid, "title": "New"} for guid in (odd, whole)]
        result = await called(client, "update_image_metadata", images=texts)
        listed = await called(client, "search_images")
    assert outcomes(result) == ["skipped", "updated"]
    assert f"form that cannot be read, its {name}" in result["images"][0]["detail"]
    assert service.text_of(odd)[0] == "One"
    assert [row.get("odd_fields") for row in listed["images"]] == [None, [name]]


@pytest.mark.parametrize("value", first_of(*[{}, "none", None, [5]]))
async def test_products_that_cannot_be_read_keep_only_their_image(value: object) -> None:
    """Nobody could say what goes with it; the others go."""
    service, studio = contrary(Ways(odd=("products", value)))
    odd, whole = service.lay("One", products=["SKU-1"]), service.lay("Two")
    person = Person(studio.clock, YES)
    async with studio.client(person=person) as client:
        texts = [{"guid": odd, "title": "New"}]
        retitled = await called(client, "update_image_metadata", images=texts)
        deleted = await called(client, "delete_images", guids=[odd, whole])
    assert outcomes(retitled) == ["skipped"]
    assert outcomes(deleted) == ["skipped", "deleted"]
    assert list(service.images) == [odd]


async def test_a_guid_that_cannot_be_read_keeps_only_its_image() -> None:
    """It is said to be left out, and what is asked by it is not told as gone."""
    service, studio = contrary(Ways(odd=("guid", "")))
    odd, whole = service.lay("One"), service.lay("Two")
    async with studio.client(person=Person(studio.clock, YES)) as client:
        listed = await called(client, "search_images")
        result = await called(client, "delete_images", guids=[odd, whole])
    assert [row["guid"] for row in listed["images"]] == [whole]
    assert listed["not_reached"] == "1 record skipped because the guid cannot be read."
    assert outcomes(result) == ["skipped", "deleted"]


async def test_an_addition_whose_guid_cannot_be_read_is_not_told_as_failed() -> None:
    """Nor where another that cannot be read went meanwhile."""
    service, studio = contrary(Ways(odd=("guid", "")))
    oldest, *_ = [service.lay(f"Old {number}") for number in range(6)]
    del service.images[oldest]
    async with studio.client() as client:
        added = await called(client, "add_images", images=NEW[:1])
    assert outcomes(added) == ["unknown"]
    assert len(service.images) == 6


@pytest.mark.parametrize("count", first_of(*["low", "high", "zero", "negative", "text"]))
async def test_a_count_that_is_wrong_hides_no_image(count: Any) -> None:  # noqa: ANN401  a literal
    """Rows are believed: pages follow to the end, and what was named goes."""
    service, studio = contrary(Ways(count=count))
    guids = [service.lay(f"Old {number}") for number in range(7)]
    async with studio.client(person=Person(studio.clock, YES)) as client:
        first = await called(client, "search_images", per_page=5)
        second = await called(client, "search_images", per_page=5, page_number=2)
        result = await called(client, "delete_images", guids=guids[:2])
    assert first["next_page_number"] == 2
    assert len(first["images"]) + len(second["images"]) == 7
    assert (outcomes(result), list(service.images)) == (["deleted"] * 2, guids[2:])


@pytest.mark.parametrize("count", first_of(*["low", "high", "zero"]))
async def test_short_pages_and_wrong_counts_together_hide_no_named_image(count: Any) -> None:  # noqa: ANN401
    """What is missing is asked for again, alone."""
    service, studio = contrary(Ways(most_a_page=3, count=count))
    guids = [service.lay(f"Old {number}") for number in range(7)]
    async with studio.client() as client:
        texts = [{"guid": guid, "title": "New"} for guid in guids]
        result = await called(client, "update_image_metadata", images=texts)
    assert outcomes(result) == ["updated"] * 7


async def test_an_image_that_was_there_before_is_not_told_as_created() -> None:
    """Nor is it deleted by an undo, which takes back what the call made."""
    service, studio = contrary(Ways(knows_files=True))
    guid = service.lay("Old")
    known = {**NEW[0], "private_hires_uri": service.masters[guid]}
    async with studio.client(person=Person(studio.clock, YES)) as client:
        added = await called(client, "add_images", images=[known, NEW[1]])
        undone = await called(client, "undo_change", change_id=added["change_id"])
    assert outcomes(added) == ["adopted", "created"]
    assert "returned the existing image" in added["images"][0]["detail"]
    assert outcomes(undone) == ["skipped", "deleted"]
    assert list(service.images) == [guid]


@pytest.mark.parametrize("ways", first_of(*[Ways(products_go="later"), Ways(null_products=True)]))
async def test_products_that_are_not_seen_to_go_are_announced(ways: Ways) -> None:
    """They go a little later, or it is not told which are left."""
    service, studio = contrary(ways)
    guid = service.lay("Old", products=["SKU-1"])
    async with studio.client(person=Person(studio.clock, YES)) as client:
        texts = [{"guid": guid, "title": "New"}]
        result = await called(client, "update_image_metadata", images=texts)
    (row,) = result["images"]
    assert (row["outcome"], row.get("products_removed")) == ("updated", None)
    assert "FinerWorks may remove them" in row["detail"] or "are left" in row["detail"]


async def test_a_text_that_is_kept_altered_is_not_sent_again() -> None:
    """However long after: it would be altered again, and take products with it each time."""
    service, studio = contrary(Ways(text="trimmed"))
    guid = service.lay("Old")
    async with studio.client() as client:
        texts = [{"guid": guid, "title": "  Fog  "}]
        await called(client, "update_image_metadata", images=texts)
        service.hang(guid, "SKU-1")
        studio.clock.forward(4000)
        again = await called(client, "update_image_metadata", images=texts)
        texts = [{"guid": guid, "title": " Fog "}]
        other = await called(client, "update_image_metadata", images=texts, dry_run=True)
    assert (
        again["images"][0]["detail"]
        == "It already has this text. This is how FinerWorks stores it."
    )
    assert service.skus(guid) == {"SKU-1"}
    assert other["images"][0]["products_at_risk"]


async def test_an_image_that_is_only_hidden_is_not_told_as_deleted() -> None:
    """Without a yes, what a list does not show need not be gone."""
    service, studio = contrary(Ways(hidden_s=2.0))
    guid = service.lay("Old")
    service.endings[:] = [Ending(400, commits=False)]

    async def hide(sent: Sent) -> None:
        if sent.endpoint == "delete_images":
            service.hide(guid)

    studio.wire.on_the_way = hide
    async with studio.client(person=Person(studio.clock, YES)) as client:
        result = await called(client, "delete_images", guids=[guid])
    assert outcomes(result) == ["failed"]


async def test_an_image_of_the_inventory_is_registered_there_again() -> None:
    """Whatever `library` its deletion named: a temporary one would be gone in a fortnight."""
    service, studio = contrary(Ways(ignores_library=True))
    guid = service.lay("Old")
    async with studio.client(person=Person(studio.clock, YES)) as client:
        gone = await called(client, "delete_images", guids=[guid], library="temporary")
        await called(client, "undo_change", change_id=gone["change_id"])
    assert [one["temporary"] for one in service.images.values()] == [False]


async def test_an_answered_guid_is_the_image_also_when_it_shows_late() -> None:
    """It is read by its guid a minute later, however its record looks by then."""
    ways = Ways(lag_s={"list_images": 20.0}, url="escaped", bits=True, turned=True, name="numbered")
    service, studio = contrary(ways)
    new = {**NEW[0], "title": "Sea & Sky", "description": ""}
    async with studio.client() as client:
        first = await called(client, "add_images", images=[new])
        service.images[first["images"][0]["guid"]] |= {"title": "Other", "file_name": "x.jpg"}
        studio.clock.forward(100)
        handle = first["continue_handle"]
        last = await called(client, "add_images", continue_handle=handle)
    assert (outcomes(first), outcomes(last)) == (["unknown"], ["adopted"])
    assert len(service.images) == 1


async def test_a_file_that_may_still_be_added_is_not_sent_by_another_call() -> None:
    """A minute later it is; on purpose at once."""
    service, studio = contrary()
    service.endings[:] = [Ending("timeout", late_s=50.0)]
    async with studio.client() as client:
        await called(client, "add_images", images=NEW)
        early = await called(client, "add_images", images=NEW[:2])
        assert (outcomes(early), service.too_soon) == (["not_attempted"] * 2, [])
        assert "may still be added for" in early["images"][0]["detail"]
        studio.clock.forward(100)
        handle = early["continue_handle"]
        late = await called(client, "add_images", continue_handle=handle)
    assert outcomes(late) == ["created"] * 2


async def test_a_late_list_that_counts_what_it_does_not_show_is_read_again() -> None:
    """Its first answer cannot be believed, the next one can."""
    service, studio = contrary(Ways(lag_s={"list_images": 1.0}, count="high"))
    async with studio.client() as client:
        result = await called(client, "add_images", images=NEW)
    assert {row["guid"] for row in result["images"]} == set(service.images)
    assert outcomes(result) == ["created"] * 5


@pytest.mark.parametrize("tool", ["update_image_metadata", "delete_images"])
async def test_the_last_look_is_after_the_journal(tool: str) -> None:
    """Another process held the store for four seconds, and somebody hung a product meanwhile."""
    guid = ""

    def reached(step: Step) -> None:
        if step is Step.INTENT_RECORDED:
            studio.clock.forward(4)
            service.hang(guid, "SKU-NEW")

    clock = Clock()
    service = Service(clock)
    studio = make_studio(service=service, clock=clock, per_series=1, reached=reached)
    guid = service.lay("Old")
    images = [{"guid": guid, "title": "New"}]
    arguments: Any = {"guids": [guid]} if tool == "delete_images" else {"images": images}
    async with studio.client(person=Person(clock, YES)) as client:
        result = await called(client, tool, **arguments)
    assert outcomes(result) == ["not_attempted"]
    assert (service.skus(guid), studio.wire.writes) == ({"SKU-NEW"}, [])


async def test_what_an_update_took_is_given_back_as_the_service_keeps_it() -> None:
    """The former text, altered as every text is, and the former set of a selection."""
    service, studio = contrary(Ways(text="trimmed", upper_guids=True))
    one, other = service.lay("One"), service.lay("Two")
    async with studio.client() as client:
        texts = [{"guid": one, "title": "  Fog  "}]
        update = await called(client, "update_image_metadata", images=texts)
        first = await called(client, "set_selection", guids=[one])
        key = first["selection_guid"]
        second = await called(client, "set_selection", guids=[other], selection_guid=key)
        for change in (update, second):
            await called(client, "undo_change", change_id=change["change_id"])
    assert service.text_of(one) == ("One", "")
    assert service.selections == {key: [one]}


async def test_the_same_call_through_two_servers_on_one_store_is_made_once(tmp_path: Path) -> None:
    """Started at the same moment: one of them adds, the other waits for its result or refuses."""
    clock = Clock()
    service = Service(clock)
    store = tmp_path / "store.sqlite3"
    studios = [
        make_studio(service=service, clock=clock, per_series=1, store=store, kept_for="one")
        for _ in range(2)
    ]
    async with (
        studios[0].client() as one,
        studios[1].client() as other,
        anyio.create_task_group() as group,
    ):
        for client in (one, other):
            group.start_soon(client.call_tool, "add_images", {"images": NEW})
    assert [len(service.of_file(str(image["private_hires_uri"]))) for image in NEW] == [1] * 5
