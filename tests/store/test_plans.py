"""Plans: kept until they end, and won by one caller."""

from dataclasses import replace

import anyio
import pytest

from fw_mcp.store.database import Store
from fw_mcp.store.plans import Claim, PlanEnd, PlanRecord, PlanStore
from tests.store.conftest import Opening

pytestmark = pytest.mark.anyio

NOON = 1_800_000_000.0
PLAN = PlanRecord(
    plan_id="0123456789abcdef",
    tool="delete_images",
    caller="stdio:host",
    arguments_digest="a",
    targets_digest="t",
    weight=3,
    question="Delete it?",
    created_at=NOON,
    expires_at=NOON + 600,
)


@pytest.fixture
def plans(alone: Store) -> PlanStore:
    """Give plans that are nobody else's."""
    return PlanStore(alone)


async def claimed(
    plans: PlanStore,
    plan_id: str = PLAN.plan_id,
    now: float = NOON,
    *,
    weight_per_hour: int = 200,
    approved_only: bool = False,
) -> Claim:
    """What comes of a claim."""
    return await plans.claim(
        plan_id, now, weight_per_hour=weight_per_hour, approved_only=approved_only
    )


async def test_a_plan_is_kept_whole(plans: PlanStore) -> None:
    """Field for field."""
    await plans.add(PLAN)
    assert await plans.get(PLAN.plan_id) == PLAN
    assert await plans.get("another") is None


async def test_a_plan_is_won_once(plans: PlanStore) -> None:
    """And says when and how it ended."""
    await plans.add(PLAN)
    claims = [await claimed(plans) for _ in range(3)]
    assert claims == [Claim.WON, Claim.USED, Claim.USED]
    ended = replace(PLAN, ended_at=NOON, ended_as=PlanEnd.CARRIED_OUT)
    assert await plans.get(PLAN.plan_id) == ended


async def test_of_many_claims_at_once_one_wins(opened: Opening) -> None:
    """Over two connections to one store."""
    stores = [PlanStore(opened("mine")) for _ in range(2)]
    await stores[0].add(PLAN)
    claims: list[Claim] = []

    async def claim(plans: PlanStore) -> None:
        claims.append(await claimed(plans))

    async with anyio.create_task_group() as group:
        for number in range(20):
            group.start_soon(claim, stores[number % 2])
    assert sorted(claims) == [Claim.USED] * 19 + [Claim.WON]


@pytest.mark.parametrize("plan_id", ["", "another", "0123456789ABCDEF", "%", "0123456789abcde"])
async def test_an_unknown_plan_cannot_be_won(plans: PlanStore, plan_id: str) -> None:
    """Letter for letter."""
    await plans.add(PLAN)
    assert await claimed(plans, plan_id) is Claim.UNKNOWN


@pytest.mark.parametrize(("now", "claim"), [(NOON + 599.9, Claim.WON), (NOON + 600, Claim.EXPIRED)])
async def test_a_plan_cannot_be_won_from_its_expiry_on(
    plans: PlanStore, now: float, claim: Claim
) -> None:
    """To the second."""
    await plans.add(PLAN)
    assert await claimed(plans, now=now) is claim


async def test_a_declined_plan_cannot_be_won_and_a_won_one_not_declined(plans: PlanStore) -> None:
    """The first end stays."""
    declined, won = PLAN, replace(PLAN, plan_id="another")
    await plans.add(declined)
    await plans.add(won)
    await plans.decline(declined.plan_id, NOON)
    assert await claimed(plans) is Claim.USED
    assert await claimed(plans, won.plan_id) is Claim.WON
    await plans.decline(won.plan_id, NOON + 1)
    kept = await plans.get(won.plan_id)
    assert kept is not None
    assert (kept.ended_as, kept.ended_at) == (PlanEnd.CARRIED_OUT, NOON)


