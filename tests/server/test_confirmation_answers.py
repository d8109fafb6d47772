"""Only a yes is a yes: every other answer, and none at all, sends nothing and says so."""

import json
from typing import Any

import anyio
import pytest
from mcp.client import ClientRequestContext
from mcp.shared.exceptions import MCPError
from mcp.types import (
    CallToolResult,
    CreateMessageResult,
    ElicitRequestParams,
    ElicitResult,
    ErrorData,
    InputRequiredResult,
    InputResponses,
    ListRootsResult,
    TextContent,
)

from fw_mcp.guard.guard import Limits
from tests.server.destruction import (
    DELETION,
    REWRITING,
    Destruction,
    Lane,
    assert_happened_once,
    assert_nothing_happened,
    both_eras,
    both_tools,
    live_lanes,
    one_sold,
)
from tests.server.raw import Json, raw_client
from tests.support.studio import NO, YES, Mode, Studio, make_studio, said, text_of
from tests.support.truth import assert_truthful, outcomes

pytestmark = pytest.mark.anyio

FORMS: Json = {"elicitation": {}}
URLS_ONLY: Json = {"elicitation": {"url": {}}}

NO_YES = {
    "decline": (NO, "decline"),
    "cancel": (ElicitResult(action="cancel"), "cancel"),
    "decline, yet ticked": (ElicitResult(action="decline", content={"confirm": True}), "decline"),
    "cancel, yet ticked": (ElicitResult(action="cancel", content={"confirm": True}), "cancel"),
}
NOT_TICKED: dict[str, dict[str, Any] | None] = {
    "false": {"confirm": False},
    "missing": {},
    "no content": None,
    "null": {"confirm": None},
    "text true": {"confirm": "true"},
    "text yes": {"confirm": "yes"},
    "number one": {"confirm": 1},
    "a list": {"confirm": ["true"]},
    "another name": {"Confirm": True, "confirmed": True, "ok": True},
}


@both_tools
@live_lanes
@pytest.mark.parametrize(("answer", "told"), NO_YES.values(), ids=NO_YES)
async def test_a_no_sends_nothing_and_says_so(
    studio: Studio, job: Destruction, lane: Lane, answer: ElicitResult, told: str
) -> None:
    """Promise: no answer but a yes means anything."""
    person, image = studio.person(answer), await one_sold(studio)
    async with lane.client(studio, person) as client:
        result = said(await client.call_tool(job.tool, job.arguments([image])))
    await assert_truthful(result, studio)
    assert (result["status"], outcomes(result)) == ("declined", ["not_attempted"])
    assert result["message"] == (
        f"Not confirmed ({told}). Nothing was sent; the library is unchanged. "
        f"Do not repeat {job.tool} unless the person asks for it."
    )
    await assert_nothing_happened(studio, [image])


@both_tools
@live_lanes
@pytest.mark.parametrize("content", NOT_TICKED.values(), ids=NOT_TICKED)
async def test_an_accepted_form_without_the_tick_is_no_yes(
    studio: Studio, job: Destruction, lane: Lane, content: dict[str, Any] | None
) -> None:
    """A client that accepts with defaults has confirmed nothing; only the boolean true counts."""
    person = studio.person(ElicitResult(action="accept", content=content))
    image = await one_sold(studio)
    async with lane.client(studio, person) as client:
        result = said(await client.call_tool(job.tool, job.arguments([image])))
    assert result["status"] == "declined"
    assert result["message"].startswith("Not confirmed (accepted without ticking confirm).")
    await assert_nothing_happened(studio, [image])


@live_lanes
@pytest.mark.parametrize(
    ("answer", "said_no"),
    [(NO, "declined"), (ElicitResult(action="cancel"), "canceled the question")],
)
async def test_a_no_faster_than_a_person_reads_is_told_as_software(
    studio: Studio, lane: Lane, answer: ElicitResult, said_no: str
) -> None:
    """The model must not take it for a person's word."""
    person, image = studio.person(answer, takes_s=0.25), await one_sold(studio)
    async with lane.client(studio, person) as client:
        result = said(await client.call_tool(DELETION.tool, DELETION.arguments([image])))
    assert result["status"] == "declined"
    assert result["message"] == (
        f"The client {said_no} within 250 ms, so no person saw the question. Nothing was "
        "sent. Tell the person; the operator can start the server with --confirm plan, which asks "
        "in the chat."
    )
    await assert_nothing_happened(studio, [image])


