"""What the operator allows holds whenever a tool is called, and no client can lift it."""

from pathlib import Path

import pytest
from mcp.client import Client
from mcp.types import CallToolResult

from fw_mcp.guard.effects import EFFECTS, WRITES
from fw_mcp.guard.guard import Limits
from fw_mcp.sandbox.seed import INVENTORY_PER_SERIES
from tests.server.destruction import (
    DELETION,
    LANES,
    REWRITING,
    Arguments,
    Destruction,
    Lane,
    agreed,
    assert_happened_once,
    assert_nothing_happened,
    both_eras,
    both_tools,
    destroyed,
    every_lane,
    one_sold,
    some_lanes,
)
from tests.support.studio import Mode, Studio, make_studio, said, text_of
from tests.support.truth import new_image, sold, unsold

READS = {tool for tool, effect in EFFECTS.items() if effect.read_only}

pytestmark = pytest.mark.anyio


async def one_call_of_each(studio: Studio) -> dict[str, Arguments]:
    """Write tool → arguments that it would carry out without asking anybody, where it can."""
    (plain,) = await unsold(studio, 1)
    return {
        "add_images": {"images": [new_image(1)]},
        "update_image_metadata": REWRITING.arguments([plain]),
        "delete_images": DELETION.arguments([plain]),
        "set_selection": {"guids": [plain.guid]},
        "undo_change": {"change_id": "0123456789abcdef"},
    }


async def listed(client: Client) -> set[str]:
    """The names of the tools that are listed."""
    return {tool.name for tool in (await client.list_tools()).tools}


def reason_of(result: CallToolResult) -> str:
    """Why a call was refused, having sent nothing."""
    assert result.is_error, said(result)
    assert "This call sent nothing." in text_of(result)
    return text_of(result).rpartition("(reason: ")[2].removesuffix(")")


@both_eras
@pytest.mark.parametrize("tool", WRITES)
async def test_a_read_only_server_refuses_every_write_that_is_called(mode: Mode, tool: str) -> None:
    """Though a host may know the tool from before and call it unlisted."""
    studio = make_studio(limits=Limits(read_only=True))
    arguments = (await one_call_of_each(studio))[tool]
    person = studio.person()
    async with studio.client(mode=mode, person=person) as client:
        result = await client.call_tool(tool, arguments)
    assert (reason_of(result), person.asked, studio.wire.sent) == ("read_only", [], [])
    assert "without --read-only" in text_of(result)


@both_eras
async def test_a_read_only_server_lists_only_what_reads(mode: Mode) -> None:
    """What cannot be used is no use in the context window."""
    studio = make_studio(limits=Limits(read_only=True))
    async with studio.client(mode=mode) as client:
        assert await listed(client) == READS
        assert said(await client.call_tool("search_images", {"per_page": 1}))["count"] > 0


@both_eras
@pytest.mark.parametrize("tool", WRITES)
async def test_a_write_that_is_off_is_neither_listed_nor_carried_out(mode: Mode, tool: str) -> None:
    """The others are."""
    others = tuple(name for name in WRITES if name != tool)
    studio = make_studio(limits=Limits(writes=others))
    arguments = (await one_call_of_each(studio))[tool]
    async with studio.client(mode=mode, person=studio.person()) as client:
        assert await listed(client) == {*READS, *others}
        result = await client.call_tool(tool, arguments)
    assert (reason_of(result), studio.wire.sent) == ("write_disabled", [])
    assert "--writes" in text_of(result)


@both_eras
@pytest.mark.parametrize("tool", [tool for tool in WRITES if tool != "undo_change"])
async def test_the_only_write_that_is_on_works(mode: Mode, tool: str) -> None:
    """`--writes` names what is on."""
    studio = make_studio(limits=Limits(writes=(tool,)))
    arguments = (await one_call_of_each(studio))[tool]
    async with studio.client(mode=mode, person=studio.person()) as client:
        assert await listed(client) == {*READS, tool}
        result = said(await client.call_tool(tool, arguments))
    assert result.get("status", "completed") == "completed"
    assert len(studio.wire.writes) >= 1


@both_eras
@pytest.mark.parametrize(
    ("writes", "works"), [(("undo_change",), False), (("undo_change", "set_selection"), True)]
)
async def test_an_undo_needs_the_tool_whose_effect_it_has(
    tmp_path: Path, mode: Mode, writes: tuple[str, ...], works: bool
) -> None:
    """What is off cannot be had by taking something back."""
    store = tmp_path / "store.sqlite3"
    before = make_studio(store=store)
    one, two = [image.guid for image in await unsold(before, 2)]
    async with before.client(mode=mode) as client:
        first = said(await client.call_tool("set_selection", {"guids": [one]}))
        chosen = {"guids": [two], "selection_guid": first["selection_guid"]}
        change_id = said(await client.call_tool("set_selection", chosen))["change_id"]
    after = make_studio(store=store, app=before.app, limits=Limits(writes=writes))
    async with after.client(mode=mode) as client:
        result = await client.call_tool("undo_change", {"change_id": change_id})
    held = await after.api.list_file_selection(first["selection_guid"])
    assert (len(after.wire.writes), list(held.guids)) == ((1, [one]) if works else (0, [two]))
    assert said(result)["status"] == "completed" if works else reason_of(result) == "write_disabled"


