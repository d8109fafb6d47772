"""An answer counts once, for the call it was given to, until its plan expires."""

from collections.abc import Sequence
from pathlib import Path

import anyio
import pytest
from mcp.client import Client
from mcp.shared.exceptions import MCPError
from mcp.types import CallToolResult, Implementation, InputRequiredResult

from fw_mcp.api.models import ImageDetails
from fw_mcp.guard.guard import Confirm, Limits
from tests.server.destruction import (
    DELETION,
    REWRITING,
    Arguments,
    Destruction,
    assert_happened_once,
    assert_nothing_happened,
    both_eras,
    both_tools,
    destroyed,
    one_sold,
)
from tests.server.raw import raw_client
from tests.support.studio import NO, YES, Mode, Studio, make_studio, said, text_of
from tests.support.truth import assert_replayed, sold

pytestmark = pytest.mark.anyio


async def asked(client: Client, job: Destruction, images: list[ImageDetails]) -> str:
    """The sealed state of a question that was asked and not answered yet."""
    first = await client.session.call_tool(
        job.tool, job.arguments(images), allow_input_required=True
    )
    assert isinstance(first, InputRequiredResult)
    assert first.request_state is not None
    return first.request_state


async def second_round(
    client: Client, job: Destruction, arguments: Arguments, state: str, answer: object = YES
) -> CallToolResult:
    """The call again, with an answer and a state, written by hand."""
    result = await client.session.call_tool(
        job.tool,
        arguments,
        allow_input_required=True,
        request_state=state,
        input_responses={"confirmation": answer},  # type: ignore[dict-item]
    )
    assert isinstance(result, CallToolResult)
    return result


def assert_shared(results: Sequence[CallToolResult]) -> None:
    """One of these calls was carried out, and the others were given its result."""
    told = [said(result) for result in results]
    (first,) = [one for one in told if "replayed" not in one]
    assert first["status"] == "completed"
    for again in told:
        if again is not first:
            assert_replayed(again, first)


def reason_of(result: CallToolResult) -> str:
    """Why a call was refused."""
    assert result.is_error, said(result)
    return text_of(result).rpartition("(reason: ")[2].removesuffix(")")


@both_tools
async def test_the_same_answer_sent_three_times_destroys_once(
    studio: Studio, job: Destruction
) -> None:
    """The protocol's sealed state is not single use: the store sees to it."""
    image = await one_sold(studio)
    async with studio.client(person=studio.person()) as client:
        state = await asked(client, job, [image])
        first = await second_round(client, job, job.arguments([image]), state)
        again = [await second_round(client, job, job.arguments([image]), state) for _ in range(2)]
    assert said(first)["status"] == "completed"
    for result in again:
        assert_replayed(said(result), said(first))
    await assert_happened_once(studio, [image])


@both_tools
async def test_the_same_answer_sent_at_once_destroys_once(studio: Studio, job: Destruction) -> None:
    """Whichever comes first wins, and the others share its end."""
    image = await one_sold(studio)
    results: list[CallToolResult] = []

    async def answer(client: Client, state: str) -> None:
        results.append(await second_round(client, job, job.arguments([image]), state))

    async with studio.client(person=studio.person()) as client:
        state = await asked(client, job, [image])
        async with anyio.create_task_group() as group:
            for _ in range(5):
                group.start_soon(answer, client, state)
    assert_shared(results)
    await assert_happened_once(studio, [image])


@both_tools
@both_eras
@pytest.mark.parametrize("confirm", list(Confirm))
async def test_one_plan_carried_out_at_once_by_many_calls_is_won_by_one(
    job: Destruction, mode: Mode, confirm: Confirm
) -> None:
    """The others share its end, each told that it was made before."""
    studio = make_studio(limits=Limits(confirm=confirm))
    image = await one_sold(studio)
    results: list[CallToolResult] = []

    async def carry_out(client: Client, plan_id: str) -> None:
        arguments = job.arguments([image], plan_id=plan_id)
        results.append(await client.call_tool(job.tool, arguments))

    async with studio.client(mode=mode) as client:
        plan_id = said(await client.call_tool(job.tool, job.arguments([image])))["plan_id"]
        await studio.plans.approve(plan_id, studio.clock())
        async with anyio.create_task_group() as group:
            for _ in range(5):
                group.start_soon(carry_out, client, plan_id)
    assert_shared(results)
    await assert_happened_once(studio, [image])


