"""A store in PostgreSQL: accounts apart, one transaction at a time of each, every text kept."""

import subprocess
import sys
import time
from contextlib import ExitStack, closing
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import anyio
import anyio.lowlevel
import psycopg
import pytest

from fw_mcp.errors import Reason, StoreError
from fw_mcp.store.accounts import KeyPair
from fw_mcp.store.connection import Connection
from fw_mcp.store.database import session_id
from fw_mcp.store.history import History
from fw_mcp.store.journal import End, Intent, Journal, Others
from fw_mcp.store.opening import opened
from fw_mcp.store.plans import Claim, PlanStore
from fw_mcp.store.postgres import PostgresStore, Server
from fw_mcp.store.texts import as_given, as_kept
from fw_mcp.store.uploads import UploadStore
from tests.store.test_journal import CHANGE, ENDS, INTENTS, KIND
from tests.store.test_plans import NOON, PLAN, claimed
from tests.store.test_uploads import FOG
from tests.support.postgres import OWNER, ROLE, Place, running
from tests.support.process import environment
from tests.support.products import exhaustive
from tests.support.studio import Clock

pytestmark = pytest.mark.anyio

# NUL, its escape in JSON, half an emoji, and the character that marks what is kept otherwise.
ODD = "\0 \\u0000 \ud83d \udc36 \ue000d83d \ue000 \n 霧"
TABLES = ("facts", "plans", "changes", "items", "uploads", "names")


async def filled(store: PostgresStore) -> None:
    """A row in each table."""
    await session_id(store)
    await PlanStore(store).add(PLAN)
    await UploadStore(store).begin(FOG, 10_000)
    async with store.exclusive("c1") as fence:
        await Journal(store, Clock()).begin(CHANGE, KIND, INTENTS, fence)


def counted(connection: Connection) -> dict[str, int]:
    """How many rows a transaction sees that forgets to say whose it means."""
    return {
        table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608  ours
        for table in TABLES
    }


async def test_a_condition_that_was_forgotten_shows_no_other_account(place: Place) -> None:
    """Promise: what an account has is its own, even to a statement that forgets to ask."""
    one, other = place("one"), place("other")
    await filled(one)
    async with one.exclusive("c1"):
        assert set((await one.run(counted)).values()) <= {1, 2}
        assert await other.run(counted) == dict.fromkeys(TABLES, 0)

        def all_gone(connection: Connection) -> int:
            return sum(connection.execute(f"DELETE FROM {one}").rowcount for one in TABLES)  # noqa: S608  ours

        assert await other.run(all_gone) == 0
    assert await PlanStore(one).get(PLAN.plan_id) == PLAN


@exhaustive
async def test_a_row_of_another_account_cannot_be_written(place: Place) -> None:
    """Neither made nor given away."""
    one, other = place("one"), place("other")
    await filled(one)
    await filled(other)
    for statement in (
        "INSERT INTO facts (account, name, value) VALUES ('other', 'mine', 'x')",
        "UPDATE plans SET account = 'other' WHERE account = 'one'",
    ):
        with pytest.raises(StoreError, match="the role lacks a privilege"):
            await one.run(lambda connection, said=statement: connection.execute(said))  # type: ignore[misc]
    assert await PlanStore(one).get(PLAN.plan_id) == PLAN


@exhaustive
async def test_that_an_id_exists_is_not_told_by_its_being_refused(place: Place) -> None:
    """Each account has its own."""
    for account in ("one", "other"):
        await filled(place(account))
    keys = place.rows(
        "SELECT conrelid::regclass::text, pg_get_constraintdef(oid) FROM pg_constraint "
        "WHERE contype IN ('p', 'u') AND connamespace = current_schema()::regnamespace"
    )
    assert {str(table) for table, _ in keys} == set(TABLES)
    assert [one for _, one in keys if "KEY (account, " not in str(one)] == []


@exhaustive
async def test_without_the_name_of_an_account_there_is_nothing_to_see(place: Place) -> None:
    """Whoever is connected otherwise sees no row."""
    await filled(place("one"))
    with psycopg.connect(place.url) as raw, pytest.raises(psycopg.errors.UndefinedObject):
        raw.execute("SELECT count(*) FROM plans")


