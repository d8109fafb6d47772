"""Who can use the gallery: by ear, by keyboard, in the dark, on a small screen, without motion."""

from collections.abc import Sequence
from typing import Any

import pytest
from selenium.webdriver.common.keys import Keys

from tests.gallery.browser import Browser
from tests.gallery.conftest import Opening
from tests.support.products import exhaustive, first_of

NO_PICTURES = "refuse=view_images"
THEMES = ("light", "dark")
PAIRS = (
    ("ink", "paper"),
    ("ink", "raised"),
    ("ink", "tint"),
    ("soft", "paper"),
    ("soft", "raised"),
    ("soft", "mat"),
    ("soft", "tint"),
    ("on-accent", "accent"),
    ("accent", "raised"),
    ("accent", "paper"),
    ("live", "live-paper"),
    ("live", "raised"),
    ("bad", "bad-paper"),
    ("bad", "paper"),
    ("good", "good-paper"),
    ("paper", "good"),
    ("fair", "fair-paper"),
    ("ink", "live-paper"),
    ("ink", "bad-paper"),
    ("ink", "good-paper"),
)


def named(nodes: Sequence[dict[str, Any]], role: str) -> list[str]:
    """The names of what has a role."""
    return [node["name"] for node in nodes if node["role"] == role]


def test_a_screen_reader_is_given_a_list_of_options(opened: Opening) -> None:
    """Each says what a seeing person sees; what can be done is there by name."""
    gallery = opened(page=NO_PICTURES, per_page=3)
    gallery.tiles()
    gallery.until(lambda: "picture not shown" in (named(gallery.accessible(), "option") or [""])[0])
    gallery.tiles()[1].click()
    nodes = gallery.accessible()
    (listbox,) = [node for node in nodes if node["role"] == "listbox"]
    assert (listbox["name"], listbox["multiselectable"]) == ("Images", True)
    options = [node for node in nodes if node["role"] == "option"]
    assert [node.get("selected") for node in options] == [False, True, False]
    title = gallery.find(".tile .title")[0].text
    first = options[0]["name"]
    assert first.startswith(f"{title}, ")
    assert " pixels, prints " in first
    assert " inches at 300 ppi, computed" in first
    for name in ("Clear", "Save for printing", "Suggest titles", "Delete…", "Next page"):
        assert name in named(nodes, "button")
    assert named(nodes, "toolbar") == ["Selected images"]
    assert len(named(nodes, "status")) == 1
    assert len(named(nodes, "alert")) == 1


def test_what_happens_is_announced(opened: Opening) -> None:
    """By a region that screen readers follow, not by colour or place alone."""
    gallery = opened(page=NO_PICTURES, per_page=5)
    gallery.reads("#status", "Images 1 to 5 of")
    gallery.click(".above .next")
    gallery.reads("#status", "Images 6 to 10 of")
    assert gallery.one("#status").get_attribute("role") == "status"


def test_the_large_picture_is_a_named_modal_dialog(opened: Opening) -> None:
    """Nothing behind it can be reached; its picture is named after the title."""
    gallery = opened(per_page=3)
    gallery.tiles()
    title = gallery.find(".tile .title")[0].text
    gallery.find(".zoom")[0].click()
    gallery.until(lambda: gallery.find("#large-picture:not([hidden])"))
    (dialog,) = [node for node in gallery.accessible() if node["role"] == "dialog"]
    assert (dialog["name"], dialog["modal"]) == (title, True)
    assert named(gallery.accessible(), "option") == []
    assert gallery.one("#large-picture").get_attribute("alt") == title


def test_everything_can_be_done_with_the_keyboard(opened: Opening) -> None:
    """From the grid to a stored selection without a mouse."""
    gallery = opened(page=NO_PICTURES, per_page=4)
    guids = gallery.shown()
    gallery.script("document.querySelector('.tile').focus()")
    gallery.press(Keys.ARROW_RIGHT, Keys.SPACE)
    gallery.press(Keys.TAB, shift=True)
    gallery.until(lambda: gallery.focused() == "delete")
    gallery.press(Keys.TAB, Keys.TAB, shift=True)
    gallery.until(lambda: gallery.focused() == "use")
    gallery.press(Keys.ENTER)
    gallery.reads("#outcome h2", "Saved for printing: 1 image")
    assert gallery.served.calls_of("set_selection") == [{"guids": [guids[1]]}]
    assert gallery.focused() == "use"


def test_where_the_focus_is_can_be_seen(opened: Opening) -> None:
    """An outline of three pixels around the tile that keys act on."""
    gallery = opened(page=NO_PICTURES, per_page=4)
    gallery.tiles()
    gallery.script("document.querySelector('.tile').focus()")
    gallery.press(Keys.ARROW_RIGHT)
    outline = "const style = getComputedStyle(document.activeElement);"
    assert gallery.script(f"{outline} return [style.outlineStyle, style.outlineWidth]") == [
        "solid",
        "3px",
    ]


def background(gallery: Browser) -> str:
    """The colour behind everything."""
    colour: str = gallery.script("return getComputedStyle(document.body).backgroundColor")
    return colour


def test_the_page_follows_the_theme_of_the_host(opened: Opening) -> None:
    """At the start, and when the person changes it."""
    gallery = opened(page=f"{NO_PICTURES}&theme=dark", per_page=1)
    gallery.tiles()
    dark = background(gallery)
    change = "post({method: 'ui/notifications/host-context-changed', params: arguments[0]})"
    gallery.in_host(change, {"theme": "light"})
    gallery.until(lambda: background(gallery) != dark)
    assert (dark, background(gallery)) == ("rgb(27, 27, 30)", "rgb(255, 255, 255)")


