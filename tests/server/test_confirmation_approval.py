"""`--confirm approve`: a person in a terminal, and nobody else, lets a plan through."""

from pathlib import Path

import pytest
from mcp.client import Client

from fw_mcp.guard.guard import Confirm, Limits
from fw_mcp.store.plans import PlanStore
from fw_mcp.store.sqlite import Database
from tests.server.destruction import (
    APPROVAL,
    Arguments,
    Destruction,
    Lane,
    assert_happened_once,
    assert_nothing_happened,
    both_tools,
    one_sold,
)
from tests.support.studio import NO, Studio, make_studio, said, text_of
from tests.support.truth import assert_replayed

pytestmark = pytest.mark.anyio

every_client = pytest.mark.parametrize("lane", APPROVAL, ids=str)


async def planned(client: Client, job: Destruction, arguments: Arguments) -> str:
    """The id of a new plan."""
    return str(said(await client.call_tool(job.tool, arguments))["plan_id"])


@both_tools
@every_client
async def test_a_plan_that_nobody_approved_waits(job: Destruction, lane: Lane) -> None:
    """However often the model repeats the call: the same plan, and how it shows more."""
    studio = make_studio(limits=lane.limits())
    image = await one_sold(studio)
    async with lane.client(studio) as client:
        plan_id = await planned(client, job, job.arguments([image]))
        for _ in range(3):
            result = said(await client.call_tool(job.tool, job.arguments([image], plan_id=plan_id)))
            assert (result["status"], result["plan_id"]) == ("confirmation_required", plan_id)
    assert f"approve plan {plan_id} in a terminal of their own" in result["message"]
    assert f"fw-mcp approve {plan_id}" not in str(result)
    await assert_nothing_happened(studio, [image])


@both_tools
@every_client
async def test_an_approved_plan_is_carried_out_once(job: Destruction, lane: Lane) -> None:
    """Approval is one yes, not a licence."""
    studio = make_studio(limits=lane.limits())
    image = await one_sold(studio)
    async with lane.client(studio) as client:
        plan_id = await planned(client, job, job.arguments([image]))
        assert await studio.plans.approve(plan_id, studio.clock())
        arguments = job.arguments([image], plan_id=plan_id)
        first = said(await client.call_tool(job.tool, arguments))
        again = said(await client.call_tool(job.tool, arguments))
    assert first["status"] == "completed"
    assert_replayed(again, first)
    await assert_happened_once(studio, [image])


@both_tools
@every_client
async def test_an_approval_that_was_used_counts_no_second_time(
    job: Destruction, lane: Lane
) -> None:
    """Ten minutes after the call nothing is replayed; what it did is not done again."""
    studio = make_studio(limits=lane.limits(plan_ttl_s=3600))
    image = await one_sold(studio)
    async with lane.client(studio) as client:
        plan_id = await planned(client, job, job.arguments([image]))
        assert await studio.plans.approve(plan_id, studio.clock())
        arguments = job.arguments([image], plan_id=plan_id)
        assert said(await client.call_tool(job.tool, arguments))["status"] == "completed"
        studio.clock.forward(601)
        again = await client.call_tool(job.tool, arguments)
    assert text_of(again).endswith("(reason: plan_used)")
    await assert_happened_once(studio, [image])


@both_tools
async def test_an_approval_is_for_its_own_plan(studio: Studio, job: Destruction) -> None:
    """Another plan for the very same call is another question."""
    studio = make_studio(limits=Limits(confirm=Confirm.APPROVE))
    image = await one_sold(studio)
    async with studio.client() as client:
        approved = await planned(client, job, job.arguments([image]))
        other = await planned(client, job, job.arguments([image]))
        assert await studio.plans.approve(approved, studio.clock())
        result = said(await client.call_tool(job.tool, job.arguments([image], plan_id=other)))
    assert result["status"] == "confirmation_required"
    await assert_nothing_happened(studio, [image])


@both_tools
async def test_an_approval_without_plan_id_lets_nothing_through(job: Destruction) -> None:
    """The plain call asks anew."""
    studio = make_studio(limits=Limits(confirm=Confirm.APPROVE))
    image = await one_sold(studio)
    async with studio.client() as client:
        approved = await planned(client, job, job.arguments([image]))
        assert await studio.plans.approve(approved, studio.clock())
        assert await planned(client, job, job.arguments([image])) != approved
    await assert_nothing_happened(studio, [image])


@both_tools
async def test_an_approved_plan_still_expires(job: Destruction) -> None:
    """Ten minutes from the question, whoever answered."""
    studio = make_studio(limits=Limits(confirm=Confirm.APPROVE))
    image = await one_sold(studio)
    async with studio.client() as client:
        plan_id = await planned(client, job, job.arguments([image]))
        assert await studio.plans.approve(plan_id, studio.clock())
        studio.clock.forward(600)
        result = await client.call_tool(job.tool, job.arguments([image], plan_id=plan_id))
    assert text_of(result).endswith("(reason: plan_expired)")
    await assert_nothing_happened(studio, [image])


@both_tools
async def test_the_terminal_approves_through_the_store_file_alone(
    tmp_path: Path, job: Destruction
) -> None:
    """It is another process, which knows the store and not the server."""
    file = tmp_path / "store.sqlite3"
    studio = make_studio(limits=Limits(confirm=Confirm.APPROVE), store=file)
    image = await one_sold(studio)
    terminal = Database(file)
    async with studio.client() as client:
        plan_id = await planned(client, job, job.arguments([image]))
        (waiting,) = await PlanStore(terminal).pending(studio.clock())
        assert waiting.plan_id == plan_id
        assert await PlanStore(terminal).approve(plan_id, studio.clock())
        await client.call_tool(job.tool, job.arguments([image], plan_id=plan_id))
    terminal.close()
    await assert_happened_once(studio, [image])


@both_tools
async def test_a_plan_that_a_chat_was_asked_about_needs_approval_after_a_restart_with_it(
    tmp_path: Path, job: Destruction
) -> None:
    """The operator's way to a yes holds at call time, not when the plan was made."""
    file = tmp_path / "store.sqlite3"
    before = make_studio(store=file)
    image = await one_sold(before)
    async with before.client() as client:
        plan_id = await planned(client, job, job.arguments([image]))
    after = make_studio(store=file, app=before.app, limits=Limits(confirm=Confirm.APPROVE))
    async with after.client() as client:
        result = said(await client.call_tool(job.tool, job.arguments([image], plan_id=plan_id)))
    assert result["status"] == "confirmation_required"
    await assert_nothing_happened(after, [image])


@both_tools
async def test_the_client_is_not_asked_where_the_terminal_answers(job: Destruction) -> None:
    """A client that says yes by itself must not count."""
    studio = make_studio(limits=Limits(confirm=Confirm.APPROVE))
    person, image = studio.person(NO), await one_sold(studio)
    async with studio.client(person=person) as client:
        plan_id = await planned(client, job, job.arguments([image]))
        await client.call_tool(job.tool, job.arguments([image], plan_id=plan_id))
    assert person.asked == []
    await assert_nothing_happened(studio, [image])
