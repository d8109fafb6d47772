"""May this write go: effects, limits, plans and the words of the question; knows no MCP and no HTTP."""
