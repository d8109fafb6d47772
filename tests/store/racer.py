"""A process that claims every sixth of 120 plans when its input says so, and counts what it won."""

import sys

import anyio

from fw_mcp.store.opening import opened
from fw_mcp.store.plans import Claim, PlanStore


async def race(url: str, number: int, now: float) -> None:
    """Get ready, wait for the word, claim."""
    store = opened(url, "mine")
    plans = PlanStore(store)
    await plans.get("none")
    print("ready", flush=True)  # noqa: T201
    await anyio.to_thread.run_sync(sys.stdin.readline)
    claims = [
        await plans.claim(f"plan-{one}", now, weight_per_hour=60, approved_only=False)
        for one in range(number, 120, 6)
    ]
    print(claims.count(Claim.WON))  # noqa: T201
    store.close()


if __name__ == "__main__":
    _, where, which, moment = sys.argv
    anyio.run(race, where, int(which), float(moment))
