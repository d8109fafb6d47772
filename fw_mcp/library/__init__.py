"""What a person wants from an image library: search, write in chunks, read back; knows no MCP."""
