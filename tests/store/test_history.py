"""The journal, read: what a call did, and what is let go of."""

from dataclasses import replace

import pytest

from fw_mcp.store.database import Store
from fw_mcp.store.history import History, Summary
from fw_mcp.store.journal import Change, End, Intent, Journal
from tests.store.conftest import Opening
from tests.store.planned import planned
from tests.support.studio import Clock

pytestmark = pytest.mark.anyio

CHANGE = Change("c1", "delete_images", "stdio:host", '{"guids": []}', "digest")
KIND = "delete_images"


class Kept:
    """A journal that tests write, and its history."""

    def __init__(self, database: Store, clock: Clock) -> None:
        self.clock = clock
        self.database = database
        self.journal = Journal(database, clock)
        self.history = History(database)

    async def write(self, change: Change, *outcomes: str | None, first: int = 0) -> None:
        """Items that are sent and end so; one without an outcome is cut off."""
        guids = {first + n: f"g{first + n}" for n in range(len(outcomes))}
        intents = {item: Intent(guid, {"guid": guid}) for item, guid in guids.items()}
        async with self.database.exclusive(change.change_id) as fence:
            await self.journal.begin(change, KIND, intents, fence)
        ended = dict(zip(guids, outcomes, strict=True))
        ends = {item: End(guids[item], one) for item, one in ended.items() if one is not None}
        await self.journal.finish(change.change_id, ends)


def named(change_id: str, undoes: str | None = None) -> Change:
    """A change of that id."""
    return replace(CHANGE, change_id=change_id, undoes=undoes)


@pytest.fixture
def kept(alone: Store) -> Kept:
    """An empty journal."""
    return Kept(alone, Clock())


async def test_a_change_is_found_by_its_id(kept: Kept) -> None:
    """As it was recorded, with its times; none of another id."""
    await kept.write(CHANGE, "deleted")
    kept.clock.forward(3)
    await kept.journal.end("c1", {})
    at = kept.clock()
    assert await kept.history.change("c1") == replace(CHANGE, begun_at=at - 3, ended_at=at)
    assert await kept.history.change("c2") is None
    assert await kept.history.change("%") is None


async def test_the_items_of_a_change_are_found_in_the_order_of_the_call(kept: Kept) -> None:
    """Of every kind, whichever was written first; those of other changes are not among them."""
    await kept.write(CHANGE, None, "unknown", first=5)
    await kept.write(named("c2"), "deleted")
    await kept.write(CHANGE, "deleted", first=1)
    await kept.journal.end("c1", {3: End("g3", "not_attempted")})
    items = await kept.history.items("c1")
    told = [(one.item, one.kind, one.guid, one.outcome, one.unsettled) for one in items]
    assert told == [
        (1, KIND, "g1", "deleted", False),
        (3, "", "g3", "not_attempted", False),
        (5, KIND, "g5", None, True),
        (6, KIND, "g6", "unknown", True),
    ]
    assert await kept.history.items("c3") == []


@pytest.mark.parametrize(
    ("call", "age_s", "found"),
    [
        (("delete_images", "stdio:host", "digest"), 600, True),
        (("delete_images", "stdio:host", "digest"), 599.9, False),
        (("add_images", "stdio:host", "digest"), 600, False),
        (("delete_images", "stdio:other", "digest"), 600, False),
        (("delete_images", "stdio:host", "other"), 600, False),
    ],
)
async def test_the_same_call_of_the_same_caller_is_found_for_a_while(
    kept: Kept, call: tuple[str, str, str], age_s: float, found: bool
) -> None:
    """Another tool, caller, or other arguments are another call."""
    await kept.write(CHANGE, "deleted")
    kept.clock.forward(600)
    change = await kept.history.alike(*call, kept.clock() - age_s)
    assert (change is not None) is found


async def alike(kept: Kept, since: float) -> Change | None:
    """What is found of the one call that these tests make."""
    return await kept.history.alike("delete_images", "stdio:host", "digest", since)


async def test_a_call_is_as_old_as_the_last_that_was_done_of_it(kept: Kept) -> None:
    """It ran for long, or was gone on with: its start does not count."""
    await kept.write(CHANGE, "deleted")
    kept.clock.forward(100)
    went_on = kept.clock()
    await kept.write(CHANGE, "deleted", first=1)
    assert await alike(kept, went_on) is not None
    assert await alike(kept, went_on + 1) is None
    kept.clock.forward(100)
    await kept.journal.end("c1", {})
    assert await alike(kept, kept.clock()) is not None
    assert await alike(kept, kept.clock() + 1) is None


