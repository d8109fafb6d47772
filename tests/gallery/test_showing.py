"""What the gallery shows of a search and of pictures that were viewed."""

import re

import anyio
import pytest
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.remote.webelement import WebElement
from selenium.webdriver.support.select import Select

from fw_mcp.api.models import ImageDetails
from fw_mcp.pictures.fetch.fetcher import Fetcher
from fw_mcp.sandbox.faults.plan import Fault, FaultKind
from tests.gallery.browser import Browser
from tests.gallery.conftest import Opening
from tests.support.products import exhaustive
from tests.support.studio import Studio, make_studio
from tests.support.truth import holdings

NO_PICTURES = "refuse=view_images"
TO = "\N{EN DASH}"
BY = "\N{MULTIPLICATION SIGN}"


def held(studio: Studio) -> list[ImageDetails]:
    """The inventory, newest first."""
    return list(anyio.run(holdings, studio).values())


def shops_of(image: ImageDetails) -> list[str]:
    """The shops that products of an image are live in."""
    return sorted({shop for product in image.products or () for shop in product.shops})


def tile_of(gallery: Browser, image: ImageDetails) -> str:
    """What is to be read on the tile of an image."""
    return gallery.text(f'[data-guid="{image.guid}"]')


def test_a_search_becomes_a_grid_in_its_order(opened: Opening, studio: Studio) -> None:
    """One tile an image, with its title and its pixels."""
    gallery = opened(per_page=12)
    newest = held(studio)[:12]
    assert gallery.shown() == [image.guid for image in newest]
    for image in newest:
        seen = tile_of(gallery, image)
        assert (image.title or image.file_name or "") in seen
        assert f"{image.pix_w} {BY} {image.pix_h}" in seen


def test_a_tile_says_what_would_be_lost_with_the_image(opened: Opening, studio: Studio) -> None:
    """How many products hang on it, and the shops that they are live in."""
    image = next(one for one in held(studio) if shops_of(one))
    gallery = opened(guid_filter=[image.guid])
    (tile,) = gallery.tiles()
    count = len(image.products or ())
    assert f"{count} product" in tile.text
    assert gallery.text(".live-in") == f"Live in {', '.join(shops_of(image))}"


@exhaustive
def test_an_inactive_image_is_marked(opened: Opening, studio: Studio) -> None:
    """It is in the library and yet not for sale."""
    image = next(one for one in held(studio) if one.active is False)
    gallery = opened(guid_filter=[image.guid])
    gallery.tiles()
    assert "Inactive" in tile_of(gallery, image)


def test_a_tile_says_how_large_its_picture_prints_and_that_it_is_computed(
    opened: Opening, studio: Studio
) -> None:
    """At 300 pixels an inch, rounded down to half an inch; FinerWorks said nothing of it."""
    image = next(one for one in held(studio) if (one.pix_w, one.pix_h) == (6000, 4000))
    gallery = opened(guid_filter=[image.guid])
    gallery.tiles()
    badge = gallery.find(".badge")[0]
    assert badge.text == f"Prints 20 {BY} 13 in"
    assert badge.get_attribute("title") == "Largest print at 300 ppi, computed from the pixels"


def test_pictures_come_through_the_host_a_dozen_at_a_time(opened: Opening) -> None:
    """As data, from view_images; the page itself reaches nothing."""
    gallery = opened(per_page=25)
    gallery.until(lambda: len(gallery.find(".picture:not([hidden])")) == 25)
    sources = [picture.get_attribute("src") or "" for picture in gallery.find(".picture")]
    assert {source[:11] for source in sources} == {"data:image/"}
    asked = gallery.served.calls_of("view_images")
    assert [len(call["guids"]) for call in asked] == [12, 12, 1]
    assert {call["max_side"] for call in asked} == {256}
    assert [guid for call in asked for guid in call["guids"]] == gallery.shown()


