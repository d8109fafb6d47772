"""The files of deploy/, read as text: no container engine is needed for that."""

import re
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
from tests.server.test_identity import keep
from tests.support.nginx import DEPLOY

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


def test_a_replica_may_take_as_long_to_end_as_it_can() -> None:
    """5 seconds to be seen, 45 for calls; nothing is killed before."""
    replica = services()["one"]
    assert replica["stop_grace_period"] == "60s"
    assert replica["user"].endswith(":0")
