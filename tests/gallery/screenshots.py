"""Takes the pictures of the gallery for `docs/`: python -m tests.gallery.screenshots [NAME …]."""

import base64
import logging
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from pyvips import Image

from fw_mcp.sandbox.app import create_app
from tests.gallery.browser import Browser, started
from tests.gallery.host import Dialog, Host, serving
from tests.support.studio import make_studio

DOCS = Path(__file__).parents[2] / "docs"
# The dates in the pictures; they stay the same from one time to the next.
TODAY = datetime(2026, 3, 2, tzinfo=UTC)
FONT = "Inter, system-ui, sans-serif"
SHARPNESS = 2
WIDE, NARROW, HIGH = 936, 412, 1400


def picked(*numbers: int) -> Callable[[Browser], None]:
    """Select some of the tiles, and look at the whole."""

    def pick(browser: Browser) -> None:
        for number in numbers:
            browser.script("arguments[0].click()", browser.tiles()[number])
        browser.script("document.activeElement.blur()")

    return pick


def deleting(*numbers: int) -> Callable[[Browser], None]:
    """Select some of the tiles and press Delete."""

    def delete(browser: Browser) -> None:
        picked(*numbers)(browser)
        browser.click("#delete")
        browser.until(lambda: not browser.in_host("return form.hidden"))
        browser.script("document.activeElement.blur()")

    return delete


def enlarging(number: int) -> Callable[[Browser], None]:
    """Show one picture large."""

    def enlarge(browser: Browser) -> None:
        browser.script("arguments[0].click()", browser.find(".zoom")[number])
        sharp = "return document.getElementById('large-picture').naturalWidth > 800"
        browser.until(lambda: browser.script(sharp))
        browser.script("document.activeElement.blur()")

    return enlarge


@dataclass(frozen=True)
class Scene:
    """A moment in a chat.

    Attributes:
        said: what the person asked.
        told: what the assistant answered; {count} is how many images were found.
        search: what it searched for.
        then: what the person did in the gallery.
        theme: of the client.
        width: of the chat in CSS pixels.
        asks: whether the server asks something.
    """

    said: str
    search: Mapping[str, Any]
    then: Callable[[Browser], None]
    told: str = ""
    theme: str = "light"
    width: int = WIDE
    asks: bool = False


FIT: Mapping[str, Any] = {
    "search_filter": "edition",
    "only": ["landscape", "large_enough"],
    "print_size": "16x20 in",
    "per_page": 10,
    "sort_field": "title",
    "sort_direction": "ASC",
}
FITTING = Scene(
    said="Which landscapes of the edition are good enough for 16x20 inches?",
    told="These {count} print at 16x20 inches with at least 150 ppi.",
    search=FIT,
    then=picked(1, 4, 6),
)
SCENES = {
    "gallery-light": FITTING,
    "gallery-dark": replace(FITTING, theme="dark"),
    "gallery-narrow": Scene(
        said=FITTING.said,
        search={**FIT, "per_page": 4},
        then=picked(1, 2),
        width=NARROW,
    ),
    "gallery-large": Scene(
        said="How large can I print the rowboat on Caddo Lake?",
        search={"search_filter": "rowboat", "print_sizes": True},
        then=enlarging(0),
    ),
    "gallery-question": Scene(
        said="Which of the pictures I sell are too small even for a 5x7?",
        search={"only": ["has_products", "too_small"], "print_size": "5x7 in", "per_page": 5},
        then=deleting(1),
        asks=True,
    ),
}


def main(names: list[str]) -> None:
    """Take them all, or those with these names."""
    # The SDK would log each request.
    logging.disable(logging.INFO)
    with tempfile.TemporaryDirectory() as profile, started(Path(profile)) as browser:
        for name in names or SCENES:
            take(browser, SCENES[name], DOCS / f"{name}.png")


def take(browser: Browser, scene: Scene, path: Path) -> None:
    """Play a scene and take its picture."""
    sandbox = create_app(clock=lambda: TODAY)
    with serving(Host(make_studio(app=sandbox), Dialog())) as host:
        chat = {"said": scene.said, "did": "search_images", "theme": scene.theme, "font": FONT}
        screen(browser, scene.width)
        browser.visit(
            host,
            host.url(page=urlencode(chat) + "&asks" * scene.asks, **scene.search),
            resize=False,
        )
        tiles = browser.tiles()
        browser.until(lambda: len(browser.find(".picture:not([hidden])")) == len(tiles))
        scene.then(browser)
        told = scene.told.format(count=count(browser))
        browser.in_host("tell(arguments[0])", told)
        browser.until(lambda: settled(browser))
        save(browser, path)
        if scene.asks:
            browser.driver.switch_to.frame("view")
            browser.in_host("form.requestSubmit(form.querySelector('[value=decline]'))")
            browser.until(browser.idle)


def settled(browser: Browser) -> bool:
    """Whether the client shows all of the page."""
    height = browser.script("return Math.ceil(document.body.getBoundingClientRect().height)")
    shown: int = browser.in_host("return frame.clientHeight")
    return bool(height == shown)


def count(browser: Browser) -> str:
    """How many images were found, as the gallery says."""
    return browser.text(".above .where").removesuffix(" images").rpartition(" ")[2]


def screen(browser: Browser, width: int) -> None:
    """A sharp screen without motion."""
    metrics = {"width": width, "height": HIGH, "deviceScaleFactor": SHARPNESS, "mobile": False}
    browser.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    browser.driver.execute_cdp_cmd("Emulation.setScrollbarsHidden", {"hidden": True})
    still = {"features": [{"name": "prefers-reduced-motion", "value": "reduce"}]}
    browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", still)


def save(browser: Browser, path: Path) -> None:
    """The chat down to its end, in as few colors as are enough."""
    painted = "requestAnimationFrame(() => requestAnimationFrame(arguments[0]))"
    browser.driver.execute_async_script(painted)
    end = browser.in_host("return document.querySelector('main').getBoundingClientRect().bottom")
    width = browser.in_host("return document.documentElement.clientWidth")
    clip = {"x": 0, "y": 0, "width": width, "height": round(end) + 24, "scale": 1}
    browser.driver.switch_to.default_content()
    shot = browser.driver.execute_cdp_cmd("Page.captureScreenshot", {"clip": clip})
    picture = Image.new_from_buffer(base64.b64decode(shot["data"]), "")[:3]
    picture.pngsave(str(path), palette=True, Q=100, dither=1, effort=10, compression=9, keep="none")


if __name__ == "__main__":
    main(sys.argv[1:])