@live_lanes
@pytest.mark.parametrize(("takes_s", "seen"), [(0.39, False), (0.41, True)])
async def test_four_tenths_of_a_second_tell_software_from_a_person(
    studio: Studio, lane: Lane, takes_s: float, seen: bool
) -> None:
    """Hosts that decline by themselves do it within milliseconds."""
    person, image = studio.person(NO, takes_s=takes_s), await one_sold(studio)
    async with lane.client(studio, person) as client:
        result = said(await client.call_tool(DELETION.tool, DELETION.arguments([image])))
    assert ("no person saw the question" not in result["message"]) is seen


@both_tools
@live_lanes
async def test_a_no_ends_the_plan_for_good(studio: Studio, job: Destruction, lane: Lane) -> None:
    """The model cannot carry it out afterwards by naming it."""
    person, image = studio.person(NO), await one_sold(studio)
    waiting: list[str] = []

    async def look() -> None:
        waiting.extend(plan.plan_id for plan in await studio.plans.pending(studio.clock()))

    person.meanwhile = look
    async with lane.client(studio, person) as client:
        await client.call_tool(job.tool, job.arguments([image]))
    (plan_id,) = waiting
    async with studio.client(mode=lane.mode) as unable:
        result = await unable.call_tool(job.tool, job.arguments([image], plan_id=plan_id))
    assert result.is_error
    assert text_of(result).endswith("(reason: plan_used)")
    await assert_nothing_happened(studio, [image])


@both_tools
async def test_a_dialogue_tells_nothing_that_it_could_be_answered_with_elsewhere(
    studio: Studio, job: Destruction
) -> None:
    """A client that shows the question and then can no longer ask cannot say yes by a plan's id."""
    image = await one_sold(studio)
    async with raw_client(studio.server, "auto", {"elicitation": {}}) as able:
        asked = json.dumps(await able.call(job.tool, job.arguments([image])))
    (plan,) = await studio.plans.pending(studio.clock())
    assert "confirmation" in asked
    assert plan.plan_id not in asked


async def cannot(
    context: ClientRequestContext,  # noqa: ARG001  the SDK's signature
    params: ElicitRequestParams,  # noqa: ARG001
) -> ElicitResult | ErrorData:
    """A client whose dialogue failed."""
    return ErrorData(code=-32603, message="the dialogue crashed")


async def never(
    context: ClientRequestContext,  # noqa: ARG001  the SDK's signature
    params: ElicitRequestParams,  # noqa: ARG001
) -> ElicitResult | ErrorData:
    """A client that never shows the question."""
    await anyio.Event().wait()
    return YES


@both_tools
async def test_a_client_that_fails_to_ask_has_not_been_told_yes(
    studio: Studio, job: Destruction
) -> None:
    """In the older era the failure reaches us: the plan ends."""
    image = await one_sold(studio)
    async with studio.client(mode="legacy", person=cannot) as client:
        result = said(await client.call_tool(job.tool, job.arguments([image])))
    assert result["status"] == "declined"
    assert result["message"].startswith("The client gave no answer within 0 ms")
    assert await studio.plans.pending(studio.clock()) == []
    await assert_nothing_happened(studio, [image])


@both_tools
async def test_a_multi_round_trip_client_that_fails_to_ask_never_comes_back(
    studio: Studio, job: Destruction
) -> None:
    """In the newer era the failure stays with the client."""
    image = await one_sold(studio)
    async with studio.client(person=cannot) as client:
        with pytest.raises(MCPError, match="the dialogue crashed"):
            await client.call_tool(job.tool, job.arguments([image]))
    await assert_nothing_happened(studio, [image])


@both_tools
async def test_a_question_nobody_answers_ends_with_its_plan(job: Destruction) -> None:
    """Some hosts never show a question and hang: the call comes back, with nothing sent."""
    studio = make_studio(limits=Limits(plan_ttl_s=0.05))
    image = await one_sold(studio)
    with anyio.fail_after(20):
        async with studio.client(mode="legacy", person=never) as client:
            result = said(await client.call_tool(job.tool, job.arguments([image])))
    assert result["status"] == "declined"
    assert "no answer" in result["message"]
    await assert_nothing_happened(studio, [image])


@both_tools
async def test_a_call_that_is_cancelled_during_its_question_sends_nothing(
    studio: Studio, job: Destruction
) -> None:
    """The host gave up; a yes that comes later has nobody to reach."""
    image, asked, late = await one_sold(studio), anyio.Event(), anyio.Event()

    async def hesitant(
        context: ClientRequestContext,  # noqa: ARG001  the SDK's signature
        params: ElicitRequestParams,  # noqa: ARG001
    ) -> ElicitResult | ErrorData:
        asked.set()
        await late.wait()
        return YES

    with anyio.fail_after(20):
        async with studio.client(mode="legacy", person=hesitant) as client:
            async with anyio.create_task_group() as calls:
                calls.start_soon(client.call_tool, job.tool, job.arguments([image]))
                await asked.wait()
                calls.cancel_scope.cancel()
            late.set()
            await client.list_tools()
    await assert_nothing_happened(studio, [image])


