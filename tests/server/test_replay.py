"""The same call sent again: given its result, or gone on with, and never done twice."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.types import Implementation

from fw_mcp.api.models import DeleteImagesRequest
from fw_mcp.guard.guard import Confirm, Limits
from fw_mcp.sandbox.faults.plan import Fault, FaultKind
from fw_mcp.server.http import http_app
from fw_mcp.store.journal import Step
from fw_mcp.store.sqlite import Database
from tests.server.destruction import DELETION, REWRITING, Destruction, both_tools, one_sold
from tests.support.recorder import Sent
from tests.support.studio import HELD, Studio, make_studio, said, text_of
from tests.support.truth import (
    assert_nothing_listed_twice,
    assert_replayed,
    assert_truthful,
    holdings,
    new_image,
    new_images,
    outcomes,
    stored_in,
    unsold,
)
from tests.writes.calls import retitle
from tests.writes.runs import changes

pytestmark = pytest.mark.anyio

KEY = "11111111-2222-4333-8444-555555555555"
UPDATE = "update_image_metadata"
WRITES = ("add_images", UPDATE, "delete_images", "set_selection")
each_write = pytest.mark.parametrize("tool", WRITES)
TEN_MINUTES_S = 600


async def arguments_of(studio: Studio, tool: str) -> dict[str, Any]:
    """A call that writes, on two images."""
    images = await unsold(studio, 2)
    guids = [image.guid for image in images]
    calls: dict[str, dict[str, Any]] = {
        "add_images": {"images": new_images(2)},
        UPDATE: {"images": [{"guid": guid, "title": "New"} for guid in guids]},
        "delete_images": {"guids": guids},
        "set_selection": {"guids": guids},
    }
    return calls[tool]


async def called(studio: Studio, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """The result of a call, with somebody there who says yes."""
    async with studio.client(person=studio.person()) as client:
        return said(await client.call_tool(tool, arguments))


@each_write
async def test_the_same_call_sent_again_is_given_its_result(studio: Studio, tool: str) -> None:
    """One write at the service, one question, one change on record."""
    arguments, person = await arguments_of(studio, tool), studio.person()
    async with studio.client(person=person) as client:
        first = said(await client.call_tool(tool, arguments))
        again = await client.call_tool(tool, arguments)
        third = said(await client.call_tool(tool, arguments))
    assert first["status"] == "completed"
    assert_replayed(said(again), first)
    assert_replayed(third, first)
    assert text_of(again).startswith("completed: Identical to an earlier call; nothing was sent")
    assert len(studio.wire.writes) == 1
    assert len(person.asked) == (1 if tool == "delete_images" else 0)
    assert [change.change_id for change in await changes(studio)] == [first["change_id"]]


@each_write
async def test_the_same_call_sent_meanwhile_shares_the_end_of_the_first(
    studio: Studio, tool: str
) -> None:
    """A host that gave up too early, and sent it again."""
    arguments = await arguments_of(studio, tool)
    arrived, go_on = anyio.Event(), anyio.Event()
    told: list[dict[str, Any]] = []

    async def wait(sent: Sent) -> None:
        if sent.endpoint in {"add_images", "update_images", "update_file_selection"} | {tool}:
            arrived.set()
            await go_on.wait()

    async def call(client: Client) -> None:
        told.append(said(await client.call_tool(tool, arguments)))

    studio.wire.on_the_way = wait
    async with (
        studio.client(mode="legacy", person=studio.person()) as client,
        anyio.create_task_group() as group,
    ):
        group.start_soon(call, client)
        await arrived.wait()
        group.start_soon(call, client)
        await anyio.wait_all_tasks_blocked()
        go_on.set()
    (first,) = [one for one in told if "replayed" not in one]
    (again,) = [one for one in told if "replayed" in one]
    assert_replayed(again, first)
    assert len(studio.wire.writes) == 1


@pytest.mark.parametrize(
    ("tool", "anew"),
    [
        ("add_images", {"created": 2}),
        (UPDATE, {"skipped": 2}),
        ("delete_images", {"not_found": 2}),
    ],
)
@pytest.mark.parametrize(("later_s", "replayed"), [(TEN_MINUTES_S, True), (601, False)])
async def test_after_ten_minutes_the_same_call_begins_anew(
    studio: Studio, tool: str, anew: dict[str, int], later_s: float, replayed: bool
) -> None:
    """On what is there then: only an add is done again."""
    arguments = await arguments_of(studio, tool)
    first = await called(studio, tool, arguments)
    studio.clock.forward(later_s)
    again = await called(studio, tool, arguments)
    assert again.get("replayed", False) is replayed
    assert again["outcomes"] == (first["outcomes"] if replayed else anew)
    assert len(studio.wire.writes) == (2 if tool == "add_images" and not replayed else 1)


@asynccontextmanager
async def another_host(studio: Studio) -> AsyncIterator[Client]:
    """A client of another name."""
    other = Implementation(name="another-host", version="1")
    async with Client(studio.server, client_info=other, cache=None) as client:
        yield client


@asynccontextmanager
async def over_http(studio: Studio) -> AsyncIterator[Client]:
    """A client of the same name, over HTTP."""

    async def well() -> None:
        """Be ready."""

    app = http_app(
        studio.server, host="127.0.0.1", port=8000, token=None, ready=well, allowed_hosts=()
    )
    url = "http://127.0.0.1:8000"
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url=url) as http,
        Client(streamable_http_client(f"{url}/mcp", http_client=http), cache=None) as client,
    ):
        yield client


@pytest.mark.parametrize("elsewhere", [another_host, over_http])
@pytest.mark.parametrize(
    ("tool", "anew"), [("add_images", {"created": 2}), (UPDATE, {"skipped": 2})]
)
async def test_the_same_call_of_another_caller_is_another_call(
    studio: Studio,
    elsewhere: Callable[[Studio], Any],
    tool: str,
    anew: dict[str, int],
) -> None:
    """What one host did is not told to another as its own."""
    arguments = await arguments_of(studio, tool)
    first = await called(studio, tool, arguments)
    async with elsewhere(studio) as client:
        other = said(await client.call_tool(tool, arguments))
        again = said(await client.call_tool(tool, arguments))
    assert ("replayed" in other, other["outcomes"]) == (False, anew)
    assert other.get("change_id") != first["change_id"]
    assert ("replayed" in again) is (tool == "add_images")


@pytest.mark.parametrize(("tool", "name"), [(UPDATE, "images"), ("delete_images", "guids")])
async def test_the_order_of_the_images_makes_no_difference(
    studio: Studio, tool: str, name: str
) -> None:
    """It is the same call in another order."""
    arguments = await arguments_of(studio, tool)
    first = await called(studio, tool, arguments)
    again = await called(studio, tool, {name: arguments[name][::-1]})
    assert_replayed(again, first)
    assert len(studio.wire.writes) == 1


@both_tools
async def test_with_a_plan_only_the_call_that_was_made_on_it_is_given_again(
    studio: Studio, job: Destruction
) -> None:
    """An id that is made up, or of a plan that was not answered, gets no result."""
    image = await one_sold(studio)
    async with studio.client() as client:
        other = said(await client.call_tool(job.tool, job.arguments([image])))["plan_id"]
        made = said(await client.call_tool(job.tool, job.arguments([image])))["plan_id"]
        on_plan = job.arguments([image], plan_id=made)
        first = said(await client.call_tool(job.tool, on_plan))
        wrong = [
            await client.call_tool(job.tool, job.arguments([image], plan_id=plan_id))
            for plan_id in (other, "0123456789abcdef")
        ]
        assert_replayed(said(await client.call_tool(job.tool, on_plan)), first)
    told = [(one.is_error, (one.structured_content or {}).get("replayed")) for one in wrong]
    assert (True, None) in told
    assert all(replayed is None for _, replayed in told)
    assert len(studio.wire.writes) == 1


async def test_an_update_whose_image_was_rewritten_since_is_done_again(studio: Studio) -> None:
    """The result on record no longer tells how things stand."""
    (image,) = await unsold(studio, 1)
    new, other = ({"images": [{"guid": image.guid, "title": title}]} for title in ("New", "Other"))
    first = await called(studio, UPDATE, new)
    await called(studio, UPDATE, other)
    again = await called(studio, UPDATE, new)
    assert ("replayed" in again, again["outcomes"]) == (False, {"updated": 1})
    assert again["change_id"] != first["change_id"]
    assert (await holdings(studio))[image.guid].title == "New"
    assert len(studio.wire.writes) == 3


@pytest.mark.parametrize("reads", [True, False])
async def test_a_replay_tells_what_was_read_back_from_what_is_so(
    studio: Studio, reads: bool
) -> None:
    """Somebody may have changed the image meanwhile; an add looks, and the others say when."""
    (image,) = await unsold(studio, 1)
    texts = {"images": [{"guid": image.guid, "title": "New"}]}
    tool, arguments = ("add_images", {"images": new_images(1)}) if reads else (UPDATE, texts)
    first = await called(studio, tool, arguments)
    await retitle(studio, image, "Meanwhile")
    again = await called(studio, tool, arguments)
    then = "This result was read back then, at most ten minutes ago."
    assert_replayed(again, first)
    assert (then in again["message"]) is not reads
    assert (await holdings(studio))[image.guid].title == "Meanwhile"


async def test_a_selection_that_was_replaced_since_is_stored_again(studio: Studio) -> None:
    """The first set is what is meant now."""
    one, two = [image.guid for image in await unsold(studio, 2)]
    for guids in ([one], [two], [one]):
        result = await called(studio, "set_selection", {"guids": guids, "selection_guid": KEY})
        assert (stored_in(result), "replayed" in result) == (guids, False)
    assert len(studio.wire.writes) == 3


@each_write
async def test_a_call_that_wrote_nothing_is_made_again(studio: Studio, tool: str) -> None:
    """It was refused by the service: trying again is what the caller wants."""
    arguments = await arguments_of(studio, tool)
    endpoint = {UPDATE: "update_images", "set_selection": "update_file_selection"}.get(tool, tool)
    studio.faults.add(Fault(FaultKind.REJECTED, endpoint=endpoint))
    failed = await called(studio, tool, arguments)
    done = await called(studio, tool, arguments)
    assert (failed["status"], done["status"]) == ("incomplete", "completed")
    assert "replayed" not in done
    assert len(studio.wire.writes) == 2


async def test_an_add_goes_on_where_the_first_call_failed(studio: Studio) -> None:
    """What was registered stays, and what was refused is sent."""
    studio.faults.add(Fault(FaultKind.REJECTED, endpoint="add_images", after=1))
    arguments = {"images": new_images(12)}
    first = await called(studio, "add_images", arguments)
    again = await called(studio, "add_images", arguments)
    assert outcomes(first) == ["created"] * 5 + ["failed"] * 5 + ["created"] * 2
    assert (outcomes(again), again["replayed"]) == (["created"] * 12, True)
    assert again["change_id"] == first["change_id"]
    assert [len(body["images"]) for body in studio.wire.to("add_images")] == [5, 5, 2, 5]
    await assert_truthful(again, studio)
    await assert_nothing_listed_twice(studio)
    assert len(await holdings(studio)) == HELD + 12


@pytest.mark.parametrize("gone", [(0,), (0, 1, 2)])
async def test_images_that_were_deleted_since_are_registered_again(
    studio: Studio, gone: tuple[int, ...]
) -> None:
    """As another change; those that are still listed stay."""
    arguments = {"images": new_images(3)}
    first = await called(studio, "add_images", arguments)
    guids = [first["images"][item]["guid"] for item in gone]
    library = studio.api.library("inventory")
    await studio.api.delete_images(DeleteImagesRequest(guids=guids, library=library))
    again = await called(studio, "add_images", arguments)
    assert outcomes(again) == ["created"] * 3
    assert again["change_id"] != first["change_id"]
    assert again.get("replayed", False) is (len(gone) < 3)
    assert [row["guid"] in guids for row in again["images"]] == [False] * 3
    assert len(studio.wire.to("add_images")[1]["images"]) == len(gone)
    await assert_nothing_listed_twice(studio)
    assert len(await holdings(studio)) == HELD + 3


async def test_the_same_images_in_another_order_are_not_registered_again(studio: Studio) -> None:
    """Each row tells of the image that stands there now."""
    images = new_images(7)
    first = await called(studio, "add_images", {"images": images})
    again = await called(studio, "add_images", {"images": images[::-1]})
    guids = [row["guid"] for row in first["images"]]
    assert [row["guid"] for row in again["images"]] == guids[::-1]
    assert again["replayed"] is True
    assert len(studio.wire.to("add_images")) == 2
    assert len(await holdings(studio)) == HELD + 7


async def test_a_file_is_registered_again_where_that_is_said(studio: Studio) -> None:
    """`allow_duplicate` is another call than the one without it; sent again it is the same."""
    plain: dict[str, Any] = {"images": [new_image(1)]}
    twice = {**plain, "allow_duplicate": True}
    first = await called(studio, "add_images", plain)
    second = await called(studio, "add_images", twice)
    again = await called(studio, "add_images", twice)
    assert ("replayed" in second, outcomes(second)) == (False, ["created"])
    assert first["images"][0]["guid"] != second["images"][0]["guid"]
    assert_replayed(again, second)
    assert len(await holdings(studio)) == HELD + 2


class KilledError(Exception):
    """The end of a process, as a test has it."""


class Killed:
    """A process that ends at a step and records nothing more."""

    def __init__(self, step: Step, times: int = 1) -> None:
        self._step = step
        self._left = times

    def __call__(self, step: Step) -> None:
        """Let the first ones pass."""
        self._left -= step is self._step
        if self._left <= 0:
            raise KilledError


async def cut_off(store: Path, step: Step, tool: str, *, times: int = 1) -> tuple[Studio, Any]:
    """A server after the one that was cut off in this call, and the call's arguments."""
    before = make_studio(store=store, reached=Killed(step, times))
    arguments: Any = await arguments_of(before, tool)
    if tool == "add_images":
        arguments = {"images": new_images(12)}
    async with before.client(person=before.person()) as client:
        assert (await client.call_tool(tool, arguments)).is_error
    after = make_studio(store=store, app=before.app)
    after.clock.forward(before.clock() - after.clock())
    return after, arguments


