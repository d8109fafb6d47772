"""Picking images in the gallery, with a mouse and with the keyboard alone."""

from typing import Any

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

from tests.gallery.browser import Browser
from tests.gallery.conftest import Opening
from tests.support.products import exhaustive

NO_PICTURES = "refuse=view_images"
TO = "\N{EN DASH}"


def opened_with_six(opened: Opening) -> Browser:
    """A page of six, its first tile reached with the Tab key."""
    gallery = opened(page=NO_PICTURES, per_page=6)
    gallery.tiles()
    gallery.until(lambda: gallery.find(".tile .why")[0].text)
    gallery.script("document.getElementById('delete').focus()")
    gallery.press(Keys.TAB)
    assert gallery.focused() == gallery.shown()[0]
    return gallery


def test_a_click_selects_and_a_second_one_takes_it_back(opened: Opening) -> None:
    """The count says how many are selected."""
    gallery = opened(page=NO_PICTURES, per_page=6)
    guids, tiles = gallery.shown(), gallery.tiles()
    assert gallery.text("#chosen") == "Nothing selected"
    tiles[0].click()
    tiles[3].click()
    assert gallery.chosen() == [guids[0], guids[3]]
    assert gallery.text("#chosen") == "2 selected"
    tiles[0].click()
    assert gallery.chosen() == [guids[3]]


@exhaustive
def test_a_click_with_shift_selects_a_range(opened: Opening) -> None:
    """From the last one that was clicked, in either direction."""
    gallery = opened(page=NO_PICTURES, per_page=6)
    guids, tiles = gallery.shown(), gallery.tiles()
    tiles[4].click()
    gallery.shift_click(tiles[1])
    assert gallery.chosen() == guids[1:5]


def test_one_tile_is_a_stop_of_the_tab_key_and_arrows_move_it(opened: Opening) -> None:
    """A grid of fifty must not be fifty stops on the way to what follows it."""
    gallery = opened_with_six(opened)
    guids = gallery.shown()
    columns = len({tile.location["x"] for tile in gallery.tiles()})
    assert 1 < columns < 6
    visited = []
    for key in (Keys.ARROW_RIGHT, Keys.ARROW_LEFT, Keys.ARROW_DOWN, Keys.ARROW_UP, Keys.END):
        gallery.press(key)
        visited.append(gallery.focused())
    assert visited == [guids[1], guids[0], guids[columns], guids[0], guids[5]]
    gallery.press(Keys.ARROW_RIGHT)
    assert gallery.focused() == guids[5]
    gallery.press(Keys.HOME)
    assert gallery.focused() == guids[0]
    stops = [tile.get_attribute("tabindex") for tile in gallery.tiles()]
    assert stops == ["0", *["-1"] * 5]


def test_space_selects_where_the_focus_is(opened: Opening) -> None:
    """And undoes it."""
    gallery = opened_with_six(opened)
    guids = gallery.shown()
    gallery.press(Keys.ARROW_RIGHT, Keys.SPACE)
    assert gallery.chosen() == [guids[1]]
    gallery.press(Keys.SPACE)
    assert gallery.chosen() == []


@exhaustive
def test_space_with_shift_selects_from_the_last_one(opened: Opening) -> None:
    """The way of a list that takes many."""
    gallery = opened_with_six(opened)
    guids = gallery.shown()
    gallery.press(Keys.SPACE)
    tiles = gallery.tiles()
    gallery.script("arguments[0].focus()", tiles[3])
    gallery.press(Keys.SPACE, shift=True)
    assert gallery.chosen() == guids[:4]


@exhaustive
def test_arrows_with_shift_select_on_their_way(opened: Opening) -> None:
    """One after another."""
    gallery = opened_with_six(opened)
    gallery.press(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, shift=True)
    assert gallery.chosen() == gallery.shown()[:3]


@exhaustive
def test_control_a_selects_the_page(opened: Opening) -> None:
    """All that is shown, and no more than that."""
    gallery = opened_with_six(opened)
    chain = ActionChains(gallery.driver)
    chain.key_down(Keys.CONTROL).send_keys("a").key_up(Keys.CONTROL).perform()
    assert gallery.chosen() == gallery.shown()
    assert gallery.text("#chosen") == "6 selected"


