"""All that a SQLite store holds, of every account, into an empty one in PostgreSQL."""

import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path

import anyio

from fw_mcp.errors import Reason, StoreError
from fw_mcp.store.postgres import PostgresConnection, Server
from fw_mcp.store.schema import OWNED
from fw_mcp.store.sqlite import Database, SqliteConnection

_AT_ONCE = 500


def copied(source: Path, target: Server) -> Mapping[str, int]:
    """Copy it in one transaction of each; nobody else writes to the source meanwhile.

    Returns:
        Table → how many rows of it the target has, as it tells afterwards.

    Raises:
        StoreError: one of them cannot be used, or the target is not empty; nothing was copied.
    """
    database = Database(source)

    def work(connection: SqliteConnection) -> Mapping[str, int]:
        accounts = _accounts(connection)

        def put(into: PostgresConnection) -> None:
            if into.every_account(OWNED):
                raise _not_empty(target)
            for table in OWNED:
                _put(connection, into, table)

        target.transact(accounts, put, turn=None)
        return target.transact(accounts, _counts, turn=None)

    try:
        return anyio.run(database.run, work)
    finally:
        database.close()


def _accounts(connection: sqlite3.Connection) -> list[str]:
    found: set[str] = set()
    for table in OWNED:
        rows = connection.execute(f"SELECT DISTINCT account FROM {table}")  # noqa: S608  ours
        found.update(account for (account,) in rows)
    return sorted(found)


def _put(connection: sqlite3.Connection, into: PostgresConnection, table: str) -> None:
    names = [column["name"] for column in connection.execute(f"PRAGMA table_info({table})")]
    listed, marks = ", ".join(names), ", ".join("?" * len(names))
    rows = connection.execute(f"SELECT {listed} FROM {table}")  # noqa: S608  ours
    statement = f"INSERT INTO {table} ({listed}) VALUES ({marks})"  # noqa: S608  as above
    for some in _in_parts(rows):
        into.executemany(statement, some)


def _in_parts(rows: sqlite3.Cursor) -> Iterator[list[tuple[object, ...]]]:
    while some := rows.fetchmany(_AT_ONCE):
        yield [tuple(row) for row in some]


def _counts(connection: PostgresConnection) -> Mapping[str, int]:
    return {
        table: int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608
        for table in OWNED
    }


def _not_empty(target: Server) -> StoreError:
    return StoreError(
        f"The store {target.name} is not empty.",
        state="Nothing was copied.",
        next_step="Name a database or a schema that holds no store yet.",
        reason=Reason.STORE_UNAVAILABLE,
    )
