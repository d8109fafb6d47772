"""A store's file that is removed, replaced, shown to others, or out of room while it is in use."""

import os
import shutil
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import anyio
import pytest

from fw_mcp.errors import StoreError
from fw_mcp.store.sqlite import Database, accounts_in
from tests.support.process import environment

pytestmark = pytest.mark.anyio

posix = pytest.mark.skipif(os.name == "nt", reason="Windows removes no open file")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Name a store."""
    return tmp_path / "store.sqlite3"


def keep(name: str) -> Callable[[sqlite3.Connection], None]:
    """Work that writes a fact down."""

    def work(connection: sqlite3.Connection) -> None:
        row = (name,)
        connection.execute("INSERT INTO facts (account, name, value) VALUES ('', ?, 'k')", row)

    return work


def facts(connection: sqlite3.Connection) -> list[str]:
    """The facts that are kept."""
    return [row["name"] for row in connection.execute("SELECT name FROM facts ORDER BY name")]


def remove(*files: Path) -> None:
    """Remove files, whoever has them open."""
    for file in files:
        file.unlink()


def whole(file: Path) -> bool:
    """Whether the file is sound."""
    with closing(sqlite3.connect(file)) as connection:
        return bool(connection.execute("PRAGMA integrity_check").fetchone() == ("ok",))


@posix
@pytest.mark.parametrize("with_the_rest", [True, False])
async def test_a_store_that_was_removed_is_made_anew_before_the_next_write(
    file: Path, with_the_rest: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """What goes into a file without a name, nobody ever reads."""
    database = Database(file)
    await database.run(keep("lost"))
    remove(*(file.parent.iterdir() if with_the_rest else [file]))
    await database.run(keep("kept"))
    other = Database(file)
    assert await other.run(facts) == await database.run(facts) == ["kept"]
    assert "was removed or replaced" in caplog.text
    database.close()
    other.close()
    assert whole(file)


@posix
async def test_a_store_that_was_replaced_is_the_one_that_is_written_to(
    file: Path, tmp_path: Path
) -> None:
    """A backup put back: nothing of the lost file gets into it."""
    database = Database(file)
    await database.run(keep("old"))
    database.close()
    shutil.copy(file, tmp_path / "backup")
    await database.run(keep("lost"))
    (tmp_path / "backup").replace(file)
    await database.run(keep("new"))
    other = Database(file)
    assert await other.run(facts) == await database.run(facts) == ["new", "old"]
    database.close()
    other.close()
    assert whole(file)


@posix
async def test_two_that_lost_their_file_meet_in_the_new_one(file: Path) -> None:
    """The second leaves what the first made alone, and so does a third that comes anew."""
    one, other = Database(file), Database(file)
    await one.run(keep("lost"))
    await other.run(keep("lost, too"))
    remove(file)
    third = Database(file)
    await third.run(keep("a"))
    await one.run(keep("b"))
    await other.run(keep("c"))
    assert await one.run(facts) == await other.run(facts) == await third.run(facts)
    assert await one.run(facts) == ["a", "b", "c"]
    for database in (one, other, third):
        database.close()
    assert whole(file)
    assert await third.run(facts) == ["a", "b", "c"]
    third.close()


@posix
async def test_a_store_that_others_may_read_is_its_owner_s_alone_from_then_on(file: Path) -> None:
    """Promise: it is readable by its owner alone, however it came there."""
    first = Database(file)
    await first.run(keep("a"))
    for path in file.parent.iterdir():
        path.chmod(0o644)
    second = Database(file)
    await second.run(keep("b"))
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in file.parent.iterdir()}
    assert modes == {
        "store.sqlite3": 0o600,
        "store.sqlite3-wal": 0o600,
        "store.sqlite3-shm": 0o600,
    }
    first.close()
    second.close()


@posix
def test_a_file_that_is_no_store_keeps_its_mode(file: Path) -> None:
    """It is somebody else's business."""
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE diary (day TEXT)")
    file.chmod(0o644)
    with pytest.raises(StoreError, match="another program's database"):
        anyio.run(Database(file).run, facts)
    assert stat.S_IMODE(file.stat().st_mode) == 0o644


@posix
@pytest.mark.parametrize("kind", ["pipe", "link to a pipe"])
def test_what_is_no_ordinary_file_is_left_as_it_is(kind: str, file: Path) -> None:
    """Promise: root's `--store /dev/null` takes the null device from nobody; a pipe blocks none."""
    pipe = file.with_name("pipe")
    os.mkfifo(pipe)
    pipe.chmod(0o666)
    if kind == "pipe":
        file = pipe
    else:
        file.symlink_to(pipe)
    assert accounts_in(file) == []
    with pytest.raises(StoreError, match="it is not a regular file"):
        anyio.run(Database(file).run, facts)
    assert stat.S_IMODE(pipe.stat().st_mode) == 0o666
    assert sorted(file.parent.iterdir()) == sorted({file, pipe})


@posix
def test_room_on_a_full_disk_is_noticed_without_a_restart(file: Path) -> None:
    """Nothing is kept by halves meanwhile."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.store.filled", str(file)],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    full = "store_unavailable"
    assert (done.stdout.split(), done.stderr) == (["kept", full, full, "kept"], "")
    with closing(sqlite3.connect(file)) as connection:
        names = connection.execute("SELECT name FROM facts ORDER BY name").fetchall()
    assert names == [("after",), ("before",)]
