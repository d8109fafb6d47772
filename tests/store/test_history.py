"""The journal, read: what a call did, and what is let go of."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from fw_mcp.store.history import History, Item, items_of
from fw_mcp.store.journal import Change, Journal, Record
from fw_mcp.store.sqlite import Database
from tests.store.planned import planned
from tests.studio import Clock

pytestmark = pytest.mark.anyio

CHANGE = Change("c1", "delete_images", "stdio:host", '{"guids": []}', "digest")


class Kept:
    """A journal that tests write, and its history."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.database = Database(None)
        self.journal = Journal(self.database, self.clock, "1-a", account="mine")
        self.history = History(self.database)

    async def write(self, change: Change, *outcomes: str | None, first: int = 0) -> int:
        """An entry of so many items that ended so; cut off when one has no outcome."""
        intent = [{"item": first + n, "guid": f"g{first + n}"} for n in range(len(outcomes))]
        entry_id = await self.journal.begin(change, "delete_images", intent, intent)
        if None not in outcomes:
            await self.journal.finish(entry_id, ended(outcomes, first))
        return entry_id


def ended(outcomes: Sequence[str | None], first: int = 0) -> list[Record]:
    """The records of an outcome."""
    return [
        {"item": first + n, "guid": f"g{first + n}", "outcome": one, "detail": "", "after": None}
        for n, one in enumerate(outcomes)
    ]


def named(change_id: str, undoes: str | None = None) -> Change:
    """A change of that id."""
    return replace(CHANGE, change_id=change_id, undoes=undoes)


@pytest.fixture
def kept() -> Kept:
    """An empty journal in memory."""
    return Kept()


async def test_a_change_is_found_by_its_id(kept: Kept) -> None:
    """As it was recorded, with its process and times; none of another id."""
    await kept.write(CHANGE, "deleted")
    kept.clock.forward(3)
    await kept.journal.end("c1", "{}")
    at = kept.clock()
    assert await kept.history.change("c1") == replace(
        CHANGE, account="mine", owner="1-a", begun_at=at - 3, ended_at=at, result="{}"
    )
    assert await kept.history.change("c2") is None
    assert await kept.history.change("%") is None


async def test_the_entries_of_a_change_are_found_oldest_first(kept: Kept) -> None:
    """Those of other changes are not among them."""
    first = await kept.write(CHANGE, "deleted", "unknown")
    await kept.write(named("c2"), "deleted")
    second = await kept.write(CHANGE, None, first=2)
    entries = await kept.history.entries("c1")
    assert [one.entry_id for one in entries] == [first, second]
    assert [one.unsettled for one in entries] == [True, True]
    assert entries[0].outcome == ended(("deleted", "unknown"))
    assert (entries[1].intent, entries[1].outcome) == ([{"item": 2, "guid": "g2"}], [])
    assert await kept.history.entries("c3") == []


async def test_an_entry_is_found_by_its_id(kept: Kept) -> None:
    """Settled once each outcome is known."""
    entry_id = await kept.write(CHANGE, "deleted", "failed")
    entry = await kept.history.entry(entry_id)
    assert entry is not None
    assert (entry.change_id, entry.kind, entry.unsettled) == ("c1", "delete_images", False)
    assert await kept.history.entry(entry_id + 1) is None


@pytest.mark.parametrize(
    ("call", "age_s", "found"),
    [
        (("delete_images", "stdio:host", "digest", "mine"), 600, True),
        (("delete_images", "stdio:host", "digest", "mine"), 599.9, False),
        (("add_images", "stdio:host", "digest", "mine"), 600, False),
        (("delete_images", "stdio:other", "digest", "mine"), 600, False),
        (("delete_images", "stdio:host", "other", "mine"), 600, False),
        (("delete_images", "stdio:host", "digest", "another"), 600, False),
        (("delete_images", "stdio:host", "digest", ""), 600, False),
    ],
)
async def test_the_same_call_of_the_same_caller_is_found_for_a_while(
    kept: Kept, call: tuple[str, str, str, str], age_s: float, found: bool
) -> None:
    """Another tool, caller, account, or other arguments are another call."""
    await kept.write(CHANGE, "deleted")
    kept.clock.forward(600)
    tool, caller, digest, account = call
    since = kept.clock() - age_s
    change = await kept.history.alike(tool, caller, digest, since, account=account)
    assert (change is not None) is found


async def alike(kept: Kept, since: float) -> Change | None:
    """What is found of the one call that these tests make."""
    return await kept.history.alike("delete_images", "stdio:host", "digest", since, account="mine")