async def test_an_add_that_was_cut_off_goes_on(tmp_path: Path) -> None:
    """Ten were stored and not on record: they are adopted, and two are sent."""
    store = tmp_path / "store.sqlite3"
    studio, arguments = await cut_off(store, Step.ANSWERED, "add_images", times=2)
    studio.clock.forward(91)
    result = await called(studio, "add_images", arguments)
    assert outcomes(result) == ["adopted"] * 10 + ["created"] * 2
    assert [len(body["images"]) for body in studio.wire.to("add_images")] == [2]
    await assert_truthful(result, studio)
    await assert_nothing_listed_twice(studio)
    assert await studio.journal.unsettled() == []


async def test_an_image_that_shows_after_it_was_sent_again_is_told_as_too_much(
    tmp_path: Path,
) -> None:
    """It was not listed for two minutes: what is now there twice is named, to be deleted."""
    store = tmp_path / "store.sqlite3"
    before = make_studio(store=store, reached=Killed(Step.ANSWERED))
    before.faults.add(Fault(FaultKind.LISTED_LATE, endpoint="add_images", lists=1))
    async with before.client() as client:
        assert (await client.call_tool("add_images", {"images": new_images(1)})).is_error
    studio = make_studio(store=store, app=before.app)
    studio.clock.forward(121)
    result = await called(studio, "add_images", {"images": new_images(1)})
    twice = [
        one.guid for one in (await holdings(studio)).values() if one.file_name == "NEW_001.jpg"
    ]
    (row,) = result["images"]
    assert len(twice) == 2
    assert row["guid"] in twice
    assert row["detail"].startswith('FinerWorks lists 2 images of "NEW_001.jpg", 1 requested: ')
    assert row["detail"].endswith("Delete the extra ones.")
    assert all(guid in row["detail"] for guid in twice)


