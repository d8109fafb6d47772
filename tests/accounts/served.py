"""A server over HTTP that opens several accounts, as the command line would make it."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
from mcp import Client
from mcp.client.session import ElicitationFnT
from mcp.client.streamable_http import streamable_http_client

from fw_mcp.accounts.libraries import Libraries
from fw_mcp.assembly import assemble
from fw_mcp.cli.options import parse
from fw_mcp.cli.serve import libraries_of, over_http, seal_of
from fw_mcp.guard.effects import Scope
from fw_mcp.server.app import build_server
from fw_mcp.server.http import http_app
from fw_mcp.server.oauth import Issuer
from tests.server.test_identity import URL, Era, keep, made

TWO = """
[north]
sandbox_file = "north.db"

[south]
sandbox_file = "south.db"
"""


@dataclass
class House:
    """The server, its accounts file and their libraries."""

    app: Any
    accounts: Path
    libraries: Libraries

    def write(self, accounts: str) -> None:
        """Put these accounts in place of what the file holds."""
        keep(self.accounts, accounts)

    @asynccontextmanager
    async def client(
        self, bearer: str, *, mode: Era = "auto", person: ElicitationFnT | None = None
    ) -> AsyncIterator[Client]:
        """A client of somebody with a token; with a person it can ask."""
        headers = {"Authorization": f"Bearer {bearer}"}
        transport = httpx2.ASGITransport(self.app)
        async with (
            httpx2.AsyncClient(transport=transport, base_url=URL, headers=headers) as http,
            Client(
                streamable_http_client(f"{URL}/mcp", http_client=http),
                mode=mode,
                elicitation_callback=person,
                cache=None,
            ) as client,
        ):
            yield client

    async def ping(
        self,
        bearer: str,
        headers: Mapping[str, str] | None = None,
        method: str = "ping",
        **params: object,
    ) -> httpx2.Response:
        """What a request with a token is answered; 400 is the protocol speaking."""
        ping = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        headers = {"Authorization": f"Bearer {bearer}", "Accept": "*/*", **(headers or {})}
        transport = httpx2.ASGITransport(self.app)
        async with httpx2.AsyncClient(transport=transport, base_url=URL) as http:
            return await http.post("/mcp", json=ping, headers=headers)


def bearer(name: str) -> str:
    """The token of a person of the tokens file."""
    return name * 2


def opens(name: str, account: str, *scopes: Scope) -> str:
    """The line of a token of that person for that account."""
    return made(name, *(scopes or (Scope.DELETE,))).model_copy(update={"account": account}).line()


@asynccontextmanager
async def house(
    folder: Path,
    *tokens: str,
    accounts: str = TWO,
    options: Mapping[str, str] | None = None,
    issuer: Issuer | None = None,
) -> AsyncIterator[House]:
    """A server with these tokens, in `folder`; all accounts are kept in one store."""
    file, named = folder / "tokens.jsonl", folder / "accounts.toml"
    keep(file, *tokens)
    keep(named, accounts)
    usual = {"--http": "127.0.0.1:8000", "--store": str(folder / "store")}
    usual |= {"--accounts-file": str(named), "--tokens-file": str(file), **(options or {})}
    _, settings, _ = parse([word for pair in usual.items() for word in pair])
    assembly, libraries = assemble(settings, {}), libraries_of(settings)
    assert libraries is not None
    given = dict(over_http(assembly, libraries).keywords)
    del given["listening"]
    given["issuer"] = issuer
    app = http_app(build_server(assembly.parts, libraries, seal_of(settings)), **given)
    async with app.router.lifespan_context(app):
        yield House(app, named, libraries)
    await libraries.aclose()
    await assembly.aclose()
