"""Retries without their pauses, and properties that a busy machine does not fail."""

from collections.abc import Iterator

import pytest
import stamina
from hypothesis import settings

settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


@pytest.fixture
def no_pauses() -> Iterator[None]:
    """As many attempts as ever, no waiting between them."""
    with stamina.set_testing(testing=True, attempts=3, cap=True):
        yield