async def test_a_replaced_plan_cannot_be_won_approved_or_declined(plans: PlanStore) -> None:
    """It says that another question took its place; a plan that was won is not replaced."""
    await plans.add(PLAN)
    await plans.add(replace(PLAN, plan_id="fedcba9876543210"))
    await plans.replace(PLAN.plan_id, NOON)
    await plans.decline(PLAN.plan_id, NOON + 1)
    assert not await plans.approve(PLAN.plan_id, NOON)
    assert await claimed(plans) is Claim.REPLACED
    assert await claimed(plans, "fedcba9876543210") is Claim.WON
    await plans.replace("fedcba9876543210", NOON)
    assert await claimed(plans, "fedcba9876543210") is Claim.USED


async def test_declining_an_unknown_plan_changes_nothing(plans: PlanStore) -> None:
    """There is nothing to end."""
    await plans.add(PLAN)
    await plans.decline("another", NOON)
    assert await plans.get(PLAN.plan_id) == PLAN


async def test_only_an_approved_plan_is_won_where_approval_is_required(plans: PlanStore) -> None:
    """The claim itself looks, not only the caller."""
    await plans.add(PLAN)
    assert await claimed(plans, approved_only=True) is Claim.NOT_APPROVED
    assert await plans.approve(PLAN.plan_id, NOON + 5)
    approved = await plans.get(PLAN.plan_id)
    assert approved == replace(PLAN, approved_at=NOON + 5)
    assert await claimed(plans, approved_only=True) is Claim.WON


async def test_only_a_plan_that_waits_can_be_approved(plans: PlanStore) -> None:
    """Not an unknown, ended or expired one."""
    await plans.add(PLAN)
    assert not await plans.approve("another", NOON)
    assert not await plans.approve(PLAN.plan_id, NOON + 600)
    await plans.decline(PLAN.plan_id, NOON)
    assert not await plans.approve(PLAN.plan_id, NOON)


@pytest.mark.parametrize(("allowed", "claim"), [(6, Claim.WON), (5, Claim.HOURLY_LIMIT)])
async def test_the_weights_of_an_hour_are_added_up(
    plans: PlanStore, allowed: int, claim: Claim
) -> None:
    """Three images and three images are six."""
    await plans.add(PLAN)
    await plans.add(replace(PLAN, plan_id="another"))
    assert await claimed(plans, weight_per_hour=allowed) is Claim.WON
    assert await claimed(plans, "another", weight_per_hour=allowed) is claim


async def test_a_plan_that_the_hour_refused_can_be_won_later(plans: PlanStore) -> None:
    """The limit did not use it up."""
    await plans.add(PLAN)
    assert await claimed(plans, weight_per_hour=2) is Claim.HOURLY_LIMIT
    assert await claimed(plans, weight_per_hour=3) is Claim.WON


async def test_what_was_declined_or_spent_an_hour_ago_does_not_count(plans: PlanStore) -> None:
    """The hour slides."""
    long = [replace(PLAN, plan_id=name, expires_at=NOON + 9000) for name in ("a", "b", "c")]
    for plan in long:
        await plans.add(plan)
    await plans.decline("a", NOON)
    assert await claimed(plans, "b", weight_per_hour=3) is Claim.WON
    assert await claimed(plans, "c", NOON + 3599, weight_per_hour=3) is Claim.HOURLY_LIMIT
    assert await claimed(plans, "c", NOON + 3600, weight_per_hour=3) is Claim.WON


async def test_a_clock_set_back_does_not_give_the_hour_back(plans: PlanStore) -> None:
    """What was spent in what is now the future still counts."""
    await plans.add(PLAN)
    await plans.add(replace(PLAN, plan_id="another"))
    assert await claimed(plans, weight_per_hour=3) is Claim.WON
    assert await claimed(plans, "another", NOON - 7200, weight_per_hour=3) is Claim.HOURLY_LIMIT


