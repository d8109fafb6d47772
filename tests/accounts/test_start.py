"""What must be said at the start of a server with several accounts, and what is refused there."""

import os
from pathlib import Path

import httpx
import pytest

from fw_mcp.assembly import assemble
from fw_mcp.cli.main import main
from fw_mcp.cli.serve import libraries_of, over_http
from fw_mcp.config import Settings, check_variables, load_settings
from fw_mcp.errors import ConfigError
from fw_mcp.guard.effects import Scope
from tests.accounts.served import TWO, bearer, opens
from tests.cli.serving import LIST_TOOLS, SEARCH, answers, serving
from tests.server.test_identity import keep
from tests.support.process import fw_mcp

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
    assert 'names the account "nroth", which does not exist.' in str(refused.value)
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


def test_a_store_is_brought_up_to_date_for_all_accounts_at_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Promise: whoever looks after the store need name none of them."""
    given(tmp_path)
    files = ["--accounts-file", f"{tmp_path}/accounts.toml", "--store", f"{tmp_path}/store"]
    assert main(["store", "migrate", *files]) == 0
    assert "up to date" in capsys.readouterr().out


def test_the_server_of_several_accounts_is_ready_without_keys_of_its_own(tmp_path: Path) -> None:
    """Promise: each account brings its own; a token of one of them opens it."""
    given(tmp_path, opens("ann", "north"))
    named = (f"{tmp_path}/{file}" for file in ("accounts.toml", "tokens.jsonl", "store"))
    options = zip(("--accounts-file", "--tokens-file", "--store"), named, strict=True)
    with serving("--http", "127.0.0.1:0", *(word for pair in options for word in pair)) as url:
        ready = httpx.get(f"{url}/readyz", trust_env=False)
        statuses = [
            httpx.post(
                f"{url}/mcp",
                content=LIST_TOOLS.splitlines()[0],
                headers={
                    "Authorization": f"Bearer {bearer(name)}",
                    "Accept": "application/json, text/event-stream",
                    "Content-Type": "application/json",
                },
                trust_env=False,
            ).status_code
            for name in ("ann", "bob")
        ]
    assert (ready.status_code, statuses) == (200, [200, 401])


def test_over_stdio_it_is_the_account_that_is_named(tmp_path: Path) -> None:
    """One server is one account there."""
    given(tmp_path)
    named = ["--accounts-file", str(tmp_path / "accounts.toml"), "--account", "south"]
    done = fw_mcp(named, text=LIST_TOOLS + SEARCH)
    assert done.returncode == 0, done.stderr
    assert answers(done.stdout)[3].get("isError", False) is False
    assert fw_mcp(named[:2], text="").returncode == 2


@pytest.mark.skipif(os.name != "posix", reason="it has no such limit")
def test_many_accounts_may_be_open(tmp_path: Path) -> None:
    """Each holds two files open, and most systems let a process have a thousand to begin with."""
    import resource  # noqa: PLC0415  not on Windows

    before, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    few = min(most, 1_024) - 1
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (few, most))
        libraries_of(given(tmp_path))
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (most, most)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (before, most))
