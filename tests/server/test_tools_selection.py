"""`set_selection`: the key that hands images to printing, and what it holds as read back."""

import json
from typing import Any
from uuid import UUID

import httpx
import pytest

from fw_mcp.sandbox.endpoints import Switches
from fw_mcp.sandbox.faults.plan import Fault, FaultKind
from tests.support.products import first_of
from tests.support.recorder import OnTheWay, Sent
from tests.support.studio import Mode, Studio, make_studio, said, text_of
from tests.support.truth import holdings, stored_in, unsold
from tests.writes.runs import changes

pytestmark = pytest.mark.anyio

GUID = "3f2b8c1e-0d4a-4e5f-8a6b-7c9d0e1f2a3b"
KEY = "11111111-2222-4333-8444-555555555555"
MODES = first_of("auto", "legacy")


async def selected(studio: Studio, guids: list[str], **arguments: object) -> dict[str, Any]:
    """The result of one call; what it says is stored is what the service holds."""
    async with studio.client() as client:
        result = said(await client.call_tool("set_selection", {"guids": guids, **arguments}))
    answer = await studio.api.list_file_selection(result["selection_guid"])
    assert "count" not in result or stored_in(result) == list(answer.guids)
    return result


async def guids_of(studio: Studio, count: int) -> list[str]:
    """Guids of images that exist."""
    return [image.guid for image in await unsold(studio, count)]


@pytest.mark.parametrize("mode", MODES)
async def test_a_new_selection_gets_a_key_and_says_what_it_is_for(
    studio: Studio, mode: Mode
) -> None:
    """The whole result, in structure and in text."""
    images = await unsold(studio, 3)
    guids = [one.guid for one in images]
    async with studio.client(mode=mode) as client:
        result = await client.call_tool("set_selection", {"guids": guids})
    key = said(result)["selection_guid"]
    message = (
        "The selection holds 3 images, as read back. selection_guid is the key of this "
        "selection: opened on FinerWorks.com, it offers these images for printing. Anyone who has "
        "the key can open the selection."
    )
    (change,) = await changes(studio)
    assert UUID(key).version == 4
    assert said(result) == {
        "status": "completed",
        "message": message,
        "change_id": change.change_id,
        "selection_guid": key,
        "outcome": "created",
        "count": 3,
        "images": [
            {"guid": one.guid, "title": one.title, "file_name": one.file_name} for one in images
        ],
    }
    lines = [f'{one.guid} "{one.title}" | "{one.file_name}"' for one in images]
    assert text_of(result).split("\n") == [
        f"completed: {message}",
        f"selection_guid {key} (created)",
        *lines,
        f"change_id {change.change_id}",
    ]
    assert studio.wire.to("update_file_selection") == [{"guids": guids, "guid": key}]


async def test_each_new_selection_has_a_key_of_its_own(studio: Studio) -> None:
    """One set never overwrites another by accident."""
    one, two = await guids_of(studio, 2)
    first, second = await selected(studio, [one]), await selected(studio, [two])
    assert first["selection_guid"] != second["selection_guid"]


@pytest.mark.parametrize(("later_s", "same"), [(600, True), (601, False)])
async def test_the_same_call_sent_again_gets_the_same_key_for_ten_minutes(
    studio: Studio, later_s: float, same: bool
) -> None:
    """A host that lost the answer gets it; after that it is another selection."""
    guids = await guids_of(studio, 1)
    first = await selected(studio, guids)
    studio.clock.forward(later_s)
    again = await selected(studio, guids)
    assert (first["selection_guid"] == again["selection_guid"]) is same
    assert again.get("replayed", False) is same
    assert len(studio.wire.to("update_file_selection")) == (1 if same else 2)


async def test_a_known_key_holds_exactly_the_new_set_and_tells_the_former(
    studio: Studio,
) -> None:
    """The whole set is sent; what was replaced can be restored."""
    one, two, three = await guids_of(studio, 3)
    await selected(studio, [one, two], selection_guid=KEY)
    result = await selected(studio, [two, three], selection_guid=KEY.upper())
    assert (result["selection_guid"], result["status"]) == (KEY, "completed")
    assert (stored_in(result), result["previous"]) == ([two, three], [one, two])


