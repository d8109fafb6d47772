"""Takes the pictures of the gallery for `docs/`: python -m tests.gallery.screenshots."""

import logging
import tempfile
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from PIL import Image

from tests.gallery.browser import Browser, started
from tests.gallery.host import Host, serving
from tests.support.studio import make_studio

DOCS = Path(__file__).parents[2] / "docs"
SEARCH: dict[str, Any] = {
    "only": ["landscape"],
    "print_size": "16x20 in",
    "per_page": 10,
    "sort_field": "title",
    "sort_direction": "ASC",
}
CHAT = {
    "said": "Which of my landscapes are good enough for 16 x 20 inches?",
    "did": "search_images",
}


def main() -> None:
    """Take one in each theme."""
    # The SDK would log each request.
    logging.disable(logging.INFO)
    with tempfile.TemporaryDirectory() as profile, started(Path(profile)) as browser:
        for theme in ("light", "dark"):
            with serving(Host(make_studio())) as host:
                page = urlencode({"theme": theme, **CHAT})
                browser.visit(host, host.url(page=page, **SEARCH))
                picked(browser)
                save(browser, DOCS / f"gallery-{theme}.png")


def picked(browser: Browser) -> None:
    """Wait for the pictures, and pick some."""
    tiles = browser.tiles()
    browser.until(lambda: len(browser.find(".picture:not([hidden])")) == len(tiles))
    for number in (1, 3, 7):
        tiles[number].click()
    browser.script("document.activeElement.blur()")


def save(browser: Browser, path: Path) -> None:
    """The chat down to its end."""
    browser.driver.switch_to.default_content()
    browser.driver.set_window_size(936, 1200)
    browser.until(lambda: browser.script("return host.height === frame.clientHeight - 2"))
    end = browser.script("return document.querySelector('main').getBoundingClientRect().bottom")
    picture = Image.open(BytesIO(browser.driver.get_screenshot_as_png())).convert("RGB")
    chat = picture.crop((0, 0, picture.width, min(picture.height, round(end) + 24)))
    chat.save(path, optimize=True)


if __name__ == "__main__":
    main()
