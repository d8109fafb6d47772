"""Titles and descriptions in a spreadsheet: `fw-mcp export`, `fw-mcp preview`, `fw-mcp apply`."""
