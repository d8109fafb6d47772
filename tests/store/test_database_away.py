"""PostgreSQL that is away, comes back, cannot be written, is full, or is not what it should be."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import anyio
import pytest

from fw_mcp.errors import StoreError
from fw_mcp.store.database import session_id
from fw_mcp.store.history import History
from fw_mcp.store.opening import server_of
from fw_mcp.store.plans import Claim, PlanStore
from fw_mcp.store.postgres import PostgresStore
from tests.store.test_plans import NOON, PLAN, claimed
from tests.support.postgres import (
    ROLE,
    Cluster,
    Place,
    binaries,
    folder_of_its_own,
    free_port,
    needed,
    running,
    without_rights,
)
from tests.support.products import exhaustive

pytestmark = [pytest.mark.anyio, exhaustive]


async def test_a_database_that_is_away_at_start_is_used_once_it_is_there() -> None:
    """Promise: until then each write says so; nothing is restarted."""
    needed("PostgreSQL", is_there=binaries() is not None)
    with running() as cluster, closing(Place(cluster, "")) as place:
        cluster.stop()
        store = place("mine")
        with pytest.raises(StoreError, match="it cannot be reached"):
            await session_id(store)
        cluster.start()
        assert len(await session_id(store)) == 32


async def test_a_database_that_is_restarted_in_the_middle_loses_and_doubles_nothing() -> None:
    """Promise: a transaction under way is repeated: each plan is won, once."""
    ids = [f"plan-{number}" for number in range(200)]
    with running() as cluster, closing(Place(cluster, "")) as place:
        stores = [PlanStore(place("mine")) for _ in range(2)]
        for number, plan_id in enumerate(ids):
            await stores[number % 2].add(replace(PLAN, plan_id=plan_id, weight=0))
        claims: list[Claim] = []

        async def work(plans: PlanStore, some: list[str]) -> None:
            claims.extend([await claimed(plans, one) for one in some])

        async def restart() -> None:
            for mode in ("immediate", "fast"):
                await anyio.to_thread.run_sync(cluster.stop, mode)
                await anyio.to_thread.run_sync(cluster.start)

        async with anyio.create_task_group() as group:
            group.start_soon(work, stores[0], ids[::2])
            group.start_soon(work, stores[1], ids[1::2])
            group.start_soon(restart)
        assert claims == [Claim.WON] * len(ids)


async def test_connections_that_an_operator_ends_are_made_again(place: Place) -> None:
    """As a failover or a limit of idle time ends them."""
    # Other tests have theirs in the same cluster.
    store = place("mine", server_of(f"{place.url}&application_name=ended"))
    await PlanStore(store).add(PLAN)
    those = "FROM pg_stat_activity WHERE application_name = 'ended'"
    assert {*place.rows(f"SELECT pg_terminate_backend(pid) {those}")} == {(True,)}
    assert await PlanStore(store).get(PLAN.plan_id) == PLAN


async def test_a_database_that_is_read_only_is_read() -> None:
    """Promise: a write is refused and says why; what is on record is told."""
    with running() as cluster, closing(Place(cluster, "")) as place:
        await PlanStore(place("mine")).add(PLAN)
        place.do("ALTER DATABASE fw SET default_transaction_read_only = on")
        store = place("mine")
        assert await PlanStore(store).get(PLAN.plan_id) == PLAN
        with pytest.raises(StoreError, match="it is read-only"):
            await claimed(PlanStore(store))
        with pytest.raises(StoreError, match="it is read-only"):
            async with store.exclusive("a"):
                pytest.fail("it was taken")


@contextmanager
def little_room() -> Iterator[Path]:
    """A folder with room for a few megabytes."""
    folder = folder_of_its_own()
    mount, umount = shutil.which("mount"), shutil.which("umount")
    if os.getuid() or mount is None or umount is None:
        pytest.skip("only root can make a small disk")
    options = f"size=6m,uid={folder.stat().st_uid}"
    mounted = [mount, "-t", "tmpfs", "-o", options, "none", str(folder)]
    tried = subprocess.run(mounted, check=False, capture_output=True)
    if tried.returncode:
        pytest.skip("mounting is not permitted")
    try:
        yield folder
    finally:
        subprocess.run([umount, "-l", str(folder)], check=True)
        folder.rmdir()


async def test_a_database_whose_disk_is_full_says_so_and_is_used_once_there_is_room() -> None:
    """Promise: a write says that the disk is full, and nothing is kept by halves."""
    with little_room() as folder, running() as cluster, closing(Place(cluster, "")) as place:
        place.do(
            f"CREATE TABLESPACE small LOCATION '{folder}'",
            f"GRANT CREATE ON TABLESPACE small TO {ROLE}",
            f"ALTER ROLE {ROLE} SET default_tablespace = 'small'",
        )
        # Who looks after the machine makes room.
        (ballast := folder / "ballast").write_bytes(bytes(2_000_000))
        plans = PlanStore(place("mine"))
        await plans.add(PLAN)
        big = os.urandom(500_000).hex()
        kept = 0

        async def fill() -> None:
            nonlocal kept
            while True:
                await plans.add(replace(PLAN, plan_id=f"plan-{kept}", question=big))
                kept += 1

        with pytest.raises(StoreError, match="its disk is full"):
            await fill()
        assert len(await plans.pending(NOON)) == kept + 1
        ballast.unlink()
        await plans.add(replace(PLAN, plan_id="after", question=big))
        assert len(await plans.pending(NOON)) == kept + 2


async def test_a_newer_schema_is_refused_in_words_and_left_as_it_is(place: Place) -> None:
    """Promise: it may keep what this version does not understand; the schema is named."""
    await session_id(place("mine"))
    place.do("UPDATE fw_mcp_schema SET version = 99")
    with pytest.raises(StoreError) as refused:
        await session_id(place("mine"))
    assert "(written by a newer fw-mcp: schema 99)" in refused.value.what
    assert "Run that version on every replica" in refused.value.next_step
    with pytest.raises(StoreError):
        place.server().migrate()
    assert place.rows("SELECT version FROM fw_mcp_schema") == [(99,)]


async def test_tables_of_another_program_are_left_alone(place: Place) -> None:
    """Nothing is half made beside them."""
    place.do("CREATE TABLE plans (diary TEXT)")
    with pytest.raises(StoreError, match="it has tables of another program"):
        await session_id(place("mine"))
    tables = "SELECT tablename FROM pg_tables WHERE schemaname = current_schema()"
    assert place.rows(tables) == [("plans",)]


async def test_a_role_that_may_not_make_tables_is_told_so(place: Place) -> None:
    """An operator then migrates with another one."""
    place.do(
        f"ALTER SCHEMA {place.schema} OWNER TO postgres",
        f"GRANT USAGE ON SCHEMA {place.schema} TO {ROLE}",
    )
    with pytest.raises(StoreError, match="the role lacks a privilege"):
        await session_id(place("mine"))


async def test_a_database_of_another_encoding_is_refused() -> None:
    """It could not keep every title."""
    with running() as cluster:
        cluster.do(
            f"CREATE DATABASE latin OWNER {ROLE} ENCODING 'LATIN1' TEMPLATE template0",
            database="postgres",
        )
        store = PostgresStore(server_of(cluster.url("latin")), account="mine")
        with pytest.raises(StoreError, match="its encoding is LATIN1"):
            await session_id(store)


async def test_many_that_start_at_once_make_the_tables_once(place: Place) -> None:
    """Promise: numbered steps under a lock: one migrates, the others wait for it."""
    stores = [place("mine") for _ in range(8)]
    found: list[str] = []

    async def start(store: PostgresStore) -> None:
        found.append(await session_id(store))

    async with anyio.create_task_group() as group:
        for store in stores:
            group.start_soon(start, store)
    assert len(set(found)) == 1
    assert place.rows("SELECT version FROM fw_mcp_schema") == [(1,)]


def pooled(cluster: Cluster, folder: Path) -> tuple[list[str], int]:
    """What starts pgbouncer in transaction mode with two connections, and its port."""
    port = free_port()
    settings = {
        "listen_addr": "127.0.0.1",
        "listen_port": port,
        "unix_socket_dir": "",
        "auth_type": "any",
        "pool_mode": "transaction",
        "default_pool_size": 2,
        "logfile": folder / "log",
    }
    target = f"host=127.0.0.1 port={cluster.port} dbname=fw user={ROLE}"
    lines = "\n".join(f"{name} = {value}" for name, value in settings.items())
    configuration = folder / "bouncer.ini"
    configuration.write_text(f"[databases]\nfw = {target}\n[pgbouncer]\n{lines}\n")
    configuration.chmod(0o644)
    program = shutil.which("pgbouncer") or "/usr/sbin/pgbouncer"
    return [*without_rights(), program, str(configuration)], port


async def test_a_pool_that_gives_each_transaction_any_connection_is_fine() -> None:
    """Promise: pgbouncer in transaction mode: locks, names and accounts hold as without it."""
    there = shutil.which("pgbouncer") or shutil.which("/usr/sbin/pgbouncer")
    needed("pgbouncer", is_there=there is not None)
    folder = folder_of_its_own()
    try:
        with running() as cluster:
            command, port = pooled(cluster, folder)
            process = await anyio.open_process(command, stderr=subprocess.DEVNULL)
            try:
                with closing(Place(cluster, "", port)) as place:
                    await _pooled(place)
            finally:
                process.terminate()
                await process.aclose()
    finally:
        shutil.rmtree(folder)


async def answering(place: Place) -> PostgresStore:
    """A store, once it has come up."""
    with anyio.fail_after(20):
        while True:
            store = place("one")
            try:
                await session_id(store)
            except StoreError:
                await anyio.sleep(0.02)
            else:
                return store


async def _pooled(place: Place) -> None:
    first = await answering(place)
    stores = {"one": [first, place("one")], "other": [place("other"), place("other")]}
    ids = [f"plan-{number}" for number in range(50)]
    for store, _ in stores.values():
        for plan_id in ids:
            await PlanStore(store).add(replace(PLAN, plan_id=plan_id))
    won = dict.fromkeys(stores, 0)

    async def work(store: PostgresStore, some: list[str]) -> None:
        for plan_id in some:
            async with store.exclusive(f"call:{plan_id}"):
                claim = await claimed(PlanStore(store), plan_id, weight_per_hour=60)
                won[store.account] += claim is Claim.WON

    async with anyio.create_task_group() as group:
        for one, other in stores.values():
            group.start_soon(work, one, ids[::2])
            group.start_soon(work, other, ids[1::2])
    assert won == {"one": 20, "other": 20}
    assert await History(first).page(1, 25) == ([], 0)


async def test_a_database_that_falls_silent_is_given_up(place: Place) -> None:
    """Its machine still acknowledges: a call is told, others go on, and nothing waits for ever."""
    address = f"{place.url}&application_name=silent"
    server = server_of(address, silent_s=0.5, busy_timeout_s=0.5, repeat_s=0.0)
    store, other = (PostgresStore(server, account=one) for one in ("mine", "other"))
    await PlanStore(store).add(PLAN)
    # While the first was made, another one may have been asked for.
    those = "SELECT pid FROM pg_stat_activity WHERE application_name = 'silent'"
    pids = [int(str(pid)) for (pid,) in place.rows(those)]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        with anyio.fail_after(20):
            with pytest.raises(StoreError, match="it cannot be reached"):
                await claimed(PlanStore(store))
            for _ in pids[1:]:
                with suppress(StoreError):
                    await session_id(other)
            assert len(await session_id(other)) == 32
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
    assert await claimed(PlanStore(store)) is Claim.WON
    store.close()
    other.close()
