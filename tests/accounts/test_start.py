"""What must be said at the start of a server with several accounts, and what is refused there."""

from pathlib import Path

import pytest

from fw_mcp.assembly import assemble
from fw_mcp.cli.main import main
from fw_mcp.cli.serve import libraries_of, over_http
from fw_mcp.config import Settings, check_variables, load_settings
from fw_mcp.errors import ConfigError
from fw_mcp.guard.effects import Scope
from tests.accounts.served import TWO, opens
from tests.server.test_identity import keep

HTTP = {"http": "127.0.0.1:8000"}


def given(folder: Path, *tokens: str, **more: object) -> Settings:
    """The settings of a server with these files."""
    named, file = folder / "accounts.toml", folder / "tokens.jsonl"
    keep(named, TWO)
    keep(file, *tokens)
    usual: dict[str, object] = {**HTTP, "accounts_file": named, "tokens_file": file, **more}
    return load_settings({name: one for name, one in usual.items() if one is not None})


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"http_token": "a-token-of-16-or-more"}, "FW_MCP_HTTP_TOKEN cannot name an account"),
        ({"tokens_file": None}, "needs tokens that name the accounts"),
        ({"account": "north"}, "is for commands and for a server over stdio"),
    ],
)
def test_whoever_could_call_without_an_account_is_refused_at_the_start(
    tmp_path: Path, more: dict[str, object], said: str
) -> None:
    """Promise: there is no default."""
    with pytest.raises(ConfigError) as refused:
        libraries_of(given(tmp_path, **more))
    assert said in str(refused.value)


def test_a_token_of_an_account_that_there_is_not_is_refused_at_the_start(tmp_path: Path) -> None:
    """It is a slip; a later one is answered with 403."""
    settings = given(tmp_path, opens("ann", "north"), opens("bob", "nroth"))
    with pytest.raises(ConfigError) as refused:
        over_http(assemble(settings, {}), libraries_of(settings))
    assert 'names the account "nroth", which there is not.' in str(refused.value)
    alone = load_settings({**HTTP, "tokens_file": tmp_path / "tokens.jsonl", "sandbox": "true"})
    with pytest.raises(ConfigError, match='names the account "north"'):
        over_http(assemble(alone, {}))


@pytest.mark.parametrize(
    ("scopes", "offered"),
    [
        ("images:read, images:write", (Scope.READ, Scope.WRITE)),
        ("images:delete", tuple(Scope)),
    ],
)
def test_the_operator_says_what_clients_are_let_ask_for(
    scopes: str, offered: tuple[Scope, ...]
) -> None:
    """Of what the server can do at all."""
    login = {"oauth_issuer": "https://login.example.com", "sandbox": "true", **HTTP}
    login |= {"public_url": "https://fw.example.com/mcp", "oauth_account_claim": "team"}
    assembly = assemble(load_settings({**login, "oauth_scopes": scopes}), {})
    issuer = over_http(assembly).keywords["issuer"]
    assert (issuer.scopes, issuer.account_claim, issuer.account) == (offered, "team", "default")
    for wrong in ("images:all", ","):
        with pytest.raises(ConfigError, match="is not a scope"):
            over_http(assemble(load_settings({**login, "oauth_scopes": wrong}), {}))


def test_variables_that_the_file_names_are_known(tmp_path: Path) -> None:
    """Though they are nearly the server's own."""
    environ = {"FINERWORKS_WEB_API_KEY_2": "canary-web", "FW_MCP_NORTH": "canary-app"}
    check_variables(environ, list(environ))
    with pytest.raises(ConfigError, match="Unknown setting"):
        check_variables(environ)
    assert load_settings({"accounts_file": tmp_path}).account is None


def test_a_token_is_made_for_an_account_that_there_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Promise: it names the account, and no other command is needed."""
    file = tmp_path / "accounts.toml"
    keep(file, TWO)
    new = ["token", "new", "ann", "--accounts-file", str(file)]
    assert main([*new, "--account", "south"]) == 0
    assert '"account":"south"' in capsys.readouterr().out
    assert main([*new, "--account", "east"]) == 2
    assert 'There is no account "east".' in capsys.readouterr().err
    assert main(new) == 2
    assert "Name one with --account: north, south." in capsys.readouterr().err
    assert main(["token", "new", "ann", "--account", "south"]) == 2
    assert 'There is no account "south".' in capsys.readouterr().err
