"""Titles and descriptions in a spreadsheet: `fw-mcp export`, `fw-mcp plan`, `fw-mcp apply`.

Writes go through the server's own tool, so that guard, journal and undo are the same.
"""
