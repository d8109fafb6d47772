"""The faults of an add that is so large that it has two entries in the journal."""

import pytest

from fw_mcp.sandbox.faults.plan import FaultKind
from tests.faults.calls import ADD_TWO_ENTRIES
from tests.faults.cell import cells, check_cell
from tests.faults.matrix import written
from tests.faults.stage import Stage
from tests.support.products import Chosen, one_or_all

pytestmark = pytest.mark.anyio

_KINDS = (FaultKind.DROPPED, FaultKind.PARTIAL, FaultKind.LISTED_LATE)


@one_or_all
@pytest.mark.parametrize("kind", _KINDS)
async def test_an_add_of_two_entries_ends_in_a_known_state(
    stage: Stage, subtests: pytest.Subtests, kind: FaultKind, chosen: Chosen
) -> None:
    """On the first, the middle and the last of its twelve requests."""
    call = ADD_TWO_ENTRIES
    async with stage.client() as client:
        spoilts = await cells(stage, client, call, call.writes, written(kind))
        for spoilt in chosen(spoilts, f"{call} {kind}"):
            with subtests.test(str(spoilt)):
                await check_cell(stage, client, call, spoilt)