@both_tools
@pytest.mark.parametrize("limits", [Limits(read_only=True), Limits(writes=())], ids=str)
async def test_a_plan_from_before_is_refused_where_writes_are_off(
    tmp_path: Path, job: Destruction, limits: Limits
) -> None:
    """A server that was started again without them does not finish what another began."""
    store = tmp_path / "store.sqlite3"
    before = make_studio(store=store)
    image = await one_sold(before)
    async with before.client() as client:
        plan_id = said(await client.call_tool(job.tool, job.arguments([image])))["plan_id"]
    after = make_studio(store=store, app=before.app, limits=limits)
    async with after.client() as client:
        result = await client.call_tool(job.tool, job.arguments([image], plan_id=plan_id))
    assert reason_of(result) in {"read_only", "write_disabled"}
    await assert_nothing_happened(after, [image])


@both_tools
@every_lane
async def test_a_call_on_more_images_than_allowed_is_refused_before_anybody_is_asked(
    job: Destruction, lane: Lane
) -> None:
    """Three, where two are allowed."""
    studio = make_studio(limits=lane.limits(items_per_call=2))
    person, images = studio.person(), await sold(studio, 3)
    async with lane.client(studio, person) as client:
        result = await client.call_tool(job.tool, job.arguments(images))
    assert (reason_of(result), person.asked) == ("too_many_items", [])
    assert "the limit is 2 per call." in text_of(result)
    assert await studio.plans.pending(studio.clock()) == []
    await assert_nothing_happened(studio, images)


@both_tools
@every_lane
async def test_a_call_on_as_many_images_as_allowed_goes_through(
    job: Destruction, lane: Lane
) -> None:
    """The ceiling itself is allowed."""
    studio = make_studio(limits=lane.limits(items_per_call=2))
    images = await sold(studio, 2)
    async with lane.client(studio) as client:
        assert said(await agreed(client, studio, job, job.arguments(images)))
    await assert_happened_once(studio, images)


@both_tools
async def test_fifty_images_are_allowed_by_default_and_one_more_is_not(job: Destruction) -> None:
    """Raising it is the operator's choice."""
    studio = make_studio(per_series=INVENTORY_PER_SERIES)
    images = await sold(studio, 51)
    async with studio.client() as client:
        refused = await client.call_tool(job.tool, job.arguments(images))
        allowed = await client.call_tool(job.tool, job.arguments(images[:50]))
    assert reason_of(refused) == "too_many_items"
    assert said(allowed)["status"] == "confirmation_required"


@both_eras
@pytest.mark.parametrize("tool", ["update_image_metadata", "delete_images"])
async def test_the_ceilings_in_descriptions_are_those_that_hold(mode: Mode, tool: str) -> None:
    """Some hosts pass on no instructions, and a model plans its calls by these numbers."""
    limits = Limits(items_per_call=7, deletions_per_hour=31)
    async with make_studio(limits=limits).client(mode=mode) as client:
        told = {one.name: one.description or "" for one in (await client.list_tools()).tools}
    assert "7 per call, 31 per hour." in told[tool]


async def test_only_images_that_would_lose_products_count_towards_the_ceiling() -> None:
    """A rewrite of many plain images is no destruction."""
    studio = make_studio(limits=Limits(items_per_call=1))
    images = [await one_sold(studio), *await unsold(studio, 10)]
    async with studio.client(person=studio.person()) as client:
        result = said(await client.call_tool(REWRITING.tool, REWRITING.arguments(images)))
    assert result["outcomes"] == {"updated": 11}


@both_tools
@some_lanes
async def test_a_plan_larger_than_what_is_allowed_now_is_refused(
    tmp_path: Path, job: Destruction, lane: Lane
) -> None:
    """The ceiling holds at call time: a plan made under a higher one does not lift it."""
    store = tmp_path / "store.sqlite3"
    before = make_studio(store=store)
    images = await sold(before, 3)
    async with before.client(mode=lane.mode) as client:
        plan_id = said(await client.call_tool(job.tool, job.arguments(images)))["plan_id"]
    after = make_studio(store=store, app=before.app, limits=lane.limits(items_per_call=2))
    async with lane.client(after) as client:
        result = await client.call_tool(job.tool, job.arguments(images, plan_id=plan_id))
    assert result.is_error
    assert reason_of(result) == "too_many_items"
    await assert_nothing_happened(after, images)


