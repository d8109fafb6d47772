"""The tables of the store: an older file is brought up to date, another's is left as it is."""

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from fw_mcp.errors import Reason, StoreError
from fw_mcp.store.database import session_id
from fw_mcp.store.history import History
from fw_mcp.store.journal import Change, End, Intent, Item, Journal, Unsettled
from fw_mcp.store.plans import Claim, PlanStore
from fw_mcp.store.sqlite import Database
from fw_mcp.store.uploads import UploadStore
from tests.support.studio import Clock

pytestmark = pytest.mark.anyio

MARK = 0x66776D63
NOON = 1_800_000_000.0
KEPT_SESSION = "0123456789abcdef0123456789abcdef"
# As version 2 made it.
VERSION_2 = """
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE plans (
    plan_id TEXT PRIMARY KEY, tool TEXT NOT NULL, caller TEXT NOT NULL,
    arguments_digest TEXT NOT NULL, targets_digest TEXT NOT NULL, weight INTEGER NOT NULL,
    question TEXT NOT NULL, created_at REAL NOT NULL, expires_at REAL NOT NULL,
    approved_at REAL, ended_at REAL, ended_as TEXT
);
CREATE INDEX plans_ended ON plans (ended_as, ended_at);
CREATE TABLE changes (
    change_id TEXT PRIMARY KEY, tool TEXT NOT NULL, caller TEXT NOT NULL, account TEXT NOT NULL,
    arguments TEXT NOT NULL, arguments_digest TEXT NOT NULL,
    plan_id TEXT, accepted TEXT, undoes TEXT, seen TEXT NOT NULL,
    owner TEXT NOT NULL, begun_at REAL NOT NULL, ended_at REAL, result TEXT
);
CREATE INDEX changes_alike ON changes (arguments_digest, begun_at);
CREATE INDEX changes_newest ON changes (begun_at);
CREATE INDEX changes_whole ON changes (begun_at)
    WHERE arguments != '{}' OR result IS NOT NULL OR seen != '{}';
CREATE INDEX changes_undoing ON changes (undoes) WHERE undoes IS NOT NULL;
CREATE TABLE journal (
    entry_id INTEGER PRIMARY KEY AUTOINCREMENT,
    change_id TEXT NOT NULL REFERENCES changes (change_id) ON DELETE CASCADE,
    kind TEXT NOT NULL, begun_at REAL NOT NULL, intent TEXT NOT NULL, former TEXT NOT NULL,
    finished_at REAL, outcome TEXT, unknown INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX journal_change ON journal (change_id);
CREATE INDEX journal_since ON journal (coalesce(finished_at, begun_at));
CREATE INDEX journal_unfinished ON journal (entry_id) WHERE finished_at IS NULL;
CREATE INDEX journal_unknown ON journal (entry_id) WHERE unknown > 0;
CREATE TABLE leases (name TEXT PRIMARY KEY, owner TEXT NOT NULL, taken_at REAL NOT NULL);
INSERT INTO facts VALUES ('session_id', '0123456789abcdef0123456789abcdef');
INSERT INTO plans VALUES (
    'abcd', 'delete_images', 'stdio:host', 'a', 't', 1, 'Delete?', 1800000000, 1800000600,
    NULL, NULL, NULL
), (
    'spent', 'delete_images', 'stdio:host', 'a', 't', 7, 'Delete?', 1800000000, 1800000600,
    1800000001.5, 1800000002, 'carried_out'
);
INSERT INTO leases VALUES ('call:1', '71-abcd', 1800000000);
PRAGMA application_id = 1719102819;
PRAGMA user_version = 2;
"""
CHANGES = "INSERT INTO changes VALUES (?, ?, 'stdio:host', ?, ?, 'd', ?, ?, ?, ?, '71-a', ?, ?, ?)"
JOURNAL = (
    "INSERT INTO journal (change_id, kind, begun_at, intent, former, finished_at, outcome, unknown)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)


@dataclass
class Entry:
    """An entry of version 2; unfinished without an outcome."""

    kind: str
    intent: list[dict[str, Any]]
    former: list[dict[str, Any]] = field(default_factory=list)
    outcome: list[dict[str, Any]] | None = None


@dataclass
class Old:
    """A change of version 2 with its entries, begun a second after each other."""

    change_id: str
    tool: str
    account: str = "mine"
    entries: Sequence[Entry] = ()
    undoes: str | None = None
    ended: bool = True


def record(guid: str, title: str) -> dict[str, Any]:
    """A full record."""
    return {"guid": guid, "title": title}


def end(item: int, guid: str | None, outcome: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401  JSON
    """An outcome of version 2."""
    told = {"detail": "", "after": None, "stored": None, "doubled": False}
    return {"item": item, "guid": guid, "outcome": outcome, **told, **more}


def kept(connection: sqlite3.Connection, old: Old, begun_at: float) -> None:
    """Put a change of version 2 into its tables."""
    ended_at = begun_at + 9 if old.ended else None
    connection.execute(
        CHANGES,
        (
            old.change_id,
            old.tool,
            old.account,
            '{"a":1}',
            "abcd",
            "two_step",
            old.undoes,
            '{"1f":"s"}',
            begun_at,
            ended_at,
            '{"status":"completed"}' if old.ended else None,
        ),
    )
    for number, one in enumerate(old.entries):
        finished = begun_at + number + 0.5 if one.outcome is not None else None
        connection.execute(
            JOURNAL,
            (
                old.change_id,
                one.kind,
                begun_at + number,
                json.dumps(one.intent),
                json.dumps(one.former),
                finished,
                json.dumps(one.outcome) if one.outcome is not None else None,
                sum(done["outcome"] == "unknown" for done in one.outcome or []),
            ),
        )


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Name a store."""
    return tmp_path / "store.sqlite3"


def made(file: Path, script: str, *changes: Old) -> Path:
    """A file with these tables, and changes a minute after each other."""
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript(script)
        for number, old in enumerate(changes):
            kept(connection, old, NOON + 60 * number)
        connection.commit()
    return file


def upgraded(file: Path, *changes: Old, account: str = "mine") -> Database:
    """A store of version 2, to be opened."""
    return Database(made(file, VERSION_2, *changes), account=account)


def content(file: Path) -> bytes:
    """Every byte of a file."""
    return file.read_bytes()


def shape(connection: sqlite3.Connection) -> dict[str, tuple[str, list[str]]]:
    """Every table and index: how it was made, and the columns."""
    names = connection.execute(
        "SELECT name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite%' ORDER BY name"
    )
    return {
        name: (sql, [row["name"] for row in connection.execute(f"PRAGMA table_info({name})")])
        for name, sql in names.fetchall()
    }


def marks(connection: sqlite3.Connection) -> tuple[int, int]:
    """The version, and whose file it is."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    return version, application


DELETION = Old(
    "c1",
    "delete_images",
    entries=[
        Entry(
            "delete_images",
            [{"item": n, "guid": f"g{n}", "library": "inventory"} for n in range(3)],
            [record(f"g{n}", "Fog") for n in range(3)],
            [
                end(0, "g0", "deleted"),
                end(1, "g1", "unknown", detail="Lost.", after=record("g1", "Fog")),
                end(2, "g2", "failed", detail="No.", after=record("g2", "Fog")),
            ],
        ),
        Entry(
            "delete_images",
            [{"item": n, "guid": f"g{n}", "library": "inventory"} for n in (1, 3)],
            [record("g1", "Fog again"), record("g3", "Fog")],
        ),
    ],
    ended=False,
)


async def test_an_upgraded_file_has_the_tables_of_a_new_one(file: Path) -> None:
    """Word for word, with its indexes; and says whose it is."""
    old, new = upgraded(file, DELETION), Database(None)
    assert await old.run(shape) == await new.run(shape)
    assert await old.run(marks) == await new.run(marks) == (6, MARK)
    checks = await old.run(lambda one: [*one.execute("PRAGMA foreign_key_check").fetchall()])
    assert checks == []
    old.close()


_NO_KEYS = (
    "ALTER TABLE plans DROP COLUMN won_by; ALTER TABLE uploads DROP COLUMN begun_by;"
    "PRAGMA user_version = 5;"
)
_NO_CLIENT = f"{_NO_KEYS} ALTER TABLE changes DROP COLUMN client; PRAGMA user_version = 4;"
LACKING = {
    5: _NO_KEYS,
    4: _NO_CLIENT,
    3: f"{_NO_CLIENT} DROP TABLE uploads; PRAGMA user_version = 3;",
}


async def lacking(file: Path, version: int) -> None:
    """A store of that version which holds a change and a plan: it had all else."""
    with closing(upgraded(file, DELETION)) as database:
        await database.run(marks)
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript(LACKING[version])


@pytest.mark.parametrize("version", LACKING)
async def test_a_file_of_the_last_versions_keeps_what_it_has_and_gets_what_it_lacks(
    file: Path, version: int
) -> None:
    """It is what a new one is; what was in it is there."""
    await lacking(file, version)
    old, new = Database(file, account="mine"), Database(None)
    assert await old.run(shape) == await new.run(shape)
    assert await old.run(marks) == (6, MARK)
    assert len(await History(old).items("c1")) == 4
    assert await PlanStore(old).get("spent") is not None
    assert await UploadStore(old).every() == []
    old.close()


async def test_what_belonged_to_no_account_belongs_to_the_one_that_opens_the_store(
    file: Path,
) -> None:
    """Its plans can be answered, and count."""
    database = upgraded(file)
    plans = PlanStore(database)
    (waiting,) = await plans.pending(NOON)
    assert (waiting.plan_id, waiting.question, waiting.weight) == ("abcd", "Delete?", 1)
    spent = await plans.get("spent")
    assert spent is not None
    assert (spent.approved_at, spent.ended_at) == (NOON + 1.5, NOON + 2)
    assert await plans.spent(NOON + 60) == 7
    claimed = await plans.claim("abcd", NOON + 60, weight_per_hour=7, approved_only=False)
    assert claimed is Claim.HOURLY_LIMIT
    other = Database(file, account="other")
    assert await PlanStore(other).get("abcd") is None
    database.close()
    other.close()


async def test_a_command_without_keys_does_not_take_the_session_id_away(file: Path) -> None:
    """No change is on record, so that it cannot know the account; the server starts after it."""
    made(file, VERSION_2)
    with closing(Database(file, account="")) as command:
        await command.run(lambda _: None)
    with closing(Database(file, account="mine")) as server:
        assert await session_id(server) == KEPT_SESSION


async def test_each_account_of_an_older_store_keeps_the_session_id_that_it_used(file: Path) -> None:
    """Another makes its temporary images unreachable, whoever opens the store first."""
    made(file, VERSION_2, DELETION, Old("c2", "add_images", account="other"))
    for account in ("other", "mine"):
        with closing(Database(file, account=account)) as database:
            assert await session_id(database) == KEPT_SESSION


async def test_each_item_of_each_entry_becomes_a_row(file: Path) -> None:
    """With what was sent, what stood there and what came; a later run's row wins."""
    database = upgraded(file, DELETION)
    history = History(database)
    change = Change(
        "c1",
        "delete_images",
        "stdio:host",
        '{"a":1}',
        "d",
        "abcd",
        "two_step",
        seen='{"1f":"s"}',
        begun_at=NOON,
    )
    assert await history.change("c1") == change
    first = Item(
        change_id="c1",
        item=0,
        kind="delete_images",
        guid="g0",
        sent={"guid": "g0", "library": "inventory"},
        before=record("g0", "Fog"),
        after=None,
        outcome="deleted",
        detail="",
        doubled=False,
        place=1,
        begun_at=NOON,
        finished_at=NOON + 0.5,
    )
    items = await history.items("c1")
    assert items[0] == first
    told = [(one.item, one.outcome, one.detail, one.place, one.before) for one in items]
    assert told == [
        (0, "deleted", "", 1, record("g0", "Fog")),
        (1, None, "", 4, record("g1", "Fog again")),
        (2, "failed", "No.", 3, record("g2", "Fog")),
        (3, None, "", 5, record("g3", "Fog")),
    ]
    assert [one.after for one in items] == [None, None, record("g2", "Fog"), None]
    assert [one.finished_at for one in items] == [NOON + 0.5, None, NOON + 0.5, None]
    open_ones = await Journal(database, Clock()).unsettled()
    assert open_ones == [Unsettled("c1", "delete_images", NOON, False, 2)]
    summary = await history.summary("c1")
    assert summary is not None
    assert summary.outcomes == {"deleted": 1, "unfinished": 2, "failed": 1}
    database.close()


async def test_what_was_in_a_library_when_an_add_began_is_kept_with_the_change(file: Path) -> None:
    """That of its first entry; an image that was added stood nowhere before."""
    first, later = {"newest_id": 7, "guids": []}, {"newest_id": 8, "guids": []}
    sent = {"title": "Sun", "library": "temporary"}
    database = upgraded(
        file,
        Old(
            "c1",
            "add_images",
            entries=[
                Entry(
                    "add_images",
                    [{"item": 0, **sent}],
                    [first],
                    [end(0, "9a", "created", after=record("9a", "Sun"), doubled=True)],
                ),
                Entry("add_images", [{"item": 1, **sent}], [later]),
            ],
        ),
        # The first version kept no baseline.
        Old("c2", "add_images", entries=[Entry("add_images", [{"item": 0, **sent}])]),
        Old("c3", "add_images", entries=[Entry("add_images", [{"item": 0}], [{"guid": "odd"}])]),
    )
    history = History(database)
    found = [await history.change(one) for one in ("c1", "c2", "c3")]
    assert [one and one.baseline for one in found] == [
        json.dumps(first, separators=(",", ":")),
        None,
        None,
    ]
    added, cut_off = await history.items("c1")
    assert (added.guid, added.sent, added.before, added.doubled) == ("9a", sent, None, True)
    assert added.after == record("9a", "Sun")
    assert (cut_off.guid, cut_off.outcome) == (None, None)
    (odd,) = await history.items("c3")
    assert (odd.sent, odd.before) == (None, None)
    database.close()


async def test_what_a_selection_held_before_and_holds_is_kept(file: Path) -> None:
    """Each as a record of its own."""
    sent = {"guid": "key", "guids": ["a", "b"]}
    former = {"guid": "key", "guids": ["c"]}
    kind = "update_file_selection"
    database = upgraded(
        file,
        Old(
            "c1",
            "set_selection",
            entries=[
                Entry(kind, [{"item": 0, **sent}], [former], [end(0, "key", "updated", stored=[])])
            ],
        ),
    )
    (item,) = await History(database).items("c1")
    assert (item.guid, item.sent, item.before) == ("key", sent, former)
    assert item.after == {"guid": "key", "guids": []}
    database.close()


def deleted(change_id: str, account: str = "mine", undoes: str | None = None) -> Old:
    """A deletion of one image."""
    entry = Entry(
        "delete_images",
        [{"item": 0, "guid": "g0"}],
        [record("g0", "Fog")],
        [end(0, "g0", "deleted")],
    )
    return Old(change_id, "delete_images", account, [entry], undoes)


async def test_each_change_stays_its_account_s(file: Path) -> None:
    """One that names none is the opener's."""
    database = upgraded(file, deleted("m"), deleted("t", "theirs"), deleted("n", ""))
    await database.run(marks)
    pages = {}
    for account in ("mine", "theirs", "", "nobody's"):
        page, _ = await History(Database(file, account=account)).page(1, 9)
        pages[account] = [one.change_id for one in page]
    assert pages == {"mine": ["n", "m"], "theirs": ["t"], "": [], "nobody's": []}
    database.close()


async def test_the_order_of_older_changes_is_kept_and_goes_on(file: Path) -> None:
    """What is written next comes after them."""
    database = upgraded(file, deleted("c1"), deleted("c2", undoes="c1"), deleted("c3", undoes="c1"))
    history, journal = History(database), Journal(database, Clock())
    assert [one.change_id for one in await history.undoing("c1")] == ["c2", "c3"]
    places = [await history.first_place(one) for one in ("c1", "c2", "c3")]
    assert places == [1, 2, 3]
    change = Change("c4", "delete_images", "stdio:host", "{}", "d")
    async with database.exclusive("c4") as fence:
        await journal.begin(change, "delete_images", {0: Intent("1f", None)}, fence)
    assert await history.first_place("c4") == await history.last_place("c4") == 4
    everything = [one.change_id async for one, _ in history.everything()]
    assert everything == ["c1", "c2", "c3", "c4"]
    database.close()


async def test_an_older_change_is_as_old_as_its_last_work(file: Path) -> None:
    """It is found again, gone on with and let go of by that."""
    long = Old("c1", "delete_images", entries=[*DELETION.entries, *DELETION.entries], ended=False)
    database = upgraded(file, long, deleted("c2"))
    history = History(database)

    async def alike(since: float) -> str | None:
        found = await history.alike("delete_images", "stdio:host", "d", since)
        return found.change_id if found else None

    assert (await alike(NOON + 69), await alike(NOON + 69.1)) == ("c2", None)
    assert await history.forget(NOON + 70) == 1
    assert (await alike(NOON + 3), await alike(NOON + 3.1)) == ("c1", None)
    await Journal(database, Clock()).finish("c1", {item: End(None, "failed") for item in (1, 3)})
    assert (await history.forget(NOON + 3), await history.forget(NOON + 3.1)) == (0, 1)
    database.close()


async def test_any_text_of_an_older_file_is_kept(file: Path) -> None:
    """Half an emoji, NUL, numbers that JSON does not know."""
    odd = {"guid": "\ud83d", "title": "\0", "id": float("inf")}
    entry = Entry(
        "update_images",
        [{"item": 0, **odd}],
        [odd],
        [end(0, "\ud83d", "failed", detail="\ud83d \0", after=odd)],
    )
    database = upgraded(file, Old("c1", "update_image_metadata", entries=[entry]))
    (item,) = await History(database).items("c1")
    assert (item.guid, item.detail) == ("\ud83d", "\ud83d \0")
    assert item.sent == item.before == item.after == odd
    database.close()


async def test_a_file_is_upgraded_once(file: Path) -> None:
    """Opened again, and by two at once, it is what it was."""
    made(file, VERSION_2, deleted("c1"))
    for _ in range(2):
        one, two = Database(file, account="mine"), Database(file, account="theirs")
        assert (await History(one).page(1, 25))[1] == 1
        assert (await History(two).page(1, 25))[1] == 0
        one.close()
        two.close()


async def test_an_upgrade_that_fails_leaves_the_older_file_as_it_was(file: Path) -> None:
    """What is there cannot be read: a later version may know it."""
    made(
        file, VERSION_2, deleted("c1"), Old("c2", "brew", entries=[Entry("brew", [{"no": "item"}])])
    )
    with pytest.raises(StoreError) as refused:
        await Database(file).run(marks)
    assert "what an older fw-mcp stored there cannot be read" in refused.value.what
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (2,)
        assert connection.execute("SELECT count(*) FROM journal").fetchone() == (2,)
        assert connection.execute("SELECT count(*) FROM changes").fetchone() == (2,)
        names = connection.execute("SELECT name FROM sqlite_schema WHERE name LIKE 'items%'")
        assert names.fetchall() == []


VERSION_1 = """
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE journal (
    entry_id INTEGER PRIMARY KEY AUTOINCREMENT, tool TEXT NOT NULL, caller TEXT NOT NULL,
    plan_id TEXT, begun_at REAL NOT NULL, intent TEXT NOT NULL, former TEXT NOT NULL,
    finished_at REAL, outcome TEXT
);
INSERT INTO facts VALUES ('session_id', '0123456789abcdef0123456789abcdef');
PRAGMA user_version = 1;
"""


async def test_a_file_of_the_first_version_is_refused_and_left_as_it_is(file: Path) -> None:
    """To the byte; what it is and what to do is told."""
    made(file, VERSION_1)
    before = content(file)
    with pytest.raises(StoreError) as refused:
        await Database(file).run(marks)
    assert content(file) == before
    assert str(refused.value) == (
        f"Cannot use the store {file} (written by the first fw-mcp: schema 1, which is no "
        f"longer read). Nothing was sent; reading images still works. Move the file away to start "
        f"a new one, or name another with --store FILE; fw-mcp doctor checks it. "
        "(reason: store_unavailable)"
    )


DIARY = "CREATE TABLE journal (diary TEXT); INSERT INTO journal VALUES ('Dear me');"
FOREIGN = {
    "without a version": DIARY,
    "with the version of the first store": f"{DIARY} PRAGMA user_version = 1;",
    "with the version of an older store": f"{DIARY} PRAGMA user_version = 2;",
    "with the version of the last store": f"{DIARY} PRAGMA user_version = 3;",
    "with the version of the store before": f"{DIARY} PRAGMA user_version = 4;",
    "with the version of the last but one": f"{DIARY} PRAGMA user_version = 5;",
    "with the version of a store": f"{DIARY} PRAGMA user_version = 6;",
    "another program's by its mark": f"{DIARY} PRAGMA application_id = 7; PRAGMA user_version = 3;",
    "with a version of its own": f"{DIARY} PRAGMA user_version = -1;",
}


@pytest.mark.parametrize("script", FOREIGN.values(), ids=FOREIGN)
async def test_a_file_of_another_program_is_refused_and_left_as_it_is(
    file: Path, script: str
) -> None:
    """To the byte: not even the way it is written is changed."""
    made(file, script)
    before = content(file)
    with pytest.raises(StoreError) as refused:
        await Database(file).run(marks)
    assert content(file) == before
    assert refused.value.what == (
        f"Cannot use the store {file} (it is another program's database)."
    )
    assert refused.value.reason is Reason.STORE_UNAVAILABLE


@pytest.mark.parametrize("version", [7, 99])
async def test_a_file_of_a_newer_version_is_refused_and_left_as_it_is(
    file: Path, version: int
) -> None:
    """It may keep what this one does not understand; the version is named."""
    made(file, f"{DIARY} PRAGMA application_id = {MARK}; PRAGMA user_version = {version};")
    before = content(file)
    with pytest.raises(StoreError) as refused:
        await Database(file).run(marks)
    assert content(file) == before
    assert str(refused.value) == (
        f"Cannot use the store {file} (written by a newer fw-mcp: schema {version}). Nothing was "
        "sent; reading images still works. Start that version, or name another file with --store "
        "FILE; fw-mcp doctor checks it. (reason: store_unavailable)"
    )


async def test_an_empty_file_becomes_a_store(file: Path) -> None:
    """There is nothing in it to be lost."""
    database = Database(made(file, ""))
    assert content(file) == b""
    assert await database.run(marks) == (6, MARK)
    database.close()
