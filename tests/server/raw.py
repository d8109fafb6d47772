"""A client that writes its own messages: what it declares and answers is whatever a test says."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import anyio
from mcp.shared.memory import MessageStream, create_client_server_memory_streams
from mcp.shared.message import SessionMessage
from mcp.types import JSONRPCMessage, JSONRPCNotification, JSONRPCRequest, JSONRPCResponse

from fw_mcp.server.app import FwServer
from fw_mcp.server.stdio import low_level_server
from tests.support.studio import Mode

Json = dict[str, Any]

_INFO = {"name": "raw", "version": "1"}


@dataclass
class RawClient:
    """Messages to a server and from it, as they are.

    Attributes:
        streams: from the server, and to it.
        envelope: goes as `_meta` with every request.
    """

    streams: MessageStream
    envelope: Json
    last_id: int = 0

    async def send(self, message: JSONRPCMessage) -> None:
        """Send a message."""
        await self.streams[1].send(SessionMessage(message))

    async def call(self, tool: str, arguments: Mapping[str, object], **more: object) -> Json:
        """Call a tool; the next message that comes, which may be a question."""
        params = {"name": tool, "arguments": dict(arguments), **more}
        return await self.request("tools/call", params)

    async def request(self, method: str, params: Json) -> Json:
        """Send a request; the next message that comes."""
        self.last_id += 1
        whole = {**params, "_meta": self.envelope} if self.envelope else params
        message = JSONRPCRequest(jsonrpc="2.0", id=self.last_id, method=method, params=whole)
        await self.send(message)
        return await self.next()

    async def answer(self, question: Json, result: Json) -> Json:
        """Answer a request of the server; the next message that comes."""
        message = JSONRPCResponse(jsonrpc="2.0", id=question["id"], result=result)
        await self.send(message)
        return await self.next()

    async def next(self) -> Json:
        """The next message."""
        got = await self.streams[0].receive()
        assert isinstance(got, SessionMessage)
        return got.message.model_dump(by_alias=True, mode="json", exclude_none=True)

    async def shake_hands(self, capabilities: Json) -> None:
        """Begin a session of the older era."""
        hello = {
            "protocolVersion": "2025-11-25",
            "capabilities": capabilities,
            "clientInfo": _INFO,
        }
        await self.request("initialize", hello)
        ready = JSONRPCNotification(jsonrpc="2.0", method="notifications/initialized")
        await self.send(ready)


@asynccontextmanager
async def raw_client(server: FwServer, mode: Mode, capabilities: Json) -> AsyncIterator[RawClient]:
    """A raw client of `server` that declares exactly these capabilities."""
    low = low_level_server(server)
    async with create_client_server_memory_streams() as (ours, theirs):
        client = RawClient(ours, envelope={} if mode == "legacy" else _envelope(capabilities))
        async with anyio.create_task_group() as group:
            group.start_soon(low.run, *theirs, low.create_initialization_options())
            if mode == "legacy":
                await client.shake_hands(capabilities)
            yield client
            group.cancel_scope.cancel()


def _envelope(capabilities: Json) -> Json:
    prefix = "io.modelcontextprotocol/"
    return {
        f"{prefix}protocolVersion": "2026-07-28",
        f"{prefix}clientInfo": _INFO,
        f"{prefix}clientCapabilities": capabilities,
    }
