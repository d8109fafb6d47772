"""fw-mcp behind a real OpenID provider, for clients that know nothing but the URL.

The provider is npm's `oidc-provider`; the clients are that of the SDK, and `mcp-remote`, which
stands between a server like this and hosts that know stdio alone.
"""

import os
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import anyio
import httpx
import httpx2
from browser import Person
from mcp import Client, MCPError, StdioServerParameters, stdio_client
from mcp.client.auth import AuthorizationCodeResult, OAuthClientProvider, OAuthFlowError
from mcp.client.context import ClientRequestContext
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import OAuthClientInformationFull, OAuthClientMetadata, OAuthToken
from mcp.types import ElicitRequestParams, ElicitResult
from packages import Packages
from pydantic import AnyUrl
from serving import free_address, serving, wait_until_ready
from verdict import Unexpected, Verdict, expect

_READ, _DELETE = "images:read", "images:delete"
_SCOPES = {_READ, "images:write", _DELETE}
_BACK = "http://127.0.0.1:9/callback"
_WITHIN_S = 90.0


@dataclass
class Host:
    """What a person sits at: it answers questions with yes.

    Attributes:
        person: who sits there.
        questions: that were put.
        refused: the challenges of answers with HTTP 403; None where the client shows none.
    """

    person: Person
    questions: list[str] = field(default_factory=list)
    refused: list[str] | None = None

    async def answer(
        self, context: ClientRequestContext, params: ElicitRequestParams
    ) -> ElicitResult:
        """Say yes."""
        del context
        self.questions.append(params.message)
        return ElicitResult(action="accept", content={"confirm": True})


@dataclass(frozen=True)
class Behind:
    """A server and the provider that it names.

    Attributes:
        url: of the server.
        issuer: the provider's.
        packages: mcp-remote among them.
        folder: for what a client keeps.
    """

    url: str
    issuer: str
    packages: Packages
    folder: Path


Connect = Callable[[Behind, Host], AbstractAsyncContextManager[Client]]
Step = Callable[[Behind, Connect], Awaitable[str]]


def log_in(packages: Packages, folder: Path) -> Iterator[Verdict]:
    """Log in with each client, once with everything granted, once with reading alone at first.

    Args:
        packages: the provider and mcp-remote among them.
        folder: for what a client keeps.
    """
    address, at = free_address(), free_address()
    url, issuer = f"http://{address}/mcp", f"http://{at}"
    options = ("--public-url", url, "--oauth-issuer", issuer, "--store", ":memory:")
    with _provider(packages, at, url), serving(address, *options):
        behind = Behind(url, issuer, packages, folder)
        for client, connect in _CLIENTS.items():
            for what, step in _STEPS.items():
                print(f"  {client}: {what}", flush=True)
                yield _judged(client, what, partial(step, behind, connect))


async def _everything(behind: Behind, connect: Connect) -> str:
    """It asks for every scope, does what they allow, and the history names the person."""
    host = Host(Person("anna"))
    async with connect(behind, host) as client:
        tools = (await client.list_tools()).tools
        guid = await _some_image(client)
        await _deleted(client, host, guid)
        (newest, *_) = (await _called(client, "list_changes"))["changes"]
    expect(host.person.asked[0] >= _SCOPES, f"it asked for {host.person.asked}")
    expect(len(host.person.asked) == 1, f"it logged in {len(host.person.asked)} times")
    who = f"{behind.issuer}#anna"
    expect(newest["caller"].startswith(who), f"the history names {newest['caller']}")
    return f"{len(tools)} tools, searched, asked, 1 deleted, recorded under #anna"


async def _reading_alone(behind: Behind, connect: Connect) -> str:
    """It reads, is refused a deletion, logs in for more, and goes on."""
    host = Host(Person("ben", grants=[_READ]))
    async with connect(behind, host) as client:
        guid = await _some_image(client)
        logins = len(host.person.asked)
        await _deleted(client, host, guid)
    expect(logins == 1, f"it logged in {logins} times to read")
    expect(len(host.person.asked) == 1 + logins, f"it logged in {len(host.person.asked)} times")
    expect(_DELETE in host.person.asked[-1], f"it then asked for {host.person.asked[-1]}")
    if host.refused is None:
        return "searched, logged in for more, asked, 1 deleted"
    (challenge,) = host.refused or [""]
    wanted = ('error="insufficient_scope"', f'scope="{_DELETE}"')
    expect(all(one in challenge for one in wanted), f"the challenge is {challenge!r}")
    return "searched, 403 insufficient_scope, logged in for more, asked, 1 deleted"


_STEPS: dict[str, Step] = {
    "log in, search, delete": _everything,
    "with images:read alone, then more": _reading_alone,
}


async def _some_image(client: Client) -> str:
    found = await _called(client, "search_images", per_page=1)
    guid: str = found["images"][0]["guid"]
    return guid


