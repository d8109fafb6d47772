"""A store where the operator wants it: in memory, in a file, or in PostgreSQL."""

from pathlib import Path

from fw_mcp.errors import ConfigError, Reason
from fw_mcp.store.accounts import KeyPair
from fw_mcp.store.database import Store
from fw_mcp.store.sqlite import Database


def opened(place: Path | str | None, account: str | KeyPair) -> Store:
    """The store of an account; nothing is connected to before it is used.

    Args:
        place: a file, the address of a PostgreSQL database, or None for memory.
        account: a digest that names the account that is worked on, or the keys that tell.

    Raises:
        ConfigError: what PostgreSQL needs is not installed.
    """
    if not isinstance(place, str):
        return Database(place, account=account)
    try:
        # A store in a file does without it, and starts sooner.
        from fw_mcp.store.postgres import PostgresStore, Server  # noqa: PLC0415
    except ImportError as missing:
        raise ConfigError(
            "A store in PostgreSQL needs psycopg, which is not installed.",
            state="Nothing was started.",
            next_step="Install fw-mcp with the extra postgres.",
            reason=Reason.INVALID_SETTING,
        ) from missing
    return PostgresStore(Server(place), account=account)
