"""How SQLite goes about a statement."""

import sqlite3
from collections.abc import Awaitable, Callable

from fw_mcp.store.database import Store
from fw_mcp.store.sqlite import Database


async def planned(database: Store, work: Callable[[], Awaitable[object]]) -> list[str]:
    """The steps of SQLite's plans for the statements that `work` runs."""
    assert isinstance(database, Database)
    statements: list[str] = []
    await database.run(lambda connection: connection.set_trace_callback(statements.append))
    await work()
    await database.run(lambda connection: connection.set_trace_callback(None))
    queries = [one for one in statements if not one.startswith(("BEGIN", "COMMIT"))]

    def explained(connection: sqlite3.Connection) -> list[str]:
        return [
            str(row["detail"])
            for query in queries
            for row in connection.execute(f"EXPLAIN QUERY PLAN {query}")
        ]

    return await database.run(explained)
