"""Small facts that outlive a process."""

import secrets
import sqlite3

from fw_mcp.store.database import Database


async def session_id(database: Database) -> str:
    """The FinerWorks session id of this store: 32 hex digits, made once and kept.

    A lost one makes the account's temporary images unreachable.
    """
    return await database.run(_session_id)


def _session_id(connection: sqlite3.Connection) -> str:
    connection.execute(
        "INSERT OR IGNORE INTO facts VALUES ('session_id', ?)", (secrets.token_hex(16),)
    )
    row = connection.execute("SELECT value FROM facts WHERE name = 'session_id'").fetchone()
    return str(row["value"])
