"""Google's ADK: `ask` answers the question that comes inside a call; pictures come as text."""
# pip install "google-adk[mcp]==2.13.0"; python google-adk.py [URL | fw-mcp --sandbox-file FILE]

import asyncio
import sys
from functools import partial
from types import SimpleNamespace

from google.adk.tools import mcp_tool as adk
from mcp.types import ElicitResult

COMMAND, *ARGS = sys.argv[1:] or ["fw-mcp", "--sandbox"]
LOCAL = adk.StdioConnectionParams(server_params={"command": COMMAND, "args": ARGS}, timeout=60)
SERVER = adk.StreamableHTTPConnectionParams(url=COMMAND) if COMMAND.startswith("http") else LOCAL
PIER = {"file_name": "pier.tif", "file_size": 84_000_000, "pix_w": 7200, "pix_h": 4800}
for use in ("public_thumbnail", "public_preview", "private_hires"):
    PIER[f"{use}_uri"] = f"https://studio.example/{use}/pier.tif"
RUN = SimpleNamespace(function_call_id="1", render_ui_widget=lambda _: None)


async def ask(_, asked):
    print(asked.message, "Yes or no?", sep="\n")
    yes = await asyncio.to_thread(input) == "yes"
    return ElicitResult(action="accept", content={"confirm": yes})


async def main():
    toolset = adk.McpToolset(connection_params=SERVER, elicitation_callback=ask)
    call = {t.name: partial(t.run_async, tool_context=RUN) for t in await toolset.get_tools()}
    print("list:", *call)
    found = await call["search_images"](args={"search_filter": "harbor"})
    guids = [row["guid"] for row in found["structuredContent"]["images"][:2]]
    print("search:", *guids)
    print("view:", len(str(await call["view_images"](args={"guids": guids[:1]}))), "characters")
    print("add:", (await call["add_images"](args={"images": [PIER]}))["content"][0]["text"])
    for one in guids:
        print("delete:", (await call["delete_images"](args={"guids": [one]}))["content"][0]["text"])


asyncio.run(main())