async def test_a_service_that_merges_is_told_of_and_is_not_called_complete() -> None:
    """More would be printed than was chosen: whether the service merges is undocumented."""
    studio = make_studio(switches=Switches(selection_merges=True))
    one, two = await guids_of(studio, 2)
    await selected(studio, [one], selection_guid=KEY)
    result = await selected(studio, [two], selection_guid=KEY)
    assert sorted(stored_in(result)) == sorted([one, two])
    assert "FinerWorks kept the previous selection beside it." in result["message"]
    assert result["status"] == "incomplete"


async def test_images_that_do_not_exist_are_left_out_and_named(studio: Studio) -> None:
    """They are not sent, and the text names them too."""
    (one,) = await guids_of(studio, 1)
    async with studio.client() as client:
        result = await client.call_tool("set_selection", {"guids": [GUID, one]})
    assert (stored_in(said(result)), said(result)["missing"]) == ([one], [GUID])
    assert said(result)["status"] == "incomplete"
    assert f"missing: {GUID}" in text_of(result)
    assert studio.wire.to("update_file_selection")[0]["guids"] == [one]


async def test_images_of_both_libraries_can_be_selected(studio: Studio) -> None:
    """A selection names images by guid alone."""
    inventory = next(iter(await holdings(studio)))
    temporary = next(iter(await holdings(studio, "temporary")))
    result = await selected(studio, [temporary, inventory])
    assert (stored_in(result), "missing" in result) == ([temporary, inventory], False)


async def test_when_no_image_exists_nothing_is_sent(studio: Studio) -> None:
    """An empty set would clear the selection."""
    (one,) = await guids_of(studio, 1)
    await selected(studio, [one], selection_guid=KEY)
    result = await selected(studio, [GUID], selection_guid=KEY)
    assert len(studio.wire.to("update_file_selection")) == 1
    assert (result["outcome"], result["status"]) == ("not_attempted", "incomplete")
    assert (stored_in(result), result["missing"]) == ([one], [GUID])
    assert "None of these images exists; nothing was sent." in result["message"]


async def test_a_selection_that_cannot_be_read_back_is_unknown(studio: Studio) -> None:
    """The key is told all the same, with where to look."""
    (one,) = await guids_of(studio, 1)
    studio.faults.add(Fault(FaultKind.REJECTED, endpoint="list_file_selection", after=1))
    async with studio.client() as client:
        result = await client.call_tool("set_selection", {"guids": [one]})
    key = said(result)["selection_guid"]
    assert (said(result)["outcome"], said(result)["status"]) == ("unknown", "incomplete")
    assert "count" not in said(result)
    assert "The selection holds an unknown number of images" in said(result)["message"]
    assert f"Read it by search_images with selection_guid {key}." in said(result)["message"]


SPOILED = [
    # A fault, whether the work was done all the same, how often it comes, what is true then, and
    # how often the set was sent: it is the whole set each time.
    (FaultKind.REJECTED, False, 1, "failed", 1),
    (FaultKind.REJECTED, True, 1, "created", 1),
    (FaultKind.SERVER_ERROR, False, 1, "created", 2),
    (FaultKind.SERVER_ERROR, False, 99, "failed", 2),
    (FaultKind.DROPPED, True, 1, "created", 1),
    (FaultKind.RATE_LIMITED, False, 1, "created", 2),
    (FaultKind.RATE_LIMITED, False, 99, "not_attempted", 2),
]


