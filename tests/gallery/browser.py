"""A headless Chromium with the gallery in view, in the words of somebody who uses it."""

import json
import logging
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from selenium.webdriver import Chrome, ChromeOptions, ChromeService
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.wait import WebDriverWait

from tests.gallery.host import Host

T = TypeVar("T")

_PATIENCE_S = 20.0
_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    # A mouse is there; without one there would be no pointing.
    "--blink-settings=primaryHoverType=2,availableHoverTypes=2,primaryPointerType=4,availablePointerTypes=4",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # A frame of its own process would be out of sight of the accessibility tree.
    "--disable-features=IsolateSandboxedIframes",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
)


@dataclass
class Browser:
    """The browser; what it does happens inside the gallery unless it says otherwise."""

    driver: Chrome
    host: Host | None = None

    def visit(self, host: Host, url: str, *, resize: bool = True) -> None:
        """Open a chat of `host` and go into the gallery's frame."""
        self.host = host
        if resize:
            self.driver.set_window_size(1000, 900)
        self.network()
        self.console()
        self.driver.get(url)
        self.driver.switch_to.frame("view")

    @property
    def served(self) -> Host:
        """The host whose chat is open."""
        assert self.host is not None
        return self.host

    def until(self, condition: Callable[[], T | Literal[False] | None]) -> T:
        """Wait until `condition` gives something, and give that."""
        wait = WebDriverWait(self.driver, _PATIENCE_S, poll_frequency=0.03)
        return wait.until(lambda _: condition() or False)

    def find(self, selector: str) -> list[WebElement]:
        """The elements that a selector names, in order."""
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def one(self, selector: str) -> WebElement:
        """The one element that a selector names, as soon as it is there."""
        (element,) = self.until(lambda: self.find(selector))
        return element

    def tiles(self) -> list[WebElement]:
        """The tiles of a page, once it is there."""
        return self.until(lambda: self.idle() and self.find(".tile"))

    def idle(self) -> bool:
        """Whether nothing is being loaded."""
        return not self.find("#grid[aria-busy]")

    def shown(self) -> list[str]:
        """The guids on the page."""
        self.tiles()
        return self._guids(".tile")

    def chosen(self) -> list[str]:
        """The guids on the page that are selected."""
        return self._guids('.tile[aria-selected="true"]')

    def texts(self, selector: str) -> list[str]:
        """The text of each element that a selector names, whether it can be seen or not."""
        every = "return [...document.querySelectorAll(arguments[0])].map((one) => one.textContent)"
        texts: list[str] = self.script(every, selector)
        return texts

    def _guids(self, selector: str) -> list[str]:
        every = "return [...document.querySelectorAll(arguments[0])].map((one) => one.dataset.guid)"
        guids: list[str] = self.script(every, selector)
        return guids

    def text(self, selector: str) -> str:
        """The text of an element, as it is seen."""
        return self.one(selector).text

    def reads(self, selector: str, text: str) -> None:
        """Wait until an element says something."""
        self.until(lambda: [one for one in self.find(selector) if text in one.text])

    def click(self, selector: str) -> None:
        """Click on an element."""
        self.one(selector).click()

    def shift_click(self, tile: WebElement) -> None:
        """Click on a tile while Shift is held."""
        chain = ActionChains(self.driver)
        chain.key_down(Keys.SHIFT).click(tile).key_up(Keys.SHIFT).perform()

    def press(self, *keys: str, shift: bool = False) -> None:
        """Press keys, one after another, wherever the focus is."""
        chain = ActionChains(self.driver)
        if shift:
            chain.key_down(Keys.SHIFT)
        for key in keys:
            chain.send_keys(key)
        if shift:
            chain.key_up(Keys.SHIFT)
        chain.perform()

    def focused(self) -> str:
        """The guid of the tile, or the id of what else has the focus."""
        element = self.driver.switch_to.active_element
        return element.get_attribute("data-guid") or element.get_attribute("id") or ""

    def script(self, code: str, *arguments: object) -> Any:  # noqa: ANN401  whatever it gives
        """Run JavaScript in the gallery."""
        return self.driver.execute_script(code, *arguments)

    def let_pass(self, seconds: int) -> None:
        """Let time pass in the page, in place of waiting; afterwards it stands still for good."""
        budget = {"policy": "advance", "budget": seconds * 1000}
        self.driver.execute_cdp_cmd("Emulation.setVirtualTimePolicy", budget)

    def in_host(self, code: str, *arguments: object) -> Any:  # noqa: ANN401  whatever it gives
        """Run JavaScript in the host's page, outside the gallery."""
        self.driver.switch_to.default_content()
        try:
            return self.script(code, *arguments)
        finally:
            self.driver.switch_to.frame("view")

    def heard(self, method: str) -> list[dict[str, Any]]:
        """What the host was asked or told under `method`, oldest first."""
        told: list[dict[str, Any]] = self.in_host("return host.received")
        return [one["params"] for one in told if one.get("method") == method]

    def network(self) -> list[str]:
        """The addresses that were asked for since the last time, data aside."""
        entries = [json.loads(one["message"])["message"] for one in self._log("performance")]
        sent = [one["params"] for one in entries if one["method"] == "Network.requestWillBeSent"]
        return [one["request"]["url"] for one in sent if _reaches_out(one["request"]["url"])]

    def console(self) -> list[str]:
        """What the console said since the last time."""
        return [one["message"] for one in self._log("browser")]

    def _log(self, kind: str) -> list[dict[str, Any]]:
        entries: list[dict[str, Any]] = self.driver.get_log(kind)  # type: ignore[no-untyped-call]
        return entries

    def accessible(self) -> list[dict[str, Any]]:
        """What a screen reader is given: role, name and properties of each node in the frame.

        What a closed menu holds is left out.
        """
        tree = self.driver.execute_cdp_cmd("Page.getFrameTree", {})
        (child,) = tree["frameTree"]["childFrames"]
        frame = {"frameId": child["frame"]["id"]}
        nodes = self.driver.execute_cdp_cmd("Accessibility.getFullAXTree", frame)["nodes"]
        menu = {node["nodeId"] for node in nodes if _role(node) == "MenuListPopup"}
        return [
            _node(node)
            for node in nodes
            if not node["ignored"] and node.get("parentId") not in menu
        ]


