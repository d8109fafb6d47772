"""Processes that call one tool and kill themselves at a named step of the write.

Run as ``python -m tests.support.killed``: each line of stdin is a `Killing` as JSON, carried out by
a fork of this process, which has imported everything and done nothing; each line of stdout is the
exit code of one, as :mod:`subprocess` gives it.
"""

import json
import os
import signal
import sys
import traceback
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import anyio

from fw_mcp.sandbox.app import create_app
from fw_mcp.store.journal import Step
from fw_mcp.writes.uploads import UploadStep
from tests.support.studio import Clock, make_studio, sandbox_account

_LONGEST_S = 60


@dataclass(frozen=True)
class Killing:
    """A call, and the step at which its process dies.

    Attributes:
        sandbox: the file of the sandbox.
        store: the file of the store.
        step: the step.
        nth: how often it is reached by then.
        tool: the tool.
        arguments: its arguments.
        clock: what time it is.
        folder: whose files may be uploaded; "" for none.
    """

    sandbox: str
    store: str
    step: Step | UploadStep
    nth: int
    tool: str
    arguments: Mapping[str, Any]
    clock: float
    folder: str = ""

    def line(self) -> str:
        """It as a line."""
        return json.dumps(asdict(self)) + "\n"


async def call(killing: Killing) -> None:
    """Call the tool as a client whose person says yes; die at that step for the so manieth time."""
    left = killing.nth

    def reached(now: Step | UploadStep) -> None:
        nonlocal left
        left -= now == killing.step
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    app = create_app(killing.sandbox)
    studio = make_studio(
        app=app,
        store=Path(killing.store),
        kept_for=sandbox_account(killing.sandbox),
        reached=reached,
        clock=Clock(killing.clock),
        shelf="sandbox",
        folders=[Path(killing.folder)] if killing.folder else [],
        reached_upload=reached,
    )
    async with studio.client(person=studio.person()) as client:
        await client.call_tool(killing.tool, dict(killing.arguments))


def forked(killing: Killing) -> int:
    """The exit code of a process that makes the call; it is gone, and no zombie either."""
    child = os.fork()
    if child == 0:
        signal.alarm(_LONGEST_S)
        code = 1
        try:
            anyio.run(call, killing)
            code = 0
        finally:
            # Whatever became of it, it must not go on as a second one of its parent.
            if code:
                traceback.print_exc()
            os._exit(code)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    for line in sys.stdin:
        print(forked(Killing(**json.loads(line))), flush=True)  # noqa: T201
