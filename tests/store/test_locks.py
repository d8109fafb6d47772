"""What one call at a time may be at: in one process, in several, and after a kill."""

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path, PosixPath
from threading import get_ident
from typing import TYPE_CHECKING, ClassVar

import anyio
import anyio.lowlevel
import pytest

from fw_mcp.errors import GuardError, Reason, StoreError
from fw_mcp.store.database import Store
from fw_mcp.store.sqlite import Database
from tests.support.process import environment
from tests.support.products import exhaustive

if TYPE_CHECKING:
    from tests.support.postgres import Place

pytestmark = pytest.mark.anyio

ROOT = Path(__file__).parents[2]
NEW_PIDS = ("unshare", "-p", "-f", "--mount-proc")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Name a store in a folder that does not exist yet."""
    return tmp_path / "state" / "store.sqlite3"


@pytest.fixture(params=["in a file", "in memory", pytest.param("in PostgreSQL", marks=exhaustive)])
def database(request: pytest.FixtureRequest, file: Path) -> Store:
    """Give a store of each kind."""
    if request.param == "in PostgreSQL":
        place: Place = request.getfixturevalue("place")
        return place("mine")
    return Database(file if request.param == "in a file" else None, account="mine")


@contextmanager
def holder(
    file: Path | str, name: str, account: str = "mine", around: Sequence[str] = ()
) -> Iterator["subprocess.Popen[str]"]:
    """Another process that takes a name, and keeps it until its input ends.

    Args:
        file: the store, or its address.
        name: what it takes.
        account: whose.
        around: the command that runs it.
    """
    with subprocess.Popen(
        [*around, sys.executable, "-m", "tests.store.holder", str(file), account, name],
        env=environment(),
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def said(process: "subprocess.Popen[str]") -> str:
    """What came of its taking."""
    assert process.stdout is not None
    return process.stdout.readline().strip()


async def is_refused(database: Store, *names: str) -> bool:
    """Whether the names cannot be taken."""
    try:
        async with database.exclusive(*names):
            return False
    except GuardError:
        return True


async def test_a_name_that_is_taken_is_refused_to_everybody_else(database: Store) -> None:
    """In the same task too, whichever of several names it is; what to do is told in three parts."""
    async with database.exclusive("a", "b"):
        with pytest.raises(GuardError) as refused:
            async with database.exclusive("b"):
                pytest.fail("it was taken twice")
        assert not await is_refused(database, "c")
    assert str(refused.value) == (
        "Another call is working on the same change. This call sent nothing; its result is not "
        "known yet. Call again in a minute: it then returns the result or continues. "
        "(reason: still_running)"
    )
    assert refused.value.reason is Reason.STILL_RUNNING
    assert not await is_refused(database, "a", "b")


async def test_of_many_tasks_at_once_one_gets_the_name(database: Store) -> None:
    """The others are told at once, not when it is free."""
    got: list[bool] = []

    async def try_it() -> None:
        try:
            async with database.exclusive("a"):
                await anyio.wait_all_tasks_blocked()
                while len(got) < 7:
                    await anyio.lowlevel.checkpoint()
                got.append(True)
        except GuardError:
            got.append(False)

    async with anyio.create_task_group() as group:
        for _ in range(8):
            group.start_soon(try_it)
    assert got == [False] * 7 + [True]


async def test_all_names_are_taken_or_none(database: Store) -> None:
    """A refused call is in nobody's way."""
    async with database.exclusive("b"):
        assert await is_refused(database, "a", "b", "c")
        assert [await database.is_taken(name) for name in "abc"] == [False, True, False]
    assert not await database.is_taken("b")


async def test_a_name_that_is_given_twice_is_taken_once(database: Store) -> None:
    """A call is not in its own way; one without names is in nobody's."""
    async with database.exclusive("a", "a"), database.exclusive() as fence:
        assert fence.held
        assert await database.is_taken("a")


class BrokenOffError(Exception):
    """What a test's own block raises."""