def _reaches_out(url: str) -> bool:
    return not url.startswith(("data:", "about:"))


def _role(node: dict[str, Any]) -> str:
    role: str = node.get("role", {}).get("value", "")
    return role


def _node(node: dict[str, Any]) -> dict[str, Any]:
    properties = {one["name"]: one["value"].get("value") for one in node.get("properties", ())}
    return {"role": _role(node), "name": node.get("name", {}).get("value", ""), **properties}


def chromium_is_installed() -> bool:
    """Whether Debian's Chromium and its driver are there."""
    return bool(shutil.which("chromium") and shutil.which("chromedriver"))


@contextmanager
def started(profile: Path) -> Iterator[Browser]:
    """Run a browser.

    Args:
        profile: an empty folder of its own.
    """
    # Their protocol would bury what a failing test says.
    for noisy in ("selenium", "urllib3"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    options = ChromeOptions()
    options.binary_location = shutil.which("chromium") or ""
    for flag in (*_FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"performance": "ALL", "browser": "ALL"})
    # The driver is named, so nothing of Selenium's has to look for one, or tell anybody.
    quiet = {**os.environ, "SE_OFFLINE": "true", "SE_AVOID_STATS": "true"}
    service = ChromeService(executable_path=shutil.which("chromedriver"), env=quiet)
    driver = Chrome(options=options, service=service)
    try:
        yield Browser(driver)
    finally:
        driver.quit()