def test_without_pictures_all_else_works(opened: Opening) -> None:
    """An operator may have turned fetching off; placeholders stand in, and the reason is told."""
    gallery = opened(page=NO_PICTURES, per_page=4)
    gallery.reads("#notes", "Pictures are not shown: The client refused: not today")
    assert [blank.text for blank in gallery.find(".tile .blank")] == ["Not shown"] * 4
    gallery.tiles()[0].click()
    assert gallery.chosen() == gallery.shown()[:1]


def test_where_fetching_is_off_placeholders_say_so(opened: Opening) -> None:
    """The reason is the server's own, told once."""
    gallery = opened(on=make_studio(fetcher=Fetcher(is_on=False)), per_page=14)
    gallery.reads("#notes", "turned that off")
    assert gallery.texts(".tile .why") == ["Not shown"] * 14
    assert len(gallery.served.calls_of("view_images")) == 1


@exhaustive
def test_a_contact_sheet_becomes_tiles_too(opened: Opening, studio: Studio) -> None:
    """The sheet is for the model; a person gets the pictures one by one."""
    wanted = [image.guid for image in held(studio)[:3]]
    gallery = opened("view_images", guids=wanted, contact_sheet=True)
    assert gallery.shown() == wanted
    gallery.until(lambda: len(gallery.find(".picture:not([hidden])")) == len(wanted))


def test_a_search_for_a_print_size_says_which_pictures_are_large_enough(opened: Opening) -> None:
    """With the pixels an inch that the server reckoned, by word as well as by colour."""
    gallery = opened(page=NO_PICTURES, per_page=25, print_size="16x20 in")
    gallery.tiles()
    badges = gallery.find(f".badge[title^='At 16 {BY} 20 in, computed']")
    seen = [(*re.fullmatch(r"(\d+) ppi, (.+)", one.text).groups(), kind(one)) for one in badges]  # type: ignore[union-attr]
    assert len(badges) == 25
    assert seen == [(ppi, word_for(int(ppi)), KINDS[word_for(int(ppi))]) for ppi, *_ in seen]
    assert {word for _, word, _ in seen} > {"too low", "fair"}


KINDS = {"excellent": "excellent", "good": "good", "fair": "fair", "too low": "bad", "low": "bad"}


def word_for(ppi: int) -> str:
    """What print sellers call so many pixels an inch."""
    return next(
        (
            word
            for least, word in ((300, "excellent"), (200, "good"), (150, "fair"))
            if ppi >= least
        ),
        "too low",
    )


def kind(badge: WebElement) -> str:
    """How a badge looks, beside its word."""
    return (badge.get_attribute("class") or "").removeprefix("badge level ")


LEVELS = (
    (300, 150, "300 ppi, excellent"),
    (299, 150, "299 ppi, good"),
    (199, 150, "199 ppi, fair"),
    (149, 150, "149 ppi, too low"),
    (250, 300, "250 ppi, too low"),
    (120, 100, "120 ppi, low"),
)


@exhaustive
@pytest.mark.parametrize(("ppi", "least", "text"), LEVELS)
def test_a_print_has_one_of_three_levels_or_is_too_low(
    opened: Opening, ppi: int, least: int, text: str
) -> None:
    """300, 200 and 150 ppi; whoever asked for more is told what is less."""
    gallery = opened(page=NO_PICTURES, per_page=1, print_size="16x20 in", min_ppi=150)
    row = {"guid": gallery.shown()[0], "print_ppi": ppi}
    asked = {"print_size": "16x20 in", "min_ppi": least}
    post = "post({method: arguments[0], params: arguments[1]})"
    gallery.in_host(post, "ui/notifications/tool-input", {"arguments": asked})
    content = {"content": [], "structuredContent": {"images": [row], "count": 1}}
    gallery.in_host(post, "ui/notifications/tool-result", content)
    gallery.until(lambda: text in gallery.texts(".badge"))


@exhaustive
def test_a_search_that_did_not_reach_all_says_so_in_sight(opened: Opening) -> None:
    """Where all was looked at, that is only announced: it is counted once already."""
    gallery = opened(page=NO_PICTURES, per_page=2, only=["landscape"])
    gallery.tiles()
    told = {"images": [{"guid": gallery.shown()[0]}], "count": 1, "scanned": 5, "held": 9}
    show = "post({method: 'ui/notifications/tool-result', params: arguments[0]})"
    gallery.in_host(show, {"content": [], "structuredContent": told})
    gallery.reads("#notes", "Scanned 5 of 9 images.")


