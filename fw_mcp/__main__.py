"""`python -m fw_mcp`."""

from fw_mcp.cli.main import main

if __name__ == "__main__":
    raise SystemExit(main())
