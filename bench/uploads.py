"""What it takes to put files where FinerWorks can fetch them."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from figures import Effort, Figure, ratio

PIXELS = (9_000, 15_000)

# A slope in each of three colours of 16 bits, so that no line is like another.
_MASTER = """
import sys, pyvips
path, pix_w, pix_h = sys.argv[1], *map(int, sys.argv[2:])
at = pyvips.Image.xyz(pix_w, pix_h)
deep = (at[0] * 7).bandjoin([at[1] * 4, (at[0] + at[1]) * 3]).cast("uint") & 65535
deep.cast("ushort").copy(interpretation="rgb16").tiffsave(path)
"""
# In a process of its own, which has no other child.
_RENDERED = """
import json, sys, time, anyio
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage
from fw_mcp.pictures.renditions import Renderer

async def main():
    before = getrusage(RUSAGE_SELF).ru_maxrss
    began = time.perf_counter()
    with open(sys.argv[1], "rb") as file:
        made = await Renderer().render(file)
    seconds = time.perf_counter() - began
    grown = getrusage(RUSAGE_SELF).ru_maxrss - before
    child = getrusage(RUSAGE_CHILDREN).ru_maxrss
    print(json.dumps([child * 1024, grown * 1024, seconds, len(made.preview)]))

anyio.run(main)
"""


def rendering(effort: Effort) -> Iterator[Figure]:
    """Make preview and thumbnail of a print master that is larger than the memory allowed."""
    del effort
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "master.tif"
        _run(_MASTER, path, *PIXELS)
        size = path.stat().st_size
        child, grown, seconds, preview = json.loads(_run(_RENDERED, path))
    name = "memory of renditions / their print master"
    yield ratio(name, (child + grown) / 1e6, [size / 1e6], 0.2, "MB")
    name = "renditions of a print master"
    yield Figure(name, seconds * 1000, "ms", None, f"{size / 1e6:.0f} MB, {preview:,} bytes made")


def _run(program: str, *arguments: object) -> str:
    command = [sys.executable, "-c", program, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout
