"""May this write go: effects, limits, plans, the question's words; knows no MCP, no HTTP."""
