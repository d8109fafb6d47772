"""Play the examples of docs/agents, each in an environment of its own, against the sandbox.

Needs uv beside this Python, Node, npm, and the registries that they install from. Exit 1 when a
step fails that is not known to be the client's own fault, or when a client could not be tried.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import anyio
from clients import CLIENTS, STEPS, Client
from environments import Environment, NotInstalledError
from judge import ANSWERS, Played, held, revision
from mcp import Client as Session
from mcp import StdioServerParameters, stdio_client
from servers import over_http, over_stdio

_AT_ONCE = 2
_SHOWN = 300


@dataclass(frozen=True)
class Row:
    """What came of one client on one transport.

    Attributes:
        cells: as they stand in the table.
        faults: what must be looked at.
        notes: what is known.
    """

    cells: Sequence[str]
    faults: Sequence[str] = ()
    notes: Sequence[str] = ()


@dataclass(frozen=True)
class Studio:
    """Where it all happens.

    Attributes:
        folder: for environments and libraries.
        library: an untouched sandbox's file.
        tools: the names that the server gives.
    """

    folder: Path
    library: Path
    tools: Sequence[str]


def main() -> int:
    """Try the clients, and print the table."""
    given = _arguments()
    chosen = [one for one in CLIENTS if one.sample or not given.sample]
    chosen = [one for one in chosen if not given.files or one.file in given.files]
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="fw-mcp-clients-") as name:
        studio = anyio.run(_opened, Path(name))
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            tried = pool.map(lambda one: list(_tried(studio, one)), chosen)
            rows = [row for rows in tried for row in rows]
    print(_table(rows))
    for line in sorted({note for row in rows for note in row.notes}):
        print(f"theirs  {line}")
    faults = [fault for row in rows for fault in row.faults]
    for line in faults:
        print(f"FAIL  {line}")
    taken = f"{time.monotonic() - began:.0f} s"
    print(
        f"\n{len(rows) - sum(bool(row.faults) for row in rows)} of {len(rows)} as known, {taken}."
    )
    return 1 if faults or not rows else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--sample", action="store_true", help="those of continuous integration")
    parser.add_argument("files", nargs="*", help="of docs/agents; default: all")
    return parser.parse_args()


async def _opened(folder: Path) -> Studio:
    library = folder / "untouched.db"
    command = ["-m", "fw_mcp", "--sandbox-file", str(library)]
    server = stdio_client(StdioServerParameters(command=sys.executable, args=command))
    async with Session(server) as session:
        tools = (await session.list_tools()).tools
        await session.call_tool("search_images", {"per_page": 1})
    return Studio(folder, library, [tool.name for tool in tools])


def _tried(studio: Studio, client: Client) -> Iterator[Row]:
    what = f"{client.name} {client.version}"
    environment = Environment(client, studio.folder / what.replace("/", "-").replace(" ", "-"))
    try:
        environment.install()
    except NotInstalledError as fault:
        cells = (client.name, client.version, client.asks, "not tried", "", *("" for _ in STEPS))
        yield Row(cells, faults=[f"{what}: not tried: {str(fault)[:_SHOWN]}"])
        return
    for transport in client.transports:
        print(f"  {what} over {transport}", flush=True)
        yield _played(studio, client, environment, transport)


def _played(studio: Studio, client: Client, environment: Environment, transport: str) -> Row:
    """Play the example once, on a library of its own, and judge it."""
    place = Path(tempfile.mkdtemp(dir=studio.folder))
    library, heard = place / "library.db", place / "heard"
    shutil.copy(studio.library, library)
    before = held(library)
    serving = (
        over_http(library, heard)
        if transport == "http"
        else nullcontext(over_stdio(library, heard))
    )
    with serving as server:
        try:
            printed = environment.play(server, ANSWERS)
        except subprocess.TimeoutExpired as fault:
            printed = f"It hangs: {fault}"
    played = Played(printed, revision(heard), studio.tools, before, held(library))
    return _row(client, transport, played)


def _row(client: Client, transport: str, played: Played) -> Row:
    what = f"{client.name} {client.version} over {transport}"
    steps = played.steps()
    wrong = [step for step, worked in steps.items() if not worked]
    faults = [
        f"{what}: {step} did not work; it ended with: {' '.join(played.printed.split())[-_SHOWN:]}"
        for step in wrong
        if step not in client.theirs
    ]
    faults += [f"{what}: {step} works now: strike it" for step in client.theirs if steps[step]]
    cells = (client.name, client.version, client.asks, transport, played.revision)
    words = ("ok" if steps[step] else "theirs" if step in client.theirs else "no" for step in STEPS)
    notes = [f"{client.name}, {step}: {why}." for step, why in client.theirs.items()]
    return Row((*cells, *words), faults, notes)


def _table(rows: Sequence[Row]) -> str:
    lines = [
        ("client", "version", "asks by", "over", "revision", *STEPS),
        *(row.cells for row in rows),
    ]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


if __name__ == "__main__":
    sys.exit(main())
