// Vercel's AI SDK, tools of an MCP server: the handler answers the question inside a call.
// npm install @ai-sdk/mcp@2.0.99; node ai-sdk.mjs [URL | fw-mcp --sandbox-file FILE]

import { createInterface } from "node:readline/promises";
import { createMCPClient, ElicitationRequestSchema } from "@ai-sdk/mcp";
import { Experimental_StdioMCPTransport as StdioMCPTransport } from "@ai-sdk/mcp/mcp-stdio";

const [command, ...args] = process.argv.length > 2 ? process.argv.slice(2) : ["fw-mcp", "--sandbox"];
const remote = command.startsWith("http");
const pier = {
  file_name: "pier.tif", file_size: 84_000_000, pix_w: 7200, pix_h: 4800,
  public_thumbnail_uri: "https://studio.example/pier-200.jpg",
  public_preview_uri: "https://studio.example/pier-800.jpg",
  private_hires_uri: "https://studio.example/pier.tif",
};
const person = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

const client = await createMCPClient({
  transport: remote ? { type: "http", url: command } : new StdioMCPTransport({ command, args }),
  capabilities: { elicitation: {} },
});
client.onElicitationRequest(ElicitationRequestSchema, async ({ params }) => {
  console.log(`${params.message}\nYes or no?`);
  return { action: "accept", content: { confirm: (await person.next()).value === "yes" } };
});

const tools = await client.tools(); // generateText({ model, tools, prompt }) takes them as they are
const call = (name, input) => tools[name].execute(input, { toolCallId: name, messages: [] });
console.log("list:", ...Object.keys(tools));
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
