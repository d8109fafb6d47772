"""The clock of the computer is set back between two calls."""

import pytest

from fw_mcp.writes.update import NewText, update
from tests.support.studio import Studio
from tests.support.truth import holdings, unsold
from tests.writes.calls import meant, ran

pytestmark = pytest.mark.anyio


async def test_a_change_made_since_counts_though_the_clock_was_set_back(studio: Studio) -> None:
    """The journal's places tell what came later: the same call is not given its old end."""
    (image,) = await unsold(studio, 1)
    operation = update(studio.account, [NewText(image.guid, "New")], meant)
    await ran(studio, operation)
    studio.clock.forward(-60)
    await ran(studio, update(studio.account, [NewText(image.guid, "Other")], meant))
    again = await ran(studio, operation)
    assert again.complete
    assert (await holdings(studio))[image.guid].title == "New"
