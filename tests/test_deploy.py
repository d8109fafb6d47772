"""The files of deploy/, read as text: no container engine is needed for that."""

import re
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from fw_mcp.accounts.file import read_rows
from fw_mcp.assembly import is_shared_store
from fw_mcp.cli.serve import seal_of
from fw_mcp.config import Settings, load_settings, variable
from fw_mcp.errors import ConfigError
from fw_mcp.server.http import check_exposure
from fw_mcp.server.state_keys import read_keys
from fw_mcp.server.tokens import read_tokens
from fw_mcp.store.database import session_id
from fw_mcp.store.sqlite import Database
from tests.server.test_identity import keep
from tests.support.nginx import DEPLOY

pytestmark = pytest.mark.anyio

PAGE = (DEPLOY.parent / "docs" / "teams.md").read_text(encoding="utf-8")
COMPOSE = (DEPLOY / "compose.yaml").read_text(encoding="utf-8")
REPLICAS = ("one", "two")


def services() -> dict[str, Any]:
    """The services of the example."""
    found: dict[str, Any] = yaml.safe_load(COMPOSE)["services"]
    return found


def test_the_example_has_two_equal_replicas_a_database_and_a_proxy() -> None:
    """The proxy names both, and each waits for what it needs."""
    found = services()
    nginx = (DEPLOY / "nginx.conf").read_text(encoding="utf-8")
    assert sorted(found) == sorted([*REPLICAS, "db", "nginx"])
    assert found["one"] == found["two"]
    assert re.findall(r"server (\w+):8000", nginx) == list(REPLICAS)
    assert (list(found["one"]["depends_on"]), list(found["nginx"]["depends_on"])) == (
        ["db"],
        list(REPLICAS),
    )
    (port,) = found["nginx"]["ports"]
    assert port.startswith("127.0.0.1:")
    assert f"listen {port.rpartition(':')[2]};" in nginx


def test_every_variable_of_the_example_is_a_setting_that_takes_its_value() -> None:
    """And together they are what replicas need."""
    known = {variable(name): name for name in Settings.model_fields}
    environment = services()["one"]["environment"]
    assert sorted(set(re.findall(r"\b(?:FW_MCP|FINERWORKS)_\w+", COMPOSE)) - set(known)) == []
    settings = load_settings({known[name]: value for name, value in environment.items()})
    host, _, _ = (settings.http or "").rpartition(":")
    assert is_shared_store(settings)
    assert settings.tokens_file is not None
    assert settings.public_url == "http://localhost:8080/mcp"
    with pytest.raises(ConfigError, match="The state keys file"):
        seal_of(settings)
    with pytest.raises(ConfigError, match="No token is set"):
        check_exposure(host, None)


def test_every_file_of_the_example_is_there_or_a_secret() -> None:
    """What it mounts from beside it, and what the settings read of that."""
    found = services()
    mounted = [
        volume.split(":")[0] for service in found.values() for volume in service.get("volumes", ())
    ]
    beside = {name for name in mounted if name.startswith("./")}
    assert {name for name in beside if not (DEPLOY / name).exists()} == {
        "./secrets",
        "./secrets/postgres-password",
    }
    ignored = (DEPLOY.parent / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert "deploy/secrets/" in ignored


def test_no_secret_stands_in_the_example() -> None:
    """Each is a file; the address of the database names one."""
    found = services()
    told = {**found["one"]["environment"], **found["db"]["environment"]}
    secret = [name for name in told if re.search("KEY|TOKEN|PASSWORD|ACCOUNTS", name)]
    assert len(secret) == 4
    assert [name for name in secret if not told[name].startswith("/run/secrets/")] == []
    store = told["FW_MCP_STORE"]
    assert re.fullmatch(r"postgresql://\w+@db/\w+\?passfile=/run/secrets/pgpass", store)


def test_the_accounts_of_the_example_are_some(tmp_path: Path) -> None:
    """As they stand there, once closed to others."""
    file = tmp_path / "accounts.toml"
    keep(file, (DEPLOY / "accounts.toml").read_text(encoding="utf-8"))
    assert list(read_rows(file)) == ["prints"]


def test_the_page_names_the_settings_of_the_proxy_as_they_are() -> None:
    """The four that matter, each in the example."""
    table = PAGE[PAGE.index("### nginx") :]
    named = re.findall(r"`(proxy_[^`]+)`", table.partition("\n\n###")[0])
    nginx = (DEPLOY / "nginx.conf").read_text(encoding="utf-8")
    assert len(named) == 4
    assert [one for one in named if f"{one};" not in nginx] == []
    assert 'proxy_set_header Connection "";' in nginx


def commands(heading: str) -> list[str]:
    """What the page has a person type below a heading."""
    section = PAGE[PAGE.index(f"\n{heading}\n") :].partition("\n##")[2].partition("\n##")[0]
    return re.findall(r"^\$ (.+)$", section, re.MULTILINE)


def typed(lines: list[str], folder: Path) -> None:
    """Type them into a shell that stops at the first that fails."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    subprocess.run(["/bin/sh", "-ec", "\n".join(lines)], cwd=folder, check=True, timeout=60)


def test_the_secrets_of_the_example_are_made_as_the_page_says(tmp_path: Path) -> None:
    """Each is closed to others, and what reads it takes it."""
    shutil.copytree(DEPLOY, tmp_path / "deploy")
    typed([one for one in commands("## Running it") if not one.startswith("docker")], tmp_path)
    made = tmp_path / "deploy" / "secrets"
    assert {file.stat().st_mode & 0o777 for file in made.iterdir()} == {0o600}
    assert (list(read_rows(made / "accounts.toml")), read_tokens(made / "tokens.jsonl")) == (
        ["prints"],
        (),
    )
    assert len(read_keys(made / "state-keys")) == 1
    password = (made / "postgres-password").read_text().strip()
    assert len(password) == 48
    assert (made / "pgpass").read_text() == f"db:5432:fw_mcp:fw_mcp:{password}\n"
    named = {Path(one).name for one in re.findall(r"/run/secrets/[\w.-]+", whole_example())}
    assert {file.name for file in made.iterdir()} == named


def whole_example() -> str:
    """All of its files."""
    return "".join(file.read_text(encoding="utf-8") for file in DEPLOY.iterdir() if file.is_file())


def test_a_key_is_made_as_the_page_says(tmp_path: Path) -> None:
    """And is one that the server takes."""
    (line,) = commands("## Replicas")
    typed([line], tmp_path)
    assert len(read_keys(tmp_path / "state-keys")) == 1


async def test_a_store_in_a_file_is_copied_and_restored_as_the_page_says(tmp_path: Path) -> None:
    """While it is open; the copy knows what the store knew."""
    line = next(one for one in commands("### Backup and restore") if "sqlite3" in one)
    name, statement = re.findall(r'sqlite3 (\S+) "([^"]+)"', line)[0]
    live = Database(tmp_path / name, account="a")
    kept = await session_id(live)
    with closing(sqlite3.connect(tmp_path / name)) as other:
        other.execute(statement.replace("'", f"'{tmp_path}/", 1))
    live.close()
    restored = tmp_path / "backup.sqlite3"
    assert restored.exists()
    (tmp_path / name).unlink()
    restored.rename(tmp_path / name)
    with closing(Database(tmp_path / name, account="a")) as again:
        assert await session_id(again) == kept


def test_a_replica_may_take_as_long_to_end_as_it_can() -> None:
    """5 seconds to be seen, 45 for calls; nothing is killed before."""
    replica = services()["one"]
    assert replica["stop_grace_period"] == "60s"
    assert replica["user"].endswith(":0")
