"""The journal: intent and former records before a write, the outcome after it."""

import math
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from fw_mcp.errors import GuardError, Reason, StoreError
from fw_mcp.store.connection import Connection
from fw_mcp.store.database import Store
from fw_mcp.store.history import History
from fw_mcp.store.journal import Change, End, Intent, Item, Journal, Step, Unsettled
from fw_mcp.store.locks import Fence
from fw_mcp.store.sqlite import Database
from tests.store.conftest import Opening
from tests.store.planned import planned
from tests.support.studio import Clock

pytestmark = pytest.mark.anyio

SUN = {"guid": "1f", "title": "Sun"}
FOG = {"guid": "1f", "title": "Fog"}
INTENTS = {
    0: Intent("1f", SUN, FOG),
    1: Intent("2e", {"guid": "2e", "title": "Rain"}, {"guid": "2e", "title": None}),
}
ENDS = {0: End("1f", "updated", after=SUN), 1: End("2e", "failed", "No.")}
CHANGE = Change(
    "c1",
    "update_image_metadata",
    "stdio:host",
    "{}",
    "d",
    "0123456789abcdef",
    "plan",
    baseline='{"newest_id":7,"guids":[]}',
)
KIND = "update_images"


async def begin(
    journal: Journal, intents: Mapping[int, Intent], change: Change = CHANGE, kind: str = KIND
) -> None:
    """Begin a write of a call that is alone at it."""
    async with journal.database.exclusive(change.change_id) as fence:
        await journal.begin(change, kind, intents, fence)


async def row(database: Store, item: int = 0) -> dict[str, Any]:
    """A row of the items, as the database keeps it."""

    def work(connection: Connection) -> dict[str, Any]:
        rows = connection.execute("SELECT * FROM items WHERE item = ?", (item,))
        return dict(rows.fetchone())

    return await database.run(work)


@asynccontextmanager
async def reopened(database: Store) -> AsyncIterator[Store]:
    """The same store, as another process of the same account sees it."""
    other = database.of(database.account)
    yield other
    other.close()


@pytest.fixture
def clock() -> Clock:
    """Give a clock that is moved by hand."""
    return Clock()


@pytest.fixture
def journal(alone: Store, clock: Clock) -> Journal:
    """Give an empty journal."""
    return Journal(alone, clock)


@pytest.fixture
def history(journal: Journal) -> History:
    """Read that journal."""
    return History(journal.database)


async def test_what_is_about_to_be_sent_is_on_the_disk_first(opened: Opening) -> None:
    """Who, what, and what stood there: it is what undo reads."""
    clock, database = Clock(), opened("mine")
    await begin(Journal(database, clock), INTENTS)
    async with reopened(database) as other:
        assert await History(other).change("c1") == replace(CHANGE, begun_at=clock())
        first, second = await History(other).items("c1")
    assert first == Item(
        change_id="c1",
        item=0,
        kind="update_images",
        guid="1f",
        sent=SUN,
        before=FOG,
        after=None,
        outcome=None,
        detail="",
        doubled=False,
        place=1,
        begun_at=clock(),
        finished_at=None,
    )
    assert (second.item, second.place, second.unsettled) == (1, 2, True)
    database.close()


async def test_what_was_read_back_is_kept_with_what_was_sent(
    journal: Journal, history: History, clock: Clock
) -> None:
    """And when."""
    await begin(journal, INTENTS)
    begun = await history.items("c1")
    clock.forward(2)
    await journal.finish("c1", ENDS)
    assert await history.items("c1") == [
        replace(begun[0], outcome="updated", after=SUN, finished_at=clock()),
        replace(begun[1], outcome="failed", detail="No.", finished_at=clock()),
    ]
    assert not any(one.unsettled for one in await history.items("c1"))


async def test_an_end_may_tell_what_the_intent_could_not(
    journal: Journal, history: History
) -> None:
    """The guid of an image that was added, and what it replaces; what it leaves out stays."""
    await begin(journal, {0: Intent(None, SUN)}, kind="add_images")
    await journal.finish("c1", {0: End("9a", "created", doubled=True, before=FOG)})
    (item,) = await history.items("c1")
    assert (item.guid, item.doubled, item.before) == ("9a", True, FOG)
    await journal.finish("c1", {0: End(None, "unknown", "Later.")})
    (item,) = await history.items("c1")
    assert (item.guid, item.doubled, item.before, item.after) == ("9a", False, FOG, None)


async def test_the_writes_of_one_call_belong_to_one_change(
    journal: Journal, history: History, clock: Clock
) -> None:
    """It keeps when and with what it began, whatever a later run says."""
    await begin(journal, {0: INTENTS[0]})
    began = clock()
    clock.forward(3)
    later = replace(CHANGE, baseline=None, seen='{"1f":"other"}', arguments='{"a":1}')
    await begin(journal, {1: INTENTS[1]}, later)
    assert await history.change("c1") == replace(CHANGE, begun_at=began)
    items = await history.items("c1")
    assert [(one.place, one.begun_at) for one in items] == [(1, began), (2, began + 3)]