async def test_a_call_is_as_old_as_the_last_that_was_done_of_it(kept: Kept) -> None:
    """It ran for long, or was gone on with: its start does not count."""
    await kept.write(CHANGE, "deleted")
    kept.clock.forward(100)
    went_on = kept.clock()
    await kept.write(CHANGE, "deleted", first=1)
    assert await alike(kept, went_on) is not None
    assert await alike(kept, went_on + 1) is None
    kept.clock.forward(100)
    await kept.journal.end("c1", "{}")
    assert await alike(kept, kept.clock()) is not None
    assert await alike(kept, kept.clock() + 1) is None


async def test_looking_for_the_same_call_goes_by_the_digest_of_its_arguments(kept: Kept) -> None:
    """However many changes there are, and however many entries each has."""
    plan = await planned(kept.database, lambda: alike(kept, 0))
    assert [step for step in plan if "SCAN" in step] == []
    assert "SEARCH changes USING INDEX changes_alike (arguments_digest=?)" in plan


async def test_of_calls_alike_the_newest_is_found(kept: Kept) -> None:
    """Of two in the same moment, the one that was recorded last."""
    for change_id in ("c1", "c2", "c3"):
        await kept.write(named(change_id), "deleted")
    change = await alike(kept, 0)
    assert change is not None
    assert change.change_id == "c3"


async def test_what_took_a_change_back_is_found_oldest_first(kept: Kept) -> None:
    """And told in its summary."""
    await kept.write(CHANGE, "deleted")
    await kept.write(named("c2", undoes="c1"), "created")
    kept.clock.forward(1)
    await kept.write(named("c3", undoes="c1"), "created")
    assert [one.change_id for one in await kept.history.undoing("c1")] == ["c2", "c3"]
    assert await kept.history.undoing("c2") == []
    summary = await kept.history.summary("c1")
    assert summary is not None
    assert (summary.undone_by, summary.undoes) == (("c2", "c3"), None)


async def test_the_guids_that_were_named_since_are_found(kept: Kept) -> None:
    """In an intent or an outcome, by an entry that began or finished since then."""
    early = await kept.write(CHANGE, None)
    await kept.write(CHANGE, "deleted", first=1)
    kept.clock.forward(10)
    moment = kept.clock()
    assert await kept.history.guids_named_since(moment) == set()
    await kept.journal.finish(early, [{"item": 0, "guid": "found", "outcome": "adopted"}])
    late = await kept.write(named("c2"), "deleted", first=5)
    assert await kept.history.guids_named_since(moment) == {"g0", "found", "g5"}
    assert await kept.history.guids_named_since(moment, besides_entry=late) == {"g0", "found"}
    assert await kept.history.guids_named_since(moment, besides_change="c1") == {"g5"}


async def test_looking_for_what_was_named_since_reads_nothing_older(kept: Kept) -> None:
    """However long the journal is."""
    plan = await planned(kept.database, lambda: kept.history.guids_named_since(kept.clock()))
    assert plan == ["SEARCH journal USING INDEX journal_since (<expr>>?)"]


async def test_a_page_tells_the_newest_changes_first(kept: Kept) -> None:
    """And how many there are in all."""
    for number in range(5):
        await kept.write(named(f"c{number}"), "deleted")
        kept.clock.forward(1)
    pages = [await kept.history.page(number, 2) for number in (1, 2, 3, 4)]
    assert [[one.change_id for one in page] for page, _ in pages] == [
        ["c4", "c3"],
        ["c2", "c1"],
        ["c0"],
        [],
    ]
    assert {count for _, count in pages} == {5}


async def test_outcomes_are_counted_once_an_item_as_its_last_run_ended_it(kept: Kept) -> None:
    """What was cut off counts as unfinished, until it is done."""
    await kept.write(CHANGE, "deleted", "unknown", "failed")
    await kept.write(CHANGE, None, None, first=3)
    summary = await kept.history.summary("c1")
    assert summary is not None
    assert summary.outcomes == {"deleted": 1, "unknown": 1, "failed": 1, "unfinished": 2}
    assert not summary.finished
    await kept.write(CHANGE, "deleted", "deleted", "deleted", "deleted", first=1)
    summary = await kept.history.summary("c1")
    assert summary is not None
    assert summary.outcomes == {"deleted": 5}
    assert await kept.history.summary("c2") is None


