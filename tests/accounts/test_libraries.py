"""The libraries of several accounts: opened at the first use, closed when idle, not while used."""

import logging
from dataclasses import dataclass, field
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest

from fw_mcp.accounts.file import Accounts
from fw_mcp.accounts.libraries import Libraries
from fw_mcp.assembly import Assembly, assemble
from fw_mcp.cli.output import log_to_stderr, mask_in_log
from fw_mcp.config import IN_MEMORY, Settings, load_settings
from fw_mcp.errors import GuardError, Reason
from tests.server.test_identity import keep
from tests.support.studio import Clock

pytestmark = pytest.mark.anyio

TWO = '[north]\nsandbox_file = "north.db"\n[south]\nsandbox_file = "south.db"\n'
HOUR = 3600


@dataclass
class Street:
    """Libraries, what was opened, and what was closed."""

    folder: Path
    text: str = TWO
    clock: Clock = field(default_factory=Clock)
    opened: list[str] = field(default_factory=list)
    tended: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    assemblies: list[Assembly] = field(default_factory=list)
    server: Settings = field(default_factory=Settings)

    def __post_init__(self) -> None:
        self.file = self.folder / "accounts.toml"
        keep(self.file, self.text)
        accounts = Accounts(self.file, self.server, {}, lambda _: None)
        self.libraries = Libraries(accounts, self._open, self.clock)

    def _open(self, name: str, settings: Settings) -> Assembly:
        self.opened.append(name)
        self.assemblies.append(assemble(settings, {}, name=name))
        return self.assemblies[-1]

    async def tend(self, assembly: Assembly) -> None:
        """Look after a library until that is closed."""
        name = assembly.parts.writes.account_name
        self.tended.append(name)
        try:
            await anyio.sleep_forever()
        finally:
            self.left.append(name)

    async def rounds(self, number: int) -> None:
        """Let what is done once a minute be done so often."""
        async with anyio.create_task_group() as group:

            async def minute(_: float) -> None:
                nonlocal number
                for _ in range(10):
                    await anyio.lowlevel.checkpoint()
                number -= 1
                if not number:
                    group.cancel_scope.cancel()

            group.start_soon(self.libraries.work, self.tend, minute)


def use(street: Street, *names: str) -> None:
    """Use each of them once."""
    for name in names:
        with street.libraries.using(name) as parts:
            assert parts.writes.account_name == name


async def test_a_library_is_opened_when_it_is_first_used(tmp_path: Path) -> None:
    """And once."""
    street = Street(tmp_path)
    assert (street.opened, street.libraries.knows("north")) == ([], True)
    use(street, "north", "north", "south", "north")
    assert street.opened == ["north", "south"]
    await street.rounds(1)
    assert sorted(street.tended) == ["north", "south"]


async def test_an_idle_library_is_closed_after_an_hour_and_opened_again(tmp_path: Path) -> None:
    """Promise: not while a call is in it, however long that takes."""
    street = Street(tmp_path)
    use(street, "south")
    with street.libraries.using("north"):
        street.clock.forward(HOUR + 1)
        await street.rounds(2)
        assert street.left[:1] == ["south"]
        use(street, "north", "south")
        assert street.opened == ["south", "north", "south"]
    await street.rounds(1)
    use(street, "north")
    street.clock.forward(HOUR + 1)
    await street.rounds(1)
    use(street, "north")
    assert street.opened == ["south", "north", "south", "north"]


async def test_a_sandbox_in_memory_stays(tmp_path: Path) -> None:
    """Its library would be gone."""
    street = Street(tmp_path, "[trial]\nsandbox = true\n")
    use(street, "trial")
    street.clock.forward(100 * HOUR)
    await street.rounds(2)
    use(street, "trial")
    assert street.opened == ["trial"]