@both_tools
async def test_two_servers_on_one_store_file_carry_a_plan_out_once(
    tmp_path: Path, job: Destruction
) -> None:
    """Both serve the same account, and both are given the same plan at the same time."""
    store = tmp_path / "store.sqlite3"
    first = make_studio(store=store)
    second = make_studio(store=store, app=first.app)
    image = await one_sold(first)
    results: list[CallToolResult] = []

    async def carry_out(client: Client, plan_id: str) -> None:
        arguments = job.arguments([image], plan_id=plan_id)
        results.append(await client.call_tool(job.tool, arguments))

    async with first.client() as one, second.client() as other:
        plan_id = said(await one.call_tool(job.tool, job.arguments([image])))["plan_id"]
        async with anyio.create_task_group() as group:
            for client in (one, other, one, other):
                group.start_soon(carry_out, client, plan_id)
    won = [result for result in results if not result.is_error]
    assert_shared(won)
    lost = {reason_of(result) for result in results if result.is_error}
    assert lost <= {"plan_used", "still_running"}
    assert len(first.wire.writes) + len(second.wire.writes) == 1
    assert await destroyed(first, [image]) == 1


@both_tools
async def test_a_state_of_another_server_process_is_refused(
    tmp_path: Path, job: Destruction
) -> None:
    """Each process seals with a key of its own; the store alone would know the plan."""
    store = tmp_path / "store.sqlite3"
    first = make_studio(store=store)
    second = make_studio(store=store, app=first.app)
    image = await one_sold(first)
    async with first.client(person=first.person()) as one:
        state = await asked(one, job, [image])
    async with second.client(person=second.person()) as other:
        with pytest.raises(MCPError, match="requestState"):
            await second_round(other, job, job.arguments([image]), state)
    await assert_nothing_happened(second, [image])


@both_tools
async def test_a_no_is_not_outdone_by_a_later_yes(studio: Studio, job: Destruction) -> None:
    """The first answer ends the plan."""
    image = await one_sold(studio)
    async with studio.client(person=studio.person()) as client:
        state = await asked(client, job, [image])
        refused = await second_round(client, job, job.arguments([image]), state, NO)
        late = await second_round(client, job, job.arguments([image]), state)
    assert (said(refused)["status"], reason_of(late)) == ("declined", "plan_used")
    await assert_nothing_happened(studio, [image])


@both_tools
async def test_a_state_counts_only_for_the_arguments_it_was_given_to(
    studio: Studio, job: Destruction
) -> None:
    """Other images, more images, a plan_id beside: the seal does not fit."""
    first, second = await sold(studio, 2)
    others = (
        job.arguments([second]),
        job.arguments([first, second]),
        job.arguments([first], plan_id="0123456789abcdef"),
    )
    async with studio.client(person=studio.person()) as client:
        state = await asked(client, job, [first])
        for arguments in others:
            with pytest.raises(MCPError, match="requestState"):
                await second_round(client, job, arguments, state)
    await assert_nothing_happened(studio, [first, second])


async def test_a_state_counts_only_for_the_tool_it_was_given_to(studio: Studio) -> None:
    """A yes to a rewrite deletes nothing."""
    image = await one_sold(studio)
    async with studio.client(person=studio.person()) as client:
        state = await asked(client, REWRITING, [image])
        with pytest.raises(MCPError, match="requestState"):
            await second_round(client, DELETION, DELETION.arguments([image]), state)
    await assert_nothing_happened(studio, [image])


@both_tools
@pytest.mark.parametrize("forged", ["", "0123456789abcdef", "null", "v1.AAAA.BBBB"])
async def test_a_forged_state_is_refused(studio: Studio, job: Destruction, forged: str) -> None:
    """Whoever writes one by hand has answered no question."""
    image = await one_sold(studio)
    async with studio.client(person=studio.person()) as client:
        with pytest.raises(MCPError, match="requestState"):
            await second_round(client, job, job.arguments([image]), forged)
    await assert_nothing_happened(studio, [image])


