"""Keys and their account: looked up until it is known, and the rows that then join it."""

from pathlib import Path

import pytest

from fw_mcp.store.accounts import KeyPair
from fw_mcp.store.database import Store, accounts_known, session_id
from fw_mcp.store.history import History
from fw_mcp.store.journal import Change, End, Intent, Journal, Others
from fw_mcp.store.locks import Fence
from fw_mcp.store.sqlite import Database, accounts_in
from tests.store.conftest import Opening
from tests.store.test_schema import deleted, upgraded
from tests.support.studio import Clock

pytestmark = pytest.mark.anyio

KEYS = KeyPair("keys", former=("once", "twice"))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Name a store."""
    return tmp_path / "store.sqlite3"


async def write(database: Store, *names: str) -> None:
    """Changes of one image each, the last cut off."""
    journal = Journal(database, Clock())
    for name in names:
        change = Change(name, "delete_images", "stdio:tests", "{}", "")
        await journal.begin(change, "delete_images", {0: Intent(name, {"guid": name})}, Fence())
        if name != names[-1]:
            await journal.finish(name, {0: End(name, "deleted")})


async def listed(database: Store) -> list[str]:
    """The ids of all changes, in the order of the journal."""
    return [change.change_id async for change, _ in History(database).everything()]


async def test_what_stands_under_the_keys_joins_what_the_account_has(opened: Opening) -> None:
    """In its order, behind it, each with its items, and all of it in one transaction."""
    await write(opened("account"), *"abc")
    await write(opened("twice"), *(f"t{number:02}" for number in range(12)))
    database = opened(KEYS)
    assert await listed(database) == [f"t{number:02}" for number in range(12)]
    assert (database.account, await database.is_known()) == ("keys", False)
    await database.learn("account")
    assert (database.account, await database.is_known()) == ("account", True)
    assert await listed(database) == [*"abc", *(f"t{number:02}" for number in range(12))]
    open_ = await Journal(database, Clock()).unsettled()
    assert [(one.change_id, one.items) for one in open_] == [("c", 1), ("t11", 1)]
    places = [item.place async for _, items in History(database).everything() for item in items]
    assert places == sorted(set(places))
    assert len(places) == 15
    assert await database.run(accounts_known) == ["account"]


async def test_what_another_process_learned_holds_here_from_the_next_transaction_on(
    opened: Opening,
) -> None:
    """And the account that was learned first stays."""
    one, other = opened(KEYS), opened(KEYS)
    first = await session_id(one)
    await other.learn("account")
    assert await session_id(one) == await session_id(other) == first
    assert (one.account, one.known) == ("account", True)
    await one.learn("another")
    again = opened(KEYS)
    assert (await again.is_known(), again.account) == (True, "account")


async def test_the_session_of_an_account_stays_when_other_keys_join_it(opened: Opening) -> None:
    """The temporary images that it scopes are there."""
    account, keys = opened("account"), opened(KEYS)
    kept = await session_id(account)
    assert await session_id(keys) != kept
    await keys.learn("account")
    assert await session_id(keys) == kept


async def test_a_store_of_an_older_version_is_joined_as_it_is_brought_up_to_date(
    file: Path,
) -> None:
    """What named an account, and what named none."""
    upgraded(file, deleted("m", "once"), deleted("n", ""), deleted("t", "theirs"))
    assert accounts_in(file) == ["once", "theirs"]
    database = Database(file, account=KEYS)
    await database.learn("account")
    assert sorted(await listed(database)) == ["m", "n"]
    assert await Journal(database, Clock()).others() == Others(1, 0)
    database.close()


async def test_names_of_one_account_are_free_for_another(opened: Opening) -> None:
    """And the same in every process of the one."""
    one, other = opened(KEYS), opened("other")
    await one.learn("account")
    same = opened("account")
    async with one.exclusive("call:x"):
        assert await same.is_taken("call:x")
        assert not await other.is_taken("call:x")
