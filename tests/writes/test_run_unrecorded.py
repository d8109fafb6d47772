"""What came of a call cannot be recorded, and that it answered can."""

import sqlite3
from pathlib import Path

import pytest

from fw_mcp.store.journal import Step
from fw_mcp.writes.delete import deletion
from fw_mcp.writes.operation import Caller, Done
from fw_mcp.writes.outcomes import Outcome
from tests.support.studio import make_studio
from tests.support.truth import unsold
from tests.writes.calls import Person
from tests.writes.runs import ended_as

pytestmark = pytest.mark.anyio


async def test_a_call_whose_outcome_could_not_be_recorded_can_be_made_again(
    tmp_path: Path,
) -> None:
    """The store is held by somebody while the outcome is to be recorded, and free right after."""
    store = tmp_path / "store.sqlite3"
    other = sqlite3.connect(store, isolation_level=None, check_same_thread=False)

    def reached(step: Step) -> None:
        if step is Step.READ_BACK and not other.in_transaction:
            other.execute("BEGIN IMMEDIATE")

    async def progress(
        progress: float, total: float | None = None, message: str | None = None
    ) -> None:
        del progress, total, message
        if other.in_transaction:
            other.execute("ROLLBACK")

    studio = make_studio(store=store, busy_timeout_s=0.05, reached=reached)
    (image,) = await unsold(studio, 1)
    operation = deletion(studio.account, [image.guid], "inventory")
    caller = Caller("stdio:tests", progress)
    first = await studio.writes.run(caller, operation, Person())
    assert isinstance(first, Done)
    assert ended_as(first.ends) == [Outcome.DELETED]
    again = await studio.writes.run(caller, operation, Person())
    assert isinstance(again, Done)
    assert ended_as(again.ends) == [Outcome.DELETED]
    other.close()
