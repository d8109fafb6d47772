"""The guard by itself: what is on, how large, which plan, and who wins it."""

from dataclasses import replace

import pytest

from fw_mcp.errors import GuardError, Reason
from fw_mcp.guard.effects import EFFECTS, WRITES
from fw_mcp.guard.guard import Confirm, Guard, Limits, Plan, Proposal
from fw_mcp.guard.question import Target
from fw_mcp.store.plans import PlanStore
from fw_mcp.store.sqlite import Database
from tests.support.studio import Clock

pytestmark = pytest.mark.anyio

IMAGES = [Target(f"{n}f", f"Fog {n}", "", f"FOG_{n}.jpg") for n in range(1, 4)]
PROPOSAL = Proposal("delete_images", "stdio:host", {"guids": ["1f"]}, IMAGES[:1], "Delete it?")


def make_guard(limits: Limits | None = None, clock: Clock | None = None) -> Guard:
    """A guard on a store in memory."""
    return Guard(PlanStore(Database(None)), limits or Limits(), clock or Clock())


async def recalled(guard: Guard, plan: Plan, **other: object) -> Plan:
    """The plan, as a later call of the same caller names it."""
    call = {"tool": plan.tool, "caller": plan.caller, "arguments": PROPOSAL.arguments, **other}
    plan_id = str(call.pop("plan_id", plan.plan_id))
    return await guard.recall(plan_id, **call)  # type: ignore[arg-type]


@pytest.mark.parametrize("tool", ["drop_library", "", "DELETE_IMAGES", "delete_images "])
def test_a_tool_that_is_not_in_the_table_is_not_offered(tool: str) -> None:
    """Whatever its name promises."""
    guard = make_guard(Limits(writes=(*WRITES, tool)))
    assert not guard.offered(tool)
    with pytest.raises(GuardError) as refused:
        guard.admit(tool)
    assert refused.value.reason is Reason.WRITE_DISABLED


@pytest.mark.parametrize("limits", [Limits(read_only=True), Limits(writes=())])
def test_what_only_reads_is_always_on(limits: Limits) -> None:
    """Reading costs nobody anything."""
    guard = make_guard(limits)
    reading = ["search_images", "search_products", "view_images", "inspect_files", "list_changes"]
    assert [tool for tool in EFFECTS if guard.offered(tool)] == reading
    for tool in reading:
        guard.admit(tool)


def test_read_only_outdoes_the_list_of_writes() -> None:
    """The stricter of two settings holds."""
    with pytest.raises(GuardError) as refused:
        make_guard(Limits(read_only=True, writes=WRITES)).admit("delete_images")
    assert refused.value.reason is Reason.READ_ONLY


def test_the_ceiling_on_a_call_is_fifty() -> None:
    """Unless the operator chose another; the ceiling itself is allowed."""
    guard = make_guard()
    guard.check_size(50)
    with pytest.raises(GuardError, match=r"the limit is 50 per call\. This call sent nothing\."):
        guard.check_size(51)


async def test_a_plan_s_question_tells_neither_its_id_nor_the_time() -> None:
    """Whoever saw it asked has nothing to answer it with, and may compare it letter for letter."""
    guard = make_guard()
    first, second = await guard.plan(PROPOSAL), await guard.plan(PROPOSAL)
    assert first.question == second.question == "Delete it?"
    assert (len(first.plan_id), first.plan_id != second.plan_id) == (16, True)
    assert first.expires_at - first.created_at == 600


async def test_a_plan_that_is_too_large_is_not_kept() -> None:
    """Nobody is asked what would be refused."""
    plans = PlanStore(Database(None))
    guard = Guard(plans, Limits(items_per_call=1), Clock())
    with pytest.raises(GuardError):
        await guard.plan(replace(PROPOSAL, targets=IMAGES))
    assert await plans.pending(0) == []


async def test_a_plan_is_recalled_by_the_call_it_was_made_for() -> None:
    """Whole, as it was kept."""
    guard = make_guard()
    plan = await guard.plan(PROPOSAL)
    assert await recalled(guard, plan) == plan


@pytest.mark.parametrize(
    "other",
    [
        {"tool": "update_image_metadata"},
        {"caller": "http:host"},
        {"caller": "stdio:other"},
        {"arguments": {"guids": ["2f"]}},
        {"arguments": {"guids": []}},
        {"arguments": None},
    ],
    ids=str,
)
async def test_a_plan_is_refused_to_any_other_call(other: dict[str, object]) -> None:
    """Another tool, caller or set of arguments; even after it ended, which it does not betray."""
    guard = make_guard()
    plan = await guard.plan(PROPOSAL)
    for _ in range(2):
        with pytest.raises(GuardError) as refused:
            await recalled(guard, plan, **other)
        assert refused.value.reason is Reason.PLAN_MISMATCH
        await guard.decline(plan)


