"""One headless Chromium for all of them, which reaches nothing but loopback."""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Protocol

import pytest
from mcp.client.session import ElicitationFnT

from tests.gallery.browser import Browser, chromium_is_installed, started
from tests.gallery.host import Host, serving
from tests.support.studio import Studio


class Opening(Protocol):
    """Opens a chat in which a tool was called."""

    def __call__(
        self,
        tool: str = "search_images",
        *,
        person: ElicitationFnT | None = None,
        page: str = "",
        strict: bool = True,
        on: Studio | None = None,
        browser: Browser | None = None,
        **arguments: object,
    ) -> Browser:
        """Open it, and give the browser with the gallery in view.

        Args:
            tool: the tool that was called, with `arguments`.
            person: who answers the server's questions; without one it cannot ask.
            page: more of the query of the host's page.
            strict: whether the host's page has a policy of its own.
            on: another studio than the test's own.
            browser: another browser than the one that all share.
            **arguments: the arguments of the call.
        """
        ...


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """The browser; CI sets GALLERY_TESTS=required, so that they cannot be left out unseen."""
    if not chromium_is_installed():
        required = os.environ.get("GALLERY_TESTS") == "required"
        (pytest.fail if required else pytest.skip)("Chromium is not installed")
    with started(Path(tmp_path_factory.mktemp("profile"))) as browser:
        yield browser


@pytest.fixture
def opened(chromium: Browser, studio: Studio) -> Iterator[Opening]:
    """The way to open a chat on the studio."""
    with ExitStack() as open_hosts:

        def opening(
            tool: str = "search_images",
            *,
            person: ElicitationFnT | None = None,
            page: str = "",
            strict: bool = True,
            on: Studio | None = None,
            browser: Browser | None = None,
            **arguments: object,
        ) -> Browser:
            host = open_hosts.enter_context(serving(Host(on or studio, person, strict)))
            used = browser or chromium
            used.visit(host, host.url(tool, page=page, **arguments))
            return used

        yield opening
