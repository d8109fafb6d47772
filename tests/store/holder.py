"""A process that takes a name of a store, says what came of it, and keeps it until told to end."""

import sys
from pathlib import Path

import anyio

from fw_mcp.errors import GuardError
from fw_mcp.store.opening import opened


async def hold(store: str, account: str, name: str) -> None:
    """Take it and wait for the word; a name that is taken ends it."""
    database = opened(store if "://" in store else Path(store), account)
    try:
        async with database.exclusive(name):
            print("taken", flush=True)  # noqa: T201
            await anyio.to_thread.run_sync(sys.stdin.readline)
    except GuardError as refused:
        print(refused.reason, flush=True)  # noqa: T201


if __name__ == "__main__":
    _, file, whose, what = sys.argv
    anyio.run(hold, file, whose, what)
