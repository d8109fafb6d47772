"""Each name that an image can go by, at its edges; what is not known counts for nothing."""

from datetime import UTC, datetime, timedelta

import pytest

from fw_mcp.api.models import ImageDetails
from fw_mcp.images.filters import COUNTED, Only, Question, pixels
from fw_mcp.images.print_sizes import PrintSize

NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)
GUID = "3f2b8c1e-0d4a-4e5f-8a6b-7c9d0e1f2a3b"
LIVE = {"sku": "A", "third_party_integrations": {"etsy_product_id": 77}}
DRAFT = {"sku": "B", "third_party_integrations": {"etsy_product_id": 0}}


def image(**fields: object) -> ImageDetails:
    """An image of which only these fields are known."""
    return ImageDetails.model_validate({"guid": GUID, **fields})


def holds(name: Only, **fields: object) -> bool:
    """Whether the image goes by that name; prints are 10 by 10 inches at 100 ppi."""
    question = Question(only=(name,), print_size=PrintSize(10, 10), min_ppi=100)
    return question.matches(image(**fields), NOW)


@pytest.mark.parametrize(
    ("title", "missing"),
    [
        (None, True), ("", True), ("  \t", True), ("Fog_1.JPG", True), ("fog_1", True),
        (" FOG_1.jpg ", True), ("Fog 1", False), ("Fog", False), (".jpg", False),
    ],
)  # fmt: skip
def test_a_title_is_missing_when_it_says_no_more_than_the_file_name(
    title: str | None, missing: bool
) -> None:
    """None, blank, or the file's name with or without its extension, in any case."""
    assert holds("missing_title", title=title, file_name="Fog_1.jpg") is missing


@pytest.mark.parametrize(
    ("name", "title", "missing"),
    [(None, "Fog", False), ("Fog", "fog", True), ("a.b.jpg", "a.b", True)],
)
def test_a_file_name_may_have_no_extension_or_several_dots(
    name: str | None, title: str, missing: bool
) -> None:
    """Only what follows the last dot is the extension."""
    assert holds("missing_title", title=title, file_name=name) is missing


@pytest.mark.parametrize(
    ("description", "missing", "long"),
    [(None, True, False), ("", True, False), (" \n", True, False), ("x", False, False),
     ("x" * 300, False, False), ("x" * 301, False, True)],
)  # fmt: skip
def test_a_description_is_missing_or_longer_than_the_service_takes(
    description: str | None, missing: bool, long: bool
) -> None:
    """300 characters may be sent; what is longer cannot be sent back as it is."""
    assert holds("missing_description", description=description) is missing
    assert holds("long_description", description=description) is long


@pytest.mark.parametrize(
    ("products", "has", "none", "live"),
    [
        (None, False, False, False),
        ([], False, True, False),
        ([DRAFT], True, False, False),
        ([DRAFT, LIVE], True, False, True),
    ],
)
def test_products_that_are_not_told_are_neither_there_nor_missing(
    products: list[object] | None, has: bool, none: bool, live: bool
) -> None:
    """Unknown is not zero: a person would delete what sells."""
    assert holds("has_products", products=products) is has
    assert holds("no_products", products=products) is none
    assert holds("live_in_shop", products=products) is live


@pytest.mark.parametrize(("active", "inactive"), [(True, False), (False, True), (None, False)])
def test_only_what_is_switched_off_is_inactive(active: bool | None, inactive: bool) -> None:
    """Not told is not off."""
    assert holds("inactive", active=active) is inactive


@pytest.mark.parametrize(
    ("expires", "soon"),
    [
        (None, False),
        ((NOW + timedelta(days=7)).isoformat(), True),
        ((NOW + timedelta(days=7, seconds=1)).isoformat(), False),
        ((NOW - timedelta(hours=1)).isoformat(), True),
        ("2026-11-27T06:00:00", True),
        ("2026-11-27T06:00:01", False),
        ("never", False),
    ],
)
def test_an_image_expires_soon_within_seven_days(expires: str | None, soon: bool) -> None:
    """A date without an offset is US Central time: 6:00 there is noon in UTC."""
    assert holds("expiring", date_expires=expires) is soon


@pytest.mark.parametrize(
    ("pix_w", "pix_h", "leaning"),
    [
        (6000, 4000, "landscape"),
        (4000, 6000, "portrait"),
        (4500, 4500, "square"),
        (1000, 990, "square"),
        (1000, 989, "landscape"),
        (989, 1000, "portrait"),
        (1, 1, "square"),
        (0, 4000, None),
        (None, None, None),
        (-5, -5, None),
    ],
)
def test_an_image_is_wide_high_or_square_within_a_hundredth(
    pix_w: int | None, pix_h: int | None, leaning: str | None
) -> None:
    """Exactly one of the three; none while the pixels are not known."""
    names: tuple[Only, ...] = ("landscape", "portrait", "square")
    found = [name for name in names if holds(name, pix_w=pix_w, pix_h=pix_h)]
    assert found == ([leaning] if leaning else [])


