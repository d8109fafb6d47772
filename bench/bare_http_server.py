"""What calls over HTTP are held against: one tool on the SDK that refuses, served as fw-mcp is."""

import asyncio
import sys

import uvicorn
from mcp.server import MCPServer
from mcp.server.mcpserver.exceptions import ToolError

from fw_mcp.server.http import listen_on

# As long as what `search_images` answers.
REFUSAL = (
    'search_images was not run: there is no argument "per_pag" (did you mean per_page?). Nothing '
    "was sent. Correct the arguments and call it again. (reason: invalid_arguments)"
)

# Quiet as fw-mcp is: a line for each refusal would take most of the time.
server = MCPServer("bare", log_level="WARNING")


@server.tool()
async def search_images(per_pag: int) -> str:
    """Refuse."""
    del per_pag
    raise ToolError(REFUSAL)


def main() -> None:
    """Serve on the port that is named."""
    port = int(sys.argv[1])
    config = uvicorn.Config(
        server.streamable_http_app(host="127.0.0.1"),
        access_log=False,
        http="h11",
        lifespan="on",
        log_config=None,
        log_level="warning",
        proxy_headers=False,
        server_header=False,
        ws="none",
    )
    with listen_on("127.0.0.1", port) as listener:
        asyncio.run(uvicorn.Server(config).serve(sockets=[listener]))


if __name__ == "__main__":
    main()
