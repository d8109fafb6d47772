"""Pydantic AI's toolset of an MCP server: `ask` answers the question that comes inside a call."""
# pip install "pydantic-ai-slim[mcp]==2.68.0"; python pydantic-ai.py [URL | fw-mcp ...]

import asyncio
import sys

from fastmcp.client.elicitation import ElicitResult
from fastmcp.client.transports import StdioTransport
from pydantic_ai.mcp import MCPToolset

COMMAND, *ARGS = sys.argv[1:] or ["fw-mcp", "--sandbox"]
PIER = {"file_name": "pier.tif", "file_size": 84_000_000, "pix_w": 7200, "pix_h": 4800}
for use in ("public_thumbnail", "public_preview", "private_hires"):
    PIER[f"{use}_uri"] = f"https://studio.example/{use}/pier.tif"


async def ask(message, *_):
    print(message, "Yes or no?", sep="\n")
    yes = await asyncio.to_thread(input) == "yes"
    return ElicitResult(action="accept", content={"confirm": yes})


async def main():
    server = COMMAND if COMMAND.startswith("http") else StdioTransport(COMMAND, ARGS)
    # With a model: Agent("openai:...", toolsets=[tools]).run("Tidy up my harbors")
    async with MCPToolset(server, elicitation_handler=ask) as tools:
        print("list:", *(tool.name for tool in await tools.list_tools()))
        found = await tools.direct_call_tool("search_images", {"search_filter": "harbor"})
        guids = [row["guid"] for row in found["images"][:2]]
        print("search:", *guids)
        picture, _ = await tools.direct_call_tool("view_images", {"guids": guids[:1]})
        print("view:", picture.media_type)
        added = await tools.direct_call_tool("add_images", {"images": [PIER]})
        print("add:", added["images"][0]["guid"])
        for guid in guids:
            done = await tools.direct_call_tool("delete_images", {"guids": [guid]})
            print("delete:", guid, done["status"])


asyncio.run(main())
