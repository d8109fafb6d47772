"""What the bundle starts."""

import sys

from fw_mcp.cli.main import main

sys.exit(main())
