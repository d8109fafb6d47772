"""A destructive call goes through after a yes, once, on whichever lane the client has."""

import pytest
from mcp.types import CallToolResult

from fw_mcp.guard.guard import Confirm, Limits
from tests.server.destruction import (
    APPROVAL,
    DELETION,
    LIVE,
    NEW_TITLE,
    REWRITING,
    TWO_STEP,
    Destruction,
    Lane,
    agreed,
    assert_happened_once,
    assert_nothing_happened,
    both_eras,
    both_tools,
    every_lane,
    live_lanes,
    one_sold,
)
from tests.support.studio import Mode, Studio, make_studio, said, text_of
from tests.support.truth import assert_truthful, holdings, sold, unsold

pytestmark = pytest.mark.anyio


@both_tools
@every_lane
async def test_a_yes_carries_the_call_out_once(job: Destruction, lane: Lane) -> None:
    """Promise: the question works on every generation of client."""
    studio = make_studio(limits=lane.limits())
    images = await sold(studio, 2)
    async with lane.client(studio) as client:
        result = said(await agreed(client, studio, job, job.arguments(images)))
    assert result["status"] == "completed"
    await assert_truthful(result, studio)
    await assert_happened_once(studio, images)


@both_tools
@live_lanes
async def test_a_client_that_shows_questions_is_asked_once_and_needs_no_second_call(
    studio: Studio, job: Destruction, lane: Lane
) -> None:
    """One call, one question, one write."""
    person, image = studio.person(), await one_sold(studio)
    async with lane.client(studio, person) as client:
        result = said(await client.call_tool(job.tool, job.arguments([image])))
    assert (len(person.asked), result["status"]) == (1, "completed")
    await assert_happened_once(studio, [image])


@both_tools
@pytest.mark.parametrize("lane", [*TWO_STEP, *APPROVAL], ids=str)
async def test_elsewhere_the_first_call_only_gives_the_plan(job: Destruction, lane: Lane) -> None:
    """Status, plan, question and expiry; nobody was asked by the client and nothing was sent."""
    studio = make_studio(limits=lane.limits())
    person, image = studio.person(), await one_sold(studio)
    async with lane.client(studio, person) as client:
        result = await client.call_tool(job.tool, job.arguments([image]))
    facts = said(result)
    plan = await studio.plans.get(facts["plan_id"])
    assert plan is not None
    assert (facts["status"], facts["question"]) == ("confirmation_required", plan.question)
    assert facts["expires_at"] == "2027-01-15T02:10:00-06:00"
    assert facts["message"].startswith("Nothing was sent. Show the question to the person")
    assert person.asked == []
    assert_tells_the_plan(result)
    await assert_nothing_happened(studio, [image])


def assert_tells_the_plan(result: CallToolResult) -> None:
    """A host without structured content shows the same: the question, the plan, until when."""
    facts, text = said(result), text_of(result)
    assert facts["question"] in text
    assert f"plan_id {facts['plan_id']}, until {facts['expires_at']}" in text


@both_tools
@live_lanes
async def test_a_plan_id_does_not_spare_the_question(job: Destruction, lane: Lane) -> None:
    """Where a person can be asked, the plan of another call is no answer."""
    studio = make_studio()
    image = await one_sold(studio)
    arguments = job.arguments([image])
    async with studio.client(mode=lane.mode) as unable:
        first = said(await unable.call_tool(job.tool, arguments))
    person = studio.person()
    async with lane.client(studio, person) as client:
        on_plan = {**arguments, "plan_id": first["plan_id"]}
        result = said(await client.call_tool(job.tool, on_plan))
    assert person.asked == [first["question"]]
    assert result["status"] == "completed"
    await assert_happened_once(studio, [image])


