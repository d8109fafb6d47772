"""README.md as the package index shows it, where a relative link leads nowhere.

The build runs it (`tool.hatch.metadata` in pyproject.toml), so that README.md itself keeps links
that also work in a clone.
"""

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

_LINK = re.compile(r"(?P<picture>!?)(?P<text>\[[^\]]*\])\((?!https?://|#)(?P<path>[^)\s]+)\)")
_PAGE = "https://github.com/"
_FILES = "https://raw.githubusercontent.com/"


def described(text: str, page: str, version: str) -> str:
    """README.md with absolute links to the files of a release, and the registry's proof of origin.

    Args:
        text: of README.md.
        page: the repository's page.
        version: of the release.
    """
    owner, _, name = page.removeprefix(_PAGE).partition("/")

    def absolute(link: re.Match[str]) -> str:
        is_picture = link["picture"] == "!"
        place = page.replace(_PAGE, _FILES) if is_picture else f"{page}/blob"
        return f"{link['picture']}{link['text']}({place}/v{version}/{link['path']})"

    return f"{_LINK.sub(absolute, text)}\n<!-- mcp-name: io.github.{owner}/{name} -->\n"


class DescriptionHook(MetadataHookInterface):
    """Gives the build its long description."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Put it into the project's metadata."""
        text = (Path(self.root) / "README.md").read_text(encoding="utf-8")
        page = metadata["urls"]["Repository"]
        words = described(text, page, metadata["version"])
        metadata["readme"] = {"content-type": "text/markdown", "text": words}
