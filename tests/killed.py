"""A process that calls one tool and kills itself at a named step of the write.

Run as ``python -m tests.killed SANDBOX STORE STEP NTH TOOL ARGUMENTS``.
"""

import json
import os
import signal
import sys
from pathlib import Path

import anyio

from fw_mcp.sandbox.app import create_app
from fw_mcp.store.journal import Step
from tests.studio import make_studio


async def call(files: tuple[str, str], at: tuple[str, int], tool: str, arguments: str) -> None:
    """Call the tool as a client whose person says yes; die at that step for the so manieth time."""
    (sandbox, store), (step, left) = files, at

    def reached(now: Step) -> None:
        nonlocal left
        left -= now == step
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    studio = make_studio(app=create_app(sandbox), store=Path(store), reached=reached)
    async with studio.client(person=studio.person()) as client:
        await client.call_tool(tool, json.loads(arguments))


if __name__ == "__main__":
    _, sandbox_file, store_file, name, nth, *rest = sys.argv
    tool_name, given = rest
    anyio.run(call, (sandbox_file, store_file), (name, int(nth)), tool_name, given)
