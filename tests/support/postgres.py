"""PostgreSQL for the tests: a cluster of its own on a free port, as a user without rights.

The workers of one run share a cluster: whoever is first starts it, whoever is last ends it.
"""

import json
import os
import pwd
import re
import secrets
import shutil
import socket
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from filelock import FileLock

from fw_mcp.store.accounts import KeyPair
from fw_mcp.store.opening import server_of

if TYPE_CHECKING:
    from fw_mcp.store.postgres import PostgresStore, Server

_PLACES = ("/usr/lib/postgresql/15/bin", "/usr/lib/postgresql/16/bin", "/usr/lib/postgresql/17/bin")
_QUICK = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "log_min_messages=warning")
_TRUSTED = """
host all with_password,from_a_file 127.0.0.1/32 scram-sha-256
host all all 127.0.0.1/32 trust
"""
# Not the level of isolation that a transaction begins with.
_COMMIT = re.compile(rb"COMMIT(?!TED)")
OWNER = "postgres"
ROLE = "fw_mcp"


def binaries() -> Path | None:
    """Where PostgreSQL's programs are; None where they are not installed."""
    places = [Path(one) for one in _PLACES if Path(one, "initdb").exists()]
    return places[0] if places else None


def needed(what: str, *, is_there: bool) -> None:
    """Skip by name what cannot be run; CI sets TEAMS_TESTS=required, so that it is seen."""
    if not is_there:
        required = os.environ.get("TEAMS_TESTS") == "required"
        (pytest.fail if required else pytest.skip)(f"{what} is not installed")


def without_rights() -> list[str]:
    """What goes before a command that root may not run; nothing for anybody else."""
    if os.getuid():
        return []
    user = _user()
    return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]


def _user() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam("postgres")
    except KeyError:
        return pwd.getpwnam("nobody")


