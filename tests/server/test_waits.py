"""What is to be destroyed is looked at again after each wait: a product may have been hung."""

from pathlib import Path

import pytest

from fw_mcp.sandbox.faults.plan import Fault, FaultKind
from tests.server.elsewhere import library_shared_with_others
from tests.support.recorder import Sent
from tests.support.studio import said
from tests.support.truth import holdings, outcomes, unsold

pytestmark = pytest.mark.anyio

FAULTS = {
    "a pause that the service asked for": Fault(
        FaultKind.RATE_LIMITED, endpoint="update_images", retry_after=8
    ),
    "a lost answer": Fault(FaultKind.DROPPED, endpoint="update_images"),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
async def test_a_product_hung_while_an_update_waits_is_not_lost(
    tmp_path: Path, fault: Fault
) -> None:
    """Nobody was asked, because nothing was at stake when the call began."""
    others = library_shared_with_others(tmp_path)
    studio = others.studio
    kept, plain = await unsold(studio, 2)
    looks = 0

    async def meanwhile(sent: Sent) -> None:
        nonlocal looks
        looks += sent.endpoint == "update_images"

    slept: list[float] = []
    sleep = studio.account.sleep

    async def hung(seconds: float) -> None:
        if not slept:
            others.hang(kept)
        slept.append(seconds)
        await sleep(seconds)

    studio.account.sleep = hung
    studio.wire.on_the_way = meanwhile
    studio.faults.add(fault)
    images = [{"guid": one.guid, "title": "New"} for one in (kept, plain)]
    async with studio.client() as client:
        result = said(await client.call_tool("update_image_metadata", {"images": images}))
    lost = fault.kind is FaultKind.DROPPED
    assert outcomes(result)[1] == ("unknown" if lost else "updated")
    assert outcomes(result)[0] in {"not_attempted", "unknown"}
    held = await holdings(studio)
    assert (held[kept.guid].title, len(held[kept.guid].products or ())) == (kept.title, 1)
    assert (looks, sum(slept) >= 1.0) == (1 if lost else 2, True)
