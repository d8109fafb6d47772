"""fw-mcp: the MCP server that lets an AI assistant manage a FinerWorks image library safely."""

__version__ = "0.1.0"
