"""Names that replicas take: said again while they are held, and anybody's once nobody does."""

import anyio
import pytest

from fw_mcp.errors import GuardError, Reason, StoreError
from fw_mcp.store.history import History
from fw_mcp.store.journal import Journal
from fw_mcp.store.locks import Fence
from fw_mcp.store.postgres import PostgresStore
from tests.store.test_journal import CHANGE, INTENTS, KIND
from tests.store.test_locks import holder, is_refused, said
from tests.support.postgres import Cutting, Place, running
from tests.support.products import exhaustive
from tests.support.studio import Clock

pytestmark = [pytest.mark.anyio, exhaustive]


def silent_for(place: Place, seconds: float) -> None:
    """As if nobody had said for so long that a name is held."""
    place.do(f"UPDATE names SET seen_at = seen_at - {seconds}")  # noqa: S608  ours


def seen_ago(place: Place) -> float:
    """How long ago that was said last."""
    ((ago,),) = place.rows(
        "SELECT extract(epoch FROM clock_timestamp())::float8 - max(seen_at) FROM names"
    )
    assert isinstance(ago, float)
    return ago


async def taken_over(place: Place, store: PostgresStore) -> Fence:
    """What a process holds whose names another one has taken meanwhile."""
    async with store.exclusive("c1") as fence:
        silent_for(place, 21)
        async with place("mine").exclusive("c1"):
            with pytest.raises(GuardError) as refused:
                await Journal(store, Clock()).begin(CHANGE, KIND, INTENTS, fence)
            assert refused.value.reason is Reason.STILL_RUNNING
    return fence


async def in_doubt(store: PostgresStore, fence: Fence) -> None:
    """Return when another one may have taken the names."""
    with anyio.fail_after(60):
        while fence.is_sure:
            await store.is_taken("another")


async def test_another_replica_is_refused_until_the_first_gives_the_name_back(place: Place) -> None:
    """Promise: the same call is made by one process at a time."""
    database = place("mine")
    with holder(place.url, "a") as first:
        assert said(first) == "taken"
        assert await is_refused(database, "a")
        assert not await is_refused(database, "b")
        with holder(place.url, "a", account="other") as third:
            assert said(third) == "taken"
        first.communicate("end\n", timeout=20)
    assert not await database.is_taken("a")
    assert not await is_refused(database, "a")


async def test_the_name_of_a_killed_replica_is_free_after_twenty_seconds(place: Place) -> None:
    """Promise: the others wait so long, by the database's clock, and then go on."""
    database = place("mine")
    with holder(place.url, "a") as process:
        assert said(process) == "taken"
        process.kill()
        process.wait(timeout=20)
    silent_for(place, 10)
    assert await is_refused(database, "a")
    silent_for(place, 10)
    assert not await database.is_taken("a")
    assert not await is_refused(database, "a")


async def test_nothing_is_begun_under_a_name_that_another_has_taken(place: Place) -> None:
    """Promise: a process that was thought dead, and wakes up, sends nothing."""
    store = place("mine")
    await taken_over(place, store)
    assert await History(store).change("c1") is None
    assert place.rows("SELECT count(*) FROM names") == [(0,)]


async def test_whoever_begins_says_again_that_it_holds_its_names(place: Place) -> None:
    """In the same transaction: nobody takes them in the seconds in which it sends."""
    store = place("mine")
    async with store.exclusive("c1", "call") as fence:
        silent_for(place, 19)
        await Journal(store, Clock()).begin(CHANGE, KIND, INTENTS, fence)
        assert seen_ago(place) < 10


async def test_what_is_held_is_said_again_and_again(place: Place) -> None:
    """For as long as the call takes, whatever it does."""
    server = place.server(beat_every_s=0.02)
    mine, theirs = place("mine", server), place("theirs", server)
    async with mine.exclusive("c1"), theirs.exclusive("c1"):
        silent_for(place, 21)
        with anyio.fail_after(60):
            for store in (mine, theirs):
                # Each look is a transaction, so that the other thread has its turn.
                while not await store.is_taken("c1"):
                    pass
        assert seen_ago(place) < 10


async def test_a_call_that_ended_has_ended_though_its_names_cannot_be_given_back() -> None:
    """Promise: what was done is told; the names are anybody's before long."""
    with running() as cluster:
        place = Place(cluster, "")
        store = place("mine", place.server(repeat_s=0.0))
        async with store.exclusive("c1"):
            cluster.stop()
        with pytest.raises(StoreError, match="it cannot be reached"):
            await store.is_taken("c1")
        cluster.start()
        assert await place("mine").is_taken("c1")
        silent_for(place, 20)
        assert not await place("mine").is_taken("c1")
        place.close()


async def test_names_whose_taking_was_cut_off_are_the_caller_s(place: Place) -> None:
    """It knows them again as its own."""
    cutting = Cutting(place.cluster.port)
    behind = place.behind(cutting.port)
    store = behind("mine")
    await store.is_taken("c1")
    cutting.plan = [True]
    async with store.exclusive("c1", "c2") as fence:
        assert cutting.cuts == 1
        await Journal(store, Clock()).begin(CHANGE, KIND, INTENTS, fence)
    assert await History(store).change("c1") is not None
    behind.close()
    cutting.close()


async def test_whoever_was_silent_for_too_long_asks_before_it_sends(place: Place) -> None:
    """Promise: a process that slept sends nothing under a name that another one has taken."""
    server = place.server(dead_after_s=0.05, beat_every_s=600)
    store = place("mine", server)
    journal = Journal(store, Clock())
    async with store.exclusive("c1") as fence:
        await journal.begin(CHANGE, KIND, INTENTS, fence)
        await in_doubt(store, fence)
        await journal.keep(fence)
        silent_for(place, 21)
        async with place("mine").exclusive("c1"):
            with pytest.raises(GuardError):
                await journal.finish("c1", {}, fence)
            await in_doubt(store, fence)
            with pytest.raises(GuardError) as refused:
                await journal.keep(fence)
            assert refused.value.reason is Reason.STILL_RUNNING


async def test_a_transaction_that_hangs_costs_no_other_account_its_names(place: Place) -> None:
    """As a lost connection leaves it: what it is at is not waited for."""
    server = place.server(beat_every_s=0.02)
    mine, theirs = place("mine", server), place("theirs", server)
    hanging = place.hanging("UPDATE names SET seen_at = seen_at WHERE account = 'mine'")
    async with mine.exclusive("c1"), theirs.exclusive("c1"):
        with hanging:
            place.do("UPDATE names SET seen_at = seen_at - 21 WHERE account = 'theirs'")
            with anyio.fail_after(60):
                while not await theirs.is_taken("c1"):
                    pass


async def test_names_that_nobody_gives_back_do_not_pile_up(place: Place) -> None:
    """Those of killed replicas, a day later; an account lets go of its own."""
    with holder(place.url, "a") as ours, holder(place.url, "b", account="other") as theirs:
        for process in (ours, theirs):
            assert said(process) == "taken"
            process.kill()
            process.wait(timeout=20)
    silent_for(place, 23 * 3600)
    async with place("mine").exclusive("c"):
        assert place.rows("SELECT name FROM names ORDER BY name") == [("a",), ("b",), ("c",)]
    silent_for(place, 2 * 3600)
    async with place("mine").exclusive("c"):
        assert place.rows("SELECT name FROM names ORDER BY name") == [("b",), ("c",)]
