"""From a folder of pictures to rows of the library, with every real part: libvips, the sandbox."""

from pathlib import Path

import pytest
from PIL import Image

from fw_mcp.assembly import Assembly, assemble
from fw_mcp.config import IN_MEMORY, load_settings
from fw_mcp.pictures.renditions import Renderer
from fw_mcp.server.app import build_server
from tests.support.client import InProcessClient
from tests.support.studio import said

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(not Renderer().available, reason="the extra upload is not installed"),
]


def assembled(folder: Path, **given: object) -> Assembly:
    """A sandbox that may upload the files of a folder."""
    defaults = {"sandbox": IN_MEMORY, "file_folders": str(folder), "upload_without_asking": True}
    return assemble(load_settings({**defaults, **given}), {})


async def test_a_folder_becomes_images_that_are_seen(tmp_path: Path) -> None:
    """Uploaded, fetched through the guard, registered, and looked at."""
    for name, color in (("fog.jpg", "teal"), ("sun.tif", "orange")):
        Image.new("RGB", (900, 600), color).save(tmp_path / name)
    assembly = assembled(tmp_path)
    try:
        async with (
            assembly.uploads.working(),
            InProcessClient(build_server(assembly.parts), cache=None) as client,
        ):
            added = said(await client.call_tool("add_images", {"images": [{"file": "./"}]}))
            assert added["outcomes"] == {"created": 2}
            guids = [row["guid"] for row in added["images"]]
            seen = await client.call_tool("view_images", {"guids": guids})
            assert [one.type for one in seen.content].count("image") == 2
            again = said(await client.call_tool("add_images", {"images": [{"file": "./"}]}))
            assert again["replayed"]
    finally:
        await assembly.aclose()
