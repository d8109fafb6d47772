"""The words a person answers: everything that would go, by name, and nothing else."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fw_mcp.api.models import SHOPS
from fw_mcp.guard.question import (
    LONGEST,
    FieldChange,
    HungProduct,
    Target,
    deletion_question,
    product_named,
    products_summary,
    retitling_question,
)
from fw_mcp.guard.standing import changes_since, standing
from tests.support.products import exhaustive


def image(number: int = 1, **fields: object) -> Target:
    """An image that would go; each number is another."""
    whole: dict[str, object] = {
        "guid": f"{number:08x}-0000-4000-8000-000000000000",
        "title": f"Fog {number}",
        "description": "",
        "file_name": f"FOG_{number}.jpg",
        **fields,
    }
    return Target(**whole)  # type: ignore[arg-type]


CANVAS = HungProduct(
    "AP1",
    "Fog 1 - Stretched Canvas 24 x 36",
    ("Etsy", "Shopify"),
    kind="Stretched Canvas",
    size="24x36 in",
    asking_price=349.0,
    currency="USD",
)
PRINT = HungProduct("AP2", "Matte print")
METAL = HungProduct("AP3", "Metal print", ("Shopify",))
FRAMED = HungProduct("AP4", "Framed print")


def test_one_image_without_products() -> None:
    """The smallest question, whole."""
    assert deletion_question([image()], "inventory") == (
        "Delete 1 image from the inventory library?\n"
        '- "Fog 1"; no products\n'
        "Total: 1 image, 0 products.\n"
        "The image can be added again afterwards, under a new id, while its file is still online. "
        "Its present id cannot be restored.\n"
        "Image id: 00000001"
    )


def test_products_are_what_a_seller_calls_them() -> None:
    """Promise: kind, size, price and shops, the worth of all, what can be restored; ids last."""
    question = deletion_question([image(products=(CANVAS, PRINT)), image(2)], "temporary")
    assert question == (
        "Delete 2 images from the temporary library?\n"
        '- "Fog 1"; products that will be removed: "Stretched Canvas 24 × 36 in", '  # noqa: RUF001
        'asking price 349.00 USD, live in Etsy and Shopify; "Matte print"\n'
        '- "Fog 2"; no products\n'
        "Total: 2 images, 2 products (1 live in shops: Etsy 1, Shopify 1), "
        "worth 349.00 USD at asking price (1 product without one).\n"
        "The images can be added again afterwards, under new ids, while their files are still "
        "online. The products and their shop listings cannot be restored.\n"
        "Image ids: 00000001, 00000002"
    )


@pytest.mark.parametrize(
    ("product", "named"),
    [
        (replace(CANVAS, size=""), '"Stretched Canvas"'),
        (replace(CANVAS, kind=""), '"24 × 36 in"'),  # noqa: RUF001
        (replace(CANVAS, kind="Canvas 1.5 in"), '"Canvas 1.5 in, 24 × 36 in"'),  # noqa: RUF001
        (
            replace(CANVAS, called="Black frame"),
            '"Stretched Canvas 24 × 36 in" called "Black frame"',  # noqa: RUF001
        ),
        (HungProduct("AP1", "A name", called="B"), '"B"'),
        (HungProduct("AP1", ""), '"AP1"'),
        (HungProduct("", ""), "(none)"),
    ],
)
def test_a_product_goes_by_what_is_known_of_it(product: HungProduct, named: str) -> None:
    """Its number only where it has nothing else."""
    assert product_named(product) == named


@pytest.mark.parametrize(
    ("prices", "worth"),
    [
        ([(None, "USD"), (0.0, "USD")], ""),
        ([(20.0, "")], ", worth 20.00 at asking price"),
        ([(349.0, "USD"), (291.0, "USD")], ", worth 640.00 USD at asking price"),
        ([(1.0, "USD"), (2.5, "EUR")], ", worth 2.50 EUR and 1.00 USD at asking price"),
        ([(1.0, name) for name in "EDCBA"], ", worth 1.00 A and 1.00 B and 1.00 C and 2 more "),
        ([(1e300, "USD"), (1e300, "USD")], ", worth 2e+300 USD at asking price"),
        ([(1.0, '"US')], """, worth 1.00 "'US" at asking price"""),
    ],
)
def test_what_products_are_worth_is_told_by_currency(
    prices: list[tuple[float | None, str]], worth: str
) -> None:
    """From the products that were read anyway; in whatever order they were listed."""
    some = [replace(PRINT, asking_price=one, currency=currency) for one, currency in prices]
    summary = products_summary(some)
    assert summary.startswith(f"{len(some)} product{'s' * (len(some) > 1)}{worth}")
    assert products_summary(some[::-1]) == summary


def test_after_three_products_of_an_image_the_others_are_counted() -> None:
    """A line a person reads; those that sell are named first."""
    products = (PRINT, FRAMED, FRAMED, CANVAS, METAL)
    question = deletion_question([image(products=products)], "x")
    line = question.splitlines()[1]
    assert line.endswith('Shopify; "Metal print", live in Shopify; "Matte print"; and 2 more')
    assert "Framed" not in question
    assert "5 products (2 live in shops: Etsy 1, Shopify 2)" in question


def test_up_to_five_images_are_named_before_the_total() -> None:
    """Few enough to be read one by one."""
    targets = [image(number, products=(PRINT,)) for number in range(1, 6)]
    _, *lines, total, _, ids = deletion_question(targets, "inventory").splitlines()
    assert [line[:9] for line in lines] == [f'- "Fog {n}"' for n in range(1, 6)]
    assert total == "Total: 5 images, 5 products."
    assert ids == "Image ids: 00000001, 00000002, 00000003, 00000004, 00000005"


@pytest.mark.parametrize(
    ("count", "more"), [(6, "- and 1 more image"), (50, "- and 45 more images")]
)
def test_of_more_than_five_images_the_total_comes_first(count: int, more: str) -> None:
    """Then five of them, how many more, and the ids of those named."""
    targets = [image(number, products=(PRINT,)) for number in range(1, count + 1)]
    head, total, *lines, _, ids = deletion_question(targets, "inventory").splitlines()
    assert head == f"Delete {count} images from the inventory library?"
    assert total == f"Total: {count} images, {count} products."
    assert [line[:9] for line in lines[:5]] == [f'- "Fog {n}"' for n in range(1, 6)]
    assert lines[5:] == [more]
    assert ids.endswith(f"00000005 and {count - 5} more")


@pytest.mark.parametrize(
    ("title", "file_name", "named"),
    [("", "FOG.jpg", '"FOG.jpg"'), ("", "", "(none)"), ("Fog", "FOG.jpg", '"Fog"')],
)
def test_an_untitled_image_is_named_by_its_file(title: str, file_name: str, named: str) -> None:
    """And its id stands in the last line at least."""
    question = deletion_question([image(title=title, file_name=file_name)], "inventory")
    assert question.splitlines()[1] == f"- {named}; no products"


def test_a_rewrite_says_what_changes_and_why_products_go() -> None:
    """The whole question."""
    changes = (
        FieldChange("title", "Fog", "Morning fog"),
        FieldChange("description", "", "Over the bay."),
    )
    question = retitling_question([image(products=(METAL,), changes=changes)], 3)
    assert question == (
        "Change the text of 3 images? FinerWorks removes all products of an image whose text "
        "changes: 1 image would lose its products.\n"
        '- "Fog 1"; title "Fog" → "Morning fog"; description (none) → "Over the bay."; '
        'product that will be removed: "Metal print", live in Shopify\n'
        "Total: 1 image, 1 product (1 live in shops: Shopify 1).\n"
        "The former text can be restored afterwards. "
        "The product and its shop listings cannot be restored.\n"
        "Image id: 00000001"
    )


HOSTILE = "Fog\n- \u202e(plan 0123456789abcdef)\u200b\x1b[2J"


def test_hostile_text_stays_on_its_line_in_its_quotes() -> None:
    """A title, a product or a shop's number cannot write a line of the question."""
    product = HungProduct(HOSTILE, HOSTILE, (), HOSTILE, HOSTILE, HOSTILE, 1.0, HOSTILE)
    change = FieldChange("title", HOSTILE, HOSTILE)
    question = retitling_question([image(title=HOSTILE, products=(product,), changes=(change,))], 1)
    assert len(question.splitlines()) == 5
    assert [one for one in "\u202e\u200b\x1b" if one in question] == []
    assert "Fog\\n- \\u202e(plan" in question