@pytest.mark.parametrize(("kind", "committed", "times", "outcome", "sent"), SPOILED)
async def test_a_spoiled_selection_is_settled_by_reading_back(
    kind: FaultKind, committed: bool, times: int, outcome: str, sent: int
) -> None:
    """Promise: the outcome is what the service holds, whatever became of the answer."""
    studio = make_studio()
    (one,) = await guids_of(studio, 1)
    fault = Fault(kind, endpoint="update_file_selection", committed=committed, times=times)
    studio.faults.add(fault)
    result = await selected(studio, [one])
    done = outcome == "created"
    assert result["outcome"] == outcome
    assert stored_in(result) == ([one] if done else [])
    assert result["status"] == ("completed" if done else "incomplete")
    assert len(studio.wire.to("update_file_selection")) == sent


async def test_a_selection_that_was_refused_says_why_though_it_cannot_be_read(
    studio: Studio,
) -> None:
    """It may have come after the work: only a reading would say."""
    (one,) = await guids_of(studio, 1)
    studio.faults.add(Fault(FaultKind.RATE_LIMITED, endpoint="update_file_selection", times=3))
    studio.faults.add(Fault(FaultKind.REJECTED, endpoint="list_file_selection", after=1))
    result = await selected(studio, [one])
    assert result["outcome"] == "unknown"
    assert "rate-limited update_file_selection" in result["message"]


async def test_a_selection_that_never_left_was_not_attempted(studio: Studio) -> None:
    """It holds what it held."""

    async def out_of_reach(sent: Sent) -> None:
        if sent.endpoint == "update_file_selection":
            raise httpx.ConnectError("no route")

    (one,) = await guids_of(studio, 1)
    studio.wire.on_the_way = out_of_reach
    result = await selected(studio, [one])
    assert (result["outcome"], stored_in(result)) == ("not_attempted", [])


async def test_a_service_that_stores_other_images_is_found_out(studio: Studio) -> None:
    """It said yes; what it holds is what is told."""
    (one,) = await guids_of(studio, 1)

    async def says_yes(sent: Sent) -> httpx.Response | None:
        yes = {"status": {"success": True, "status_code": 200}, "guids": [one]}
        return httpx.Response(200, json=yes) if sent.endpoint == "update_file_selection" else None

    studio.wire.on_the_way = says_yes
    result = await selected(studio, [one])
    assert (result["outcome"], stored_in(result)) == ("failed", [])
    assert "FinerWorks stored different images." in result["message"]


@pytest.mark.parametrize("endpoint", ["list_images", "list_file_selection"])
async def test_nothing_is_sent_when_what_is_there_cannot_be_read_first(
    studio: Studio, endpoint: str
) -> None:
    """Neither the images nor the former set are overwritten unseen."""
    (one,) = await guids_of(studio, 1)
    studio.faults.add(Fault(FaultKind.REJECTED, endpoint=endpoint))
    async with studio.client() as client:
        result = await client.call_tool("set_selection", {"guids": [one]})
    assert (result.is_error, studio.wire.writes) == (True, [])


async def test_one_image_is_counted_as_one(studio: Studio) -> None:
    """In English."""
    (image,) = await unsold(studio, 1)
    async with studio.client() as client:
        made = await client.call_tool("set_selection", {"guids": [image.guid]})
        counted = await client.call_tool(
            "search_images", {"guid_filter": [image.guid], "summary": True}
        )
        none = await client.call_tool(
            "search_images", {"guid_filter": [image.guid], "only": ["has_products"]}
        )
    assert "The selection holds 1 image, as read back." in text_of(made)
    assert "1 image matches. Scanned 1 of 1 image in scope." in text_of(counted)
    assert text_of(none).startswith("No image. Scanned 1 of 1 image in scope.")


async def test_a_selection_is_changed_by_what_is_added_and_removed(studio: Studio) -> None:
    """The rest stays; what is not found is named; the former set can be had again."""
    one, two, three = await guids_of(studio, 3)
    await selected(studio, [one, two], selection_guid=KEY)
    call = {"add": [three, GUID, two], "remove": [one], "selection_guid": KEY}
    async with studio.client() as client:
        result = said(await client.call_tool("set_selection", call))
        held = list((await studio.api.list_file_selection(KEY)).guids)
        change = {"change_id": result["change_id"]}
        undone = said(await client.call_tool("undo_change", change))
        back = list((await studio.api.list_file_selection(KEY)).guids)
    assert held == stored_in(result) == [two, three]
    assert (result["outcome"], result["missing"]) == ("updated", [GUID])
    assert result["previous"] == back == [one, two]
    assert undone["status"] == "completed"


