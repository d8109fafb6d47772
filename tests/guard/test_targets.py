"""A digest names exactly one state of exactly these targets."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fw_mcp.guard.question import FieldChange, HungProduct, Target, digest, targets_digest
from fw_mcp.guard.standing import standing

PRINT = HungProduct("AP1", "Matte print", ("Etsy",), asking_price=40.0, currency="USD")
IMAGE = Target(
    "1f", "Fog", "Over the bay", "FOG.jpg", (PRINT,), (FieldChange("title", "Fog", "Sun"),)
)
OTHER = Target("2e", "Sun", "", "SUN.jpg")

TEXTS = st.lists(st.text(max_size=4), max_size=3)
DIFFERENT = {
    "guid": replace(IMAGE, guid="3d"),
    "title": replace(IMAGE, title="fog"),
    "description": replace(IMAGE, description=""),
    "file name": replace(IMAGE, file_name="FOG.JPG"),
    "no products": replace(IMAGE, products=()),
    "one product more": replace(IMAGE, products=(PRINT, PRINT)),
    "another number": replace(IMAGE, products=(replace(PRINT, sku="AP2"),)),
    "another name": replace(IMAGE, products=(replace(PRINT, name="Canvas"),)),
    "no shop": replace(IMAGE, products=(replace(PRINT, shops=()),)),
    "one shop more": replace(IMAGE, products=(replace(PRINT, shops=("Etsy", "Wix")),)),
    "another kind": replace(IMAGE, products=(replace(PRINT, kind="Canvas"),)),
    "another size": replace(IMAGE, products=(replace(PRINT, size="8x12 in"),)),
    "another part of its name": replace(IMAGE, products=(replace(PRINT, called="Black"),)),
    "another price": replace(IMAGE, products=(replace(PRINT, asking_price=41.0),)),
    "no price": replace(IMAGE, products=(replace(PRINT, asking_price=None),)),
    "another currency": replace(IMAGE, products=(replace(PRINT, currency="EUR"),)),
    "no change": replace(IMAGE, changes=()),
    "another change": replace(IMAGE, changes=(FieldChange("title", "Fog", "Rain"),)),
    "texts swapped": replace(IMAGE, title="Over the bay", description="Fog"),
    "texts run together": replace(IMAGE, title="FogOver the bay", description=""),
}


@pytest.mark.parametrize("other", DIFFERENT.values(), ids=DIFFERENT)
def test_whatever_a_question_names_changes_the_digest(other: Target) -> None:
    """Else a yes would count for what it did not name."""
    assert targets_digest([IMAGE]) != targets_digest([other])
    assert standing([IMAGE]) != standing([other])


def test_the_order_of_the_targets_does_not_matter() -> None:
    """The service may list them in another one."""
    assert targets_digest([IMAGE, OTHER]) == targets_digest([OTHER, IMAGE])
    assert standing([IMAGE, OTHER]) == standing([OTHER, IMAGE])


@pytest.mark.parametrize("targets", [[], [IMAGE], [OTHER], [IMAGE, OTHER, OTHER]])
def test_more_or_fewer_targets_change_the_digest(targets: list[Target]) -> None:
    """Two were asked about."""
    assert targets_digest(targets) != targets_digest([IMAGE, OTHER])
    assert standing(targets) != standing([IMAGE, OTHER])


def test_the_order_of_names_does_not_matter_and_that_of_items_does() -> None:
    """JSON as JSON means it."""
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    assert digest([1, 2]) != digest([2, 1])


@pytest.mark.parametrize(
    ("one", "other"), [(1, "1"), (None, ""), ([], {}), (0, False), ([1], 1), ("1", '"1"')]
)
def test_values_of_different_kinds_differ(one: object, other: object) -> None:
    """The text 1 is not the number."""
    assert digest(one) != digest(other)


def test_half_a_character_has_a_digest_too() -> None:
    """It must not end the call."""
    assert digest("\ud83d") != digest("\ud83e")


@given(TEXTS, TEXTS)
def test_equal_digests_mean_equal_lists(one: list[str], other: list[str]) -> None:
    """No two texts run into each other."""
    assert (digest(one) == digest(other)) is (one == other)
