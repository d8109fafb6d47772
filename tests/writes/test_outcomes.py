"""How an item ended: which products went with it, and what is at stake."""

import pytest

from fw_mcp.api.models import ImageDetails, Product
from fw_mcp.writes.outcomes import Ended, Outcome, at_stake

GUID = "3f2b8c1e-0d4a-4e5f-8a6b-7c9d0e1f2a3b"


def product(number: int) -> Product:
    """One of several products."""
    return Product(sku=f"AP{number}", product_guid=f"{GUID[:-1]}{number}")


def test_the_products_that_went_are_those_that_were_not_read_back() -> None:
    """Told apart by guid, or by SKU on a host that gives no guid."""
    before = ImageDetails(guid=GUID, products=(product(1), product(2), Product(sku="AP3")))
    after = ImageDetails(guid=GUID, products=(product(2), Product(sku="AP4")))
    end = Ended(GUID, Outcome.UPDATED, before=before, after=after)
    assert [one.sku for one in end.products_gone] == ["AP1", "AP3"]


@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.UNKNOWN, Outcome.NOT_ATTEMPTED])
def test_of_an_image_that_was_not_read_back_no_product_is_said_to_be_gone(
    outcome: Outcome,
) -> None:
    """Nothing is claimed that was not seen."""
    before = ImageDetails(guid=GUID, products=(product(1),))
    assert Ended(GUID, outcome, before=before).products_gone == ()


def test_a_failed_update_still_tells_which_products_it_cost() -> None:
    """The text is the old one and the product is gone: both were read back."""
    before = ImageDetails(guid=GUID, products=(product(1),))
    after = ImageDetails(guid=GUID, products=())
    end = Ended(GUID, Outcome.FAILED, before=before, after=after)
    assert [one.sku for one in end.products_gone] == ["AP1"]


def test_products_without_any_name_can_be_compared() -> None:
    """Older hosts leave out most fields."""
    nameless = (Product(), Product(name="Canvas"), Product())
    assert at_stake(ImageDetails(guid=GUID, products=nameless)) is not None