async def test_an_item_that_is_written_again_is_what_the_later_run_makes_of_it(
    journal: Journal, history: History, clock: Clock
) -> None:
    """Nothing of the former run is left in its row; the other items keep theirs."""
    await begin(journal, INTENTS)
    await journal.finish("c1", {0: End("1f", "unknown", "Lost.", FOG, doubled=True), 1: ENDS[1]})
    clock.forward(5)
    await begin(journal, {0: Intent("3d", {"title": "Snow"})}, kind="add_images")
    again, other = await history.items("c1")
    assert again == Item(
        change_id="c1",
        item=0,
        kind="add_images",
        guid="3d",
        sent={"title": "Snow"},
        before=None,
        after=None,
        outcome=None,
        detail="",
        doubled=False,
        place=3,
        begun_at=clock(),
        finished_at=None,
    )
    assert (other.outcome, other.place) == ("failed", 2)


async def test_a_change_that_is_gone_on_with_is_open_again(
    journal: Journal, history: History, clock: Clock
) -> None:
    """It had ended; now it may be cut off."""
    await begin(journal, INTENTS)
    assert await journal.end("c1", {})
    clock.forward(60)
    await begin(journal, INTENTS)
    assert await history.change("c1") == replace(CHANGE, begun_at=clock() - 60)


async def test_a_call_ends_with_what_it_told_of_items_that_it_did_not_send(
    journal: Journal, history: History, clock: Clock
) -> None:
    """They have no endpoint; an item that was sent keeps what is on record, and what was told."""
    await begin(journal, INTENTS)
    await journal.finish("c1", ENDS)
    sent = await history.items("c1")
    clock.forward(5)
    rest = {1: End("2e", "not_attempted"), 2: End("3d", "already_gone", "Gone.", None, before=FOG)}
    assert await journal.end("c1", rest) is True
    assert await history.change("c1") == replace(CHANGE, begun_at=clock() - 5, ended_at=clock())
    *kept, unsent = await history.items("c1")
    assert kept == [sent[0], replace(sent[1], told=("not_attempted", ""))]
    assert (unsent.item, unsent.kind, unsent.guid, unsent.sent) == (2, "", "3d", None)
    assert (unsent.before, unsent.outcome, unsent.detail) == (FOG, "already_gone", "Gone.")
    assert (unsent.begun_at, unsent.finished_at) == (clock(), clock())


async def test_an_item_that_was_not_sent_may_be_told_anew_or_sent_later(
    journal: Journal, history: History
) -> None:
    """A call that goes on does what its former run left."""
    await begin(journal, {0: INTENTS[0]})
    await journal.end("c1", {1: End("2e", "not_attempted", "No time."), 2: End("3d", "failed")})
    await journal.end("c1", {1: End("2e", "not_found", "Gone."), 2: End("3d", "failed")})
    assert [one.detail for one in await history.items("c1")] == ["", "Gone.", ""]
    await begin(journal, {1: INTENTS[1]})
    item = (await history.items("c1"))[1]
    assert (item.kind, item.outcome, item.detail, item.unsettled) == (KIND, None, "", True)


async def test_what_was_not_sent_has_nothing_to_be_settled(
    journal: Journal, history: History
) -> None:
    """An undo tells `unknown` of items that the undone call left so, and sends nothing."""
    await begin(journal, {0: INTENTS[0]})
    await journal.finish("c1", {0: ENDS[0]})
    await journal.end("c1", {1: End("2e", "unknown")})
    assert [one.unsettled for one in await history.items("c1")] == [False, False]
    assert await journal.unsettled() == []


async def test_a_call_that_sent_nothing_leaves_no_trace(journal: Journal, history: History) -> None:
    """What it told is not kept either."""
    assert await journal.end("c1", {0: End("1f", "not_attempted")}) is False
    assert (await history.change("c1"), await history.items("c1")) == (None, [])


async def test_unsettled_changes_are_found_oldest_first(opened: Opening) -> None:
    """By the next process too: without an outcome, or with one that is not known."""
    clock, database = Clock(), opened("mine")
    journal = Journal(database, clock)
    began = clock()
    deletion = replace(CHANGE, change_id="c2", tool="delete_images")
    await begin(journal, INTENTS, deletion, "delete_images")
    await begin(journal, INTENTS, replace(CHANGE, change_id="done"))
    await journal.finish("done", ENDS)
    # A clock that is set back changes no order.
    clock.forward(-100)
    await begin(journal, INTENTS)
    await journal.finish("c1", {**ENDS, 0: End("1f", "unknown")})
    database.close()
    async with reopened(database) as other:
        again = Journal(other, clock)
        assert await again.unsettled() == [
            Unsettled("c2", "delete_images", began, False, 2),
            Unsettled("c1", "update_image_metadata", began - 100, True, 1),
        ]
        await again.finish("c2", {0: End("1f", "deleted")})
        await again.finish("c1", ENDS)
        assert await again.unsettled() == [Unsettled("c2", "delete_images", began, False, 1)]


