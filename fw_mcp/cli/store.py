"""`fw-mcp store`: brings the tables of a store up to date, or moves one to PostgreSQL."""

from collections.abc import Mapping
from pathlib import Path

import anyio
from pydantic import SecretStr

from fw_mcp.assembly import Assembly
from fw_mcp.cli.output import tell
from fw_mcp.config import both_names, load_settings
from fw_mcp.errors import ConfigError, Reason
from fw_mcp.store.database import Store
from fw_mcp.store.opening import server_of

MIGRATE, COPY = "migrate", "copy"


def work_on_store(assembly: Assembly, own: Mapping[str, object]) -> int:
    """Migrate the store of the settings, or copy another one into it.

    Args:
        assembly: whose store.
        own: `action`, and for a copy `source` and `target`.

    Raises:
        ConfigError: what is to be copied cannot be.
        StoreError: the store cannot be used; nothing was changed.
    """
    if own["action"] == COPY:
        return _copy(assembly, str(own["source"] or ""), str(own["target"] or ""))
    address = assembly.settings.store
    if isinstance(address, SecretStr):
        steps = server_of(address.get_secret_value()).migrate()
    else:
        steps = anyio.run(_opened, assembly.database)
    done = "was brought up to date" if steps else "is up to date"
    print(f"The store {assembly.database.name} {done}.")
    return 0


async def _opened(database: Store) -> int:
    """A file is brought up to date whenever it is opened."""
    await database.run(lambda _: None)
    await database.aclose()
    return 0


def _copy(assembly: Assembly, source: str, target: str) -> int:
    from fw_mcp.store.copying import copied  # noqa: PLC0415  an extra

    # An address that is typed goes by the rules of the setting.
    address = load_settings({"store": target}).store if target else assembly.settings.store
    if not isinstance(address, SecretStr):
        raise _cannot(
            "The target is not a PostgreSQL database.",
            f"Write fw-mcp store copy FILE URL, or set {both_names('store')}.",
        )
    if not Path(source).is_file():
        raise _cannot(
            "The source is not a file.", "Name the SQLite file that is to be copied first."
        )
    server = server_of(address.get_secret_value(), repeat_s=0.0)
    tell(f"Copying {source} to {server.name} ...")
    counts = copied(Path(source), server)
    print(f"Copied to {server.name}: {', '.join(f'{n} {table}' for table, n in counts.items())}.")
    return 0


def _cannot(what: str, next_step: str) -> ConfigError:
    return ConfigError(
        what, state="Nothing was copied.", next_step=next_step, reason=Reason.INVALID_ARGUMENTS
    )
