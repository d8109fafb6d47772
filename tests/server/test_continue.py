"""`continue_handle`: a call that ran out of time is gone on with, as it was accepted."""

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp.client import Client
from mcp.types import Implementation

from fw_mcp.api.models import (
    AddImagesRequest,
    DeleteImagesRequest,
    ImageDetails,
    ImageToUpdate,
    UpdateImagesRequest,
)
from fw_mcp.guard.guard import Confirm, Limits
from fw_mcp.sandbox.faults.plan import Fault, FaultKind
from fw_mcp.sandbox.seed import INVENTORY_PER_SERIES
from tests.server.elsewhere import library_shared_with_others
from tests.support.recorder import Sent
from tests.support.studio import Person, Studio, make_studio, said, text_of
from tests.support.truth import (
    assert_nothing_listed_twice,
    assert_nothing_sent_twice,
    assert_truthful,
    everything,
    holdings,
    new_images,
    outcomes,
    rows_of,
    sold,
    unsold,
)
from tests.writes.runs import changes, to_add

pytestmark = pytest.mark.anyio

UPDATE = "update_image_metadata"
ROOMY = Limits(items_per_call=500, deletions_per_hour=500)
ENDPOINTS = {
    "add_images": "add_images",
    UPDATE: "update_images",
    "delete_images": "delete_images",
}


def slowed(studio: Studio, seconds: float) -> Studio:
    """The same studio over a service that takes so long for each write."""

    async def slow(sent: Sent) -> None:
        studio.clock.forward(0 if sent.endpoint.startswith("list_") else seconds)

    studio.wire.on_the_way = slow
    return studio


def named(studio: Studio, tool: str) -> list[str]:
    """What each write of the tool named, in order: guids, or file names of new images."""
    bodies = studio.wire.to(ENDPOINTS[tool])
    if tool == "delete_images":
        return [guid for body in bodies for guid in body["guids"]]
    key = "file_name" if tool == "add_images" else "guid"
    return [image[key] for body in bodies for image in body["images"]]


async def register(studio: Studio, count: int) -> None:
    """So many more images in the inventory, by the judge's own way."""
    images = list(to_add(count).values())
    library = studio.api.library("inventory")
    for start in range(0, count, 5):
        request = AddImagesRequest(images=images[start : start + 5], library=library)
        await studio.api.add_images(request)


async def until_done(client: Client, tool: str, arguments: dict[str, Any]) -> list[dict[str, Any]]:
    """The result of a call, and of each call that went on with it."""
    results = [said(await client.call_tool(tool, arguments))]
    while handle := results[-1].get("continue_handle"):
        assert len(results) < 10
        results.append(said(await client.call_tool(tool, {"continue_handle": handle})))
    return results


async def long_add(studio: Studio) -> dict[str, Any]:
    """500 new images."""
    del studio
    return {"images": new_images(500)}


async def long_update(studio: Studio) -> dict[str, Any]:
    """500 new titles."""
    await register(studio, 400)
    images = await unsold(studio, 500)
    return {"images": [{"guid": one.guid, "title": f"Title {n}"} for n, one in enumerate(images)]}


async def long_deletion(studio: Studio) -> dict[str, Any]:
    """200 images, some with products."""
    images = [*await unsold(studio, 140), *await sold(studio, 60)]
    return {"guids": [image.guid for image in images]}


LONG = [
    ("add_images", long_add, 500, 0.6, "created"),
    (UPDATE, long_update, 500, 6.0, "updated"),
    ("delete_images", long_deletion, 200, 9.0, "deleted"),
]