@exhaustive
async def test_the_role_may_not_look_past_its_account(place: Place) -> None:
    """A superuser, or one who may bypass it, is refused in words; each table forces it on all."""
    await filled(place("one"))
    rows = place.rows("SELECT rolsuper, rolbypassrls FROM pg_roles WHERE rolname = 'fw_mcp'")
    assert rows == [(False, False)]
    forced = place.rows(
        "SELECT relname, relrowsecurity AND relforcerowsecurity FROM pg_class "
        "WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace"
    )
    assert {str(table) for table, is_forced in forced if is_forced} == set(TABLES)
    assert len(forced) == len(TABLES) + 1
    theirs = place.url.replace(f"{ROLE}@", f"{OWNER}@")
    with pytest.raises(StoreError) as refused:
        await session_id(PostgresStore(Server(theirs), account="one"))
    assert "its role may see the rows of every account" in refused.value.what
    assert "Name a role without SUPERUSER and BYPASSRLS" in refused.value.next_step
    place.do("CREATE ROLE past LOGIN BYPASSRLS IN ROLE fw_mcp")
    past = place.url.replace(f"{ROLE}@", "past@")
    with pytest.raises(StoreError, match="its role may see the rows of every account"):
        await session_id(PostgresStore(Server(past), account="one"))


@exhaustive
async def test_other_accounts_are_counted_for_a_person(place: Place) -> None:
    """How many, and how much of theirs is open; only where that is asked."""
    one, other = place("one"), place("other")
    await filled(one)
    await filled(other)
    assert await Journal(one, Clock()).others() == Others(1, 1)
    assert one.accounts() == ["one", "other"]
    assert (await one.run(counted))["plans"] == 1


@exhaustive
async def test_every_text_is_kept_as_it_is(place: Place) -> None:
    """NUL, its escape and half an emoji, in each that is not JSON too; none is another."""
    store = place(ODD)
    plan = replace(
        PLAN,
        plan_id=ODD,
        tool=ODD,
        caller=ODD,
        arguments_digest=ODD,
        targets_digest=ODD,
        question=ODD,
    )
    plans = PlanStore(store)
    await plans.add(plan)
    assert (await plans.get(ODD), await plans.pending(NOON)) == (plan, [plan])
    assert await plans.get(ODD.replace("\0", "")) is None
    assert await claimed(plans, ODD) is Claim.WON
    change = replace(
        CHANGE,
        change_id=ODD,
        tool=ODD,
        caller=ODD,
        client=ODD,
        arguments=ODD,
        arguments_digest=ODD,
        plan_id=ODD,
        accepted=ODD,
        undoes=ODD,
        seen=ODD,
        baseline=ODD,
    )
    journal, history, record = (
        Journal(store, Clock()),
        History(store),
        {"title": ODD, "n": 2.5e-308},
    )
    async with store.exclusive(ODD) as fence:
        assert await store.is_taken(ODD)
        await journal.begin(change, ODD, {0: Intent(ODD, record, record)}, fence)
    await journal.finish(ODD, {0: End(ODD, ODD, ODD, record)})
    assert await history.change(ODD) == replace(change, begun_at=Clock()())
    (item,) = await history.items(ODD)
    assert (item.guid, item.detail, item.outcome, item.kind) == (ODD, ODD, ODD, ODD)
    assert (item.sent, item.before, item.after) == (record, record, record)
    assert (await history.page_about(ODD, 1, 25))[1] == 1
    assert [one.change_id for one in await history.undoing(ODD)] == [ODD]
    upload = replace(
        FOG,
        place=ODD,
        path=ODD,
        master=ODD,
        file_name=ODD,
        mime_type=ODD,
        preview=ODD,
        thumbnail=ODD,
        change_id=ODD,
        guids={ODD: ODD},
    )
    uploads = UploadStore(store)
    await uploads.begin(upload, 10_000)
    assert await uploads.of_content(ODD, ODD) == [upload]
    assert place(ODD).accounts() == [ODD]
    assert as_kept(ODD) != ODD