@pytest.mark.parametrize("tool", [UPDATE, "delete_images"])
@pytest.mark.parametrize("step", [Step.ANSWERED, Step.READ_BACK, Step.OUTCOME_RECORDED])
async def test_a_call_that_was_cut_off_after_it_was_done_is_told_as_done(
    tmp_path: Path, tool: str, step: Step
) -> None:
    """Nothing is sent again, and nobody is asked again."""
    studio, arguments = await cut_off(tmp_path / "store.sqlite3", step, tool)
    studio.clock.forward(91)
    person = studio.person()
    async with studio.client(person=person) as client:
        result = said(await client.call_tool(tool, arguments))
    await assert_truthful(result, studio)
    assert (result["status"], result["replayed"]) == ("completed", True)
    assert (studio.wire.writes, person.asked) == ([], [])
    assert await studio.journal.unsettled() == []


@pytest.mark.parametrize("tool", [UPDATE, "delete_images"])
async def test_a_call_that_was_cut_off_before_it_was_sent_begins_anew(
    tmp_path: Path, tool: str
) -> None:
    """The person is asked as if it never was."""
    studio, arguments = await cut_off(tmp_path / "store.sqlite3", Step.INTENT_RECORDED, tool)
    studio.clock.forward(91)
    person = studio.person()
    async with studio.client(person=person) as client:
        result = said(await client.call_tool(tool, arguments))
    await assert_truthful(result, studio)
    assert (result["status"], "replayed" in result) == ("completed", False)
    assert len(studio.wire.writes) == 1
    assert len(person.asked) == (1 if tool == "delete_images" else 0)