async def test_a_plan_that_ended_or_expired_is_not_recalled() -> None:
    """Used is told before expired: that is what the model should look into."""
    clock = Clock()
    guard = make_guard(clock=clock)
    used, old = await guard.plan(PROPOSAL), await guard.plan(PROPOSAL)
    await guard.win(used)
    clock.forward(600)
    for plan, reason in ((used, Reason.PLAN_USED), (old, Reason.PLAN_EXPIRED)):
        with pytest.raises(GuardError) as refused:
            await recalled(guard, plan)
        assert refused.value.reason is reason


async def test_an_unknown_plan_is_quoted_and_cut() -> None:
    """It is text of the caller's."""
    with pytest.raises(GuardError) as refused:
        await recalled(make_guard(), await make_guard().plan(PROPOSAL), plan_id="x\n" * 100)
    assert refused.value.what == 'There is no plan "' + "x\\n" * 13 + '…".'


async def test_a_plan_is_measured_by_the_ceiling_of_now() -> None:
    """One made under a higher ceiling does not lift it, and is not used up by being refused."""
    plans = PlanStore(Database(None))
    plan = await Guard(plans, Limits(), Clock()).plan(replace(PROPOSAL, targets=IMAGES))
    strict = Guard(plans, Limits(items_per_call=2), Clock())
    with pytest.raises(GuardError) as refused:
        await strict.win(plan)
    assert refused.value.reason is Reason.TOO_MANY_ITEMS
    assert await plans.get(plan.plan_id) == plan


async def test_a_plan_is_won_once() -> None:
    """The second is told that the answer was used."""
    guard = make_guard()
    plan = await guard.plan(PROPOSAL)
    await guard.win(plan)
    with pytest.raises(GuardError) as refused:
        await guard.win(plan)
    assert refused.value.reason is Reason.PLAN_USED


async def test_a_declined_plan_is_not_won() -> None:
    """No is no."""
    guard = make_guard()
    plan = await guard.plan(PROPOSAL)
    await guard.decline(plan)
    with pytest.raises(GuardError) as refused:
        await guard.win(plan)
    assert refused.value.reason is Reason.PLAN_USED


async def test_where_a_person_must_approve_an_unapproved_plan_is_not_won() -> None:
    """Whoever says yes in the chat."""
    plans = PlanStore(Database(None))
    guard = Guard(plans, Limits(confirm=Confirm.APPROVE), Clock())
    plan = await guard.plan(PROPOSAL)
    assert not await guard.approved(plan)
    with pytest.raises(GuardError) as refused:
        await guard.win(plan)
    assert refused.value.reason is Reason.NOT_APPROVED
    assert await plans.approve(plan.plan_id, guard.now())
    assert await guard.approved(plan)
    await guard.win(plan)


async def test_a_plan_nobody_keeps_is_not_approved() -> None:
    """What the store does not know was not approved in it."""
    assert not await make_guard().approved(await make_guard().plan(PROPOSAL))


async def test_the_hour_is_spent_by_what_was_won() -> None:
    """And by nothing else."""
    guard = make_guard(Limits(deletions_per_hour=3))
    await guard.win(await guard.plan(replace(PROPOSAL, targets=IMAGES)))
    with pytest.raises(GuardError, match="allows 3 deletions per hour"):
        await guard.win(await guard.plan(PROPOSAL))


async def test_targets_are_unchanged_only_as_the_plan_held_them() -> None:
    """In any order."""
    guard = make_guard()
    plan = await guard.plan(replace(PROPOSAL, targets=IMAGES))
    assert guard.unchanged(plan, list(reversed(IMAGES)))
    assert not guard.unchanged(plan, IMAGES[:2])
    assert not guard.unchanged(plan, [])
    assert not guard.unchanged(plan, [*IMAGES[:2], replace(IMAGES[2], title="Sun")])


async def test_a_question_asked_again_begins_with_what_changed() -> None:
    """Then it asks what it would ask the first time; the plan of a former version tells nothing."""
    guard = make_guard()
    plan = await guard.plan(PROPOSAL)
    now = [replace(IMAGES[0], title="Mist")]
    again = guard.asked_again(plan, now, "Delete it?")
    assert again == 'Changed since the last question: "Fog 1" is now "Mist".\nDelete it?'
    former = replace(plan, targets_digest="f" * 64)
    assert guard.asked_again(former, now, "Delete it?") == "Delete it?"
    assert not guard.unchanged(former, IMAGES[:1])
