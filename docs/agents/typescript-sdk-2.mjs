// The TypeScript SDK of MCP, 2.x: the question comes inside the call, and the handler answers it.
// npm install @modelcontextprotocol/client@2.4.0; node typescript-sdk-2.mjs [URL | fw-mcp ...]

import { createInterface } from "node:readline/promises";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";

const [command, ...args] = process.argv.length > 2 ? process.argv.slice(2) : ["fw-mcp", "--sandbox"];
const pier = {
  file_name: "pier.tif", file_size: 84_000_000, pix_w: 7200, pix_h: 4800,
  public_thumbnail_uri: "https://studio.example/pier-200.jpg",
  public_preview_uri: "https://studio.example/pier-800.jpg",
  private_hires_uri: "https://studio.example/pier.tif",
};
const person = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

const client = new Client({ name: "curator", version: "1" }, {
  capabilities: { elicitation: { form: {} } }, versionNegotiation: { mode: "auto" },
});
client.setRequestHandler("elicitation/create", async ({ params }) => {
  console.log(`${params.message}\nYes or no?`);
  return { action: "accept", content: { confirm: (await person.next()).value === "yes" } };
});
await client.connect(command.startsWith("http")
  ? new StreamableHTTPClientTransport(new URL(command)) : new StdioClientTransport({ command, args }));
const call = (name, input) => client.callTool({ name, arguments: input });

console.log("list:", ...(await client.listTools()).tools.map((tool) => tool.name));
const found = await call("search_images", { search_filter: "harbor" });
const guids = found.structuredContent.images.slice(0, 2).map((row) => row.guid);
console.log("search:", ...guids);
const seen = await call("view_images", { guids: guids.slice(0, 1) });
console.log("view:", seen.content.find((block) => block.type === "image").mimeType);
console.log("add:", (await call("add_images", { images: [pier] })).structuredContent.status);
for (const guid of guids)
  console.log("delete:", guid, (await call("delete_images", { guids: [guid] })).structuredContent.status);
await client.close();
process.exit();