@pytest.mark.parametrize(
    ("pix_w", "small", "large"),
    [(999, True, False), (1000, False, True), (0, False, False), (None, False, False)],
)
def test_unknown_pixels_are_neither_too_small_nor_large_enough(
    pix_w: int | None, small: bool, large: bool
) -> None:
    """At 10 inches and 100 pixels an inch, a thousand pixels are enough."""
    assert holds("too_small", pix_w=pix_w, pix_h=2000) is small
    assert holds("large_enough", pix_w=pix_w, pix_h=2000) is large


@pytest.mark.parametrize(
    ("part", "name", "found"),
    [("fog", "Morning_FOG.jpg", True), ("STRASSE", "Straße.jpg", True), ("fog", None, False),
     ("fog.png", "fog.jpg", False), ("", None, True)],
)  # fmt: skip
def test_a_part_of_the_file_name_is_found_in_any_case(
    part: str, name: str | None, found: bool
) -> None:
    """The service's own search never looks at file names."""
    question = Question(file_name_contains=(part,) if part else ())
    assert question.matches(image(file_name=name), NOW) is found


def test_all_that_is_asked_must_hold() -> None:
    """Names narrow each other."""
    question = Question(file_name_contains=("fog",), only=("missing_title", "inactive"))
    blank = {"file_name": "fog.jpg", "title": ""}
    assert question.matches(image(**blank, active=False), NOW)
    assert not question.matches(image(**blank, active=True), NOW)
    assert not question.matches(image(file_name="fog.jpg", title="Morning", active=False), NOW)
    assert not question.matches(image(file_name="dew.jpg", title="", active=False), NOW)


def test_a_summary_counts_by_what_can_be_told() -> None:
    """Prints need a size; products must have been asked for."""
    products: set[Only] = {"has_products", "no_products", "live_in_shop"}
    prints: set[Only] = {"too_small", "large_enough"}
    size = PrintSize(10, 10)
    every = Question(summary=True, with_products=True, print_size=size)
    assert tuple(every.counted()) == COUNTED
    assert set(Question(summary=True, print_size=size).counted()) == set(COUNTED) - products
    assert set(Question(summary=True, with_products=True).counted()) == set(COUNTED) - prints


def test_a_summary_names_products_that_were_not_told() -> None:
    """An image without an answer counts as that, under no other name of products."""
    question = Question(summary=True, with_products=True)
    wide = {"title": "Fog", "description": "Fog.", "pix_w": 3, "pix_h": 2}
    assert question.names(image(**wide), NOW) == {"landscape", "products_not_told"}
    assert question.names(image(**wide, products=[]), NOW) == {"landscape", "no_products"}
    unasked = Question(summary=True)
    assert unasked.names(image(**wide), NOW) == {"landscape"}


@pytest.mark.parametrize(
    ("question", "whole", "needs_products"),
    [
        (Question(), False, False),
        (Question(print_size=PrintSize(16, 20), with_products=True), False, False),
        (Question(file_name_contains=("fog",)), True, False),
        (Question(only=("square",), with_products=True), True, False),
        (Question(only=("no_products",)), True, True),
        (Question(duplicates="content"), True, False),
        (Question(summary=True), True, False),
        (Question(summary=True, with_products=True), True, True),
    ],
)
def test_only_what_needs_every_page_or_the_products_takes_them(
    question: Question, whole: bool, needs_products: bool
) -> None:
    """A print size alone is told of one page; products make pages slow."""
    assert (question.whole, question.needs_products) == (whole, needs_products)


def test_the_sides_of_an_image_are_known_together_or_not_at_all() -> None:
    """One side alone says nothing about a print."""
    assert pixels(image(pix_w=3, pix_h=2)) == (3, 2)
    assert pixels(image(pix_w=3)) is None
    assert pixels(image(pix_w=3, pix_h=-2)) is None


def test_an_accent_is_the_same_however_a_system_writes_it() -> None:
    """A Mac writes an e and an accent where a person types one letter."""
    apart, whole = "Cafe\u0301.jpg", "caf\u00e9"
    assert Question(file_name_contains=(whole,)).matches(image(file_name=apart), NOW)
    assert Question(file_name_contains=("Cafe\u0301",)).matches(
        image(file_name=f"{whole}.jpg"), NOW
    )
    assert holds("missing_title", title=whole, file_name=apart)


@pytest.mark.parametrize(
    ("only", "fields", "misses"),
    [
        (("portrait",), {}, True),
        (("too_small",), {"pix_w": 5, "pix_h": 0}, True),
        (("square", "missing_title"), {}, True),
        (("square", "missing_title"), {"title": "Fog"}, False),
        (("square",), {"pix_w": 5, "pix_h": 4}, False),
        (("missing_title",), {}, False),
    ],
)
def test_an_image_may_lack_only_its_pixels_to_be_judged(
    only: tuple[Only, ...], fields: dict[str, object], misses: bool
) -> None:
    """Neither portrait nor not: whoever asks is to know that there are such."""
    assert Question(only=only).misses_pixels(image(**fields), NOW) is misses


def test_a_summary_names_pixels_that_were_not_told() -> None:
    """Wide, high, square and the rest then add up."""
    assert Question(summary=True).names(image(title="Fog", description="Fog."), NOW) == {
        "pixels_not_told"
    }
