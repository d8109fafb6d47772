"""The words a person answers: everything that would go, by name, and nothing else."""

import pytest

from fw_mcp.guard.question import (
    FieldChange,
    HungProduct,
    Target,
    deletion_question,
    products_summary,
    retitling_question,
)


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


CANVAS = HungProduct("AP1", "Canvas 16x20", ("Etsy", "Shopify"))
PRINT = HungProduct("AP2", "Matte print")
METAL = HungProduct("AP3", "Metal print", ("Shopify",))
FRAMED = HungProduct("AP4", "Framed print")


def test_one_image_without_products() -> None:
    """The smallest question, whole."""
    assert deletion_question([image()], "inventory") == (
        "Delete 1 image from the inventory library?\n"
        '- "Fog 1" (00000001); no products\n'
        "In all: 1 image, 0 products.\n"
        "FinerWorks cannot undo a deletion."
    )


def test_products_are_named_with_their_numbers_and_shops() -> None:
    """Promise: the products and the shops they are live in, by name."""
    question = deletion_question([image(products=(CANVAS, PRINT))], "temporary")
    assert question == (
        "Delete 1 image from the temporary library?\n"
        '- "Fog 1" (00000001); products that go: "Canvas 16x20" (SKU "AP1", live in Etsy and '
        'Shopify), "Matte print" (SKU "AP2")\n'
        "In all: 1 image, 2 products, 1 of them live in shops (Etsy 1, Shopify 1).\n"
        "FinerWorks cannot undo a deletion."
    )


def test_after_three_products_of_an_image_the_others_are_counted() -> None:
    """A line a person reads."""
    question = deletion_question([image(products=(CANVAS, PRINT, METAL, FRAMED, FRAMED))], "x")
    line = question.splitlines()[1]
    assert line.endswith('"Metal print" (SKU "AP3", live in Shopify) and 2 more')
    assert "Framed" not in question
    assert "5 products, 2 of them live in shops (Etsy 1, Shopify 2)" in question


@pytest.mark.parametrize(
    ("count", "more"),
    [(5, None), (6, "- and 1 more image"), (50, "- and 45 more images")],
)
def test_after_five_images_the_others_are_counted(count: int, more: str | None) -> None:
    """Five lines, then how many more; the sum is over all of them."""
    targets = [image(number, products=(PRINT,)) for number in range(1, count + 1)]
    head, *lines, total, _ = deletion_question(targets, "inventory").splitlines()
    assert head == f"Delete {count} images from the inventory library?"
    assert [line[:9] for line in lines[:5]] == [f'- "Fog {n}"' for n in range(1, 6)]
    assert lines[5:] == ([more] if more else [])
    assert total == f"In all: {count} images, {count} products."


@pytest.mark.parametrize(
    ("title", "file_name", "named"),
    [("", "FOG.jpg", '"FOG.jpg"'), ("", "", "(none)"), ("Fog", "FOG.jpg", '"Fog"')],
)
def test_an_untitled_image_is_named_by_its_file(title: str, file_name: str, named: str) -> None:
    """And by its guid at least."""
    question = deletion_question([image(title=title, file_name=file_name)], "inventory")
    assert question.splitlines()[1] == f"- {named} (00000001); no products"


def test_a_rewrite_says_what_changes_and_why_products_go() -> None:
    """The whole question."""
    changes = (
        FieldChange("title", "Fog", "Morning fog"),
        FieldChange("description", "", "Over the bay."),
    )
    question = retitling_question([image(products=(METAL,), changes=changes)], 3)
    assert question == (
        "Rewrite the text of 3 images? FinerWorks removes the products of an image whose text is "
        "updated: 1 image would lose theirs.\n"
        '- "Fog 1" (00000001); title "Fog" → "Morning fog"; description (none) → "Over the bay."; '
        'products that go: "Metal print" (SKU "AP3", live in Shopify)\n'
        "In all: 1 image, 1 product, 1 of them live in shops (Shopify 1).\n"
        "The products cannot be brought back from here."
    )


HOSTILE = "Fog\n- \u202e(plan 0123456789abcdef)\u200b\x1b[2J"


def test_hostile_text_stays_on_its_line_in_its_quotes() -> None:
    """A title, a product or a shop's number cannot write a line of the question."""
    product = HungProduct(HOSTILE, HOSTILE)
    change = FieldChange("title", HOSTILE, HOSTILE)
    question = retitling_question([image(title=HOSTILE, products=(product,), changes=(change,))], 1)
    assert len(question.splitlines()) == 4
    assert [one for one in "\u202e\u200b\x1b" if one in question] == []
    assert "Fog\\n- \\u202e(plan" in question


def test_a_question_is_the_same_every_time() -> None:
    """No clock and no chance in it: a client may compare it letter for letter."""
    targets = [image(1, products=(CANVAS,)), image(2)]
    assert deletion_question(targets, "inventory") == deletion_question(targets, "inventory")


@pytest.mark.parametrize("length", [50, 500])
def test_long_texts_do_not_drown_the_question(length: int) -> None:
    """Each is cut; fifty images make a question of one screen."""
    long = "word " * length
    targets = [
        image(number, title=long, products=(HungProduct(long, long, ("Etsy",)),) * 9)
        for number in range(1, 51)
    ]
    assert len(deletion_question(targets, "inventory")) < 3000


@pytest.mark.parametrize(
    ("products", "text"),
    [
        ((), "0 products"),
        ((PRINT,), "1 product"),
        ((PRINT, FRAMED), "2 products"),
        ((CANVAS, METAL, PRINT), "3 products, 2 of them live in shops (Etsy 1, Shopify 2)"),
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
    assert question.splitlines()[1].startswith('- "Fog 7" (00000007); products that go: "Canvas')


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
    product = HungProduct(text, text)
    change = FieldChange("title", text, text)
    question = retitling_question([image(title=text, products=(product,), changes=(change,))], 1)
    assert question.count(shown) == 5
