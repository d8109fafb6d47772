"""How far a call goes: how many of our functions and modules it passes, and how deep it stands.

One call of the real client against the real server over the embedded sandbox, in memory. Counted
are the functions of `fw_mcp` outside the sandbox; the stack is counted where a request leaves.
"""

import logging
import sys
from collections.abc import Awaitable, Callable
from inspect import CO_ASYNC_GENERATOR, CO_COROUTINE, CO_GENERATOR
from pathlib import Path
from types import FrameType
from typing import Any

import anyio
from mcp.client import Client, ClientRequestContext
from mcp.types import ElicitRequestParams, ElicitResult

from fw_mcp.assembly import assemble
from fw_mcp.config import Settings
from fw_mcp.server.app import build_server

RESUMED = CO_ASYNC_GENERATOR | CO_COROUTINE | CO_GENERATOR
PACKAGE = Path(__file__).parents[1] / "fw_mcp"
# Where a request leaves, now and in former versions.
SENDS = {("api/transport.py", "Wire.send"), ("api/wire.py", "Wire.send")}


class Flow:
    """Counts what is called of ours while it is on."""

    def __init__(self) -> None:
        self.calls = 0
        self.switches = 0
        self.frames = 0
        self.functions: set[tuple[str, str]] = set()
        self._last = ""
        self._modules: dict[str, str] = {}

    def __call__(self, frame: FrameType, event: str, _: object) -> None:
        """Note a call."""
        if event != "call" or not (module := self._module(frame)):
            return
        code = frame.f_code
        if (module, code.co_qualname) in SENDS:
            self.frames = max(self.frames, self._depth(frame))
        # What goes on is no new call; a comprehension is no function of its own.
        goes_on = frame.f_lasti > 0 and code.co_flags & RESUMED
        if goes_on or code.co_name.startswith("<"):
            return
        self.calls += 1
        self.functions.add((module, code.co_qualname))
        self.switches += module != self._last
        self._last = module

    def told(self) -> str:
        """In one line."""
        modules = len({module for module, _ in self.functions})
        return (
            f"{self.calls:5} calls {len(self.functions):5} functions {modules:4} modules"
            f" {self.switches:5} switches {self.frames:4} frames at the request"
        )

    def _module(self, frame: FrameType) -> str:
        file = frame.f_code.co_filename
        if file not in self._modules:
            path = Path(file)
            ours = path.is_relative_to(PACKAGE)
            name = path.relative_to(PACKAGE).as_posix() if ours else ""
            self._modules[file] = "" if name.startswith(("sandbox/", "embedded")) else name
        return self._modules[file]

    def _depth(self, frame: FrameType | None) -> int:
        depth = 0
        while frame is not None:
            depth += bool(self._module(frame)) and frame.f_code.co_name != "<module>"
            frame = frame.f_back
        return depth


async def yes(context: ClientRequestContext, params: ElicitRequestParams) -> ElicitResult:  # noqa: ARG001  the SDK's signature
    """Say yes."""
    return ElicitResult(action="accept", content={"confirm": True})


async def measured(call: Callable[[], Awaitable[Any]]) -> tuple[Flow, Any]:
    """What a call passes, and what it gives."""
    flow = Flow()
    sys.setprofile(flow)
    try:
        result = await call()
    finally:
        sys.setprofile(None)
    if result.is_error:
        raise SystemExit(f"a call failed: {result.content}")
    return flow, result.structured_content


async def main() -> None:
    """Measure each call, once warm."""
    logging.disable(logging.INFO)
    assembly = assemble(Settings(sandbox=":memory:"), {})
    server = build_server(assembly.parts)
    async with Client(server, elicitation_callback=yes, cache=None) as client:

        def call(tool: str, **arguments: object) -> Callable[[], Awaitable[Any]]:
            return lambda: client.call_tool(tool, arguments)

        page = await call("search_images", only=["has_products"], per_page=5)()
        first, second, third, *_ = [row["guid"] for row in page.structured_content["images"]]
        titles = [{"guid": third, "title": "Warm"}]
        await call("update_image_metadata", images=titles)()
        flow, _ = await measured(call("search_images", per_page=1))
        print("search one image           ", flow.told())
        retitled = [{"guid": first, "title": "Morning fog"}]
        flow, done = await measured(call("update_image_metadata", images=retitled))
        print("retitle one, with question ", flow.told())
        flow, _ = await measured(call("undo_change", change_id=done["change_id"]))
        print("undo it                    ", flow.told())
        flow, _ = await measured(call("delete_images", guids=[second]))
        print("delete one, with question  ", flow.told())
    await assembly.aclose()


if __name__ == "__main__":
    anyio.run(main)