async def test_a_clock_that_is_set_back_makes_no_call_older(kept: Kept) -> None:
    """Or the same call, made once the clock is right again, would be made twice."""
    await kept.write(CHANGE, "deleted")
    at = kept.clock()
    kept.clock.forward(-3600)
    await kept.write(CHANGE, "deleted", first=1)
    await kept.journal.end("c1", {})
    assert await alike(kept, at) is not None
    assert await kept.history.forget(at) == 0


@pytest.mark.parametrize("alone", ["sqlite"], indirect=True)
async def test_looking_for_the_same_call_goes_by_the_digest_of_its_arguments(kept: Kept) -> None:
    """However many changes there are, and however many items each has."""
    plan = await planned(kept.database, lambda: alike(kept, 0))
    index = "changes_alike (account=? AND arguments_digest=? AND worked_at>?)"
    assert plan == [f"SEARCH changes USING INDEX {index}", "USE TEMP B-TREE FOR ORDER BY"]


async def test_of_calls_alike_the_newest_is_found(kept: Kept) -> None:
    """Of two in the same moment, or with the clock set back, the one that was recorded last."""
    for change_id in ("c1", "c2", "c3"):
        await kept.write(named(change_id), "deleted")
    change = await alike(kept, 0)
    assert change is not None
    assert change.change_id == "c3"


async def test_what_took_a_change_back_is_found_oldest_first(kept: Kept) -> None:
    """And told in its summary."""
    await kept.write(CHANGE, "deleted")
    await kept.write(named("c2", undoes="c1"), "created")
    kept.clock.forward(-1)
    await kept.write(named("c3", undoes="c1"), "created")
    assert [one.change_id for one in await kept.history.undoing("c1")] == ["c2", "c3"]
    assert await kept.history.undoing("c2") == []
    summary = await kept.history.summary("c1")
    assert summary is not None
    assert (summary.undone_by, summary.undoes) == (("c2", "c3"), None)


@pytest.mark.parametrize("alone", ["sqlite"], indirect=True)
async def test_looking_for_what_took_a_change_back_reads_nothing_else(kept: Kept) -> None:
    """However many changes there are."""
    plan = await planned(kept.database, lambda: kept.history.undoing("c1"))
    assert plan == ["SEARCH changes USING INDEX changes_undoing (account=? AND undoes=?)"]


async def test_the_guids_that_were_named_since_are_found(kept: Kept) -> None:
    """In an intent or an outcome, by an item that began or finished since then."""
    await kept.write(CHANGE, None, "deleted", None)
    kept.clock.forward(10)
    moment = kept.clock()
    assert await kept.history.guids_named_since(moment) == set()
    await kept.journal.finish("c1", {0: End("found", "adopted"), 2: End(None, "failed")})
    await kept.write(named("c2"), "deleted", None, first=5)
    named_since = kept.history.guids_named_since
    assert await named_since(moment) == {"found", "g2", "g5", "g6"}
    assert await named_since(moment, besides_change="c1") == {"g5", "g6"}
    assert await named_since(moment, besides_change="c2", besides_items=[5]) == {
        "found",
        "g2",
        "g6",
    }
    assert await named_since(moment, besides_change="c1", besides_items={5, 0}) == {
        "g2",
        "g5",
        "g6",
    }
    assert await named_since(moment + 1) == set()


async def test_what_was_not_sent_names_nothing(kept: Kept) -> None:
    """It touched no image; one without a guid names none."""
    async with kept.database.exclusive("c1") as fence:
        await kept.journal.begin(CHANGE, "add_images", {0: Intent(None, {})}, fence)
    await kept.journal.end("c1", {1: End("g1", "already_gone")})
    assert await kept.history.guids_named_since(0) == set()


@pytest.mark.parametrize("alone", ["sqlite"], indirect=True)
async def test_looking_for_what_was_named_since_reads_nothing_older(kept: Kept) -> None:
    """However long the journal is."""
    plan = await planned(kept.database, lambda: kept.history.guids_named_since(kept.clock()))
    assert [step for step in plan if step.startswith("SEARCH")] == [
        "SEARCH items USING INDEX items_since (account=? AND <expr>>?)",
        "SEARCH items USING INDEX items_newest (account=? AND place>?)",
    ]
    assert not any(step.startswith("SCAN") for step in plan)