@pytest.mark.parametrize(("tool", "made", "count", "seconds", "good"), LONG)
async def test_a_job_that_runs_out_of_time_is_finished_by_its_handle(
    tool: str,
    made: Callable[[Studio], Awaitable[dict[str, Any]]],
    count: int,
    seconds: float,
    good: str,
) -> None:
    """Nothing is done twice, nothing is left out, and nobody is asked a second time."""
    studio = make_studio(per_series=INVENTORY_PER_SERIES, limits=ROOMY)
    arguments = await made(studio)
    slowed(studio, seconds)
    person = studio.person(takes_s=0)
    async with studio.client(person=person) as client:
        results = await until_done(client, tool, arguments)
    first, last = results[0], results[-1]
    assert len(results) >= 2
    assert first["continue_handle"] == first["change_id"]
    assert first["message"].endswith(
        "For the rest call this tool again with continue_handle alone."
    )
    done = [result["outcomes"].get(good, 0) for result in results]
    assert done == sorted(set(done))
    assert 0 < done[0] < count
    for result in results[:-1]:
        assert Counter(result["outcomes"]) == Counter(
            {good: result["outcomes"][good], "not_attempted": count - result["outcomes"][good]}
        )
        left = [row for row in result["images"] if row["outcome"] == "not_attempted"]
        assert {row["detail"] for row in left} == {"Not sent: the call ran out of time."}
    assert (last["status"], last["outcomes"]) == ("completed", {good: count})
    assert {result["change_id"] for result in results} == {first["change_id"]}
    sent = named(studio, tool)
    assert len(sent) == len(set(sent)) == count
    assert len(person.asked) == (1 if tool == "delete_images" else 0)
    await assert_truthful(last, studio)
    await assert_nothing_listed_twice(studio)


async def cut_short(
    studio: Studio, person: Person, images: Sequence[ImageDetails]
) -> tuple[dict[str, Any], str]:
    """A deletion of which one chunk was carried out, and its handle."""
    async with studio.client(person=person) as client:
        guids = [image.guid for image in images]
        result = said(await client.call_tool("delete_images", {"guids": guids}))
    assert result["outcomes"] == {"deleted": 50, "not_attempted": len(images) - 50}
    return result, str(result["continue_handle"])


@pytest.fixture
def slow() -> Studio:
    """A studio of which a call has time for one chunk."""
    return slowed(make_studio(per_series=INVENTORY_PER_SERIES, limits=ROOMY), 30)


async def gone_on(studio: Studio, handle: str, tool: str = "delete_images") -> dict[str, Any]:
    """The result of going on, with nobody there who could answer a question."""
    async with studio.client() as client:
        return said(await client.call_tool(tool, {"continue_handle": handle}))


async def test_what_changed_meanwhile_is_held_back(slow: Studio) -> None:
    """The person agreed to lose what it was; no question, no write, and it is named."""
    images = [*await unsold(slow, 50), *await sold(slow, 2), *(await unsold(slow, 53))[50:]]
    kept, goes, renamed, gone, _ = images[50:]
    _, handle = await cut_short(slow, slow.person(takes_s=0), images)
    for image in (kept, renamed):
        text = ImageToUpdate(guid=image.guid, title="Meanwhile", description="")
        await slow.api.update_images(UpdateImagesRequest(images=(text,)))
    library = slow.api.library("inventory")
    await slow.api.delete_images(DeleteImagesRequest(guids=(gone.guid,), library=library))
    result = await gone_on(slow, handle)
    await assert_truthful(result, slow)
    rows = {row["guid"]: row for row in result["images"]}
    assert [rows[image.guid]["outcome"] for image in images[50:]] == [
        "not_attempted",
        "deleted",
        "not_attempted",
        "not_found",
        "deleted",
    ]
    assert rows[kept.guid]["detail"] == rows[renamed.guid]["detail"]
    assert "it has changed in the meantime. Review it and call again." in rows[kept.guid]["detail"]
    assert named(slow, "delete_images")[50:] == [goes.guid, images[-1].guid]
    assert {kept.guid, renamed.guid} <= set(await holdings(slow))
    assert (result["status"], "continue_handle" in result) == ("incomplete", False)


