"""Draws packaging/icon.png from packaging/icon.svg: python -m tests.gallery.icon."""

import base64
import tempfile
from pathlib import Path

from pyvips import Image

from tests.gallery.browser import Browser, started

PACKAGING = Path(__file__).parents[2] / "packaging"
SIDE = 512


def drawn(browser: Browser, side: int = SIDE) -> bytes:
    """The icon as a PNG, so many pixels wide and high; its corners are transparent."""
    svg = base64.b64encode((PACKAGING / "icon.svg").read_bytes()).decode()
    shown = f"<body style='margin:0'><img width={side} src='data:image/svg+xml;base64,{svg}'>"
    page = base64.b64encode(shown.encode()).decode()
    browser.driver.get(f"data:text/html;base64,{page}")
    ask = browser.driver.execute_cdp_cmd
    screen = {"width": side, "height": side, "deviceScaleFactor": 1, "mobile": False}
    ask("Emulation.setDeviceMetricsOverride", screen)
    clear = {"color": {"r": 0, "g": 0, "b": 0, "a": 0}}
    ask("Emulation.setDefaultBackgroundColorOverride", clear)
    try:
        shot = ask("Page.captureScreenshot", {})
    finally:
        ask("Emulation.setDefaultBackgroundColorOverride", {})
        ask("Emulation.clearDeviceMetricsOverride", {})
    return base64.b64decode(shot["data"])


def main() -> None:
    """Draw it."""
    with tempfile.TemporaryDirectory() as profile, started(Path(profile)) as browser:
        picture = Image.new_from_buffer(drawn(browser), "")
    picture.pngsave(str(PACKAGING / "icon.png"), compression=9, keep="none")


if __name__ == "__main__":
    main()
