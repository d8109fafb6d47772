"""The writing side: journalled, sent in chunks, read back, settled, taken back; knows no MCP."""