@both_tools
@every_lane
async def test_an_hour_allows_so_many_images_over_all_calls(job: Destruction, lane: Lane) -> None:
    """Three of four, then two more would make five; one more is allowed."""
    studio = make_studio(limits=lane.limits(deletions_per_hour=4))
    images = await sold(studio, 6)
    async with lane.client(studio) as client:
        first = await agreed(client, studio, job, job.arguments(images[:3]))
        second = await agreed(client, studio, job, job.arguments(images[3:5]))
        third = await agreed(client, studio, job, job.arguments(images[5:]))
    assert said(first)["status"] == said(third)["status"] == "completed"
    assert reason_of(second) == "hourly_limit"
    assert "allows 4 deletions per hour" in text_of(second)
    assert await destroyed(studio, images) == 4


async def test_deletions_and_rewrites_count_together() -> None:
    """Products lost are lost, whichever tool took them."""
    studio = make_studio(limits=Limits(deletions_per_hour=2))
    first, second, third = await sold(studio, 3)
    async with studio.client(person=studio.person()) as client:
        await client.call_tool(DELETION.tool, DELETION.arguments([first]))
        await client.call_tool(REWRITING.tool, REWRITING.arguments([second]))
        result = await client.call_tool(DELETION.tool, DELETION.arguments([third]))
    assert reason_of(result) == "hourly_limit"
    assert await destroyed(studio, [first, second, third]) == 2


@both_tools
@pytest.mark.parametrize(("later_s", "again"), [(3590, False), (3600, True)])
async def test_an_hour_later_the_allowance_is_back(
    job: Destruction, later_s: float, again: bool
) -> None:
    """Sixty minutes after the first, not at the turn of the clock."""
    studio = make_studio(limits=Limits(deletions_per_hour=1))
    images = await sold(studio, 2)
    async with studio.client() as client:
        await agreed(client, studio, job, job.arguments(images[:1]))
        studio.clock.forward(later_s)
        result = await agreed(client, studio, job, job.arguments(images[1:]))
    assert (not result.is_error) is again
    assert await destroyed(studio, images) == 1 + again


@both_tools
async def test_the_hour_is_counted_over_restarts_and_servers(
    tmp_path: Path, job: Destruction
) -> None:
    """The store counts, not the process."""
    store = tmp_path / "store.sqlite3"
    first = make_studio(store=store, limits=Limits(deletions_per_hour=1))
    second = make_studio(store=store, app=first.app, limits=Limits(deletions_per_hour=1))
    images = await sold(first, 2)
    async with first.client() as client:
        await agreed(client, first, job, job.arguments(images[:1]))
    async with second.client() as client:
        result = await agreed(client, second, job, job.arguments(images[1:]))
    assert reason_of(result) == "hourly_limit"
    await assert_nothing_happened(second, images[1:])


@both_tools
async def test_what_a_call_never_sent_does_not_use_up_the_hour(job: Destruction) -> None:
    """Declined, expired and merely planned calls cost nothing."""
    studio = make_studio(limits=Limits(deletions_per_hour=1))
    image = await one_sold(studio)
    async with studio.client() as client:
        for _ in range(3):
            await client.call_tool(job.tool, job.arguments([image]))
        studio.clock.forward(700)
        assert said(await agreed(client, studio, job, job.arguments([image])))
    await assert_happened_once(studio, [image])


@pytest.mark.parametrize("lane", LANES, ids=str)
async def test_none_an_hour_means_none(lane: Lane) -> None:
    """An operator may allow no deletion at all and still leave the tool listed."""
    studio = make_studio(limits=lane.limits(deletions_per_hour=0))
    (image,) = await unsold(studio, 1)
    async with lane.client(studio) as client:
        result = await agreed(client, studio, DELETION, DELETION.arguments([image]))
    assert reason_of(result) == "hourly_limit"
    assert studio.wire.writes == []


@both_tools
@pytest.mark.parametrize("allowance", [{"confirm": True}, {"limits": {"items_per_call": 500}}])
async def test_no_argument_of_a_call_lifts_a_limit(job: Destruction, allowance: Arguments) -> None:
    """What the tool does not know is refused."""
    studio = make_studio(limits=Limits(items_per_call=1))
    images = await sold(studio, 2)
    async with studio.client() as client:
        result = await client.call_tool(job.tool, job.arguments(images, **allowance))
    assert text_of(result).endswith("(reason: invalid_arguments)")
    await assert_nothing_happened(studio, images)
