"""The tables of the store, and how an older file becomes a present one."""

import json
import sqlite3
from collections.abc import Callable, Mapping
from types import MappingProxyType

# "fwmc": what tells a store from another program's SQLite file.
_APPLICATION_ID = 0x66776D63
_VERSION = 2

_PLANS = """
CREATE TABLE plans (
    plan_id TEXT PRIMARY KEY, tool TEXT NOT NULL, caller TEXT NOT NULL,
    arguments_digest TEXT NOT NULL, targets_digest TEXT NOT NULL, weight INTEGER NOT NULL,
    question TEXT NOT NULL, created_at REAL NOT NULL, expires_at REAL NOT NULL,
    approved_at REAL, ended_at REAL, ended_as TEXT
);
CREATE INDEX plans_ended ON plans (ended_as, ended_at);
"""
_CHANGES = """
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
"""
_FACTS = "CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);"
_LEASES = """
CREATE TABLE leases (name TEXT PRIMARY KEY, owner TEXT NOT NULL, taken_at REAL NOT NULL);
"""

_JOURNAL_1 = [
    "entry_id",
    "tool",
    "caller",
    "plan_id",
    "begun_at",
    "intent",
    "former",
    "finished_at",
    "outcome",
]
_KIND_OF = MappingProxyType(
    {
        "add_images": "add_images",
        "update_image_metadata": "update_images",
        "delete_images": "delete_images",
        "set_selection": "update_file_selection",
    }
)


class UnusableFileError(sqlite3.DatabaseError):
    """The file is no store that this version can use."""


def check_usable(connection: sqlite3.Connection) -> None:
    """Leave a file alone that is no store of ours.

    Raises:
        UnusableFileError: the file is another program's, or a newer version's.
    """
    version = _version(connection)
    marked = connection.execute("PRAGMA application_id").fetchone()[0] == _APPLICATION_ID
    if marked and version > _VERSION:
        raise UnusableFileError(f"a newer fw-mcp wrote it: schema {version}")
    empty = connection.execute("SELECT 1 FROM sqlite_master").fetchone() is None
    # The first version left no mark: its tables tell.
    first = [row[1] for row in connection.execute("PRAGMA table_info(journal)")] == _JOURNAL_1
    ours = {0: empty, 1: first, _VERSION: marked}
    if not ours.get(version, False):
        raise UnusableFileError("it is another program's database")


def prepare(connection: sqlite3.Connection) -> None:
    """Make the tables, or bring those of an older version up to date; inside a transaction."""
    version = _version(connection)
    if version == _VERSION:
        return
    _UPGRADES[version](connection)
    connection.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {_VERSION}")


def _create(connection: sqlite3.Connection) -> None:
    _run(connection, _FACTS + _PLANS + _CHANGES + _LEASES)


def _from_1(connection: sqlite3.Connection) -> None:
    """Version 1 had one entry a chunk and no record of the call: each becomes a change."""
    rows = connection.execute("SELECT * FROM journal ORDER BY entry_id").fetchall()
    _run(connection, "DROP TABLE journal;" + _CHANGES + _LEASES)
    for row in rows:
        connection.execute(
            "INSERT INTO changes (change_id, tool, caller, account, arguments, arguments_digest,"
            " plan_id, seen, owner, begun_at, ended_at)"
            " VALUES (?, ?, ?, '', '{}', '', ?, '{}', '', ?, ?)",
            (
                _change_id(row["entry_id"]),
                row["tool"],
                row["caller"],
                row["plan_id"],
                row["begun_at"],
                row["finished_at"],
            ),
        )
        connection.execute(
            "INSERT INTO journal VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                row["entry_id"],
                _change_id(row["entry_id"]),
                _KIND_OF[row["tool"]],
                row["begun_at"],
                _numbered(row["intent"]),
                row["former"],
                row["finished_at"],
                row["outcome"] and _numbered(row["outcome"]),
                sum(one["outcome"] == "unknown" for one in json.loads(row["outcome"] or "[]")),
            ),
        )


_UPGRADES: Mapping[int, Callable[[sqlite3.Connection], None]] = MappingProxyType(
    {0: _create, 1: _from_1}
)


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def _change_id(entry_id: int) -> str:
    return f"{entry_id:016x}"


def _numbered(records: str) -> str:
    """The records with the place of each, by which an entry's parts find each other."""
    return json.dumps([{"item": item, **one} for item, one in enumerate(json.loads(records))])


def _run(connection: sqlite3.Connection, statements: str) -> None:
    # executescript would end the transaction.
    for statement in statements.split(";"):
        connection.execute(statement)
