"""A call that writes: asked about once, won once, and carried out by one call at a time."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import anyio
import pytest

from fw_mcp.errors import GuardError, Reason
from fw_mcp.guard.question import digest
from fw_mcp.store.journal import Change
from fw_mcp.writes.chunks import Run
from fw_mcp.writes.delete import delete_in_chunks, deletion
from fw_mcp.writes.operation import (
    MADE_BEFORE,
    REPLAYED,
    Declined,
    Done,
    Later,
    No,
    Operation,
    Pending,
    Prepared,
    Waiting,
)
from fw_mcp.writes.outcomes import Ended, Ends, Outcome
from tests.support.recorder import Sent
from tests.support.studio import Studio, make_studio
from tests.support.truth import holdings, sold, unsold
from tests.writes.calls import (
    CALLER,
    Made,
    Person,
    a_deletion,
    a_selection,
    an_addition,
    an_update,
    ran,
    refused,
    retitle,
)
from tests.writes.runs import changes, ended_as

pytestmark = pytest.mark.anyio


async def test_a_call_that_destroys_asks_once_and_wins_the_plan_once(studio: Studio) -> None:
    """Promise: before a destructive call a person sees what would go; an answer counts once."""
    one, other = images = [*await sold(studio, 1), *await unsold(studio, 1)]
    operation = deletion(studio.account, [one.guid, other.guid], "inventory")
    seen = (await operation.read()).seen
    person = Person()
    done = await ran(studio, operation, person)
    (plan,) = person.asked
    (change,) = await changes(studio)
    ends = {n: Ended(one.guid, Outcome.DELETED, before=one) for n, one in enumerate(images)}
    assert done == Done(
        ends,
        complete=True,
        change_id=change.change_id,
        asked="a test: delete 2 images, 1 product, worth 28.00 USD at asking price; answered yes",
    )
    assert change == Change(
        change_id=change.change_id,
        tool="delete_images",
        caller="stdio:tests",
        arguments=json.dumps({"guids": [one.guid, other.guid], "library": "inventory"}),
        arguments_digest=digest(operation.identity),
        plan_id=plan.plan_id,
        accepted="a test",
        seen=json.dumps(seen),
        begun_at=studio.clock(),
        ended_at=studio.clock(),
    )
    assert one.title is not None
    assert one.title in plan.question
    with pytest.raises(GuardError) as told:
        await studio.guard.win(plan)
    assert refused(told) is Reason.PLAN_USED
    assert await studio.plans.spent(studio.clock()) == 2
    assert len(studio.wire.writes) == 1


@pytest.mark.parametrize("ends_plan", [True, False])
async def test_a_no_leaves_everything_as_it_was(studio: Studio, ends_plan: bool) -> None:
    """It ends the plan, unless it was given where it does not count."""
    operation, before = await a_deletion(studio), await holdings(studio)
    would = (await operation.read()).would
    person = Person(No("Not now.", ends_plan))
    assert await studio.writes.run(CALLER, operation, person) == Declined(would, "Not now.")
    assert (studio.wire.writes, await changes(studio)) == ([], [])
    assert await holdings(studio) == before
    left = [] if ends_plan else person.asked
    assert await studio.plans.pending(studio.clock()) == left


async def test_a_plan_that_waits_is_carried_out_by_the_call_that_answers_it(
    studio: Studio,
) -> None:
    """Until then nothing is sent; the answer is to the question that was asked."""
    operation = await a_deletion(studio)
    would = (await operation.read()).would
    later = Person(Later())
    waiting = await studio.writes.run(CALLER, operation, later)
    (plan,) = later.asked
    assert waiting == Waiting(
        would, plan, f"Answer {plan.plan_id}.", "the question is not answered yet"
    )
    assert (studio.wire.writes, await changes(studio)) == ([], [])
    yes = Person(plan_id=plan.plan_id)
    done = await ran(studio, operation, yes)
    assert (ended_as(done.ends), yes.asked) == (
        [Outcome.DELETED, Outcome.DELETED, Outcome.NOT_FOUND],
        [plan],
    )


async def test_what_the_host_asks_goes_out_untouched(studio: Studio) -> None:
    """Nothing here looks into it, and the plan stays open."""
    pending = Pending(object())
    person = Person(pending)
    assert await studio.writes.run(CALLER, await a_deletion(studio), person) is pending
    assert studio.wire.writes == []
    assert await studio.plans.pending(studio.clock()) == person.asked


async def test_targets_that_change_before_the_answer_are_not_sent(studio: Studio) -> None:
    """Promise: the answer has been used up, costs nothing, and another question is offered."""
    (image,) = await unsold(studio, 1)
    operation = deletion(studio.account, [image.guid], "inventory")
    person = Person(meanwhile=lambda: retitle(studio, image, "Meanwhile"))
    waiting = await studio.writes.run(CALLER, operation, person)
    (stale,) = person.asked
    (fresh,) = await studio.plans.pending(studio.clock())
    now = (await holdings(studio))[image.guid]
    assert waiting == Waiting(
        {0: Ended(image.guid, Outcome.NOT_ATTEMPTED, before=now)},
        fresh,
        "The images changed since the question was asked, so its answer no longer counts. "
        f"Answer {fresh.plan_id}.",
        "the question is not answered yet",
    )
    assert "Meanwhile" in fresh.question
    assert (studio.wire.writes, await studio.plans.spent(studio.clock())) == ([], 0)
    with pytest.raises(GuardError) as told:
        await studio.writes.run(CALLER, operation, Person(plan_id=stale.plan_id))
    assert refused(told) is Reason.PLAN_USED
    done = await ran(studio, operation, Person(plan_id=fresh.plan_id))
    assert ended_as(done.ends) == [Outcome.DELETED]


@dataclass
class Pair:
    """Two processes on one store file, the first of which is in the middle of a write."""

    first: Studio
    second: Studio
    done: list[Done] = field(default_factory=list)

    async def while_writing(
        self, operation: Operation, meanwhile: Callable[[], Awaitable[None]]
    ) -> None:
        """Run `meanwhile` from the moment that the first has sent until it is answered."""
        arrived, go_on = anyio.Event(), anyio.Event()

        async def wait(sent: Sent) -> None:
            if not sent.endpoint.startswith("list_"):
                arrived.set()
                await go_on.wait()

        async def write() -> None:
            self.done.append(await ran(self.first, operation))

        self.first.wire.on_the_way = wait
        async with anyio.create_task_group() as group:
            group.start_soon(write)
            await arrived.wait()
            await meanwhile()
            go_on.set()


@pytest.fixture
def pair(tmp_path: Path) -> Pair:
    """Two processes on one account and one store."""
    first = make_studio(store=tmp_path / "store.sqlite3")
    return Pair(first, make_studio(store=tmp_path / "store.sqlite3", app=first.app))


@pytest.mark.parametrize("made", [a_deletion, an_update, an_addition, a_selection])
async def test_the_same_call_in_another_process_is_told_that_it_still_runs(
    pair: Pair, made: Made
) -> None:
    """Nobody is asked and nothing is sent; afterwards it is given the end of the first."""
    operation, twin = await made(pair.first), await made(pair.second)
    person = Person()

    async def call_too() -> None:
        with pytest.raises(GuardError) as told:
            await pair.second.writes.run(CALLER, twin, person)
        assert refused(told) is Reason.STILL_RUNNING

    await pair.while_writing(operation, call_too)
    (done,) = pair.done
    words = MADE_BEFORE if operation.resumes else REPLAYED
    assert await ran(pair.second, twin, person) == done.replay(words)
    assert (pair.second.wire.writes, person.asked) == ([], [])


async def test_of_two_same_calls_that_were_both_agreed_to_one_writes(pair: Pair) -> None:
    """Each was asked before the other was on record; the one that comes second sends nothing."""
    operation, twin = await a_deletion(pair.first), await a_deletion(pair.second)
    asked, answer, over = anyio.Event(), anyio.Event(), anyio.Event()

    async def being_asked() -> None:
        asked.set()
        await answer.wait()

    async def call_too() -> None:
        with pytest.raises(GuardError) as told:
            await pair.second.writes.run(CALLER, twin, Person(meanwhile=being_asked))
        assert refused(told) is Reason.STILL_RUNNING
        over.set()

    async def say_yes() -> None:
        answer.set()
        await over.wait()

    async with anyio.create_task_group() as group:
        group.start_soon(call_too)
        await asked.wait()
        await pair.while_writing(operation, say_yes)
    assert (len(pair.first.wire.writes), pair.second.wire.writes) == (1, [])


async def test_a_change_that_is_being_written_is_neither_undone_nor_settled(pair: Pair) -> None:
    """What it did is not known yet; once it is over, both go."""
    writes = pair.second.writes

    async def meddle() -> None:
        (change,) = await changes(pair.second)
        assert await writes.is_under_way(change.change_id)
        with pytest.raises(GuardError, match="is still running") as told:
            await writes.undoing(change.change_id)
        assert refused(told) is Reason.CANNOT_UNDO
        with pytest.raises(GuardError) as told:
            await writes.settle(change)
        assert refused(told) is Reason.STILL_RUNNING

    await pair.while_writing(await an_update(pair.first), meddle)
    (change,) = await changes(pair.second)
    assert not await writes.is_under_way(change.change_id)
    assert await writes.settle(change) == pair.done[0].ends
    assert (await writes.undoing(change.change_id)).undoes == change.change_id
    assert pair.second.wire.writes == []


async def test_a_run_that_outlives_its_call_sends_nothing(studio: Studio) -> None:
    """Once the names are given back, another call may be at the same."""
    (image,) = await unsold(studio, 1)
    runs: list[Run] = []

    async def read() -> Prepared:
        async def write(run: Run) -> Ends:
            runs.append(run)
            return operation.untouched

        return Prepared(read_at=studio.clock(), would=operation.untouched, write=write)

    operation = replace(deletion(studio.account, [image.guid], "inventory"), read=read)
    assert (await ran(studio, operation)).change_id is None
    with pytest.raises(GuardError) as told:
        await delete_in_chunks(runs[0], {0: image}, "inventory")
    assert refused(told) is Reason.STILL_RUNNING
    assert (studio.wire.writes, await changes(studio)) == ([], [])