async def test_a_text_that_somebody_wrote_meanwhile_is_not_overwritten(slow: Studio) -> None:
    """Though nothing was at stake, and so nobody was asked."""
    images = await unsold(slow, 53)
    arguments = {"images": [{"guid": one.guid, "title": "New"} for one in images]}
    async with slow.client() as client:
        first = said(await client.call_tool(UPDATE, arguments))
    text = ImageToUpdate(guid=images[51].guid, title="Someone else's", description="")
    await slow.api.update_images(UpdateImagesRequest(images=(text,)))
    last = await gone_on(slow, str(first["continue_handle"]), UPDATE)
    assert outcomes(last) == ["updated", "not_attempted", "updated"]
    assert (await holdings(slow))[images[51].guid].title == "Someone else's"


async def test_an_image_that_got_a_product_meanwhile_does_not_lose_it(tmp_path: Path) -> None:
    """Nobody was asked, because nothing was at stake; now something is."""
    others = library_shared_with_others(tmp_path)
    studio = slowed(others.studio, 30)
    images = await unsold(studio, 52)
    arguments = {"images": [{"guid": one.guid, "title": "New"} for one in images]}
    async with studio.client() as client:
        first = said(await client.call_tool(UPDATE, arguments))
        others.hang(images[50])
        last = said(await client.call_tool(UPDATE, {"continue_handle": first["continue_handle"]}))
    assert outcomes(last) == ["not_attempted", "updated"]
    assert named(studio, UPDATE)[50:] == [images[51].guid]
    assert (await holdings(studio))[images[50].guid].title == images[50].title


async def test_a_handle_goes_on_with_what_was_accepted_and_never_more(slow: Studio) -> None:
    """Done, it has nothing left to do."""
    images = await unsold(slow, 60)
    before = await everything(slow)
    _, handle = await cut_short(slow, slow.person(takes_s=0), images)
    last = await gone_on(slow, handle)
    again = await gone_on(slow, handle)
    assert last["outcomes"] == again["outcomes"] == {"deleted": 60}
    assert len(slow.wire.writes) == 2
    assert set(before) - set(await everything(slow)) == {image.guid for image in images}


async def test_two_calls_with_a_handle_at_once_do_the_rest_once(slow: Studio) -> None:
    """The second shares the end of the first."""
    images = await unsold(slow, 60)
    _, handle = await cut_short(slow, slow.person(takes_s=0), images)
    told: list[dict[str, Any]] = []

    async def go_on() -> None:
        told.append(await gone_on(slow, handle))

    async with anyio.create_task_group() as group:
        group.start_soon(go_on)
        group.start_soon(go_on)
    assert [one["outcomes"] for one in told] == [{"deleted": 60}] * 2
    assert sorted(one.get("replayed", False) for one in told) == [False, True]
    assert len(slow.wire.writes) == 2


async def test_another_process_on_the_store_goes_on(tmp_path: Path) -> None:
    """The journal holds what was asked, and what was agreed to."""
    store = tmp_path / "store.sqlite3"
    first = slowed(make_studio(per_series=INVENTORY_PER_SERIES, limits=ROOMY, store=store), 30)
    images = await unsold(first, 60)
    _, handle = await cut_short(first, first.person(takes_s=0), images)
    second = make_studio(limits=ROOMY, store=store, app=first.app)
    second.clock.forward(first.clock() - second.clock())
    result = await gone_on(second, handle)
    assert (result["status"], result["outcomes"]) == ("completed", {"deleted": 60})
    assert named(second, "delete_images") == [image.guid for image in images[50:]]


@pytest.mark.parametrize(("later_s", "goes"), [(3500, True), (3601, False)])
async def test_a_handle_is_good_for_an_hour(slow: Studio, later_s: float, goes: bool) -> None:
    """After that it is looked at anew, and agreed to anew."""
    images = await unsold(slow, 60)
    _, handle = await cut_short(slow, slow.person(takes_s=0), images)
    slow.clock.forward(later_s)
    async with slow.client() as client:
        result = await client.call_tool("delete_images", {"continue_handle": handle})
    assert (not result.is_error, len(slow.wire.writes)) == (goes, 2 if goes else 1)
    assert goes or text_of(result).endswith("(reason: handle_unknown)")


