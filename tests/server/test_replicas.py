"""Replicas of one server: a question asked by one is answered at another, and nothing is sticky."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp import Client, MCPError
from mcp.client.session import ElicitationFnT
from mcp.client.streamable_http import streamable_http_client
from mcp.server.request_state import InvalidRequestState

from fw_mcp.assembly import is_shared_store
from fw_mcp.cli.options import parse
from fw_mcp.cli.serve import seal_of
from fw_mcp.config import load_settings
from fw_mcp.errors import ConfigError, Reason
from fw_mcp.server.app import build_server
from fw_mcp.server.http import http_app
from fw_mcp.server.state_keys import StateKeys, read_keys
from tests.server.test_http import Era, well
from tests.server.test_identity import URL, keep
from tests.support.open_files import no_more_open_files
from tests.support.products import first_of
from tests.support.studio import Studio, make_studio, said
from tests.support.truth import unsold

pytestmark = pytest.mark.anyio

OLD, NEW = "old-" * 8, "new-" * 8


@dataclass
class Around(httpx2.AsyncBaseTransport):
    """A proxy that gives each request to the next replica."""

    apps: list[Any]
    answered_by: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Begin with the first."""
        self._next = cycle(enumerate(map(httpx2.ASGITransport, self.apps)))

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Answer as the replica whose turn it is."""
        number, transport = next(self._next)
        self.answered_by.append(number)
        return await transport.handle_async_request(request)


@dataclass
class Replicas:
    """Two servers on one store and one library."""

    proxy: Around
    first: Studio

    @asynccontextmanager
    async def client(self, mode: Era, person: ElicitationFnT | None) -> AsyncIterator[Client]:
        """A client that knows the proxy alone."""
        async with (
            httpx2.AsyncClient(transport=self.proxy, base_url=URL) as http,
            Client(
                streamable_http_client(f"{URL}/mcp", http_client=http),
                mode=mode,
                elicitation_callback=person,
                cache=None,
            ) as client,
        ):
            yield client


@asynccontextmanager
async def replicas(folder: Path, *seals: StateKeys | None) -> AsyncIterator[Replicas]:
    """A server for each of these keys."""
    first = make_studio(store=folder / "store")
    studios = [first]
    studios += [
        make_studio(store=folder / "store", app=first.app, clock=first.clock) for _ in seals[1:]
    ]
    async with AsyncExitStack() as left:
        apps = []
        for studio, seal in zip(studios, seals, strict=True):
            app = http_app(
                build_server(studio.parts, seal=seal),
                host="127.0.0.1",
                port=8000,
                token=None,
                ready=well,
                stateless=True,
            )
            await left.enter_async_context(app.router.lifespan_context(app))
            apps.append(app)
        yield Replicas(Around(apps), first)
        for studio in studios:
            studio.database.close()


def keys_in(file: Path, *keys: str) -> StateKeys:
    """The keys of a file with these lines."""
    keep(file, *keys)
    return StateKeys(file)


async def test_a_question_of_one_replica_is_answered_at_another(tmp_path: Path) -> None:
    """Promise: with the same keys nothing is sticky; the person is asked once."""
    seal = keys_in(tmp_path / "keys", OLD)
    async with replicas(tmp_path, seal, StateKeys(tmp_path / "keys")) as two:
        person = two.first.person()
        image, _ = await unsold(two.first, 2)
        async with two.client("auto", person) as client:
            done = said(await client.call_tool("delete_images", {"guids": [image.guid]}))
    assert (done["outcomes"], len(person.asked)) == ({"deleted": 1}, 1)
    assert set(two.proxy.answered_by[-2:]) == {0, 1}


async def test_without_common_keys_no_other_replica_takes_an_answer(tmp_path: Path) -> None:
    """It cannot know what was asked; nothing is deleted."""
    async with replicas(tmp_path, None, None) as two:
        image, _ = await unsold(two.first, 2)
        async with two.client("auto", two.first.person()) as client:
            with pytest.raises(MCPError, match="Invalid or expired requestState"):
                await client.call_tool("delete_images", {"guids": [image.guid]})
        assert image.guid in {one.guid for one in await unsold(two.first, 2)}


async def test_an_older_client_gets_the_plan_in_place_of_a_question(tmp_path: Path) -> None:
    """Promise: each of its requests may go to another replica; that is all that it loses."""
    async with replicas(tmp_path, None, None) as two:
        person = two.first.person()
        image, _ = await unsold(two.first, 2)
        call = {"guids": [image.guid]}
        async with two.client("legacy", person) as client:
            found = said(await client.call_tool("search_images", {"per_page": 1}))
            asked = said(await client.call_tool("delete_images", call))
            done = said(
                await client.call_tool("delete_images", call | {"plan_id": asked["plan_id"]})
            )
            again = said(
                await client.call_tool("delete_images", call | {"plan_id": asked["plan_id"]})
            )
    assert (len(found["images"]), asked["status"]) == (1, "confirmation_required")
    assert (done["outcomes"], again["outcomes"]) == ({"deleted": 1}, {"deleted": 1})
    assert (person.asked, set(two.proxy.answered_by[-2:])) == ([], {0, 1})


def test_keys_are_turned_without_a_restart(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The first key seals, each opens; a file that became unusable leaves what there was."""
    file = tmp_path / "keys"
    ours, other = keys_in(file, OLD), keys_in(tmp_path / "other", "# since June", "", NEW)
    sealed = ours.seal(b"question")
    keep(file, NEW, OLD)
    assert ours.unseal(sealed) == b"question"
    assert other.unseal(ours.seal(b"question")) == b"question"
    keep(file, "short")
    assert ours.unseal(sealed) == b"question"
    assert "line 1. The keys read before are still used." in caplog.text
    keep(file, NEW)
    with pytest.raises(InvalidRequestState):
        ours.unseal(sealed)


