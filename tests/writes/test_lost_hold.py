"""A process that was silent for so long that another one took its call sends nothing any more."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from fw_mcp.api.models import ImageDetails
from fw_mcp.errors import GuardError, Reason
from fw_mcp.store.connection import Connection
from fw_mcp.store.journal import Step
from fw_mcp.store.locks import Fence, still_running
from fw_mcp.writes.add import add_in_batches
from fw_mcp.writes.chunks import Run
from fw_mcp.writes.delete import delete_in_chunks
from fw_mcp.writes.outcomes import Outcome
from fw_mcp.writes.select import Wish, store_selection
from fw_mcp.writes.update import Rewrite, update_in_chunks
from tests.support.studio import Studio, make_studio
from tests.support.truth import unsold
from tests.writes.runs import ended_as, items, run_of, to_add

pytestmark = pytest.mark.anyio

KEY = "11111111-2222-4333-8444-555555555555"


class Doubted(Fence):
    """A hold of which it is asked each time whether another process took it."""

    def __init__(self) -> None:
        super().__init__()
        self.is_lost = False

    @property
    def is_sure(self) -> bool:
        """Never."""
        return False

    def check(self, _: Connection) -> None:
        """Tell."""
        if self.is_lost:
            raise still_running()


def suspended() -> tuple[Studio, Run]:
    """A run whose process sleeps once it has put on record what it is about to send."""
    fence = Doubted()

    def reached(step: Step) -> None:
        fence.is_lost = fence.is_lost or step is Step.INTENT_RECORDED

    studio = make_studio(reached=reached)
    return studio, replace(run_of(studio), fence=fence)


async def _delete(run: Run, image: ImageDetails) -> object:
    return await delete_in_chunks(run, {0: image}, "inventory")


async def _update(run: Run, image: ImageDetails) -> object:
    return await update_in_chunks(run, {0: Rewrite(image, "Other", image.description or "")})


async def _select(run: Run, image: ImageDetails) -> object:
    return await store_selection(run, KEY, Wish([image.guid]))


@pytest.mark.parametrize(
    ("endpoint", "write"),
    [
        ("delete_images", _delete),
        ("update_images", _update),
        ("update_file_selection", _select),
    ],
    ids=["delete", "update", "select"],
)
async def test_what_another_process_may_be_sending_is_not_sent(
    endpoint: str, write: Callable[[Run, ImageDetails], Awaitable[object]]
) -> None:
    """Promise: each is sent at most once; what stands on record is left to the other one."""
    studio, run = suspended()
    (image,) = await unsold(studio, 1)
    with pytest.raises(GuardError) as refused:
        await write(run, image)
    assert refused.value.reason is Reason.STILL_RUNNING
    assert studio.wire.to(endpoint) == []
    (item,) = await items(studio)
    assert item.outcome is None


async def test_images_that_another_process_may_be_adding_are_not_sent() -> None:
    """Each is told; on record, they stay open for the other one."""
    studio, run = suspended()
    ended = await add_in_batches(run, to_add(6), "inventory")
    assert ended_as(ended) == [Outcome.NOT_ATTEMPTED] * 6
    assert "Another call is working on the same change" in ended[5].detail
    assert studio.wire.to("add_images") == []
    assert {one.outcome for one in await items(studio)} == {None}


async def test_a_hold_that_nobody_took_meanwhile_is_as_good_as_before(studio: Studio) -> None:
    """A process that slept and was not missed goes on."""
    (image,) = await unsold(studio, 1)
    ended = await delete_in_chunks(
        replace(run_of(studio), fence=Doubted()), {0: image}, "inventory"
    )
    assert ended_as(ended) == [Outcome.DELETED]
