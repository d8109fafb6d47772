"""docs/teams.md, word for word."""

import json
import re
import shlex
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from fw_mcp.assembly import assemble
from fw_mcp.cli.hosts import TOKEN, TOKEN_VARIABLE
from fw_mcp.cli.main import main
from fw_mcp.cli.options import parse
from fw_mcp.cli.serve import libraries_of, over_http
from fw_mcp.config import load_settings
from fw_mcp.errors import ConfigError
from fw_mcp.guard.effects import Scope
from fw_mcp.server.app import build_server
from fw_mcp.server.http import http_app
from tests.support.hosts import WITH_HEADER

pytestmark = pytest.mark.anyio

PAGE = (Path(__file__).parents[1] / "docs" / "teams.md").read_text(encoding="utf-8")
PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}


def command(words: str) -> list[str]:
    """The arguments of the page's first command that begins with these words."""
    line, *_ = re.findall(rf"(?:^\$ |`)fw-mcp ({words} [^`\n]+)", PAGE, re.MULTILINE)
    return shlex.split(line)


def snippets(token: str) -> list[dict[str, Any]]:
    """What docs/hosts.md gives to hosts that take JSON, with this token."""
    rows = [row.strip("`") for row in WITH_HEADER.values() if row.startswith("`{")]
    assert len(rows) >= 5
    plain = [row.replace(f"${{input:{TOKEN_VARIABLE}}}", TOKEN) for row in rows]
    documents = [json.loads(row.replace(TOKEN, token)) for row in plain]
    # One starts a program that sends the header.
    return [document for document in documents if "command" not in document]


