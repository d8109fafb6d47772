"""One store that several accounts of one process have open, and other processes too."""

import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from fw_mcp.store import sqlite
from fw_mcp.store.sqlite import Database

pytestmark = pytest.mark.anyio

LOCKS = Path("/proc/locks")


def keep(account: str) -> Callable[[sqlite3.Connection], None]:
    """Work that adds a fact."""

    def work(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO facts VALUES (?, 'it', 'is')", (account,))

    return work


def locked(file: Path) -> int:
    """How many locks a process holds on a file."""
    inode = f":{file.stat().st_ino} "
    return sum(inode in line for line in LOCKS.read_text("ascii").splitlines())


@pytest.mark.skipif(not LOCKS.exists(), reason="the system does not list its locks")
async def test_an_account_that_is_opened_frees_no_lock_of_another(tmp_path: Path) -> None:
    """Without it, another process that closes the store deletes the log that this one writes to."""
    file = tmp_path / "store"
    north, south = Database(file, account="north"), Database(file, account="south")
    await north.run(keep("north"))
    assert locked(file) == 1
    await south.run(keep("south"))
    assert locked(file) == 1
    await south.aclose()
    assert locked(file) == 1
    await north.aclose()
    assert locked(file) == 0


async def test_accounts_that_make_the_store_at_the_same_moment_all_have_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever looks while another makes the tables takes it for nobody else's."""
    file = tmp_path / "store"
    look = sqlite._version  # noqa: SLF001  between two looks there is no other place
    others = [Database(file, account="south", busy_timeout_s=0.0)]

    def meanwhile(connection: sqlite3.Connection) -> int:
        version = look(connection)
        if others:
            with suppress(sqlite3.OperationalError):
                others.pop()._connect().close()  # noqa: SLF001  as above
        return version

    monkeypatch.setattr(sqlite, "_version", meanwhile)
    north, south = Database(file, account="north"), Database(file, account="south")
    for database, account in ((north, "north"), (south, "south")):
        await database.run(keep(account))
        await database.aclose()
    assert not others
