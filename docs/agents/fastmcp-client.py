"""FastMCP's client, 2.x to 4.x: `ask` answers the question that comes while the call runs."""
# pip install fastmcp==4.2.3; python fastmcp-client.py [URL | fw-mcp --sandbox-file FILE]

import asyncio
import sys

from fastmcp import Client
from fastmcp.client.elicitation import ElicitResult
from fastmcp.client.transports import StdioTransport

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
    async with Client(server, elicitation_handler=ask) as client:
        print("list:", *(tool.name for tool in await client.list_tools()))
        found = await client.call_tool("search_images", {"search_filter": "harbor"})
        # Not `found.data`: FastMCP 2.x leaves its rows empty.
        guids = [row["guid"] for row in found.structured_content["images"][:2]]
        print("search:", *guids)
        seen = await client.call_tool("view_images", {"guids": guids[:1]})
        print("view:", *(block.type for block in seen.content))
        added = await client.call_tool("add_images", {"images": [PIER]})
        print("add:", added.structured_content["images"][0]["guid"])
        for guid in guids:
            done = await client.call_tool("delete_images", {"guids": [guid]})
            print("delete:", guid, done.structured_content["status"])


asyncio.run(main())