def test_the_order_is_said_and_can_be_changed(opened: Opening, studio: Studio) -> None:
    """By the parameters of the tool, from the first page; what was asked stays."""
    gallery = opened(page=NO_PICTURES, per_page=4, page_number=2, list_products=False)
    gallery.tiles()
    assert order(gallery) == "Newest first"
    Select(gallery.one("#order")).select_by_visible_text("Title, A to Z")
    gallery.reads(".above .where", f"1{TO}4 of {len(held(studio))}")
    assert gallery.served.calls_of("search_images")[-1] == {
        "per_page": 4,
        "list_products": False,
        "page_number": 1,
        "sort_field": "title",
        "sort_direction": "ASC",
    }
    studio.faults.add(Fault(FaultKind.REJECTED, endpoint="list_images"))
    Select(gallery.one("#order")).select_by_visible_text("Oldest first")
    gallery.reads("#fault", "That did not work.")
    gallery.until(lambda: order(gallery) == "Title, A to Z")


def order(gallery: Browser) -> str:
    """The order that the page says it is in."""
    chosen = Select(gallery.one("#order")).first_selected_option
    return chosen.text


@exhaustive
def test_an_order_of_its_own_is_not_offered_another(opened: Opening, studio: Studio) -> None:
    """Duplicates come in groups, and viewed pictures as they were asked for."""
    gallery = opened(page=NO_PICTURES, per_page=2)
    rows = [{"guid": guid, "duplicate_group": 1} for guid in gallery.shown()]
    post = "post({method: arguments[0], params: arguments[1]})"
    asked = {"arguments": {"duplicates": "content"}}
    gallery.in_host(post, "ui/notifications/tool-input", asked)
    content = {"content": [], "structuredContent": {"images": rows, "count": 2}}
    gallery.in_host(post, "ui/notifications/tool-result", content)
    gallery.until(lambda: "Duplicates 1" in gallery.texts(".badge"))
    assert not gallery.one("#order").is_displayed()
    gallery = opened("view_images", guids=[image.guid for image in held(studio)[:2]])
    gallery.tiles()
    assert not gallery.one("#order").is_displayed()


@exhaustive
def test_a_file_name_in_place_of_a_title_says_that_it_is_one(
    opened: Opening, studio: Studio
) -> None:
    """By a word, to the eye and to the ear."""
    image = next(one for one in held(studio) if not one.title or one.title == one.file_name)
    gallery = opened(page=NO_PICTURES, guid_filter=[image.guid])
    (tile,) = gallery.tiles()
    assert "No title" in tile.text
    assert (tile.get_attribute("aria-label") or "").startswith(f"{image.file_name}, no title, ")
    assert gallery.text(".above .where") == "1 image"


@exhaustive
def test_nothing_lies_on_a_picture_until_it_is_pointed_at(opened: Opening) -> None:
    """Then there is one button; a mark stays on what is selected. Wide pictures fill wide tiles."""
    gallery = opened(only=["landscape"], per_page=3)
    first, second, *_ = gallery.tiles()
    gallery.until(lambda: len(gallery.find(".picture:not([hidden])")) == 3)
    opacity = (
        "return [...arguments[0].querySelectorAll('.check, .zoom')]"
        ".map((one) => getComputedStyle(one).opacity)"
    )
    picture = (
        "const { width, height } = arguments[0].querySelector('.picture').getBoundingClientRect();"
        "return width / height"
    )
    assert gallery.script(picture, first) > 1
    gallery.press(Keys.ESCAPE)
    gallery.script("arguments[0].focus()", first)
    gallery.press(Keys.ARROW_RIGHT)
    gallery.until(lambda: gallery.script(opacity, second) == ["0", "1"])
    gallery.press(Keys.SPACE, Keys.ARROW_RIGHT)
    gallery.until(lambda: gallery.script(opacity, second) == ["1", "0"])
    assert gallery.script(opacity, first) == ["0", "0"]
    # As a finger does it, which leaves no pointer there.
    gallery.script("arguments[0].click()", first)
    gallery.until(lambda: gallery.script(opacity, first) == ["1", "1"])


