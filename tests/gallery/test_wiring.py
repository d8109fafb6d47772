"""How the gallery is offered to hosts, and what its file must not hold."""

import re
from pathlib import Path

import pytest
from mcp.server import apps
from mcp.types import TextResourceContents

from fw_mcp.server import gallery
from fw_mcp.server.gallery import GALLERY_TOOLS, GALLERY_URI
from tests.support.studio import Mode, Studio

pytestmark = pytest.mark.anyio

MODES = ("auto", "legacy")
PAGE = Path(gallery.__file__).with_name("gallery.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("mode", MODES)
async def test_the_tools_that_give_images_name_the_gallery(studio: Studio, mode: Mode) -> None:
    """And no other tool does: a host opens a view for each call of a tool that names one."""
    async with studio.client(mode=mode) as client:
        tools = (await client.list_tools()).tools
    views = {
        tool.name: view
        for tool in tools
        if (view := {key: part for key, part in (tool.meta or {}).items() if key.startswith("ui")})
    }
    listed = {tool.name for tool in tools} & GALLERY_TOOLS
    both = {"ui": {"resourceUri": GALLERY_URI}, "ui/resourceUri": GALLERY_URI}
    assert views == dict.fromkeys(listed, both)


@pytest.mark.parametrize("mode", MODES)
async def test_the_page_is_read_as_an_app_and_not_listed(studio: Studio, mode: Mode) -> None:
    """Hosts show a page under no other type; agents that load each resource load none of it."""
    async with studio.client(mode=mode) as client:
        listed = {str(one.uri) for one in (await client.list_resources()).resources}
        (content,) = (await client.read_resource(GALLERY_URI)).contents
    assert GALLERY_URI not in listed
    assert isinstance(content, TextResourceContents)
    assert (content.mime_type, content.meta, content.text) == (
        "text/html;profile=mcp-app",
        {"ui": {"prefersBorder": True}},
        PAGE,
    )


async def test_the_server_says_that_it_has_apps(studio: Studio) -> None:
    """In 2026-07-28; before it a server had no word for that, and hosts go by the tools alone."""
    async with studio.client() as client:
        capabilities = client.server_capabilities
    assert capabilities is not None
    assert capabilities.extensions == {"io.modelcontextprotocol/ui": {}}


def test_the_names_are_those_of_the_sdk() -> None:
    """They are written out because the SDK's module is slow to import."""
    assert (gallery.APPS, gallery.MIME_TYPE) == (apps.EXTENSION_ID, apps.APP_MIME_TYPE)


@pytest.mark.parametrize(
    "way",
    ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function",
     "createContextualFragment", "setHTML", "DOMParser", "localStorage", "document.cookie",
     "plan_id", "http://", "https://"],
)  # fmt: skip
def test_the_page_has_no_way_to_make_elements_of_text_or_to_reach_out(way: str) -> None:
    """What cannot be called cannot be misused; and a plan is answered by a person alone."""
    assert way not in PAGE


def test_the_page_allows_itself_nothing_but_its_own_script_style_and_data_pictures() -> None:
    """Whatever a host allows besides."""
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]+)"', PAGE)
    assert policy.split("; ") == [
        "default-src 'none'",
        "script-src 'unsafe-inline'",
        "style-src 'unsafe-inline'",
        "img-src data:",
        "base-uri 'none'",
        "form-action 'none'",
    ]


def test_the_page_is_small() -> None:
    """A client reads it for each call that shows images."""
    assert len(PAGE.encode()) < 60_000
