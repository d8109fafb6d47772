"""`plan_id` carries out one plan, once, for exactly the call it was made for."""

import pytest
from mcp.client import Client
from mcp.types import CallToolResult, Implementation

from tests.server.destruction import (
    DELETION,
    NEW_TITLE,
    NOBODY,
    REWRITING,
    TWO_STEP,
    Arguments,
    Destruction,
    Lane,
    assert_happened_once,
    assert_nothing_happened,
    both_tools,
    destroyed,
    one_sold,
    two_step_lanes,
)
from tests.support.studio import NO, Studio, make_studio, said, text_of
from tests.support.truth import assert_replayed, sold

pytestmark = pytest.mark.anyio


async def planned(client: Client, job: Destruction, arguments: Arguments) -> str:
    """The id of a new plan."""
    result = said(await client.call_tool(job.tool, arguments))
    assert result["status"] == "confirmation_required"
    return str(result["plan_id"])


def refusal(result: CallToolResult) -> tuple[str, bool]:
    """Why a call was refused, and whether it says that it sent nothing."""
    assert result.is_error, said(result)
    text = text_of(result)
    reason = text.rpartition("(reason: ")[2].removesuffix(")")
    return reason, "This call sent nothing." in text


NO_PLANS = {
    "unknown": "0123456789abcdef",
    "short": "0",
    "not hexadecimal": "yes",
    "spaces": "   ",
    "long": "f" * 5000,
    "quotes": "' OR plan_id LIKE '%",
    "wildcard": "%",
    "line break": "\n",
    "zero character": "\0",
}


@both_tools
@pytest.mark.parametrize("plan_id", NO_PLANS.values(), ids=NO_PLANS)
async def test_a_plan_id_that_names_no_plan_is_refused(
    studio: Studio, job: Destruction, plan_id: str
) -> None:
    """Though another plan for the same call waits."""
    image = await one_sold(studio)
    async with studio.client() as client:
        await planned(client, job, job.arguments([image]))
        result = await client.call_tool(job.tool, job.arguments([image], plan_id=plan_id))
    assert refusal(result) == ("plan_unknown", True)
    await assert_nothing_happened(studio, [image])


@both_tools
@pytest.mark.parametrize("written", [" {} ", "{}0", "0{}", '"{}"', "(plan {})"])
async def test_a_plan_id_counts_only_letter_for_letter(
    studio: Studio, job: Destruction, written: str
) -> None:
    """It is copied, never guessed at."""
    image = await one_sold(studio)
    async with studio.client() as client:
        plan_id = written.format(await planned(client, job, job.arguments([image])))
        result = await client.call_tool(job.tool, job.arguments([image], plan_id=plan_id))
    assert refusal(result) == ("plan_unknown", True)
    await assert_nothing_happened(studio, [image])


@both_tools
@pytest.mark.parametrize("empty", ["", None])
async def test_an_empty_plan_id_is_none_and_asks_anew(
    studio: Studio, job: Destruction, empty: str | None
) -> None:
    """Hosts differ in how they leave an argument out."""
    image = await one_sold(studio)
    async with studio.client() as client:
        first = await planned(client, job, job.arguments([image]))
        second = await planned(client, job, job.arguments([image], plan_id=empty))
    assert first != second
    await assert_nothing_happened(studio, [image])


@both_tools
@pytest.mark.parametrize(
    "wrong", [7.5, True, ["0123456789abcdef"], {"plan_id": "x"}, float(2**53)], ids=str
)
async def test_a_plan_id_that_is_no_text_is_refused_as_an_argument(
    studio: Studio, job: Destruction, wrong: object
) -> None:
    """Before anything is read."""
    image = await one_sold(studio)
    async with studio.client() as client:
        result = await client.call_tool(job.tool, job.arguments([image], plan_id=wrong))
    assert text_of(result).endswith("(reason: invalid_arguments)")
    await assert_nothing_happened(studio, [image])


@both_tools
@pytest.mark.parametrize("number", [7, 0, -1, 10**15])
async def test_a_plan_id_of_digits_that_comes_as_a_number_names_no_other_plan(
    studio: Studio, job: Destruction, number: int
) -> None:
    """It is read as its digits, as any text, and there is no such plan."""
    image = await one_sold(studio)
    async with studio.client() as client:
        result = await client.call_tool(job.tool, job.arguments([image], plan_id=number))
    assert text_of(result).endswith("(reason: plan_unknown)")
    await assert_nothing_happened(studio, [image])


@both_tools
@two_step_lanes
async def test_a_plan_for_other_images_is_refused(job: Destruction, lane: Lane) -> None:
    """Others, fewer, more: none of them was asked about."""
    studio = make_studio(limits=lane.limits())
    first, second, third = await sold(studio, 3)
    async with lane.client(studio) as client:
        plan_id = await planned(client, job, job.arguments([first, second]))
        for images in ([third], [first], [first, second, third], [first, third]):
            result = await client.call_tool(job.tool, job.arguments(images, plan_id=plan_id))
            assert refusal(result) == ("plan_mismatch", True)
    await assert_nothing_happened(studio, [first, second, third])