async def test_a_fence_holds_as_long_as_its_block(database: Store) -> None:
    """However the block ends: by itself, by an error, or because its caller left."""
    async with database.exclusive("a") as fence:
        assert fence.held
        await database.run(fence.check)
    with pytest.raises(BrokenOffError):
        async with database.exclusive("a") as broken:
            raise BrokenOffError
    with anyio.CancelScope() as scope:
        async with database.exclusive("a") as left:
            scope.cancel()
            await anyio.sleep(1)
    assert [one.held for one in (fence, broken, left)] == [False, False, False]
    assert not await database.is_taken("a")
    with pytest.raises(GuardError) as refused:
        await database.run(left.check)
    assert refused.value.reason is Reason.STILL_RUNNING


async def test_asking_takes_no_name_away(database: Store) -> None:
    """Neither from who has it nor from who wants it next."""
    assert not await database.is_taken("a")
    async with database.exclusive("a"):
        assert await database.is_taken("a")
        assert await database.is_taken("a")
        assert await is_refused(database, "a")
    assert not await is_refused(database, "a")


async def test_two_connections_to_one_store_have_the_same_names(file: Path) -> None:
    """Whatever the store is called: a link to it is it."""
    one = Database(file)
    async with one.exclusive("a"):
        file.with_name("link").symlink_to(file)
        assert await is_refused(Database(file), "a")
        assert await is_refused(Database(file.with_name("link")), "a")
        assert not await is_refused(Database(file.with_name("other")), "a")


async def test_stores_in_memory_are_not_in_each_others_way() -> None:
    """Each is its own process's, and its own."""
    async with Database(None).exclusive("a"):
        assert not await is_refused(Database(None), "a")


async def test_accounts_are_not_in_each_others_way(file: Path) -> None:
    """Nor could one account's name spell another's."""
    async with Database(file, account="one").exclusive("a"):
        assert not await is_refused(Database(file, account="other"), "a")
        assert not await is_refused(Database(file), "one\0a")
        assert await Database(file, account="one").is_taken("a")
        assert not await Database(file, account="other").is_taken("a")


def mode(path: Path) -> int:
    """The permissions of a file."""
    return stat.S_IMODE(path.stat().st_mode)


async def test_the_locks_are_nobody_else_s_business_and_are_removed(file: Path) -> None:
    """They tell no name; a store that only lists its tools, or is asked, gets no folder."""
    database = Database(file)
    assert not await database.is_taken("a")
    assert not file.parent.exists()
    name = "call:../../\ud83d" + "x" * 500
    async with database.exclusive(name):
        (lock,) = (file.parent / "store.sqlite3.locks").iterdir()
        assert (mode(file.parent), mode(lock.parent), mode(lock)) == (0o700, 0o700, 0o600)
        assert (lock.suffix, len(lock.stem), lock.read_bytes()) == (".lock", 32, b"")
    assert list(lock.parent.iterdir()) == []


def a_file(folder: Path) -> None:
    """What should be the folder of the locks is a file."""
    folder.write_text("a file")


def a_folder_instead(folder: Path) -> None:
    """What should be the store's folder is a file, too."""
    folder.parent.rmdir()
    folder.parent.write_text("a file")


@pytest.mark.parametrize("spoil", [a_file, a_folder_instead])
async def test_a_folder_that_cannot_be_written_is_told_in_three_parts(
    file: Path, spoil: Callable[[Path], None]
) -> None:
    """Nothing may be sent, since nobody can tell who else is at it."""
    file.parent.mkdir()
    spoil(file.parent / "store.sqlite3.locks")
    with pytest.raises(StoreError) as refused:
        async with Database(file).exclusive("a"):
            pytest.fail("it was taken")
    error = refused.value
    assert error.what.startswith(f"The locks beside the store {file} cannot be used (")
    assert error.state == "Nothing was sent; reading images still works."
    assert "--store FILE" in error.next_step
    assert error.reason is Reason.STORE_UNAVAILABLE
    assert str(error.__cause__) not in str(error)


