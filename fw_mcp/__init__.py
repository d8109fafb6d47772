"""fw-mcp: the MCP server that gives an AI assistant safe hands on a FinerWorks image library."""

__version__ = "0.1.0"
