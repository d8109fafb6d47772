"""The FinerWorks v3 image API as typed requests and responses over HTTP; knows no MCP and no library."""