async def test_a_plan_is_for_the_guids_that_named_nothing_too(studio: Studio) -> None:
    """They might name something by the time of the yes."""
    image = await one_sold(studio)
    async with studio.client() as client:
        plan_id = await planned(client, DELETION, DELETION.arguments([image]))
        more = {"guids": [image.guid, NOBODY], "plan_id": plan_id}
        other = await client.call_tool(DELETION.tool, more)
    assert refusal(other) == ("plan_mismatch", True)
    assert "file of it" not in text_of(other)
    await assert_nothing_happened(studio, [image])


@both_tools
async def test_a_plan_of_the_other_tool_is_refused(studio: Studio, job: Destruction) -> None:
    """A yes to new words is no yes to a deletion, nor the other way round."""
    other = REWRITING if job is DELETION else DELETION
    image = await one_sold(studio)
    async with studio.client() as client:
        plan_id = await planned(client, other, other.arguments([image]))
        result = await client.call_tool(job.tool, job.arguments([image], plan_id=plan_id))
    assert refusal(result) == ("plan_mismatch", True)
    await assert_nothing_happened(studio, [image])


async def test_a_plan_for_the_other_library_is_refused(studio: Studio) -> None:
    """The library is part of what was asked."""
    image = await one_sold(studio)
    async with studio.client() as client:
        plan_id = await planned(client, DELETION, DELETION.arguments([image]))
        elsewhere = DELETION.arguments([image], library="temporary", plan_id=plan_id)
        assert refusal(await client.call_tool(DELETION.tool, elsewhere)) == ("plan_mismatch", True)
    await assert_nothing_happened(studio, [image])


@pytest.mark.parametrize(
    "other",
    [{"title": "Other words"}, {"title": NEW_TITLE, "description": "More"}, {"description": "x"}],
    ids=str,
)
async def test_a_plan_for_other_words_is_refused(studio: Studio, other: Arguments) -> None:
    """The person agreed to what the question quoted."""
    image = await one_sold(studio)
    async with studio.client() as client:
        plan_id = await planned(client, REWRITING, REWRITING.arguments([image]))
        changed = {"images": [{"guid": image.guid, **other}], "plan_id": plan_id}
        assert refusal(await client.call_tool(REWRITING.tool, changed)) == ("plan_mismatch", True)
    await assert_nothing_happened(studio, [image])


@both_tools
async def test_the_same_call_in_other_clothes_is_the_same_call(
    studio: Studio, job: Destruction
) -> None:
    """Order, letter case and an argument left out as null change nothing about what was asked."""
    images = await sold(studio, 3)
    async with studio.client() as client:
        plan_id = await planned(client, job, job.arguments(images))
        dressed = [
            image.model_copy(update={"guid": image.guid.upper()}) for image in reversed(images)
        ]
        again = job.arguments(dressed, plan_id=plan_id, dry_run=None)
        assert said(await client.call_tool(job.tool, again))["status"] == "completed"
    await assert_happened_once(studio, images)


@both_tools
async def test_a_plan_of_another_caller_is_refused(studio: Studio, job: Destruction) -> None:
    """A host carries out what its own person was shown."""
    image = await one_sold(studio)
    other = Client(
        studio.server, client_info=Implementation(name="another-host", version="1"), cache=None
    )
    async with studio.client() as client, other:
        plan_id = await planned(client, job, job.arguments([image]))
        result = await other.call_tool(job.tool, job.arguments([image], plan_id=plan_id))
    assert refusal(result) == ("plan_mismatch", True)
    await assert_nothing_happened(studio, [image])


@both_tools
@pytest.mark.parametrize("lane", TWO_STEP, ids=str)
async def test_a_plan_is_carried_out_once(job: Destruction, lane: Lane) -> None:
    """A second call with it is given the result on record, and sends nothing."""
    studio = make_studio(limits=lane.limits())
    image = await one_sold(studio)
    async with lane.client(studio) as client:
        arguments = job.arguments([image])
        arguments["plan_id"] = await planned(client, job, arguments)
        first = said(await client.call_tool(job.tool, arguments))
        again = said(await client.call_tool(job.tool, arguments))
    assert first["status"] == "completed"
    assert_replayed(again, first)
    await assert_happened_once(studio, [image])


