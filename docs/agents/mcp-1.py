"""The Python SDK of MCP, 1.x: the server asks while the call runs, and `ask` answers."""
# pip install mcp==1.30.0; python mcp-1.py [URL | fw-mcp --sandbox-file FILE]

import asyncio
import sys

from mcp import ClientSession, StdioServerParameters, stdio_client, types
from mcp.client.streamable_http import streamable_http_client

COMMAND, *ARGS = sys.argv[1:] or ["fw-mcp", "--sandbox"]
PIER = {"file_name": "pier.tif", "file_size": 84_000_000, "pix_w": 7200, "pix_h": 4800}
for use in ("public_thumbnail", "public_preview", "private_hires"):
    PIER[f"{use}_uri"] = f"https://studio.example/{use}/pier.tif"


async def ask(_, asked):
    print(asked.message, "Yes or no?", sep="\n")
    yes = await asyncio.to_thread(input) == "yes"
    return types.ElicitResult(action="accept", content={"confirm": yes})


async def main():
    local = stdio_client(StdioServerParameters(command=COMMAND, args=ARGS))
    server = streamable_http_client(COMMAND) if COMMAND.startswith("http") else local
    async with server as streams, ClientSession(*streams[:2], elicitation_callback=ask) as client:
        await client.initialize()
        print("list:", *(tool.name for tool in (await client.list_tools()).tools))
        found = await client.call_tool("search_images", {"search_filter": "harbor"})
        guids = [row["guid"] for row in found.structuredContent["images"][:2]]
        print("search:", *guids)
        seen = await client.call_tool("view_images", {"guids": guids[:1]})
        print("view:", *(block.mimeType for block in seen.content if block.type == "image"))
        added = await client.call_tool("add_images", {"images": [PIER]})
        print("add:", added.structuredContent["images"][0]["guid"])
        for guid in guids:
            done = await client.call_tool("delete_images", {"guids": [guid]})
            print("delete:", guid, done.structuredContent["status"])


asyncio.run(main())
