"""A spreadsheet that a person approved takes longer than one call."""

import pytest

from fw_mcp.assembly import Assembly
from fw_mcp.cli.spreadsheet.apply import Updates
from fw_mcp.cli.terminal import AtTheTerminal
from fw_mcp.config import Settings
from fw_mcp.guard.guard import Confirm, Limits
from fw_mcp.images.account import Pace
from fw_mcp.pictures.fetch.fetcher import Fetcher
from fw_mcp.server.rows import meant
from fw_mcp.writes.operation import Done, Waiting
from fw_mcp.writes.outcomes import Outcome
from fw_mcp.writes.trial import HELD_BACK
from fw_mcp.writes.update import NewText, update, update_again
from tests.contrary.service import Ways
from tests.contrary.test_kinds import contrary
from tests.support.recorder import Sent
from tests.support.studio import make_studio
from tests.support.truth import sold
from tests.writes.calls import CALLER
from tests.writes.runs import ended_as

pytestmark = pytest.mark.anyio


async def test_what_was_approved_is_gone_on_with_after_the_first_call_s_time() -> None:
    """`fw-mcp approve` let all of it through: the rest needs no other approval."""
    studio = make_studio(limits=Limits(confirm=Confirm.APPROVE), pace=Pace(start_chunks_s=1))
    studio.account.chunk = 1

    async def slow(sent: Sent) -> None:
        studio.clock.forward(2 if sent.endpoint == "update_images" else 0)

    studio.wire.on_the_way = slow
    texts = [NewText(image.guid, "Dew") for image in await sold(studio, 2)]
    operation = update(studio.account, texts, meant)
    waiting = await studio.writes.run(
        CALLER, operation, AtTheTerminal(studio.guard, lambda _: False, None, "apply again")
    )
    assert isinstance(waiting, Waiting)
    plan_id = waiting.plan.plan_id
    assert await studio.plans.approve(plan_id, studio.clock())
    first = await studio.writes.run(
        CALLER, operation, AtTheTerminal(studio.guard, lambda _: False, plan_id, "apply again")
    )
    assert isinstance(first, Done)
    assert ended_as(first.ends) == [Outcome.UPDATED, Outcome.NOT_ATTEMPTED]
    assert first.change_id is not None
    last = await studio.writes.go_on(
        CALLER,
        first.change_id,
        "update_image_metadata",
        lambda kept: update_again(studio.account, kept, meant),
    )
    assert isinstance(last, Done)
    assert ended_as(last.ends) == [Outcome.UPDATED, Outcome.UPDATED]


async def test_a_first_write_that_is_odd_is_not_gone_on_with() -> None:
    """Somebody reads it first; applying the file again is knowing it."""
    service, studio = contrary(Ways(text="capitals"), tried=False)
    texts = [NewText(service.lay(f"Old {number}"), "New") for number in range(3)]
    nothing = Fetcher(is_on=False)
    assembly = Assembly(
        Settings(), studio.database, studio.plans, studio.parts, studio.uploads, nothing
    )
    first = await Updates(assembly, lambda _: True).send(texts)
    again = await Updates(assembly, lambda _: True).send(texts[1:])
    details = [detail for _, detail in first.ends.values()]
    assert details[1:] == [HELD_BACK] * 2
    assert [outcome for outcome, _ in again.ends.values()] == [Outcome.UPDATED] * 2