UNKNOWN = (
    "No {tool} call to continue with handle {handle} in the last hour. Nothing was "
    "sent. Use search_images to see what is left, then make a new call. "
    "(reason: handle_unknown)"
)


@pytest.mark.parametrize("tool", ENDPOINTS)
@pytest.mark.parametrize("handle", ["0123456789abcdef", "%", "' OR 1=1 --", "yes"])
async def test_a_handle_that_names_no_call_is_refused(
    studio: Studio, tool: str, handle: str
) -> None:
    """Nothing is read, nothing is sent."""
    async with studio.client() as client:
        result = await client.call_tool(tool, {"continue_handle": handle})
    assert result.is_error
    assert text_of(result).endswith("(reason: handle_unknown)")
    assert studio.wire.sent == []


async def test_a_handle_of_another_tool_is_refused(slow: Studio) -> None:
    """A yes to a deletion is none to a rewrite."""
    _, handle = await cut_short(slow, slow.person(takes_s=0), await unsold(slow, 60))
    async with slow.client() as client:
        for tool in ("add_images", UPDATE):
            result = await client.call_tool(tool, {"continue_handle": handle})
            assert text_of(result) == UNKNOWN.format(tool=tool, handle=f'"{handle}"')
    assert len(slow.wire.writes) == 1


async def test_a_handle_of_another_caller_is_refused(slow: Studio) -> None:
    """A host goes on with what its own person was shown."""
    _, handle = await cut_short(slow, slow.person(takes_s=0), await unsold(slow, 60))
    other = Implementation(name="another-host", version="1")
    async with Client(slow.server, client_info=other, cache=None) as client:
        result = await client.call_tool("delete_images", {"continue_handle": handle})
    assert text_of(result) == UNKNOWN.format(tool="delete_images", handle=f'"{handle}"')
    assert len(slow.wire.writes) == 1


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [
        ("add_images", {"images": new_images(1)}),
        (UPDATE, {"images": [{"guid": "3f2b8c1e-0d4a-4e5f-8a6b-7c9d0e1f2a3b", "title": "A"}]}),
        ("delete_images", {"guids": ["3f2b8c1e-0d4a-4e5f-8a6b-7c9d0e1f2a3b"]}),
    ],
)
async def test_a_handle_and_arguments_exclude_each_other(
    studio: Studio, tool: str, arguments: dict[str, Any]
) -> None:
    """What would be meant is not guessed."""
    (name,) = arguments
    async with studio.client() as client:
        both = {**arguments, "continue_handle": "0123456789abcdef"}
        result = await client.call_tool(tool, both)
    assert text_of(result) == (
        f"continue_handle must be passed alone, without {name}. Nothing was sent. Give "
        f"{name}, or continue_handle alone to continue a call. (reason: invalid_arguments)"
    )
    assert studio.wire.sent == []


@pytest.mark.parametrize("beside", [{"dry_run": True}, {"plan_id": "0123456789abcdef"}])
async def test_a_handle_beside_a_dry_run_or_a_plan_sends_nothing(
    slow: Studio, beside: dict[str, Any]
) -> None:
    """A dry run that wrote would be the worst of surprises."""
    images = await unsold(slow, 55)
    _, handle = await cut_short(slow, slow.person(takes_s=0), images)
    async with slow.client() as client:
        result = await client.call_tool("delete_images", {"continue_handle": handle, **beside})
    assert result.is_error
    assert f"must be passed alone, without {', '.join(beside)}" in text_of(result)
    assert len(slow.wire.to("delete_images")) == 1