@pytest.mark.parametrize("alone", ["sqlite"], indirect=True)
async def test_looking_for_unsettled_changes_reads_no_settled_one(journal: Journal) -> None:
    """However long the journal is: only the short index of open items is gone through."""
    plan = await planned(journal.database, journal.unsettled)
    # Whether an index covers a query depends on the SQLite.
    steps = {step.replace(" COVERING", "") for step in plan}
    assert [step for step in steps if step.startswith("SCAN")] == []
    assert "SEARCH items USING INDEX items_open (account=?)" in steps


@pytest.mark.parametrize("alone", ["sqlite"], indirect=True)
async def test_a_place_is_found_without_going_through_the_journal(journal: Journal) -> None:
    """However long it is, a write that begins waits for no more than the newest rows.

    And for those that are open, where metrics are counted in this process.
    """
    plan = await planned(journal.database, lambda: begin(journal, {}))
    assert [step for step in plan if "SCAN" in step] == []
    steps = {step.replace(" COVERING", "") for step in plan}
    assert steps - {"SEARCH items USING INDEX items_open (account=?)"} == {
        "SEARCH changes USING INDEX changes_newest (account=?)",
        "SEARCH items USING INDEX items_newest (account=?)",
    }


async def test_two_accounts_at_the_same_call_are_not_in_each_others_way(opened: Opening) -> None:
    """Even under one id, each has its own change, and no write of one ends the other's."""
    clock = Clock()
    one, other = (Journal(opened(name), clock) for name in ("one", "other"))
    async with one.database.exclusive("c1") as fence, other.database.exclusive("c1") as theirs:
        await one.begin(CHANGE, KIND, INTENTS, fence)
        assert await other.unsettled() == []
        assert await other.end("c1", {}) is False
        await other.begin(replace(CHANGE, caller="them"), KIND, INTENTS, theirs)
    await other.finish("c1", ENDS)
    assert await other.end("c1", {2: End("3d", "not_found")}) is True
    (left,) = await one.unsettled()
    assert (left.items, await other.unsettled()) == (2, [])
    change = await History(one.database).change("c1")
    assert change == replace(CHANGE, begun_at=clock())
    assert [one.place for one in await History(one.database).items("c1")] == [1, 2]
    assert [one.place for one in await History(other.database).items("c1")] == [1, 2, 3]


async def test_nothing_is_begun_once_the_names_were_given_back(
    journal: Journal, history: History
) -> None:
    """Whoever has them now may be at the same change: nothing may be sent."""
    async with journal.database.exclusive("c1") as fence:
        assert fence.held
    with pytest.raises(GuardError) as refused:
        await journal.begin(CHANGE, KIND, INTENTS, fence)
    assert refused.value.reason is Reason.STILL_RUNNING
    assert (await history.change("c1"), await history.items("c1")) == (None, [])


async def test_each_step_of_a_write_is_told_when_it_is_reached() -> None:
    """The intent is on the disk before it is told; a journal that nobody watches is silent."""
    seen: list[Step] = []
    journal = Journal(Database(None), Clock(), reached=seen.append)
    await begin(journal, INTENTS)
    await journal.finish("c1", ENDS)
    await journal.end("c1", {})
    assert seen == [
        Step.BEFORE_INTENT,
        Step.INTENT_RECORDED,
        Step.OUTCOME_RECORDED,
        Step.RESULT_RECORDED,
    ]


async def test_places_grow_with_each_row(journal: Journal, history: History) -> None:
    """By them, not by the clock, it is told what was written first."""
    for _ in range(3):
        await begin(journal, INTENTS)
    await begin(journal, INTENTS, replace(CHANGE, change_id="c2"))
    assert [one.place for one in await history.items("c1")] == [5, 6]
    assert [one.place for one in await history.items("c2")] == [7, 8]


ODD = "\ud83d \0 \n 霧"


async def test_any_text_of_the_service_can_be_kept(journal: Journal, history: History) -> None:
    """Half an emoji, control characters, any script; numbers that JSON does not know."""
    record = {"title": ODD, "id": 1e400, "pix_w": 2.5e-308}
    await begin(journal, {0: Intent(ODD, record, record)})
    await journal.finish("c1", {0: End(ODD, "failed", ODD, record)})
    await journal.end("c1", {1: End(ODD, "failed", ODD, record, before=record)})
    for item in await history.items("c1"):
        assert (item.guid, item.detail, item.before, item.after) == (ODD, ODD, record, record)
    assert (await history.items("c1"))[0].sent == {**record, "id": math.inf}
    kept = await row(journal.database)
    texts = [one for one in kept.values() if isinstance(one, str)]
    assert all(one.isascii() and "\0" not in one for one in texts)


async def test_what_cannot_be_recorded_raises_before_anything_is_sent(tmp_path: Path) -> None:
    """The caller must not send."""
    seen: list[Step] = []
    journal = Journal(Database(tmp_path), Clock(), reached=seen.append)
    with pytest.raises(StoreError, match="Nothing was sent"):
        await journal.begin(CHANGE, KIND, INTENTS, Fence())
    with pytest.raises(StoreError):
        await journal.unsettled()
    assert seen == [Step.BEFORE_INTENT]
