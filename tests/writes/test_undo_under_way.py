"""A change is undone while an undo deep below it is under way in another process."""

from pathlib import Path

import pytest

from fw_mcp.errors import GuardError, Reason
from fw_mcp.writes.delete import deletion
from tests.support.studio import make_studio
from tests.support.truth import unsold
from tests.writes.calls import Person, ran, refused

pytestmark = pytest.mark.anyio


async def test_nothing_is_undone_while_an_undo_of_its_undo_is_being_undone(tmp_path: Path) -> None:
    """Deleted, registered again, deleted again; the other process registers it a second time."""
    store = tmp_path / "store.sqlite3"
    studio = make_studio(store=store)
    other = make_studio(store=store, app=studio.app)
    (image,) = await unsold(studio, 1)
    ids = [(await ran(studio, deletion(studio.account, [image.guid], "inventory"))).change_id or ""]
    for _ in range(2):
        studio.clock.forward(1)
        undoing = await studio.writes.undoing(ids[-1])
        ids.append((await ran(studio, undoing, Person())).change_id or "")
    # What an undo of the last one takes in the other process.
    async with other.database.exclusive("change:its own", f"change:{ids[2]}"):
        with pytest.raises(GuardError, match="is still running") as told:
            await studio.writes.undoing(ids[0])
    assert refused(told) is Reason.CANNOT_UNDO
