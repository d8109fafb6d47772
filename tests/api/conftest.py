"""Retries without their pauses."""

from collections.abc import Iterator

import pytest
import stamina


@pytest.fixture
def no_pauses() -> Iterator[None]:
    """As many attempts as ever, no waiting between them."""
    with stamina.set_testing(testing=True, attempts=3, cap=True):
        yield
