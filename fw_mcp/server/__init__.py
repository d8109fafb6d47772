"""The MCP surface: tools, resources, prompts, confirmation, transports."""