def test_a_search_of_the_whole_library_says_what_it_looked_at(
    opened: Opening, studio: Studio
) -> None:
    """And what it was asked for; pages of matches are turned like any other."""
    gallery = opened(page=NO_PICTURES, per_page=2, only=["landscape", "no_products"])
    gallery.tiles()
    count = len(held(studio))
    (said,) = gallery.texts("#status")
    assert f"Scanned {count} of {count} images." in said
    assert gallery.text("#asked") == "Inventory · landscape, no products"
    gallery.click(".above .next")
    gallery.reads(".above .where", f"3{TO}4 of")


def test_a_summary_is_shown_as_counts(opened: Opening) -> None:
    """Numbers with their names, and no empty grid."""
    gallery = opened(summary=True)
    gallery.reads("#status", "Counts only.")
    counts = dict(zip(gallery.texts("#counts dd"), gallery.texts("#counts dt"), strict=True))
    assert int(counts["landscape"]) > 0
    assert not gallery.one("#bar").is_displayed()
    assert not gallery.one("#order").is_displayed()


def test_pages_are_turned_with_the_same_question(opened: Opening, studio: Studio) -> None:
    """Every page of the same search, counted, both ways."""
    gallery = opened(page=NO_PICTURES, per_page=5, sort_field="title", sort_direction="ASC")
    first = gallery.shown()
    assert gallery.text(".above .where") == f"1{TO}5 of {len(held(studio))}"
    gallery.click(".above .next")
    gallery.reads(".above .where", f"6{TO}10 of")
    second = gallery.shown()
    assert not set(first) & set(second)
    gallery.click(".below .previous")
    gallery.reads(".above .where", f"1{TO}5 of")
    assert gallery.shown() == first
    asked = gallery.served.calls_of("search_images")
    same = {"per_page": 5, "sort_field": "title", "sort_direction": "ASC"}
    assert asked == [same, same | {"page_number": 2}, same | {"page_number": 1}]


