"""Every fault on the first, the middle and the last request that writes, of every tool."""

import pytest

from fw_mcp.sandbox.faults.plan import FaultKind
from tests.faults.calls import WRITING, Call
from tests.faults.cell import cells, check_cell
from tests.faults.matrix import written
from tests.faults.stage import Stage

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("kind", FaultKind)
@pytest.mark.parametrize("call", WRITING, ids=str)
async def test_a_write_ends_in_a_known_state(
    stage: Stage, subtests: pytest.Subtests, call: Call, kind: FaultKind
) -> None:
    """Nothing is there twice or lost, the result is true, and the next call does the rest."""
    async with stage.client() as client:
        for spoilt in await cells(stage, client, call, call.writes, written(kind)):
            with subtests.test(str(spoilt)):
                await check_cell(stage, client, call, spoilt)
