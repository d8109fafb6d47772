"""The FinerWorks v3 image API, typed, over HTTP; knows no MCP and no library."""
