"""Put fw-mcp before outside judges: the MCP Inspector, the official suite, an OpenID provider.

Needs Node and npm. Exit 1 when anything that must pass fails.
"""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from inspector import inspect
from login import log_in
from packages import PINNED, install
from suite import examine
from verdict import table


def main() -> int:
    """Install the judges, hear them, and print what they found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--packages", type=Path, metavar="FOLDER", help="install here and keep it, for the next run"
    )
    kept = parser.parse_args().packages
    if not shutil.which("npm"):
        parser.error("npm is not on the PATH; it comes with Node.")
    with tempfile.TemporaryDirectory(prefix="fw-mcp-conformance-") as name:
        folder = Path(name)
        home = folder / "home"
        home.mkdir()
        print(f"Installing {', '.join(PINNED)} ...", flush=True)
        packages = install((kept or folder / "packages").resolve(), home)
        print("The Inspector over stdio:", flush=True)
        verdicts = list(inspect(packages, folder))
        print("The conformance suite over HTTP:", flush=True)
        verdicts += examine(packages, folder)
        print("Two clients at an OpenID provider:", flush=True)
        verdicts += log_in(packages, folder)
    failed = sum(not one.passed for one in verdicts)
    print(f"\n{table(verdicts)}\n\n{len(verdicts) - failed} of {len(verdicts)} passed.")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