async def test_an_account_that_changes_is_another_for_the_next_call(tmp_path: Path) -> None:
    """Promise: the call under way ends with what it began with, and then that is closed."""
    street = Street(tmp_path)
    with street.libraries.using("north") as before:
        keep(street.file, TWO.replace("[north]", "[north]\nread_only = true"))
        with street.libraries.using("north") as after:
            assert (before.guard.limits.read_only, after.guard.limits.read_only) == (False, True)
        await street.rounds(1)
        assert len(await before.writes.journal.unsettled()) == 0
    assert street.opened == ["north", "north"]
    keep(street.file, '[south]\nsandbox_file = "south.db"\n')
    with pytest.raises(GuardError) as refused:
        use(street, "north")
    assert refused.value.reason is Reason.ACCOUNT_UNKNOWN
    await street.rounds(1)
    await street.libraries.aclose()


async def test_keys_of_an_account_are_masked_once_they_are_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Promise: masking grows with the accounts, those added while the server runs included."""
    file = tmp_path / "accounts.toml"
    row = 'web_api_key_env = "{0}_WEB"\napp_key_env = "{0}_APP"\n'
    keep(file, f"[north]\n{row.format('NORTH')}")
    environ = {
        f"{name}_{key}": f"secret-of-{name}-{key}".lower()
        for name in ("NORTH", "SOUTH")
        for key in ("WEB", "APP")
    }
    log_to_stderr("info", [])
    accounts = Accounts(file, Settings(), environ, mask_in_log)
    keep(file, f"[north]\n{row.format('NORTH')}[south]\n{row.format('SOUTH')}")
    assert accounts.find("south") is not None
    for secret in environ.values():
        logging.getLogger("fw_mcp").warning("sent %s", secret.upper())
    told = capsys.readouterr().err
    assert told.count("sent ***") == 4
    assert "secret" not in told.lower()


async def test_a_library_is_closed_after_whoever_looks_after_it_has_left(tmp_path: Path) -> None:
    """Otherwise a last look at its journal would open the store again, for good."""
    street = Street(tmp_path)
    seen: list[Assembly] = []
    began = street.clock()
    use(street, "north")

    async def tend(assembly: Assembly) -> None:
        seen.append(assembly)
        try:
            await anyio.sleep_forever()
        finally:
            with anyio.CancelScope(shield=True):
                await assembly.parts.writes.journal.unsettled()

    async def an_hour(_: float) -> None:
        await anyio.wait_all_tasks_blocked()
        street.clock.forward(HOUR + 1)
        if street.clock() > began + 2 * HOUR:
            raise StopAsyncIteration

    with pytest.raises(ExceptionGroup):
        await street.libraries.work(tend, an_hour)
    assert [one.database.is_open for one in seen] == [False]


async def test_what_is_kept_in_memory_alone_stays(tmp_path: Path) -> None:
    """Its plans, its history and what it used up of an hour would be gone."""
    street = Street(tmp_path, server=Settings(store=Path(IN_MEMORY)))
    use(street, "north")
    street.clock.forward(100 * HOUR)
    await street.rounds(2)
    use(street, "north")
    assert street.opened == ["north"]


async def test_a_library_whose_store_is_a_database_is_closed_when_idle(tmp_path: Path) -> None:
    """What it kept is there again; that it is in no file makes no difference."""
    database = load_settings({"store": "postgresql://127.0.0.1:1/fw"})
    street = Street(tmp_path, server=database)
    use(street, "north")
    street.clock.forward(HOUR + 1)
    await street.rounds(2)
    use(street, "north")
    assert street.opened == ["north", "north"]


async def test_closing_that_is_interrupted_is_done_at_the_end(tmp_path: Path) -> None:
    """Promise: nothing stays open, and what cannot be closed keeps no other open."""
    street = Street(tmp_path)
    with street.libraries.using("south") as south, street.libraries.using("north") as north:
        for parts in (north, south):
            assert await parts.writes.journal.unsettled() == []
    street.clock.forward(HOUR + 1)
    with anyio.CancelScope() as now:
        now.cancel()
        await street.libraries.work(street.tend, anyio.sleep)
    await street.libraries.aclose()
    assert [one.database.is_open for one in street.assemblies] == [False, False]