async def test_pending_are_those_that_can_still_be_won_oldest_first(plans: PlanStore) -> None:
    """Neither ended nor expired."""
    newer = replace(PLAN, plan_id="newer", created_at=NOON + 60, expires_at=NOON + 660)
    declined, won = replace(PLAN, plan_id="declined"), replace(PLAN, plan_id="won")
    for plan in (newer, PLAN, declined, won):
        await plans.add(plan)
    await plans.decline("declined", NOON)
    await claimed(plans, "won")
    assert await plans.pending(NOON) == [PLAN, newer]
    assert await plans.pending(NOON + 600) == [newer]
    assert await plans.pending(NOON + 660) == []


async def test_plans_are_let_go_a_day_after_they_ran_out(plans: PlanStore) -> None:
    """With the next new one; until then a late answer is told what became of it."""
    await plans.add(PLAN)
    day = PLAN.expires_at + 24 * 3600
    await plans.add(replace(PLAN, plan_id="b", created_at=day, expires_at=day + 600))
    assert await plans.get(PLAN.plan_id) == PLAN
    await plans.add(replace(PLAN, plan_id="c", created_at=day + 1, expires_at=day + 601))
    assert await plans.get(PLAN.plan_id) is None


async def test_a_plan_is_its_account_s_alone(opened: Opening) -> None:
    """Promise: another account neither sees, answers, ends nor spends it, nor pays for it."""
    one, other = (PlanStore(opened(name)) for name in ("one", "other"))
    await one.add(PLAN)
    theirs = replace(PLAN, question="Delete theirs?", weight=5)
    await other.add(theirs)
    assert await other.get(PLAN.plan_id) == theirs
    assert await other.pending(NOON) == [theirs]
    assert await other.approve(PLAN.plan_id, NOON)
    assert await claimed(other) is Claim.WON
    assert await one.get(PLAN.plan_id) == PLAN
    await other.void(PLAN.plan_id)
    assert await claimed(one, weight_per_hour=PLAN.weight) is Claim.WON
    await other.renew(PLAN.plan_id, NOON + 3000)
    assert (await one.spent(NOON + 3600), await other.spent(NOON)) == (0, 0)
    await other.decline(PLAN.plan_id, NOON)
    kept = await one.get(PLAN.plan_id)
    assert kept == replace(PLAN, ended_at=NOON, ended_as=PlanEnd.CARRIED_OUT)


async def test_another_account_s_deletions_do_not_count_in_the_hour(opened: Opening) -> None:
    """Each has the limit for itself; a plan that is let go is one's own."""
    one, other = (PlanStore(opened(name)) for name in ("one", "other"))
    await one.add(PLAN)
    assert await claimed(one) is Claim.WON
    assert (await one.spent(NOON), await other.spent(NOON)) == (PLAN.weight, 0)
    late = replace(PLAN, plan_id="late", created_at=NOON + 1e6, expires_at=NOON + 1e6 + 600)
    await other.add(late)
    assert await one.get(PLAN.plan_id) is not None
    assert await other.get(PLAN.plan_id) is None


async def test_what_a_plan_costs_counts_from_when_its_call_went_on(plans: PlanStore) -> None:
    """One that was not carried out costs nothing."""
    await plans.add(PLAN)
    await plans.renew(PLAN.plan_id, NOON)
    assert await plans.spent(NOON) == 0
    assert await claimed(plans) is Claim.WON
    await plans.renew(PLAN.plan_id, NOON + 1800)
    assert (await plans.spent(NOON + 5000), await plans.spent(NOON + 5400)) == (3, 0)
    await plans.void(PLAN.plan_id)
    assert await plans.spent(NOON + 1800) == 0


async def test_an_approval_that_is_recorded_twice_is_told_as_one(plans: PlanStore) -> None:
    """The answer to its commit may be lost, and the plan be won before it is recorded again."""
    await plans.add(PLAN)
    assert await plans.approve(PLAN.plan_id, NOON + 5)
    assert await claimed(plans, now=NOON + 6, approved_only=True) is Claim.WON
    assert await plans.approve(PLAN.plan_id, NOON + 5)
    assert not await plans.approve(PLAN.plan_id, NOON + 7)