def test_keys_that_could_not_be_opened_for_a_moment_are_read_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The machine had no room for one more open file; the file did not change again."""
    file = tmp_path / "keys"
    ours, other = keys_in(file, OLD), keys_in(tmp_path / "other", NEW)
    keep(file, NEW, OLD)
    with no_more_open_files():
        sealed = [ours.seal(b"first"), ours.seal(b"second")]
    assert [ours.unseal(one) for one in sealed] == [b"first", b"second"]
    assert other.unseal(ours.seal(b"question")) == b"question"
    (line,) = [one for one in caplog.messages if "cannot be read" in one]
    assert line.endswith("The keys read before are still used.")


@pytest.mark.parametrize(
    ("lines", "mode", "said"),
    first_of(
        (["x" * 31], 0o600, "has a key of less than 32 bytes in line 1"),
        ([OLD], 0o644, "can be read by other users"),
        ([OLD, "", OLD], 0o600, "has a key twice, in line 3"),
        (["# none"], 0o600, "holds no key"),
        (None, 0o600, "cannot be read as text"),
    ),
)
def test_keys_that_protect_nothing_are_refused(
    tmp_path: Path, lines: list[str] | None, mode: int, said: str
) -> None:
    """And not repeated."""
    file = tmp_path / "keys"
    if lines is not None:
        keep(file, *lines)
        file.chmod(mode)
    with pytest.raises(ConfigError) as refused:
        read_keys(file)
    assert said in str(refused.value)
    assert OLD not in str(refused.value)


@pytest.mark.parametrize(
    ("store", "shared"),
    [
        ("postgresql://fw@db/fw", True),
        ("postgres://fw@db/fw", True),
        ("postgresql.db", False),
        (":memory:", False),
        (None, False),
    ],
)
def test_a_database_over_http_needs_keys(tmp_path: Path, store: str | None, shared: bool) -> None:
    """There may be replicas, which nothing else would tell at the start."""
    settings = load_settings({"store": store, "http": "127.0.0.1:8000", "sandbox": "true"})
    assert is_shared_store(settings) is shared
    if not shared:
        assert seal_of(settings) is None
        return
    with pytest.raises(ConfigError, match="needs --state-keys-file") as refused:
        seal_of(settings)
    assert refused.value.reason is Reason.INVALID_SETTING
    keep(tmp_path / "keys", OLD)
    _, named, _ = parse(["--http", "127.0.0.1:8000", "--state-keys-file", str(tmp_path / "keys")])
    assert isinstance(seal_of(named), StateKeys)
    assert seal_of(load_settings({"store": store})) is None