GARBAGE: dict[str, Json] = {
    "unknown action": {"action": "yes", "content": {"confirm": True}},
    "no action": {"content": {"confirm": True}},
    "nested": {"action": "accept", "content": {"confirm": {"confirm": True}}},
    "content is a list": {"action": "accept", "content": [True]},
    "content is true": {"action": "accept", "content": True},
    "empty": {},
    "upper case": {"action": "ACCEPT", "content": {"confirm": True}},
}


@pytest.mark.parametrize("job", [DELETION, REWRITING], ids=str)
@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=GARBAGE)
async def test_garbage_in_answer_to_an_elicitation_sends_nothing(
    studio: Studio, job: Destruction, garbage: Json
) -> None:
    """What cannot be read is not a yes."""
    image = await one_sold(studio)
    async with raw_client(studio.server, "legacy", FORMS) as client:
        question = await client.call(job.tool, job.arguments([image]))
        assert question["method"] == "elicitation/create"
        answer = await client.answer(question, garbage)
    assert answer["result"]["structuredContent"]["status"] == "declined"
    await assert_nothing_happened(studio, [image])


@pytest.mark.parametrize("job", [DELETION, REWRITING], ids=str)
@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=GARBAGE)
async def test_garbage_in_a_second_round_sends_nothing(
    studio: Studio, job: Destruction, garbage: Json
) -> None:
    """The protocol refuses most of it; what passes is not a yes."""
    image = await one_sold(studio)
    async with raw_client(studio.server, "auto", FORMS) as client:
        asked = (await client.call(job.tool, job.arguments([image])))["result"]
        await client.call(
            job.tool,
            job.arguments([image]),
            requestState=asked["requestState"],
            inputResponses={"confirmation": garbage},
        )
    await assert_nothing_happened(studio, [image])


OTHER_ANSWERS: dict[str, InputResponses | None] = {
    "none": None,
    "empty": {},
    "another key": {"confirm": YES},
    "another key beside": {"other": YES, "confirmation": NO},
    "roots": {"confirmation": ListRootsResult(roots=[])},
    "a model's word": {
        "confirmation": CreateMessageResult(
            role="assistant", content=TextContent(type="text", text="yes"), model="m"
        )
    },
}


@both_tools
@pytest.mark.parametrize("responses", OTHER_ANSWERS.values(), ids=OTHER_ANSWERS)
async def test_a_second_round_without_the_answer_sends_nothing(
    studio: Studio, job: Destruction, responses: InputResponses | None
) -> None:
    """And ends the plan, so that the state is worth nothing any more."""
    image = await one_sold(studio)
    async with studio.client(person=studio.person()) as client:
        first = await client.session.call_tool(
            job.tool, job.arguments([image]), allow_input_required=True
        )
        assert isinstance(first, InputRequiredResult)
        second = await client.session.call_tool(
            job.tool,
            job.arguments([image]),
            allow_input_required=True,
            request_state=first.request_state,
            input_responses=responses,
        )
    assert isinstance(second, CallToolResult)
    assert said(second)["status"] == "declined"
    assert await studio.plans.pending(studio.clock()) == []
    await assert_nothing_happened(studio, [image])


@both_tools
@both_eras
@pytest.mark.parametrize("capabilities", [URLS_ONLY, {}], ids=["urls only", "none"])
async def test_a_client_that_shows_no_forms_uses_the_two_steps(
    studio: Studio, job: Destruction, mode: Mode, capabilities: Json
) -> None:
    """A question it did not declare to show would be an error the model never reads."""
    image = await one_sold(studio)
    async with raw_client(studio.server, mode, capabilities) as client:
        first = (await client.call(job.tool, job.arguments([image])))["result"]
        plan = first["structuredContent"]
        assert plan["status"] == "confirmation_required"
        await assert_nothing_happened(studio, [image])
        await client.call(job.tool, job.arguments([image], plan_id=plan["plan_id"]))
    await assert_happened_once(studio, [image])


@both_eras
@pytest.mark.parametrize("elicitation", [{}, {"form": {}}, {"form": {}, "url": {}}], ids=str)
async def test_an_elicitation_capability_that_includes_forms_is_used(
    studio: Studio, mode: Mode, elicitation: Json
) -> None:
    """An empty one means forms."""
    image = await one_sold(studio)
    async with raw_client(studio.server, mode, {"elicitation": elicitation}) as client:
        got = await client.call(DELETION.tool, DELETION.arguments([image]))
        assert "elicitation/create" in str(got)
        if mode == "legacy":
            await client.answer(got, {"action": "cancel"})
    await assert_nothing_happened(studio, [image])
