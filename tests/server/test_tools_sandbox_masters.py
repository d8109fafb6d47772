"""The studio's print masters can be tried: their headers say what the records say."""

import pytest
from mcp.client import Client

from fw_mcp.assembly import assemble
from fw_mcp.config import load_settings
from fw_mcp.server.app import build_server
from tests.support.studio import said

pytestmark = pytest.mark.anyio

SENT = ("title", "file_name", "file_size", "public_thumbnail_uri", "public_preview_uri",
        "private_hires_uri", "pix_w", "pix_h")  # fmt: skip


async def test_inspecting_and_verifying_a_seeded_image_agree_with_its_record() -> None:
    """Promise: `inspect_files` and `verify` work on the sandbox, without an account."""
    assembly = assemble(load_settings({"sandbox": "true", "show_hires": True}), {})
    async with Client(build_server(assembly.parts), cache=None) as client:
        search = {"details": True, "per_page": 3}
        records = said(await client.call_tool("search_images", search))["records"]
        urls = [one["private_hires_uri"] for one in records]
        files = said(await client.call_tool("inspect_files", {"files": urls}))["files"]
        names = ("file_size", "pix_w", "pix_h")
        assert [[one[name] for name in names] for one in files] == [
            [one[name] for name in names] for one in records
        ]
        again = [{name: one[name] for name in SENT if one.get(name)} for one in records]
        add = {"images": again, "verify": True, "dry_run": True}
        assert said(await client.call_tool("add_images", add))["status"] == "dry_run"
        again[0]["pix_w"] += 1
        refused = await client.call_tool("add_images", add)
        assert (refused.is_error, "verify found" in str(refused.content)) == (True, True)
    await assembly.aclose()