async def _deleted(client: Client, host: Host, guid: str) -> None:
    done = await _called(client, "delete_images", guids=[guid])
    expect(done.get("outcomes") == {"deleted": 1}, f"the deletion ended with {done}")
    expect(len(host.questions) == 1, f"{len(host.questions)} questions were put")
    left = await _called(client, "search_images", guid_filter=[guid])
    expect(left["images"] == [], "the image is still there")


async def _called(client: Client, tool: str, **arguments: object) -> dict[str, Any]:
    result = await client.call_tool(tool, arguments)
    expect(not result.is_error, f"{tool}: {result.content}")
    return result.structured_content or {}


class Kept:
    """What the SDK's client keeps of its login, for as long as it runs."""

    def __init__(self) -> None:
        self._tokens: OAuthToken | None = None
        self._client: OAuthClientInformationFull | None = None

    async def get_tokens(self) -> OAuthToken | None:
        """The tokens."""
        return self._tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        """Keep tokens."""
        self._tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        """The registration."""
        return self._client

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        """Keep a registration."""
        self._client = client_info


@asynccontextmanager
async def _sdk(behind: Behind, host: Host) -> AsyncIterator[Client]:
    """The SDK's own client."""
    sent_to: list[str] = []
    refused = host.refused = []

    async def browse(url: str) -> None:
        sent_to.append(url)

    async def came_back() -> AuthorizationCodeResult:
        back = parse_qs(urlsplit(await host.person.visit(sent_to.pop())).query)
        given = {
            name: values[0] for name, values in back.items() if name in {"code", "state", "iss"}
        }
        return AuthorizationCodeResult(**given)

    async def look(response: httpx2.Response) -> None:
        if response.status_code == httpx2.codes.FORBIDDEN:
            refused.append(response.headers["WWW-Authenticate"])

    about = OAuthClientMetadata(client_name="sdk", redirect_uris=[AnyUrl(_BACK)])
    login = OAuthClientProvider(behind.url, about, Kept(), browse, came_back)
    async with (
        httpx2.AsyncClient(auth=login, event_hooks={"response": [look]}, timeout=30) as http,
        Client(
            streamable_http_client(behind.url, http_client=http),
            cache=None,
            elicitation_callback=host.answer,
        ) as client,
    ):
        yield client


@asynccontextmanager
async def _mcp_remote(behind: Behind, host: Host) -> AsyncIterator[Client]:
    """A client over stdio, and mcp-remote between it and the server."""
    home = tempfile.mkdtemp(dir=behind.folder)
    # It opens a browser too, where there is one: this one sees nothing.
    environ = {**behind.packages.environment(), "HOME": home, "BROWSER": "true"}
    program = StdioServerParameters(
        command=str(behind.packages.program("mcp-remote")), args=[behind.url], env=environ
    )
    said, saying = os.pipe()
    async with anyio.create_task_group() as beside:
        beside.start_soon(_open_links, said, behind.issuer, host.person)
        with os.fdopen(saying, "w") as errors:
            stdio = stdio_client(program, errlog=errors)
            async with Client(stdio, mode="legacy", elicitation_callback=host.answer) as client:
                yield client


async def _open_links(said: int, issuer: str, person: Person) -> None:
    """Visit each address of the provider that a program writes, until it ends."""
    async with await anyio.open_file(said) as lines:
        async for line in lines:
            if line.startswith(issuer):
                await person.return_to(await person.visit(line.strip()))


_CLIENTS: dict[str, Connect] = {"login, SDK": _sdk, "login, mcp-remote": _mcp_remote}


@contextmanager
def _provider(packages: Packages, address: str, resource: str) -> Iterator[None]:
    """The provider, where its package is found."""
    program = shutil.copy(Path(__file__).with_name("provider.mjs"), packages.folder)
    command = [packages.program("node"), program, address.rpartition(":")[2], resource]
    with subprocess.Popen(
        command, env=packages.environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as provider:
        try:
            wait_until_ready(f"http://{address}/.well-known/openid-configuration")
            yield
        finally:
            provider.terminate()


_FOUND = (
    *(Unexpected, MCPError, OAuthFlowError, TimeoutError, OSError),
    *(httpx.HTTPError, httpx2.HTTPError),
)


def _judged(client: str, what: str, step: Callable[[], Awaitable[str]]) -> Verdict:
    async def within() -> str:
        with anyio.fail_after(_WITHIN_S):
            return await step()

    try:
        return Verdict(client, what, passed=True, detail=anyio.run(within))
    except (*_FOUND, ExceptionGroup) as fault:
        return Verdict(client, what, passed=False, detail="; ".join(_words(fault)))


def _words(fault: BaseException) -> Iterator[str]:
    """What went wrong, of each of those that did."""
    if isinstance(fault, BaseExceptionGroup):
        for one in fault.exceptions:
            yield from _words(one)
    else:
        yield f"{type(fault).__name__}: {fault}"[:300]
