"""The tables of a store in PostgreSQL, made and brought up to date in numbered steps."""

from typing import Any

import psycopg

from fw_mcp.store.schema import KEYS, OWNED, TABLES, UPLOADS, each

# Whoever holds it migrates; the number is of this program alone.
_LOCK = "SELECT pg_advisory_xact_lock(7379711520161)"
_FOUND = """
SELECT tablename FROM pg_tables WHERE schemaname = current_schema() AND tablename = ANY(%s)
"""
_VERSION = "SELECT version FROM fw_mcp_schema"
_SET_VERSION = "UPDATE fw_mcp_schema SET version = %s"
_NAMES = """
CREATE TABLE names (
    account TEXT NOT NULL, name TEXT NOT NULL, hold TEXT NOT NULL,
    seen_at DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (account, name)
);
CREATE INDEX names_held ON names (account, hold)
"""
# A condition that was forgotten shows nothing, and what was not asked for is not written.
_APART = """
ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
ALTER TABLE {table} FORCE ROW LEVEL SECURITY;
CREATE POLICY fw_account ON {table}
    USING (
        account = ANY(current_setting('fw.accounts')::text[])
        OR current_setting('fw.every', true) = 'yes'
    )
    WITH CHECK (account = ANY(current_setting('fw.accounts')::text[]))
"""
_TABLES = (*OWNED, "names")
_OWN = "fw_mcp_schema"
_STEPS = (
    (
        "CREATE TABLE fw_mcp_schema (version INTEGER NOT NULL)",
        "INSERT INTO fw_mcp_schema (version) VALUES (0)",
        *each(TABLES),
        *each(UPLOADS),
        *each(KEYS),
        *each(_NAMES),
        *(one for table in _TABLES for one in each(_APART.format(table=table))),
    ),
)
VERSION = len(_STEPS)


Raw = psycopg.Connection[tuple[Any, ...]]


class UnusableDatabaseError(psycopg.Error):
    """The database is no store that this version can use.

    Attributes:
        next_step: what to do about it.
    """

    def __init__(self, why: str, next_step: str) -> None:
        super().__init__(why)
        self.next_step = next_step


def version_of(connection: Raw) -> int:
    """The version of the tables that are there; 0 where none are.

    Raises:
        UnusableDatabaseError: a newer version made them, or another program has tables there.
    """
    # One look: another process may be making them.
    found = {table for (table,) in connection.execute(_FOUND, ([_OWN, *_TABLES],)).fetchall()}
    if _OWN in found:
        ((version,),) = connection.execute(_VERSION).fetchall()
        if version > VERSION:
            raise UnusableDatabaseError(
                f"written by a newer fw-mcp: schema {version}",
                "Run that version on every replica; ",
            )
        return int(version)
    if found:
        raise UnusableDatabaseError(
            "it has tables of another program", "Name a database or a schema of its own; "
        )
    return 0


def migrate(connection: Raw) -> int:
    """Bring the tables up to date, one process at a time, all of it or nothing.

    Returns:
        How many steps were taken.

    Raises:
        UnusableDatabaseError: it is no store that this version can use.
    """
    with connection.transaction():
        if version_of(connection) == VERSION:
            return 0
    with connection.transaction():
        connection.execute(_LOCK)
        before = version_of(connection)
        ((encoding,),) = connection.execute("SHOW server_encoding").fetchall()
        if encoding != "UTF8":
            raise UnusableDatabaseError(
                f"its encoding is {encoding}", "Make a database with ENCODING 'UTF8'; "
            )
        for step in _STEPS[before:]:
            for statement in step:
                connection.execute(statement)
        if before < VERSION:
            connection.execute(_SET_VERSION, (VERSION,))
    return VERSION - before
