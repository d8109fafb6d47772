"""Several processes on one store file."""

import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import anyio

from fw_mcp.store.plans import Claim, PlanStore
from fw_mcp.store.sqlite import Database
from tests.store.test_plans import NOON, PLAN
from tests.support.process import environment


def keep_a_plan(file: Path) -> None:
    """Put a plan into a new store."""
    database = Database(file)
    anyio.run(PlanStore(database).add, PLAN)
    database.close()


def claimant(file: Path) -> "subprocess.Popen[str]":
    """A process that waits for the word to claim the plan."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.store.claimant", str(file), PLAN.plan_id, str(NOON)],
        env=environment(),
        cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_of_three_processes_that_claim_one_plan_one_wins(tmp_path: Path) -> None:
    """Promise: an answer counts once, whichever process it reaches."""
    file = tmp_path / "store.sqlite3"
    keep_a_plan(file)
    with ExitStack() as stack:
        racers = [stack.enter_context(claimant(file)) for _ in range(3)]
        for racer in racers:
            assert racer.stdout is not None
            assert racer.stdout.readline() == "ready\n"
        for racer in racers:
            assert racer.stdin is not None
            racer.stdin.write("now\n")
            racer.stdin.flush()
        claims = [racer.communicate(timeout=60)[0].strip() for racer in racers]
    assert sorted(claims) == [Claim.USED, Claim.USED, Claim.WON]
