"""The studio as a page for a browser, on the sandbox over HTTP."""

import base64
import hashlib
import re
from html.parser import HTMLParser

import httpx
import pytest

from fw_mcp.sandbox.app import create_app
from fw_mcp.sandbox.endpoints import Switches
from tests.sandbox.wire import KEYS, calling, new_image, now, walked

pytestmark = [pytest.mark.anyio, pytest.mark.shows_keys("the page is there to show them")]

HOSTILE = "<img src=x onerror=alert(1)> \"&' </li></ul><script>1</script>"


class Elements(HTMLParser):
    """What is in a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Keep it."""
        self.found.append((tag, dict(attrs)))

    def values(self, tag: str, name: str) -> list[str]:
        """An attribute of all elements of a kind."""
        return [given[name] or "" for one, given in self.found if one == tag and name in given]


async def test_the_page_shows_what_is_held_and_how_to_reach_it(studio: httpx.AsyncClient) -> None:
    """Counts, keys to copy, the command, switches, and pictures that open."""
    text = (await studio.get("/")).text
    assert "inventory images 248, temporary images 16, products 158, selections 0." in text
    assert "FINERWORKS_BASE_URL=http://sandbox.localhost \\\n" in text
    assert [key for key in KEYS.values() if key not in text] == []
    assert "All are off" in text
    pictures = Elements(text).values("img", "src")
    assert len(pictures) == 48
    for address in (pictures[0], Elements(text).values("a", "href")[2]):
        answer = await studio.get(address)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")


async def test_every_image_of_the_inventory_is_on_one_page(studio: httpx.AsyncClient) -> None:
    """Newest first; a page that is none is the nearest, or the first."""
    shown: list[str] = []
    for number in range(1, 7):
        found = Elements((await studio.get(f"/?page={number}")).text)
        shown += [one.split("/")[2] for one in found.values("img", "src")]
    assert sorted(shown) == sorted(image["guid"] for image in await walked(studio))
    first, last = [(await studio.get(f"/?page={one}")).text for one in (1, 6)]
    for odd, same in (("0", first), ("-1", first), ("x", first), ("9" * 30, first), ("99", last)):
        assert (await studio.get(f"/?page={odd}")).text == same


async def test_a_title_is_text_and_nothing_comes_from_elsewhere() -> None:
    """Whatever somebody registered; and the page runs no script of anybody's."""
    app = create_app(seed=False, clock=now)
    async with calling(app) as caller:
        image = new_image(title=HOSTILE)
        library = {
            "name": "inventory",
            "session_id": "a-session",
            "account_key": None,
            "site_id": 2,
        }
        added = await caller.post("/v3/add_images", json={"images": [image], "library": library})
        assert added.json()["status"]["success"] is True
        answer = await caller.get("/")
    found = Elements(answer.text)
    assert {"script", "iframe", "form"}.isdisjoint(tag for tag, _ in found.found)
    assert not [name for _, given in found.found for name in given if name.startswith("on")]
    addresses = [*found.values("img", "src"), *found.values("a", "href")]
    assert [one for one in addresses if not re.fullmatch("/[^/].*", one)] == []
    policy = answer.headers["content-security-policy"]
    (style,) = re.findall("<style>(.*?)</style>", answer.text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy.startswith(f"default-src 'none'; img-src 'self'; style-src 'sha256-{digest}'; ")
    assert "style" not in {name for _, given in found.found for name in given}


async def test_switches_that_are_on_are_named() -> None:
    """And whether faults can be planned."""
    switches = Switches(selection_merges=True)
    async with calling(create_app(switches=switches, fault_control=True)) as caller:
        text = (await caller.get("/")).text
    assert "On: <code>selection_merges</code>." in text
    assert "<code>/_sandbox/faults</code>" in text
    async with calling(create_app(seed=False)) as caller:
        assert "No image here." in (await caller.get("/")).text
