"""smolagents' tools from an MCP server, which cannot ask: two calls, the person in between."""
# pip install "smolagents[mcp]==1.26.0" "mcp<2" websockets

import sys

from mcp import StdioServerParameters
from smolagents import MCPClient

COMMAND, *ARGS = sys.argv[1:] or ["fw-mcp", "--sandbox"]
PIER = {"file_name": "pier.tif", "file_size": 84_000_000, "pix_w": 7200, "pix_h": 4800}
for use in ("public_thumbnail", "public_preview", "private_hires"):
    PIER[f"{use}_uri"] = f"https://studio.example/{use}/pier.tif"

SERVER = StdioServerParameters(command=COMMAND, args=ARGS)
if COMMAND.startswith("http"):
    SERVER = {"url": COMMAND, "transport": "streamable-http"}

# With a model: CodeAgent(tools=tools, model=...).run("Tidy up my harbors")
with MCPClient(SERVER, structured_output=True) as tools:
    call = {tool.name: tool for tool in tools}
    print("list:", *call)
    found = call["search_images"](search_filter="harbor")
    guids = [row["guid"] for row in found["images"][:2]]
    print("search:", *guids)
    picture = call["view_images"](guids=guids[:1])
    print("view:", picture.get_format_mimetype(), picture.size)
    print("add:", call["add_images"](images=[PIER])["images"][0]["guid"])
    for guid in guids:
        done = call["delete_images"](guids=[guid])
        print(done["question"], "Yes or no?", sep="\n")
        if input() == "yes":
            done = call["delete_images"](guids=[guid], plan_id=done["plan_id"])
        print("delete:", guid, done["status"])
