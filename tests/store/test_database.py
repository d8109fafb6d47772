"""The store's file: who may read it, what survives, and what cannot be used."""

import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import anyio
import pytest

from fw_mcp.errors import Reason, StoreError
from fw_mcp.store.connection import Connection
from fw_mcp.store.database import session_id
from fw_mcp.store.sqlite import Database, SqliteConnection
from tests.store.conftest import Opening

pytestmark = pytest.mark.anyio


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Name a store in a folder that does not exist yet."""
    return tmp_path / "state" / "fw-mcp" / "store.sqlite3"


def keep(name: str) -> Callable[[Connection], None]:
    """Work that writes a fact down."""

    def work(connection: Connection) -> None:
        connection.execute(
            "INSERT INTO facts (account, name, value) VALUES ('', ?, 'kept')", (name,)
        )

    return work


def facts(connection: Connection) -> list[str]:
    """The facts that are kept."""
    return [row["name"] for row in connection.execute("SELECT name FROM facts ORDER BY name")]


def mode(path: Path) -> int:
    """The permissions of a file."""
    return stat.S_IMODE(path.stat().st_mode)


def test_nothing_is_opened_before_the_first_use(file: Path) -> None:
    """A server that only lists its tools leaves no trace."""
    Database(file).close()
    assert not file.parent.exists()


async def test_the_file_and_its_folder_are_nobody_else_s_business(file: Path) -> None:
    """It holds titles, products and former records; the files beside it do too."""
    database = Database(file)
    await database.run(keep("a"))
    assert {path.name: mode(path) for path in file.parent.iterdir()} == {
        "store.sqlite3": 0o600,
        "store.sqlite3-wal": 0o600,
        "store.sqlite3-shm": 0o600,
    }
    assert mode(file.parent) == 0o700
    database.close()


async def test_what_was_committed_survives_the_process(file: Path) -> None:
    """Closed and opened again, by itself and by another."""
    database = Database(file)
    await database.run(keep("a"))
    database.close()
    await database.run(keep("b"))
    other = Database(file)
    assert await other.run(facts) == ["a", "b"]
    database.close()
    other.close()


async def test_what_was_committed_is_seen_by_another_process_at_once(opened: Opening) -> None:
    """Two servers may share one store."""
    one, other = opened(""), opened("")
    await one.run(keep("a"))
    assert await other.run(facts) == ["a"]
    await other.run(keep("b"))
    assert await one.run(facts) == ["a", "b"]


async def test_each_store_in_memory_is_its_own() -> None:
    """And is gone when it is closed."""
    one, other = Database(None), Database(None)
    await one.run(keep("a"))
    assert (await one.run(facts), await other.run(facts)) == (["a"], [])
    one.close()
    assert await one.run(facts) == []
    one.close()
    other.close()


async def test_a_commit_reaches_the_disk_before_it_is_told(file: Path) -> None:
    """Write-ahead log, full sync: a power cut after `run` returned loses nothing."""
    database = Database(file)

    def settings(connection: sqlite3.Connection) -> tuple[str, int]:
        (journal,) = connection.execute("PRAGMA journal_mode").fetchone()
        (synchronous,) = connection.execute("PRAGMA synchronous").fetchone()
        return journal, synchronous

    assert await database.run(settings) == ("wal", 2)
    database.close()


class ChangedMindError(Exception):
    """What a test's own work raises."""


async def test_work_that_raises_leaves_nothing_behind(opened: Opening) -> None:
    """What it raised comes out as it is; the next work starts from where the store was."""
    database = opened("")

    def half(connection: Connection) -> None:
        keep("half")(connection)
        raise ChangedMindError

    with pytest.raises(ChangedMindError):
        await database.run(half)
    await database.run(keep("whole"))
    assert await database.run(facts) == ["whole"]


async def test_work_that_the_database_refuses_leaves_nothing_behind(opened: Opening) -> None:
    """A constraint, a missing table: a store error, and the transaction is undone."""
    database = opened("")

    def twice(connection: Connection) -> None:
        keep("a")(connection)
        keep("a")(connection)

    with pytest.raises(StoreError) as refused:
        await database.run(twice)
    cause = type(refused.value.__cause__)
    assert cause.__name__ in {"IntegrityError", "UniqueViolation"}
    assert await database.run(facts) == []


def refuse_to_commit(connection: SqliteConnection) -> None:
    """Write, and have the commit after it refused."""
    keep("lost")(connection)

    def authorizer(action: int, what: str | None, *_others: str | None) -> int:
        refused = action == sqlite3.SQLITE_TRANSACTION and what == "COMMIT"
        return sqlite3.SQLITE_DENY if refused else sqlite3.SQLITE_OK

    connection.set_authorizer(authorizer)


def commit_again(connection: sqlite3.Connection) -> None:
    """Let commits through again."""
    connection.set_authorizer(None)