@asynccontextmanager
async def served(
    arguments: list[str], address: str = "https://fw.example.com"
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of what the command would serve, at the address that it believes in."""
    _, settings, _ = parse(arguments)
    assembly, libraries = assemble(settings, {}), libraries_of(settings)
    given = dict(over_http(assembly, libraries).keywords)
    del given["listening"]
    app = http_app(build_server(assembly.parts, libraries), **given)
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url=address) as client,
    ):
        yield client
    await assembly.aclose()


async def asked(client: httpx.AsyncClient, token: str, **headers: str) -> int:
    """What a request with the token is answered; 400 is the protocol speaking."""
    bearer = {"Authorization": f"Bearer {token}", "Accept": "*/*", **headers}
    return (await client.post("/mcp", json=PING, headers=bearer)).status_code


async def test_the_page_on_teams_goes_as_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A token is made, let in, listed and revoked."""
    monkeypatch.chdir(tmp_path)
    assert main(command("token new")) == 0
    _, token, _, line = capsys.readouterr().out.splitlines()
    file = tmp_path / "tokens.jsonl"
    file.touch(mode=0o600)
    file.write_text(f"# who may\n{line}\n", encoding="utf-8")
    assert token not in line
    assert main(command("token list")) == 0
    assert re.match(r"anna  images:write  account default  expires \d{4}-", capsys.readouterr().out)
    async with served([*command("--http"), "--sandbox"]) as client:
        assert (await client.get("/readyz")).json() == {"status": "ready"}
        for snippet in snippets(token):
            assert "URL" in {snippet.get(name) for name in ("url", "serverUrl", "uri")}
            assert await asked(client, "", **snippet["headers"]) == 400
        assert await asked(client, token) == 400
        assert await asked(client, token, Origin="https://fw.example.com") == 400
        assert await asked(client, token, Host="FW.example.com:443") == 400
        assert await asked(client, token, Host="other.example.com") == 421
        assert await asked(client, f"{token}x") == 401
        file.write_text("", encoding="utf-8")
        assert await asked(client, token) == 401
    assert main(command("token list")) == 0
    assert capsys.readouterr().out == "There are no tokens in the tokens file.\n"


def accounts_of_the_page(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The accounts file as it stands there, with keys where it says."""
    monkeypatch.chdir(folder)
    (text,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    for name in ("web-api", "app"):
        (folder / f"north-{name}-key").write_text("key-of-north", encoding="utf-8")
        monkeypatch.setenv(f"SOUTH_{name.upper().replace('-', '_')}_KEY", "key-of-south")
    file = folder / "accounts.toml"
    file.touch(mode=0o600)
    file.write_text(text.replace("/run/secrets", str(folder)), encoding="utf-8")
    return file


def test_a_command_works_on_the_account_of_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its keys are not asked for what the store knows."""
    accounts_of_the_page(tmp_path, monkeypatch)
    monkeypatch.setenv("FW_MCP_STORE", str(tmp_path / "store"))
    assert main(command("changes")) == 0
    assert capsys.readouterr().out.startswith("No changes")
    assert main(command("changes")[:-2]) == 2
    assert "Say which: --account north, south, trial." in capsys.readouterr().err


async def test_the_section_on_several_accounts_goes_as_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The file is taken as it stands there; the keys are where it says."""
    file = accounts_of_the_page(tmp_path, monkeypatch)
    assert main(command("--accounts-file")) == 0
    _, token, _, line = capsys.readouterr().out.splitlines()
    (tmp_path / "tokens.jsonl").touch(mode=0o600)
    (tmp_path / "tokens.jsonl").write_text(line, encoding="utf-8")
    async with served(command("--http 127.0.0.1:8002"), "http://127.0.0.1:8002") as client:
        assert await asked(client, token) == 400
        file.write_text(file.read_text().replace("[trial]", "[other]"), encoding="utf-8")
        assert await asked(client, token) == 403


def test_the_page_on_teams_names_every_scope_in_order() -> None:
    """And no other."""
    assert re.findall(r"^\| `(images:\S+)` \|", PAGE, re.MULTILINE) == list(Scope)


@pytest.mark.parametrize(
    "url",
    [
        "https://fw.example.com/mcp",
        "HTTPS://FW.example.com:8443/mcp/",
        "https://[2001:db8::1]/mcp",
        "http://127.0.0.1:8000/mcp",
    ],
)
def test_the_public_url_is_the_one_that_clients_use(url: str) -> None:
    """Over plain http only on this machine."""
    assert load_settings({"public_url": url}).public_url == url


@pytest.mark.parametrize(
    "url",
    [
        "http://fw.example.com/mcp",
        "https://fw.example.com",
        "https://fw.example.com/other",
        "https://fw.example.com/mcp?a=b",
        "https://user@fw.example.com/mcp",
        "https://*.example.com/mcp",
        "https://fw.example.com:port/mcp",
        "https:///mcp",
        "fw.example.com",
    ],
)
def test_a_public_url_that_no_client_can_use_is_refused(url: str) -> None:
    """It would allow what nobody sends, or too much."""
    with pytest.raises(ConfigError, match="must be an https URL that ends in /mcp"):
        load_settings({"public_url": url})


async def test_the_public_url_counts_in_any_case_and_with_its_own_port() -> None:
    """As a proxy may pass the name on."""
    url = "https://FW.Example.com:8443/mcp/"
    async with served(["--http", "127.0.0.1:8000", "--public-url", url]) as client:
        names = ("fw.example.com:8443", "fw.example.com", "localhost:8000")
        hosts = [await asked(client, "", Host=name) for name in names]
        origin = "https://fw.example.com:8443"
        origins = [
            await asked(client, "", Host=names[0], Origin=one) for one in (origin, origin[:-5])
        ]
    assert (hosts, origins) == ([400, 421, 400], [400, 403])


async def test_the_page_on_teams_says_how_to_log_in() -> None:
    """The command starts a server that sends clients to the issuer."""
    async with served(command("--http 127.0.0.1:8001")) as client:
        challenge = (await client.post("/mcp", json=PING)).headers["WWW-Authenticate"]
        (where,) = re.findall('resource_metadata="([^"]+)"', challenge)
        told = (await client.get(where)).json()
    assert told["resource"] == "https://fw.example.com/mcp"
    assert told["authorization_servers"] == ["https://login.example.com"]
    assert told["scopes_supported"] == list(Scope)


@pytest.mark.parametrize(
    ("issuer", "said"),
    [
        ("https://login.example.com", "needs --public-url"),
        ("http://login.example.com", "must be an https URL without a user"),
        ("login.example.com", "must be an https URL without a user"),
    ],
)
async def test_an_issuer_that_cannot_be_trusted_is_refused(issuer: str, said: str) -> None:
    """Tokens must be for this server, and keys must come from whom they say."""
    with pytest.raises(ConfigError, match=said):
        async with served(["--http", "127.0.0.1:8000", "--oauth-issuer", issuer]):
            raise AssertionError


async def test_only_scopes_that_the_operator_left_on_are_offered() -> None:
    """Nobody is asked to grant what is refused."""
    command_line = [*command("--http 127.0.0.1:8001"), "--read-only"]
    async with served(command_line) as client:
        challenge = (await client.post("/mcp", json=PING)).headers["WWW-Authenticate"]
    assert 'scope="images:read",' in challenge