@pytest.mark.parametrize("tool", ["add_images", UPDATE, "delete_images"])
async def test_a_call_that_another_process_may_still_write_is_not_begun_again(
    tmp_path: Path, tool: str
) -> None:
    """As long as that holds the change; the refusal says when to call again."""
    store = tmp_path / "store.sqlite3"
    studio, arguments = await cut_off(store, Step.INTENT_RECORDED, tool)
    (change,) = await changes(studio)
    async with (
        Database(store).exclusive(f"change:{change.change_id}"),
        studio.client(person=studio.person()) as client,
    ):
        result = await client.call_tool(tool, arguments)
    assert text_of(result) == (
        "Another call is working on the same change. This call sent nothing; its result is not "
        "known yet. Call again in a minute: it then returns the result or continues. "
        "(reason: still_running)"
    )
    assert studio.wire.writes == []


@both_tools
@pytest.mark.parametrize("confirm", [Confirm.PLAN, Confirm.APPROVE])
async def test_a_call_without_the_plan_is_given_the_result_too(
    job: Destruction, confirm: Confirm
) -> None:
    """A host that lost the answer and its plan gets the truth, not another question."""
    studio = make_studio(limits=Limits(confirm=confirm))
    image = await one_sold(studio)
    async with studio.client() as client:
        plan_id = said(await client.call_tool(job.tool, job.arguments([image])))["plan_id"]
        await studio.plans.approve(plan_id, studio.clock())
        first = said(await client.call_tool(job.tool, job.arguments([image], plan_id=plan_id)))
        again = said(await client.call_tool(job.tool, job.arguments([image])))
    assert_replayed(again, first)
    assert len(studio.wire.writes) == 1


