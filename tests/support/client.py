"""The SDK's client, for tests that connect many of them to servers in their own process."""

import json
from contextlib import AsyncExitStack
from functools import cache
from typing import TYPE_CHECKING, Any

from jsonschema import Draft202012Validator
from mcp.client import Client
from mcp.client.session import ClientSession
from mcp.server import MCPServer
from mcp.types import CallToolResult
from referencing import Registry

if TYPE_CHECKING:
    from jsonschema.protocols import Validator


class InProcessClient(Client):
    """Checks each result against the output schema, as the SDK's does.

    What takes longer than most calls is done less often than the SDK does it: that a schema is one
    is checked once for the process, and what it is the server is asked without a request.
    """

    async def _build_session(self, exit_stack: AsyncExitStack) -> ClientSession:
        session = await super()._build_session(exit_stack)
        session.__class__ = _Session
        assert isinstance(session, _Session)
        assert isinstance(self.server, MCPServer)
        session.server = self.server
        return session


class _Session(ClientSession):
    server: MCPServer

    async def validate_tool_result(self, name: str, result: CallToolResult) -> None:
        if not self._tool_output_schemas:
            tools = await self.server.list_tools()
            self._tool_output_schemas = {tool.name: tool.output_schema for tool in tools}
        await super().validate_tool_result(name, result)

    def _output_schema_validator(self, name: str, output_schema: dict[str, Any]) -> "Validator":  # noqa: ARG002  the SDK's signature
        return _validator(json.dumps(output_schema))


@cache
def _validator(output_schema: str) -> "Validator":
    schema = json.loads(output_schema)
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema, registry=Registry())
