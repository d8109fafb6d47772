"""A server with one tool for each thing a transport must survive; a script serves it."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import anyio
from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from pydantic import BaseModel

from fw_mcp.server.stdio import serve_stdio


class Answer(BaseModel):
    """What a person is asked for."""

    confirm: bool


def build_toy(report: Callable[[str], None], release: Callable[[], Awaitable[None]]) -> MCPServer:
    """Build it.

    Args:
        report: is told what happens.
        release: returns when the shielded write may finish.
    """

    @asynccontextmanager
    async def lifespan(_: MCPServer) -> AsyncIterator[None]:
        yield
        report("closed")

    server = MCPServer("toy", lifespan=lifespan)

    @server.tool()
    async def echo(text: str) -> str:
        return text

    @server.tool(structured_output=False)
    async def half_emoji() -> str:
        return "half \ud83d"

    @server.tool()
    async def stray() -> str:
        print("stray", flush=True)  # noqa: T201  what must not reach the client
        return "printed"

    @server.tool()
    async def wait_forever() -> str:
        report("waiting")
        try:
            await anyio.sleep_forever()
        finally:
            report("cancelled")
        return "never"

    @server.tool()
    async def shielded_write() -> str:
        with anyio.CancelScope(shield=True):
            report("writing")
            await release()
            report("written")
        return "done"

    @server.tool()
    async def ask(ctx: Context) -> str:
        answer = await ctx.elicit("Really?", Answer)
        return answer.action

    return server


def _serve(report_fd: int, release_fd: int) -> None:
    def report(what: str) -> None:
        os.write(report_fd, f"{what}\n".encode())

    async def release() -> None:
        await anyio.wait_readable(release_fd)

    asyncio.run(serve_stdio(build_toy(report, release)))


if __name__ == "__main__":
    _serve(int(sys.argv[1]), int(sys.argv[2]))