def test_two_texts_that_differ_are_kept_as_two_that_differ() -> None:
    """And are given back as they were."""
    texts = ["", "\0", "\ue000", "\ue0000000", "\ud83d", "\ue000d83d", "\ue000e000", "a\0b", "🐶"]
    kept = [as_kept(one) for one in texts]
    assert len(set(kept)) == len(texts)
    assert [as_given(one) for one in kept] == texts
    assert "\0" not in "".join(kept).encode().decode()


@exhaustive
async def test_times_are_kept_to_the_last_digit(place: Place) -> None:
    """Not rounded to two minutes."""
    moment = 1_800_000_000.123_456_7
    await PlanStore(place("one")).add(replace(PLAN, created_at=moment))
    kept = await PlanStore(place("one")).get(PLAN.plan_id)
    assert kept is not None
    assert kept.created_at == moment


@exhaustive
@pytest.mark.parametrize("level", ["repeatable read", "serializable"])
async def test_what_was_committed_while_a_transaction_waited_is_seen(level: str) -> None:
    """Promise: the hour's limit holds whatever isolation is the database's own."""
    with running() as cluster, closing(Place(cluster, "")) as place:
        place.do(f"ALTER ROLE {ROLE} SET default_transaction_isolation = '{level}'")
        assert await raced(place) == 20


@exhaustive
async def test_the_hour_s_limit_holds_over_six_processes(place: Place) -> None:
    """Promise: 120 plans of three images, sixty allowed: twenty are won, every time."""
    for _ in range(3):
        place.do("DROP TABLE IF EXISTS fw_mcp_schema, items, changes, plans, facts, uploads, names")
        assert await raced(place) == 20


async def raced(place: Place) -> int:
    """How many of the plans that six processes claim are won."""
    plans = PlanStore(place("mine"))
    for number in range(120):
        await plans.add(replace(PLAN, plan_id=f"plan-{number}"))
    with ExitStack() as stack:
        racers = [stack.enter_context(racer(place, number)) for number in range(6)]
        for one in racers:
            assert one.stdout is not None
            assert one.stdout.readline() == "ready\n"
        for one in racers:
            assert one.stdin is not None
            one.stdin.write("now\n")
            one.stdin.flush()
        won = sum(int(one.communicate(timeout=120)[0]) for one in racers)
    assert await plans.spent(NOON) == 3 * won
    return won


def racer(place: Place, number: int) -> "subprocess.Popen[str]":
    """A process that waits for the word to claim every sixth plan."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.store.racer", place.url, str(number), str(NOON)],
        env=environment(),
        cwd=Path(__file__).parents[2],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


@exhaustive
async def test_clocks_that_differ_make_no_difference(place: Place) -> None:
    """Promise: replicas whose clocks are five minutes apart judge by the database's."""
    clocks = [lambda: NOON, lambda: NOON + 300]
    stores = [place("mine", Server(place.url, clock=clock)) for clock in clocks]
    for store in stores:
        await session_id(store)
    early, late = (store.now() for store in stores)
    ((now,),) = place.rows("SELECT extract(epoch FROM clock_timestamp())::float8")
    assert isinstance(now, float)
    assert (abs(early - now) < 60, abs(late - early) < 60) == (True, True)


@exhaustive
async def test_keys_whose_account_is_not_known_yet_see_what_stands_under_them(place: Place) -> None:
    """And of the account only from when it is learned."""
    keys = KeyPair("keys", former=("once",))
    await filled(place("once"))
    store = place(keys)
    assert await PlanStore(store).get(PLAN.plan_id) == PLAN
    assert (await store.run(counted))["plans"] == 1
    await store.learn("account")
    assert await PlanStore(place("account")).get(PLAN.plan_id) == PLAN
    assert await PlanStore(place("once")).get(PLAN.plan_id) is None


@exhaustive
async def test_the_accounts_of_a_process_share_its_connections(place: Place) -> None:
    """However many there are; the last that closes lets go of them."""
    url = f"{place.url}&application_name=shared"
    count = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'shared'"
    first = opened(url, "first")
    stores = [first, *(opened(url, f"account-{number}") for number in range(20))]
    async with anyio.create_task_group() as group:
        for store in stores:
            group.start_soon(session_id, store)
    ((most,),) = place.rows(count)
    assert isinstance(most, int)
    assert 1 <= most <= 8
    for store in stores[1:]:
        store.close()
    assert len(await session_id(first)) == 32
    first.close()
    with anyio.fail_after(60):
        while place.rows(count) != [(0,)]:
            await anyio.lowlevel.checkpoint()


