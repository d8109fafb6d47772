"""Every fault on the first, the middle and the last request that writes, of every tool."""

import pytest

from fw_mcp.sandbox.faults.plan import FaultKind
from tests.faults.calls import WRITING, Call
from tests.faults.cell import cells, check_cell
from tests.faults.matrix import written
from tests.faults.stage import Stage
from tests.support.products import Chosen, covering, one_or_all

pytestmark = pytest.mark.anyio


@one_or_all
@pytest.mark.parametrize(("call", "kind"), covering(WRITING, FaultKind))
async def test_a_write_ends_in_a_known_state(
    stage: Stage, subtests: pytest.Subtests, call: Call, kind: FaultKind, chosen: Chosen
) -> None:
    """Nothing is there twice or lost, the result is true, and the next call does the rest."""
    async with stage.client() as client:
        spoilts = await cells(stage, client, call, call.writes, written(kind))
        for spoilt in chosen(spoilts, f"{call} {kind}"):
            with subtests.test(str(spoilt)):
                await check_cell(stage, client, call, spoilt)