@exhaustive
def test_the_last_page_has_no_next_one(opened: Opening, studio: Studio) -> None:
    """A button that leads nowhere says so, and does nothing."""
    last = -(-len(held(studio)) // 50)
    gallery = opened(page=NO_PICTURES, per_page=50, page_number=last)
    gallery.tiles()
    assert gallery.one(".above .next").get_attribute("aria-disabled") == "true"
    gallery.click(".above .next")
    assert len(gallery.served.calls_of("search_images")) == 1


@exhaustive
def test_a_search_without_a_match_says_so(opened: Opening) -> None:
    """An empty page is no fault."""
    gallery = opened(search_filter="nobody ever took this")
    gallery.reads("#status", "No images match.")
    assert not gallery.one("#grid").is_displayed()
    assert gallery.find(".tile") == []


@exhaustive
def test_a_host_that_passes_on_only_text_still_shows_it(opened: Opening, studio: Studio) -> None:
    """Some hosts keep the structured content to themselves."""
    gallery = opened(page="structured=no", per_page=3)
    gallery.reads("#text", held(studio)[0].guid)
    assert gallery.find(".tile") == []


def test_pictures_that_were_viewed_become_tiles_in_their_order(
    opened: Opening, studio: Studio
) -> None:
    """Their captions name them; a search by guid gives what a tile says."""
    wanted = [image.guid for image in held(studio)[7:2:-2]]
    gallery = opened("view_images", guids=wanted)
    assert gallery.shown() == wanted
    gallery.until(lambda: len(gallery.find(".picture:not([hidden])")) == len(wanted))
    (asked,) = gallery.served.calls_of("search_images")
    assert asked["guid_filter"] == wanted


def test_enter_shows_a_picture_large_and_escape_goes_back(opened: Opening, studio: Studio) -> None:
    """With what a print depends on; the focus returns to its tile."""
    gallery = opened(per_page=6)
    tiles = gallery.tiles()
    tiles[1].click()
    gallery.press(Keys.ENTER)
    gallery.until(lambda: gallery.find("dialog[open]"))
    image = held(studio)[1]
    assert gallery.text("#large-title") == image.title
    assert "at 300 ppi" in gallery.text("#large-facts")
    asked = {"guids": [image.guid], "max_side": 1024}
    gallery.until(lambda: asked in gallery.served.calls_of("view_images"))
    gallery.until(lambda: gallery.find("#large-picture:not([hidden])"))
    gallery.press(Keys.ESCAPE)
    gallery.until(lambda: not gallery.find("dialog[open]"))
    assert gallery.focused() == image.guid


@exhaustive
def test_arrows_leaf_through_the_large_pictures(opened: Opening) -> None:
    """And choosing one there chooses its tile."""
    gallery = opened(page=NO_PICTURES, per_page=3)
    guids = gallery.shown()
    gallery.find(".zoom")[0].click()
    gallery.until(lambda: gallery.find("dialog[open]"))
    gallery.press(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
    gallery.click("#large-choose")
    assert gallery.text("#large-choose") == "Unselect"
    gallery.click("#large-close")
    assert gallery.chosen() == [guids[2]]


def test_an_error_from_the_server_is_told_and_the_next_call_works(
    opened: Opening, studio: Studio
) -> None:
    """Promise: an error is never shown as an empty library."""
    gallery = opened(page=NO_PICTURES, per_page=5)
    first = gallery.shown()
    studio.faults.add(Fault(FaultKind.REJECTED, endpoint="list_images"))
    gallery.click(".above .next")
    gallery.reads("#fault", "That did not work.")
    assert gallery.shown() == first
    gallery.click(".above .next")
    gallery.reads(".above .where", f"6{TO}10 of")
    assert gallery.find("#fault .panel") == []


def test_a_call_that_failed_from_the_start_is_told(opened: Opening, studio: Studio) -> None:
    """The gallery comes up for a call that was refused, too."""
    studio.faults.add(Fault(FaultKind.REJECTED, endpoint="list_images"))
    gallery = opened()
    gallery.reads("#fault", "rejected")


@exhaustive
def test_a_call_that_was_cancelled_is_told(opened: Opening) -> None:
    """Instead of waiting for ever."""
    gallery = opened(page=NO_PICTURES, per_page=1)
    gallery.tiles()
    gallery.in_host("post({method: 'ui/notifications/tool-cancelled', params: {}})")
    gallery.reads("#status", "The call was canceled.")


@exhaustive
def test_the_host_is_told_how_high_the_page_is(opened: Opening) -> None:
    """So that nothing is cut off; more rows, more height."""
    gallery = opened(page=NO_PICTURES, per_page=3)
    gallery.tiles()
    wanted = "return Math.ceil(document.body.getBoundingClientRect().height)"
    gallery.until(lambda: gallery.in_host("return host.height") == gallery.script(wanted))


@exhaustive
def test_a_host_that_can_do_less_is_offered_less(opened: Opening) -> None:
    """Without the way to tools or to the chat there are no buttons for them."""
    gallery = opened(page="abilities=message", per_page=3)
    gallery.tiles()
    hidden = [gallery.one(name).is_displayed() for name in ("#use", "#delete", "#suggest")]
    assert hidden == [False, False, True]
    assert not gallery.one(".above").is_displayed()
    looking_only = opened(page="abilities=serverTools", per_page=3)
    looking_only.tiles()
    assert not looking_only.one("#suggest").is_displayed()


@exhaustive
def test_the_page_asks_for_the_protocol_by_its_name(opened: Opening) -> None:
    """The handshake of MCP Apps, as of 2026-01-26."""
    gallery = opened(page=NO_PICTURES, per_page=1)
    gallery.tiles()
    (greeting,) = gallery.heard("ui/initialize")
    assert greeting["protocolVersion"] == "2026-01-26"
    assert gallery.heard("ui/notifications/initialized") == [{}]
    assert greeting["appInfo"]["name"] == "fw-mcp-gallery"