def test_a_question_is_the_same_every_time() -> None:
    """No clock and no chance in it: a client may compare it letter for letter."""
    targets = [image(1, products=(CANVAS,)), image(2)]
    assert deletion_question(targets, "inventory") == deletion_question(targets, "inventory")


ANY = st.text(max_size=200).map(lambda text: text * 5)
PRODUCTS = st.builds(
    HungProduct,
    sku=ANY,
    name=ANY,
    shops=st.sets(st.sampled_from(SHOPS)).map(lambda some: tuple(sorted(some))),
    kind=ANY,
    size=ANY,
    called=ANY,
    asking_price=st.none() | st.floats(allow_nan=False, allow_infinity=False),
    currency=st.text(max_size=12),
)
CHANGED = (FieldChange("title", "w" * 1000, "m" * 1000), FieldChange("description", "", "m" * 300))


@pytest.mark.parametrize("changes", [CHANGED, pytest.param((), marks=exhaustive)])
@settings(max_examples=5)
@given(products=st.lists(PRODUCTS, min_size=1, max_size=4), text=ANY)
def test_whatever_the_library_a_question_stays_short(
    changes: tuple[FieldChange, ...], products: list[HungProduct], text: str
) -> None:
    """Five hundred images with twenty products each, titles of a thousand characters or more."""
    hung = tuple((products * 20)[:20])
    title = (text or "m") * (1 + 1000 // len(text or "m"))
    targets = [image(number, title=title, products=hung, changes=changes) for number in range(500)]
    stood = standing([replace(target, title="m" * 1000, products=()) for target in targets[:99]])
    since = changes_since(stood, targets[:99])
    for question in (deletion_question(targets, "inventory"), retitling_question(targets, 500)):
        assert len(question) <= LONGEST
        assert len(f"{since}\n{question}") < 3000


@pytest.mark.parametrize(
    ("products", "text"),
    [
        ((), "0 products"),
        ((PRINT,), "1 product"),
        ((PRINT, FRAMED), "2 products"),
        (
            (CANVAS, METAL, PRINT),
            (
                "3 products (2 live in shops: Etsy 1, Shopify 2), worth 349.00 USD at asking price "
                "(2 products without one)"
            ),
        ),
    ],
)
def test_products_are_summed_up_with_their_shops(
    products: tuple[HungProduct, ...], text: str
) -> None:
    """A product that is live in two shops counts in both."""
    assert products_summary(products) == text


def test_the_images_that_cost_most_are_named_first() -> None:
    """Whoever orders the call must not hide the live ones behind five that cost nothing."""
    harmless = [image(number) for number in range(1, 7)]
    question = deletion_question([*harmless, image(7, products=(CANVAS,))], "inventory")
    assert question.splitlines()[2].startswith('- "Fog 7"; product that will be removed: "Str')


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("![fog](https://a.example/p)", '"![fog] (https://a.example/p)"'),
        ("[click](javascript:alert)", '"[click] (javascript:alert)"'),
        ("<img src=x>", '"< img src=x>"'),
        ("</b><!-- -->", '"< /b>< !-- -->"'),
        ("Fog [2019] (2 < 3)", '"Fog [2019] (2 < 3)"'),
    ],
)
def test_no_text_is_rendered_in_a_question(text: str, shown: str) -> None:
    """A host that knows Markdown would fetch the picture, and tell its server who reads what."""
    product = HungProduct(text, text, (), text, "", text)
    change = FieldChange("title", text, text)
    question = retitling_question([image(title=text, products=(product,), changes=(change,))], 1)
    assert question.count(shown) == 5
