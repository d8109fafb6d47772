"""Build the bundle (`make bundle`): wheel, pins, manifest and icon in one .mcpb file."""

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

from make import ICON, ICON_OF_THE_BUNDLE, ROOT, files, wheel_name

_FOLDER = "packaging/bundle/"
# The first moment that the format knows: the same input makes the same bundle.
_WHEN = (1980, 1, 1, 0, 0, 0)


def build(folder: Path) -> Path:
    """Build it.

    Args:
        folder: where it is put; made if it is not there.

    Returns:
        The bundle.

    Raises:
        subprocess.CalledProcessError: the wheel cannot be built.
    """
    folder.mkdir(parents=True, exist_ok=True)
    bundle = folder / f"{wheel_name().partition('-py3')[0].replace('fw_mcp', 'fw-mcp')}.mcpb"
    with tempfile.TemporaryDirectory(prefix="fw-mcp-bundle-") as name:
        build_wheel = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", name]
        subprocess.run(build_wheel, cwd=ROOT, check=True, stdout=sys.stderr)
        parts = {
            path.removeprefix(_FOLDER): text.encode()
            for path, text in files().items()
            if path.startswith(_FOLDER)
        }
        parts[wheel_name()] = (Path(name) / wheel_name()).read_bytes()
        parts["LICENSE"] = (ROOT / "LICENSE").read_bytes()
        parts[ICON_OF_THE_BUNDLE] = (ROOT / ICON).read_bytes()
    with zipfile.ZipFile(bundle, "w", zipfile.ZIP_DEFLATED) as packed:
        for part, content in sorted(parts.items()):
            packed.writestr(zipfile.ZipInfo(part, _WHEN), content, zipfile.ZIP_DEFLATED)
    return bundle


if __name__ == "__main__":
    print(build(ROOT / "dist"))