@both_tools
@pytest.mark.parametrize("lane", TWO_STEP, ids=str)
async def test_a_plan_that_was_carried_out_is_refused_where_nothing_is_replayed(
    job: Destruction, lane: Lane
) -> None:
    """Ten minutes after the call: the answer was used, and how to see what it did is said."""
    studio = make_studio(limits=lane.limits(plan_ttl_s=3600))
    image = await one_sold(studio)
    async with lane.client(studio) as client:
        arguments = job.arguments([image])
        arguments["plan_id"] = await planned(client, job, arguments)
        assert said(await client.call_tool(job.tool, arguments))["status"] == "completed"
        studio.clock.forward(601)
        again = await client.call_tool(job.tool, arguments)
    assert refusal(again) == ("plan_used", True)
    assert "Check the result with search_images" in text_of(again)
    await assert_happened_once(studio, [image])


@both_tools
@two_step_lanes
@pytest.mark.parametrize(("waits_s", "in_time"), [(599.9, True), (600, False), (90_000, False)])
async def test_a_plan_expires_after_ten_minutes(
    job: Destruction, lane: Lane, waits_s: float, in_time: bool
) -> None:
    """A stale answer means nothing."""
    studio = make_studio(limits=lane.limits())
    image = await one_sold(studio)
    async with lane.client(studio) as client:
        plan_id = await planned(client, job, job.arguments([image]))
        studio.clock.forward(waits_s)
        result = await client.call_tool(job.tool, job.arguments([image], plan_id=plan_id))
    assert (not result.is_error) is in_time
    assert await destroyed(studio, [image]) == in_time
    assert in_time or refusal(result) == ("plan_expired", True)


@both_tools
async def test_a_plan_that_another_process_forgot_is_told_with_the_way_out(
    studio: Studio, job: Destruction
) -> None:
    """A client that starts a server for each call would go round in a circle."""
    image = await one_sold(studio)
    async with studio.client() as client:
        result = await client.call_tool(job.tool, job.arguments([image], plan_id="0" * 16))
    told = text_of(result)
    assert "each call starts a server of its own" in told
    assert "--sandbox-file FILE" in told


@both_tools
@two_step_lanes
async def test_a_question_about_some_of_the_images_ends_the_one_about_all(
    job: Destruction, lane: Lane
) -> None:
    """A person said yes to two of three: the plan for three is of no use before and after it."""
    studio = make_studio(limits=lane.limits())
    images = await sold(studio, 3)
    kept, *some = images
    async with lane.client(studio) as client:
        old = await planned(client, job, job.arguments(images))
        new = await planned(client, job, job.arguments(some))
        before = await client.call_tool(job.tool, job.arguments(images, plan_id=old))
        done = said(await client.call_tool(job.tool, job.arguments(some, plan_id=new)))
        after = await client.call_tool(job.tool, job.arguments(images, plan_id=old))
    assert "A newer question about some of the same images replaced plan" in text_of(before)
    assert (refusal(before), refusal(after)) == (("plan_used", True), ("plan_used", True))
    assert done["status"] == "completed"
    await assert_happened_once(studio, some)
    assert await destroyed(studio, [kept]) == 0


@both_tools
async def test_questions_about_other_images_and_of_others_stay_open(
    studio: Studio, job: Destruction
) -> None:
    """Nor does the same call, asked twice, end its own; a dry run ends nothing."""
    first, second = await sold(studio, 2)
    other_tool = REWRITING if job is DELETION else DELETION
    somebody = Client(
        studio.server, client_info=Implementation(name="another-host", version="1"), cache=None
    )
    async with studio.client() as client, somebody:
        plan_id = await planned(client, job, job.arguments([first]))
        await planned(client, job, job.arguments([first]))
        await planned(client, job, job.arguments([second]))
        await planned(client, other_tool, other_tool.arguments([first]))
        await planned(somebody, job, job.arguments([first, second]))
        await client.call_tool(job.tool, job.arguments([first, second], dry_run=True))
        done = await client.call_tool(job.tool, job.arguments([first], plan_id=plan_id))
    assert said(done)["status"] == "completed"
    await assert_happened_once(studio, [first])


SOME = {
    DELETION: "To delete only some of them, call delete_images again with just those guids, "
    "without plan_id.",
    REWRITING: "To update only some of them, call update_image_metadata again with just those "
    "images, without plan_id.",
}


@both_tools
@pytest.mark.parametrize("count", [1, 2])
async def test_how_to_say_yes_to_some_is_told_with_the_question_and_after_a_no(
    studio: Studio, job: Destruction, count: int
) -> None:
    """Where there are several."""
    images = await sold(studio, count)
    async with studio.client() as unable, studio.client(person=studio.person(NO)) as client:
        waiting = said(await unable.call_tool(job.tool, job.arguments(images)))
        declined = said(await client.call_tool(job.tool, job.arguments(images)))
    assert declined["status"] == "declined"
    for result in (waiting, declined):
        assert result["message"].endswith(SOME[job]) is (count > 1)
    await assert_nothing_happened(studio, images)