async def test_a_commit_that_fails_is_undone_and_the_store_goes_on(file: Path) -> None:
    """A refusal of a moment must not lock the store for good, here and in every other process."""
    database, other = Database(file), Database(file, busy_timeout_s=0.05)
    with pytest.raises(StoreError):
        await database.run(refuse_to_commit)
    assert await other.run(facts) == []
    await database.run(commit_again)
    await database.run(keep("kept"))
    assert await other.run(facts) == ["kept"]
    database.close()
    other.close()


async def test_works_run_one_at_a_time(opened: Opening) -> None:
    """A hundred at once, each whole."""
    database = opened("")

    def count_up(connection: Connection) -> None:
        number = len(facts(connection))
        keep(f"{number:03}")(connection)

    async with anyio.create_task_group() as group:
        for _ in range(100):
            group.start_soon(database.run, count_up)
    assert await database.run(facts) == [f"{number:03}" for number in range(100)]


async def test_a_cancelled_caller_waits_for_the_end_of_its_transaction(opened: Opening) -> None:
    """A transaction that runs is one whose end is known."""
    database = opened("")
    await database.run(facts)
    with anyio.CancelScope() as scope:

        def work(connection: Connection) -> None:
            anyio.from_thread.run_sync(scope.cancel)
            keep("a")(connection)

        await database.run(work)
    assert await database.run(facts) == ["a"]


async def test_a_store_that_another_process_holds_is_waited_for_and_then_refused(
    file: Path,
) -> None:
    """And can be used again as soon as it is free."""
    database = Database(file, busy_timeout_s=0.05)
    await database.run(keep("a"))
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreError):
            await database.run(keep("b"))
    assert await database.run(facts) == ["a"]
    database.close()


def a_folder(path: Path) -> None:
    """The store's name is taken by a folder."""
    path.mkdir(parents=True)


def inside_a_file(path: Path) -> None:
    """What should be its folder is a file."""
    path.parent.parent.mkdir()
    path.parent.write_text("a file")


def no_database(path: Path) -> None:
    """Something else is in the file."""
    path.parent.mkdir(parents=True)
    path.write_text("This was never a store. " * 100)


@pytest.mark.parametrize("spoil", [a_folder, inside_a_file, no_database])
async def test_what_cannot_be_a_store_is_told_in_three_parts(
    file: Path, spoil: Callable[[Path], None]
) -> None:
    """Which file, that nothing was sent, what to do; the database's own words stay inside."""
    spoil(file)
    with pytest.raises(StoreError) as refused:
        await Database(file).run(facts)
    error = refused.value
    assert error.what.startswith(f"Cannot use the store {file} (")
    assert error.state == "Nothing was sent; reading images still works."
    assert "--store FILE" in error.next_step
    assert error.reason is Reason.STORE_UNAVAILABLE
    assert error.__cause__ is not None
    assert str(error.__cause__) not in str(error)


def make_room(path: Path) -> None:
    """Take the folder away again."""
    path.rmdir()


async def test_a_store_that_could_not_be_opened_is_tried_again(file: Path) -> None:
    """The person may have made room meanwhile."""
    a_folder(file)
    database = Database(file)
    with pytest.raises(StoreError):
        await database.run(facts)
    make_room(file)
    assert await database.run(facts) == []
    database.close()


@pytest.mark.parametrize("version", [1, 2, 3, 4, 5, 99, -1])
async def test_a_store_of_another_version_is_refused_and_left_alone(
    file: Path, version: int
) -> None:
    """A newer fw-mcp may keep there what this one does not understand."""
    file.parent.mkdir(parents=True)
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE plans (of_another_shape TEXT)")
        connection.execute(f"PRAGMA user_version = {version}")
    with pytest.raises(StoreError):
        await Database(file).run(facts)
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (version,)
        tables = connection.execute("SELECT name FROM sqlite_schema").fetchall()
    assert tables == [("plans",)]


async def test_a_database_of_another_program_is_refused_and_left_alone(file: Path) -> None:
    """Its tables have the names of ours: nothing is half made."""
    file.parent.mkdir(parents=True)
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE journal (diary TEXT)")
    with pytest.raises(StoreError):
        await Database(file).run(facts)
    with closing(sqlite3.connect(file)) as connection:
        tables = connection.execute("SELECT name FROM sqlite_schema").fetchall()
    assert tables == [("journal",)]


async def test_the_session_id_is_made_once_and_kept(file: Path) -> None:
    """A lost one makes the account's temporary images unreachable."""
    database = Database(file)
    first = await session_id(database)
    database.close()
    assert (len(first), set(first) <= set("0123456789abcdef")) == (32, True)
    other = Database(file)
    assert await session_id(other) == await session_id(database) == first
    database.close()
    other.close()


async def test_two_stores_have_two_session_ids() -> None:
    """Each account's temporary images are its own."""
    assert await session_id(Database(None)) != await session_id(Database(None))


async def test_each_account_of_a_store_has_its_own_session_id(opened: Opening) -> None:
    """The temporary images of one session are one account's."""
    one, other = opened("one"), opened("other")
    assert await session_id(one) != await session_id(other)
    assert await session_id(one) == await session_id(opened("one"))
