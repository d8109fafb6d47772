"""A store where the operator wants it: in memory, in a file, or in PostgreSQL."""

from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from fw_mcp.errors import ConfigError, Reason
from fw_mcp.store.accounts import KeyPair
from fw_mcp.store.database import Store
from fw_mcp.store.sqlite import Database

if TYPE_CHECKING:
    from fw_mcp.store.postgres import Server

# The accounts of one process have their connections together.
_servers: "WeakValueDictionary[str, Server]" = WeakValueDictionary()


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
    server = _servers.get(place) or server_of(place)
    _servers[place] = server
    from fw_mcp.store.postgres import PostgresStore  # noqa: PLC0415  it is there, as was seen

    return PostgresStore(server, account=account)


def server_of(url: str, **how: float) -> "Server":
    """The PostgreSQL database of an address; nothing is connected to before it is used.

    Args:
        url: as libpq takes it.
        how: seconds, as `Server` has them.

    Raises:
        ConfigError: what PostgreSQL needs is not installed.
    """
    try:
        # A store in a file does without it, and starts sooner.
        from fw_mcp.store.postgres import Server  # noqa: PLC0415
    except ImportError as missing:
        raise ConfigError(
            "A store in PostgreSQL needs psycopg, which is not installed.",
            state="Nothing was started.",
            next_step="Install fw-mcp with the extra postgres.",
            reason=Reason.INVALID_SETTING,
        ) from missing
    return Server(url, **how)  # type: ignore[arg-type]  # numbers alone
