"""A studio whose server reads files: from a small internet, and below a folder."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from fw_mcp.pictures.fetch.fetcher import Fetcher
from fw_mcp.pictures.inspect import Inspector
from fw_mcp.server.app import build_server
from tests.pictures.fetch.web import Web
from tests.support.studio import Studio


def reading(studio: Studio, web: Web | None, folders: Sequence[Path] = ()) -> Studio:
    """The same studio on `web` and `folders`; without a web, fetching is turned off."""
    inspector = Inspector(web.fetcher() if web else Fetcher(is_on=False), folders)
    parts = replace(studio.parts, inspector=inspector)
    return replace(studio, parts=parts, server=build_server(parts))