async def test_whether_a_change_went_on_after_another_is_told_by_places(kept: Kept) -> None:
    """Not by a clock; what was not sent counts for nothing, what was sent again does not move."""
    await kept.write(CHANGE, "deleted", "failed")
    await kept.write(named("c2", undoes="c1"), "created")
    first = await kept.history.first_place("c2")
    assert await kept.history.last_place("c1") < first
    await kept.journal.end("c1", {7: End("g7", "not_attempted")})
    assert await kept.history.last_place("c1") < first
    kept.clock.forward(-100)
    await kept.write(CHANGE, "deleted", first=1)
    assert await kept.history.last_place("c1") > first
    await kept.write(named("c2", undoes="c1"), "created")
    assert await kept.history.first_place("c2") == first
    assert await kept.history.last_place("c2") > await kept.history.last_place("c1")
    assert await kept.history.first_place("c3") == await kept.history.last_place("c3") == 0


@pytest.mark.parametrize("alone", ["sqlite"], indirect=True)
async def test_looking_for_the_last_place_reads_the_one_change(kept: Kept) -> None:
    """However long the journal is."""
    plan = await planned(kept.database, lambda: kept.history.last_place("c1"))
    (step,) = plan
    assert "sqlite_autoindex_items_1 (account=? AND change_id=?)" in step


async def test_a_page_tells_the_newest_changes_first(kept: Kept) -> None:
    """And how many there are in all; by when they were recorded, whatever the clock said."""
    for number in range(5):
        await kept.write(named(f"c{number}"), "deleted")
        kept.clock.forward(-1)
    pages = [await kept.history.page(number, 2) for number in (1, 2, 3, 4)]
    assert [[one.change_id for one in page] for page, _ in pages] == [
        ["c4", "c3"],
        ["c2", "c1"],
        ["c0"],
        [],
    ]
    assert {count for _, count in pages} == {5}


@pytest.mark.parametrize("alone", ["sqlite"], indirect=True)
async def test_a_page_goes_through_nothing_but_its_own_changes(kept: Kept) -> None:
    """However long the journal is."""
    await kept.write(CHANGE, "deleted")
    plan = await planned(kept.database, lambda: kept.history.page(1, 25))
    assert [step for step in plan if "SCAN" in step] == []
    assert "SEARCH changes USING INDEX changes_newest (account=?)" in plan


async def test_a_summary_is_told_whole(kept: Kept) -> None:
    """Who did what, on whose yes, and how it ended."""
    change = replace(CHANGE, plan_id="plan", accepted="two_step", undoes="c0")
    await kept.write(change, "deleted")
    assert await kept.history.summary("c1") == Summary(
        change_id="c1",
        tool="delete_images",
        caller="stdio:host",
        client=None,
        plan_id="plan",
        accepted="two_step",
        undoes="c0",
        begun_at=kept.clock(),
        outcomes={"deleted": 1},
        undone_by=(),
    )
    assert await kept.history.summary("c2") is None


async def test_outcomes_are_counted_once_an_item_as_its_last_run_ended_it(kept: Kept) -> None:
    """What was cut off counts as unfinished, until it is done; what was not sent does not count."""
    await kept.write(CHANGE, "failed", "unknown", "deleted")
    await kept.write(CHANGE, None, None, first=3)
    await kept.journal.end("c1", {5: End("g5", "not_attempted")})
    summary = await kept.history.summary("c1")
    assert summary is not None
    assert list(summary.outcomes.items()) == [
        ("failed", 1),
        ("unknown", 1),
        ("deleted", 1),
        ("unfinished", 2),
    ]
    assert not summary.finished
    await kept.write(CHANGE, "deleted", "deleted", "deleted", "deleted", "deleted")
    summary = await kept.history.summary("c1")
    assert summary is not None
    assert (summary.outcomes, summary.finished) == ({"deleted": 5}, True)


async def test_everything_is_told_oldest_first_however_much_it_is(kept: Kept) -> None:
    """Each change with its own items."""
    for number in range(23):
        await kept.write(named(f"c{number:02}"), "deleted")
    await kept.write(named("c00"), "deleted", first=1)
    told = [(change, items) async for change, items in kept.history.everything()]
    assert [change.change_id for change, _ in told] == [f"c{number:02}" for number in range(23)]
    assert [len(items) for _, items in told] == [2] + [1] * 22
    assert all(item.change_id == change.change_id for change, items in told for item in items)


async def test_what_is_old_is_let_go_of_with_its_items(kept: Kept) -> None:
    """What ended since, and what is not known, stays however old it is."""
    for number in range(25):
        await kept.write(named(f"old{number}"), "deleted")
    await kept.journal.end("old1", {1: End("g1", "unknown")})
    await kept.write(named("unknown"), "deleted", "unknown")
    await kept.write(named("cut off"), None)
    await kept.write(named("ended since"), "deleted")
    await kept.write(named("gone on with"), "deleted")
    kept.clock.forward(100)
    await kept.journal.end("ended since", {})
    await kept.write(named("gone on with"), "deleted")
    await kept.write(named("new"), "deleted")
    assert await kept.history.forget(kept.clock() - 1) == 25
    left, count = await kept.history.page(1, 50)
    assert count == 5
    assert {one.change_id for one in left} == {
        "unknown",
        "cut off",
        "ended since",
        "gone on with",
        "new",
    }
    assert await kept.history.items("old1") == []
    assert await kept.history.forget(kept.clock() - 1) == 0


