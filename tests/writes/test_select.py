"""A selection: what it held before is on record."""

import pytest

from fw_mcp.writes.select import Wish, store_selection
from tests.support.studio import Studio
from tests.support.truth import unsold
from tests.writes.runs import items, run_of

pytestmark = pytest.mark.anyio

KEY = "11111111-2222-4333-8444-555555555555"


async def test_a_selection_keeps_what_it_held(studio: Studio) -> None:
    """So that it can be set back."""
    one, two = [image.guid for image in await unsold(studio, 2)]
    await store_selection(run_of(studio, "set_selection"), KEY, Wish([one]))
    await store_selection(run_of(studio, "set_selection"), KEY, Wish([two]))
    last = (await items(studio))[-1]
    assert (last.item, last.guid) == (0, KEY)
    assert last.sent == {"guid": KEY, "guids": [two], "missing": []}
    assert (last.before, last.after) == ({"guids": [one]}, {"guids": [two]})
