"""A process that claims a plan as soon as its input says so, and prints what came of it."""

import sys
from pathlib import Path

import anyio

from fw_mcp.store.opening import opened
from fw_mcp.store.plans import PlanStore


async def claim(store: str, plan_id: str, now: float) -> None:
    """Get ready, wait for the word, claim."""
    plans = PlanStore(opened(store if "://" in store else Path(store), ""))
    await plans.get(plan_id)
    print("ready", flush=True)  # noqa: T201
    await anyio.to_thread.run_sync(sys.stdin.readline)
    won = await plans.claim(plan_id, now, weight_per_hour=200, approved_only=False)
    print(won)  # noqa: T201


if __name__ == "__main__":
    _, file, plan, moment = sys.argv
    anyio.run(claim, file, plan, float(moment))
