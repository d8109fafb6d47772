"""A store in PostgreSQL: what only it has to keep."""

import pytest

from fw_mcp.store.plans import PlanStore
from tests.store.test_plans import PLAN
from tests.support.postgres import Place

pytestmark = pytest.mark.anyio


async def test_a_plan_is_kept_there(place: Place) -> None:
    """By one process, for every other."""
    await PlanStore(place("mine")).add(PLAN)
    assert await PlanStore(place("mine")).get(PLAN.plan_id) == PLAN
