"""A call that was cut off is made again, after somebody took back what it had done."""

import pytest

from fw_mcp.images.read import read_selection
from fw_mcp.store.journal import Step
from fw_mcp.writes.operation import Done
from fw_mcp.writes.select import Wish, selection
from fw_mcp.writes.update import NewText, update
from tests.support.studio import make_studio
from tests.support.truth import holdings, unsold
from tests.writes.calls import CALLER, Person, meant, ran
from tests.writes.runs import changes

pytestmark = pytest.mark.anyio


class KilledError(Exception):
    """The process ends here."""


class Killer:
    """Ends the first call once its outcome is on record, before it could answer."""

    def __init__(self) -> None:
        self.armed = True

    def __call__(self, step: Step) -> None:
        """Go on, or not."""
        if self.armed and step is Step.OUTCOME_RECORDED:
            self.armed = False
            raise KilledError


async def test_a_cut_off_update_that_was_undone_is_not_claimed_to_stand() -> None:
    """The undo is on record: the same call is a new wish, not one that was met."""
    studio = make_studio(reached=Killer())
    (image,) = await unsold(studio, 1)
    operation = update(studio.account, [NewText(image.guid, "New")], meant)
    with pytest.raises(KilledError):
        await studio.writes.run(CALLER, operation, Person())
    (change,) = await changes(studio)
    studio.clock.forward(1)
    undone = await ran(studio, await studio.writes.undoing(change.change_id))
    assert undone.complete
    studio.clock.forward(1)
    again = await ran(studio, operation)
    assert again.complete
    assert (await holdings(studio))[image.guid].title == "New"


async def test_a_cut_off_selection_that_was_set_anew_is_not_claimed_to_stand() -> None:
    """Another call of this server stored other images since, under the same key."""
    studio = make_studio(reached=Killer())
    one, other = (image.guid for image in await unsold(studio, 2))
    key = "3f2b8c1e-0d4a-4e5f-8a6b-7c9d0e1f2a3b"
    operation = selection(studio.account, Wish([one]), key)
    with pytest.raises(KilledError):
        await studio.writes.run(CALLER, operation, Person())
    studio.clock.forward(1)
    await ran(studio, selection(studio.account, Wish([other]), key))
    studio.clock.forward(1)
    again = await studio.writes.run(CALLER, operation, Person())
    assert isinstance(again, Done)
    assert again.complete
    assert await read_selection(studio.account, key) == (one,)
