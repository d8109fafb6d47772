"""What the process that makes renditions holds in memory, whatever it is given."""

import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import pyvips

from fw_mcp.pictures.masters import master_facts
from fw_mcp.pictures.worker.child import ANSWER, LENGTH
from fw_mcp.pictures.worker.rendition import ENVIRON, TOO_LARGE, Task
from tests.support.products import exhaustive

pytestmark = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="Linux tells it")

PROGRAM = """
import sys
from fw_mcp.pictures.worker.rendering import main
main()
with open("/proc/self/status") as status:
    print(*[line.split()[1] for line in status if line.startswith("VmHWM")], file=sys.stderr)
"""
MOST_BYTES = 200 * 1024**2
FULL_COLOUR = {"interlace": True, "subsample_mode": "off"}
KINDS: dict[str, tuple[int, int, bool, str, dict[str, Any]]] = {
    "strips": (30_000, 1_000, True, "tif", {}),
    "compressed": (30_000, 1_000, True, "tif", {"compression": "lzw"}),
    "tiles": (16_000, 2_000, True, "tif", {"tile": True, "tile_width": 512, "tile_height": 512}),
    "PNG": (30_000, 1_000, True, "png", {"compression": 0}),
    "PNG interlaced": (6_000, 3_600, True, "png", {"interlace": True, "compression": 0}),
    "JPEG": (60_000, 1_000, False, "jpg", {}),
    "progressive JPEG": (6_000, 4_000, False, "jpg", FULL_COLOUR),
    "WebP": (6_000, 4_000, False, "webp", {"effort": 0}),
    "lossless WebP": (6_000, 4_000, False, "webp", {"effort": 0, "lossless": True}),
    "AVIF": (3_600, 2_600, False, "avif", {"effort": 0}),
}
BEYOND: dict[str, tuple[int, int, bool, str, dict[str, Any]]] = {
    "strips": (40_000, 200, True, "tif", {}),
    "tiles": (16_000, 2_000, True, "tif", {"tile": True, "tile_width": 1024, "tile_height": 1024}),
    "progressive JPEG": (8_000, 6_000, False, "jpg", FULL_COLOUR),
    "AVIF": (4_000, 3_000, False, "avif", {"effort": 0}),
}


def slopes(pix_w: int, pix_h: int, *, deep: bool) -> pyvips.Image:
    """Three colours, no line like another."""
    at = pyvips.Image.xyz(pix_w, pix_h)
    most, kind, depth = (65_535, "rgb16", "ushort") if deep else (255, "srgb", "uchar")
    bands = (at[0] * 7).bandjoin([at[1] * 4, (at[0] + at[1]) * 3]).cast("uint") & most
    return bands.cast(depth).copy(interpretation=kind)


def rendered(path: Path) -> tuple[dict[str, Any], int]:
    """What the child says of a file, and the most bytes that it held."""
    with path.open("rb") as file:
        task = json.dumps(asdict(Task.of(master_facts(file), 1600)))
        command = (sys.executable, "-I", "-c", PROGRAM, task)
        run = subprocess.run(command, stdin=file, capture_output=True, check=True, env=ENVIRON)
    (length,) = LENGTH.unpack_from(run.stdout, len(ANSWER))
    start = len(ANSWER) + LENGTH.size
    return json.loads(run.stdout[start : start + length]), int(run.stderr) * 1024


@exhaustive
@pytest.mark.parametrize("kind", KINDS)
def test_a_picture_that_is_taken_is_rendered_in_200_mb(kind: str, tmp_path: Path) -> None:
    """Up to the largest of each kind that is taken."""
    pix_w, pix_h, deep, extension, options = KINDS[kind]
    path = tmp_path / f"master.{extension}"
    slopes(pix_w, pix_h, deep=deep).write_to_file(str(path), **options)
    header, held = rendered(path)
    path.unlink()
    assert (list(header), held < MOST_BYTES) == (["sizes"], True), held


@exhaustive
@pytest.mark.parametrize("kind", BEYOND)
def test_a_picture_that_would_take_more_is_refused_in_less(kind: str, tmp_path: Path) -> None:
    """Nothing of it is decoded."""
    pix_w, pix_h, deep, extension, options = BEYOND[kind]
    path = tmp_path / f"master.{extension}"
    slopes(pix_w, pix_h, deep=deep).write_to_file(str(path), **options)
    header, held = rendered(path)
    path.unlink()
    assert (header, held < MOST_BYTES / 2) == ({"refused": TOO_LARGE}, True), held
