"""Turns that accounts share: never more than there are, none lost, and no account starves."""

import anyio
import anyio.lowlevel
import pytest

from fw_mcp.pictures.turns import Turns

pytestmark = pytest.mark.anyio


class Line:
    """Whoever has had a turn, in order; a turn lasts until it is ended."""

    def __init__(self, most: int) -> None:
        self.turns = Turns(most)
        self.had: list[str] = []
        self.at_once = self.most_at_once = 0
        self.end = anyio.Event()

    async def take(self, account: str) -> None:
        """Have a turn."""
        async with self.turns.taken(account):
            self.had.append(account)
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
            try:
                await self.end.wait()
            finally:
                self.at_once -= 1


async def settled() -> None:
    """Let every task go as far as it can."""
    for _ in range(20):
        await anyio.lowlevel.checkpoint()


async def test_an_account_with_a_hundred_calls_holds_no_other_up() -> None:
    """Promise: of those who wait, the accounts are let in one after the other."""
    line = Line(2)
    async with anyio.create_task_group() as group:
        for _ in range(100):
            group.start_soon(line.take, "north")
        await settled()
        for account in ("south", "south", "east"):
            group.start_soon(line.take, account)
        await settled()
        line.end.set()
    assert line.had[:7] == ["north", "north", "north", "south", "east", "north", "south"]
    assert len(line.had) == 103
    assert line.most_at_once == 2


async def test_a_turn_of_somebody_who_left_goes_to_the_next() -> None:
    """Whether that was before the turn came, or in the same moment."""
    line = Line(1)
    async with anyio.create_task_group() as group:
        group.start_soon(line.take, "north")
        await settled()
        with anyio.CancelScope() as waiting:
            async with anyio.create_task_group() as leaving:
                leaving.start_soon(line.take, "south")
                leaving.start_soon(line.take, "east")
                await settled()
                # The first of them is called, and leaves before it hears of that.
                line.end.set()
                await anyio.lowlevel.checkpoint()
                waiting.cancel()
        await settled()
        with anyio.fail_after(20):
            await line.take("west")
    assert line.had[0] == "north"
    assert line.had[-1] == "west"
    assert line.most_at_once == 1


async def test_whoever_is_cancelled_gets_no_turn_that_is_free() -> None:
    """Promise: a call without time left asks nobody."""
    line = Line(1)
    with anyio.CancelScope() as over:
        over.cancel()
        await line.take("north")
    assert line.had == []
    line.end.set()
    await line.take("north")


async def test_a_turn_that_is_lent_is_taken_back_at_once() -> None:
    """Others have it in the meantime; with it back there is one more for a while, and no more."""
    line = Line(1)
    async with anyio.create_task_group() as group:
        async with line.turns.taken("north"):
            group.start_soon(line.take, "south")
            await settled()
            assert line.had == []
            with line.turns.lent():
                await settled()
                group.start_soon(line.take, "east")
                await settled()
                assert line.had == ["south"]
        await settled()
        assert line.had == ["south"]
        line.end.set()
    assert (line.had, line.most_at_once) == (["south", "east"], 1)
    async with line.turns.taken("north"):
        assert line.at_once == 0
