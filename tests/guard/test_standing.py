"""A question that is asked again says what is not as it was."""

from dataclasses import replace

import pytest

from fw_mcp.guard.question import HungProduct, Target, targets_digest
from fw_mcp.guard.standing import changes_since, guids_in, standing

PRINT = HungProduct("AP1", "Matte print", ("Etsy",), asking_price=40.0, currency="USD")
CANVAS = HungProduct("AP2", "Canvas", kind="Canvas", size="16x20 in")
FOG = Target("1f", "Fog", "Over the bay", "FOG.jpg", (PRINT,))
SUN = Target("2e", "Sun", "", "SUN.jpg")


def fog(*products: HungProduct, **fields: str) -> list[Target]:
    """Both images, of which one is another now."""
    return [replace(FOG, products=products or FOG.products, **fields), SUN]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("now", "told"),
    [
        (fog(title="Morning"), '"Fog" is now "Morning"'),
        (fog(description="Grey"), 'the text of "Fog" is different'),
        (fog(file_name="fog.jpg"), 'the text of "Fog" is different'),
        (fog(PRINT, CANVAS), '"Fog" now has "Canvas 16 × 20 in" too'),  # noqa: RUF001
        (fog(PRINT, PRINT), '"Fog" now has "Matte print" too'),
        (
            fog(CANVAS),
            '"Fog" now has "Canvas 16 × 20 in" too; "Fog" no longer has "Matte print"',  # noqa: RUF001
        ),
        (fog(replace(PRINT, shops=())), '"Fog" has "Matte print" now in no shop'),
        (
            fog(replace(PRINT, shops=("Etsy", "Wix"))),
            '"Fog" has "Matte print" now live in Etsy and Wix',
        ),
        (
            fog(replace(PRINT, asking_price=41.0)),
            '"Fog" has "Matte print" now at asking price 41.00 USD',
        ),
        (
            fog(replace(PRINT, asking_price=None)),
            '"Fog" has "Matte print" now at no price',
        ),
        (fog(replace(PRINT, kind="Matte")), '"Fog" has "Matte" in place of "Matte print"'),
        (
            fog(replace(PRINT, currency="EUR", asking_price=None)),
            '"Fog" has "Matte print" now at no price',
        ),
        (fog(replace(PRINT, kind="Matte print", name="M")), '"Fog" is not quite as it was'),
        ([SUN], '"Fog" is no longer affected'),
        ([*fog(), Target("3d", "Rain", "", "")], '"Rain" is now affected too'),
    ],
)
def test_what_changed_is_named(now: list[Target], told: str) -> None:
    """Which image; its text, a product, a price or a shop."""
    stood = standing([FOG, SUN])
    assert changes_since(stood, now) == f"Changed since the last question: {told}."
    assert changes_since(stood, now[::-1]) == f"Changed since the last question: {told}."


def test_the_most_is_told_that_a_line_holds() -> None:
    """And the rest is counted."""
    before = [Target(f"{n:02}", f"Fog {n} {'w' * 100}", "", "") for n in range(50)]
    told = changes_since(standing(before), [replace(one, description="x") for one in before])
    assert told.endswith("; and 45 more changes.")
    assert len(told) < 500


@pytest.mark.parametrize("stood", [targets_digest([FOG]), "", "t", "1" * 64, "{}", "[]"])
def test_a_plan_of_a_former_version_tells_nothing(stood: str) -> None:
    """It kept one digest: the question is asked again, without the line, and no image is known."""
    assert stood != standing([FOG])
    assert (changes_since(stood, [FOG]), guids_in(stood)) == ("", set())


def test_nothing_changed_is_nothing_to_tell() -> None:
    """The same images in whatever order."""
    assert changes_since(standing([FOG, SUN]), [SUN, FOG]) == ""
    assert guids_in(standing([FOG, SUN])) == {"1f", "2e"}