async def test_each_item_is_told_as_its_last_run_ended_it(kept: Kept) -> None:
    """In the order of the call, with the name that was read."""
    await kept.write(CHANGE, "deleted", "unknown")
    await kept.write(CHANGE, "failed", first=1)
    await kept.write(CHANGE, None, first=2)
    entries = await kept.history.entries("c1")
    assert items_of(entries) == [
        Item("g0", None, "deleted", ""),
        Item("g1", None, "failed", ""),
        Item("g2", None, "unfinished", ""),
    ]


async def test_everything_is_told_oldest_first_however_much_it_is(kept: Kept) -> None:
    """Each change with its own entries."""
    for number in range(23):
        await kept.write(named(f"c{number:02}"), "deleted")
    await kept.write(named("c00"), "deleted", first=1)
    told = [(change, entries) async for change, entries in kept.history.everything()]
    assert [change.change_id for change, _ in told] == [f"c{number:02}" for number in range(23)]
    assert [len(entries) for _, entries in told] == [2] + [1] * 22
    assert {entry.change_id for _, entries in told[1:2] for entry in entries} == {"c01"}


async def test_what_is_old_is_let_go_of_with_its_entries(kept: Kept) -> None:
    """What ended since, and what is not known, stays however old it is."""
    for number in range(25):
        await kept.write(named(f"old{number}"), "deleted")
    await kept.write(named("unknown"), "deleted", "unknown")
    await kept.write(named("cut off"), None)
    await kept.write(named("ended since"), "deleted")
    kept.clock.forward(100)
    await kept.journal.end("ended since", "{}")
    await kept.write(named("new"), "deleted")
    assert await kept.history.forget(kept.clock() - 1) == 25
    left, count = await kept.history.page(1, 50)
    assert count == 4
    assert {one.change_id for one in left} == {"unknown", "cut off", "ended since", "new"}
    assert await kept.history.entries("old1") == []
    assert await kept.history.forget(kept.clock() - 1) == 0


WHOLE = replace(CHANGE, seen='{"g0": "state"}')


async def test_what_only_a_call_that_goes_on_reads_is_emptied(kept: Kept) -> None:
    """What was asked, how the images stood, and the answer; what was done stays, to be undone."""
    for number in range(150):
        await kept.write(replace(WHOLE, change_id=f"c{number}"), "deleted")
        await kept.journal.end(f"c{number}", '{"status":"completed"}')
    entries = await kept.history.entries("c1")
    before = await kept.history.change("c1")
    assert before is not None
    kept.clock.forward(1)
    assert await kept.history.slim(kept.clock()) == 150
    assert await kept.history.change("c1") == replace(
        before, arguments="{}", seen="{}", result=None
    )
    assert await kept.history.entries("c1") == entries
    assert await kept.history.slim(kept.clock()) == 0


async def test_a_cut_off_change_is_emptied_too_once_it_is_settled(kept: Kept) -> None:
    """It has no answer, yet what was asked may be long."""
    await kept.write(CHANGE, "deleted")
    await kept.write(replace(CHANGE, change_id="c2"), None)
    await kept.write(replace(CHANGE, change_id="c3"), "deleted", "unknown")
    kept.clock.forward(1)
    assert await kept.history.slim(kept.clock()) == 1
    kept_whole = [await kept.history.change(one) for one in ("c1", "c2", "c3")]
    assert [one and one.arguments for one in kept_whole] == [
        "{}",
        CHANGE.arguments,
        CHANGE.arguments,
    ]


async def test_what_was_worked_on_since_stays_whole(kept: Kept) -> None:
    """It was begun long ago, and gone on with or ended a moment ago."""
    for change_id in ("gone on with", "ended", "neither"):
        await kept.write(replace(WHOLE, change_id=change_id), "deleted")
    kept.clock.forward(100)
    await kept.write(replace(WHOLE, change_id="gone on with"), "deleted", first=1)
    await kept.journal.end("ended", "{}")
    assert await kept.history.slim(kept.clock()) == 1
    for change_id, seen in (("gone on with", WHOLE.seen), ("ended", WHOLE.seen), ("neither", "{}")):
        change = await kept.history.change(change_id)
        assert change is not None
        assert change.seen == seen


async def test_looking_for_what_can_be_emptied_passes_over_what_is_empty(kept: Kept) -> None:
    """A year's journal is not gone through each day."""
    plan = await planned(kept.database, lambda: kept.history.slim(kept.clock()))
    assert [step for step in plan if step.startswith("SCAN")] == []
    assert "SEARCH changes USING INDEX changes_whole (begun_at<?)" in plan