@both_tools
@live_lanes
async def test_the_question_asked_is_the_question_of_the_plan(
    studio: Studio, job: Destruction, lane: Lane
) -> None:
    """The same words on every lane: neither the plan's id nor the time of day is in them."""
    person, image = studio.person(), await one_sold(studio)
    async with studio.client(mode=lane.mode) as unable:
        first = said(await unable.call_tool(job.tool, job.arguments([image])))
    async with lane.client(studio, person) as client:
        await client.call_tool(job.tool, job.arguments([image]))
    assert person.asked == [first["question"]]
    assert first["plan_id"] not in first["question"]


@both_eras
async def test_a_deletion_without_products_is_asked_about_too(studio: Studio, mode: Mode) -> None:
    """FinerWorks cannot undo it."""
    (image,) = await unsold(studio, 1)
    async with studio.client(mode=mode) as client:
        result = said(await client.call_tool(DELETION.tool, DELETION.arguments([image])))
    assert result["status"] == "confirmation_required"
    assert studio.wire.writes == []


@pytest.mark.parametrize("lane", LIVE, ids=str)
async def test_a_rewrite_without_products_asks_nobody(studio: Studio, lane: Lane) -> None:
    """Only its own text changes, and the journal keeps that."""
    person, images = studio.person(), await unsold(studio, 2)
    async with lane.client(studio, person) as client:
        result = said(await client.call_tool(REWRITING.tool, REWRITING.arguments(images)))
    assert (person.asked, result["status"]) == ([], "completed")
    held = await holdings(studio)
    assert [held[image.guid].title for image in images] == [NEW_TITLE] * 2


async def test_one_sold_image_among_others_makes_the_whole_rewrite_ask(studio: Studio) -> None:
    """Without the yes none of them is rewritten."""
    image, plain = await one_sold(studio), await unsold(studio, 2)
    async with studio.client() as client:
        result = said(await client.call_tool(REWRITING.tool, REWRITING.arguments([*plain, image])))
    assert result["status"] == "confirmation_required"
    assert result["question"].startswith("Change the text of 3 images? ")
    assert "1 image would lose its products." in result["question"]
    await assert_nothing_happened(studio, [image])


async def test_text_that_a_sold_image_already_has_asks_nobody_and_is_not_sent(
    studio: Studio,
) -> None:
    """Sending it would cost the products for nothing."""
    person, image = studio.person(), await one_sold(studio)
    same = {"guid": image.guid, "title": image.title, "description": image.description}
    async with studio.client(person=person) as client:
        result = said(await client.call_tool(REWRITING.tool, {"images": [same]}))
    assert (person.asked, result["outcomes"]) == ([], {"skipped": 1})
    await assert_nothing_happened(studio, [image])


@both_tools
@pytest.mark.parametrize("confirm", list(Confirm))
async def test_a_dry_run_sends_nothing_and_leaves_no_plan(
    job: Destruction, confirm: Confirm
) -> None:
    """It is no way around the question, nor towards it."""
    studio = make_studio(limits=Limits(confirm=confirm))
    person, image = studio.person(), await one_sold(studio)
    async with studio.client(person=person) as client:
        result = said(await client.call_tool(job.tool, job.arguments([image], dry_run=True)))
    assert (result["status"], person.asked) == ("dry_run", [])
    assert await studio.plans.pending(studio.clock()) == []
    await assert_nothing_happened(studio, [image])


@both_tools
async def test_a_dry_run_with_an_accepted_plan_sends_nothing(
    studio: Studio, job: Destruction
) -> None:
    """And does not use the plan up."""
    image = await one_sold(studio)
    async with studio.client() as client:
        plan_id = said(await client.call_tool(job.tool, job.arguments([image])))["plan_id"]
        tried = job.arguments([image], dry_run=True, plan_id=plan_id)
        assert said(await client.call_tool(job.tool, tried))["status"] == "dry_run"
        await assert_nothing_happened(studio, [image])
        await client.call_tool(job.tool, job.arguments([image], plan_id=plan_id))
    await assert_happened_once(studio, [image])
