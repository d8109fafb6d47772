"""A SQLite store moved to PostgreSQL: all of it, or nothing."""

from contextlib import closing
from pathlib import Path

import anyio
import pytest

from fw_mcp.cli.main import main
from fw_mcp.errors import StoreError
from fw_mcp.store.database import Store, session_id
from fw_mcp.store.history import History
from fw_mcp.store.journal import Journal
from fw_mcp.store.plans import Claim, PlanStore
from fw_mcp.store.sqlite import Database
from fw_mcp.store.uploads import UploadStore
from tests.store.test_journal import CHANGE, ENDS, INTENTS, KIND
from tests.store.test_plans import NOON, PLAN, claimed
from tests.store.test_uploads import FOG
from tests.support.postgres import Place
from tests.support.products import exhaustive
from tests.support.studio import Clock

ACCOUNTS = ("one", "other")


async def fill(file: Path) -> None:
    """A bit of everything, of two accounts."""
    for account in ACCOUNTS:
        with closing(Database(file, account=account)) as database:
            await session_id(database)
            plans = PlanStore(database)
            await plans.add(PLAN)
            assert await claimed(plans) is Claim.WON
            journal = Journal(database, Clock())
            async with database.exclusive("c1") as fence:
                await journal.begin(CHANGE, KIND, INTENTS, fence)
            await journal.finish("c1", ENDS)
            await UploadStore(database).begin(FOG, 10_000)


async def told(database: Store) -> list[object]:
    """All that a store tells."""
    plans, history = PlanStore(database), History(database)
    return [
        await plans.get(PLAN.plan_id),
        await plans.spent(NOON),
        [one async for one in history.everything()],
        await UploadStore(database).every(),
        await session_id(database),
    ]


@exhaustive
def test_everything_of_every_account_arrives(
    tmp_path: Path, place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    """Promise: what a file knew, the database knows; and how much that is, it says itself."""
    file = tmp_path / "store.sqlite3"
    anyio.run(fill, file)
    assert main(["--sandbox", "store", "copy", str(file), place.url]) == 0
    counts = "2 facts, 2 plans, 2 changes, 4 items, 2 uploads"
    assert counts in capsys.readouterr().out
    for account in ACCOUNTS:
        with closing(Database(file, account=account)) as database:
            assert anyio.run(told, place(account)) == anyio.run(told, database)


@exhaustive
def test_a_target_that_is_not_empty_is_refused(
    tmp_path: Path, place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    """Promise: two stores are never mixed; nothing of either is changed."""
    file = tmp_path / "store.sqlite3"
    anyio.run(fill, file)
    theirs = place("theirs")
    anyio.run(session_id, theirs)
    assert main(["--sandbox", "store", "copy", str(file), place.url]) == 1
    assert "is not empty. Nothing was copied." in capsys.readouterr().err
    assert anyio.run(History(place("one")).page, 1, 25) == ([], 0)


@exhaustive
def test_a_source_that_is_no_store_is_refused(tmp_path: Path, place: Place) -> None:
    """In words, before the target has a row."""
    file = tmp_path / "diary"
    file.write_text("Dear me. " * 100)
    assert main(["--sandbox", "store", "copy", str(file), place.url]) == 1
    assert main(["--sandbox", "store", "copy", str(tmp_path / "none"), place.url]) == 2
    assert place("mine").accounts() == []


@exhaustive
def test_the_tables_are_made_when_they_are_asked_for(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    """Promise: an operator may do it apart; the second time there is nothing to do."""
    words = ["--sandbox", "--store", place.url, "store", "migrate"]
    assert (main(words), main(words)) == (0, 0)
    said = capsys.readouterr().out.splitlines()
    assert [line.rpartition("fw ")[2] for line in said] == [
        "was brought up to date.",
        "is up to date.",
    ]


def test_a_file_is_brought_up_to_date_by_the_same_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is done whenever one is opened."""
    file = tmp_path / "store.sqlite3"
    assert main(["--sandbox", "--store", str(file), "store", "migrate"]) == 0
    assert capsys.readouterr().out == f"The store {file} is up to date.\n"
    with pytest.raises(StoreError):
        anyio.run(session_id, Database(tmp_path))


def test_a_copy_needs_an_address(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file is copied by whoever copies files."""
    file = str(tmp_path / "store.sqlite3")
    assert main(["--sandbox", "--store", file, "store", "copy", file]) == 2
    assert "Write fw-mcp store copy FILE URL" in capsys.readouterr().err