def run(command: Sequence[str | Path]) -> None:
    """Run a program to its end as the user without rights."""
    done = subprocess.run(
        [*without_rights(), *map(str, command)],
        cwd="/",
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def folder_of_its_own() -> Path:
    """A folder that the user without rights may write and enter."""
    folder = Path(tempfile.mkdtemp(prefix="fw-mcp-postgres-"))
    if not os.getuid():
        os.chown(folder, _user().pw_uid, _user().pw_gid)
    return folder


def free_port() -> int:
    """A port that nobody listens on."""
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        return int(listener.getsockname()[1])


@dataclass(frozen=True)
class Cluster:
    """A PostgreSQL that runs.

    Attributes:
        folder: everything that is its own.
        port: on the loopback address.
    """

    folder: Path
    port: int

    @classmethod
    def made(cls, folder: Path) -> "Cluster":
        """Make one; it does not run yet."""
        programs = binaries()
        assert programs is not None
        flags = ("-N", "-A", "trust", "-E", "UTF8", "--locale=C", "-U", OWNER)
        run([programs / "initdb", *flags, "-D", folder / "data"])
        (folder / "data" / "pg_hba.conf").write_text(_TRUSTED)
        return cls(folder, free_port())

    def start(self) -> None:
        """Let it run, and wait until it answers."""
        settings = (f"port={self.port}", "listen_addresses=127.0.0.1", *_QUICK)
        # No socket in a folder, whose path would have to be short and without a space.
        options = " ".join(f"-c {one}" for one in (*settings, "unix_socket_directories="))
        self._ctl("start", "-w", "-l", self.folder / "log", "-o", options)

    def fill(self) -> None:
        """Make the role and the database."""
        self.do(f"CREATE ROLE {ROLE} LOGIN", f"CREATE DATABASE fw OWNER {ROLE}", database=OWNER)

    def stop(self, mode: str = "immediate") -> None:
        """End it."""
        self._ctl("stop", "-w", "-m", mode)

    def _ctl(self, *words: str | Path) -> None:
        programs = binaries()
        assert programs is not None
        run([programs / "pg_ctl", "-D", self.folder / "data", *words])

    def url(self, database: str = "fw", *, role: str = ROLE, port: int = 0, more: str = "") -> str:
        """Its address."""
        return f"postgresql://{role}@127.0.0.1:{port or self.port}/{database}{more}"

    def do(self, *statements: str, database: str = "fw") -> None:
        """Carry out statements as the owner."""
        import psycopg  # noqa: PLC0415  an extra

        with psycopg.connect(self.url(database, role=OWNER), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def asked(self, question: str, schema: str = "") -> list[tuple[object, ...]]:
        """The rows of an answer, as the owner sees them."""
        import psycopg  # noqa: PLC0415  an extra

        with psycopg.connect(self.url(role=OWNER), autocommit=True) as connection:
            connection.execute(f"SET search_path = {schema or 'public'}".encode())
            return connection.execute(question.encode()).fetchall()

    def new_place(self) -> str:
        """A schema that has no tables yet."""
        schema = f"s{secrets.token_hex(6)}"
        self.do(f"CREATE SCHEMA {schema} AUTHORIZATION {ROLE}")
        return schema


@contextmanager
def running(*, empty: bool = False) -> Iterator[Cluster]:
    """A cluster of its own, for a test that stops it; `empty` has neither role nor database."""
    needed("PostgreSQL", is_there=binaries() is not None)
    folder = folder_of_its_own()
    try:
        cluster = Cluster.made(folder)
        cluster.start()
        try:
            if not empty:
                cluster.fill()
            yield cluster
        finally:
            cluster.stop()
    finally:
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """The cluster of this run; nobody stops it."""
    needed("PostgreSQL", is_there=binaries() is not None)
    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent
    shared = base / "postgres.json"
    with FileLock(base / "postgres.lock"):
        known: dict[str, Any] = {"users": 0}
        if shared.exists():
            known = json.loads(shared.read_text())
        if not known["users"]:
            made = Cluster.made(folder_of_its_own())
            made.start()
            made.fill()
            known = {"folder": str(made.folder), "port": made.port, "users": 0}
        shared.write_text(json.dumps({**known, "users": known["users"] + 1}))
    found = Cluster(Path(known["folder"]), known["port"])
    yield found
    with FileLock(base / "postgres.lock"):
        known = json.loads(shared.read_text())
        shared.write_text(json.dumps({**known, "users": known["users"] - 1}))
        if known["users"] == 1:
            found.stop()
            shutil.rmtree(found.folder)


class Place:
    """A store in PostgreSQL, opened for whichever account.

    Args:
        cluster: where it is.
        schema: which of the cluster's is its own; "" for the one that each database has.
        port: of what stands before the cluster.

    Attributes:
        url: its address.
    """

    def __init__(self, cluster: Cluster, schema: str, port: int = 0) -> None:
        self.cluster = cluster
        self.schema = schema
        more = f"?options=-csearch_path%3D{schema}" if schema else ""
        self.url = cluster.url(port=port, more=more)
        self._opened: list[PostgresStore] = []

    def behind(self, port: int) -> "Place":
        """The same store, by way of what listens there."""
        return Place(self.cluster, self.schema, port)

    def server(self, **how: float) -> "Server":
        """A process on it."""
        return server_of(self.url, **how)

    def __call__(
        self, account: str | KeyPair = "", server: "Server | None" = None
    ) -> "PostgresStore":
        """The store of an account, as a process of its own has it."""
        from fw_mcp.store.postgres import PostgresStore  # noqa: PLC0415  an extra

        opened = PostgresStore(server or self.server(), account=account)
        self._opened.append(opened)
        return opened

    def rows(self, question: str) -> list[tuple[object, ...]]:
        """The rows of an answer, of every account."""
        return self.cluster.asked(question, schema=self.schema)

    def do(self, *statements: str) -> None:
        """Carry out statements as the owner of the cluster."""
        self.cluster.do(f"SET search_path = {self.schema or 'public'}", *statements)

    @contextmanager
    def hanging(self, statement: str) -> Iterator[None]:
        """While it lasts, a transaction that carried it out as the owner does not end."""
        import psycopg  # noqa: PLC0415  an extra

        with psycopg.connect(self.cluster.url(role=OWNER)) as connection:
            connection.execute(f"SET search_path = {self.schema or 'public'}".encode())
            connection.execute(statement.encode())
            yield
            connection.rollback()

    def close(self) -> None:
        """Let go of every store that was opened."""
        for one in self._opened:
            one.close()


@pytest.fixture
def place(cluster: Cluster) -> Iterator[Place]:
    """A new store in PostgreSQL."""
    with closing(Place(cluster, cluster.new_place())) as place:
        yield place


class Cutting:
    """Stands before a database, and cuts connections at the next COMMIT that is on its way.

    Args:
        port: of the database.

    Attributes:
        port: of its own.
        plan: for each of the next COMMITs, whether it still arrives; None lets it through.
        cuts: how many connections it cut.
    """

    def __init__(self, port: int) -> None:
        self._to = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self.plan: list[bool | None] = []
        self.cuts = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """Let nobody in any more."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._between, args=(client,), daemon=True).start()

    def _between(self, client: socket.socket) -> None:
        there = ("127.0.0.1", self._to)
        with client, suppress(OSError), socket.create_connection(there) as server:
            last = threading.Event()
            back = threading.Thread(target=self._back, args=(server, client, last))
            back.start()
            self._there(client, server, last)
            # A socket that is closed while another thread waits at it stays open.
            back.join()

    def _there(self, client: socket.socket, server: socket.socket, last: threading.Event) -> None:
        with suppress(OSError):
            while sent := client.recv(65_536):
                arrives = self.plan.pop(0) if _COMMIT.search(sent) and self.plan else None
                if arrives is None:
                    server.sendall(sent)
                    continue
                self.cuts += 1
                if not arrives:
                    break
                last.set()
                server.sendall(sent)
        _cut(client, server)

    def _back(self, server: socket.socket, client: socket.socket, last: threading.Event) -> None:
        with suppress(OSError):
            while sent := server.recv(65_536):
                if last.is_set():
                    # It was done, and nobody is told.
                    break
                client.sendall(sent)
        _cut(client, server)


def _cut(*ends: socket.socket) -> None:
    for end in ends:
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
