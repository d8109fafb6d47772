"""The same call again is told no more than the last answer told, and nothing that is not so."""

import httpx
import pytest

from fw_mcp.images.account import Pace
from fw_mcp.sandbox.seed import INVENTORY_PER_SERIES
from fw_mcp.writes.operation import Done
from fw_mcp.writes.outcomes import ALREADY, NO_LONGER, Outcome
from fw_mcp.writes.update import NewText, update, update_again
from tests.support.recorder import Sent
from tests.support.studio import Studio, make_studio
from tests.support.truth import holdings, unsold
from tests.writes.calls import CALLER, meant, ran, retitle

pytestmark = pytest.mark.anyio


async def test_what_somebody_changed_since_is_not_claimed_when_the_rest_was_unknown() -> None:
    """Going on told it as no longer so, and could not read back the rest."""
    studio = make_studio(pace=Pace(start_chunks_s=1), per_series=INVENTORY_PER_SERIES)
    lost: list[Sent] = []

    async def slow(sent: Sent) -> None:
        if sent.endpoint == "update_images":
            studio.clock.forward(2)
            if len(sent.body["images"]) == 2:
                lost.append(sent)
        elif lost:
            raise httpx.ReadTimeout("no answer")

    studio.wire.on_the_way = slow
    images = await unsold(studio, 52)
    operation = update(studio.account, [NewText(image.guid, "New") for image in images], meant)
    first = await ran(studio, operation)
    assert first.change_id is not None
    await retitle(studio, images[3], "Meanwhile")
    last = await studio.writes.go_on(
        CALLER,
        first.change_id,
        "update_image_metadata",
        lambda kept: update_again(studio.account, kept, meant),
    )
    assert isinstance(last, Done)
    assert last.ends[3].detail == NO_LONGER
    assert last.ends[51].outcome is Outcome.UNKNOWN
    studio.wire.on_the_way = None
    studio.clock.forward(60)
    again = await ran(studio, operation)
    title = (await holdings(studio))[images[3].guid].title
    assert (again.complete, title) in [(False, "Meanwhile"), (True, "New")]


async def test_a_text_that_stood_already_and_was_changed_here_since_is_sent(
    studio: Studio,
) -> None:
    """Nothing was sent for it then; another call of this server gave it another text."""
    new, same = await unsold(studio, 2)
    texts = [NewText(new.guid, "New"), NewText(same.guid, same.title)]
    operation = update(studio.account, texts, meant)
    first = await ran(studio, operation)
    assert first.ends[1].detail == ALREADY
    studio.clock.forward(1)
    await ran(studio, update(studio.account, [NewText(same.guid, "Other")], meant))
    studio.clock.forward(1)
    again = await ran(studio, operation)
    assert again.complete
    assert (await holdings(studio))[same.guid].title == same.title
