"""What a release publishes to the registry of MCP servers: `python packaging/registry.py BUNDLE`.

It is packaging/server.json with what only a release has: its image, and its bundle with the hash.
"""

import argparse
import hashlib
import json
import sys
from pathlib import Path
from typing import Any

from make import files


def entry(bundle: Path) -> dict[str, Any]:
    """The entry.

    Args:
        bundle: the file that the release carries.
    """
    server: dict[str, Any] = json.loads(files()["packaging/server.json"])
    page, version = server["repository"]["url"], server["version"]
    # Registries of images take lower case only.
    image = page.removeprefix("https://github.com/").lower()
    stdio = {"type": "stdio"}
    (package,) = server["packages"]
    kept = "Keeps plans, limits and the journal."
    server["packages"] += [
        {
            "registryType": "oci",
            "identifier": f"ghcr.io/{image}:{version}",
            "runtimeHint": "docker",
            "transport": stdio,
            "runtimeArguments": [
                {
                    "type": "named",
                    "name": "-v",
                    "value": "fw-mcp:/var/lib/fw-mcp",
                    "description": kept,
                }
            ],
            "environmentVariables": package["environmentVariables"],
        },
        {
            "registryType": "mcpb",
            "identifier": f"{page}/releases/download/v{version}/{bundle.name}",
            "version": version,
            "fileSha256": hashlib.sha256(bundle.read_bytes()).hexdigest(),
            "transport": stdio,
        },
    ]
    return server


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bundle", type=Path)
    json.dump(entry(parser.parse_args().bundle), sys.stdout, indent=2)
    print()