@both_tools
async def test_the_bare_plan_id_is_no_state(studio: Studio, job: Destruction) -> None:
    """The plan's id stands in the question, for anybody to read."""
    image = await one_sold(studio)
    async with studio.client() as unable:
        plan_id = said(await unable.call_tool(job.tool, job.arguments([image])))["plan_id"]
    async with studio.client(person=studio.person()) as client:
        with pytest.raises(MCPError, match="requestState"):
            await second_round(client, job, job.arguments([image]), plan_id)
    await assert_nothing_happened(studio, [image])


@both_tools
async def test_an_answer_of_another_caller_does_not_count(studio: Studio, job: Destruction) -> None:
    """The plan knows who asked."""
    image = await one_sold(studio)
    other = Client(
        studio.server,
        client_info=Implementation(name="another-host", version="1"),
        elicitation_callback=studio.person(),
        cache=None,
    )
    async with studio.client(person=studio.person()) as client, other:
        state = await asked(client, job, [image])
        result = await second_round(other, job, job.arguments([image]), state)
    assert reason_of(result) == "plan_mismatch"
    await assert_nothing_happened(studio, [image])


@both_tools
async def test_a_client_that_no_longer_shows_questions_cannot_answer_one(
    studio: Studio, job: Destruction
) -> None:
    """Nor use the plan up: the person may still answer where the question was shown."""
    image = await one_sold(studio)
    async with raw_client(studio.server, "auto", {"elicitation": {}}) as able:
        first = (await able.call(job.tool, job.arguments([image])))["result"]
    round_two = {
        "requestState": first["requestState"],
        "inputResponses": {"confirmation": {"action": "accept", "content": {"confirm": True}}},
    }
    async with raw_client(studio.server, "auto", {}) as unable:
        result = await unable.call(job.tool, job.arguments([image]), **round_two)
    told = result["result"]["structuredContent"]
    assert told["message"] == (
        "This client does not support this kind of confirmation. Nothing was sent."
    )
    await assert_nothing_happened(studio, [image])
    async with raw_client(studio.server, "auto", {"elicitation": {}}) as able:
        await able.call(job.tool, job.arguments([image]), **round_two)
    await assert_happened_once(studio, [image])


@both_tools
async def test_a_client_of_the_older_era_cannot_answer_a_second_round(
    studio: Studio, job: Destruction
) -> None:
    """The protocol it speaks has none: it is asked anew, or not at all."""
    image = await one_sold(studio)
    async with raw_client(studio.server, "auto", {"elicitation": {}}) as able:
        first = (await able.call(job.tool, job.arguments([image])))["result"]
    async with raw_client(studio.server, "legacy", {}) as older:
        await older.call(
            job.tool,
            job.arguments([image]),
            requestState=first["requestState"],
            inputResponses={"confirmation": {"action": "accept", "content": {"confirm": True}}},
        )
    await assert_nothing_happened(studio, [image])


@both_tools
@both_eras
@pytest.mark.parametrize("takes_s", [600, 601, 86_400])
async def test_a_yes_that_comes_after_the_expiry_sends_nothing(
    studio: Studio, job: Destruction, mode: Mode, takes_s: float
) -> None:
    """Ten minutes; at ten minutes sharp it is too late. It comes as our words, not the SDK's."""
    person, image = studio.person(takes_s=takes_s), await one_sold(studio)
    async with studio.client(mode=mode, person=person) as client:
        result = await client.call_tool(job.tool, job.arguments([image]))
    assert reason_of(result) == "plan_expired"
    assert "This call sent nothing." in text_of(result)
    await assert_nothing_happened(studio, [image])


@both_tools
@both_eras
async def test_a_yes_just_before_the_expiry_counts(
    studio: Studio, job: Destruction, mode: Mode
) -> None:
    """A person may take the ten minutes."""
    person, image = studio.person(takes_s=599), await one_sold(studio)
    async with studio.client(mode=mode, person=person) as client:
        result = said(await client.call_tool(job.tool, job.arguments([image])))
    assert result["status"] == "completed"
    await assert_happened_once(studio, [image])
