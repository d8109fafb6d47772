"""The SDK's client, for tests that connect many of them to servers in their own process."""

import json
from contextlib import AsyncExitStack
from functools import cache
from typing import TYPE_CHECKING, Any

from jsonschema import Draft202012Validator
from mcp.client import Client
from mcp.client.session import ClientSession
from referencing import Registry

if TYPE_CHECKING:
    from jsonschema.protocols import Validator


class InProcessClient(Client):
    """Checks each result against the output schema, as the SDK's does.

    That a schema is one is checked once for the process, where the SDK does so once for each client
    and tool: it takes longer than most calls.
    """

    async def _build_session(self, exit_stack: AsyncExitStack) -> ClientSession:
        session = await super()._build_session(exit_stack)
        session.__class__ = _Session
        return session


class _Session(ClientSession):
    def _output_schema_validator(self, name: str, output_schema: dict[str, Any]) -> "Validator":  # noqa: ARG002  the SDK's signature
        return _validator(json.dumps(output_schema))


@cache
def _validator(output_schema: str) -> "Validator":
    schema = json.loads(output_schema)
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema, registry=Registry())
