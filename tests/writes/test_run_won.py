"""A plan is won, and the call ends before anything is sent."""

import anyio
import pytest

from fw_mcp.errors import StoreError
from fw_mcp.writes.delete import deletion
from tests.support.recorder import Sent
from tests.support.studio import Studio
from tests.support.truth import unsold
from tests.writes.calls import CALLER, Person

pytestmark = pytest.mark.anyio


async def test_a_plan_that_could_not_be_carried_out_costs_nothing(studio: Studio) -> None:
    """The journal cannot be written: nothing was sent, so that the hour's limit is not used up."""
    (image,) = await unsold(studio, 1)

    async def lose_the_items() -> None:
        await studio.database.run(lambda one: one.execute("DROP TABLE items"))

    with pytest.raises(StoreError):
        await studio.writes.run(
            CALLER,
            deletion(studio.account, [image.guid], "inventory"),
            Person(meanwhile=lose_the_items),
        )
    assert studio.wire.writes == []
    assert await studio.plans.spent(studio.clock()) == 0


async def test_a_call_cancelled_after_its_plan_was_won_costs_nothing(studio: Studio) -> None:
    """The host leaves while the images are read again: nothing was sent."""
    (image,) = await unsold(studio, 1)
    answered, left = False, anyio.CancelScope()

    async def answer() -> None:
        nonlocal answered
        answered = True

    async def leave(_: Sent) -> None:
        if answered:
            left.cancel()
            await anyio.lowlevel.checkpoint()

    studio.wire.on_the_way = leave
    with left:
        await studio.writes.run(
            CALLER,
            deletion(studio.account, [image.guid], "inventory"),
            Person(meanwhile=answer),
        )
    assert left.cancelled_caught
    assert studio.wire.writes == []
    assert await studio.plans.spent(studio.clock()) == 0
