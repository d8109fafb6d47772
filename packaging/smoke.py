"""Try a wheel as a stranger would, on any system: `python packaging/smoke.py DIST`.

It needs uv alone. Each command is run by uvx from the wheel, with the console's own encoding; the
last one is a server over stdio that must list its tools.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

_LONGEST_S = 300
_OPENING = {
    "protocolVersion": "2025-06-18",
    "capabilities": {},
    "clientInfo": {"name": "smoke", "version": "1"},
}
_MESSAGES = (
    {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": _OPENING},
    {"jsonrpc": "2.0", "method": "notifications/initialized"},
    {"jsonrpc": "2.0", "id": 2, "method": "tools/list"},
)


def main() -> int:
    """Run each command and print how it ended; exit 1 at the first that fails."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dist", type=Path, help="the folder with the one wheel")
    parser.add_argument("--python", default="", help="the Python that uvx takes")
    given = parser.parse_args()
    (wheel,) = given.dist.resolve().glob("*.whl")
    python = ["--python", given.python] if given.python else []
    command = ["uvx", "--quiet", *python, "--from", str(wheel), "fw-mcp"]
    for arguments in (["--version"], ["connect", "claude-desktop"], ["demo"]):
        subprocess.run([*command, *arguments], check=True, timeout=_LONGEST_S)
        print(f"ok: fw-mcp {' '.join(arguments)}", flush=True)
    names = _tools(command)
    print(f"ok: {len(names)} tools over stdio: {', '.join(names)}")
    return 0 if names else 1


def _tools(command: list[str]) -> list[str]:
    """The names that a server over stdio lists; at the end of its input it has to end well."""
    sent = "".join(f"{json.dumps(one)}\n" for one in _MESSAGES)
    piped = subprocess.PIPE
    started = [*command, "--sandbox"]
    with subprocess.Popen(started, stdin=piped, stdout=piped, encoding="utf-8") as server:
        assert server.stdin is not None  # noqa: S101  piped
        assert server.stdout is not None  # noqa: S101  piped
        try:
            server.stdin.write(sent)
            server.stdin.flush()
            answers = (json.loads(line) for line in server.stdout)
            last = (one["result"] for one in answers if one.get("id") == _MESSAGES[-1]["id"])
            names = [tool["name"] for tool in next(last, {"tools": []})["tools"]]
            server.stdin.close()
            if code := server.wait(timeout=_LONGEST_S):
                raise subprocess.CalledProcessError(code, started)
        finally:
            server.kill()
    return names


if __name__ == "__main__":
    sys.exit(main())
