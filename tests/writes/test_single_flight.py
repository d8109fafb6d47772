"""The same call, sent while it runs, is made once."""

from collections.abc import Awaitable, Callable

import anyio
import pytest

from fw_mcp.writes.single_flight import SingleFlight

pytestmark = pytest.mark.anyio


class LostError(Exception):
    """What a test's own work raises."""


class Work:
    """Work that waits to be let go on, and counts how often it was begun."""

    def __init__(self) -> None:
        self.begun = 0
        self.begun_first = anyio.Event()
        self.go_on = anyio.Event()
        self.fails = 0

    async def __call__(self) -> str:
        """Give the number of the run."""
        self.begun += 1
        number = self.begun
        self.begun_first.set()
        await self.go_on.wait()
        if number <= self.fails:
            raise LostError
        return f"run {number}"


@pytest.fixture
async def work() -> Work:
    """Work of one test."""
    return Work()


async def once(
    running: SingleFlight[str], key: str, work: Callable[[], Awaitable[str]]
) -> tuple[str, bool]:
    """The result of a call, and whether it is that of another one."""
    async with running.turn(key) as flight:
        if flight.result is not None:
            return flight.result, True
        flight.result = await work()
        return flight.result, False


async def joined(
    running: SingleFlight[str], work: Callable[[], Awaitable[str]], count: int
) -> list[object]:
    """What so many same calls at once were given; "lost" for one that raised."""
    told: list[object] = []

    async def call() -> None:
        try:
            told.append(await once(running, "key", work))
        except LostError:
            told.append("lost")

    async with anyio.create_task_group() as group:
        for _ in range(count):
            group.start_soon(call)
        await anyio.wait_all_tasks_blocked()
        if isinstance(work, Work):
            work.go_on.set()
    return told


async def test_the_same_call_at_once_is_carried_out_once(work: Work) -> None:
    """Each is given the result, and whether it is another's."""
    told = await joined(SingleFlight[str](), work, 3)
    assert work.begun == 1
    assert told == [("run 1", False), ("run 1", True), ("run 1", True)]


async def test_another_call_does_not_wait(work: Work) -> None:
    """Only the same one is joined."""
    running = SingleFlight[str]()

    async def quick() -> str:
        return "done"

    async with anyio.create_task_group() as group:
        group.start_soon(once, running, "key", work)
        await work.begun_first.wait()
        assert await once(running, "other", quick) == ("done", False)
        work.go_on.set()


async def test_a_call_after_the_end_is_carried_out_anew(work: Work) -> None:
    """Nothing is kept here: what was done is on record elsewhere."""
    running = SingleFlight[str]()
    work.go_on.set()
    assert await once(running, "key", work) == ("run 1", False)
    assert await once(running, "key", work) == ("run 2", False)


@pytest.mark.parametrize("fails", [1, 2])
async def test_when_the_first_raises_the_next_does_it(work: Work, fails: int) -> None:
    """There is no result to share; the others share that of the one that has it."""
    work.fails = fails
    told = await joined(SingleFlight[str](), work, 4)
    assert work.begun == fails + 1
    assert told.count("lost") == fails
    result = f"run {fails + 1}"
    assert [one for one in told if one != "lost"] == [(result, False)] + [(result, True)] * (
        3 - fails
    )


async def test_when_the_first_is_cancelled_the_next_does_it(work: Work) -> None:
    """Whoever left took nothing with it."""
    running, left = SingleFlight[str](), anyio.CancelScope()
    told: list[object] = []

    async def leaver() -> None:
        with left:
            await once(running, "key", work)

    async def stayer() -> None:
        told.append(await once(running, "key", work))

    async with anyio.create_task_group() as group:
        group.start_soon(leaver)
        await work.begun_first.wait()
        group.start_soon(stayer)
        await anyio.wait_all_tasks_blocked()
        left.cancel()
        await anyio.wait_all_tasks_blocked()
        work.go_on.set()
    assert told == [("run 2", False)]


async def test_one_that_waited_and_left_disturbs_nobody(work: Work) -> None:
    """The first is carried out to its end."""
    running, left = SingleFlight[str](), anyio.CancelScope()
    told: list[object] = []

    async def owner() -> None:
        told.append(await once(running, "key", work))

    async def leaver() -> None:
        with left:
            await once(running, "key", work)

    async with anyio.create_task_group() as group:
        group.start_soon(owner)
        await work.begun_first.wait()
        group.start_soon(leaver)
        await anyio.wait_all_tasks_blocked()
        left.cancel()
        await anyio.wait_all_tasks_blocked()
        work.go_on.set()
    assert (told, left.cancelled_caught, work.begun) == ([("run 1", False)], True, 1)