@exhaustive
async def test_a_sandbox_in_memory_leaves_nothing(place: Place) -> None:
    """What was written to it is gone with its process."""
    store = place("process-tests")
    await filled(store)
    await Journal(store, Clock()).finish("c1", ENDS)
    await store.aclose()
    assert place.rows("SELECT count(*) FROM plans") == [(0,)]
    assert place.rows("SELECT count(*) FROM items") == [(0,)]


@exhaustive
async def test_an_account_that_another_process_is_at_is_waited_for_and_then_refused(
    place: Place,
) -> None:
    """And can be used again as soon as it is free; other accounts are not in its way."""
    one, other = (place(name, place.server(busy_timeout_s=0.05)) for name in ("one", "other"))
    await session_id(one)
    with psycopg.connect(place.url) as raw:
        raw.execute("SELECT pg_advisory_xact_lock(hashtextextended('one', 0))")
        with pytest.raises(StoreError, match="another process is using the account"):
            await session_id(one)
        assert len(await session_id(other)) == 32
    assert len(await session_id(one)) == 32


@exhaustive
async def test_whoever_falls_silent_in_a_transaction_does_not_hold_up_the_others(
    place: Place,
) -> None:
    """Promise: it is rolled back by the database, and done again when its process wakes up."""
    asleep, awake = place("mine", place.server(dead_after_s=0.2)), place("mine")
    await session_id(asleep)
    order: list[str] = []

    def work(connection: Connection) -> str:
        order.append("asleep" if not order else "again")
        if order == ["asleep"]:
            time.sleep(0.6)
        return str(connection.execute("SELECT value FROM facts").fetchone()[0])

    async with anyio.create_task_group() as group:
        group.start_soon(asleep.run, work)
        while not order:
            await anyio.lowlevel.checkpoint()
        await session_id(awake)
        order.append("awake")
    assert order == ["asleep", "awake", "again"]


@exhaustive
async def test_a_password_that_is_refused_is_told_to_the_operator_without_it(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    """In the log, in the words of libpq; a password file is read as libpq does."""
    place.do("CREATE ROLE with_password LOGIN PASSWORD 'right' IN ROLE fw_mcp")
    url = place.url.replace(f"{ROLE}@", "with_password:canary-wrong@")
    with pytest.raises(StoreError, match="it cannot be reached") as refused:
        await session_id(PostgresStore(Server(url), account="one"))
    assert "password authentication failed" in caplog.text
    assert "canary-wrong" not in caplog.text + str(refused.value)


@exhaustive
async def test_a_password_file_is_read(place: Place, tmp_path: Path) -> None:
    """As libpq does it, by the name that the address gives."""
    place.do("CREATE ROLE from_a_file LOGIN PASSWORD 'right' IN ROLE fw_mcp")
    place.do(f"ALTER SCHEMA {place.schema} OWNER TO from_a_file")
    file = tmp_path / "passwords"
    file.touch(mode=0o600)
    file.write_text(f"127.0.0.1:{place.cluster.port}:fw:from_a_file:right\n")
    url = place.url.replace(f"{ROLE}@", "from_a_file@")
    store = PostgresStore(Server(f"{url}&passfile={quote(str(file))}"), account="one")
    assert len(await session_id(store)) == 32
    store.close()


async def test_nothing_is_connected_to_before_the_first_use() -> None:
    """A server that only lists its tools asks nobody; then it says that nobody answers."""
    store = PostgresStore(Server("postgresql://fw:canary-web@127.0.0.1:9/fw"), account="one")
    store.close()
    with pytest.raises(StoreError) as refused:
        await session_id(store)
    assert str(refused.value) == (
        "Cannot use the store postgresql://fw@127.0.0.1:9/fw (it cannot be reached). Nothing was "
        "sent; reading images still works. Check the database and its address in --store "
        "(FW_MCP_STORE); fw-mcp doctor checks it. (reason: store_unavailable)"
    )
    assert refused.value.reason is Reason.STORE_UNAVAILABLE