async def test_a_handle_holds_the_limits_of_now(tmp_path: Path) -> None:
    """An operator who started the server again with less means it."""
    first = slowed(
        make_studio(per_series=INVENTORY_PER_SERIES, limits=ROOMY, store=tmp_path / "store"), 30
    )
    _, handle = await cut_short(first, first.person(takes_s=0), await unsold(first, 80))
    for limits, reason in (
        (Limits(items_per_call=5), "too_many_items"),
        (Limits(items_per_call=200, deletions_per_hour=60), "hourly_limit"),
        (Limits(items_per_call=200, confirm=Confirm.APPROVE), "not_approved"),
    ):
        second = make_studio(limits=limits, store=tmp_path / "store", app=first.app)
        async with second.client() as client:
            refused = await client.call_tool("delete_images", {"continue_handle": handle})
        assert (reason in text_of(refused), second.wire.writes) == (True, [])


@pytest.mark.parametrize(
    ("limits", "reason"),
    [(Limits(read_only=True), "read_only"), (Limits(writes=("add_images",)), "write_disabled")],
)
async def test_a_handle_lifts_no_limit(tmp_path: Path, limits: Limits, reason: str) -> None:
    """A server that was started again without the tool does not finish what another began."""
    store = tmp_path / "store.sqlite3"
    first = slowed(make_studio(per_series=INVENTORY_PER_SERIES, limits=ROOMY, store=store), 30)
    images = await unsold(first, 60)
    _, handle = await cut_short(first, first.person(takes_s=0), images)
    second = make_studio(limits=limits, store=store, app=first.app)
    async with second.client() as client:
        result = await client.call_tool("delete_images", {"continue_handle": handle})
    assert text_of(result).endswith(f"(reason: {reason})")
    assert second.wire.sent == []


async def test_a_handle_settles_what_is_unknown_before_it_sends_anything(studio: Studio) -> None:
    """All of it was stored behind answers that were lost and a list that failed."""
    studio.faults.add(Fault(FaultKind.DROPPED, endpoint="add_images", committed=True))
    studio.faults.add(Fault(FaultKind.REJECTED, endpoint="list_images", after=1, times=2))
    async with studio.client() as client:
        results = await until_done(client, "add_images", {"images": new_images(3)})
    assert [result["outcomes"] for result in results] == [{"unknown": 3}, {"adopted": 3}]
    assert_nothing_sent_twice(studio)
    await assert_truthful(results[-1], studio)
    await assert_nothing_listed_twice(studio)
    assert len(await changes(studio)) == 1


async def test_what_was_undone_since_is_not_claimed_again(slow: Studio) -> None:
    """Going on tells of the first half as it stands, and does not do it once more."""
    images = await unsold(slow, 60)
    arguments = {"images": [{"guid": one.guid, "title": "New"} for one in images]}
    async with slow.client() as client:
        first = said(await client.call_tool(UPDATE, arguments))
        said(await client.call_tool("undo_change", {"change_id": first["change_id"]}))
    last = await gone_on(slow, str(first["continue_handle"]), UPDATE)
    assert last["outcomes"] == {"skipped": 50, "updated": 10}
    assert "someone has changed it since" in rows_of(last)[0]["detail"]
    held = await holdings(slow)
    assert [held[one.guid].title for one in images[:50]] == [one.title for one in images[:50]]
    assert "continue_handle" not in last


async def test_added_images_that_were_deleted_since_are_not_claimed(slow: Studio) -> None:
    """Nor registered again: nobody asked for that."""
    async with slow.client() as client:
        first = said(await client.call_tool("add_images", {"images": new_images(60)}))
    guid = next(row["guid"] for row in rows_of(first) if row["outcome"] == "created")
    library = slow.api.library("inventory")
    await slow.api.delete_images(DeleteImagesRequest(guids=(guid,), library=library))
    slow.wire.on_the_way = None
    last = await gone_on(slow, str(first["continue_handle"]), "add_images")
    assert last["outcomes"] == {"created": 59, "skipped": 1}
    assert guid not in await holdings(slow)