@exhaustive
def test_colours_of_the_host_are_taken_together_or_not_at_all(opened: Opening) -> None:
    """Half a palette could put dark letters on a dark ground; nothing in it reaches the network."""
    gallery = opened(page=NO_PICTURES, per_page=1)
    gallery.tiles()
    change = "post({method: 'ui/notifications/host-context-changed', params: arguments[0]})"
    own = background(gallery)
    half = {"--color-background-primary": "rgb(1, 2, 3)", "--font-sans": "serif"}
    gallery.in_host(change, {"styles": {"variables": half}})
    font = "return getComputedStyle(document.body).fontFamily"
    gallery.until(lambda: gallery.script(font) == "serif")
    assert background(gallery) == own
    names = ("background-primary", "background-secondary", "text-primary", "text-secondary")
    whole = {f"--color-{name}": "rgb(1, 2, 3)" for name in (*names, "border-primary")}
    spiked = {**whole, "--color-text-primary": "url(http://127.0.0.1:9/)"}
    gallery.in_host(change, {"styles": {"variables": spiked}, "theme": "light"})
    gallery.in_host(change, {"styles": {"variables": whole}})
    gallery.until(lambda: background(gallery) == "rgb(1, 2, 3)")
    assert [url for url in gallery.network() if ":9/" in url] == []


@pytest.mark.parametrize("theme", first_of(*THEMES))
def test_every_text_stands_out_from_its_ground(opened: Opening, theme: str) -> None:
    """By 4.5 to 1, as WCAG 2.2 asks for text (1.4.3)."""
    gallery = opened(page=f"{NO_PICTURES}&theme={theme}", per_page=1)
    gallery.tiles()
    colour = (
        "const probe = document.createElement('p'); document.body.append(probe);"
        "const seen = arguments[0].map((name) => {"
        " probe.style.color = `var(--${name})`;"
        " return getComputedStyle(probe).color.match(/[0-9.]+/g).slice(0, 3).map(Number); });"
        "probe.remove(); return seen;"
    )
    ratios = {pair: contrast(*map(luminance, gallery.script(colour, list(pair)))) for pair in PAIRS}
    assert {pair: round(ratio, 1) for pair, ratio in ratios.items() if ratio < 4.5} == {}


def luminance(colour: Sequence[float]) -> float:
    """How bright a colour is, as WCAG reckons it."""
    shares = [part / 255 for part in colour]
    linear = [one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: float, other: float) -> float:
    """Of two luminances."""
    return (max(one, other) + 0.05) / (min(one, other) + 0.05)


def assert_fits(gallery: Browser) -> None:
    """Nothing hangs over the right edge."""
    sideways = (
        "const { scrollWidth, clientWidth } = document.documentElement;"
        "return [...document.querySelectorAll('body *')].filter((one) =>"
        " one.getBoundingClientRect().right > clientWidth + 1 && !one.closest('.unseen'))"
        ".map((one) => one.className).concat(scrollWidth > clientWidth ? ['the page'] : [])"
    )
    assert gallery.script(sideways) == []


def test_a_screen_of_320_pixels_needs_no_sideways_scrolling(opened: Opening) -> None:
    """A narrow chat beside an editor; with a selection, a question and a dialog open."""
    gallery = opened(page=f"{NO_PICTURES}&bare", per_page=50)
    gallery.in_host("frame.style.width = '320px'")
    gallery.until(lambda: gallery.script("return window.innerWidth") == 320)
    gallery.tiles()[0].click()
    assert_fits(gallery)
    gallery.click("#delete")
    gallery.reads("#outcome h2", "Nothing was deleted yet.")
    assert_fits(gallery)
    gallery.find(".zoom")[0].click()
    assert_fits(gallery)
    assert len({tile.location["x"] for tile in gallery.find(".tile")}) == 2


@exhaustive
def test_on_a_narrow_screen_the_first_pictures_are_in_sight(opened: Opening) -> None:
    """Whatever is selected: what stands above them takes less room than they do."""
    gallery = opened(page=f"{NO_PICTURES}&bare", per_page=50, sort_field="title")
    gallery.in_host("frame.style.width = '400px'")
    gallery.until(lambda: gallery.script("return window.innerWidth") == 400)
    gallery.until(lambda: gallery.find(".tile:has(.live-in:not([hidden]))"))[0].click()
    gallery.until(lambda: "live in" in gallery.text("#stakes"))
    gallery.script("scrollTo(0, 0)")
    bounds = "const { top, height } = document.querySelector('.mat').getBoundingClientRect();"
    top, height = gallery.script(f"{bounds} return [top, height]")
    assert top < 240
    assert height > 150
    actions = ("use", "suggest", "delete")
    lefts = [gallery.one(f"#{name}").rect for name in actions]
    assert len({rect["y"] for rect in lefts}) == 1
    gap = lefts[2]["x"] - lefts[1]["x"] - lefts[1]["width"]
    assert gap > lefts[1]["x"] - lefts[0]["x"] - lefts[0]["width"]


@exhaustive
def test_who_wants_no_motion_gets_none(opened: Opening) -> None:
    """The setting of the person's system is kept to."""
    gallery = opened(page=NO_PICTURES, per_page=1)
    tile = gallery.tiles()[0]
    duration = "return getComputedStyle(arguments[0]).transitionDuration"
    assert gallery.script(duration, tile).startswith("0.12s")
    still = {"features": [{"name": "prefers-reduced-motion", "value": "reduce"}]}
    gallery.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", still)
    gallery.until(lambda: gallery.script(duration, tile) == "0s")
    gallery.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