@pytest.mark.skipif(
    os.name != "posix" or os.geteuid() == 0, reason="root may write into every folder"
)
async def test_a_folder_without_the_right_to_write_is_told(file: Path) -> None:
    """As a folder that is none."""
    file.parent.mkdir()
    file.parent.chmod(0o500)
    with pytest.raises(StoreError):
        async with Database(file).exclusive("a"):
            pytest.fail("it was taken")
    file.parent.chmod(0o700)


class Watched(PosixPath):
    """A path that tells which threads look at the disk."""

    threads: ClassVar[set[int]] = set()

    def resolve(self, strict: bool = False) -> "Watched":
        """Note who looks."""
        self.threads.add(get_ident())
        return super().resolve(strict)


async def test_the_disk_is_looked_at_off_the_event_loop(file: Path) -> None:
    """A slow one holds up nobody's answer."""
    database = Database(Watched(file))
    async with database.exclusive("a"):
        assert await database.is_taken("a")
    assert Watched.threads
    assert get_ident() not in Watched.threads


async def test_another_process_is_refused_until_the_first_gives_the_name_back(file: Path) -> None:
    """Promise: the same call is made by one process at a time."""
    database = Database(file, account="mine")
    with holder(file, "a") as first:
        assert said(first) == "taken"
        assert await is_refused(database, "a")
        assert await database.is_taken("a")
        assert not await is_refused(database, "b")
        with holder(file, "a") as second, holder(file, "a", account="other") as third:
            assert (said(second), said(third)) == ("still_running", "taken")
        first.communicate("end\n", timeout=20)
    assert not await database.is_taken("a")
    assert not await is_refused(database, "a")


async def test_the_name_of_a_killed_process_is_free_at_once(file: Path) -> None:
    """No silence is waited for: the system knows that it is gone."""
    database = Database(file, account="mine")
    with holder(file, "a") as process:
        assert said(process) == "taken"
        assert await database.is_taken("a")
        process.kill()
        process.wait(timeout=20)
        assert not await database.is_taken("a")
        assert not await is_refused(database, "a")
    assert list((file.parent / "store.sqlite3.locks").iterdir()) == []


def why_not_apart() -> str:
    """Why no process of this machine can be given process ids of its own; "" when one can."""
    if shutil.which("unshare") is None:
        return "there is no unshare"
    tried = subprocess.run([*NEW_PIDS, "true"], capture_output=True, check=False, timeout=20)
    return "" if tried.returncode == 0 else "unshare is not permitted"


async def test_a_process_of_another_container_is_refused_and_refuses(file: Path) -> None:
    """Its process ids tell nothing here, nor ours there: each looked dead to the other."""
    if why := why_not_apart():
        pytest.skip(why)
    database = Database(file, account="mine")
    async with database.exclusive("ours"):
        with holder(file, "ours", around=NEW_PIDS) as apart:
            assert said(apart) == "still_running"
    with holder(file, "theirs", around=NEW_PIDS) as apart:
        assert said(apart) == "taken"
        assert await is_refused(database, "theirs")
        with holder(file, "theirs", around=NEW_PIDS) as third:
            assert said(third) == "still_running"
        apart.communicate("end\n", timeout=20)
    assert not await is_refused(database, "theirs")


async def test_nobody_gets_a_name_twice_while_its_file_comes_and_goes(file: Path) -> None:
    """Each who is done removes the file that the next has opened: one at a time, all the same."""
    inside: list[int] = []
    most: list[int] = []
    turns: list[int] = []

    async def work(number: int) -> None:
        database = Database(file)
        for _ in range(30):
            try:
                async with database.exclusive("a"):
                    inside.append(number)
                    most.append(len(inside))
                    await anyio.lowlevel.checkpoint()
                    inside.remove(number)
                    turns.append(number)
            except GuardError:
                await anyio.lowlevel.checkpoint()

    async with anyio.create_task_group() as group:
        for number in range(4):
            group.start_soon(work, number)
    assert set(most) == {1}
    assert len(turns) > 4
