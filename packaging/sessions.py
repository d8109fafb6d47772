"""Start a server as a host does, and ask it."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TypeVar

import anyio
from checking import LONGEST_S, Place, Refused, program
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters, stdio_client

from fw_mcp.guard.effects import EFFECTS

Answer = TypeVar("Answer")


def lists_its_tools(
    place: Place, command: str, args: Sequence[str], env: Mapping[str, str]
) -> None:
    """Start a server by its own words; it has to list the tools that there are.

    Raises:
        Skipped: its command is not here.
        Refused: it lists others.
    """
    names = asked(place, command, args, env, _tools)
    if names != list(EFFECTS):
        raise Refused(f"It lists {', '.join(names)}")


def asked(
    place: Place,
    command: str,
    args: Sequence[str],
    env: Mapping[str, str],
    question: Callable[[Client], Awaitable[Answer]],
) -> Answer:
    """What a server answers that is started by these words, outside of the checkout."""
    server = StdioServerParameters(
        command=program(command),
        args=list(args),
        env={**place.environment(), **env},
        cwd=str(place.folder),
    )

    async def session() -> Answer:
        with anyio.fail_after(LONGEST_S):
            async with Client(stdio_client(server)) as client:
                return await question(client)

    return anyio.run(session)


async def _tools(client: Client) -> list[str]:
    return [tool.name for tool in (await client.list_tools()).tools]
