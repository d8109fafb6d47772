"""A transaction that is run again: what it did is neither done twice nor told as lost."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from dataclasses import replace

import anyio
import pytest

from fw_mcp.store.accounts import KeyPair
from fw_mcp.store.database import Store, session_id
from fw_mcp.store.history import History
from fw_mcp.store.journal import End, Journal
from fw_mcp.store.plans import Claim, PlanStore
from fw_mcp.store.uploads import UploadStore
from tests.store.test_journal import CHANGE, ENDS, INTENTS, KIND
from tests.store.test_plans import NOON, PLAN, claimed
from tests.store.test_uploads import FOG
from tests.support.postgres import Cutting, Place
from tests.support.products import exhaustive, first_of
from tests.support.studio import Clock

pytestmark = pytest.mark.anyio

Write = Callable[[Store], Awaitable[object]]
LATE = replace(PLAN, plan_id="late")
CLOCK = Clock()


async def begun(store: Store) -> None:
    """A write of a call that is alone at it."""
    async with store.exclusive("c1", "call") as fence:
        await Journal(store, CLOCK).begin(CHANGE, KIND, INTENTS, fence)


async def held(store: Store) -> list[bool]:
    """Names taken and given back."""
    async with store.exclusive("a", "b"):
        taken = [await store.is_taken(name) for name in "abc"]
    return [*taken, await store.is_taken("a")]


async def learned(store: Store) -> object:
    """The account of a pair of keys; what stood under its former name."""
    with closing(store.of(KeyPair("keys", former=("mine",)))) as keys:
        await keys.learn("account")
        return keys.account, len(await UploadStore(keys).every())


WRITES: dict[str, Write] = {
    "a plan is added": lambda store: PlanStore(store).add(LATE),
    "a plan is won": lambda store: claimed(PlanStore(store)),
    "a plan is approved": lambda store: PlanStore(store).approve(PLAN.plan_id, NOON),
    "a plan is declined": lambda store: PlanStore(store).decline(PLAN.plan_id, NOON),
    "a plan is replaced": lambda store: PlanStore(store).replace(PLAN.plan_id, NOON),
    "a plan is void": lambda store: PlanStore(store).void("spent"),
    "a plan is renewed": lambda store: PlanStore(store).renew("spent", NOON + 9),
    "names are taken": held,
    "a write is begun": begun,
    "a write is finished": lambda store: Journal(store, CLOCK).finish("c0", ENDS),
    "a call ends": lambda store: Journal(store, CLOCK).end("c0", {5: End("3d", "not_found")}),
    "changes are let go of": lambda store: History(store).forget(NOON * 2),
    "a session is made": session_id,
    "a secret is made": lambda store: UploadStore(store).secret(),
    "an upload is begun": lambda store: UploadStore(store).begin(FOG, FOG.sent),
    "an upload is done": lambda store: UploadStore(store).uploaded(FOG, NOON),
    "an upload is verified": lambda store: UploadStore(store).verified(FOG, NOON),
    "an upload is asked for": lambda store: UploadStore(store).asked([FOG], "c9"),
    "an upload is registered": lambda store: UploadStore(store).registered([(FOG, "g")], "x"),
    "an upload is doubted": lambda store: UploadStore(store).doubted("p", "m", []),
    "an upload is removed": lambda store: UploadStore(store).removed("p", ["m"], NOON),
    "folders are allowed": lambda store: UploadStore(store).allow("p", ["/f"], NOON),
    "an account is learned": learned,
}
# What differs from run to run: places grow, and what is made at random is.
SHOWN = {
    "facts": "account, name",
    "plans": "account, plan_id, weight, created_at, approved_at, ended_at, ended_as",
    "changes": "account, change_id, tool, begun_at, ended_at, worked_at",
    "items": "account, change_id, item, kind, guid, outcome, detail, begun_at, finished_at",
    "uploads": "account, path, sent, change_id, guids, begun_at, uploaded_at, verified_at",
    "names": "account, name",
}


async def filled(store: Store) -> None:
    """What the writes are about."""
    plans, journal = PlanStore(store), Journal(store, CLOCK)
    await plans.add(PLAN)
    await plans.add(replace(PLAN, plan_id="spent"))
    assert await claimed(plans, "spent") is Claim.WON
    async with store.exclusive("c0") as fence:
        await journal.begin(replace(CHANGE, change_id="c0"), KIND, INTENTS, fence)


def shown(place: Place) -> dict[str, list[tuple[object, ...]]]:
    """All that a store holds."""
    return {
        table: sorted(place.rows(f"SELECT {columns} FROM {table}"), key=repr)  # noqa: S608  ours
        for table, columns in SHOWN.items()
    }


@pytest.fixture
def cutting(place: Place) -> Iterator[Cutting]:
    """What cuts connections to the cluster."""
    with closing(Cutting(place.cluster.port)) as cutting:
        yield cutting


@exhaustive
@pytest.mark.parametrize("arrives", [True, False], ids=["after the commit", "before the commit"])
@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
async def test_a_write_whose_commit_is_cut_off_is_done_once_and_told_as_done(
    place: Place, cutting: Cutting, write: Write, arrives: bool
) -> None:
    """Promise: the same as without a cut, in what is told and in what is kept."""
    other = Place(place.cluster, place.cluster.new_place())
    with closing(other), closing(place.behind(cutting.port)) as behind:
        whole, cut = other("mine"), behind("mine")
        for store in (whole, cut):
            await filled(store)
        expected = await write(whole)
        cutting.plan = [arrives]
        told = await write(cut)
        assert cutting.cuts == 1
        if not isinstance(expected, str | bytes):
            assert told == expected
        assert shown(place) == shown(other)


@pytest.mark.parametrize("count", first_of(10, 200))
async def test_of_plans_whose_commits_are_cut_off_each_is_won_once(
    place: Place, cutting: Cutting, count: int
) -> None:
    """Promise: sent = n, twice 0, lost 0, whether the commit had been done or not."""
    plans = PlanStore(place("mine"))
    ids = [f"plan-{number}" for number in range(count)]
    for plan_id in ids:
        await plans.add(replace(PLAN, plan_id=plan_id, weight=0))
    claims: list[Claim] = []

    async def work(store: Store, some: list[str]) -> None:
        claims.extend([await claimed(PlanStore(store), plan_id) for plan_id in some])

    with closing(place.behind(cutting.port)) as behind:
        stores = [behind("mine"), behind("mine")]
        for store in stores:
            await PlanStore(store).get("none")
        cutting.plan = [True, None, None, False, None] * count
        async with anyio.create_task_group() as group:
            group.start_soon(work, stores[0], ids[::2])
            group.start_soon(work, stores[1], ids[1::2])
        assert cutting.cuts >= count // 3
    assert claims == [Claim.WON] * count
    again = [await claimed(plans, plan_id) for plan_id in ids]
    assert again == [Claim.USED] * count
