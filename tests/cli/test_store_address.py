"""The address of a store in PostgreSQL: what is taken, and that its password shows nowhere."""

import re
import shlex
import sys
from pathlib import Path
from traceback import format_exception

import anyio
import pytest
from pydantic import SecretStr

from fw_mcp.assembly import assemble, secrets_of, store_place
from fw_mcp.cli.main import main
from fw_mcp.cli.options import parse
from fw_mcp.config import Settings, load_settings
from fw_mcp.errors import ConfigError, Reason
from fw_mcp.store.database import session_id
from tests.support.postgres import running
from tests.support.products import exhaustive, first_of

PASSWORD = "canary-web"
WITH_PASSWORD = {
    "beside the user": f"postgresql://fw:{PASSWORD}@db/fw",
    "as a parameter": f"postgresql://fw@db/fw?sslmode=require&password={PASSWORD}",
    "with letters spelt otherwise": "postgresql://fw@db/fw?pass%77ord=canary%2Dweb",
    "of the key of a certificate": f"postgresql://fw@db/fw?sslpassword={PASSWORD}",
    "by the other name of the scheme": f"postgres://fw:{PASSWORD}@db:6432/fw",
}


@pytest.mark.parametrize("url", first_of(*WITH_PASSWORD.values(), first=2, ids=WITH_PASSWORD))
def test_a_password_on_the_command_line_is_refused_and_not_repeated(
    url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Promise: every process of the machine can see a command line."""
    assert main(["--store", url, "plans"]) == 6
    said = capsys.readouterr().err
    assert "The address of the store has a password" in said
    assert "FW_MCP_STORE" in said
    assert (PASSWORD in said, "canary%2Dweb" in said) == (False, False)


def test_a_password_in_the_target_of_a_copy_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same command line."""
    url = f"postgresql://fw:{PASSWORD}?@db/fw"
    assert main(["--sandbox", "store", "copy", str(tmp_path / "s"), url]) == 6
    said = capsys.readouterr().err
    assert ("The address of the store has a password" in said, PASSWORD in said) == (True, False)


@pytest.mark.parametrize("url", first_of(*WITH_PASSWORD.values(), first=2, ids=WITH_PASSWORD))
def test_a_password_in_the_variable_is_taken_and_masked(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Promise: neither the settings nor a log line show it, in either spelling."""
    monkeypatch.setenv("FW_MCP_STORE", url)
    _, settings, _ = parse(["--sandbox", "plans"])
    assert store_place(settings, {}, sys.platform) == url
    assert "canary" not in repr(settings)
    assert PASSWORD in secrets_of(settings, {})
    assembly = assemble(settings, {})
    assert "canary" not in assembly.database.name
    assert repr(assembly.database.path) == "None"


def test_what_libpq_takes_goes_through() -> None:
    """A password file, TLS, a schema: in its words; the person is told without them."""
    url = "postgresql://fw@db.example:6432/fw?passfile=/run/secrets/pg&sslmode=verify-full"
    settings = load_settings({"store": url, "sandbox": "true"})
    assert isinstance(settings.store, SecretStr)
    assert store_place(settings, {}, sys.platform) == url
    assert assemble(settings, {}).database.name == "postgresql://fw@db.example:6432/fw"


@pytest.mark.parametrize(
    "url",
    first_of(
        "postgresql:///",
        f"POSTGRESQL://fw:{PASSWORD}@db/fw",
        "postgresql://db",
        "postgresql://db:x/fw",
        "postgresql://one:5432,two:x/fw",
        "postgres://[db/fw",
        f"postgresql+psycopg://fw:{PASSWORD}@db/fw",
        f"postgresql://fw:a@{PASSWORD}@db/fw",
        f"postgresql://fw:a/{PASSWORD}@db/fw",
        f"postgresql://fw:%zz{PASSWORD}@db/fw",
        f"postgresql://fw@db/fw password={PASSWORD}",
        first=2,
    ),
)
def test_an_address_that_names_no_database_is_refused_and_not_repeated(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may be one with a password: libpq would name a part of it as the host."""
    monkeypatch.setenv("FW_MCP_STORE", url)
    with pytest.raises(ConfigError) as refused:
        load_settings({})
    assert refused.value.reason is Reason.INVALID_SETTING
    said = "".join(format_exception(refused.value))
    assert "postgresql://USER@HOST:PORT/DATABASE" in said
    assert (url in said, PASSWORD in said) == (False, False)


def test_several_hosts_are_taken() -> None:
    """A primary and its standby, each with a port."""
    url = "postgresql://fw@one:5432,two:6432/fw?target_session_attrs=read-write"
    assert isinstance(load_settings({"store": url, "sandbox": "true"}).store, SecretStr)


def test_a_drive_is_no_address() -> None:
    """Nor is a folder whose name has a colon."""
    assert not isinstance(load_settings({"store": "c://store"}).store, SecretStr)


def test_a_folder_is_no_address() -> None:
    """What is no such URL is a file."""
    assert not isinstance(load_settings({"store": "postgresql.db"}).store, SecretStr)


def test_without_psycopg_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """At start, in words."""
    monkeypatch.setitem(sys.modules, "psycopg", None)
    monkeypatch.delitem(sys.modules, "fw_mcp.store.postgres", raising=False)
    settings = Settings(store=SecretStr("postgresql://fw@db/fw"), sandbox=":memory:")
    with pytest.raises(ConfigError, match="with the extra postgres"):
        assemble(settings, {})


def test_a_store_in_a_file_brings_no_psycopg(tmp_path: object) -> None:
    """Promise: whoever does not share a store does not wait for it."""
    before = {name for name in sys.modules if name.startswith("psycopg")}
    assemble(load_settings({"store": f"{tmp_path}/s", "sandbox": "true"}), {})
    assert {name for name in sys.modules if name.startswith("psycopg")} == before


PAGE = (Path(__file__).parents[2] / "docs" / "teams.md").read_text(encoding="utf-8")
SECTION = PAGE.partition("\n## PostgreSQL\n")[2].partition("\n## ")[0]


def test_the_commands_of_the_page_are_taken() -> None:
    """As they are written there: to serve, and to move a file."""
    lines = re.findall(r"^\$ fw-mcp (.*)$", SECTION, re.MULTILINE)
    (serve, copy) = [parse(shlex.split(line)) for line in lines]
    url = "postgresql://fw_mcp@db.example:5432/fw?sslmode=verify-full"
    assert store_place(serve[1], {}, sys.platform) == url
    assert (copy[0], copy[2]["source"], copy[2]["target"]) == ("store", "store.sqlite3", url)


@exhaustive
def test_the_role_and_the_database_of_the_page_will_do() -> None:
    """Made as they are written there, they hold a store."""
    statements = re.findall(r"^CREATE .*;$", SECTION, re.MULTILINE)
    with running(empty=True) as cluster:
        cluster.do(*statements, database="postgres")
        settings = load_settings({"store": cluster.url(), "sandbox": "true"})
        assembly = assemble(settings, {})
        assert len(anyio.run(session_id, assembly.database)) == 32
        assembly.database.close()
