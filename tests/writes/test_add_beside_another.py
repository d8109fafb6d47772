"""An add that was cut off goes on after another caller registered the same file."""

import pytest

from fw_mcp.store.journal import Step
from fw_mcp.writes.addition import addition
from fw_mcp.writes.operation import Caller, Done
from fw_mcp.writes.outcomes import Outcome
from tests.images.progress import Progress
from tests.support.studio import make_studio
from tests.writes.calls import CALLER, Person
from tests.writes.runs import ended_as, to_add
from tests.writes.test_run_cut_off import KilledError

pytestmark = pytest.mark.anyio


async def test_another_caller_s_image_is_not_called_too_much() -> None:
    """The journal knows whose it is: nobody is to be told to delete it."""
    armed = [True]

    def reached(step: Step) -> None:
        if armed and step is Step.INTENT_RECORDED:
            armed.clear()
            raise KilledError

    studio = make_studio(reached=reached)
    images = list(to_add(1).values())
    operation = addition(studio.account, images, "inventory", allow_duplicate=False)
    with pytest.raises(KilledError):
        await studio.writes.run(CALLER, operation, Person())
    studio.clock.forward(1)
    other = Caller("stdio:other", Progress())
    theirs = await studio.writes.run(other, operation, Person())
    assert isinstance(theirs, Done)
    assert ended_as(theirs.ends) == [Outcome.CREATED]
    studio.clock.forward(120)
    ours = await studio.writes.run(CALLER, operation, Person())
    assert isinstance(ours, Done)
    assert (theirs.ends[0].guid or "") not in ours.ends[0].detail
    assert ours.complete
