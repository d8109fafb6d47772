"""The OpenAI Agents SDK, which cannot ask: the person answers between two calls, by plan_id."""
# pip install openai-agents==0.24.0; python openai-agents.py [URL | fw-mcp --sandbox-file FILE]

import asyncio
import sys

from agents.mcp import MCPServerStdio, MCPServerStreamableHttp

COMMAND, *ARGS = sys.argv[1:] or ["fw-mcp", "--sandbox"]
PIER = {"file_name": "pier.tif", "file_size": 84_000_000, "pix_w": 7200, "pix_h": 4800}
for use in ("public_thumbnail", "public_preview", "private_hires"):
    PIER[f"{use}_uri"] = f"https://studio.example/{use}/pier.tif"


async def main():
    remote = COMMAND.startswith("http")
    kind = MCPServerStreamableHttp if remote else MCPServerStdio
    params = {"url": COMMAND} if remote else {"command": COMMAND, "args": ARGS}
    # With a model: Runner.run(Agent(name="Curator", mcp_servers=[server]), "Tidy up my harbors")
    async with kind(params, client_session_timeout_seconds=60) as server:
        print("list:", *(tool.name for tool in await server.list_tools()))
        found = await server.call_tool("search_images", {"search_filter": "harbor"})
        guids = [row["guid"] for row in found.structured_content["images"][:2]]
        print("search:", *guids)
        seen = await server.call_tool("view_images", {"guids": guids[:1]})
        print("view:", *(block.mime_type for block in seen.content if block.type == "image"))
        added = await server.call_tool("add_images", {"images": [PIER]})
        print("add:", added.structured_content["images"][0]["guid"])
        for guid in guids:
            done = (await server.call_tool("delete_images", {"guids": [guid]})).structured_content
            print(done["question"], "Yes or no?", sep="\n")
            if await asyncio.to_thread(input) == "yes":
                agreed = {"guids": [guid], "plan_id": done["plan_id"]}
                done = (await server.call_tool("delete_images", agreed)).structured_content
            print("delete:", guid, done["status"])


asyncio.run(main())
