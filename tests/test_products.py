"""`make test` runs a sample of what parametrisations multiply, in which no value is missing."""

import pytest


@pytest.mark.parametrize("letter", ["a", "b"])
@pytest.mark.parametrize(("number", "squared"), [(1, 1), (2, 4), (3, 9)])
def test_a_product_of_two_parametrisations(number: int, squared: int, letter: str) -> None:
    """Six cases, of which three have each value."""
    assert (number**2, letter.islower()) == (squared, True)


def test_each_value_of_a_product_is_in_the_sample(request: pytest.FixtureRequest) -> None:
    """And what is left out runs in `make rest`."""
    product = test_a_product_of_two_parametrisations
    sample = {
        item.name.partition("[")[2]
        for item in request.session.items
        if getattr(item, "function", None) is product and not item.get_closest_marker("exhaustive")
    }
    assert sample == {"1-1-a]", "2-4-b]", "3-9-a]"}
