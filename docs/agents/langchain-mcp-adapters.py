"""LangChain, in one session: a tool of get_tools() starts a server, a new sandbox, each call."""
# pip install langchain-mcp-adapters==0.3.2; python langchain-mcp-adapters.py [URL | fw-mcp ...]

import asyncio
import sys

from langchain_mcp_adapters.callbacks import Callbacks
from langchain_mcp_adapters.client import MultiServerMCPClient
from langchain_mcp_adapters.tools import load_mcp_tools
from mcp.types import ElicitResult

COMMAND, *ARGS = sys.argv[1:] or ["fw-mcp", "--sandbox"]
LOCAL = {"transport": "stdio", "command": COMMAND, "args": ARGS}
SERVER = {"transport": "http", "url": COMMAND} if COMMAND.startswith("http") else LOCAL
PIER = {"file_name": "pier.tif", "file_size": 84_000_000, "pix_w": 7200, "pix_h": 4800}
for use in ("public_thumbnail", "public_preview", "private_hires"):
    PIER[f"{use}_uri"] = f"https://studio.example/{use}/pier.tif"


async def ask(_, asked, *__):
    print(asked.message, "Yes or no?", sep="\n")
    yes = await asyncio.to_thread(input) == "yes"
    return ElicitResult(action="accept", content={"confirm": yes})


async def main():
    client = MultiServerMCPClient({"images": SERVER}, callbacks=Callbacks(on_elicitation=ask))
    async with client.session("images") as session:
        tools = {tool.name: tool for tool in await load_mcp_tools(session)}
        print("list:", *tools)
        _, found = await tools["search_images"].coroutine(search_filter="harbor")
        guids = [row["guid"] for row in found["structured_content"]["images"][:2]]
        print("search:", *guids)
        print("view:", (await tools["view_images"].ainvoke({"guids": guids[:1]}))[0]["mime_type"])
        print("add:", (await tools["add_images"].ainvoke({"images": [PIER]}))[0]["text"])
        for guid in guids:
            print("delete:", (await tools["delete_images"].ainvoke({"guids": [guid]}))[0]["text"])


asyncio.run(main())