def test_turning_the_page_keeps_what_is_selected(opened: Opening) -> None:
    """Across pages, with a count of what is out of sight."""
    gallery = opened(page=NO_PICTURES, per_page=4)
    first = gallery.shown()[:2]
    for tile in gallery.tiles()[:2]:
        tile.click()
    gallery.click(".above .next")
    gallery.reads(".above .where", f"5{TO}8 of")
    gallery.tiles()[0].click()
    assert gallery.text("#chosen") == "3 selected (2 on other pages)"
    gallery.click(".above .previous")
    gallery.reads(".above .where", f"1{TO}4 of")
    assert gallery.chosen() == first
    gallery.click("#clear")
    assert gallery.chosen() == []
    assert gallery.text("#chosen") == "Nothing selected"


def test_the_model_is_told_what_is_selected(opened: Opening) -> None:
    """So that "those" in the chat means these; guids alone, no text of the library."""
    gallery = opened(page=NO_PICTURES, per_page=4)
    guids = gallery.shown()
    gallery.tiles()[2].click()
    gallery.tiles()[3].click()
    # On a busy machine the first click is told alone, and then both.
    told = gallery.until(
        lambda: [
            block["text"]
            for context in gallery.heard("ui/update-model-context")
            for block in context["content"]
            if ": 2 images: " in block["text"]
        ]
    )
    assert told == [f"Selected by the person in the gallery: 2 images: {guids[2]}, {guids[3]}"]


def test_what_would_be_lost_is_said_while_choosing(opened: Opening) -> None:
    """Before anybody thinks of deleting: products, and the shops they are live in."""
    gallery = opened(page=NO_PICTURES, per_page=50)
    live = gallery.until(lambda: gallery.find(".tile:has(.live-in:not([hidden]))"))[0]
    plain = gallery.find(".tile:has(.sold[hidden])")[0]
    plain.click()
    assert gallery.text("#stakes") == ""
    live.click()
    count = live.find_element("css selector", ".products").text
    said = gallery.text("#stakes")
    shops = live.find_element("css selector", ".live-in").text.removeprefix("Live in ").split(", ")
    assert said.startswith(f"Deleting also removes {count}")
    assert all(shop in said for shop in shops)
    deleting = [one for one in gallery.accessible() if one["name"] == "Delete…"]
    assert [one["describedby"] for one in deleting if one["role"] == "button"] == ["stakes"]


LOSSES = {
    "not counted": (
        [{"shops": []}],
        "Deleting also removes any products, which were not counted",
    ),
    "none": ([{"products": 0}], ""),
    "not live": ([{"products": 2}], "Deleting also removes 2 products"),
    "one, live": (
        [{"products": 1, "shops": ["BigCommerce", "Etsy"]}, {"products": 0}],
        "Deleting also removes 1 product live in BigCommerce and Etsy",
    ),
    "one of two images": (
        [{"products": 1}, {"products": 1, "shops": ["Etsy"]}],
        "Deleting also removes 2 products, 1 of them live in Etsy",
    ),
    "some of an image": (
        [
            {"products": 3, "live_products": 2, "shops": ["Etsy"]},
            {"products": 1, "shops": ["Wix"]},
        ],
        "Deleting also removes 4 products, 3 of them live in Etsy and Wix",
    ),
    "many shops": (
        [
            {"products": 1, "shops": ["Etsy", "Wix", "Shopify"]},
            {"products": 1, "shops": ["Ecwid", "WooCommerce"]},
        ],
        "Deleting also removes 2 products live in Etsy, Wix, Shopify, and 2 more shops",
    ),
}


@exhaustive
@pytest.mark.parametrize(("images", "loss"), LOSSES.values(), ids=LOSSES)
def test_what_deleting_would_cost_is_said_exactly(
    opened: Opening, images: list[dict[str, Any]], loss: str
) -> None:
    """A row counts an image's products, and those that are live where they are not all."""
    gallery = opened(page=NO_PICTURES, per_page=len(images))
    rows = [{"guid": guid, **image} for guid, image in zip(gallery.shown(), images, strict=True)]
    show = "post({method: 'ui/notifications/tool-result', params: arguments[0]})"
    gallery.in_host(show, {"content": [], "structuredContent": {"images": rows, "count": 9}})
    gallery.until(lambda: gallery.text(".above .where").endswith("9 images"))
    for tile in gallery.tiles():
        tile.click()
    assert gallery.text("#stakes") == loss
