"""Several processes on one store file."""

import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import anyio

from fw_mcp.store.opening import opened
from fw_mcp.store.plans import Claim, PlanStore
from tests.store.test_plans import NOON, PLAN
from tests.support.postgres import Place
from tests.support.process import environment
from tests.support.products import exhaustive


def keep_a_plan(store: Path | str) -> None:
    """Put a plan into a new store."""
    database = opened(store, "")
    anyio.run(PlanStore(database).add, PLAN)
    database.close()


def claimant(store: Path | str) -> "subprocess.Popen[str]":
    """A process that waits for the word to claim the plan."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.store.claimant", str(store), PLAN.plan_id, str(NOON)],
        env=environment(),
        cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


@exhaustive
def test_of_three_replicas_that_claim_one_plan_one_wins(place: Place) -> None:
    """The same in PostgreSQL."""
    assert raced(place.url) == [Claim.USED, Claim.USED, Claim.WON]


def test_of_three_processes_that_claim_one_plan_one_wins(tmp_path: Path) -> None:
    """Promise: an answer counts once, whichever process it reaches."""
    assert raced(tmp_path / "store.sqlite3") == [Claim.USED, Claim.USED, Claim.WON]


def raced(store: Path | str) -> list[str]:
    """What three processes come to that claim one plan."""
    keep_a_plan(store)
    with ExitStack() as stack:
        racers = [stack.enter_context(claimant(store)) for _ in range(3)]
        for racer in racers:
            assert racer.stdout is not None
            assert racer.stdout.readline() == "ready\n"
        for racer in racers:
            assert racer.stdin is not None
            racer.stdin.write("now\n")
            racer.stdin.flush()
        claims = [racer.communicate(timeout=60)[0].strip() for racer in racers]
    return sorted(claims)