async def test_what_a_selection_does_not_hold_cannot_be_removed_from_it(studio: Studio) -> None:
    """It is named; and FinerWorks cannot empty a selection."""
    one, two = await guids_of(studio, 2)
    await selected(studio, [one], selection_guid=KEY)
    async with studio.client() as client:
        call = {"remove": [two], "selection_guid": KEY}
        other = said(await client.call_tool("set_selection", call))
        call = {"remove": [one], "selection_guid": KEY}
        all_of_it = said(await client.call_tool("set_selection", call))
    assert (stored_in(other), other["missing"]) == ([one], [two])
    assert (all_of_it["outcome"], stored_in(all_of_it)) == ("not_attempted", [one])
    assert "FinerWorks cannot empty a selection" in all_of_it["message"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({}, "guids is required, or add or remove"),
        ({"guids": [GUID], "add": [GUID], "selection_guid": KEY}, "guids is the whole set"),
        ({"add": [GUID]}, "add and remove change a selection that there is"),
        ({"add": [GUID], "remove": [GUID], "selection_guid": KEY}, "is in add and in remove"),
    ],
)
async def test_a_set_and_a_change_of_it_exclude_each_other(
    studio: Studio, arguments: dict[str, object], told: str
) -> None:
    """What could mean two things is refused before anything is read."""
    async with studio.client() as client:
        result = await client.call_tool("set_selection", arguments)
    assert result.is_error
    assert told in text_of(result)
    assert studio.wire.sent == []


async def test_a_large_selection_is_told_by_its_guids(studio: Studio) -> None:
    """Of more than ten: the count, the bare guids in order, and what does not match."""
    guids = await guids_of(studio, 12)
    await selected(studio, guids[:11], selection_guid=KEY)
    async with studio.client() as client:
        call = {"guids": [GUID, *guids], "selection_guid": KEY}
        result = await client.call_tool("set_selection", call)
    told = said(result)
    assert (told["count"], told["guids"], "images" in told) == (12, guids, False)
    assert (told["missing"], told["previous"]) == ([GUID], guids[:11])
    assert f"guids: {', '.join(guids)}" in text_of(result)


async def test_of_what_does_not_fit_the_number_is_told_and_the_way_to_it(studio: Studio) -> None:
    """A selection may hold more than any call names; search_images pages through it."""
    (one,) = await guids_of(studio, 1)
    held = [str(UUID(int=number, version=4)) for number in range(1, 3_001)]
    studio.wire.on_the_way = _selection_of(held)
    async with studio.client() as client:
        result = await client.call_tool("set_selection", {"add": [one], "selection_guid": KEY})
    told = said(result)
    assert told["count"] == 3_000
    left_out = told["count"] - len(told["guids"])
    rest = f"{left_out:,} images not listed here. search_images with selection_guid pages through "
    assert rest in told["message"]
    assert "3,000 previous guids not listed here. undo_change restores " in told["message"]
    assert 20_000 < max(len(text_of(result)), len(json.dumps(told))) <= 24_000


def _selection_of(guids: list[str]) -> OnTheWay:
    async def answer(sent: Sent) -> httpx.Response | None:
        if sent.endpoint != "list_file_selection":
            return None
        status = {"success": True, "status_code": 200}
        return httpx.Response(200, json={"status": status, "guids": guids})

    return answer


async def test_that_titles_cannot_be_read_undoes_nothing(studio: Studio) -> None:
    """The set is stored; the guids are told without them."""
    (one,) = await guids_of(studio, 1)
    studio.faults.add(Fault(FaultKind.REJECTED, endpoint="list_images", after=1, times=9))
    result = await selected(studio, [one])
    assert (result["status"], result["images"]) == ("completed", [{"guid": one}])
    assert "Their titles could not be read." in result["message"]
