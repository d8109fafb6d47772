from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
import pytest
from anyio.abc import SocketAttribute, SocketStream

from fw_mcp.api.client import FinerWorksClient
from fw_mcp.errors import ConfigError, Reason, TransportError
from tests.api import calls
from tests.api.stand_in import GUID, KEYS, SESSION_ID

pytestmark = pytest.mark.anyio

SUCCESS = b'{"status": {"success": true}}'


@asynccontextmanager
async def listening(answer: bytes) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A loopback port that answers each connection with these bytes; yields URL and requests."""
    requests: list[bytes] = []

    async def serve(stream: SocketStream) -> None:
        async with stream:
            requests.append(await stream.receive())
            await stream.send(answer)

    async with (
        await anyio.create_tcp_listener(local_host="127.0.0.1") as listener,
        anyio.create_task_group() as group,
    ):
        group.start_soon(listener.serve, serve)
        port = listener.extra(SocketAttribute.local_port)  # noqa: S610  anyio's extra, not Django's
        yield f"http://127.0.0.1:{port}", requests
        group.cancel_scope.cancel()


def client_at(base_url: str) -> FinerWorksClient:
    """The real client on the real network."""
    return FinerWorksClient(base_url=base_url, keys=KEYS, session_id=SESSION_ID)


async def test_a_delete_goes_over_the_wire_with_its_body(monkeypatch: pytest.MonkeyPatch) -> None:
    """And past the environment's proxy, which would read the keys."""
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(SUCCESS), SUCCESS)

    async with listening(answer) as (base_url, requests), client_at(base_url) as client:
        await calls.delete_images(client)

    head, _, body = requests[0].partition(b"\r\n\r\n")
    assert head.startswith(b"DELETE /v3/delete_images HTTP/1.1\r\n")
    assert b"\r\nweb_api_key: canary-web-key" in head
    assert body.startswith(b'{"guids":["' + GUID.encode())


@pytest.mark.parametrize(
    "answer",
    [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n" + SUCCESS, b"SSH-2.0-OpenSSH\r\n"],
)
async def test_a_connection_that_breaks_leaves_a_write_unknown(answer: bytes) -> None:
    """Before the answer, in the middle of it, or not HTTP at all."""
    async with listening(answer) as (base_url, requests), client_at(base_url) as client:
        with pytest.raises(TransportError) as caught:
            await calls.delete_images(client)

    assert (caught.value.sent, len(requests)) == (True, 1)


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_closed_port_is_told_as_not_sent(scheme: str) -> None:
    """Nobody listens there any more."""
    async with listening(b"") as (base_url, _):
        pass
    address = base_url.removeprefix("http://")

    async with client_at(f"{scheme}://{address}") as client:
        with pytest.raises(TransportError) as caught:
            await calls.add_images(client)

    assert (caught.value.sent, caught.value.reason) == (False, Reason.UNREACHABLE)


async def test_a_proxy_that_cannot_be_used_is_a_setting_s_fault(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is told in our words, and nothing is sent around it."""
    monkeypatch.setenv("ALL_PROXY", "gopher://secret:word@127.0.0.1:1")

    async with client_at("https://api.finerworks.com") as client:
        with pytest.raises(ConfigError) as caught:
            await calls.list_images(client)

    assert caught.value.reason is Reason.INVALID_SETTING
    assert "secret" not in str(caught.value)
