"""Every fault on the first, the middle and the last request by which a write reads."""

import pytest

from fw_mcp.sandbox.faults.plan import FaultKind
from tests.faults.calls import READING, Call
from tests.faults.cell import cells, check_cell
from tests.faults.matrix import read
from tests.faults.stage import Stage
from tests.support.products import Chosen, covering, one_or_all

pytestmark = pytest.mark.anyio


@one_or_all
@pytest.mark.parametrize(("call", "kind"), covering(READING, FaultKind))
async def test_a_write_whose_reading_fails_ends_in_a_known_state(
    stage: Stage, subtests: pytest.Subtests, call: Call, kind: FaultKind, chosen: Chosen
) -> None:
    """What could not be read back is unknown, and the next call settles it."""
    async with stage.client() as client:
        for endpoint in call.reads:
            spoilts = await cells(stage, client, call, endpoint, read(kind))
            for spoilt in chosen(spoilts, f"{call} {kind}"):
                with subtests.test(str(spoilt)):
                    await check_cell(stage, client, call, spoilt)