async def test_a_dry_run_is_never_given_as_the_result_of_a_call(studio: Studio) -> None:
    """Nor the other way round."""
    image = await one_sold(studio)
    for job in (REWRITING, DELETION):
        await called(studio, job.tool, job.arguments([image], dry_run=True))
        done = await called(studio, job.tool, job.arguments([image]))
        preview = await called(studio, job.tool, job.arguments([image], dry_run=True))
        assert (done["status"], "replayed" in done) == ("completed", False)
        assert (preview["status"], "replayed" in preview) == ("dry_run", False)


async def test_an_unknown_end_is_settled_by_the_same_call(studio: Studio) -> None:
    """Promise: what cannot be known is unknown, and the next call settles it."""
    (image,) = await unsold(studio, 1)
    arguments = {"images": [{"guid": image.guid, "title": "New"}]}
    studio.faults.add(Fault(FaultKind.DROPPED, endpoint="update_images", committed=True))
    studio.faults.add(Fault(FaultKind.SERVER_ERROR, endpoint="list_images", after=1, times=3))
    first = await called(studio, UPDATE, arguments)
    assert outcomes(first) == ["unknown"]
    again = await called(studio, UPDATE, arguments)
    assert (outcomes(again), again["change_id"]) == (["updated"], first["change_id"])
    assert len(studio.wire.to("update_images")) == 1


async def test_a_resumed_add_says_that_the_rest_was_sent(studio: Studio) -> None:
    """It did send something."""
    studio.faults.add(Fault(FaultKind.REJECTED, endpoint="add_images", after=1))
    arguments = {"images": new_images(10)}
    first = await called(studio, "add_images", arguments)
    assert first["outcomes"] == {"created": 5, "failed": 5}
    assert "call again with only those" in first["message"]
    again = await called(studio, "add_images", arguments)
    assert (again["outcomes"], again["replayed"]) == ({"created": 10}, True)
    assert "were not sent again, the rest was" in again["message"]


async def test_a_resumed_add_is_not_registered_again_ten_minutes_after_its_first_run(
    studio: Studio,
) -> None:
    """The ten minutes count from its last run."""
    studio.faults.add(Fault(FaultKind.REJECTED, endpoint="add_images", after=1))
    arguments = {"images": new_images(10)}
    await called(studio, "add_images", arguments)
    studio.clock.forward(590)
    await called(studio, "add_images", arguments)
    studio.clock.forward(20)
    again = await called(studio, "add_images", arguments)
    assert (again["outcomes"], again["replayed"]) == ({"created": 10}, True)
    await assert_nothing_listed_twice(studio)
