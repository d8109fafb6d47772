"""LlamaIndex's tools from an MCP server, which cannot ask: two calls, the person in between."""
# pip install llama-index-tools-mcp==0.6.0; python llama-index.py [URL | fw-mcp ...]

import asyncio
import sys

from llama_index.tools.mcp import BasicMCPClient, McpToolSpec

# Each call starts a server of its own: a sandbox in memory would forget the plan in between.
COMMAND, *ARGS = sys.argv[1:] or ["fw-mcp", "--sandbox-file", "sandbox.db"]
PIER = {"file_name": "pier.tif", "file_size": 84_000_000, "pix_w": 7200, "pix_h": 4800}
for use in ("public_thumbnail", "public_preview", "private_hires"):
    PIER[f"{use}_uri"] = f"https://studio.example/{use}/pier.tif"


async def main():
    listed = await McpToolSpec(BasicMCPClient(COMMAND, args=ARGS)).to_tool_list_async()
    # With a model: FunctionAgent(tools=listed, llm=...).run("Tidy up my harbors")
    tools = {tool.metadata.name: tool for tool in listed}
    print("list:", *tools)
    found = await tools["search_images"].acall(search_filter="harbor")
    guids = [row["guid"] for row in found.raw_output.structured_content["images"][:2]]
    print("search:", *guids)
    seen = await tools["view_images"].acall(guids=guids[:1])
    print("view:", *(f"{block.block_type}, {len(block.text)} characters" for block in seen.blocks))
    added = await tools["add_images"].acall(images=[PIER])
    print("add:", added.raw_output.structured_content["images"][0]["guid"])
    for guid in guids:
        done = (await tools["delete_images"].acall(guids=[guid])).raw_output.structured_content
        print(done["question"], "Yes or no?", sep="\n")
        if await asyncio.to_thread(input) == "yes":
            again = await tools["delete_images"].acall(guids=[guid], plan_id=done["plan_id"])
            done = again.raw_output.structured_content
        print("delete:", guid, done["status"])


asyncio.run(main())