WHOLE = replace(CHANGE, seen='{"g0": "state"}', baseline="{}")


async def test_what_only_a_call_that_goes_on_reads_is_emptied(kept: Kept) -> None:
    """What was asked, and how the images stood; what was done stays, to be undone."""
    for number in range(150):
        await kept.write(replace(WHOLE, change_id=f"c{number}"), "deleted")
        await kept.journal.end(f"c{number}", {1: End("g1", "not_attempted")})
    items = await kept.history.items("c1")
    before = await kept.history.change("c1")
    assert before is not None
    kept.clock.forward(1)
    assert await kept.history.slim(kept.clock()) == 150
    assert await kept.history.change("c1") == replace(before, arguments="{}", seen="{}")
    assert await kept.history.items("c1") == items
    assert await kept.history.slim(kept.clock()) == 0


async def test_a_cut_off_change_is_emptied_too_once_it_is_settled(kept: Kept) -> None:
    """It has no answer, yet what was asked may be long."""
    await kept.write(CHANGE, "deleted")
    await kept.write(named("c2"), None)
    await kept.write(named("c3"), "deleted", "unknown")
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
    await kept.journal.end("ended", {})
    assert await kept.history.slim(kept.clock()) == 1
    for change_id, seen in (("gone on with", WHOLE.seen), ("ended", WHOLE.seen), ("neither", "{}")):
        change = await kept.history.change(change_id)
        assert change is not None
        assert change.seen == seen


@pytest.mark.parametrize("alone", ["sqlite"], indirect=True)
async def test_looking_for_what_can_be_emptied_passes_over_what_is_empty(kept: Kept) -> None:
    """A year's journal is not gone through each day."""
    plan = await planned(kept.database, lambda: kept.history.slim(kept.clock()))
    assert [step for step in plan if step.startswith("SCAN")] == []
    assert "SEARCH old USING INDEX changes_whole (account=? AND worked_at<?)" in plan


@pytest.mark.parametrize("alone", ["sqlite"], indirect=True)
async def test_looking_for_what_can_be_let_go_reads_nothing_newer(kept: Kept) -> None:
    """Whether an outcome is open is told by the short index of open items."""
    plan = await planned(kept.database, lambda: kept.history.forget(kept.clock()))
    assert [step for step in plan if step.startswith("SCAN")] == []
    steps = {step.replace(" COVERING", "") for step in plan}
    assert steps >= {
        "SEARCH old USING INDEX changes_oldest (account=? AND worked_at<?)",
        "SEARCH items USING INDEX items_open (account=? AND change_id=?)",
    }


async def test_what_an_account_did_is_told_to_no_other(opened: Opening) -> None:
    """Promise: one store, many accounts, and each reads, counts and lets go of its own."""
    clock = Clock()
    mine, theirs = (Kept(opened(name), clock) for name in ("mine", "theirs"))
    await theirs.write(named("other"), "deleted", "deleted", None, first=7)
    await mine.write(CHANGE, "deleted")
    await theirs.write(named("back", undoes="c1"), "deleted")
    assert await theirs.history.change("c1") is None
    assert await theirs.history.items("c1") == []
    assert await theirs.history.summary("c1") is None
    assert (await theirs.history.first_place("c1"), await theirs.history.last_place("c1")) == (0, 0)
    assert await mine.history.undoing("c1") == []
    assert await mine.history.guids_named_since(0) == {"g0"}
    page, count = await mine.history.page(1, 25)
    assert ([one.change_id for one in page], count) == (["c1"], 1)
    assert (page[0].outcomes, page[0].undone_by) == ({"deleted": 1}, ())
    assert [change.change_id async for change, _ in mine.history.everything()] == ["c1"]
    found = await alike(mine, 0)
    assert found is not None
    assert found.change_id == "c1"
    assert await Kept(opened("nobody"), clock).history.page(1, 25) == ([], 0)
    clock.forward(1)
    assert (await mine.history.slim(clock()), await mine.history.forget(clock())) == (1, 1)
    assert (await theirs.history.page(1, 25))[1] == 2
    back = await theirs.history.change("back")
    assert back is not None
    assert back.arguments == CHANGE.arguments
